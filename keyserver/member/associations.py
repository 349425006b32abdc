# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which security associations a member can use: a policy is read whole, or refused by name.

RFC 6407 §5.5.1.1 takes its attributes from RFC 2407 §4.5: what is not understood, or does not go
together, is not installed; what RFC 2407 reserves for private use is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from ..gdoi.numbers import (
    AH_TRANSFORMS,
    FIRST_PRIVATE_IPSEC_ATTRIBUTE,
    FIRST_PRIVATE_LIFE_TYPE,
    LOWEST_TEK_SPI,
    AddressPreservation,
    EncapsulationMode,
    EspTransform,
    ExtendedSequence,
    IpsecAttribute,
    IpsecAuthentication,
    KeyPacketType,
    LifeType,
    SaDirection,
    TekKeyAttribute,
    TekProtocol,
)
from ..gdoi.payloads import KeyPacket, Profile, SaTek, Selector
from ..ike.des import without_parity
from ..ike.numbers import DEFAULT_LIFE_SECONDS, IdType
from ..ike.wire import Attribute, MalformedPayload, attribute_map

LONGEST_LIFETIME = 10 * 365 * 86400
# In tunnel mode a packet is on its way to one of many: a group names no other end of a tunnel.
_NEEDS_AN_END = (AddressPreservation.NONE, AddressPreservation.SOURCE_ONLY)


@dataclass(frozen=True, slots=True)
class Cipher:
    """An ESP cipher; the lengths that its key may have, in octets."""

    name: str
    key_lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Integrity:
    """An integrity algorithm: key in octets, truncated check value in bits."""

    name: str
    key_length: int
    bits: int


CIPHERS = {
    EspTransform.DES: Cipher("des-cbc", (8,)),
    EspTransform.TRIPLE_DES: Cipher("3des-cbc", (24,)),
    EspTransform.AES_CBC: Cipher("aes-cbc", (16, 24, 32)),
}
INTEGRITIES = {
    IpsecAuthentication.HMAC_MD5: Integrity("hmac-md5-96", 16, 96),
    IpsecAuthentication.HMAC_SHA1: Integrity("hmac-sha1-96", 20, 96),
    IpsecAuthentication.HMAC_SHA2_256: Integrity("hmac-sha-256-128", 32, 128),
}
# Octets of a selector's data; one that is empty stands for everything.
_SELECTOR_LENGTHS: dict[int, int] = {
    IdType.IPV4_ADDR: 4,
    IdType.IPV4_ADDR_SUBNET: 8,
    IdType.IPV4_ADDR_RANGE: 8,
    IdType.IPV6_ADDR: 16,
    IdType.IPV6_ADDR_SUBNET: 32,
    IdType.IPV6_ADDR_RANGE: 32,
}
_SUBNETS = (IdType.IPV4_ADDR_SUBNET, IdType.IPV6_ADDR_SUBNET)
_RANGES = (IdType.IPV4_ADDR_RANGE, IdType.IPV6_ADDR_RANGE)
_ONE_OF: dict[int, type[IntEnum]] = {
    IpsecAttribute.ENCAPSULATION_MODE: EncapsulationMode,
    IpsecAttribute.AUTHENTICATION_ALGORITHM: IpsecAuthentication,
    IpsecAttribute.ADDRESS_PRESERVATION: AddressPreservation,
    IpsecAttribute.SA_DIRECTION: SaDirection,
    IpsecAttribute.EXTENDED_SEQUENCE_NUMBER: ExtendedSequence,
}


class TrafficSelector(NamedTuple):
    """What a SAT is for, in its words: ESP or AH, the traffic's protocol (0: any) and its ends."""

    protocol_id: int
    protocol: int
    source: Selector
    destination: Selector


@dataclass(frozen=True, slots=True)
class TrafficSa:
    """An association that this member can use, without its keys.

    ``cipher`` is None for AH; ``seconds`` and ``kilobytes`` are what is left of its life.
    """

    protocol: TekProtocol
    spi: bytes
    selector: TrafficSelector
    cipher: Cipher | None
    key_length: int
    integrity: Integrity | None
    mode: EncapsulationMode
    direction: SaDirection
    preservation: AddressPreservation
    extended_sequence: bool
    seconds: int
    kilobytes: int | None

    @property
    def algorithms(self) -> tuple[object, ...]:
        """What its keys are for: an SPI stands for one of that."""
        return (
            self.protocol,
            self.cipher,
            self.key_length,
            self.integrity,
            self.mode,
            self.extended_sequence,
        )

    def effective(self, keys: TrafficKeys) -> tuple[bytes, bytes]:
        """What of its keys counts: DES does not look at parity bits, which some peers set."""
        has_parity = self.cipher in (CIPHERS[EspTransform.DES], CIPHERS[EspTransform.TRIPLE_DES])
        encryption = without_parity(keys.encryption) if has_parity else keys.encryption
        return encryption, keys.integrity


@dataclass(frozen=True, slots=True)
class TrafficKeys:
    """The keys of one association."""

    encryption: bytes = field(repr=False)
    integrity: bytes = field(repr=False)


def traffic_sa(policy: SaTek) -> TrafficSa:
    """What a SAT asks for. Raises MalformedPayload that names what cannot be installed."""
    known = _attributes(policy.attributes)
    values = {kind: _one_of(kind, known) for kind in _ONE_OF}
    protocol = TekProtocol(policy.protocol_id)
    integrity = _integrity(policy, values[IpsecAttribute.AUTHENTICATION_ALGORITHM])
    cipher, key_length = _cipher(policy, known)
    if int.from_bytes(policy.spi, "big") < LOWEST_TEK_SPI:
        raise MalformedPayload(f"SAT: SPI {policy.spi.hex()} is reserved")
    for name, selector in (("source", policy.source), ("destination", policy.destination)):
        check_selector("SAT", name, selector)
    _check_versions(policy.source, policy.destination)
    seconds, kilobytes = _life(policy.attributes)
    mode = EncapsulationMode(values[IpsecAttribute.ENCAPSULATION_MODE] or EncapsulationMode.TUNNEL)
    return TrafficSa(
        protocol,
        policy.spi,
        TrafficSelector(protocol, policy.protocol, policy.source, policy.destination),
        cipher,
        key_length,
        integrity,
        mode,
        SaDirection(values[IpsecAttribute.SA_DIRECTION] or SaDirection.SYMMETRIC),
        _preservation(values[IpsecAttribute.ADDRESS_PRESERVATION], mode),
        IpsecAttribute.EXTENDED_SEQUENCE_NUMBER in known,
        seconds,
        kilobytes,
    )


def traffic_keys(
    sa: TrafficSa, packet: KeyPacket, profile: Profile = Profile.RFC6407
) -> TrafficKeys:
    """The keys that a key packet has for an association. Raises MalformedPayload.

    In the reference implementation's profile a cipher may come without its key: for AES that
    implementation states a key of 0 bits and sends none. Its rekeys can be followed; nothing can
    be encrypted with such an association.
    """
    if packet.type != KeyPacketType.TEK:
        raise MalformedPayload(f"KD: key packet of type {packet.type} for SPI {sa.spi.hex()}")
    known = attribute_map(packet.attributes, "TEK key packet")
    for kind in sorted(known):
        if kind not in (TekKeyAttribute.ALGORITHM_KEY, TekKeyAttribute.INTEGRITY_KEY):
            raise MalformedPayload(f"KD: TEK attribute {_name(TekKeyAttribute, kind)} is unknown")
    wanted = {
        TekKeyAttribute.ALGORITHM_KEY: sa.key_length,
        TekKeyAttribute.INTEGRITY_KEY: sa.integrity.key_length if sa.integrity else 0,
    }
    if profile is Profile.CISCO_REFERENCE and TekKeyAttribute.ALGORITHM_KEY not in known:
        wanted[TekKeyAttribute.ALGORITHM_KEY] = 0
    found = {kind: known[kind].value if kind in known else b"" for kind in wanted}
    for kind, length in wanted.items():
        if len(found[kind]) != length:
            raise MalformedPayload(
                f"KD: {_name(TekKeyAttribute, kind)} of {len(found[kind])} octets for SPI "
                f"{sa.spi.hex()}, {length} expected"
            )
    return TrafficKeys(found[TekKeyAttribute.ALGORITHM_KEY], found[TekKeyAttribute.INTEGRITY_KEY])


def _name(names: type[IntEnum], number: int) -> str:
    return f"{number} ({names(number).name})" if number in set(names) else str(number)


def _attributes(attributes: Iterable[Attribute]) -> dict[int, Attribute]:
    """By type, but for those of the life; refuses what is unknown and not private."""
    life = (IpsecAttribute.LIFE_TYPE, IpsecAttribute.LIFE_DURATION)
    others = tuple(a for a in attributes if a.type not in life)
    known = attribute_map(others, "SAT", frozenset(IpsecAttribute))
    for kind in sorted(known):
        if kind not in set(IpsecAttribute) and kind < FIRST_PRIVATE_IPSEC_ATTRIBUTE:
            raise MalformedPayload(f"SAT: attribute {kind} is unknown")
    return known


def _one_of(kind: int, known: dict[int, Attribute]) -> int:
    """An attribute's value, 0 where it is absent; refuses what it cannot have."""
    if kind not in known:
        return 0
    value = known[kind].number
    if value not in set(_ONE_OF[kind]):
        raise MalformedPayload(
            f"SAT: attribute {_name(IpsecAttribute, kind)}: {value} is not supported"
        )
    return value


def _preservation(number: int, mode: EncapsulationMode) -> AddressPreservation:
    """Which addresses stay outside; refuses a tunnel whose other end nobody knows."""
    kept = AddressPreservation(number or AddressPreservation.SOURCE_AND_DESTINATION)
    if mode is EncapsulationMode.TUNNEL and kept in _NEEDS_AN_END:
        raise MalformedPayload(
            "SAT: attribute 14 (ADDRESS_PRESERVATION): "
            f"{_name(AddressPreservation, kept)} in tunnel mode, whose other end is not known"
        )
    return kept


def _integrity(policy: SaTek, number: int) -> Integrity | None:
    if policy.protocol_id == TekProtocol.AH and AH_TRANSFORMS.get(policy.transform) != number:
        raise MalformedPayload(
            f"SAT: AH transform {policy.transform} does not go with attribute "
            f"{_name(IpsecAttribute, IpsecAttribute.AUTHENTICATION_ALGORITHM)}: {number or 'none'}"
        )
    return INTEGRITIES[IpsecAuthentication(number)] if number else None


def _cipher(policy: SaTek, known: dict[int, Attribute]) -> tuple[Cipher | None, int]:
    """The cipher of ESP and its key's length in octets."""
    if policy.protocol_id == TekProtocol.AH:
        return None, 0
    if policy.transform not in set(EspTransform):
        raise MalformedPayload(f"SAT: ESP transform {policy.transform} is not supported")
    cipher = CIPHERS[EspTransform(policy.transform)]
    stated = known.get(IpsecAttribute.KEY_LENGTH)
    bits = stated.number if stated is not None else 0
    if not bits:
        # The reference implementation says 0 for AES of 128 bits, the default of RFC 3602.
        return cipher, cipher.key_lengths[0]
    if bits % 8 or bits // 8 not in cipher.key_lengths:
        raise MalformedPayload(
            f"SAT: attribute {_name(IpsecAttribute, IpsecAttribute.KEY_LENGTH)}: {bits} bits do "
            f"not fit {cipher.name}"
        )
    return cipher, bits // 8


def check_selector(payload: str, name: str, selector: Selector) -> None:
    """Raise MalformedPayload for a source or destination that stands for no addresses."""
    expected = _SELECTOR_LENGTHS.get(selector.type)
    is_any = not selector.data and (expected is not None or not selector.type)
    if not is_any and len(selector.data) != expected:
        raise MalformedPayload(
            f"{payload}: {name} of type {selector.type} with {len(selector.data)} octets"
        )
    half = len(selector.data) // 2
    low, high = selector.data[:half], selector.data[half:]
    if selector.type in _SUBNETS and "01" in f"{int.from_bytes(high, 'big'):0{8 * half}b}":
        raise MalformedPayload(f"{payload}: {name} with the mask {high.hex()}, which has gaps")
    if selector.type in _RANGES and low > high:
        raise MalformedPayload(f"{payload}: {name} with a range from {low.hex()} to {high.hex()}")


def _check_versions(source: Selector, destination: Selector) -> None:
    """Raise MalformedPayload for traffic from IPv4 to IPv6, or back: there is none."""
    if {source.version, destination.version} >= {4, 6}:
        raise MalformedPayload(
            f"SAT: source of type {source.type} and destination of type {destination.type}: "
            "one is of IPv4, the other of IPv6"
        )


def _life(attributes: Iterable[Attribute]) -> tuple[int, int | None]:
    """(seconds, kilobytes): each duration belongs to the type in front of it (RFC 2407 §4.5.4)."""
    lives: dict[int, int] = {}
    kind: int | None = None
    for attribute in attributes:
        if attribute.type == IpsecAttribute.LIFE_TYPE:
            _refuse_open(kind)
            kind = _life_type(attribute)
        elif attribute.type == IpsecAttribute.LIFE_DURATION:
            if kind is None:
                raise MalformedPayload("SAT: attribute 2 (LIFE_DURATION) without a life type")
            if lives.setdefault(kind, attribute.number) != attribute.number:
                raise MalformedPayload("SAT: attribute 2 (LIFE_DURATION): two that contradict")
            kind = None
    _refuse_open(kind)
    if 0 in (lives.get(known) for known in LifeType):
        raise MalformedPayload("SAT: attribute 2 (LIFE_DURATION): a life of 0")
    seconds = min(lives.get(LifeType.SECONDS, DEFAULT_LIFE_SECONDS), LONGEST_LIFETIME)
    return seconds, lives.get(LifeType.KILOBYTES)


def _refuse_open(kind: int | None) -> None:
    """Refuse a life type that no duration followed: whoever sent it meant some life."""
    if kind is not None:
        raise MalformedPayload(f"SAT: attribute 1 (LIFE_TYPE): {kind} without a duration")


def _life_type(attribute: Attribute) -> int:
    attribute_map((attribute,), "SAT", (IpsecAttribute.LIFE_TYPE,))
    number = attribute.number
    if number not in set(LifeType) and number < FIRST_PRIVATE_LIFE_TYPE:
        raise MalformedPayload(f"SAT: attribute 1 (LIFE_TYPE): {number} is not supported")
    return number
