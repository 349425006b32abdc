# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Informational exchanges under a phase 1 SA: dead peer detection, and its deletion."""

from __future__ import annotations

from collections.abc import Sequence

from ..ike.dpd import dpd_message, dpd_of
from ..ike.exchange import Phase1Sa
from ..ike.informational import deletes, errors, informed
from ..ike.numbers import NotifyType
from ..ike.payloads import begins_anew
from ..ike.refusal import Refused
from ..ike.wire import Payload
from .arrival import Arrival, Outcome, RefusedPeer, refused
from .associations import Association, Associations
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
            payloads = informed(association.sa, arrival.header, arrival.message)
        except Refused as refusal:
            return refused(arrival, refusal, association.responder.policy.name)
        if any(deletes(payload, association.sa) for payload in payloads):
            self._associations.forget(arrival.header.spi)
        if begins_anew(payloads):
            self._associations.replace_all(association)
        return Outcome(self._probed(association, arrival, payloads), _told(association, payloads))

    def _probed(
        self, association: Association, arrival: Arrival, payloads: list[Payload]
    ) -> bytes | None:
        told = dpd_of(payloads)
        if told is None:
            return None
        for companion in self._companions:
            companion.probed(arrival.header.spi, told, arrival.now)
        return probe_answer(association.sa, payloads)


def _told(association: Association, payloads: list[Payload]) -> tuple[RefusedPeer, ...]:
    """What a peer will not have of ours, a policy for example, which it says at its end."""
    gateway, address = association.responder.policy.name, association.source[0]
    return tuple(
        RefusedPeer(address, f"the peer says {told}", gateway) for told in errors(payloads)
    )


def probe_answer(sa: Phase1Sa, payloads: list[Payload]) -> bytes | None:
    """The answer to R-U-THERE; None when that is not what was said."""
    told = dpd_of(payloads)
    if told is None or told[0] is not NotifyType.R_U_THERE:
        return None
    return dpd_message(sa, NotifyType.R_U_THERE_ACK, told[1])
