# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of a group: KEK and TEKs, which are due for new ones, and how they are described."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..gdoi.acknowledgement import AckAlgorithm
from ..gdoi.payloads import GroupAssociatedPolicy, GroupSa, KeyDownload
from ..gdoi.payloads import Sequence as SequenceNumber
from ..gdoi.pull import Grant
from ..ike.nat import Address
from ..ike.wire import MalformedPayload
from .adoption import kek_of_grant, teks_of_grant
from .delays import ActivationDelays, rekey_due
from .keys import GroupKek, GroupTek, SpiPool, associated_policy, new_kek
from .plane import Acknowledgement, KeyPlane
from .settings import GroupSettings, KekSettings
from .succession import Succession
from .teks import Lag, Teks


@dataclass(frozen=True)
class Hearer:
    """A member, as far as it is told otherwise than all: ``gap``, beside the keys, and ``lag``."""

    gap: GroupAssociatedPolicy | None
    lag: Lag | None


class Keyring:
    """KEK and TEKs of one group.

    ``leads``: the keys are made here; a companion protocol may bring them from elsewhere.
    """

    def __init__(self, settings: GroupSettings, plane: KeyPlane) -> None:
        self.settings = settings
        self.kek: GroupKek | None = None
        self.leads = True
        self.delays = ActivationDelays(settings.activation_time_delay)
        self._plane, self._spis = plane, SpiPool()
        self.teks = Teks(settings, self.delays, self._spis)
        self._keks_made = 0
        self._granted: tuple[tuple[object, ...], Grant] | None = None

    def configure(self, settings: GroupSettings, now: float) -> None:
        """A commit changed the group."""
        if settings.activation_time_delay != self.settings.activation_time_delay:
            self.delays.tell(settings.activation_time_delay, now)
        self.settings = settings
        self.teks.configure(settings)

    @property
    def version(self) -> int:
        """Differs when keys have been made since."""
        return self._keks_made + self.teks.version

    @property
    def is_empty(self) -> bool:
        """True when no member can hold keys of this group."""
        return self.kek is None and not self.teks.spis

    # The KEK

    def current_kek(self, now: float) -> GroupKek | None:
        """The KEK to give out; a new one when it is time."""
        if self.settings.kek is None:
            return None
        if not self.leads:
            return self.kek if self.kek is not None and self.kek.expires > now else None
        if self.kek is None or now >= self.kek_due(self.kek):
            self.kek = self.fresh_kek(self.settings.kek, now)
        return self.kek

    def fresh_kek(self, settings: KekSettings, now: float) -> GroupKek:
        """A new KEK; it is the current one only once the members have been told."""
        fresh = new_kek(settings, self._spis, self._plane.signing_keys, now)
        self._plane.on_kek(fresh.kek)
        self._keks_made += 1
        return fresh

    def take_over(self, kek: GroupKek) -> None:
        """Let this, made elsewhere, be the current KEK."""
        self.kek = kek
        self._plane.on_kek(kek.kek)

    def kek_due(self, kek: GroupKek) -> float:
        """When a KEK is to be followed by a new one."""
        return rekey_due(kek.created, kek.settings.lifetime, self.settings.activation_time_delay)

    # When

    def deadline(self) -> float | None:
        """When the first key is due for a new one; None where keys are made elsewhere."""
        if not self.leads:
            return None
        due = [*self.teks.due().values()]
        if self.kek is not None:
            due.append(self.kek_due(self.kek))
        return min(due, default=None)

    @property
    def lacks(self) -> bool:
        """True while a key that is configured is not there."""
        unkeyed = self.settings.kek is not None and self.kek is None
        return unkeyed or any(self.teks.newest(tek.name) is None for tek in self.settings.teks)

    def due(self, now: float) -> tuple[bool, list[str]]:
        """(whether a new KEK is due, the ipsec-sas that are due for new TEKs)."""
        if self.kek is None or not self.leads:
            return False, []
        names = [name for name, due in self.teks.due().items() if now >= due]
        return now >= self.kek_due(self.kek), names

    # How they are described

    def grant(self, now: float, member: Hearer | None = None) -> Grant | None:
        """Every key that is good; None when there is nothing to give.

        Without ``member`` for another key server, which tells from an end when a key was followed.
        """
        kek = self.current_kek(now)
        if self.leads:
            self.teks.renew_due(now)
        teks = self.teks.given(now, to_member=member is not None)
        if not teks and (kek is None or not self.leads):
            return None
        if member is not None and member.lag is not None:
            teks += self.teks.over(teks, member.lag, now)
        gap = member.gap if member is not None else None
        seen = self._seen(kek, teks, now, gap)
        if self._granted is None or self._granted[0] != seen:
            sequence = SequenceNumber(kek.sequence) if kek else None
            grant = Grant(self.sa(kek, teks, now, gap), download(kek, teks), sequence)
            self._granted = seen, grant
        return self._granted[1]

    def _seen(
        self,
        kek: GroupKek | None,
        teks: list[GroupTek],
        now: float,
        gap: GroupAssociatedPolicy | None,
    ) -> tuple[object, ...]:
        """All that a grant is made of: members that come together get the same one."""
        seen = [(tek.spi, tek.told(now)) for tek in teks]
        under = (kek.kek, kek.settings, kek.sequence, int(kek.expires - now)) if kek else ()
        return (self.settings, gap, under, seen)

    def snapshot(self, now: float) -> Grant | None:
        """Every key that is good, without making any; None when there is none."""
        teks = self.teks.good(now)
        kek = self.kek if self.kek is not None and self.kek.expires > now else None
        if kek is None and not teks:
            return None
        sequence = SequenceNumber(kek.sequence) if kek is not None else None
        return Grant(self.sa(kek, teks, now), download(kek, teks), sequence)

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Differs when there is something else to keep."""
        kek = (self.kek.kek.spi, self.kek.sequence) if self.kek is not None else ()
        return (self.source, *kek, *self.teks.spis)

    def restore(self, grant: Grant, kept_at: float, now: float) -> None:
        """Take over what was kept, as far as it is still good and still configured.

        Raises MalformedPayload, also for what another server kept: two with one KEK would each
        number pushes by itself.
        """
        told = grant.sa.kek.source if grant.sa.kek is not None else None
        if told is not None and str(told) != self.source[0]:
            raise MalformedPayload(f"{told} kept these keys, this is {self.source[0]}")
        keys, settings = self._plane.signing_keys, self.settings
        kek = kek_of_grant(grant, settings.kek, keys, kept_at)
        teks = teks_of_grant(grant, settings.teks, kept_at)
        for one in settings.teks:
            own = Succession(tek for tek in teks if tek.settings.name == one.name)
            # Those from before a commit that nobody was told of go on until they are due: members
            # hold them, and do not know of any others.
            self.teks.hold(one.name, own.living(now))
        if kek is not None and kek.expires > now and kek.settings == settings.kek:
            self.take_over(kek)

    @property
    def source(self) -> Address:
        """Where pushes come from, as members are told."""
        own, port = self._plane.push_source
        return self.settings.server_address or own, port

    def sa(
        self,
        kek: GroupKek | None,
        teks: list[GroupTek],
        now: float,
        gap: GroupAssociatedPolicy | None = None,
    ) -> GroupSa:
        """The SA payload for these keys."""
        return GroupSa(
            kek.policy(self.source, self.ack_algorithm(kek), now) if kek else None,
            gap or associated_policy(self.delays.present),
            tuple(policy for tek in teks for policy in tek.policies(now, self._plane.profile)),
        )

    def ack_algorithm(self, kek: GroupKek) -> int | None:
        """How pushes under a KEK are to be acknowledged; None: not at all."""
        asked = self._plane.acknowledgement is Acknowledgement.RFC8263
        return AckAlgorithm.KEK_SHA256 if asked and not kek.settings.is_multicast else None


def download(
    kek: GroupKek | None, teks: Iterable[GroupTek], named: bytes | None = None
) -> KeyDownload:
    """The KD payload with these keys; ``named``: the SPI that the KEK goes by, not its own."""
    packets = [tek.packet() for tek in teks]
    if kek is not None:
        packets.append(replace(kek.packet(), spi=named) if named is not None else kek.packet())
    return KeyDownload(tuple(packets))
