# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attacks on the key plane: replay, forgery, lies about lengths, floods. State must not move."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
import tracemalloc
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from keyserver.gdoi import associations
from keyserver.gdoi.acknowledgement import AckAlgorithm, decode_ack, encode_ack
from keyserver.gdoi.numbers import GdoiExchange, TekProtocol
from keyserver.gdoi.payloads import Sequence
from keyserver.gdoi.push import Push, open_push, seal_push
from keyserver.ike.dh import DH_GROUPS
from keyserver.ike.numbers import Exchange, PayloadType
from keyserver.ike.payloads import Delete, Identification, Proposal, SaPayload
from keyserver.ike.wire import (
    HEADER_LENGTH,
    Header,
    Payload,
    decode_chain,
    encode_chain,
    encode_message,
)
from keyserver.member.registrations import MemberState
from tests.keyserver.odd import sealed_push
from tests.keyserver.test_rekey import MULTICAST, V1_BLOCK, V2_BLOCK
from tests.keyserver.world import GM, V1_SMC, World

OTHER = "192.0.2.12"


def state_of(member):
    """Everything that an attacker would like to change."""
    keys = member.keys
    sequences = {spi: kek.sequence for spi, kek in keys.keks.items()}
    return member.state, sequences, dict(keys.teks), keys.current_kek, member.wake_at


@pytest.fixture
def rekeyed(signing_key):
    """A world after two rekeys: their datagrams, and the KEKs that they were under."""
    world = World(signing_key, extra=(V2_BLOCK,))
    world.joined(1)
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-192-cbc")
    world.pass_time(2)
    assert len(world.pushed) == 2
    return world


def forged(member, signing_key, push, seal=None):
    """A push under the member's current KEK, as somebody who knows it could make it."""
    kek = member.keys.kek.kek
    return seal_push(push, seal or kek, signing_key(""))


def test_replays_change_nothing_also_from_an_earlier_kek(rekeyed):
    (member,) = rekeyed.members.values()
    before = state_of(member)
    for datagram in rekeyed.pushed:
        assert member.receive(datagram, rekeyed.now) == []
        # The acknowledgement may be repeated, no more than that.
        rekeyed.pass_time(2)
        assert state_of(member) == before


def test_sequence_numbers_that_do_not_grow_are_refused(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    wipe = (Delete(1, (bytes(4),)),)
    member.receive(forged(member, signing_key, Push(7)), rekeyed.now)
    before = state_of(member)
    for number in (0, 1, 6, 7):
        member.receive(forged(member, signing_key, Push(number, wipe)), rekeyed.now)
        assert state_of(member) == before
    assert "replayed" in member.events[-1].reason
    member.receive(forged(member, signing_key, Push(8, wipe)), rekeyed.now)
    assert not member.keys.teks


def test_a_push_of_a_number_that_the_registration_told_is_refused(signing_key):
    """RFC 6407 §3.2: also by who has heard no push yet."""
    world = World(signing_key, extra=(V2_BLOCK,), members=2)
    world.joined(1)
    world.groups.by_name["G1"].keyring.kek.sequence = 5
    newcomer = world.member("192.0.2.12")
    world.run(newcomer, "192.0.2.12")
    wipe = (Delete(1, (bytes(4),)),)
    for number in (1, 5):
        newcomer.receive(forged(newcomer, signing_key, Push(number, wipe)), world.now)
        assert newcomer.events[-1].reason == f"SEQ {number} after 5: replayed"
    assert newcomer.keys.teks


def test_who_knows_the_kek_but_not_the_signing_key_cannot_push(rekeyed):
    (member,) = rekeyed.members.values()
    before = state_of(member)
    own = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    wipe = Push(99, (Delete(1, (bytes(4),)), Delete(0, (bytes(16),))))
    member.receive(forged(member, lambda _: own, wipe), rekeyed.now)
    assert member.events[-1].reason == "SIG does not match"
    # RFC 6407 §7.3.5: of an old number not even the signature is looked at.
    member.receive(forged(member, lambda _: own, Push(0)), rekeyed.now)
    assert "replayed" in member.events[-1].reason
    assert state_of(member) == before


def test_a_delete_that_names_a_piece_of_a_key_deletes_none(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    before = member.held()
    spi = bytes.fromhex(before.receives_with[-1])
    member.receive(forged(member, signing_key, Push(7, (Delete(1, (spi[:3],)),))), rekeyed.now)
    assert member.held() == before
    member.receive(forged(member, signing_key, Push(8, (Delete(1, (spi,)),))), rekeyed.now)
    assert member.held() != before


def test_a_delete_of_another_protocols_key_with_the_same_spi_deletes_none(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    before = member.held()
    spi = bytes.fromhex(before.receives_with[-1])
    for number, protocol in ((7, TekProtocol.AH), (8, 99)):
        member.receive(
            forged(member, signing_key, Push(number, (Delete(protocol, (spi,)),))), rekeyed.now
        )
        assert member.held() == before
    ours = Push(9, (Delete(TekProtocol.ESP, (spi,)),))
    member.receive(forged(member, signing_key, ours), rekeyed.now)
    assert member.held() != before


def test_a_bad_push_does_not_stop_the_member_from_taking_the_next(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    for noise in (b"", b"\0", secrets.token_bytes(600), rekeyed.pushed[-1][:-1]):
        member.receive(noise, rekeyed.now)
    kek = member.keys.kek.kek
    datagram = seal_push(Push(1), kek, signing_key(""))
    broken = datagram[:-16] + bytes(16)
    member.receive(broken, rekeyed.now)
    member.receive(datagram, rekeyed.now)
    assert member.events[-1].event == "heartbeat"


def bodies_of_a_push(rekeyed, member):
    """Bodies of a real push by payload type, its sequence number a new one."""
    kek = next(k for s, k in member.keys.keks.items() if rekeyed.pushed[1].startswith(s[:8])).kek
    datagram = rekeyed.pushed[1]
    plain = kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:])
    payloads, _ = decode_chain(Header.decode(datagram).next_payload, plain)
    unused = Delete(TekProtocol.ESP, (bytes(4),)).encode()
    return {p.type: p.body for p in payloads} | {
        PayloadType.SEQ: Sequence(member.keys.kek.sequence + 1).encode(),
        PayloadType.DELETE: unused,
        PayloadType.NONCE: bytes(16),
        99: bytes(4),
    }


SEQ, SA, KD, SIG = PayloadType.SEQ, PayloadType.SA, PayloadType.KD, PayloadType.SIG


@pytest.mark.parametrize(
    "kinds",
    [
        [SIG],
        [SEQ],
        [SA, KD, SIG],
        [SEQ, SA, KD],
        [SEQ, SIG, PayloadType.DELETE],
        [SEQ, SIG, SA, KD],
        [SEQ, SIG, SIG],
    ],
    ids=lambda kinds: "-".join(str(int(k)) for k in kinds),
)
def test_a_push_without_its_proof_in_its_place_is_noise(signing_key, rekeyed, kinds):
    (member,) = rekeyed.members.values()
    before = state_of(member)
    bodies = bodies_of_a_push(rekeyed, member)
    payloads = [Payload(kind, bodies.get(kind, b"")) for kind in kinds]
    chain = sealed_push(payloads, member.keys.kek.kek, signing_key(""))
    member.receive(chain, rekeyed.now)
    assert member.events[-1].event == "ignored"
    assert state_of(member) == before


@pytest.mark.parametrize(
    "kinds",
    [
        [SEQ, SA, SIG],
        [SEQ, KD, SIG],
        [SEQ, SA, KD, SA, KD, SIG],
        [SEQ, SEQ, SIG],
        [SEQ, PayloadType.NONCE, SIG],
        [SEQ, 99, SIG],
    ],
    ids=lambda kinds: "-".join(str(int(k)) for k in kinds),
)
def test_a_push_that_is_signed_but_laid_out_wrongly_is_told_and_changes_no_key(
    signing_key, rekeyed, kinds
):
    (member,) = rekeyed.members.values()
    before = (member.held(), set(member.keys.keks))
    bodies = bodies_of_a_push(rekeyed, member)
    payloads = [Payload(kind, bodies.get(kind, b"")) for kind in kinds]
    member.receive(sealed_push(payloads, member.keys.kek.kek, signing_key("")), rekeyed.now)
    assert member.events[-1].event == "refused"
    assert "push: payloads" in member.events[-1].reason
    assert (member.held(), set(member.keys.keks)) == before


@pytest.mark.parametrize(
    ("kinds", "event"),
    [
        ([SEQ, SIG], "heartbeat"),
        ([SEQ, PayloadType.DELETE, SIG], "deleted"),
        ([SEQ, SA, KD, SIG], "rekeyed"),
        ([SEQ, KD, SA, SIG], "rekeyed"),
    ],
    ids=["heartbeat", "delete", "rekey", "keys first"],
)
def test_a_push_that_is_signed_and_laid_out_rightly_is_taken(signing_key, rekeyed, kinds, event):
    """The counterpart: what the test above refuses, it refuses for its layout."""
    (member,) = rekeyed.members.values()
    bodies = bodies_of_a_push(rekeyed, member)
    payloads = [Payload(kind, bodies.get(kind, b"")) for kind in kinds]
    chain = sealed_push(payloads, member.keys.kek.kek, signing_key(""))
    before = len(member.events)
    member.receive(chain, rekeyed.now)
    assert member.events[before].event == event


def test_every_length_field_of_a_push_may_lie(rekeyed):
    (member,) = rekeyed.members.values()
    kek = next(k for s, k in member.keys.keks.items() if rekeyed.pushed[1].startswith(s[:8])).kek
    datagram = rekeyed.pushed[1]
    header = Header.decode(datagram)
    plain = kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:])
    before = state_of(member)
    for position in range(0, len(plain) - 1):
        for lie in (0, 1, 3, 0xFFFF):
            changed = plain[:position] + struct.pack("!H", lie) + plain[position + 2 :]
            if changed == plain:
                continue
            sealed = kek.cipher.encrypt(kek.key, kek.iv, changed)
            member.receive(header._replace(length=28 + len(sealed)).encode() + sealed, rekeyed.now)
    assert state_of(member) == before
    assert {e.event for e in member.events[-1000:]} == {"ignored"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda kek, seq: encode_ack(kek, AckAlgorithm.KEK_SHA512, seq, Identification.address(GM)),
        lambda kek, seq: encode_ack(kek, 1, seq + 1, Identification.address(GM)),
        lambda kek, seq: encode_ack(kek, 1, seq, Identification.address("192.0.2.99")),
        lambda kek, seq: encode_ack(
            replace(kek, key=bytes(32)), 1, seq, Identification.address(GM)
        ),
        lambda kek, seq: encode_ack(
            replace(kek, spi=bytes([1] * 16)), 1, seq, Identification.address(GM)
        ),
    ],
    ids=["hash", "sequence", "identity", "key", "spi"],
)
def test_a_forged_acknowledgement_does_not_count(signing_key, forge):
    world = World(signing_key, extra=(V2_BLOCK,))
    (member,) = world.joined(1)
    kek = member.keys.kek.kek
    world.lost.add(GM)
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    _, events = world.endpoint.receive(forge(kek, 1), (GM, 848), world.now)
    assert "nobody waits" in events[0].reason
    assert world.listed()[1].push_acknowledged == 0
    right = encode_ack(kek, 1, 1, Identification.address(GM))
    world.endpoint.receive(right, ("192.0.2.99", 848), world.now)
    assert world.listed()[1].push_acknowledged == 0
    world.endpoint.receive(right, (GM, 848), world.now)
    world.endpoint.receive(right, (GM, 848), world.now)
    assert world.listed()[1].push_acknowledged == 1


@pytest.mark.parametrize(
    ("algorithm", "name", "bits", "right"),
    [
        (1, "sha256", 512, True),
        (1, "sha256", 256, True),
        (1, "sha256", 1024, False),
        (3, "sha512", 1024, True),
        (3, "sha512", 512, True),
        (3, "sha512", 256, False),
    ],
)
def test_an_acknowledgement_is_right_with_both_lengths_of_rfc_8263(
    signing_key, algorithm, name, bits, right
):
    (member,) = World(signing_key, extra=(V2_BLOCK,)).joined(1)
    kek = member.keys.kek.kek
    said = encode_ack(kek, algorithm, 1, Identification.address(GM))
    # HDR and the HASH payload's own header; then the HASH, which covers what is behind it.
    start, end = HEADER_LENGTH + 4, HEADER_LENGTH + 4 + hashlib.new(name).digest_size
    label = b"GROUPKEY-PUSH ACK\0" + kek.spi + bits.to_bytes(2, "big")
    proof = hmac.digest(hmac.digest(kek.key, label, name), said[end:], name)
    made = said[:start] + proof + said[end:]
    assert decode_ack(Header.decode(made), made).verify(kek, algorithm) is right


def test_pushes_under_an_unknown_kek_cost_one_registration_a_minute_at_most(signing_key):
    world = World(signing_key, "v1", extra=(V1_BLOCK + " heartbeat 3600",))
    (member,) = world.joined(1)
    teks = dict(member.keys.teks)
    for _ in range(600):
        spi = secrets.token_bytes(16)
        header = Header(spi[:8], spi[8:], 18, GdoiExchange.GROUPKEY_PUSH, 1, 0, 92)
        member.receive(header.encode() + secrets.token_bytes(64), world.now)
        assert member.keys.teks == teks or world.happenings().count("registered") > 1
        world.pass_time(0.1)
    assert world.happenings().count("registered") == 2


def first_message(world) -> bytes:
    header = Header(secrets.token_bytes(8), bytes(8), 0, Exchange.IDENTITY_PROTECTION)
    proposal = world.groups.peers.at(GM)[0].proposals[0]
    sa = SaPayload((Proposal(1, 1, b"", (proposal.transform(1, 3600),)),))
    return encode_message(header, [Payload(PayloadType.SA, sa.encode())])


def test_a_cookie_flood_stays_within_the_half_open_table(signing_key, monkeypatch):
    monkeypatch.setattr(associations, "HALF_OPEN_LIMIT", 50)
    world = World(signing_key)
    tracemalloc.start()
    for _ in range(3000):
        world.endpoint.receive(first_message(world), (GM, 848), world.now)
    filled, _ = tracemalloc.get_traced_memory()
    for _ in range(3000):
        world.endpoint.receive(first_message(world), (GM, 848), world.now)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert world.endpoint.half_open == 50
    assert after < filled + 100_000
    member = world.member()
    world.run(member)
    assert member.state is MemberState.REGISTERED


def test_who_begins_many_phase_1_pushes_out_nobody_else(signing_key, monkeypatch):
    monkeypatch.setattr(associations, "HALF_OPEN_LIMIT", 8)
    monkeypatch.setattr(associations, "HALF_OPEN_OF_ONE", 5)
    world = World(signing_key, members=2)
    other = world.member(OTHER)
    (first,) = other.start(world.now)
    answer, _ = world.endpoint.receive(first, (OTHER, 848), world.now)
    for _ in range(20):
        world.endpoint.receive(first_message(world), (GM, 848), world.now)
    assert world.endpoint.half_open == 6
    world.exchange(other.receive(answer, world.now), other, OTHER)
    assert other.state is MemberState.REGISTERED


def test_who_ends_many_phase_1_pushes_out_nobody_else(signing_key, monkeypatch):
    monkeypatch.setattr(associations, "ASSOCIATION_LIMIT", 5)
    monkeypatch.setattr(associations, "ASSOCIATIONS_OF_ONE", 3)
    world = World(signing_key, members=2)
    world.run(world.member(OTHER), OTHER)
    (kept,) = world.endpoint.associations(world.now)
    for _ in range(6):
        world.run(world.member())
    last = world.endpoint.associations(world.now)
    assert [one.address for one in last] == [OTHER, GM, GM, GM]
    assert last[0].responder_cookie == kept.responder_cookie
    world.run(world.member())
    assert world.endpoint.associations(world.now)[1:3] == last[2:]


def test_floods_from_strangers_keep_nothing(signing_key):
    world = World(signing_key)
    for number in range(1000):
        world.endpoint.receive(first_message(world), (f"198.51.100.{number % 250}", 848), world.now)
    assert world.endpoint.half_open == 0


@pytest.mark.parametrize("value", [0, 1, "p-1", "p", "p+1", "long", "short"])
def test_dh_values_out_of_range_are_refused(signing_key, value):
    world = World(signing_key)
    group = DH_GROUPS[14]
    first = first_message(world)
    answer, _ = world.endpoint.receive(first, (GM, 848), world.now)
    header = Header.decode(answer)
    size = group.size
    octets = {
        0: bytes(size),
        1: b"\1".rjust(size, b"\0"),
        "p-1": (group.prime - 1).to_bytes(size, "big"),
        "p": group.prime.to_bytes(size, "big"),
        "p+1": (group.prime + 1).to_bytes(size, "big"),
        "long": b"\2" * (size + 1),
        "short": b"\2" * (size - 1),
    }[value]
    cookies = (header.initiator_cookie, header.responder_cookie)
    message = encode_message(
        Header(*cookies, 0, Exchange.IDENTITY_PROTECTION),
        [Payload(PayloadType.KE, octets), Payload(PayloadType.NONCE, bytes(20))],
    )
    answer, events = world.endpoint.receive(message, (GM, 848), world.now)
    assert "out of range" in events[0].reason
    assert Header.decode(answer).exchange == Exchange.INFORMATIONAL


def test_no_proof_of_possession_is_taken(signing_key):
    """RFC 6407 §3.1: CERT and POP of RFC 3547 allow a man in the middle; they are refused."""
    world = World(signing_key)
    member = world.member()
    queue, number, last_block = member.start(world.now), 0, b""
    while queue:
        datagram = queue.pop(0)
        number += 1
        if number == 5:
            # Message 3 of the pull, with a POP_I payload behind its HASH.
            pull = member.registrations._attempt._pull
            pull._exchange._chain.iv = last_block
            datagram = pull._exchange.seal([Payload(19, bytes(64))], known=pull._nonces)
        answer, events = world.endpoint.receive(datagram, (GM, 848), world.now)
        last_block = answer[-16:]
        if number == 5:
            assert "GAP at most" in events[0].reason
            break
        queue += member.receive(answer, world.now)
    assert world.listed()[0] == []


def test_large_datagrams_and_fragments_are_refused(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    before = state_of(member)
    for octets in (bytes(65507), rekeyed.pushed[1] * 40, rekeyed.pushed[1][:512]):
        member.receive(octets[:65507], rekeyed.now)
        rekeyed.endpoint.receive(octets[:65507], (GM, 848), rekeyed.now)
    rekeyed.pass_time(2)
    assert state_of(member) == before


def test_a_member_of_a_multicast_group_cannot_rekey_the_others(signing_key):
    world = World(signing_key, "v1", extra=(MULTICAST,), members=2)
    insider, victim = world.joined(2)
    before = state_of(victim)
    own = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    kek = insider.keys.kek.kek
    victim.receive(seal_push(Push(5, (Delete(1, (bytes(4),)),)), kek, own), world.now)
    assert state_of(victim) == before


def test_secrets_are_in_no_event_and_no_repr(signing_key, rekeyed):
    (member,) = rekeyed.members.values()
    kek = member.keys.kek
    shown = repr((member.events, kek, kek.kek, list(member.keys.teks.values()), rekeyed.view()))
    hidden = [kek.kek.key, kek.kek.iv]
    held = [tek.keys for teks in member.keys.teks.values() for tek in teks]
    hidden += [key for keys in held for key in (keys.encryption, keys.integrity)]
    for secret in hidden:
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


def test_a_signature_is_compared_whole(signing_key, rekeyed):
    """Not only the octets of the hash: what stands around it must be right too."""
    (member,) = rekeyed.members.values()
    kek, key = member.keys.kek.kek, signing_key("")
    datagram = seal_push(Push(50), kek, key)
    header = Header.decode(datagram)
    plain = kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:])
    payloads, _ = decode_chain(header.next_payload, plain)
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (key.key_size + 7) // 8
    right = pow(int.from_bytes(payloads[-1].body, "big"), 65537, modulus).to_bytes(size, "big")
    digest = right[-32:]
    for block in (
        # Bleichenbacher 2006: short padding, the hash, then what helps to find a root.
        b"\0\1" + b"\xff" * 8 + b"\0" + right[-51:] + bytes(size - 62),
        b"\0\2" + b"\xff" * (size - 35) + b"\0" + digest,
        b"\0\1" + b"\xff" * (size - 36) + b"\0" + b"\0" + digest,
    ):
        assert len(block) == size
        signature = pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(size, "big")
        chain = plain[: len(plain) - len(plain[sum(p.size for p in payloads[:-1]) :])]
        chain += encode_chain([Payload(9, signature)])
        sealed = kek.cipher.encrypt(kek.key, kek.iv, chain)
        forged_push = header._replace(length=28 + len(sealed)).encode() + sealed
        opened = open_push(Header.decode(forged_push), forged_push, kek)
        assert not opened.verify(member.keys.kek.public_key)
