# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a device has not taken of a change, on the tables of the resources."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.change import edits
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.draft import same
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.outcome import lacking, told
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import Configuration
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import parse_document
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import server

RESOURCE = server.RESOURCE


def parsed(text: str) -> Configuration:
    lines = [line.strip() for line in text.strip().splitlines()]
    whole = "".join(
        f"{verb} security group-vpn server {rest}\n"
        for verb, _, rest in (line.partition(" ") for line in lines)
    )
    return RESOURCE.parse(whole).explicit


def left(before: str, wanted: str, found: str) -> list[str]:
    """What is lacking, as commands below the server."""
    was, target, now = (parsed(text) for text in (before, wanted, found))
    still = edits(RESOURCE.root, now, target, Generation.V2)
    text = told(RESOURCE.prefix, lacking(still, was.tree, now.tree))
    return [part.replace("security group-vpn server ", "") for part in text.split("; ") if part]


GROUP = "set group G1 group-id 1"
GATEWAY = f"{GROUP}\nset ike gateway gw-1 address"
POLICY = f"{GROUP}\nset ike policy p-1 pre-shared-key ascii-text"


@pytest.mark.parametrize(
    ("before", "wanted", "found", "lacks"),
    [
        (GROUP, f"{GATEWAY} 192.0.2.7", GROUP, ["set ike gateway gw-1 address 192.0.2.7"]),
        (
            GROUP,
            f"{GATEWAY} 192.0.2.7",
            f"{GATEWAY} 192.0.2.8",
            ["set ike gateway gw-1 address 192.0.2.7"],
        ),
        (f"{GATEWAY} 192.0.2.7", GROUP, f"{GATEWAY} 192.0.2.7", ["delete ike"]),
        (
            f"{GATEWAY} 192.0.2.7\ndeactivate ike gateway gw-1",
            f"{GATEWAY} 192.0.2.7",
            f"{GATEWAY} 192.0.2.7\ndeactivate ike gateway gw-1",
            ["activate ike gateway gw-1"],
        ),
        (GROUP, f"{POLICY} top", f"{POLICY} pot", ["set ike policy p-1 pre-shared-key ascii-text"]),
    ],
    ids=["left out", "another value", "kept", "not activated", "another secret"],
)
def test_what_is_not_taken_is_named(before, wanted, found, lacks):
    named = left(before, wanted, found)
    assert len(named) == len(lacks)
    for line, start in zip(named, lacks, strict=True):
        assert line.startswith(start)
        assert "top" not in line


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (f"{GATEWAY} 192.0.2.7", f"{GATEWAY} 192.0.2.7"),
        (f"{GATEWAY} 2001:DB8:0::7", f"{GATEWAY} 2001:db8::7"),
        (f"{POLICY} top", f"{POLICY} $8$aes256-gcm$hmac-sha2-256$100$abcdefgh"),
        (GROUP, f"{GROUP}\nset group G1 description by-itself"),
        (GROUP, f"{GROUP}\nset ike gateway of-its-own address 192.0.2.9"),
    ],
    ids=["as it is", "spelled otherwise", "scrambled for good", "a leaf more", "an entry more"],
)
def test_what_may_be_the_same_and_what_a_device_adds_is_not_lacking(wanted, found):
    assert left(GROUP, wanted, found) == []


def test_a_long_list_of_what_is_lacking_is_cut_and_counted():
    many = "\n".join(f"set ike gateway gw-{n} address 192.0.2.{n}" for n in range(1, 9))
    named = left(GROUP, f"{GROUP}\n{many}", GROUP)
    assert len(named) == 6
    assert named[-1] == "and 3 more"
    five = "\n".join(many.splitlines()[:5])
    assert "and " not in " ".join(left(GROUP, f"{GROUP}\n{five}", GROUP))


STAMPED = (
    '<rpc-reply xmlns:j="urn:j" message-id="{}"><configuration {}>{}</configuration></rpc-reply>'
)


@pytest.mark.parametrize(
    ("stamp", "content", "is_same"),
    [
        ('j:commit-seconds="7" j:commit-user="ops"', "<a><b>1</b><c/></a>", True),
        ('j:changed-seconds="5"', "<a><b>2</b><c/></a>", False),
        ('j:changed-seconds="5"', "<a><c/><b>1</b></a>", False),
        ('j:changed-seconds="5"', '<a inactive="inactive"><b>1</b><c/></a>', False),
        ('j:changed-seconds="5"', "<a><b>1</b><c/></a><a/>", False),
        ('j:changed-seconds="5"', "", False),
        ('j:changed-seconds="5"', "odd<a><b>1</b><c/></a>", False),
    ],
    ids=["another stamp", "value", "order", "mark", "more", "nothing", "text"],
)
def test_readings_are_the_same_when_all_but_number_and_stamp_is(stamp, content, is_same):
    first = STAMPED.format(1, 'j:changed-seconds="5"', "<a><b>1</b><c/></a>")
    replies = (parse_document(text.encode()) for text in (first, STAMPED.format(2, stamp, content)))
    assert same(*replies) is is_same
