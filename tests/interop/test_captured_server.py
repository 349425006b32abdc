# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our member is served what an independent key server once said: policy, keys and every push.

Phase 1 cannot be had again, for its numbers are random: it is done by a server from the RFCs. What
stands in messages 2 and 4 and all pushes are the captured octets, taken out without our code.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from keyserver.gdoi.payloads import Profile
from keyserver.member.registrations import MemberState
from tests.interop.test_vectors import VECTORS, datagrams
from tests.keyserver.strange_server import PUSH
from tests.keyserver.stranger import KD, KE, NONCE, PULL, SA, pieces_of
from tests.keyserver.test_foreign_server import NOW, meet, member_of, server_of

pytestmark = pytest.mark.skipif(
    VECTORS is None, reason="GDOI_VECTORS_DIR is not set: no captures to read"
)
NAMES = ("t1", "t2", "t4")
# Seconds between two rekeys of the captures.
PAUSE = 8


def first_iv(data: bytes) -> bytes:
    """RFC 2409 Appendix B, with SHA-1 and a cipher of blocks of 8 octets."""
    return hashlib.sha1(data).digest()[:8]


def pulled(messages: list[bytes], key: bytes) -> list[list[tuple[int, bytes]]]:
    """Payloads of the four messages of the pull, HASH first."""
    last = messages[5][-8:]
    found, iv = [], b""
    for message in (one for one in messages if one[18] == PULL):
        iv = iv or first_iv(last + message[20:24])
        plain = Cipher(TripleDES(key), modes.CBC(iv)).decryptor().update(message[28:])
        found.append(pieces_of(message[16], plain))
        iv = message[-8:]
    return found


class Captured:
    """What was said, in octets."""

    def __init__(self, name: str) -> None:
        base = Path(VECTORS or "")
        notes = json.loads((base / f"{name}.json").read_text())
        every = datagrams(base / f"{name}.pcap")
        self.pushes = [one for one in every if one[18] == PUSH]
        messages = [one for one in every if one[18] != PUSH]
        assert KE in dict(pieces_of(messages[2][16], messages[2][28:]))
        (key,) = notes["phase1_keys"].values()
        asked, second, _, self.fourth = pulled(messages, bytes.fromhex(key))
        self.second = [piece for piece in second[1:] if piece[0] != NONCE]
        self.fourth = self.fourth[1:]
        self.asked = dict(asked)
        self.group, self.keks = notes["group_id"], set(notes["kek"])


@pytest.fixture(params=NAMES)
def captured(request):
    return Captured(request.param)


def test_a_member_registers_with_what_was_said_and_follows_every_push_to_the_deletion(captured):
    member = member_of(Profile.CISCO_REFERENCE, captured.group)
    server = server_of(captured.second, captured.fourth)
    meet(member, server)
    assert member.state is MemberState.REGISTERED, member.events
    # That implementation names its group in the host's order, and so do we to it.
    assert server.group == captured.asked[5]
    keks = {member.keys.kek.kek.spi.hex()}
    for number, push in enumerate(captured.pushes, 1):
        now = NOW + number * PAUSE
        member.tick(now)
        before = len(member.events)
        member.receive(push, now)
        is_last = number == len(captured.pushes)
        assert member.events[before].event == ("deleted" if is_last else "rekeyed")
        keks |= {spi.hex() for spi in member.keys.keks}
        assert bool(member.held().receives_with) is not is_last
    assert keks == captured.keks
    assert not {event.event for event in member.events} & {"refused", "ignored"}


def test_a_policy_that_is_laid_out_by_another_rule_is_refused_by_name_where_the_rfc_holds():
    captured = Captured("t1")
    member = member_of(Profile.RFC6407)
    meet(member, server_of(captured.second, captured.fourth))
    assert member.state is MemberState.WAITING
    assert "SAK" in member.events[-1].reason
    assert "(RFC 6407 §5.3)" in member.events[-1].reason


@pytest.mark.parametrize("name", ["t1", "t4"])
def test_one_bit_changed_in_what_was_said_gives_nobody_half_a_policy(name):
    captured = Captured(name)
    for kind in (SA, KD):
        body = dict(captured.second + captured.fourth)[kind]
        for position in range(0, len(body), 23):
            changed = bytearray(body)
            changed[position] ^= 0x40
            told = [
                [(k, bytes(changed) if k == kind else b) for k, b in message]
                for message in (captured.second, captured.fourth)
            ]
            member = member_of(Profile.CISCO_REFERENCE, captured.group)
            meet(member, server_of(*told))
            if member.state is not MemberState.REGISTERED:
                assert member.events[-1].event == "refused"
                assert (member.keys.teks, member.keys.keks) == ({}, {})
