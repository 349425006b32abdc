# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Captures of an independent GDOI implementation: our codec reads them and writes them back."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
from pathlib import Path

import pytest

from keyserver.gdoi.numbers import GdoiExchange
from keyserver.gdoi.payloads import GroupSa, KeyDownload, Profile, Sequence, group_id_of
from keyserver.gdoi.pull import Grant
from keyserver.gdoi.push import open_push
from keyserver.ike.crypto import TRIPLE_DES, Phase1Keys, derive_keys
from keyserver.ike.exchange import ProtectedExchange
from keyserver.ike.numbers import PayloadType
from keyserver.ike.payloads import Delete, Identification, SaPayload
from keyserver.ike.proposal import Phase1Proposal
from keyserver.ike.wire import HEADER_LENGTH, Header, decode_chain, encode_chain, encode_message
from keyserver.member.keys import MemberKeys

VECTORS = os.environ.get("GDOI_VECTORS_DIR")
pytestmark = pytest.mark.skipif(
    VECTORS is None, reason="GDOI_VECTORS_DIR is not set: no captures to read"
)
CISCO = Profile.CISCO_REFERENCE
NOW = 1_800_000_000.0


def datagrams(path: Path) -> list[bytes]:
    """UDP payloads of a pcap file of Ethernet or raw IP frames."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link, position, found = struct.unpack(order + "I", data[20:24])[0], 24, []
    while position < len(data):
        size = struct.unpack(order + "I", data[position + 8 : position + 12])[0]
        frame = data[position + 16 : position + 16 + size]
        packet = frame[14:] if link == 1 else frame
        found.append(packet[(packet[0] & 15) * 4 + 8 :])
        position += 16 + size
    return found


class Capture:
    def __init__(self, name: str) -> None:
        self.name = name
        base = Path(VECTORS or "")
        self.notes = json.loads((base / f"{name}.json").read_text())
        self.messages = [
            (header, d)
            for d in datagrams(base / f"{name}.pcap")
            if (header := Header.decode(d)).exchange != GdoiExchange.GROUPKEY_PUSH
        ]
        clear = [
            {p.type: p.body for p in decode_chain(h.next_payload, d[HEADER_LENGTH:])[0]}
            for h, d in self.messages[:4]
        ]
        self.sa = clear[0][PayloadType.SA]
        self.public = tuple(m[PayloadType.KE] for m in clear[2:])
        nonces = tuple(m[PayloadType.NONCE] for m in clear[2:])
        answer = SaPayload.decode(clear[1][PayloadType.SA])
        proposal = Phase1Proposal.of(answer.proposals[0].transforms[0])
        assert proposal is not None
        assert proposal.cipher is TRIPLE_DES
        header = self.messages[1][0]
        self.cookies = (header.initiator_cookie, header.responder_cookie)
        self.keys: Phase1Keys = derive_keys(
            proposal.hash_name,
            proposal.cipher,
            self.notes["psk"].encode(),
            nonces,
            self.public,
            bytes.fromhex(self.notes["g_xy"]),
            b"".join(self.cookies),
        )

    def phase1_plain(self) -> list[bytes]:
        iv, plain = self.keys.first_iv, []
        for _, datagram in self.messages[4:6]:
            sealed = datagram[HEADER_LENGTH:]
            plain.append(self.keys.cipher.decrypt(self.keys.encryption_key, iv, sealed))
            iv = sealed[-self.keys.cipher.block :]
        self.last_block = iv
        return plain

    def exchange(self) -> ProtectedExchange:
        self.phase1_plain()
        message_id = self.messages[6][0].message_id
        return ProtectedExchange(
            self.keys, self.cookies, GdoiExchange.GROUPKEY_PULL, message_id, self.last_block
        )


@pytest.fixture(params=["t1", "t2", "t4"])
def capture(request):
    return Capture(request.param)


def _without_low_bits(key: str) -> bytes:
    # The reference code sets odd DES parity in place; the parity bits do not matter.
    return bytes(octet & 0xFE for octet in bytes.fromhex(key))


def test_the_derived_key_is_the_one_that_was_logged(capture):
    logged = capture.notes["phase1_keys"][capture.cookies[0].hex()]
    assert bytes(o & 0xFE for o in capture.keys.encryption_key) == _without_low_bits(logged)


def test_messages_in_the_clear_encode_to_the_same_octets(capture):
    for header, datagram in capture.messages[:4]:
        payloads, padding = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
        assert padding == b""
        assert encode_message(header, payloads) == datagram
        for payload in payloads:
            if payload.type == PayloadType.SA:
                assert SaPayload.decode(payload.body).encode() == payload.body


def test_phase_1_hashes_are_recomputed(capture):
    for number, plain in enumerate(capture.phase1_plain()):
        header = capture.messages[4 + number][0]
        payloads, _ = decode_chain(header.next_payload, plain)
        found = {p.type: p.body for p in payloads}
        step = 1 if number == 0 else -1
        covered = b"".join(
            (*capture.public[::step], *capture.cookies[::step], capture.sa, found[PayloadType.ID])
        )
        expected = hmac.digest(capture.keys.skeyid, covered, capture.keys.hash_name)
        assert found[PayloadType.HASH] == expected
        identity = Identification.decode(found[PayloadType.ID])
        assert identity.encode() == found[PayloadType.ID]
        assert str(identity) == ("10.77.0.2" if number == 0 else "10.77.0.1")


def test_the_pull_decrypts_every_hash_is_right_and_it_encodes_again_octet_for_octet(capture):
    reader, writer = capture.exchange(), capture.exchange()
    nonces, seen = b"", []
    for header, datagram in capture.messages[6:10]:
        payloads = reader.open(header, datagram, known=nonces)
        seen.append([p.type for p in payloads])
        for payload in payloads:
            decoded = {
                PayloadType.ID: Identification.decode,
                PayloadType.SA: lambda body: GroupSa.decode(body, CISCO),
                PayloadType.KD: KeyDownload.decode,
                PayloadType.SEQ: Sequence.decode,
            }.get(payload.type)
            if decoded is not None:
                assert decoded(payload.body).encode() == payload.body
        assert writer.seal(payloads, known=nonces) == datagram
        for payload in payloads:
            if payload.type == PayloadType.NONCE:
                nonces += payload.body
            elif payload.type == PayloadType.ID:
                identity = Identification.decode(payload.body)
                assert group_id_of(identity, CISCO) == capture.notes["group_id"]
    assert seen == [[10, 5], [10, 1], [], [18, 17]]


def test_the_keys_that_were_delivered_are_the_ones_that_were_logged(capture):
    reader, nonces, keys, policy = capture.exchange(), b"", None, None
    for header, datagram in capture.messages[6:10]:
        payloads = reader.open(header, datagram, known=nonces)
        for payload in payloads:
            if payload.type == PayloadType.NONCE:
                nonces += payload.body
            elif payload.type == PayloadType.KD:
                keys = KeyDownload.decode(payload.body)
            elif payload.type == PayloadType.SA:
                policy = GroupSa.decode(payload.body, CISCO)
    assert keys is not None
    assert policy is not None
    assert policy.kek is not None
    kek = next(p for p in keys.packets if p.type == 2)
    logged = capture.notes["kek"][kek.spi.hex()]
    assert kek.spi == policy.kek.spi
    size = len(logged["iv"]) // 2
    iv, key = kek.attributes[0].value[:size], kek.attributes[0].value[size:]
    assert iv.hex() == logged["iv"]
    if logged["alg"] == "3des":
        assert bytes(octet & 0xFE for octet in key) == _without_low_bits(logged["key"])
    else:
        assert key.hex() == logged["key"]


def test_a_hash_that_was_tampered_with_is_noticed(capture):
    from keyserver.ike.refusal import Refused

    header, datagram = capture.messages[6]
    broken = bytearray(datagram)
    broken[-1] ^= 1
    with pytest.raises(Refused):
        capture.exchange().open(header, bytes(broken))
    assert hashlib.sha1(datagram).digest() != hashlib.sha1(broken).digest()


def pushes(name: str) -> list[bytes]:
    found = datagrams(Path(VECTORS or "") / f"{name}.pcap")
    return [d for d in found if Header.decode(d).exchange == GdoiExchange.GROUPKEY_PUSH]


def registered(capture: Capture) -> MemberKeys:
    """A member's keys after the captured registration."""
    exchange, known, bodies = capture.exchange(), b"", []
    for header, datagram in capture.messages[6:10]:
        payloads = exchange.open(header, datagram, known=known)
        bodies.append({p.type: p.body for p in payloads})
        known += bodies[-1].get(PayloadType.NONCE, b"")
    grant = Grant(
        GroupSa.decode(bodies[1][PayloadType.SA], CISCO),
        KeyDownload.decode(bodies[3][PayloadType.KD]),
        Sequence.decode(bodies[3][PayloadType.SEQ]),
    )
    keys = MemberKeys(CISCO)
    keys.install_grant(grant, NOW)
    return keys


def test_every_rekey_is_decrypted_verified_and_installed(capture):
    keys = registered(capture)
    seen = []
    for datagram in pushes(capture.name):
        header = Header.decode(datagram)
        installed = keys.keks[header.spi]
        logged = capture.notes["kek"][installed.kek.spi.hex()]
        assert installed.kek.iv.hex() == logged["iv"]
        assert bytes(o & 0xFE for o in installed.kek.key) == _without_low_bits(logged["key"])
        opened = open_push(header, datagram, installed.kek, CISCO)
        assert opened.verify(installed.public_key)
        assert opened.push.sequence == installed.sequence + 1 or not installed.sequence
        keys.install_push(opened.push, installed, NOW)
        installed.sequence = opened.push.sequence
        seen.append(opened.push)
    assert set(capture.notes["kek"]) == {spi.hex() for spi in keys.keks}
    # The capture ends with a deletion of every TEK that was ever given out.
    assert seen[-1].sa is None
    assert not keys.teks


def test_rekeys_encode_to_the_same_octets(capture):
    keys = registered(capture)
    for datagram in pushes(capture.name):
        header = Header.decode(datagram)
        installed = keys.keks[header.spi]
        kek = installed.kek
        plain = kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:])
        payloads, padding = decode_chain(header.next_payload, plain)
        for payload in payloads:
            decode = {
                PayloadType.SEQ: Sequence.decode,
                PayloadType.DELETE: Delete.decode,
                PayloadType.SA: lambda body: GroupSa.decode(body, CISCO),
                PayloadType.KD: KeyDownload.decode,
            }.get(payload.type)
            if decode is not None:
                assert decode(payload.body).encode() == payload.body
        chain = encode_chain(payloads)
        assert chain + padding == plain
        sealed = kek.cipher.encrypt(kek.key, kek.iv, chain)
        if not any(padding):
            assert header.encode() + sealed == datagram
        keys.install_push(open_push(header, datagram, kek, CISCO).push, installed, NOW)


def test_a_rekey_with_one_bit_changed_is_not_verified(capture):
    keys = registered(capture)
    datagram = pushes(capture.name)[0]
    header = Header.decode(datagram)
    installed = keys.keks[header.spi]
    kek = installed.kek
    plain = bytearray(kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:]))
    payloads, _ = decode_chain(header.next_payload, bytes(plain))
    signature = sum(p.size for p in payloads[:-1]) + 4
    for position in (7, signature - 5, signature, signature + len(payloads[-1].body) - 1):
        changed = bytearray(plain)
        changed[position] ^= 1
        forged = header.encode() + kek.cipher.encrypt(kek.key, kek.iv, bytes(changed))
        assert not open_push(header, forged, kek, CISCO).verify(installed.public_key)
