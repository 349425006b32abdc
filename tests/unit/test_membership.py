# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading registered-members replies: vocabularies, text, clusters, size, damage."""

from __future__ import annotations

import tracemalloc

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.meaning import described
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import read_members
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.text import read_text

BRIEF = """
<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
<security-group-vpn-server-registered-members>
<group-vpn-registered-members>
<group-vpn-group-name>G1</group-vpn-group-name><group-vpn-group-id>
7
</group-vpn-group-id>
<group-vpn-member><group-vpn-member-gateway>a</group-vpn-member-gateway>
<group-vpn-member-address>
192.0.2.1
</group-vpn-member-address></group-vpn-member>
<group-vpn-member><group-vpn-member-gateway>b</group-vpn-member-gateway>
<group-vpn-member-address>192.0.2.2</group-vpn-member-address></group-vpn-member>
</group-vpn-registered-members>
<group-vpn-registered-members><group-vpn-group-name>G2</group-vpn-group-name>
<group-vpn-group-id>8</group-vpn-group-id></group-vpn-registered-members>
</security-group-vpn-server-registered-members></rpc-reply>"""


def shape(groups):
    return [(g.name, g.id, g.node, [m.get("address") for m in g.members]) for g in groups]


def test_nested_replies_are_read_with_their_padding_stripped():
    groups, text = read_members([BRIEF.encode()])
    assert text is None
    assert shape(groups) == [
        ("G1", 7, None, ["192.0.2.1", "192.0.2.2"]),
        ("G2", 8, None, []),
    ]


def test_a_reply_cut_into_single_octets_reads_the_same():
    whole, _ = read_members([BRIEF.encode()])
    pieces, _ = read_members(bytes([octet]) for octet in BRIEF.encode())
    assert shape(pieces) == shape(whole)


def test_flat_replies_with_other_names_are_read():
    flat = """<r><group-name>G1</group-name><group-id>1</group-id>
    <member-gateway>a</member-gateway><member-ip>192.0.2.1</member-ip>
    <member-gateway>b</member-gateway><member-ip>192.0.2.2</member-ip></r>"""
    assert shape(read_members([flat.encode()])[0]) == [("G1", 1, None, ["192.0.2.1", "192.0.2.2"])]


def test_cluster_nodes_are_kept_apart():
    item = """<multi-routing-engine-item><re-name>node{n}</re-name><x><group-name>G1</group-name>
    <group-id>1</group-id><member><gateway>a</gateway><ip-address>192.0.2.{n}</ip-address></member>
    </x></multi-routing-engine-item>"""
    reply = f"<r>{item.format(n=0)}{item.format(n=1)}</r>"
    assert shape(read_members([reply.encode()])[0]) == [
        ("G1", 1, "node0", ["192.0.2.0"]),
        ("G1", 1, "node1", ["192.0.2.1"]),
    ]


TEXT = """
Group: G-1, Group Id: 1
Total number of registered members: 2
Member Gateway       Member IP        Last Update               Vsys
GM-1                 192.0.2.1        Thu Nov 19 2026 16:31:09  root
GM-3                 192.0.2.3        Thu Nov 19 2026 16:29:47  root
"""


def test_the_cli_text_is_a_fallback():
    groups, text = read_members([f"<r><output>{TEXT}</output></r>".encode()])
    assert groups == []
    (group,) = read_text(text or "")
    assert group.members[1] == {
        "gateway": "GM-3",
        "address": "192.0.2.3",
        "last_update": "Thu Nov 19 2026 16:29:47",
        "vsys": "root",
    }


@pytest.mark.parametrize(
    ("block", "communication", "shows"),
    [
        (None, "none", "registered"),
        ({"heartbeat": 60}, "unicast", "active"),
        ({"communication_type": "unicast"}, "unicast", "active"),
        ({"communication_type": "multicast"}, "multicast", "registered_since_configured"),
    ],
)
def test_what_a_list_means_depends_on_the_communication_type(block, communication, shows):
    groups, _ = read_members([BRIEF.encode()])
    entry = next(described(groups, {"G1": block}, detail=False))
    assert (entry["communication"], entry["list_shows"]) == (communication, shows)


def test_an_error_in_the_reply_is_raised():
    reply = b"<r><x:error xmlns:x='u'><message>daemon is not running</message></x:error></r>"
    with pytest.raises(DeviceError, match="daemon is not running"):
        read_members([reply])


@pytest.mark.parametrize("damage", [BRIEF[:-40], "<!DOCTYPE a []><r/>", ""])
def test_damaged_replies_are_refused(damage):
    with pytest.raises(MalformedReply):
        read_members([damage.encode()])


def test_memory_grows_with_the_result_and_not_with_the_reply():
    padding = " " * 2000

    def pieces():
        yield b"<r><group-name>G1</group-name><group-id>1</group-id>"
        for n in range(20_000):
            yield (
                f"<member><gateway>g{n}</gateway><ip-address>192.0.2.1</ip-address>"
                f"<unknown>{padding}</unknown></member>"
            ).encode()
        yield b"</r>"

    tracemalloc.start()
    groups, _ = read_members(pieces())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(groups[0].members) == 20_000
    # 40 MB went through; a member takes some 300 octets.
    assert peak < 16_000_000
