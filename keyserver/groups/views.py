# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups as the operational commands show them: no keys, times as seconds left."""

from __future__ import annotations

from dataclasses import dataclass

from .group import Group
from .keys import GroupKek, GroupTek
from .members import Member, MemberCounters
from .pushes import Traffic


@dataclass(frozen=True)
class KekView:
    """A group's KEK without its key: SPI in hex, seconds left."""

    spi: str
    life_remaining: int
    activation_remaining: int
    rekey_remaining: int
    sequence: int
    pushes: int
    cipher: str
    key_bits: int
    sig_hash: str
    retransmissions: int
    retransmission_period: int


@dataclass(frozen=True)
class TekView:
    """A TEK without its keys: SPI in hex, seconds left."""

    name: str
    spi: str
    life_remaining: int
    cipher: str
    key_bits: int
    integrity: str
    selectors: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GroupView:
    """A group as the operational commands show it."""

    name: str
    group_id: int
    gateways: frozenset[str]
    communication: str
    activation_time_delay: int
    anti_replay_time_window: str | None
    traffic: Traffic
    members: list[Member]
    counters: MemberCounters
    kek: KekView | None
    teks: list[TekView]


def view_of(group: Group, now: float) -> GroupView:
    settings = group.settings
    return GroupView(
        settings.name,
        settings.group_id,
        settings.gateways,
        settings.kek.communication if settings.kek else "none",
        settings.activation_time_delay,
        settings.anti_replay_time_window,
        group.pushes.traffic,
        list(group.members),
        group.members.counters,
        _kek_view(group, group.keyring.kek, now) if group.keyring.kek else None,
        [_tek_view(tek, now) for tek in group.keyring.teks.good(now)],
    )


def _kek_view(group: Group, kek: GroupKek, now: float) -> KekView:
    settings = kek.settings
    return KekView(
        kek.kek.spi.hex(),
        max(0, int(kek.expires - now)),
        max(0, int(kek.created + group.settings.activation_time_delay - now)),
        max(0, int(group.keyring.kek_due(kek) - now)),
        kek.sequence,
        group.pushes.count,
        settings.cipher.name,
        settings.cipher.key_length * 8,
        settings.sig_hash.name.lower(),
        settings.retransmissions,
        settings.retransmission_period,
    )


def _tek_view(tek: GroupTek, now: float) -> TekView:
    settings = tek.settings
    return TekView(
        settings.name,
        tek.spi.hex(),
        max(0, int(tek.expires - now)),
        settings.cipher.name,
        settings.cipher.key_length * 8,
        settings.integrity.number.name.lower().replace("_", "-"),
        tuple((s.source, s.destination) for s in settings.selectors),
    )
