# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Registration, both ends in one process, no socket: what is granted and what is refused."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keyserver.gdoi.arrival import RefusedPeer
from keyserver.gdoi.numbers import IpsecAttribute, KekAttribute
from keyserver.gdoi.payloads import GroupSa, KeyDownload
from keyserver.ike.dpd import dpd_message, dpd_of
from keyserver.ike.exchange import new_message_id
from keyserver.ike.numbers import Exchange, NotifyType, PayloadType
from keyserver.ike.payloads import Delete, Identification, SaPayload
from keyserver.ike.wire import Header, MalformedPayload, Payload, decode_attributes, decode_chain
from keyserver.member.registration import PATIENT_SECONDS, RETRANSMIT_SECONDS
from keyserver.member.registrations import MemberState
from tests.keyserver.world import GM, V1_SMC, World

V2 = list(
    itertools.product(
        ("group14", "group24"),
        ("sha-256", "sha-384"),
        ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc"),
    )
)
V1 = list(
    itertools.product(
        ("group1", "group2", "group5", "group14"),
        ("md5", "sha1", "sha-256"),
        ("des-cbc", "3des-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc"),
    )
)


@pytest.mark.parametrize(
    ("generation", "phase1"),
    [("v2", p) for p in V2] + [("v1", p) for p in V1],
    ids=lambda p: p if isinstance(p, str) else "-".join(p),
)
def test_a_member_registers_with_every_phase_1_algorithm(signing_key, generation, phase1):
    world = World(signing_key, generation, phase1)
    member = world.member()
    sent = world.run(member)
    assert member.state is MemberState.REGISTERED
    assert len(sent) == 10
    assert world.listed()[0] == [GM]
    assert member.keys.teks
    assert member.keys.kek is None


@pytest.mark.parametrize(
    ("generation", "cipher", "sig_hash", "number", "bits", "octets"),
    [
        ("v1", "des-cbc", "md5", 1, 64, 16),
        ("v1", "3des-cbc", "sha1", 2, 192, 32),
        ("v1", "aes-192-cbc", "sha1", 3, 192, 40),
        ("v2", "aes-128-cbc", "sha-256", 3, 128, 32),
        ("v2", "aes-256-cbc", "sha-384", 3, 256, 48),
    ],
)
def test_the_kek_follows_the_committed_configuration(
    signing_key, generation, cipher, sig_hash, number, bits, octets
):
    world = World(signing_key, generation)
    world.commit(
        V1_SMC + f"encryption-algorithm {cipher} sig-hash-algorithm {sig_hash} lifetime-seconds 900"
    )
    member = world.member()
    world.run(member)
    view = world.view().kek
    assert view.life_remaining == 900
    kek = member.keys.kek
    assert kek.kek.spi.hex() == view.spi
    assert kek.sequence == 0
    assert kek.expires == world.now + 900
    (grant,) = world.grants
    found = {a.type: a.number for a in grant.sa.kek.attributes}
    assert found[KekAttribute.ALGORITHM] == number
    assert found[KekAttribute.KEY_LENGTH] == bits
    assert (
        found[KekAttribute.SIG_HASH_ALGORITHM]
        == {"md5": 1, "sha1": 2, "sha-256": 3, "sha-384": 4}[sig_hash]
    )
    assert len(kek.kek.iv + kek.kek.key) == octets


def test_members_of_one_group_get_the_same_keys_and_another_group_other_keys(signing_key):
    world = World(signing_key, members=2)
    one, two, other = world.member(), world.member("192.0.2.12"), world.member(group=2)
    world.run(one)
    world.run(two, "192.0.2.12")
    world.run(other)
    assert one.keys.teks == two.keys.teks
    assert one.keys.teks != other.keys.teks
    assert [len(t.keys.encryption) for teks in one.keys.teks.values() for t in teks] == [32]


def test_configuring_the_block_clears_the_list_and_changing_it_does_not(signing_key):
    world = World(signing_key)
    world.run(world.member())
    assert world.listed()[0] == [GM]
    block = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
    world.commit(block)
    assert world.listed()[0] == []
    world.run(world.member())
    world.commit(block, V1_SMC + "lifetime-seconds 900")
    assert world.listed()[0] == [GM]


def test_without_the_block_a_silent_member_stays_listed(signing_key):
    world = World(signing_key)
    member = world.member()
    world.run(member)
    member.stop()
    world.now += 86_400
    assert world.listed()[0] == [GM]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"psk": "another"}, "wrong pre-shared key"),
        ({"group": 99}, "is not for this gateway"),
        ({"address": "192.0.2.99"}, "no IKE gateway"),
    ],
)
def test_who_must_not_register_is_refused_once_and_counted_at_its_gateway(
    signing_key, change, reason
):
    world = World(signing_key)
    member = world.member(**change)
    world.run(member, change.get("address", GM))
    assert member.state is not MemberState.REGISTERED
    assert reason in " ".join(getattr(e, "reason", "") for e in world.events)
    assert world.listed()[0] == []
    assert [isinstance(event, RefusedPeer) for event in world.events].count(True) == 1
    if "group" not in change and "address" not in change:
        assert world.listed()[1].pull_failed == 1


def test_a_gateway_gets_the_keys_of_its_own_groups_alone(signing_key):
    """RFC 6407 §3.1: who is known in phase 1 is not yet of every group."""
    world = World(signing_key, members=2)
    world.text = world.text.replace("set security group-vpn server group G2 ike-gateway gm-1\n", "")
    world.commit()
    strange, own = world.member(group=2), world.member("192.0.2.12", group=2)
    world.run(strange)
    world.run(own, "192.0.2.12")
    assert "group 2 is not for this gateway" in " ".join(
        getattr(event, "reason", "") for event in world.events
    )
    assert (strange.held().receives_with, own.state) == ((), MemberState.REGISTERED)
    assert world.listed("G2")[0] == ["192.0.2.12"]


def test_an_identity_that_is_not_the_gateways_is_refused(signing_key):
    world = World(signing_key)
    member = world.member("192.0.2.99")
    world.run(member, source=GM)
    assert "identity 192.0.2.99 is not 192.0.2.11" in world.events[-1].reason
    assert world.listed()[0] == []


def test_a_member_refuses_a_key_server_that_it_did_not_pin(signing_key):
    world = World(signing_key)
    member = world.member(pinned="192.0.2.200")
    world.run(member)
    assert member.state is not MemberState.REGISTERED
    assert "is not 192.0.2.200" in (member.events[-1].reason or "")


def test_a_key_server_says_that_it_is_what_the_gateway_has_as_its_local_identity(signing_key):
    line = "set security group-vpn server ike gateway gm-1 local-identity inet 192.0.2.99"
    world = World(signing_key, extra=(line,))
    for member, listed in ((world.member(), []), (world.member(pinned="192.0.2.99"), [GM])):
        world.run(member)
        assert world.listed()[0] == listed


def test_the_member_threshold_holds_and_known_members_come_back(signing_key):
    threshold = "set security group-vpn server group G1 member-threshold 1"
    world = World(signing_key, extra=(threshold,), members=2)
    world.run(world.member())
    late = world.member("192.0.2.12")
    world.run(late, "192.0.2.12")
    assert late.events[-1].reason == "MEMBER-THRESHOLD-EXCEEDED"
    members, counters = world.listed()
    assert members == [GM]
    assert counters.pull_exceed_member_threshold == 1
    world.run(world.member("192.0.2.12"), "192.0.2.12")
    assert counters.pull_exceed_member_threshold == 2
    again = world.member()
    world.run(again)
    assert again.state is MemberState.REGISTERED


def test_a_replayed_datagram_gets_the_same_answer_and_changes_nothing(signing_key):
    world = World(signing_key)
    sent = world.run(world.member())
    before = world.listed()
    counters = replace(before[1])
    for datagram, answer in zip(sent[4::2], sent[5::2], strict=True):
        again, events = world.endpoint.receive(datagram, (GM, 848), world.now)
        assert again in (None, answer)
        assert not events
    assert world.listed()[1] == counters


def test_the_non_esp_marker_is_accepted_on_any_port(signing_key):
    world = World(signing_key)
    member = world.member()
    (first,) = member.start(world.now)
    answer, _ = world.endpoint.receive(bytes(4) + first, (GM, 4848), world.now)
    assert answer is not None
    assert answer[:4] == bytes(4)
    assert member.receive(answer[4:], world.now)


def check_pauses(world, member, sent, times):
    """RFC 2408 §5.1: not at a fixed interval, so that a server with much to do is not kept so."""
    pauses = []
    for _ in range(1, times):
        pauses.append(member.wake_at - world.now)
        world.now = member.wake_at
        assert member.tick(world.now) == [sent]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]


def test_a_member_retransmits_gives_up_and_tries_again(signing_key):
    world = World(signing_key)
    member = world.member()
    (first,) = member.start(world.now)
    check_pauses(world, member, first, len(RETRANSMIT_SECONDS))
    world.now = member.wake_at
    assert member.tick(world.now) == []
    assert member.events[-1].event == "refused"
    world.now = member.wake_at
    (again,) = member.tick(world.now)
    assert again != first


@pytest.mark.parametrize("answers", [1, 2, 3, 4])
def test_a_member_is_patient_with_a_server_that_has_answered(signing_key, answers):
    world = World(signing_key)
    member = world.member()
    (sent,) = member.start(world.now)
    for _ in range(answers):
        answer, _ = world.endpoint.receive(sent, (GM, 848), world.now)
        (sent,) = member.receive(answer, world.now)
    check_pauses(world, member, sent, len(PATIENT_SECONDS))
    # The last of them arrives, and is answered all the same.
    answer, _ = world.endpoint.receive(sent, (GM, 848), world.now)
    assert answer is not None
    member.receive(answer, world.now)
    assert not [event for event in member.events if event.event == "refused"]


def test_a_member_registers_again_before_its_keys_end(signing_key):
    world = World(signing_key)
    member = world.member()
    world.run(member)
    # TEK lifetime 3600 s less three delays of 15 s, and up to a quarter of one for jitter.
    assert member.wake_at == world.now + 3600 - 45 - 0.5 * 3.75
    world.now = member.wake_at
    assert member.tick(world.now)
    assert member.events[-1].event == "reregistering"


# What a member sends: messages 1, 3 and 5 of main mode, 1 and 3 of the pull. From the third on all
# is encrypted and authentic, but for the header's minor version and flags: no hash covers them.
_MESSAGES = 5
_FIRST_PROTECTED = 2
_NOT_COVERED = (17, 19)


def registered_but_for(world, number, change):
    """Register while message ``number`` arrives changed; whether the member thinks it is in."""
    member = world.member()
    queue, sent = member.start(world.now), 0
    while queue:
        datagram = queue.pop(0)
        arrives = change(datagram) if sent == number else datagram
        answer, _ = world.endpoint.receive(arrives, (GM, 848), world.now)
        queue += member.receive(answer, world.now) if answer is not None else []
        sent += 1
    assert sent > number, "the message to be changed was never sent"
    return member.state is MemberState.REGISTERED


@pytest.mark.parametrize("number", range(_MESSAGES))
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_message_of_a_registration_neither_crashes_nor_registers(
    signing_key, number, data
):
    world = World(signing_key, phase1=("group14", "sha-256", "aes-128-cbc"))

    def damage(datagram):
        damaged = bytearray(datagram)
        for _ in range(data.draw(st.integers(1, 4))):
            position = data.draw(st.integers(0, len(damaged) - 1))
            if position not in _NOT_COVERED:
                damaged[position] ^= data.draw(st.integers(1, 255))
        cut = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
        assume(bytes(damaged[:cut]) != datagram)
        return bytes(damaged[:cut])

    registered = registered_but_for(world, number, damage)
    assert world.listed()[0] == ([GM] if registered else [])
    assert not (registered and number >= _FIRST_PROTECTED)
    world.run(world.member())
    assert world.listed()[0] == [GM], "what was damaged must not keep the next one out"


@given(st.binary(max_size=400))
def test_no_decoder_does_more_than_refuse(octets):
    for decode in (
        Header.decode,
        SaPayload.decode,
        GroupSa.decode,
        KeyDownload.decode,
        Identification.decode,
        lambda data: decode_chain(1, data),
        lambda data: decode_attributes(data, "x"),
    ):
        with contextlib.suppress(MalformedPayload):
            decode(octets)


def test_a_phase_1_whose_offer_was_altered_on_the_way_is_refused(signing_key):
    world = World(signing_key)
    member = world.member()
    queue = member.start(world.now)
    # Another lifetime in message 1: HASH_I covers what the member offered (RFC 2409 §5).
    offered = (28800).to_bytes(4, "big")
    assert queue[0].count(offered) == 1
    queue[0] = queue[0].replace(offered, (28801).to_bytes(4, "big"))
    world.exchange(queue, member, GM)
    assert "HASH_I does not match" in world.events[0].reason
    assert world.listed()[0] == []


@pytest.mark.parametrize("message", [6, 8])
def test_a_pull_message_that_was_altered_changes_nothing(signing_key, message):
    world = World(signing_key)
    member = world.member()
    queue, sent = member.start(world.now), []
    while queue:
        datagram = queue.pop(0)
        if len(sent) == message:
            # The last block is padding or the last identity octets: it still decrypts.
            altered = datagram[:-20] + bytes([datagram[-20] ^ 1]) + datagram[-19:]
            assert world.endpoint.receive(altered, (GM, 848), world.now)[1]
            assert world.listed()[0] == []
        answer, _ = world.endpoint.receive(datagram, (GM, 848), world.now)
        sent += [datagram, answer]
        queue += member.receive(answer, world.now)
    assert member.state is MemberState.REGISTERED


def _informational(member, *payloads: Payload) -> bytes:
    return member.registrations.way.sa.exchange(Exchange.INFORMATIONAL, new_message_id()).seal(
        list(payloads)
    )


def test_a_peer_that_deletes_its_phase_1_is_forgotten(signing_key):
    world = World(signing_key)
    member = world.member()
    world.run(member)
    cookies = member.registrations.way.sa.cookies
    for spi in (bytes(16), b"".join(cookies)):
        assert len(world.endpoint.associations(world.now)) == 1
        delete = Payload(PayloadType.DELETE, Delete(1, (spi,)).encode())
        world.endpoint.receive(_informational(member, delete), (GM, 848), world.now)
    assert world.endpoint.associations(world.now) == []
    # It stays a member: its group keys are not those of phase 1.
    assert world.listed()[0] == [GM]


def test_dead_peer_detection_is_answered_for_whoever_has_a_phase_1(signing_key):
    world = World(signing_key)
    member = world.member()
    world.run(member)
    session = member.registrations.way.sa
    probe = dpd_message(session, NotifyType.R_U_THERE, 7)
    answer, _ = world.endpoint.receive(probe, (GM, 848), world.now)
    header = Header.decode(answer)
    payloads = session.exchange(Exchange.INFORMATIONAL, header.message_id).open(header, answer)
    assert dpd_of(payloads) == (NotifyType.R_U_THERE_ACK, 7)
    altered = probe[:-1] + bytes([probe[-1] ^ 1])
    assert world.endpoint.receive(altered, (GM, 848), world.now)[0] is None


def _lives(grant) -> list[int]:
    kinds = (IpsecAttribute.LIFE_DURATION, KekAttribute.KEY_LIFETIME)
    kek = [a.number for a in grant.sa.kek.attributes if a.type == kinds[1]]
    return kek + [a.number for tek in grant.sa.teks for a in tek.attributes if a.type == kinds[0]]


def test_a_member_is_told_what_is_left_when_it_comes_and_under_what_is_configured_then(signing_key):
    block = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
    world = World(signing_key, members=2, extra=(block,))
    world.run(world.member())
    world.run(world.member("192.0.2.12"), "192.0.2.12")
    first, second = world.grants
    assert first == second
    world.now += 0.5
    world.run(world.member())
    world.now += 100
    world.run(world.member())
    assert [_lives(grant) for grant in world.grants[-2:]] == [
        [life - spent for life in _lives(first)] for spent in (1, 101)
    ]
    world.commit(block, "set security group-vpn server group G1 activation-time-delay 30")
    world.run(world.member())
    assert [a.number for a in world.grants[-1].sa.gap.attributes][:1] == [30]
