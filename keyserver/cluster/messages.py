# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the servers of a Group VPNv2 cluster say to each other, sans-IO.

Juniper has not published its protocol between key servers. This one is ours; it uses what GDOI
has: exchanges under a phase 1, with the payloads of a pull, in exchange types of the private
range (RFC 2408 §3.1).

    sub-server                       root-server
    HDR*, HASH, ID, [state]     ->                       init: who knows the keys?
                                <-   HDR*, HASH, ID, [state]
                                <-   HDR*, HASH, ID, state      update: they have changed
    HDR*, HASH                  ->

``state`` is SA, [SEQ,] KD: every key that is still good. Dead peer detection is RFC 3706's.
"""

from __future__ import annotations

from enum import IntEnum

from ..gdoi.payloads import GroupSa, KeyDownload, Sequence, group_id_of, group_identity
from ..gdoi.pull import Grant
from ..ike.numbers import PayloadType
from ..ike.payloads import Identification
from ..ike.wire import MalformedPayload, Payload


class ClusterExchange(IntEnum):
    """Exchange types of the private range (RFC 2408 §3.1) that are spoken between key servers."""

    INIT = 240
    UPDATE = 241


def state_payloads(group_id: int, state: Grant | None) -> list[Payload]:
    """A group and, when there are any, its keys."""
    chain = [Payload(PayloadType.ID, group_identity(group_id).encode())]
    if state is not None:
        chain.append(Payload(PayloadType.SA, state.sa.encode()))
        if state.sequence is not None:
            chain.append(Payload(PayloadType.SEQ, state.sequence.encode()))
        chain.append(Payload(PayloadType.KD, state.keys.encode()))
    return chain


def read_state(payloads: list[Payload]) -> tuple[int, Grant | None]:
    """(group id, keys) of an init or update. Raises MalformedPayload."""
    bodies = {payload.type: payload.body for payload in payloads}
    kinds = [payload.type for payload in payloads]
    without = [kind for kind in kinds if kind != PayloadType.SEQ]
    if len(bodies) != len(kinds) or without not in (
        [PayloadType.ID],
        [PayloadType.ID, PayloadType.SA, PayloadType.KD],
    ):
        raise MalformedPayload(f"cluster: payloads {kinds}")
    group_id = group_id_of(Identification.decode(bodies[PayloadType.ID]))
    if PayloadType.SA not in bodies:
        return group_id, None
    sequence = bodies.get(PayloadType.SEQ)
    return group_id, Grant(
        GroupSa.decode(bodies[PayloadType.SA]),
        KeyDownload.decode(bodies[PayloadType.KD]),
        Sequence.decode(sequence) if sequence is not None else None,
    )
