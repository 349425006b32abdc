# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an informational message tells a member."""

from __future__ import annotations

from ..ike.exchange import Phase1Sa
from ..ike.numbers import PayloadType
from ..ike.payloads import PROTO_ISAKMP, Delete, Notification
from ..ike.wire import Payload


def deletes(payload: Payload, sa: Phase1Sa) -> bool:
    """Whether a payload says that a phase 1 SA is gone."""
    if payload.type != PayloadType.DELETE:
        return False
    delete = Delete.decode(payload.body)
    return delete.protocol == PROTO_ISAKMP and b"".join(sa.cookies) in delete.spis


def notifications(payloads: list[Payload]) -> list[Notification]:
    """Notifications among these."""
    found = [p.body for p in payloads if p.type == PayloadType.NOTIFICATION]
    return [Notification.decode(body) for body in found]
