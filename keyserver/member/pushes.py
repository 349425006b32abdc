# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's end of GROUPKEY-PUSH (RFC 6407 §4): what it installs, acknowledges or keeps."""

from __future__ import annotations

from collections import deque

from ..gdoi.citation import cited
from ..gdoi.numbers import LAST_SEQUENCE
from ..gdoi.payloads import Profile, SaKek
from ..gdoi.pull import Grant
from ..gdoi.push import Push
from ..ike.wire import Header, MalformedPayload
from .acknowledgements import Acknowledgements
from .diary import Diary
from .keys import InstalledKek, MemberKeys
from .schedule import Schedule
from .traffic import Changes

UNKNOWN_KEK_PAUSE_SECONDS = 60.0
_EARLY_PUSHES = 4


class PushReceiver:
    """Takes pushes; what was missed makes the member register again, as the schedule says.

    ``authentic``: how many were the key server's own, copies too.
    """

    def __init__(
        self, keys: MemberKeys, diary: Diary, schedule: Schedule, acks: Acknowledgements
    ) -> None:
        self._keys, self._diary, self._schedule, self._acks = keys, diary, schedule, acks
        self._hint_after = 0.0
        self.authentic = 0
        self.begin()

    def begin(self) -> None:
        """An attempt to register begins: nothing was heard since."""
        self._early: deque[bytes] = deque(maxlen=_EARLY_PUSHES)
        self._earlier: deque[bytes] = deque(maxlen=_EARLY_PUSHES)
        # The last push since then that took keys and brought none: KEK and number.
        self._deletion = b"", 0

    def take_early(self) -> list[bytes]:
        """Those that have overtaken message 4 of the attempt, under its KEK first."""
        early = [*self._earlier, *self._early]
        self._earlier.clear()
        self._early.clear()
        return early

    def has_deleted(self, grant: Grant) -> bool:
        """True for keys that were promised before the key server said to delete them."""
        spi, number = self._deletion
        if grant.sa.kek is None or grant.sequence is None:
            return False
        return grant.sa.kek.spi == spi and grant.sequence.number < number

    def receive(self, header: Header, datagram: bytes, promised: SaKek | None, now: float) -> None:
        """Take a push; ``promised``: the KEK that message 2 of an attempt named.

        Raises MalformedPayload or Refused for what is to be ignored.
        """
        installed = self._keys.keks.get(header.spi)
        known = installed.known(datagram) if installed is not None else None
        if installed is None:
            self._on_unknown_kek(header.spi, datagram, promised, now)
        elif known is not None:
            # Our acknowledgement was lost: say it again, change nothing.
            self.authentic += 1
            self._acks.queue(installed, known, now)
        else:
            self._on_new(installed, header, datagram, now)

    def _on_new(self, under: InstalledKek, header: Header, datagram: bytes, now: float) -> None:
        opened = under.opened(header, datagram, self._keys.profile)
        skipped = opened.sequence - under.sequence - 1
        self.authentic += 1
        under.count(opened.sequence)
        self._schedule.heard(now)
        try:
            self._install(opened.push, under, datagram, now)
        except MalformedPayload as error:
            self._refuse(cited(error), now)
        else:
            self._on_skipped(skipped, now)

    def _install(self, push: Push, under: InstalledKek, datagram: bytes, now: float) -> None:
        """Install what an authentic push brings. Raises MalformedPayload."""
        changes = self._keys.install_push(push, under, now)
        if push.is_heartbeat:
            self._diary.note("heartbeat", now, sequence=push.sequence)
            self._diary.tell(changes, now)
            return
        under.remember(datagram, push.sequence)
        if push.sa is None:
            self._deletion = under.kek.spi, push.sequence
        self._acks.queue(under, push.sequence, now)
        self._on_rekey(push, changes, now)

    def _refuse(self, reason: str, now: float) -> None:
        """The key server's own word, and it cannot be done: without these keys this member would
        soon hear nobody. It registers again, where a policy that stays so is refused for good."""
        self._diary.note("refused", now, reason=reason)
        self._schedule.soon(reason, now)

    def _on_skipped(self, skipped: int, now: float) -> None:
        """What was skipped may have held keys, and cannot come any more: SEQ only grows."""
        if skipped and self._keys.profile is Profile.RFC6407:
            self._schedule.soon(f"{skipped} pushes missed", now)
        kek = self._keys.kek
        if kek is not None and kek.sequence == LAST_SEQUENCE:
            self._schedule.soon("no push can follow under this KEK", now)

    def _on_unknown_kek(
        self, spi: bytes, datagram: bytes, promised: SaKek | None, now: float
    ) -> None:
        """Perhaps the server restarted. Anyone can send this: keys stay, and not too often."""
        if promised is not None:
            # It has overtaken message 4, which brings its KEK, or the push that does. What is under
            # another one anybody may send: it takes no place from those.
            (self._earlier if promised.spi == spi else self._early).append(datagram)
            return
        if not self._schedule.is_registered or now < self._hint_after:
            return
        if self._keys.profile is Profile.CISCO_REFERENCE:
            return
        self._hint_after = now + UNKNOWN_KEK_PAUSE_SECONDS
        self._schedule.soon("pushes come under an unknown KEK", now)
        self._diary.note("unknown_kek", now, reason=f"push under KEK {spi.hex()}")

    def tell(self, changes: Changes, now: float) -> None:
        """Keys have changed hands; where none is left to send with, the others may have another."""
        self._diary.tell(changes, now)
        mute = changes.retired and not self._keys.traffic.sends_with
        if mute or (changes.dropped and not self._keys.teks):
            self._schedule.soon("no key is left to send with", now)

    def _on_rekey(self, push: Push, changes: Changes, now: float) -> None:
        self._diary.keys_changed("rekeyed" if push.sa else "deleted", now, push.sequence)
        self.tell(changes, now)
        if not self._schedule.is_registered:
            return
        self._schedule.plan(now)
        if not self._keys.teks and push.sa is None:
            # RFC 6407 §5.9: begin anew; not all members of the group at the same instant.
            self._schedule.soon("the key server deleted all keys", now)
