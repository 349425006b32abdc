# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lists of rude devices, in real plays: read completely, or the task says what it could not."""

from __future__ import annotations

import pytest

from tests.integration.test_rude_ansible import run
from tests.rude import RudeServer, box

NATIVE = {"ansible_connection": "groupvpn.junos.netconf"}
INFO, AUDIT = "groupvpn.junos.registered_members_info", "groupvpn.junos.membership_audit"
TIME = "2026-01-02 10:00:00 UTC"
FOREIGN = """<security-group-vpn-server-registered-members><list><name-of-group>G1</name-of-group>
<group-id>1</group-id><how-many>2</how-many>
<gm><gm-name>gm-1</gm-name><gm-at>192.0.2.1</gm-at></gm>
<gm><gm-name>gm-2</gm-name><gm-at>192.0.2.2</gm-at></gm>
</list></security-group-vpn-server-registered-members>"""
NAME = "a-gateway-with-a-32-octet-name-1"
TEXT = f"""<output>
Group : G1, Group ID: 1
Total number of registered members: 4
Member Gateway       Member IP        Last Update               Vsys
Site number 1        192.0.2.1        {TIME}   root
gm-2                 192.0.2.2        {TIME}   root
{NAME}
                     192.0.2.3        {TIME}   root
gm-4                 192.0.2.4        {TIME}   root
</output>"""


def asked(lab, listed, text, task):
    with RudeServer(box("G1")) as server:
        server.box.answers = {
            "get-security-group-vpn-server-registered-members": listed,
            "command": text,
        }
        return run(lab, server, [task], NATIVE).tasks[0]["hub-1"]


def test_a_list_in_words_that_nobody_knows_is_read_as_the_clis_text(lab):
    (group,) = asked(lab, FOREIGN, TEXT, {INFO: {"detail": True}})["groups"]
    names = [member["gateway"] for member in group["members"]]
    assert names == ["Site number 1", "gm-2", NAME, "gm-4"]


@pytest.mark.parametrize(
    ("listed", "text", "words"),
    [
        (FOREIGN, TEXT.replace("192.0.2.4 ", "elsewhere"), "<gm-name>gm-1</gm-name>"),
        (
            FOREIGN,
            TEXT.replace("members: 4", "members: 5"),
            "the device's count: 5, read: 4",
        ),
        (FOREIGN, "<output>error: command not allowed</output>", "command not allowed"),
        ("<output>error: gksd is not running</output>", TEXT, "gksd is not running"),
        ("<output>4 members</output>", "<output>4 members</output>", "'4 members'"),
    ],
)
@pytest.mark.parametrize("module", [INFO, AUDIT])
def test_a_list_that_is_not_understood_is_no_empty_one(lab, module, listed, text, words):
    options = {"expected": {"G1": ["192.0.2.1"]}} if module == AUDIT else {}
    result = asked(lab, listed, text, {module: options})
    assert result["failed"]
    assert result["msg"].startswith("hub-1: read the registered members: ")
    assert words in result["msg"]
    assert "missing" not in result["msg"]


def test_an_audit_that_compared_a_list_with_nobody_says_so(lab):
    alone = asked(lab, FOREIGN, TEXT, {AUDIT: {}})
    assert alone["warnings"] == [
        "hub-1: nothing is expected of G1: who is listed there was compared with nobody"
    ]
    expected = {AUDIT: {"expected": {"G1": {"min_members": 1}}}}
    assert not asked(lab, FOREIGN, TEXT, expected).get("warnings")
