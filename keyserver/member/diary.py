# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member notes of itself, for those who watch it."""

from __future__ import annotations

from .events import HeldKeys, MemberEvent
from .keys import MemberKeys
from .recovery import Recovery
from .traffic import Changes


class Diary:
    """``events`` grows by what happened; who has read them takes them out."""

    def __init__(self, member: str, group: int, keys: MemberKeys, recovery: Recovery) -> None:
        self._member, self._group, self._keys, self._recovery = member, group, keys, recovery
        self.events: list[MemberEvent] = []
        # What was told so far that is sent with.
        self._said: str | None = None

    def take(self) -> list[MemberEvent]:
        """What was noted since the last call."""
        events, self.events = self.events, []
        return events

    def tell(self, changes: Changes, now: float) -> None:
        """Note what became active, what is sent with no longer, was dropped, and ended."""
        for event, spis in (
            ("activated", self._activated(changes)),
            ("retired", changes.retired),
            ("dropped", changes.dropped),
            ("expired", changes.expired),
        ):
            if spis:
                self.note(event, now, spis=spis, held=self.held())
        self._recovery.look()

    def _activated(self, changes: Changes) -> tuple[str, ...]:
        """With what became active, the key that ``sends_with`` names instead of another.

        When an association ends it is that of the next one, which had been active before.
        """
        before, self._said = self._said, self.held().sends_with
        if before is None or self._said in (None, before):
            return changes.activated
        return tuple(dict.fromkeys((*changes.activated, str(self._said))))

    def held(self) -> HeldKeys:
        """What it sends with and receives with now."""
        sending = self._keys.traffic.sends_with
        return HeldKeys(sending[0] if sending else None, self._keys.traffic.receives_with)

    def keys_changed(self, event: str, now: float, sequence: int | None = None) -> None:
        """Note an event with all keys that are installed after it."""
        kek = self._keys.kek
        if sequence is None and kek is not None:
            sequence = kek.sequence
        self.note(
            event,
            now,
            spis=self._keys.tek_spis(),
            kek_spi=kek.kek.spi.hex() if kek else None,
            sequence=sequence,
            held=self.held(),
        )

    def note(
        self,
        event: str,
        now: float,
        spis: tuple[str, ...] = (),
        kek_spi: str | None = None,
        sequence: int | None = None,
        reason: str | None = None,
        held: HeldKeys | None = None,
    ) -> None:
        """Note what happened."""
        self.events.append(
            MemberEvent(
                event, self._member, self._group, now, spis, kek_spi, sequence, reason, held
            )
        )
