# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where members register: GROUPKEY-PULL, as key server.

Nothing about a group's membership changes before message 3 of a pull has proved that the member
is alive (RFC 6407 §3.2 and §7.2.5).
"""

from __future__ import annotations

from ..ike.exchange import notification
from ..ike.refusal import Refused
from .arrival import Arrival, Counters, Outcome, Peer, Registered
from .associations import Association, Associations, Pull
from .authority import Authority
from .numbers import GdoiExchange
from .payloads import Profile
from .pull import PullResponder


class PullDoor:
    """Pulls under established phase 1 SAs."""

    def __init__(
        self,
        authority: Authority,
        associations: Associations,
        counters: Counters,
        profile: Profile,
    ) -> None:
        self._authority, self._associations = authority, associations
        self._counters, self._profile = counters, profile

    def receive(self, arrival: Arrival) -> Outcome:
        """Take a message of a pull."""
        association = self._associations.established_for(arrival)
        if association is None or arrival.header.message_id == 0:
            return self._counters.refuse(arrival, "pull without phase 1")
        pull = association.pulls.get(arrival.header.message_id)
        if pull is not None and arrival.message == pull.last_in:
            return self._counters.replay(pull.last_out)
        if pull is not None and pull.done:
            return self._counters.replay(None)
        return self._advance(association, pull, arrival)

    def _advance(self, association: Association, known: Pull | None, arrival: Arrival) -> Outcome:
        message_id = arrival.header.message_id
        pull = known or self._begin(association, message_id)
        try:
            outcome = self._step(pull, association.peer, arrival)
        except Refused as refusal:
            return self._refuse(refusal, association, known, pull, arrival)
        association.keep(message_id, pull)
        pull.last_in, pull.last_out = arrival.message, outcome.answer or b""
        return outcome

    def _begin(self, association: Association, message_id: int) -> Pull:
        exchange = association.sa.exchange(GdoiExchange.GROUPKEY_PULL, message_id)
        return Pull(PullResponder(exchange, self._profile))

    def _step(self, pull: Pull, peer: Peer, arrival: Arrival) -> Outcome:
        responder = pull.responder
        registration = pull.registration
        if registration is None:
            group_id = responder.asked(arrival.header, arrival.message)
            registration = self._authority.begin(peer, group_id, arrival.now)
            pull.registration = registration
            return Outcome(responder.answer(registration.grant.policy))
        responder.confirmed(arrival.header, arrival.message)
        pull.done = True
        registration.complete(arrival.now)
        happened = Registered(peer.gateway, responder.group_id or 0, peer.source[0])
        return Outcome(responder.deliver(registration.grant), (happened,))

    def _refuse(
        self,
        refusal: Refused,
        association: Association,
        known: Pull | None,
        pull: Pull,
        arrival: Arrival,
    ) -> Outcome:
        gateway, group_id = association.peer.gateway, pull.responder.group_id
        self._authority.count_refusal(gateway, group_id, arrival.now)
        if group_id is None and known is None:
            # Not even the first HASH was right: anyone can send that. Stay silent.
            return self._counters.refuse(arrival, refusal, gateway, group_id)
        if known is None or pull.done:
            association.keep(arrival.header.message_id, pull)
            pull.done = True
        answer = notification(association.sa, refusal.notify)
        return self._counters.refuse(arrival, refusal, gateway, group_id, answer)
