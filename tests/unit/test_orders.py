# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries in the order that is wanted, and settings that only one generation takes."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.holds import lacking, selection
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import wanted_tree
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE as COMMUNICATION,
)
from lxml import etree

from tests.unit.paper import planned

SERVER = "security group-vpn server"
INSIDE = "".join(
    f"<group><name>{name}</name><group-id>{number}</group-id></group>"
    for number, name in enumerate("ABC", 1)
)
DEVICE = f"<security><group-vpn><server>{INSIDE}</server></group-vpn></security>"


def wanted(order):
    return {"groups": [{"name": name, "group_id": ord(name) - 64} for name in order]}


@pytest.mark.parametrize(
    ("order", "moves", "marks"),
    [
        ("ABC", [], []),
        ("CAB", ["C before group A"], [("C", "first", None)]),
        ("ACB", ["C after group A"], [("C", "after", "A")]),
        (
            "BCA",
            ["B before group A", "C after group B"],
            [("B", "first", None), ("C", "after", "B")],
        ),
        (
            "CBA",
            ["C before group A", "B after group C"],
            [("C", "first", None), ("B", "after", "C")],
        ),
    ],
)
def test_entries_are_moved_one_after_the_other_into_the_wanted_order(order, moves, marks):
    result = planned(RESOURCE, DEVICE, wanted(order), "overridden")
    assert result["changed"] is bool(moves)
    assert result["commands"] == [f"insert {SERVER} group {move}" for move in moves]
    entries = etree.fromstring(result["xml"]).iter("group") if moves else ()
    assert [(e.findtext("name"), e.get("insert"), e.get("name")) for e in entries] == marks


def in_order(order):
    entries = "".join(f"<group><name>{name}</name></group>" for name in order)
    path = "<configuration><security><group-vpn><server>{}</server></group-vpn></security>"
    return etree.fromstring(f"{path.format(entries)}</configuration>")


@pytest.mark.parametrize(
    ("wish", "found", "displaced"),
    [
        ("CAB", "CAB", ""),
        ("CAB", "ABC", "C"),
        ("CAB", "ZCAB", "C"),
        ("BCA", "BZCA", ""),
        ("BCA", "CBA", "BC"),
        ("CBA", "CAB", ""),
        ("ACB", "CB", ""),
    ],
)
def test_an_entry_that_was_put_back_since_is_not_where_a_change_has_put_it(wish, found, displaced):
    change = etree.fromstring(planned(RESOURCE, DEVICE, wanted(wish), "overridden")["xml"])
    path = "security group-vpn server group"
    gone = [f"{path} {name} in its place" for name in displaced]
    assert lacking(in_order(found), change) == gone
    # Of a moved entry alone no neighbour would be seen.
    assert [e.tag for e in selection(change).iter()][-2:] == ["group-vpn", "server"]


def test_an_entry_that_was_put_somewhere_and_is_gone_is_named_once():
    change = etree.fromstring(planned(RESOURCE, DEVICE, wanted("ACB"), "overridden")["xml"])
    assert lacking(in_order("A"), change) == [f"{SERVER} group C"]


def test_what_is_new_and_comes_in_between_is_made_and_then_moved():
    result = planned(RESOURCE, DEVICE, wanted("ADBC"), "overridden")
    assert result["commands"] == [
        f"set {SERVER} group D group-id 4",
        f"insert {SERVER} group D after group A",
    ]
    entries = list(etree.fromstring(result["xml"]).iter("group"))
    assert [(e.findtext("name"), e.findtext("group-id"), e.get("insert")) for e in entries] == [
        ("D", "4", None),
        ("D", None, "after"),
    ]


def test_what_is_changed_and_moved_is_changed_first_and_then_moved():
    want = wanted("CAB")
    want["groups"][0]["group_id"] = 9
    entries = list(
        etree.fromstring(planned(RESOURCE, DEVICE, want, "overridden")["xml"]).iter("group")
    )
    assert [(e.findtext("name"), e.findtext("group-id"), e.get("insert")) for e in entries] == [
        ("C", "9", None),
        ("C", None, "first"),
    ]


def rendered(generation=None, **block):
    want = wanted_tree(COMMUNICATION, [{"group": "G1", **block}], generation)
    return views.render(COMMUNICATION, want, generation)


@pytest.mark.parametrize(
    ("cipher", "digest"), [("3des-cbc", "sha1"), ("aes-128-cbc", "sha-256"), ("aes-128-cbc", "md5")]
)
def test_without_a_device_the_generation_that_takes_the_settings_is_meant(cipher, digest):
    lines = rendered(encryption_algorithm=cipher, sig_hash_algorithm=digest)["commands"]
    path = f"set {SERVER} group G1 server-member-communication"
    assert lines == [f"{path} encryption-algorithm {cipher}", f"{path} sig-hash-algorithm {digest}"]


@pytest.mark.parametrize("generation", [None, Generation.V2])
def test_settings_that_no_generation_takes_together_are_judged_as_v2s(generation):
    with pytest.raises(Refused, match="3des-cbc: Group VPNv2 takes aes-128-cbc, aes-192-cbc"):
        rendered(generation, encryption_algorithm="3des-cbc", sig_hash_algorithm="sha-256")
