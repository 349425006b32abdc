# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where peers meet the key server: phase 1, as responder."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..ike.aggressive_mode import AggressiveModeResponder, initial_identity
from ..ike.exchange import new_message_id
from ..ike.main_mode import MainModeResponder
from ..ike.nat import Address, Path
from ..ike.numbers import Exchange, NotifyType, PayloadType
from ..ike.payloads import Identification, Notification
from ..ike.proposal import Mode, PeerPolicy
from ..ike.refusal import Refused
from ..ike.wire import COOKIE_LENGTH, Header, MalformedPayload, Payload, encode_message
from .arrival import Arrival, Outcome, refused
from .associations import Association, Associations
from .authority import Authority

OnKeys = Callable[[bytes, bytes], None]
"""Told the initiator's cookie and the encryption key of every phase 1 SA."""


@dataclass(frozen=True)
class Ports:
    """Where the key server listens; ``floating``: where those behind a translator come to."""

    local: Address
    floating: int | None = None

    def path(self, arrival: Arrival) -> Path | None:
        """The ends of a datagram's way; None when translators are not looked for."""
        if self.floating is None:
            return None
        port = self.floating if arrival.floated else self.local[1]
        return Path((self.local[0], port), arrival.source)


NOWHERE = Ports(("192.0.2.1", 848))
"""For a key server without a socket."""


class Phase1Door:
    """Main mode and aggressive mode."""

    def __init__(
        self,
        authority: Authority,
        associations: Associations,
        on_keys: OnKeys,
        ports: Ports,
    ) -> None:
        self._ports = ports
        self._authority, self._associations = authority, associations
        self._on_keys = on_keys

    def receive(self, arrival: Arrival) -> Outcome:
        """Take a message of phase 1."""
        try:
            return self._take(arrival)
        except MalformedPayload as error:
            refusal = Refused(NotifyType.PAYLOAD_MALFORMED, str(error))
            return self._refuse(refusal, arrival, None)

    def _take(self, arrival: Arrival) -> Outcome:
        if arrival.header.message_id != 0:
            return refused(arrival, "phase 1 with a message id")
        if arrival.header.responder_cookie == bytes(COOKIE_LENGTH):
            return self._first(arrival)
        association = self._associations.of(arrival)
        if association is None:
            return refused(arrival, "unknown cookies")
        if hmac.compare_digest(arrival.message, association.last_in):
            return Outcome(association.last_out or None)
        if association.established:
            return Outcome()
        return self._advance(association, arrival)

    def _first(self, arrival: Arrival) -> Outcome:
        known = self._associations.begun_by(arrival)
        if known is not None:
            return Outcome(known.last_out)
        gateway = None
        try:
            responder = self._responder(arrival)
            gateway = responder.policy.name
            answer = responder.receive(arrival.header, arrival.message, arrival.now)
        except Refused as refusal:
            return self._refuse(refusal, arrival, gateway)
        association = Association(
            responder, arrival.source, arrival.now, arrival.marked, arrival.floated
        )
        association.last_in, association.last_out = arrival.message, answer or b""
        self._associations.begin(association)
        return Outcome(answer)

    def _responder(self, arrival: Arrival) -> MainModeResponder | AggressiveModeResponder:
        gateways, path = self._authority.peers, self._ports.path(arrival)
        here = gateways.at(arrival.source[0])
        if arrival.header.exchange == Exchange.AGGRESSIVE:
            identity = initial_identity(arrival.header, arrival.message)
            dynamic = gateways.dynamic(identity)
            # Of several behind one translator it is the one that it says it is.
            named = tuple(one for one in here if identity.is_the(one.remote_identity))
            known = named or ((dynamic,) if dynamic is not None else here)
            return AggressiveModeResponder(_taking(known, Mode.AGGRESSIVE)[0], path)
        if here:
            return MainModeResponder(_taking(here, Mode.MAIN), path=path)
        known = (gateways.anonymous,) if gateways.anonymous is not None else ()
        return MainModeResponder(_taking(known, Mode.MAIN), self._dynamic, path)

    def _dynamic(self, identity: Identification) -> PeerPolicy | None:
        """As it is configured when a peer tells who it is, which is after it began."""
        return self._authority.peers.dynamic(identity)

    def _advance(self, association: Association, arrival: Arrival) -> Outcome:
        responder = association.responder
        responder.path = self._ports.path(arrival)
        try:
            answer = responder.receive(arrival.header, arrival.message, arrival.now)
        except Refused as refusal:
            gateway = responder.policy.name
            self._authority.count_refusal(gateway, None, arrival.now)
            return self._refuse(refusal, arrival, gateway)
        association.last_in, association.last_out = arrival.message, answer or b""
        if association.established:
            association.heard_from(arrival)
            self._associations.establish(association, arrival.now)
            if responder.peer_begins_anew:
                self._associations.replace_all(association)
            self._on_keys(arrival.header.initiator_cookie, responder.sa.keys.encryption_key)
        return Outcome(answer)

    def _refuse(self, refusal: Refused, arrival: Arrival, gateway: str | None) -> Outcome:
        """An unprotected notification: phase 1 has no keys to protect it with."""
        body = Notification(refusal.notify, spi=arrival.header.spi).encode()
        header = Header(
            arrival.header.initiator_cookie,
            arrival.header.responder_cookie,
            0,
            Exchange.INFORMATIONAL,
            message_id=new_message_id(),
        )
        answer = encode_message(header, [Payload(PayloadType.NOTIFICATION, body)])
        return refused(arrival, refusal, gateway, answer=answer)


def _taking(policies: Sequence[PeerPolicy], mode: Mode) -> list[PeerPolicy]:
    """Those that take that mode. Raises Refused when there is none."""
    if not policies:
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, "no IKE gateway has this address")
    found = [policy for policy in policies if mode in policy.modes]
    if not found:
        raise Refused(
            NotifyType.INVALID_EXCHANGE_TYPE,
            f"gateway {policies[0].name} does not take {mode.value} mode",
        )
    return found
