# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Vendor ids (RFC 2408 §3.16): hashes that name what an end knows beside RFC 2409."""

from __future__ import annotations

import hashlib

from .numbers import PayloadType
from .wire import Payload

VENDOR_ID = hashlib.sha256(b"groupvpn.junos GDOI extensions 1").digest()[:16]
"""Ours: who sends it knows our private attributes, and means them by their numbers."""

DEAD_PEER_DETECTION = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
"""RFC 3706 §5.1: both ends must say so, or neither probes."""

NAT_TRAVERSAL = hashlib.md5(b"RFC 3947", usedforsecurity=False).digest()
"""RFC 3947 §3.1."""


def vendor_payloads(*identifiers: bytes) -> list[Payload]:
    """Payloads that announce these."""
    return [Payload(PayloadType.VENDOR_ID, identifier) for identifier in identifiers]


def vendor_ids(payloads: list[Payload]) -> frozenset[bytes]:
    """What the other end announces."""
    return frozenset(p.body for p in payloads if p.type == PayloadType.VENDOR_ID)
