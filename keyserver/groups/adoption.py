# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that were described to a member or to another server, taken over as a group's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..gdoi.numbers import (
    GapAttribute,
    IpsecAttribute,
    KekAttribute,
    KeyPacketType,
    TekKeyAttribute,
)
from ..gdoi.payloads import KeyPacket, Profile, SaTek, Selector
from ..gdoi.pull import Grant
from ..gdoi.push import kek_of
from ..ike.crypto import JUNOS_CIPHERS, CbcCipher
from ..ike.numbers import IdType
from ..ike.wire import Attribute, MalformedPayload, attribute_map
from .keys import TEK_SPI_LENGTH, GroupKek, GroupTek
from .plane import SigningKeys
from .settings import (
    ESP_INTEGRITY,
    ESP_TRANSFORMS,
    IntegrityAlgorithm,
    KekSettings,
    TekSettings,
)

_LIFE_OCTETS, _IPV4_OCTETS = 4, 4


def kek_of_grant(
    state: Grant | None, settings: KekSettings | None, signing_keys: SigningKeys, now: float
) -> GroupKek | None:
    """The KEK of a grant, to push under with our own signature.

    It keeps the algorithms that it was made for, which may not be those of ``settings``.
    """
    if state is None or state.sa.kek is None or settings is None:
        return None
    packets = [p for p in state.keys.packets if p.type == KeyPacketType.KEK]
    if len(packets) != 1 or packets[0].spi != state.sa.kek.spi:
        raise MalformedPayload("a grant: the KEK's policy and key do not match")
    kek, _ = kek_of(state.sa.kek, packets[0])
    attributes = attribute_map(state.sa.kek.attributes, "SAK")
    life = attributes.get(KekAttribute.KEY_LIFETIME)
    remaining = _seconds(life, settings.lifetime)
    return GroupKek(
        replace(settings, cipher=kek.cipher, sig_hash=kek.sig_hash),
        kek,
        signing_keys(settings.certificate or ""),
        now + remaining - settings.lifetime,
        state.sequence.number if state.sequence is not None else 0,
    )


def teks_of_grant(state: Grant | None, wanted: Iterable[TekSettings], now: float) -> list[GroupTek]:
    """The TEKs of a grant for traffic that our own configuration protects.

    Each keeps the algorithms that it was made for: one from before a commit is good until its
    lifetime ends. Raises MalformedPayload.
    """
    if state is None:
        return []
    packets = {p.spi: p for p in state.keys.packets if p.type == KeyPacketType.TEK}
    policies: dict[bytes, list[SaTek]] = {}
    for policy in state.sa.teks:
        policies.setdefault(policy.spi, []).append(policy)
    if set(policies) != set(packets):
        raise MalformedPayload("a grant: the TEKs' policies and keys do not match")
    shapes = [(settings, _shape(settings, now)) for settings in wanted]
    found = []
    for spi, own in policies.items():
        traffic = [_traffic(policy) for policy in own]
        fitting = [settings for settings, shape in shapes if shape == traffic]
        if fitting:
            found.append(_tek_of(fitting, own, packets[spi], now))
    return found


def delay_of_grant(state: Grant) -> int:
    """The activation delay that members of its server are told. Raises MalformedPayload."""
    gap = attribute_map(state.sa.gap.attributes if state.sa.gap is not None else (), "GAP")
    told = gap.get(GapAttribute.ACTIVATION_TIME_DELAY)
    return told.number if told is not None else 0


def _shape(settings: TekSettings, now: float) -> list[tuple[object, ...]]:
    model = GroupTek(settings, bytes(TEK_SPI_LENGTH), b"", b"", now)
    return [_traffic(policy) for policy in model.policies(now, Profile.RFC6407)]


def _traffic(policy: SaTek) -> tuple[object, ...]:
    return (policy.protocol, _as_prefix(policy.source), _as_prefix(policy.destination))


def _as_prefix(selector: Selector) -> Selector:
    """One host is a prefix of 32 bits, whichever a server's profile makes of it."""
    is_host = selector.type == IdType.IPV4_ADDR and len(selector.data) == _IPV4_OCTETS
    return Selector.prefix(str(selector), selector.port) if is_host else selector


def _tek_of(
    fitting: list[TekSettings], policies: list[SaTek], packet: KeyPacket, now: float
) -> GroupTek:
    cipher, integrity = _algorithms(policies)
    made_for = [replace(settings, cipher=cipher, integrity=integrity) for settings in fitting]
    # Two ipsec-sas may protect the same traffic: their algorithms tell them apart.
    settings = next((one for one in made_for if one in fitting), made_for[0])
    keys = attribute_map(packet.attributes, "TEK key packet")
    life = attribute_map(policies[0].attributes, "SAT").get(IpsecAttribute.LIFE_DURATION)
    remaining = _seconds(life, settings.lifetime)
    return GroupTek(
        settings,
        packet.spi,
        _key(keys, TekKeyAttribute.ALGORITHM_KEY, cipher.key_length),
        _key(keys, TekKeyAttribute.INTEGRITY_KEY, integrity.key_length),
        now + remaining - settings.lifetime,
    )


def _seconds(life: Attribute | None, otherwise: int) -> int:
    """What is left of a life. Raises MalformedPayload for one that cannot be told to members."""
    if life is None:
        return otherwise
    if len(life.value) > _LIFE_OCTETS:
        raise MalformedPayload(f"a grant: a life of {len(life.value)} octets")
    return life.number


def _key(keys: dict[int, Attribute], kind: TekKeyAttribute, octets: int) -> bytes:
    key = keys.get(kind)
    if key is None or len(key.value) != octets:
        raise MalformedPayload("a grant: a TEK does not fit its algorithms")
    return key.value


def _algorithms(policies: list[SaTek]) -> tuple[CbcCipher, IntegrityAlgorithm]:
    """What all SA TEKs of one SPI say."""
    found = {(_cipher(policy), _integrity(policy)) for policy in policies}
    if len(found) != 1:
        raise MalformedPayload("a grant: a TEK with different algorithms")
    return found.pop()


def _cipher(policy: SaTek) -> CbcCipher:
    bits = attribute_map(policy.attributes, "SAT").get(IpsecAttribute.KEY_LENGTH)
    for cipher in JUNOS_CIPHERS.values():
        fits = bits is None or bits.number == cipher.key_length * 8
        if fits and ESP_TRANSFORMS[cipher.name] == policy.transform:
            return cipher
    raise MalformedPayload("a grant: a TEK with an unknown cipher")


def _integrity(policy: SaTek) -> IntegrityAlgorithm:
    stated = attribute_map(policy.attributes, "SAT").get(IpsecAttribute.AUTHENTICATION_ALGORITHM)
    for algorithm in ESP_INTEGRITY.values():
        if stated is not None and algorithm.number == stated.number:
            return algorithm
    raise MalformedPayload("a grant: a TEK with an unknown authentication algorithm")
