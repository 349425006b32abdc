# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What docs/changes.md says of keys and list after a change is what the key server does."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.keyserver.test_rekey import OTHER, V1_BLOCK, V2_BLOCK
from tests.keyserver.world import GM, V1_SMC, World, commit
from tests.lab import ROOT

SERVER = "set security group-vpn server "
SA_2 = SERVER + "group G1 ipsec-sa sa-2 "
BOTH = [GM, OTHER]


@dataclass(frozen=True)
class Row:
    """A row of the page by its first words, the commit, and what comes of the first member.

    ``without`` and ``instead`` make another configuration of the one with which it registered;
    ``keys`` is what it holds: "go on" its own, "overlap" a new one beside it, "deleted" none.
    """

    change: str
    keys: str
    listed: list[str]
    add: str = ""
    without: str = "nothing of it"
    instead: tuple[str, str] = ("", "")
    generation: str = "v2"
    begin: str = V2_BLOCK


ROWS = [
    Row("`server-member-communication`, first time", "go on", [], add=V2_BLOCK, begin=""),
    Row("KEK algorithm", "go on", BOTH, add=V1_SMC + "encryption-algorithm aes-128-cbc"),
    Row(
        "`communication-type`",
        *("go on", BOTH, V1_SMC + "communication-type multicast multicast-group 233.252.0.1"),
        generation="v1",
        begin=V1_BLOCK + " multicast-outgoing-interface ge-0/0/1.0",
    ),
    Row("`number-of-retransmission`", "go on", BOTH, add=V1_SMC + "number-of-retransmission 3"),
    Row("remove `server-member", "go on", BOTH, without="server-member-communication"),
    Row(
        "an IPsec proposal",
        *("overlap", BOTH, SERVER + "ipsec proposal esp encryption-algorithm aes-128-cbc"),
    ),
    Row(
        "match policies",
        *("overlap", BOTH),
        SERVER + "group G1 ipsec-sa sa-1 match-policy any destination 192.0.2.0/24",
    ),
    Row(
        "add an `ipsec-sa`",
        *("overlap", BOTH),
        f"{SA_2}proposal esp\n{SA_2}match-policy any source 192.0.2.0/24\n"
        f"{SA_2}match-policy any destination 192.0.2.0/24",
    ),
    Row("remove an `ike-gateway`", "overlap", [GM], without="group G1 ike-gateway gm-2"),
    Row("pre-shared key", "go on", BOTH, instead=("made-up-key-1", "made-up-key-2")),
    Row(
        "a gateway's address",
        "go on",
        BOTH,
        instead=("gm-1 address 192.0.2.11", "gm-1 address 192.0.2.99"),
    ),
    Row("`group-id`", "deleted", [], instead=("G1 group-id 1", "G1 group-id 77")),
    Row("remove the group", "deleted", [], without="group G1 "),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.change for row in ROWS])
def test_a_change_does_to_keys_and_list_what_the_page_says(row, signing_key):
    world = World(signing_key, row.generation, extra=(row.begin,), members=2)
    member, _ = world.joined(2)
    world.pass_time(100)
    old = member.held().sends_with
    kept = "\n".join(line for line in world.text.splitlines() if row.without not in line)
    commit(world.device, f"{kept.replace(*row.instead)}\n{row.add}\n", world.now)
    world.flush()
    world.pass_time(5)
    held = member.held()
    expected = {"go on": (old, 1), "overlap": (old, 2), "deleted": (None, 0)}[row.keys]
    assert (held.sends_with, len(held.receives_with)) == expected
    groups = {view.name for view in world.groups.views(world.now)}
    assert (world.listed()[0] if "G1" in groups else []) == row.listed


def test_every_row_is_one_of_the_page():
    lines = (ROOT / "docs" / "changes.md").read_text("utf-8").splitlines()
    rows = [line.removeprefix("| ") for line in lines if line.startswith("| ")][1:]
    for row in ROWS:
        assert sum(line.startswith(row.change) for line in rows) == 1, row.change
    # A gateway more is a matter of who registers, a restart has tests of its own.
    tried = [line for line in rows if any(line.startswith(row.change) for row in ROWS)]
    assert len(rows) - len(tried) == 2


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_an_ipsec_sa_without_match_policies_takes_no_keys_from_the_others(signing_key, generation):
    """A key without traffic that it is for made members refuse all that came with it."""
    block = V1_BLOCK if generation == "v1" else V2_BLOCK
    world = World(signing_key, generation, extra=(block,), members=2)
    (member,) = world.joined(1)
    before = member.held()
    for lines in (f"{SA_2}match-policy p source 10.0.0.0/8", ""):
        world.commit(f"{SA_2}proposal esp", lines)
        world.pass_time(3)
    assert member.held() == before
    assert "refused" not in {event.event for event in member.events}
    assert [one.held() for one in world.joined(2)] == [before, before]
