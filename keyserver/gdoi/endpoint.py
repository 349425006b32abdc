# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's GDOI endpoint, sans-IO: datagrams in, datagrams and events out.

Each exchange has a door of its own; they share the table of phase 1 SAs. Who may have which keys
is asked of an :class:`Authority`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..ike.exchange import deletion
from ..ike.nat import Address
from ..ike.numbers import Exchange
from ..ike.refusal import Refused
from ..ike.wire import NON_ESP_MARKER, Header, MalformedPayload, without_marker
from .acknowledgement_door import AcknowledgementDoor
from .arrival import Arrival, Event, Outcome, RefusedPeer, refused
from .associations import Association, Associations, AssociationView
from .authority import Authority
from .companion import Companion
from .informational_door import InformationalDoor
from .numbers import GdoiExchange
from .payloads import Profile
from .phase1_door import NOWHERE, OnKeys, Phase1Door, Ports
from .pull_door import PullDoor


@dataclass(frozen=True)
class Parting:
    """A datagram that answers nothing, and the phase 1 SA that it is about."""

    message: bytes
    association: Association

    @property
    def datagram(self) -> bytes:
        """The octets to send."""
        return NON_ESP_MARKER * self.association.marked + self.message


class KeyServerEndpoint:
    """One key server on one UDP socket."""

    def __init__(
        self,
        authority: Authority,
        profile: Profile = Profile.RFC6407,
        on_keys: OnKeys = lambda cookie, key: None,
        companions: Sequence[Companion] = (),
        ports: Ports = NOWHERE,
    ) -> None:
        self._outbox: list[Parting] = []
        self._authority = authority
        self._table = Associations()
        self._companions = companions
        phase1 = Phase1Door(authority, self._table, on_keys, ports)
        pulls = PullDoor(authority, self._table, profile)
        acknowledgements = AcknowledgementDoor(authority)
        informational = InformationalDoor(self._table, companions)
        self._doors: dict[int, Callable[[Arrival], Outcome]] = {
            Exchange.IDENTITY_PROTECTION: phase1.receive,
            Exchange.AGGRESSIVE: phase1.receive,
            Exchange.INFORMATIONAL: informational.receive,
            GdoiExchange.GROUPKEY_PULL: pulls.receive,
            GdoiExchange.GROUPKEY_PUSH_ACK: acknowledgements.receive,
        }

    def policies_changed(self) -> None:
        """Give up what was agreed with peers that are now met otherwise; the others stay."""
        self._retain(lambda one: one.responder.outlives(self._authority.peers.of))

    def give_up(self, cookies: Collection[bytes]) -> None:
        """These phase 1 SAs are no longer of use."""
        if cookies:
            self._retain(lambda one: one.cookies not in cookies)

    def _retain(self, keep: Callable[[Association], bool]) -> None:
        gone = self._table.retain(keep)
        self._outbox += [Parting(deletion(one.sa), one) for one in gone]

    # Time

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        return self._table.deadline()

    def expire(self, now: float) -> None:
        """Say again what may be lost; give up phase 1 SAs whose life is over."""
        over, again = self._table.expire(now)
        # Every datagram asks, and nearly always nothing is due.
        if over or again:
            self._outbox += [Parting(deletion(one.sa), one) for one in over]
            self._outbox += [Parting(one.last_out, one) for one in again]

    def take(self) -> list[Parting]:
        """What is to be sent, which the caller does."""
        taken, self._outbox = self._outbox, []
        return taken

    @property
    def half_open(self) -> int:
        """How many phase 1 SAs are being made."""
        return self._table.half_open

    def associations(self, now: float) -> list[AssociationView]:
        """Established phase 1 SAs."""
        return self._table.views(now)

    def receive(
        self, datagram: bytes, source: Address, now: float, floated: bool = False
    ) -> tuple[bytes | None, tuple[Event, ...]]:
        """Take one datagram: the answer for its sender, if any, and what happened.

        ``floated``: it came to the port that peers change to behind a translator, where only what
        carries the marker is meant for us (RFC 3948 §2.2); the rest is ESP, or keeps a way open.
        """
        if floated and (datagram[:4] != NON_ESP_MARKER or len(datagram) == len(NON_ESP_MARKER)):
            return None, ()
        # A peer behind NAT-T puts the non-ESP marker of RFC 3948 in front, on any port.
        message = datagram[len(NON_ESP_MARKER) :] if floated else without_marker(datagram)
        marked = len(message) < len(datagram)
        try:
            header = Header.decode(message)
            outcome = self._dispatch(Arrival(header, message, source, marked, now, floated))
        except MalformedPayload as error:
            return None, (RefusedPeer(source[0], str(error)),)
        answer = outcome.answer
        if answer is not None and marked:
            answer = NON_ESP_MARKER + answer
        return answer, outcome.events

    def _dispatch(self, arrival: Arrival) -> Outcome:
        self.expire(arrival.now)
        for companion in self._companions:
            if companion.claims(arrival):
                return self._of_companion(companion, arrival)
        door = self._doors.get(arrival.header.exchange)
        if door is None:
            reason = f"exchange type {arrival.header.exchange} is not supported"
            return refused(arrival, reason)
        return door(arrival)

    def _of_companion(self, companion: Companion, arrival: Arrival) -> Outcome:
        try:
            return Outcome(companion.receive(arrival, self._table.established_for(arrival)))
        except Refused as refusal:
            return refused(arrival, refusal)
