# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys and associations: read as a whole in every form, or said to be unknown."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
    Refused,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.showing import show
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.shows import MEMBER, SERVER
from lxml import etree

from tests.unit.paper import RELEASES

YANG = os.environ.get("JUNOS_YANG_DIR")
KEK = """<security-group-vpn-server-kek-sa><gvpn-server-kek-security-associations-block>
<kek-sa-group-info><kek-sa-group-activation-delay>15</kek-sa-group-activation-delay>
<kek-sa-group-multicast-group>Unicast</kek-sa-group-multicast-group></kek-sa-group-info>
<security-association-index>738879</security-association-index><group-name>G1</group-name>
<group-id>1</group-id><initiator-cookie>a471513492db1e13</initiator-cookie>
<responder-cookie>24045792a4b3dd64</responder-cookie>
<lifetime-remaining>Expires in 1206 seconds</lifetime-remaining>
<kek-sa-misc><kek-sa-sequence-number>4</kek-sa-sequence-number></kek-sa-misc>
<kek-sa-phase2-information><kek-sa-phase2-type>push</kek-sa-phase2-type>
<kek-sa-msg-id>1</kek-sa-msg-id></kek-sa-phase2-information>
</gvpn-server-kek-security-associations-block></security-group-vpn-server-kek-sa>"""
NO_KEK = "<security-group-vpn-server-kek-sa/>"
FOREIGN = """<security-group-vpn-server-kek-sa><key><number>1</number></key>
</security-group-vpn-server-kek-sa>"""
STATISTICS = """<security-group-vpn-server-stats>
<group-vpn-group-name>G1</group-vpn-group-name><group-vpn-group-id>1</group-vpn-group-id>
<server-stats><group-vpn-stats><group-vpn-push-sent>4</group-vpn-push-sent></group-vpn-stats>
</server-stats><group-vpn-group-name>G2</group-vpn-group-name><server-stats><group-vpn-stats>
<group-vpn-push-sent>7</group-vpn-push-sent></group-vpn-stats></server-stats>
</security-group-vpn-server-stats>"""
IKE_TEXT = """<output>
Index   State  Initiator cookie  Responder cookie  Mode           Remote Address
1736523 UP     3f8c1a2b4d5e6f70  70f6e5d4b2a1c8f3  Main           192.0.2.1
1736524 DOWN   3f8c1a2b4d5e6f71  70f6e5d4b2a1c8f4  Aggressive     192.0.2.2
</output>"""
SYNTAX = "a syntax error"


class Wire:
    """Answers by operation; what is asked for as text under the command's words."""

    def __init__(self, generation="v2", **answers):
        self._answers = {name.replace("_", "-"): body for name, body in answers.items()}
        self._release = RELEASES[generation]
        self.asked = []

    def call(self, step, operation):
        words = (operation.text or "").strip() or ",".join(child.tag for child in operation)
        self.asked.append((operation.tag, words))
        if operation.tag == "get-software-information":
            body = f"<junos-version>{self._release}</junos-version>"
        else:
            name = f"{operation.tag} bare" if not words else operation.tag
            body = self._answers.get(name, self._answers.get(operation.tag, SYNTAX))
        if body == SYNTAX:
            raise DeviceError(step, ["syntax error"])
        return etree.fromstring(f"<rpc-reply>{body}</rpc-reply>")


KEK_RPC, IKE_RPC = SERVER["kek"].rpc, MEMBER["ike"].rpc


def test_a_key_is_read_with_all_that_is_said_of_it():
    wire = Wire(**{KEK_RPC: KEK})
    result = show(wire, SERVER, ["kek"])
    assert result["kek"] == [
        {
            "index": 738879,
            "group": "G1",
            "group_id": 1,
            "initiator_cookie": "a471513492db1e13",
            "responder_cookie": "24045792a4b3dd64",
            "lifetime_remaining": 1206,
            "sequence_number": 4,
            "activation_time_delay": 15,
            "communication": "Unicast",
            "negotiations": [{"type": "push", "message_id": 1}],
        }
    ]
    assert result["warnings"] == []
    assert wire.asked == [("get-software-information", ""), (KEK_RPC, "detail")]


def test_a_comment_is_nothing_that_is_not_understood():
    head, end = KEK.rsplit("</", 1)
    remark = f"{head}<!-- no more --></{end}"
    wire = Wire(**{KEK_RPC: remark})
    assert len(show(wire, SERVER, ["kek"])["kek"]) == 1
    assert len(wire.asked) == 2


def test_nothing_there_is_an_empty_list_and_says_so_only_when_the_device_does():
    assert show(Wire(**{KEK_RPC: NO_KEK}), SERVER, ["kek"])["kek"] == []
    for answer in ("", FOREIGN, "<output></output>", "<output>3 keys</output>"):
        wire = Wire(**{KEK_RPC: answer, "command": answer})
        with pytest.raises(MalformedReply, match=r"shows is not known: in XML: .*; as text: "):
            show(wire, SERVER, ["kek"])


def test_words_that_nobody_knows_are_read_as_the_clis_text():
    text = """<output>
Index   Life:sec  Initiator cookie  Responder cookie  GroupId
738879  1206      a471513492db1e13  24045792a4b3dd64  1
</output>"""
    wire = Wire(**{KEK_RPC: FOREIGN, "command": text})
    (kek,) = show(wire, SERVER, ["kek"])["kek"]
    assert (kek["index"], kek["lifetime_remaining"], kek["group_id"]) == (738879, 1206, 1)
    assert wire.asked[-1] == (
        "command",
        "show security group-vpn server kek security-associations detail",
    )
    labels = "<output>Index: 1, Group Id: 7\nInitiator cookie: ab\nIndex: 2\nShoe size: 44</output>"
    result = show(Wire(**{KEK_RPC: FOREIGN, "command": labels}), SERVER, ["kek"])
    assert [entry["index"] for entry in result["kek"]] == [1, 2]
    assert result["kek"][1]["other"] == {"shoe-size": "44"}
    assert any("shoe-size" in line for line in result["warnings"])


def test_associations_in_the_clis_columns_are_read():
    result = show(Wire(**{IKE_RPC: IKE_TEXT}), MEMBER, ["ike"])
    assert [(one["state"], one["remote_address"]) for one in result["ike"]] == [
        ("UP", "192.0.2.1"),
        ("DOWN", "192.0.2.2"),
    ]
    lines = IKE_TEXT.splitlines()
    typed = "\n".join([lines[0], "{primary:node0}", lines[1], "-" * 40, *lines[2:]])
    assert show(Wire(**{IKE_RPC: typed}), MEMBER, ["ike"])["ike"] == result["ike"]
    broken = IKE_TEXT.replace("192.0.2.2", "192.0.2.2\nhalf a row")
    with pytest.raises(MalformedReply, match="half a row"):
        show(Wire(**{IKE_RPC: broken, "command": broken}), MEMBER, ["ike"])


def test_what_is_not_known_of_an_entry_is_returned_and_said():
    more = KEK.replace("<group-name>", "<shoe-size>44</shoe-size><group-name>")
    result = show(Wire(**{KEK_RPC: more}), SERVER, ["kek"])
    assert result["kek"][0]["other"] == {"shoe-size": "44"}
    assert result["warnings"] == ["kek: not known here, and returned as 'other': shoe-size"]


OTHERS = "ike: the device shows some of virtual system TS1"
LABELS = "<output>Index: 1, State: UP, Virtual-system: {}\nIndex: 2, State: UP</output>"
COLUMNS = "<output>Index   State  Remote Address  Vsys\n1  UP  192.0.2.1  {}\n</output>"
ELEMENTS = (
    "<ike-security-associations-information><ike-security-associations><ike-sa-index>1"
    "</ike-sa-index><ike-sa-virtual-system>{}</ike-sa-virtual-system></ike-security-associations>"
    "</ike-security-associations-information>"
)


@pytest.mark.parametrize("form", [LABELS, COLUMNS, ELEMENTS])
def test_what_a_logical_system_or_a_tenant_has_is_told_apart_from_the_devices_own(form):
    for system, told in (("root", None), ("0", None), ("TS1", "TS1")):
        result = show(Wire(**{IKE_RPC: form.format(system)}), MEMBER, ["ike"])
        assert (result["ike"][0]["index"], result["ike"][0].get("virtual_system")) == (1, told)
        assert [line.partition(",")[0] for line in result["warnings"]] == ([OTHERS] if told else [])


def test_counters_without_an_element_for_each_group_are_told_apart():
    wire = Wire(**{SERVER["statistics"].rpc: STATISTICS})
    statistics = show(wire, SERVER, ["statistics"])["statistics"]
    assert [(one["group"], one["push_sent"]) for one in statistics] == [("G1", 4), ("G2", 7)]


def test_the_associations_of_a_server_are_read_with_the_traffic_that_they_are_for():
    reply = """<security-group-vpn-server-security-information>
    <group-vpn-ipsec-security-associations><group-vpn-group-name>G1</group-vpn-group-name>
    <group-vpn-group-id>1</group-vpn-group-id><total-active-sa>1</total-active-sa>
    <ipsec-security-association><ipsec-sa-name>SA-1</ipsec-sa-name><sa-spi>5b4c1a2f</sa-spi>
    <sa-protocol>ESP</sa-protocol><sa-state>active</sa-state>
    <sa-esp-encryption-algorithm>aes-256-cbc</sa-esp-encryption-algorithm>
    <sa-authentication-algorithm>sha-256</sa-authentication-algorithm>
    <sa-hard-lifetime>3000</sa-hard-lifetime><match-policy><sa-source>192.0.2.0/24</sa-source>
    <sa-destination>198.51.100.0/24</sa-destination></match-policy>
    </ipsec-security-association></group-vpn-ipsec-security-associations>
    </security-group-vpn-server-security-information>"""
    wire = Wire(**{SERVER["ipsec"].rpc: reply})
    result = show(wire, SERVER, ["ipsec"])
    assert result["ipsec"] == [
        {
            "group": "G1",
            "group_id": 1,
            "name": "SA-1",
            "spi": "5b4c1a2f",
            "protocol": "ESP",
            "state": "active",
            "encryption_algorithm": "aes-256-cbc",
            "authentication_algorithm": "sha-256",
            "lifetime_remaining": 3000,
            "match_policies": [{"source": "192.0.2.0/24", "destination": "198.51.100.0/24"}],
        }
    ]
    assert result["warnings"] == []


def test_a_server_without_associations_has_none_and_is_not_asked_for_text():
    reply = "<security-group-vpn-server-security-information/>"
    wire = Wire(**{SERVER["ipsec"].rpc: reply})
    assert show(wire, SERVER, ["ipsec"])["ipsec"] == []
    assert wire.asked[-1] == (SERVER["ipsec"].rpc, "detail")


def test_phase_1_is_read_with_its_state():
    reply = """<ike-security-associations-information><ike-security-associations>
    <ike-sa-index>1736523</ike-sa-index><ike-sa-remote-address>192.0.2.1</ike-sa-remote-address>
    <ike-sa-remote-port>848</ike-sa-remote-port><ike-sa-state>UP</ike-sa-state>
    <ike-sa-exchange-type>Main</ike-sa-exchange-type>
    </ike-security-associations></ike-security-associations-information>"""
    for shows in (SERVER, MEMBER):
        result = show(Wire(**{shows["ike"].rpc: reply}), shows, ["ike"])
        assert result["ike"] == [
            {
                "index": 1736523,
                "remote_address": "192.0.2.1",
                "port": 848,
                "state": "UP",
                "mode": "Main",
            }
        ]


def test_counters_are_called_the_same_in_xml_and_in_the_clis_text():
    counters = {
        "pull_succeeded": 1,
        "pull_failed": 2,
        "pull_exceed_member_threshold": 3,
        "push_sent": 4,
        "push_acknowledged": 5,
        "push_unacknowledged": 6,
    }
    rpc = SERVER["statistics"].rpc
    elements = "".join(
        f"<group-vpn-{(tag := name.replace('_', '-'))}>{n}</group-vpn-{tag}>"
        for name, n in counters.items()
    )
    in_xml = f"""<security-group-vpn-server-stats>
    <group-vpn-group-name>G1</group-vpn-group-name><group-vpn-group-id>7</group-vpn-group-id>
    <server-stats><group-vpn-stats>{elements}</group-vpn-stats></server-stats>
    </security-group-vpn-server-stats>"""
    lines = "".join(
        f"  {name.replace('_', ' ').capitalize()}: {n}\n" for name, n in counters.items()
    )
    in_text = f"<output>\nGroup: G1, Group Id: 7\n{lines}</output>"
    for reply in (in_xml, in_text):
        result = show(Wire(**{rpc: reply}), SERVER, ["statistics"])
        assert result["statistics"] == [{"group": "G1", "group_id": 7, **counters}]
        assert result["warnings"] == []


@pytest.mark.parametrize("total", ["0", "2"])
def test_entries_that_are_not_as_many_as_the_device_counts_are_not_understood(total):
    reply = f"""<ipsec-security-associations-information><total-ipsec-sas>{total}</total-ipsec-sas>
    <ipsec-gvpn-security-associations-block><ipsec-security-associations><sa-spi>1</sa-spi>
    </ipsec-security-associations><sa-vpn-name>V</sa-vpn-name>
    </ipsec-gvpn-security-associations-block></ipsec-security-associations-information>"""
    rpc = MEMBER["ipsec"].rpc
    with pytest.raises(MalformedReply, match=f"entries read: 1, where the device counts {total}"):
        show(Wire(**{rpc: reply}), MEMBER, ["ipsec"])
    (entry,) = show(Wire(**{rpc: reply.replace(f">{total}<", ">1<")}), MEMBER, ["ipsec"])["ipsec"]
    assert entry == {"spi": "1", "vpn": "V"}


def test_a_block_whose_entries_nobody_knows_is_not_taken_for_an_empty_one():
    reply = """<ipsec-security-associations-information><ipsec-gvpn-security-associations-block>
    <sa-vpn-name>V</sa-vpn-name><association><sa-spi>1</sa-spi></association>
    </ipsec-gvpn-security-associations-block></ipsec-security-associations-information>"""
    with pytest.raises(MalformedReply, match="without an entry that is known"):
        show(Wire(**{MEMBER["ipsec"].rpc: reply}), MEMBER, ["ipsec"])


def test_what_belongs_to_a_node_of_a_cluster_says_so():
    node = "<multi-routing-engine-item><re-name>node{}</re-name>{}</multi-routing-engine-item>"
    both = node.format(0, KEK) + node.format(1, NO_KEK)
    reply = f"<multi-routing-engine-results>{both}</multi-routing-engine-results>"
    (kek,) = show(Wire(**{KEK_RPC: reply}), SERVER, ["kek"])["kek"]
    assert kek["node"] == "node0"


NODE = "<multi-routing-engine-item>{}</multi-routing-engine-item>"
FIRST = f"<multi-routing-engine-item><re-name>node0</re-name>{KEK}</multi-routing-engine-item>"


@pytest.mark.parametrize(
    ("reply", "doubt"),
    [
        (FIRST + NODE.format("<re-name>node1</re-name>"), "node1 gave no answer"),
        (FIRST + NODE.format(""), "a node gave no answer"),
        (FIRST + NODE.format("<re-name>node1</re-name>not reachable"), "'not reachable' in <multi"),
        (KEK.replace("<group-id>", "and G2<group-id>", 1), "'and G2' in <gvpn-server-kek"),
        (KEK.replace("<group-id>1<", "<group-id>0x1<"), "group-id '0x1': a number is expected"),
    ],
)
def test_what_nothing_claims_is_not_taken_for_nothing(reply, doubt):
    reply = f"<multi-routing-engine-results>{reply}</multi-routing-engine-results>"
    with pytest.raises(MalformedReply, match=re.escape(doubt)):
        show(Wire(**{KEK_RPC: reply}), SERVER, ["kek"])


def test_a_part_that_is_not_known_spoils_the_others_only_when_it_was_named():
    wire = Wire(**{KEK_RPC: KEK})
    result = show(wire, SERVER, ["all"])
    assert len(result["kek"]) == 1
    assert result["ike"] is None
    assert any(line.startswith("ike: not known: ") for line in result["warnings"])
    with pytest.raises(DeviceError, match="syntax error"):
        show(wire, SERVER, ["kek", "ike"])


def test_a_release_that_takes_no_level_is_asked_without():
    wire = Wire(**{KEK_RPC: SYNTAX, f"{KEK_RPC} bare": KEK})
    assert len(show(wire, SERVER, ["kek"])["kek"]) == 1


def test_a_generation_is_not_asked_for_what_it_does_not_have():
    with pytest.raises(Refused, match="Group VPNv1 has no 'show security group-vpn member policy'"):
        show(Wire("v1"), MEMBER, ["policy"])
    wire = Wire("v1", **{one.rpc: "<output/>" for one in SERVER.values()})
    assert {"kek", "ipsec", "ike"} < show(wire, SERVER, ["all"]).keys()
    assert not any("stats" in tag or "cluster" in tag for tag, _words in wire.asked)


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
@pytest.mark.parametrize("one", [*SERVER.values(), *MEMBER.values()], ids=lambda one: one.command)
def test_commands_rpcs_and_levels_are_those_of_junipers_models(one):
    (file,) = Path(YANG or "").glob("rpc/junos-es-rpc-security@*.yang")
    text = file.read_text()
    body = text[text.index(f"rpc {one.rpc} {{") :]
    body = body[: body.index("\n   rpc ", 10)]
    assert f'junos:command "{one.command}"' in body
    assert bool(re.search(r"leaf level\b", body)) == one.levels
    assert Generation.V2 in one.known


IPSEC = min(SERVER["ipsec"].roots)
BLOCK = "group-vpn-ipsec-security-associations"
HOLLOW = {
    "an element that nobody knows": f"<{IPSEC}><shoes/></{IPSEC}>",
    "elements that nobody knows": f"<{IPSEC}><shoes><shoe/></shoes></{IPSEC}>",
    "an empty entry": f"<{IPSEC}><ipsec-security-association/></{IPSEC}>",
    "an entry of empty elements": (
        f"<{IPSEC}><ipsec-security-association><sa-spi/></ipsec-security-association></{IPSEC}>"
    ),
    "an entry that holds words alone": (
        f"<{IPSEC}><ipsec-security-association>not ready</ipsec-security-association></{IPSEC}>"
    ),
    "a block's entry of which nothing is told": (
        f"<{IPSEC}><{BLOCK}><group-id>7</group-id><ipsec-security-association/></{BLOCK}></{IPSEC}>"
    ),
    "words in the place of entries": f"<{IPSEC}>service is starting</{IPSEC}>",
    "an empty block": f"<{IPSEC}><{BLOCK}/></{IPSEC}>",
    "columns": "<output>Index   Life:sec  GroupId\n</output>",
    "a bare label": "<output>Group:</output>",
    "a ruled line": "<output>-----</output>",
    "a prompt": "<output>a@b&gt; show</output>",
    "a node": "<output>node0:\n-----\n</output>",
    "a number of entries": "<output>Total active tunnels: 3</output>",
    "a number of entries that is cut off": "<output>Total active tunnels:</output>",
    "a second entry that is cut off": "<output>Index: 1, Group Id: 7\nIndex:</output>",
}


@pytest.mark.parametrize("answer", HOLLOW)
def test_what_says_nothing_is_not_an_empty_list(answer):
    reply = HOLLOW[answer]
    wire = Wire(**{SERVER["ipsec"].rpc: reply, "command": reply})
    with pytest.raises(MalformedReply, match="shows is not known"):
        show(wire, SERVER, ["ipsec"])


def test_a_text_that_counts_none_is_an_empty_list():
    wire = Wire(**{SERVER["ipsec"].rpc: "<output>\n  Total active tunnels: 0\n</output>"})
    assert show(wire, SERVER, ["ipsec"])["ipsec"] == []
