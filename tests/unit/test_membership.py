# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading registered-members replies: vocabularies, clusters, size, damage."""

from __future__ import annotations

import tracemalloc

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.meaning import (
    described,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import (
    REPLY_ROOT,
    read_reply,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.served import Group

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


def whole(reply):
    """What a reply says, which must be understood completely."""
    reading = read_reply([reply.encode()])
    assert reading.unclear == []
    return reading.groups


def test_nested_replies_are_read_with_their_padding_stripped():
    assert shape(whole(BRIEF)) == [
        ("G1", 7, None, ["192.0.2.1", "192.0.2.2"]),
        ("G2", 8, None, []),
    ]


def test_a_reply_cut_into_single_octets_reads_the_same():
    pieces = read_reply(bytes([octet]) for octet in BRIEF.encode())
    assert shape(pieces.groups) == shape(whole(BRIEF))


def test_flat_replies_with_other_names_are_read():
    flat = """<r><group-name>G1</group-name><group-id>1</group-id>
    <member-gateway>a</member-gateway><member-ip>192.0.2.1</member-ip>
    <member-gateway>b</member-gateway><member-ip>192.0.2.2</member-ip></r>"""
    assert shape(whole(flat)) == [("G1", 1, None, ["192.0.2.1", "192.0.2.2"])]


ITEM = """<multi-routing-engine-item><re-name>node{n}</re-name>{answer}
</multi-routing-engine-item>"""
LIST = """<x><group-name>G1</group-name><group-id>1</group-id>
<member><gateway>a</gateway><ip-address>192.0.2.1</ip-address></member></x>"""


def cluster(*answers):
    items = "".join(ITEM.format(n=n, answer=answer) for n, answer in enumerate(answers))
    results = "multi-routing-engine-results"
    return f"<rpc-reply><{results}>{items}</{results}></rpc-reply>"


TEXT = """<output>
Group: G1, Group Id: 1
Member Gateway       Member IP        Last Update               Vsys
a                    192.0.2.1        Thu Nov 19 2026 16:31:09  root
</output>"""


@pytest.mark.parametrize("second", [LIST, TEXT])
def test_cluster_nodes_are_kept_apart(second):
    assert shape(whole(cluster(LIST, second))) == [
        ("G1", 1, "node0", ["192.0.2.1"]),
        ("G1", 1, "node1", ["192.0.2.1"]),
    ]


@pytest.mark.parametrize(
    "second",
    [
        "<output>could not connect to node1 : No route to host</output>",
        "<message>node1 is not reachable</message>",
        "node1 is not reachable",
        "",
    ],
)
def test_a_node_that_gave_no_list_is_not_an_empty_one(second):
    assert read_reply([cluster(LIST, second).encode()]).unclear


def test_a_nodes_error_is_the_devices_error():
    with pytest.raises(DeviceError, match="node1: error: could not connect"):
        read_reply([cluster(LIST, "<output>error: could not connect</output>").encode()])


@pytest.mark.parametrize(
    ("communication", "shows"),
    [
        ("none", "registered"),
        ("unicast", "active"),
        ("multicast", "registered_since_configured"),
    ],
)
def test_what_a_list_means_depends_on_what_is_in_force(communication, shows):
    in_force = {"G1": Group("G1", communication=communication)}
    entry, other = described(whole(BRIEF), in_force, detail=False)
    assert (entry["communication"], entry["list_shows"]) == (communication, shows)
    assert (other["communication"], other["list_shows"]) == ("none", "registered")


@pytest.mark.parametrize(
    "reply",
    [
        "<r><x:error xmlns:x='u'><message>daemon is not running</message></x:error></r>",
        "<r><output>error: group-vpn: daemon is not running</output></r>",
        "<r><error>daemon is not running</error></r>",
        "<r><rpc-error><error-severity>error</error-severity>"
        "<error-message>daemon is not running</error-message></rpc-error></r>",
    ],
)
def test_an_error_in_the_reply_is_raised(reply):
    with pytest.raises(DeviceError, match="daemon is not running"):
        read_reply([reply.encode()])


def test_a_warning_in_the_reply_is_kept():
    parts = "<error-severity>warning</error-severity><error-message>a word</error-message>"
    end = f"<rpc-error>{parts}</rpc-error></rpc-reply>"
    reading = read_reply([BRIEF.replace("</rpc-reply>", end).encode()])
    assert (reading.warnings, len(reading.groups), reading.unclear) == (["a word"], 2, [])


@pytest.mark.parametrize(
    "damage", [BRIEF[:-40], "<!DOCTYPE a []><r/>", "", "<a>" * 100 + "</a>" * 100]
)
def test_damaged_replies_are_refused(damage):
    with pytest.raises(MalformedReply):
        read_reply([damage.encode()])


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (("member-gateway>", "peer-device>"), "<group-vpn-peer-device>a"),
        (("member-address>", "locator>"), "<group-vpn-locator>192.0.2.1"),
        (("group-vpn-group-name>", "scope>"), "<scope>G1"),
        (
            (
                "<group-vpn-group-id>8",
                "<group-vpn-member-count>1</group-vpn-member-count><group-vpn-group-id>8",
            ),
            "G2: members by the device's count: 1",
        ),
        (("<group-vpn-group-id>8", "<group-vpn-group-id>eight"), "a number is expected"),
        (("</rpc-reply>", "and so on</rpc-reply>"), "and so on"),
    ],
)
def test_what_no_word_of_the_table_claims_is_said(change, doubt):
    reading = read_reply([BRIEF.replace(*change).encode()])
    assert any(doubt in one for one in reading.unclear), reading.unclear


@pytest.mark.parametrize(
    "reply",
    [
        "<rpc-reply/>",
        "<rpc-reply><ok/></rpc-reply>",
        "<r><group-id>1</group-id></r>",
        "<r><member><gateway>a</gateway><ip>192.0.2.1</ip></member></r>",
        "<r><group-name>G1</group-name><member><gateway>a</gateway></member></r>",
        "<r><group-name>G1</group-name><stats><push-sent>1</push-sent></stats></r>",
    ],
)
def test_a_reply_to_another_question_is_no_list(reply):
    assert read_reply([reply.encode()]).unclear


def test_an_empty_list_is_one():
    assert whole(f"<rpc-reply><{REPLY_ROOT}/></rpc-reply>") == []


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
    reading = read_reply(pieces())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(reading.groups[0].members) == 20_000
    # 40 MB went through; a member takes some 300 octets.
    assert peak < 16_000_000


@pytest.mark.parametrize(
    ("attributes", "unclear"),
    [
        (
            'gateway="gm-1" address="192.0.2.1"',
            ["gateway 'gm-1' in <stats>", "address '192.0.2.1' in <stats>"],
        ),
        ('total="3"', ["total '3' in <stats>"]),
        ('xmlns:junos="j" junos:style="brief" junos:seconds="1" junos:emit="emit"', []),
    ],
)
def test_what_attributes_tell_of_members_is_not_nothing(attributes, unclear):
    reply = (
        "<r><security-group-vpn-server-registered-members><group><group-name>G1</group-name>"
        f"<stats {attributes}/></group></security-group-vpn-server-registered-members></r>"
    )
    assert read_reply([reply.encode()]).unclear == unclear


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("<error-message>no</error-message>", "no"),
        (
            "<error-message>syntax error</error-message><error-info><bad-element>x</bad-element>"
            "</error-info>",
            "syntax error (x)",
        ),
        ("<message>no</message>", "no"),
        ("", "rpc-error"),
    ],
)
def test_an_error_in_the_reply_is_told_with_what_was_bad(fields, words):
    with pytest.raises(DeviceError) as refused:
        read_reply([f"<r><rpc-error>{fields}</rpc-error></r>".encode()])
    assert refused.value.messages == [words]
