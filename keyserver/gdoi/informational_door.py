# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Informational exchanges under a phase 1 SA: dead peer detection, and its deletion."""

from __future__ import annotations

from collections.abc import Sequence

from ..ike.dpd import dpd_message, dpd_of
from ..ike.exchange import Phase1Sa
from ..ike.numbers import Exchange, NotifyType, PayloadType
from ..ike.payloads import PROTO_ISAKMP, Delete, begins_anew
from ..ike.refusal import Refused
from ..ike.wire import Payload
from .arrival import Arrival, Outcome
from .associations import Associations
from .companion import Companion


class InformationalDoor:
    """Whoever has a phase 1 SA with us is answered, and may delete it."""

    def __init__(
        self,
        associations: Associations,
        companions: Sequence[Companion],
    ) -> None:
        self._associations, self._companions = associations, companions

    def receive(self, arrival: Arrival) -> Outcome:
        """Take an Informational message."""
        association = self._associations.established_for(arrival)
        if association is None:
            return Outcome()
        try:
            payloads = informed(association.sa, arrival)
        except Refused:
            return Outcome()
        for payload in payloads:
            if payload.type == PayloadType.DELETE:
                self._deleted(Delete.decode(payload.body), arrival.cookies)
        if begins_anew(payloads):
            self._associations.replace_all(association)
        told = dpd_of(payloads)
        if told is None:
            return Outcome()
        for companion in self._companions:
            companion.heard(
                arrival.cookies, arrival.now, answer=told[0] is NotifyType.R_U_THERE_ACK
            )
        return Outcome(probe_answer(association.sa, payloads))

    def _deleted(self, delete: Delete, cookies: bytes) -> None:
        """RFC 2408 §3.15: the peer has given up this phase 1; it may name no other one."""
        if delete.protocol == PROTO_ISAKMP and cookies in delete.spis:
            self._associations.forget(cookies)


def informed(sa: Phase1Sa, arrival: Arrival) -> list[Payload]:
    """The payloads of an Informational message under a phase 1 SA. Raises Refused."""
    exchange = sa.exchange(Exchange.INFORMATIONAL, arrival.header.message_id)
    return exchange.open(arrival.header, arrival.message)


def probe_answer(sa: Phase1Sa, payloads: list[Payload]) -> bytes | None:
    """The answer to R-U-THERE; None when that is not what was said."""
    told = dpd_of(payloads)
    if told is None or told[0] is not NotifyType.R_U_THERE:
        return None
    return dpd_message(sa, NotifyType.R_U_THERE_ACK, told[1])
