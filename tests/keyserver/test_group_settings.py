# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a configuration says of groups, and what is read again after a commit."""

from __future__ import annotations

import pytest

from keyserver.config.junos_schema import Generation
from keyserver.groups.gateways import proposals_of
from keyserver.groups.settings import GroupReader, MatchPolicy
from tests.keyserver.world import tree_of
from tests.lab import hub_config

SERVER = "set security group-vpn server"
SITES = {"gm-1": "192.0.2.11", "gm-2": "192.0.2.12"}


def tree(*lines, generation="v2"):
    text = hub_config("hub", generation, SITES, ("G1", "G2"), extra=lines)
    return tree_of(Generation(generation), text)


def read(*lines, generation="v2"):
    return GroupReader(v1=generation == "v1").read(tree(*lines, generation=generation))


def test_a_group_is_read_with_what_it_does_not_say():
    group = read()["G1"]
    assert (group.name, group.group_id, group.gateways) == ("G1", 1, frozenset(SITES))
    assert (group.activation_time_delay, group.anti_replay_time_window) == (15, None)
    assert (group.member_threshold, group.server_address, group.kek) == (None, None, None)
    (tek,) = group.teks
    assert (tek.name, tek.lifetime) == ("sa-1", 3600)
    policy = MatchPolicy("any", "198.51.100.0/24", "203.0.113.0/24", 0, 0, 0)
    assert tek.selectors == (policy,)


def test_a_group_is_read_with_all_that_it_says():
    path = f"{SERVER} group G1"
    group = read(
        f"{path} member-threshold 5",
        f"{path} activation-time-delay 20",
        f"{path} anti-replay-time-window 100",
        f"{path} ipsec-sa sa-1 match-policy some source-port 1",
        f"{path} ipsec-sa sa-1 match-policy some destination-port 2",
        f"{path} ipsec-sa sa-1 match-policy some protocol 6",
        f"{SERVER} ipsec proposal esp lifetime-seconds 7200",
    )["G1"]
    assert (group.member_threshold, group.activation_time_delay) == (5, 20)
    assert group.anti_replay_time_window == "100"
    (tek,) = group.teks
    assert tek.lifetime == 7200
    assert tek.selectors[1] == MatchPolicy("some", "0.0.0.0/0", "0.0.0.0/0", 1, 2, 6)


def test_a_group_without_a_number_serves_nobody():
    assert list(read(f"{SERVER} group G3 ike-gateway gm-1")) == ["G1", "G2"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_what_is_shared_with_the_configuration_before_is_not_read_again(generation):
    reader = GroupReader(v1=generation == "v1")
    whole = tree(generation=generation)
    first = reader.read(whole)
    again = reader.read({**whole})
    assert [again[name] is first[name] for name in first] == [True, True]
    server = whole["security"]["group-vpn"]["server"]
    changed = {**server["group"], "G1": {**server["group"]["G1"], "group-id": "7"}}
    new = {"security": {"group-vpn": {"server": {**server, "group": changed}}}}
    third = reader.read(new)
    assert (third["G1"].group_id, third["G2"] is first["G2"]) == (7, True)


def test_a_proposal_that_changes_is_read_again_in_every_group_that_uses_it():
    reader = GroupReader(v1=False)
    whole = tree()
    reader.read(whole)
    server = whole["security"]["group-vpn"]["server"]
    esp = {**server["ipsec"]["proposal"]["esp"], "lifetime-seconds": "1800"}
    new = {"security": {"group-vpn": {"server": {**server, "ipsec": {"proposal": {"esp": esp}}}}}}
    assert [group.teks[0].lifetime for group in reader.read(new).values()] == [1800, 1800]
    gone = {"security": {"group-vpn": {"server": {**server, "ipsec": {}}}}}
    assert [group.teks for group in reader.read(gone).values()] == [(), ()]


@pytest.mark.parametrize(
    ("name", "proposals"),
    [
        ("basic", ["des sha1 1", "des md5 1"]),
        ("compatible", ["3des sha1 2", "3des md5 2", "des sha1 2", "des md5 2"]),
        ("standard", ["3des sha1 2", "aes sha1 2"]),
    ],
)
def test_a_named_set_of_proposals_is_what_juniper_says_that_it_is(name, proposals):
    found = proposals_of({"proposal-set": name}, {}, v1=True)
    assert [f"{p.cipher.name} {p.hash_name} {p.dh_group}" for p in found] == proposals
    assert all(p.cipher.key_length == 16 for p in found if p.cipher.name == "aes")
