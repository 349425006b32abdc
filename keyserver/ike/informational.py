# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an Informational message tells (RFC 2408 §4.8): errors, or that a phase 1 SA is gone."""

from __future__ import annotations

from .exchange import Phase1Sa
from .numbers import Exchange, NotifyType, PayloadType
from .payloads import PROTO_ISAKMP, Delete, Notification
from .refusal import Refused
from .wire import Header, Payload

_TELLING = (PayloadType.NOTIFICATION, PayloadType.DELETE, PayloadType.VENDOR_ID)


def informed(sa: Phase1Sa, header: Header, message: bytes) -> list[Payload]:
    """The payloads of such a message under a phase 1 SA. Raises Refused."""
    payloads = sa.exchange(Exchange.INFORMATIONAL, header.message_id).open(header, message)
    strange = [payload.type for payload in payloads if payload.type not in _TELLING]
    if strange or not payloads:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"an Informational message of {strange}")
    return payloads


def deletes(payload: Payload, sa: Phase1Sa) -> bool:
    """Whether a payload says that a phase 1 SA is gone (RFC 2408 §3.15); it may name no other."""
    if payload.type != PayloadType.DELETE:
        return False
    delete = Delete.decode(payload.body)
    return delete.protocol == PROTO_ISAKMP and sa.spi in delete.spis


def notifications(payloads: list[Payload]) -> list[Notification]:
    """Notifications among these. Raises MalformedPayload."""
    found = [p.body for p in payloads if p.type == PayloadType.NOTIFICATION]
    return [Notification.decode(body) for body in found]


def errors(payloads: list[Payload]) -> list[Notification]:
    """Those of them that tell of an error."""
    return [told for told in notifications(payloads) if told.is_error]
