# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the key store has of one group: its keys, and what somebody is still to be told."""

from __future__ import annotations

from collections.abc import Iterable

from .audience import Audience
from .durable import KeyStore, Unfinished, decode_state, kept
from .groupkey_push import GroupkeyPush
from .keyring import Keyring


class GroupRecord:
    """Written when there is something else to keep, read once, after a restart."""

    def __init__(
        self, store: KeyStore, keyring: Keyring, audience: Audience, push: GroupkeyPush
    ) -> None:
        self._store, self._keyring, self._audience, self._push = store, keyring, audience, push
        self._kept = self._fingerprint

    def restore(self, now: float) -> None:
        """Go on with the keys that were kept. Raises MalformedPayload."""
        state = self._store.group_keys(self._keyring.settings.name)
        if state is None:
            return
        known = decode_state(state)
        # The clock may have been set back meanwhile: nothing was kept in the future.
        self._keyring.restore(known.grant, min(known.at, now), now)
        self._push_again(known.unfinished, now)
        self._kept = self._fingerprint

    def _push_again(self, unfinished: Iterable[Unfinished], now: float) -> None:
        """Nobody is listed after a restart; yet who was being told something is told it."""
        had, gateways = self._keyring.teks.known(now), self._keyring.settings.gateways
        for one in unfinished:
            members = [
                self._audience.leaver(peer, had, now)
                for peer in one.peers
                if peer.gateway in gateways
            ]
            for made in one.made:
                self._push.again(made, members, now)

    @property
    def _fingerprint(self) -> tuple[object, ...]:
        """Differs when there is something else to keep."""
        return (self._keyring.fingerprint, self._audience.has_heard_all)

    def keep(self, now: float) -> None:
        """Keep the keys, before anything under them is sent, and what is still to be told."""
        fingerprint = self._fingerprint
        if fingerprint == self._kept:
            return
        state = kept(self._keyring.snapshot(now), now, self._audience.unfinished())
        self._store.set_group_keys(self._keyring.settings.name, state)
        self._kept = fingerprint

    def forget(self) -> None:
        """The group is configured no longer: nothing of it comes back."""
        self._store.set_group_keys(self._keyring.settings.name, None)
