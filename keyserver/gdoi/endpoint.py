# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's GDOI endpoint, sans-IO: datagrams in, datagrams and events out.

Each exchange has a door of its own; they share the table of phase 1 SAs. Who may have which keys
is asked of an :class:`Authority`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ike.numbers import Exchange
from ..ike.refusal import Refused
from ..ike.wire import HEADER_LENGTH, Header, MalformedPayload
from .acknowledgement_door import AcknowledgementDoor
from .arrival import NON_ESP_MARKER, Address, Arrival, Counters, Event, Outcome, RefusedPeer
from .associations import Associations, AssociationView
from .authority import Authority
from .companion import Companion
from .informational_door import InformationalDoor
from .numbers import GdoiExchange
from .payloads import Profile
from .phase1_door import OnKeys, Phase1Door
from .pull_door import PullDoor


class KeyServerEndpoint:
    """One key server on one UDP socket."""

    def __init__(
        self,
        authority: Authority,
        profile: Profile = Profile.RFC6407,
        on_keys: OnKeys = lambda cookie, key: None,
        companions: Sequence[Companion] = (),
    ) -> None:
        self.counters = Counters()
        self._table = Associations()
        self._companions = companions
        phase1 = Phase1Door(authority, self._table, self.counters, on_keys)
        pulls = PullDoor(authority, self._table, self.counters, profile)
        acknowledgements = AcknowledgementDoor(authority, self.counters)
        informational = InformationalDoor(self._table, self.counters, companions)
        self._doors: dict[int, Callable[[Arrival], Outcome]] = {
            Exchange.IDENTITY_PROTECTION: phase1.receive,
            Exchange.AGGRESSIVE: phase1.receive,
            Exchange.INFORMATIONAL: informational.receive,
            GdoiExchange.GROUPKEY_PULL: pulls.receive,
            GdoiExchange.GROUPKEY_PUSH_ACK: acknowledgements.receive,
        }

    def forget(self) -> None:
        """Drop every phase 1 SA (peers' keys or proposals changed)."""
        self._table.clear()

    @property
    def half_open(self) -> int:
        """How many phase 1 SAs are being made."""
        return self._table.half_open

    def associations(self, now: float) -> list[AssociationView]:
        """Established phase 1 SAs."""
        return self._table.views(now)

    def receive(
        self, datagram: bytes, source: Address, now: float
    ) -> tuple[bytes | None, tuple[Event, ...]]:
        """Take one datagram: the answer for its sender, if any, and what happened."""
        self.counters.received += 1
        # A peer behind NAT-T puts the non-ESP marker of RFC 3948 in front, on any port.
        marked = (
            datagram[:4] == NON_ESP_MARKER and len(datagram) > len(NON_ESP_MARKER) + HEADER_LENGTH
        )
        message = datagram[4:] if marked else datagram
        try:
            header = Header.decode(message)
            outcome = self._dispatch(Arrival(header, message, source, marked, now))
        except MalformedPayload as error:
            self.counters.malformed += 1
            return None, (RefusedPeer(source[0], str(error)),)
        answer = outcome.answer
        if answer is not None and marked:
            answer = NON_ESP_MARKER + answer
        return answer, outcome.events

    def _dispatch(self, arrival: Arrival) -> Outcome:
        self._table.expire(arrival.now)
        for companion in self._companions:
            if companion.claims(arrival):
                return self._of_companion(companion, arrival)
        door = self._doors.get(arrival.header.exchange)
        if door is None:
            reason = f"exchange type {arrival.header.exchange} is not supported"
            return self.counters.refuse(arrival, reason)
        return door(arrival)

    def _of_companion(self, companion: Companion, arrival: Arrival) -> Outcome:
        try:
            return Outcome(companion.receive(arrival, self._table.established_for(arrival)))
        except Refused as refusal:
            return self.counters.refuse(arrival, refusal)
