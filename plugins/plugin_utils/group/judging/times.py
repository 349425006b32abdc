# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times that have to fit one another: lifetimes, delays, retransmissions, heartbeats."""

from __future__ import annotations

from typing import Any

from ...resources.server_member_communication import DEFAULTS
from ..description import Description, Group, Options
from .places import Found, in_group

_DELAYS = 10
"""A key's lifetime holds so many activation delays at least."""
_MISSED_HEARTBEATS = 3
"""After so many a member registers again, unless its group says otherwise."""


def lifetimes(_description: Description, group: Group) -> Found:
    """Keys live much longer than it takes until they are used."""
    delay, least = group.activation_delay, _DELAYS * group.activation_delay
    lives = {
        "ipsec_proposal.lifetime_seconds": group.ipsec_proposal,
        "server_member_communication.lifetime_seconds": group.communication or {},
    }
    for option, block in lives.items():
        life = block.get("lifetime_seconds")
        if isinstance(life, int) and life < least:
            why = f"a key has to live for {_DELAYS} activation delays of {delay} s"
            remedy = f"set it to {least} or more, or shorten 'activation_time_delay'"
            yield in_group(group, option, life, why, remedy)


def retransmissions(_description: Description, group: Group) -> Found:
    """Every copy of a push arrives before its keys are used."""
    block = group.communication
    if block is None or block.get("communication_type") == "multicast":
        return
    period, times = (
        _in_force(block, option) for option in ("retransmission_period", "number_of_retransmission")
    )
    until = 2 * group.activation_delay
    if period * times >= until:
        yield in_group(
            group,
            "server_member_communication.number_of_retransmission",
            times,
            f"{times} retransmissions every {period} s last as long as it takes until new keys are "
            f"used ({until} s): who hears only the last one is deaf meanwhile",
            "retransmit less, or raise 'activation_time_delay'",
        )


def heartbeats(_description: Description, group: Group) -> Found:
    """Their absence is noticed while a key for rekeying lives."""
    block = group.communication
    if block is None or block.get("heartbeat") is None:
        return
    heartbeat, life = (_in_force(block, option) for option in ("heartbeat", "lifetime_seconds"))
    threshold = group.setting("heartbeat_threshold", _MISSED_HEARTBEATS)
    if threshold and heartbeat * threshold >= life:
        why = f"{threshold} missed heartbeats take longer than a key for rekeying lives ({life} s)"
        remedy = "shorten it, or lengthen 'lifetime_seconds'"
        yield in_group(group, "server_member_communication.heartbeat", heartbeat, why, remedy)


def _in_force(block: Options, option: str) -> Any:
    return block.get(option, DEFAULTS.get(option))
