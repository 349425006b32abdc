# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that were described to a member or to another server, taken over as a group's own."""

from __future__ import annotations

from collections.abc import Iterable

from ..gdoi.numbers import IpsecAttribute, KekAttribute, KeyPacketType, TekKeyAttribute
from ..gdoi.payloads import KeyPacket, Profile, SaTek
from ..gdoi.pull import Grant
from ..gdoi.push import kek_of
from ..ike.wire import MalformedPayload, attribute_map
from .keys import TEK_SPI_LENGTH, GroupKek, GroupTek
from .plane import SigningKeys
from .settings import KekSettings, TekSettings


def kek_of_grant(
    state: Grant | None, settings: KekSettings | None, signing_keys: SigningKeys, now: float
) -> GroupKek | None:
    """The KEK of a grant, to push under with our own signature."""
    if state is None or state.sa.kek is None or settings is None:
        return None
    packets = [p for p in state.keys.packets if p.type == KeyPacketType.KEK]
    if len(packets) != 1 or packets[0].spi != state.sa.kek.spi:
        raise MalformedPayload("a grant: the KEK's policy and key do not match")
    kek, _ = kek_of(state.sa.kek, packets[0])
    attributes = attribute_map(state.sa.kek.attributes, "SAK")
    life = attributes.get(KekAttribute.KEY_LIFETIME)
    remaining = life.number if life is not None else settings.lifetime
    return GroupKek(
        settings,
        kek,
        signing_keys(settings.certificate or ""),
        now + remaining - settings.lifetime,
        state.sequence.number if state.sequence is not None else 0,
    )


def teks_of_grant(
    state: Grant | None, wanted: Iterable[TekSettings], profile: Profile, now: float
) -> list[GroupTek]:
    """The TEKs of a grant that our own configuration has a place for."""
    if state is None:
        return []
    packets = {p.spi: p for p in state.keys.packets if p.type == KeyPacketType.TEK}
    policies: dict[bytes, list[SaTek]] = {}
    for policy in state.sa.teks:
        policies.setdefault(policy.spi, []).append(policy)
    if set(policies) != set(packets):
        raise MalformedPayload("a grant: the TEKs' policies and keys do not match")
    found = []
    for settings in wanted:
        model = GroupTek(settings, bytes(TEK_SPI_LENGTH), b"", b"", now)
        shape = [_traffic(policy) for policy in model.policies(now, profile)]
        for spi, own in policies.items():
            if shape == [_traffic(policy) for policy in own]:
                found.append(_tek_of(settings, own[0], packets[spi], now))
    return found


def _traffic(policy: SaTek) -> tuple[object, ...]:
    return (policy.protocol, policy.source, policy.destination, policy.transform)


def _tek_of(settings: TekSettings, policy: SaTek, packet: KeyPacket, now: float) -> GroupTek:
    keys = attribute_map(packet.attributes, "TEK key packet")
    life = attribute_map(policy.attributes, "SAT").get(IpsecAttribute.LIFE_DURATION)
    encryption = keys.get(TekKeyAttribute.ALGORITHM_KEY)
    integrity = keys.get(TekKeyAttribute.INTEGRITY_KEY)
    if (
        encryption is None
        or integrity is None
        or len(encryption.value) != settings.cipher.key_length
        or len(integrity.value) != settings.integrity.key_length
    ):
        raise MalformedPayload("a grant: a TEK does not fit its algorithms")
    remaining = life.number if life is not None else settings.lifetime
    return GroupTek(
        settings, packet.spi, encryption.value, integrity.value, now + remaining - settings.lifetime
    )
