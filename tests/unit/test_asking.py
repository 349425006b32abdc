# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a device is asked for its list, and what happens when its answer is not understood."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
    Refused,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.asking import Choice, listed
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.read import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import RPC_NAME

V1, V2 = Generation.V1, Generation.V2
KNOWN = """<rpc-reply><security-group-vpn-server-registered-members>
<group-name>G1</group-name><group-id>1</group-id><member-count>2</member-count>
<member><gateway>gm-1</gateway><address>192.0.2.1</address></member>
<member><gateway>gm-2</gateway><address>192.0.2.2</address></member>
</security-group-vpn-server-registered-members></rpc-reply>"""
FOREIGN = KNOWN.replace("gateway>", "device>")
TEXT = """<rpc-reply><output>
Group: G1, Group Id: 1
Total number of registered members: 2
Member Gateway       Member IP        Last Update               Vsys
gm-1                 192.0.2.1        Thu Nov 19 2026 16:31:09  root
gm-2                 192.0.2.2        Thu Nov 19 2026 16:31:09  root
</output></rpc-reply>"""
SYNTAX = """<rpc-reply><rpc-error><error-severity>error</error-severity>
<error-message>syntax error</error-message></rpc-error></rpc-reply>"""


class Wire:
    """Answers in order; keeps what was asked."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def stream(self, step, operation):
        words = {child.tag: child.text for child in operation}
        self.asked.append((operation.tag, words or (operation.text or "").strip()))
        yield self._answers.pop(0).encode()


@pytest.mark.parametrize(
    ("generation", "choice", "detail", "words"),
    [
        (V2, Choice(), False, ""),
        (V2, Choice(group="G1"), True, {"group": "G1", "detail": None}),
        (V2, Choice(group_id=1), False, {"group-id": "1"}),
        (V2, Choice(group_id=65_535), False, {"group-id": "65535"}),
        (V2, Choice(group_id=65_536), False, ""),
        (V2, Choice(peer_address="192.0.2.1"), False, {"peer-address": "192.0.2.1"}),
        (V1, Choice(), True, ""),
        (V1, Choice(group="G1"), True, {"show-security-group-vpn-server-reg-group-name": "G1"}),
        (V1, Choice(group_id=1), False, {"show-security-group-vpn-server-reg-group-id": "1"}),
        (V1, Choice(peer_address="192.0.2.1"), False, ""),
    ],
)
def test_each_generation_is_asked_in_its_own_words(generation, choice, detail, words):
    wire = Wire(KNOWN)
    listed(wire, generation, choice, detail)
    assert wire.asked == [(RPC_NAME, words)]


@pytest.mark.parametrize("choice", [Choice(group=""), Choice(group=" "), Choice(peer_address="")])
def test_a_name_that_came_out_empty_is_asked_of_no_device(choice):
    wire = Wire()
    with pytest.raises(Refused, match="is expected"):
        read(wire, choice)
    assert wire.asked == []


def test_what_the_device_does_not_choose_is_chosen_here():
    (group,) = listed(Wire(KNOWN), V1, Choice(peer_address="192.0.2.2")).groups
    assert [m["gateway"] for m in group.members] == ["gm-2"]
    assert listed(Wire(KNOWN), V2, Choice(group_id=70_000)).groups == []
    # A group without the wanted member is left out, as the device would.
    assert listed(Wire(KNOWN), V1, Choice(peer_address="192.0.2.9")).groups == []


def test_a_device_that_does_not_take_an_argument_is_asked_for_everything():
    wire = Wire(SYNTAX, KNOWN)
    assert len(listed(wire, V2, Choice(group="G1"), detail=True).groups) == 1
    assert wire.asked[1] == (RPC_NAME, "")


def test_a_device_that_refuses_everything_has_the_last_word():
    with pytest.raises(DeviceError, match="syntax error"):
        listed(Wire(SYNTAX), V2)


@pytest.mark.parametrize(
    ("generation", "detail", "level"), [(V2, True, " detail"), (V2, False, ""), (V1, True, "")]
)
def test_xml_that_is_not_understood_is_asked_for_as_text(generation, detail, level):
    wire = Wire(FOREIGN, TEXT)
    (group,) = listed(wire, generation, detail=detail).groups
    assert [m["gateway"] for m in group.members] == ["gm-1", "gm-2"]
    assert wire.asked[1] == (
        "command",
        f"show security group-vpn server registered-members{level}",
    )


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("192.0.2.2 ", "somewhere "),
        TEXT.replace("members: 2", "members: 4"),
        TEXT.replace("Vsys", "Health"),
        "<rpc-reply><output/></rpc-reply>",
        SYNTAX,
    ],
)
def test_when_neither_is_understood_the_task_fails_with_what_was_not(text):
    with pytest.raises(MalformedReply, match=r"is not known: in XML: .*<device>gm-1"):
        listed(Wire(FOREIGN, text), V2)
