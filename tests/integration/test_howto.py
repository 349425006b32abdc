# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The how-to pages' own playbooks, run as they stand on one emulated key server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from keyserver.config.junos_schema import Generation
from tests.keyserver.world import tree_of
from tests.lab import (
    ANSIBLE_PLAYBOOK,
    PSK,
    ROOT,
    LabDirectory,
    ansible_environment,
    hub_config,
    play,
)
from tests.processes import Process, ended

HOWTO = ROOT / "docs" / "howto"


def block(page: str, name: str) -> str:
    """A marked block of a page; the mark is ``<!-- tested: NAME -->``."""
    text = (HOWTO / f"{page}.md").read_text("utf-8")
    found = re.findall(rf"<!-- tested: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert len(found) == 1, f"{page}.md has {len(found)} blocks {name}"
    return found[0]


def run(place: LabDirectory, *books: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """These playbooks of the pages, one after the other: task to host to result."""
    for page, name in books:
        (place.path / f"{name}.yml").write_text(block(page, name))
    (place.path / "all.yml").write_text(
        yaml.safe_dump([{"import_playbook": f"{name}.yml"} for _, name in books])
    )
    (place.path / "groups.yml").write_text("key_servers: {hosts: {hub-1: {}}}\n")
    inventories = ("-i", "inventory.yml", "-i", "groups.yml")
    key = ("-e", "vault_home_key=made-up-key-of-home")
    done = ended(
        [ANSIBLE_PLAYBOOK, "all.yml", *inventories, *key],
        cwd=place.path,
        env=ansible_environment(),
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    document, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.find("{\n") :])
    return {t["task"]["name"]: t["hosts"] for one in document["plays"] for t in one["tasks"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[LabDirectory]:
    """A running key server, whose group has the two members that the pages expect."""
    lab = LabDirectory(tmp_path_factory.mktemp("howto"))
    gateways = {"GM-0001": "192.0.2.11", "GM-0002": "192.0.2.12"}
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", gateways, ("GRP-0001",)))
    server = lab.serve()
    yield lab
    server.stop()


def test_what_was_gathered_as_the_page_says_configures_nothing_new(place):
    run(place, ("migrate-from-junos-config", "gather"))
    written = (place.path / "host_vars" / "hub-1" / "group_vpn.yml").read_text()
    assert PSK not in written
    assert "$9$" not in written
    results = run(place, ("migrate-from-junos-config", "configure"))
    assert results["Everything below security group-vpn server"]["hub-1"]["changed"] is False


def test_first_expectations_and_a_history_are_made_as_the_audits_page_shows(place):
    run(place, ("../audit", "first expectations"))
    report = place.path / "membership-audit"
    (found,) = yaml.safe_load((report / "expectations.yml").read_text())
    assert [member["gateway"] for member in found["members"]] == ["GM-0001", "GM-0002"]
    run(place, ("../audit", "history"))
    first = json.loads((report / "audit.json").read_text())
    assert first["history"]["made_at"] == [first["made_at"]]
    # Two audits of the same second are one: on a fast machine these are.
    older = {**first, "made_at": "2025-01-01T00:00:00Z", "history": None}
    (report / "audit.json").write_text(json.dumps(older))
    run(place, ("../audit", "history"))
    second = json.loads((report / "audit.json").read_text())
    assert second["history"]["made_at"] == [older["made_at"], second["made_at"]]
    shown = yaml.safe_load(block("../audit", "expected"))
    asked = play(place, [{"groupvpn.junos.membership_audit": shown}]).tasks[0]["hub-1"]
    kinds = [found["kind"] for found in asked["findings"]]
    assert (kinds.count("missing"), kinds.count("below_minimum")) == (3, 1)


def test_expectations_by_host_and_by_team_are_those_of_the_page(place):
    variables = place.path / "host_vars" / "hub-1" / "members.yml"
    variables.parent.mkdir(parents=True, exist_ok=True)
    variables.write_text(block("split-expectations", "host"))
    teams = place.path / "members"
    teams.mkdir()
    header, first, second = block("split-expectations", "team").splitlines()
    (teams / "retail.csv").write_text(f"{header}\n{first}\n")
    (teams / "wholesale.csv").write_text(f"{header}\n{second}\n")
    missing = {}
    for name in ("by host", "by team"):
        run(place, ("split-expectations", name))
        report = json.loads((place.path / "report" / "audit.json").read_text())
        missing[name] = report["summary"]["by_kind"]["missing"]
    assert missing == {"by host": 1, "by team": 2}


def test_a_member_without_a_fixed_address_registers_and_is_expected_as_the_page_says(place):
    results = run(place, ("unicast-or-multicast", "unicast"), ("dynamic-peers", "gateway"))
    assert results["Groups whose list was cleared"]["hub-1"]["rekeys.membership_reset"] == [
        "GRP-0001"
    ]
    # The key server's own reading of a member's statements refuses what is none.
    assert tree_of(Generation.V2, block("dynamic-peers", "member"))
    place.members = yaml.safe_load(block("dynamic-peers", "lab member"))["members"]
    place.write()
    member = Process("members", place.file)
    try:
        member.wait_for("all 1 member registered")
        expected = yaml.safe_load(block("dynamic-peers", "expected"))["expected"]
        result = play(place, [{"groupvpn.junos.membership_audit": {"expected": expected}}])
    finally:
        member.stop()
    audit = result.tasks[0]["hub-1"]
    assert audit["compliant"] is True
    (found,) = audit["groups"][0]["members"]
    assert (found["gateway"], found["address"]) == ("GM-HOME", "127.0.1.9")
