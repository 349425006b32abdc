# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What main mode and aggressive mode share."""

from __future__ import annotations

import hashlib
from enum import Enum

from .numbers import NotifyType, PayloadType
from .refusal import Refused
from .wire import HEADER_LENGTH, Header, MalformedPayload, Payload, decode_chain

NONCE_LENGTH = 20
_NONCE_LENGTHS = range(8, 257)
# RFC 2408 §3.16: a hash that names an extension; who sends it knows our private attributes.
VENDOR_ID = hashlib.sha256(b"groupvpn.junos GDOI extensions 1").digest()[:16]


def pick(payloads: list[Payload], *kinds: PayloadType) -> list[bytes]:
    """The bodies of exactly these payloads; vendor ids and notifications may stand beside them."""
    ignorable = (PayloadType.VENDOR_ID, PayloadType.NOTIFICATION, PayloadType.CR)
    found = {p.type: p.body for p in payloads if p.type not in ignorable}
    counted = [p.type for p in payloads if p.type not in ignorable]
    if sorted(counted) != sorted(kinds):
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"payloads {counted}, {list(kinds)} expected")
    return [found[kind] for kind in kinds]


def clear_payloads(header: Header, datagram: bytes) -> list[Payload]:
    payloads, left = decode_chain(header.next_payload, datagram[HEADER_LENGTH:])
    if left:
        raise MalformedPayload(f"{len(left)} octets behind the last payload")
    return payloads


def sends_vendor_id(payloads: list[Payload]) -> bool:
    """True when the peer says that it knows our private attributes."""
    return Payload(PayloadType.VENDOR_ID, VENDOR_ID) in payloads


class State(Enum):
    """How far a phase 1 exchange has come."""

    SA = "sa"
    KEY_EXCHANGE = "key exchange"
    AUTHENTICATION = "authentication"
    ESTABLISHED = "established"


def check_nonce(nonce: bytes) -> None:
    if len(nonce) not in _NONCE_LENGTHS:
        raise Refused(NotifyType.PAYLOAD_MALFORMED, f"nonce of {len(nonce)} octets")
