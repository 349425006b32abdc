# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Authentic messages that are laid out oddly: parts are left out, come twice, in another order, as
something else, or beside others; in messages, in SA and KD payloads, and in attributes.

Whatever is said, an end takes it whole or refuses it for a reason; nothing is half installed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyserver.gdoi.payloads import KeyDownload, KeyPacket
from keyserver.ike.payloads import Notification
from keyserver.ike.wire import Attribute, Header, Payload, encode_chain
from keyserver.member.registrations import MemberState
from tests.keyserver.odd import NONCE, OddMember, Words
from tests.keyserver.test_odd_messages import (
    BLOCK,
    GROUP,
    PHASE_1,
    delete,
    fresh,
    hears,
    met,
    push_of,
    send,
    usable,
)
from tests.keyserver.world import World

MOST_EXAMPLES = 25
STRANGE_PAYLOADS = st.builds(
    Payload,
    st.sampled_from((1, 5, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 22, 99, 200)),
    st.sampled_from((b"", bytes(4), Notification(14).encode(), Notification(24578).encode())),
)
STRANGE_ATTRIBUTES = st.one_of(
    st.builds(Attribute.short, st.integers(0, 0x7FFF), st.integers(0, 65535)),
    st.builds(Attribute.short, st.integers(1, 15), st.integers(0, 7)),
    st.builds(Attribute.long, st.integers(1, 15), st.binary(max_size=40)),
)
STRANGE_PACKETS = st.builds(
    KeyPacket, st.integers(0, 5), st.binary(max_size=17), st.tuples(STRANGE_ATTRIBUTES)
)


@pytest.fixture(scope="module")
def world(signing_key):
    """A key server with a KEK; what its member was granted is what odd servers start from."""
    world = World(signing_key, extra=(BLOCK,), phase1=PHASE_1)
    world.joined(1)
    return world


def rearranged(draw, parts, strange):
    """Parts of a list left out, doubled, moved, or with something else among them."""
    found = list(parts)
    for _ in range(draw(st.integers(1, 2))):
        how = draw(st.sampled_from(("leave out", "double", "move", "put in")))
        at = draw(st.integers(0, max(0, len(found) - 1)))
        if how == "put in" or not found:
            found.insert(at, draw(strange))
            continue
        part = found[at] if how == "double" else found.pop(at)
        if how != "leave out":
            found.insert(draw(st.integers(0, len(found))), part)
    return found


def other_attributes(draw, attributes):
    """Attributes rearranged, or one of them in its other form."""
    if draw(st.booleans()):
        return tuple(rearranged(draw, attributes, STRANGE_ATTRIBUTES))
    at = draw(st.integers(0, len(attributes) - 1))
    flipped = replace(attributes[at], basic=not attributes[at].basic, value=bytes(2))
    return (*attributes[:at], flipped, *attributes[at + 1 :])


def altered(draw, words):
    """Words of a key server with one part of their policy or keys laid out oddly."""
    part = draw(st.sampled_from(("SAK", "SAT", "GAP", "packets", "a packet", "none")))
    if part == "SAK" and words.sa.kek is not None:
        words.with_kek(attributes=other_attributes(draw, words.sa.kek.attributes))
    elif part == "SAT":
        words.with_tek(attributes=other_attributes(draw, words.sa.teks[0].attributes))
    elif part == "GAP":
        own = other_attributes(draw, words.sa.gap.attributes)
        words.sa = replace(words.sa, gap=replace(words.sa.gap, attributes=own))
    elif part == "packets":
        words.kd = KeyDownload(tuple(rearranged(draw, words.kd.packets, STRANGE_PACKETS)))
    elif part == "a packet":
        kind = draw(st.sampled_from([packet.type for packet in words.kd.packets]))
        (held,) = (packet for packet in words.kd.packets if packet.type == kind)
        words.with_packet(kind, attributes=other_attributes(draw, held.attributes))


def relaid(draw, payloads):
    """The payloads of a message, rearranged, or the attribute payloads inside its SA."""
    if draw(st.booleans()):
        return rearranged(draw, payloads, STRANGE_PAYLOADS)
    return [
        Payload(p.type, _other_sa(draw, p.body)) if p.type == 1 and len(p.body) > 12 else p
        for p in payloads
    ]


def _other_sa(draw, body):
    """An SA with its attribute payloads rearranged; its head says which is the first."""
    inner = rearranged(draw, _attribute_payloads(body), STRANGE_PAYLOADS)
    first = inner[0].type if inner else 0
    return body[:8] + first.to_bytes(2, "big") + bytes(2) + encode_chain(inner)


def _attribute_payloads(body):
    found, kind, rest = [], int.from_bytes(body[8:10], "big"), body[12:]
    while kind:
        size = int.from_bytes(rest[2:4], "big")
        found.append(Payload(kind, rest[4:size]))
        kind, rest = rest[0], rest[size:]
    return found


def some(function):
    """A few examples, as long as they take; the world is common to them."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    limits = settings(max_examples=MOST_EXAMPLES, deadline=None, suppress_health_check=checks)
    return limits(given(st.data())(function))


@some
def test_a_grant_that_is_laid_out_oddly_is_usable_or_refused(world, signing_key, data):
    words = Words.of(world.grants[0])
    altered(data.draw, words)
    which = data.draw(st.sampled_from(("second", "fourth", "neither")))
    messages = dict(zip(("second", "fourth"), words.messages(), strict=True))
    if which in messages:
        setattr(words, which, relaid(data.draw, messages[which]))
    member, server = met(world, words)
    if member.state is not MemberState.REGISTERED:
        assert member.state is MemberState.WAITING
        assert member.events[-1].reason
        assert server.told
        assert (member.keys.teks, member.keys.keks) == ({}, {})
        return
    usable(member)
    assert member.keys.kek is None or hears(member, world, signing_key)


@some
def test_a_push_that_is_laid_out_oddly_is_done_or_changes_nothing(world, signing_key, data):
    member, _ = met(world, Words.of(world.grants[0]))
    words = Words.of(world.grants[0])
    fresh(words)
    altered(data.draw, words)
    payloads = push_of(words, 1, delete(1, world.grants[0].sa.teks[0].spi))
    before, keks = member.held(), set(member.keys.keks)
    send(member, relaid(data.draw, payloads), world, signing_key)
    usable(member)
    happened = member.events[-1]
    if happened.event in ("refused", "ignored"):
        assert happened.reason
        assert (member.held(), set(member.keys.keks)) == (before, keks)


@some
def test_a_request_that_is_laid_out_oddly_is_answered_whole_or_refused(world, data):
    peer, before = OddMember(world), world.listed()[0]
    exchange = peer.exchange()
    answer = peer.send(exchange.seal(rearranged(data.draw, [NONCE, GROUP], STRANGE_PAYLOADS)))
    assert world.listed()[0] == before
    if Header.decode(answer).exchange != Header.decode(exchange.seal([NONCE])).exchange:
        assert peer.reasons
        assert all(reason.isprintable() for reason in peer.reasons)
