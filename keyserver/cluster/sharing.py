# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that another server of a cluster made: taken over, and told to our own members."""

from __future__ import annotations

from collections.abc import Iterable

from ..gdoi.numbers import IpsecAttribute, KekAttribute, KeyPacketType, TekKeyAttribute
from ..gdoi.payloads import KeyPacket, SaTek
from ..gdoi.pull import Grant
from ..gdoi.push import kek_of
from ..groups.group import Group, tek_deletion
from ..groups.keys import _TEK_SPI_LENGTH, GroupKek, GroupTek
from ..groups.plane import SigningKeys
from ..groups.settings import KekSettings, TekSettings
from ..ike.wire import MalformedPayload, attribute_map


def shared_kek(
    state: Grant | None, settings: KekSettings | None, signing_keys: SigningKeys, now: float
) -> GroupKek | None:
    """The KEK of another server's grant, to push under with our own signature."""
    if state is None or state.policy.kek is None or settings is None:
        return None
    packets = [p for p in state.keys.packets if p.type == KeyPacketType.KEK]
    if len(packets) != 1 or packets[0].spi != state.policy.kek.spi:
        raise MalformedPayload("cluster: the KEK's policy and key do not match")
    kek, _ = kek_of(state.policy.kek, packets[0])
    attributes = attribute_map(state.policy.kek.attributes, "SAK")
    life = attributes.get(KekAttribute.KEY_LIFETIME)
    remaining = life.number if life is not None else settings.lifetime
    return GroupKek(
        settings,
        kek,
        signing_keys(settings.certificate or ""),
        now + remaining - settings.lifetime,
        state.sequence.number if state.sequence is not None else 0,
    )


def shared_teks(state: Grant | None, wanted: Iterable[TekSettings], now: float) -> list[GroupTek]:
    """The TEKs of another server's grant that our own configuration has a place for."""
    if state is None:
        return []
    packets = {p.spi: p for p in state.keys.packets if p.type == KeyPacketType.TEK}
    policies: dict[bytes, list[SaTek]] = {}
    for policy in state.policy.teks:
        policies.setdefault(policy.spi, []).append(policy)
    if set(policies) != set(packets):
        raise MalformedPayload("cluster: the TEKs' policies and keys do not match")
    found = []
    for settings in wanted:
        model = GroupTek(settings, bytes(_TEK_SPI_LENGTH), b"", b"", now)
        shape = [_traffic(policy) for policy in model.policies(now)]
        for spi, own in policies.items():
            if shape == [_traffic(policy) for policy in own]:
                found.append(_shared_tek(settings, own[0], packets[spi], now))
    return found


def _traffic(policy: SaTek) -> tuple[object, ...]:
    return (policy.protocol, policy.source, policy.destination, policy.transform)


def _shared_tek(settings: TekSettings, policy: SaTek, packet: KeyPacket, now: float) -> GroupTek:
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
        raise MalformedPayload("cluster: a TEK does not fit its algorithms")
    remaining = life.number if life is not None else settings.lifetime
    return GroupTek(
        settings, packet.spi, encryption.value, integrity.value, now + remaining - settings.lifetime
    )


def follow(group: Group, state: Grant | None, signing_keys: SigningKeys, now: float) -> None:
    """Take over another server's keys, and push to our members what is new to them.

    Keys that do not fit our own configuration are left out: both servers need the same one.
    Raises MalformedPayload.
    """
    kek = shared_kek(state, group.settings.kek, signing_keys, now)
    teks = shared_teks(state, group.settings.teks, now)
    keyring = group.keyring
    keyring.leads = False
    if state is None:
        return
    known = {tek.spi: tek for tek in keyring.teks(now)}
    wanted = {tek.spi for tek in teks}
    fresh = [tek for tek in teks if tek.spi not in known]
    gone = [tek for tek in known.values() if tek.spi not in wanted]
    for settings in group.settings.teks:
        keyring.hold(settings.name, [tek for tek in teks if tek.settings.name == settings.name])
    _follow_kek(group, kek, fresh, gone, now)


def _follow_kek(
    group: Group, kek: GroupKek | None, fresh: list[GroupTek], gone: list[GroupTek], now: float
) -> None:
    current = group.keyring.kek
    if current is None:
        if kek is not None:
            group.keyring.take_over(kek)
        return
    rolled = kek if kek is not None and current.kek.spi != kek.kek.spi else None
    if rolled or fresh or gone:
        group.push("rekey", now, kek=rolled, teks=fresh, deletes=tek_deletion(gone))
    if rolled is not None:
        group.keyring.take_over(rolled)
    elif kek is not None:
        current.sequence = max(current.sequence, kek.sequence)
