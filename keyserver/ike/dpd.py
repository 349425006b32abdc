# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dead peer detection (RFC 3706): asking whether the other end of a phase 1 SA lives."""

from __future__ import annotations

from .exchange import Phase1Sa, new_message_id
from .numbers import GDOI_DOI, Exchange, NotifyType, PayloadType
from .payloads import Notification
from .wire import Payload

Probe = tuple[NotifyType, int]
"""Which of both it is, and its sequence number."""

_KINDS = (NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK)
_SEQUENCE_LENGTH = 4


def dpd_message(sa: Phase1Sa, kind: NotifyType, sequence: int) -> bytes:
    """R-U-THERE or its answer (RFC 3706 §5.3)."""
    exchange = sa.exchange(Exchange.INFORMATIONAL, new_message_id())
    body = Notification(kind, spi=sa.spi, data=sequence.to_bytes(4, "big"), doi=GDOI_DOI)
    return exchange.seal([Payload(PayloadType.NOTIFICATION, body.encode())])


def dpd_of(payloads: list[Payload]) -> Probe | None:
    """(kind, sequence) of the dead peer detection in a message; None where there is none.

    Raises MalformedPayload.
    """
    for payload in payloads:
        if payload.type != PayloadType.NOTIFICATION:
            continue
        notification = Notification.decode(payload.body)
        if notification.type in _KINDS and len(notification.data) == _SEQUENCE_LENGTH:
            return NotifyType(notification.type), int.from_bytes(notification.data, "big")
    return None
