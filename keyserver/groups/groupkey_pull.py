# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GROUPKEY-PULL (RFC 6407 §3) of one group: what a member is promised, and how it comes in."""

from __future__ import annotations

from functools import partial

from ..gdoi.arrival import Peer
from ..ike.numbers import NotifyType
from ..ike.refusal import Refused
from .audience import Audience
from .groupkey_push import GroupkeyPush
from .heartbeat import Heartbeat
from .keyring import Hearer, Keyring
from .keys import associated_policy
from .registration import Promise


class GroupkeyPull:
    """Gives policy and keys to one member, and enters it when it has proved itself."""

    def __init__(
        self, keyring: Keyring, audience: Audience, push: GroupkeyPush, heartbeat: Heartbeat
    ) -> None:
        self._keyring, self._audience = keyring, audience
        self._push, self._heartbeat = push, heartbeat

    def promise(self, peer: Peer, now: float) -> Promise | None:
        """Policy and keys for a member; None when there is nothing to give."""
        interval, teks = self._keyring.settings.heartbeat, self._keyring.teks
        gap = associated_policy(teks.shortest_delay(now), interval if peer.extended else None)
        lag = self._audience.lag_of(peer, partial(teks.known, now))
        granted = self._keyring.grant(now, Hearer(gap, lag))
        if granted is None:
            return None
        if granted.sa.kek is not None:
            self._heartbeat.start(interval, now)
        promise = Promise(granted, now)
        self._push.begin(promise)
        return promise

    def enter(self, peer: Peer, promise: Promise, now: float) -> None:
        """A member has proved itself: list it, and push it what was pushed since message 2.

        Raises Refused when it would not have the keys that everybody has.
        """
        if promise.is_over(now) or not self._is_kept(promise, now):
            raise Refused(
                NotifyType.INVALID_MESSAGE_ID, "the group's keys have changed: register again"
            )
        self._push.complete(promise, self._audience.enter(peer, now), now)

    def _is_kept(self, promise: Promise, now: float) -> bool:
        """True when who was promised this has, with what was pushed since, what everybody has."""
        kek, newest = self._keyring.kek, self._keyring.teks.newest_spis(now)
        if kek is not None and kek.expires <= now:
            # It is given to nobody: where keys come from elsewhere, the next one does so, too.
            kek = None
        if newest is None or (kek is None and self._keyring.settings.kek is not None):
            return not self._keyring.leads
        return promise.leads_to(kek.kek.spi if kek is not None else None, newest)
