# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a group's policy a member can do: it is read whole, or refused by name (RFC 6407 §5)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ..gdoi.acknowledgement import is_supported
from ..gdoi.numbers import (
    KEK_DELETE_PROTOCOL,
    KEK_PROTOCOL,
    LAST_SEQUENCE,
    GapAttribute,
    KekAttribute,
    KekKeyAttribute,
    KeyPacketType,
    SidAttribute,
    TekProtocol,
)
from ..gdoi.payloads import GroupSa, KeyDownload, KeyPacket, SaKek, Selector
from ..gdoi.pull import Grant
from ..gdoi.push import KEK_SPI_LENGTH, check_kek_algorithms
from ..ike.numbers import GDOI_DOI, IdType
from ..ike.payloads import Delete
from ..ike.wire import Attribute, MalformedPayload, attribute_map
from .associations import TrafficSa, check_selector, traffic_sa

_CLASS_D = 0b1110
_LISTENED_AT = (IdType.IPV4_ADDR, IdType.IPV4_ADDR_SUBNET)
# Octets of an SPI in a D by its protocol (RFC 6407 §5.9).
_SPI_LENGTHS = {KEK_DELETE_PROTOCOL: KEK_SPI_LENGTH, TekProtocol.ESP: 4, TekProtocol.AH: 4}
# Key packets that a member has a use for, or may pass over: sender ids are for counter modes.
_KEY_PACKETS = (KeyPacketType.TEK, KeyPacketType.KEK, KeyPacketType.SID)
# What another's key server calls by the same number is something else.
_PRIVATE = {GapAttribute.HEARTBEAT_INTERVAL}
_KEY_LIFETIME_LENGTH = 4


def kek_numbers(policy: SaKek) -> dict[int, int]:
    """The SAK's attributes as numbers; refuses what is not understood."""
    check_kek_algorithms(policy)
    _check_way(policy)
    if not any(policy.spi):
        raise MalformedPayload("SAK: an SPI of zeros, which stands for every KEK in a D")
    known = attribute_map(policy.attributes, "SAK")
    life = known.get(KekAttribute.KEY_LIFETIME)
    if life is not None:
        _check_life(life)
    ack = known.get(KekAttribute.ACK_REQUESTED)
    if ack is not None and not is_supported(ack.number):
        raise MalformedPayload(f"SAK: attribute 9 (ACK_REQUESTED): {ack.number} is unknown")
    return {kind: attribute.number for kind, attribute in known.items()}


def refuse_kek(keys: KeyDownload) -> None:
    """Raise MalformedPayload for a KEK where the policy has none."""
    if any(packet.type == KeyPacketType.KEK for packet in keys.packets):
        raise MalformedPayload("KD: a KEK without a policy for it")


def kek_packet(spi: bytes, keys: KeyDownload, also_named: Container[bytes]) -> KeyPacket:
    """The key packet of the KEK of that SPI, or one of the other names. Raises MalformedPayload."""
    packets = [packet for packet in keys.packets if packet.type == KeyPacketType.KEK]
    if len(packets) != 1:
        raise MalformedPayload(f"KD: {len(packets)} KEK key packets, 1 expected")
    if packets[0].spi != spi and packets[0].spi not in also_named:
        raise MalformedPayload(f"KD: KEK SPI {packets[0].spi.hex()}, the SAK has {spi.hex()}")
    known = attribute_map(packets[0].attributes, "KEK key packet")
    for kind in sorted(set(known) - set(KekKeyAttribute)):
        raise MalformedPayload(f"KD: KEK attribute {kind} is unknown")
    return packets[0]


def check_size(key: RSAPublicKey, numbers: Mapping[int, int]) -> None:
    """Raise MalformedPayload for a key of another size than the SAK's ``numbers`` say."""
    stated = numbers.get(KekAttribute.SIG_KEY_LENGTH, key.key_size)
    if stated != key.key_size:
        raise MalformedPayload(
            f"KD: RSA key of {key.key_size} bits, SAK attribute 7 (SIG_KEY_LENGTH) has {stated}"
        )


def _check_life(life: Attribute) -> None:
    """RFC 6407 §5.3.5: four octets; the reference implementation uses the short form."""
    if not life.basic and len(life.value) != _KEY_LIFETIME_LENGTH:
        raise MalformedPayload(
            f"SAK: attribute 4 (KEY_LIFETIME) of {len(life.value)} octets, "
            f"{_KEY_LIFETIME_LENGTH} expected"
        )
    if not life.number:
        raise MalformedPayload("SAK: attribute 4 (KEY_LIFETIME): a life of 0")


def _check_way(policy: SaKek) -> None:
    """Refuse pushes that could not be heard: a member listens at IPv4 and UDP."""
    if any(policy.reserved):
        # RFC 3547 had its proof of possession there, which a member would have to give.
        raise MalformedPayload(f"SAK: reserved octets {policy.reserved.hex()}, zeros are expected")
    if policy.protocol not in (KEK_PROTOCOL, 0):
        raise MalformedPayload(f"SAK: protocol {policy.protocol}, UDP is expected")
    check_selector("SAK", "source", policy.source)
    destination = policy.destination
    check_selector("SAK", "destination", destination)
    if destination.data and destination.type not in _LISTENED_AT:
        raise MalformedPayload(f"SAK: destination of type {destination.type} is not listened at")
    multicast = multicast_of(destination)
    if multicast is None and _is_class_d(destination):
        raise MalformedPayload(f"SAK: destination {destination} is of more than one group")
    if multicast is not None and not multicast[1]:
        raise MalformedPayload(f"SAK: destination {multicast[0]} without a port")


def check_sequence(grant: Grant) -> None:
    """Raise MalformedPayload for a KEK that is used up (RFC 6407 §5.7)."""
    if grant.sequence is not None and grant.sequence.number == LAST_SEQUENCE:
        raise MalformedPayload(f"SEQ: {LAST_SEQUENCE}: no push can follow under this KEK")


def gap_numbers(policy: GroupSa, *, extended: bool) -> dict[int, int]:
    """The GAP's attributes as numbers; RFC 6407 §5.4: abort on what is not understood.

    ``extended``: the key server has said that it means our private attributes by their numbers.
    """
    known = attribute_map(policy.gap.attributes if policy.gap else (), "GAP", set(GapAttribute))
    understood = set(GapAttribute) if extended else set(GapAttribute) - _PRIVATE
    for kind in sorted(set(known) - understood):
        raise MalformedPayload(f"GAP: attribute {kind} is unknown")
    if GapAttribute.SENDER_ID_REQUEST in known:
        raise MalformedPayload("GAP: attribute 3 (SENDER_ID_REQUEST): it is for members to ask")
    return {kind: attribute.number for kind, attribute in known.items()}


def check_deletion(delete: Delete, granted: set[bytes]) -> None:
    """Raise MalformedPayload for a D that cannot be done; ``granted``: what comes beside it."""
    size = _SPI_LENGTHS.get(delete.protocol)
    if size is None:
        raise MalformedPayload(f"D: protocol {delete.protocol} is unknown")
    if delete.doi != GDOI_DOI:
        raise MalformedPayload(f"D: DOI {delete.doi}, {GDOI_DOI} expected")
    for spi in delete.spis or (b"",):
        if len(spi) != size:
            raise MalformedPayload(
                f"D: SPIs of {len(spi)} octets for protocol {delete.protocol}, {size} expected"
            )
        if spi in granted:
            raise MalformedPayload(f"D: SPI {spi.hex()} is deleted by the push that brings it")


def multicast_of(destination: Selector) -> tuple[str, int] | None:
    """Group address and port of a SAK whose pushes are multicast; None for unicast.

    A subnet of one address is that address: implementations differ in how they write it.
    """
    address, _, mask = str(destination).partition("/")
    if destination.type in _LISTENED_AT and mask in ("", "32") and _is_class_d(destination):
        return address, destination.port
    return None


def _is_class_d(destination: Selector) -> bool:
    return bool(destination.data) and destination.data[0] >> 4 == _CLASS_D


def associations_of(policy: GroupSa) -> list[TrafficSa]:
    """The associations of a policy, one for each SAT. Raises MalformedPayload."""
    found = list(map(traffic_sa, policy.teks))
    by_spi: dict[bytes, TrafficSa] = {}
    for sa in found:
        first = by_spi.setdefault(sa.spi, sa)
        if sa.algorithms != first.algorithms:
            raise MalformedPayload(f"SAT: two associations of SPI {sa.spi.hex()} that differ")
    return found


def matched(policy: GroupSa, keys: KeyDownload) -> dict[bytes, KeyPacket]:
    """RFC 6407 §3.3: key packets by the SPIs of the policy, each once."""
    for packet in keys.packets:
        if packet.type not in _KEY_PACKETS:
            name = f"{packet.type} (LKH)" if packet.type == KeyPacketType.LKH else packet.type
            raise MalformedPayload(f"KD: key packet of type {name} is not supported")
    packets = {p.spi: p for p in keys.packets if p.type == KeyPacketType.TEK}
    count = sum(packet.type == KeyPacketType.TEK for packet in keys.packets)
    promised = {tek.spi for tek in policy.teks}
    if promised != set(packets) or count != len(packets):
        raise MalformedPayload(
            f"KD: {count} TEK key packets for SPIs {_listed(packets)}, the SATs have "
            f"{_listed(promised)}"
        )
    return packets


def check_sender_ids(keys: KeyDownload) -> None:
    """Raise MalformedPayload for words that are not sender ids (RFC 6407 §5.6.4)."""
    for packet in keys.packets:
        if packet.type != KeyPacketType.SID:
            continue
        if packet.spi:
            raise MalformedPayload(f"KD: SID key packet with an SPI of {len(packet.spi)} octets")
        values = [a for a in packet.attributes if a.type == SidAttribute.VALUE]
        others = tuple(a for a in packet.attributes if a.type != SidAttribute.VALUE)
        known = attribute_map(others, "KD: SID", (SidAttribute.NUMBER_OF_BITS,))
        for kind in sorted(set(known) - set(SidAttribute)):
            raise MalformedPayload(f"KD: SID attribute {kind} is unknown")
        _check_sizes(known.get(SidAttribute.NUMBER_OF_BITS), values)


def refuse_sender_ids(keys: KeyDownload) -> None:
    """Raise MalformedPayload for sender ids in a push, which all members get (RFC 6407 §5.6.4)."""
    if any(packet.type == KeyPacketType.SID for packet in keys.packets):
        raise MalformedPayload("KD: SID key packet in a push: one member's id would be everybody's")


def _check_sizes(stated: Attribute | None, values: list[Attribute]) -> None:
    bits = stated.number if stated is not None else 0
    if not bits:
        raise MalformedPayload("KD: SID attribute 1 (NUMBER_OF_BITS) is missing, or 0")
    for octets in [len(value.value) for value in values] or [0]:
        if octets != (bits + 7) // 8:
            raise MalformedPayload(
                f"KD: SID attribute 2 (VALUE) of {octets} octets for {bits} bits"
            )


def _listed(spis: Iterable[bytes]) -> str:
    return ", ".join(sorted(spi.hex() for spi in spis)) or "none"
