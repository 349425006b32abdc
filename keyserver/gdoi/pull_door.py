# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where members register: GROUPKEY-PULL, as key server.

Nothing about a group's membership changes before message 3 of a pull has proved that the member
is alive (RFC 6407 §3.2 and §7.2.5).
"""

from __future__ import annotations

from collections import OrderedDict

from ..ike.exchange import notification
from ..ike.refusal import Refused
from .arrival import Arrival, Event, Outcome, RefusedPeer, Registered, refused
from .associations import Association, Associations, Pull
from .authority import Authority, Registration
from .numbers import GdoiExchange
from .payloads import Profile
from .pull import PullResponder

_MOST_STRANGERS = 1000


class PullDoor:
    """Pulls under established phase 1 SAs."""

    def __init__(
        self,
        authority: Authority,
        associations: Associations,
        profile: Profile,
    ) -> None:
        self._authority, self._associations = authority, associations
        self._profile = profile
        self._strangers: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def receive(self, arrival: Arrival) -> Outcome:
        """Take a message of a pull."""
        association = self._associations.established_for(arrival)
        if association is None:
            return self._without_phase1(arrival)
        if arrival.header.message_id == 0:
            return refused(arrival, "pull without a message id", association.responder.policy.name)
        pull = association.pulls.get(arrival.header.message_id)
        if pull is not None and arrival.message == pull.last_in:
            return Outcome(pull.last_out)
        if pull is not None and pull.done:
            return Outcome()
        return self._advance(association, pull, arrival)

    def _without_phase1(self, arrival: Arrival) -> Outcome:
        """An ordinary IKE peer may go on for long after we have forgotten it: say so once."""
        stranger = (arrival.source[0], arrival.header.spi)
        if stranger in self._strangers:
            return Outcome()
        if len(self._strangers) >= _MOST_STRANGERS:
            self._strangers.popitem(last=False)
        self._strangers[stranger] = None
        return refused(arrival, "pull without phase 1")

    def _advance(self, association: Association, known: Pull | None, arrival: Arrival) -> Outcome:
        message_id = arrival.header.message_id
        pull = known or self._begin(association, message_id)
        try:
            outcome = self._step(pull, association, arrival)
        except Refused as refusal:
            return self._refuse(refusal, association, known, pull, arrival)
        association.keep(message_id, pull)
        pull.last_in, pull.last_out = arrival.message, outcome.answer or b""
        return outcome

    def _begin(self, association: Association, message_id: int) -> Pull:
        exchange = association.sa.exchange(GdoiExchange.GROUPKEY_PULL, message_id)
        return Pull(PullResponder(exchange, self._profile))

    def _step(self, pull: Pull, association: Association, arrival: Arrival) -> Outcome:
        responder = pull.responder
        if pull.registration is not None:
            return self._complete(pull, pull.registration, association, arrival)
        group_id = responder.asked(arrival.header, arrival.message)
        association.heard_from(arrival)
        pull.registration = self._authority.begin(association.peer, group_id, arrival.now)
        return Outcome(responder.answer(pull.registration.grant))

    def _complete(
        self,
        pull: Pull,
        registration: Registration,
        association: Association,
        arrival: Arrival,
    ) -> Outcome:
        responder = pull.responder
        gateway, address = association.responder.policy.name, association.source[0]
        responder.confirmed(arrival.header, arrival.message)
        association.heard_from(arrival)
        pull.done = True
        registration.complete(association.peer, arrival.now)
        group_id = responder.group_id or 0
        events: tuple[Event, ...] = (Registered(gateway, group_id, address),)
        if responder.sender_ids_asked:
            # RFC 6407 §3.5: only counter modes need them, and no proposal of Junos has one.
            reason = f"SENDER_ID_REQUEST for {responder.sender_ids_asked}: no counter mode is used"
            events += (RefusedPeer(address, reason, gateway, group_id),)
        return Outcome(responder.deliver(registration.grant), events)

    def _refuse(
        self,
        refusal: Refused,
        association: Association,
        known: Pull | None,
        pull: Pull,
        arrival: Arrival,
    ) -> Outcome:
        gateway, group_id = association.responder.policy.name, pull.responder.group_id
        if not pull.responder.is_authentic:
            # Not even the first HASH was right: anyone can send that. Stay silent.
            self._authority.count_refusal(gateway, None, arrival.now)
            return refused(arrival, refusal, gateway)
        if known is None or pull.done:
            association.keep(arrival.header.message_id, pull)
            pull.done = True
        answer = notification(association.sa, refusal.notify)
        if group_id is None and association.speaks_otherwise:
            # An ordinary IKE peer's quick mode has our exchange type: once is enough to know.
            return Outcome(answer)
        association.speaks_otherwise |= group_id is None
        self._authority.count_refusal(gateway, group_id, arrival.now)
        return refused(arrival, refusal, gateway, group_id, answer)
