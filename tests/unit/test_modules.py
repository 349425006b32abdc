# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every module takes what its documentation says, and nothing else."""

from __future__ import annotations

import importlib

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit import options as audit_options

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
    actions = importlib.import_module(f"{PLUGINS}.action.on_device")
    assert set(MODULES) - actions.ON_DEVICES == {"group_vpn", "membership_report"}
    assert set(MODULES) >= actions.ON_DEVICES


def test_module_defaults_reach_every_module_that_goes_to_a_device():
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    actions = importlib.import_module(f"{PLUGINS}.action.on_device")
    assert set(groups["groupvpn"]) == {"group_vpn", *actions.ON_DEVICES}


NO_NUMBERS = [
    *(True, False, "yes", "true", "", " ", "1_000", "0x10", "1e3", "1e999", ".5", "-", "+-1"),
    *("NaN", "nan", ".inf", "inf", "Infinity", float("nan"), float("inf"), -float("inf")),
    *("9" * 19, "9" * 5000, 10**18, 10**5000, "\u0663", "\u00b2", "5\x00", [5], {"a": 5}),
]
NO_WHOLE_NUMBERS = [1.0, 0.5, 1000.0, "1.0", "5."]
NUMBERS = [0, 7, "7", "08", " 5", "5\n", "+5", -1, "-1", 10**18 - 1, None]


def numeric(spec, path=()):
    """(path, type) of every option that is a number."""
    for name, option in spec.items():
        if option.get("type") in ("int", "float"):
            yield (*path, name), option["type"]
        yield from numeric(option.get("options", {}), (*path, name))


def _given(spec, path, value):
    name, *rest = path
    inside = _given(spec[name].get("options", {}), rest, value) if rest else value
    return {name: [inside] if spec[name]["type"] == "list" else inside}


@pytest.mark.parametrize("module", MODULES)
def test_what_is_no_number_is_refused_by_every_option_that_takes_one(module):
    action = importlib.import_module(f"{PLUGINS}.action.{module}").ActionModule
    spec = action.options.get("argument_spec", {})
    for path, kind in numeric(spec):
        wrong = NO_NUMBERS + (NO_WHOLE_NUMBERS if kind == "int" else [])
        for value in wrong:
            _options, objections = action.check(_given(spec, path, value))
            assert len(objections) == 1, (path, value)
            assert objections[0].startswith(f"{'.'.join(path)}: "), objections
            assert objections[0].endswith("number is expected"), objections
            assert len(objections[0]) < 160
        for value in NUMBERS + ([] if kind == "int" else NO_WHOLE_NUMBERS):
            _options, objections = action.check(_given(spec, path, value))
            assert not any("number is expected" in line for line in objections), (path, value)


def test_a_span_of_an_audit_ends_after_it_began_or_at_once():
    spans = ("stale_after", "settle_seconds", "configured_ago")
    assert audit_options.objections(dict.fromkeys(spans, 0)) == []
    assert audit_options.objections(dict.fromkeys(spans)) == []
    assert audit_options.objections(dict.fromkeys(spans, -1)) == [
        f"{name} -1: seconds from 0 up are expected; correct {name!r}" for name in spans
    ]
