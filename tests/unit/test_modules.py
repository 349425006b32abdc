# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every module takes what its documentation says, and nothing else."""

from __future__ import annotations

import importlib

import pytest

from dev.documented import documented
from tests.lab import ROOT

PLUGINS = "ansible_collections.groupvpn.junos.plugins"
MODULES = sorted(
    path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("module", MODULES)
def test_arguments_and_documentation_agree(module):
    action = importlib.import_module(f"{PLUGINS}.action.{module}").ActionModule
    _compare(action.options.get("argument_spec", {}), documented(module)["options"])


def _compare(spec, documented):
    assert set(spec) == set(documented)
    for name, option in spec.items():
        said = documented[name]
        for key in ("type", "elements", "default", "required"):
            assert option.get(key) == said.get(key), (name, key)
        assert sorted(option.get("choices", [])) == sorted(said.get("choices", [])), name
        if "options" in option:
            _compare(option["options"], said["suboptions"])


def test_the_tasks_of_every_resource_share_a_plays_login():
    actions = importlib.import_module(f"{PLUGINS}.action")
    kind = importlib.import_module(f"{PLUGINS}.action.resource").ResourceAction
    resources = {
        module
        for module in MODULES
        if issubclass(importlib.import_module(f"{PLUGINS}.action.{module}").ActionModule, kind)
    }
    assert {"server", "member"} <= resources
    assert resources <= actions.ON_DEVICES
