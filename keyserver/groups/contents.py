# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a push says: as RFC 6407 has it, and as the reference implementation understands it."""

from __future__ import annotations

from ..gdoi.numbers import KEK_DELETE_PROTOCOL, TekProtocol
from ..gdoi.payloads import Profile
from ..gdoi.push import KEK_SPI_LENGTH, Push
from ..ike.payloads import Delete
from .keyring import Keyring, download
from .keys import GroupKek, GroupTek


def contents(
    keyring: Keyring,
    current: GroupKek,
    kek: GroupKek | None,
    teks: list[GroupTek],
    deletes: tuple[Delete, ...],
    profile: Profile,
    now: float,
) -> Push:
    """What the next push under ``current`` says that brings these keys and takes those."""
    is_cisco = profile is Profile.CISCO_REFERENCE
    # The reference implementation names the KEK in every push, a new one or not.
    named = current if kek is None and teks and is_cisco else kek
    if named is None and not teks:
        # RFC 6407 §4: SA and KD are left out when nothing remains to be said.
        return Push(current.sequence, deletes)
    policy = keyring.sa(named, teks, now)
    # And when it rolls, the new key goes by the old one's SPI there.
    spi = current.kek.spi if is_cisco else None
    return Push(current.sequence, deletes, policy, download(named, teks, spi))


def tek_deletion(teks: list[GroupTek]) -> tuple[Delete, ...]:
    """What makes members delete these."""
    spis = tuple(tek.spi for tek in teks)
    return (Delete(TekProtocol.ESP, spis),) if spis else ()


def kek_deletion(kek: GroupKek) -> Delete:
    """What makes members delete that KEK."""
    return Delete(KEK_DELETE_PROTOCOL, (kek.kek.spi,))


def whole_deletion(kek: GroupKek, teks: list[GroupTek], profile: Profile) -> tuple[Delete, ...]:
    """RFC 6407 §5.9: an SPI of zero means all of them; KEK last.

    The reference implementation deletes what is named, and nothing for a zero.
    """
    if profile is Profile.CISCO_REFERENCE:
        return (*tek_deletion(teks), kek_deletion(kek))
    return (
        Delete(TekProtocol.ESP, (bytes(4),)),
        Delete(KEK_DELETE_PROTOCOL, (bytes(KEK_SPI_LENGTH),)),
    )
