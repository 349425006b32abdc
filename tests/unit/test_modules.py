# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every module takes what its documentation says, and nothing else."""

from __future__ import annotations

import importlib

import pytest
import yaml

from dev.documented import documented
from dev.module_pages import MODULES
from tests.lab import ROOT

PLUGINS = "ansible_collections.groupvpn.junos.plugins"


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


def test_a_login_is_shared_by_the_tasks_of_all_modules_but_those_that_work_with_readings():
    actions = importlib.import_module(f"{PLUGINS}.action")
    assert set(MODULES) - actions.ON_DEVICES == {"group_vpn", "membership_report"}
    assert set(MODULES) >= actions.ON_DEVICES


def test_module_defaults_reach_every_module_that_goes_to_a_device():
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    actions = importlib.import_module(f"{PLUGINS}.action")
    assert set(groups["groupvpn"]) == {"group_vpn", *actions.ON_DEVICES}
