# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What docs/howto/own-devices.md has somebody write down is an inventory that the role takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.descriptions import contradictions

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "own-devices.md"
STEPS = dict(re.findall(r"<!-- step: (\w+) -->\n```sh\n(.*?)```", PAGE.read_text("utf-8"), re.S))


@pytest.fixture
def inventory(tmp_path) -> Path:
    subprocess.run(["bash", "-euc", STEPS["inventory"]], cwd=tmp_path, check=True)
    return tmp_path / "inventory"


def described(inventory):
    """The groups, and each host's variables as the role hands them on."""
    every = yaml.safe_load((inventory / "group_vars/all/description.yml").read_text())
    tree = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]
    branches = tree["children"]["branches"]["hosts"]
    shared = {
        "external_interface": every["group_vpn_external_interface"],
        "policies": every["group_vpn_policies"],
    }
    hosts = {
        name: {
            "address": own["group_vpn_address"],
            "pre_shared_key": f"made-up-key-of-{name}",
            "inventory_groups": ["branches"] if name in branches else [],
            **(shared if name in branches else {}),
        }
        for name, own in (tree["hosts"] | branches).items()
    }
    return every["group_vpn_groups"], hosts


@pytest.mark.parametrize("servers", [["hub-1"], ["hub-1", "hub-2"]])
def test_nothing_speaks_against_the_pages_description(inventory, servers):
    groups, hosts = described(inventory)
    groups[0]["servers"] = servers
    assert contradictions(groups, hosts) == []


def test_the_vault_of_the_page_has_a_key_for_each_device(inventory):
    written, _, _ = STEPS["vault"].partition("} | ansible-vault")
    made = subprocess.run(
        ["bash", "-euc", written + "}"], capture_output=True, text=True, check=True
    )
    keys = yaml.safe_load(made.stdout)["vault_group_vpn_keys"]
    assert sorted(keys) == sorted(described(inventory)[1])
    assert len(set(keys.values())) == len(keys)
    assert all(len(key) == 48 for key in keys.values())
