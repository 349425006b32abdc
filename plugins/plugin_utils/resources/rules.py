# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must not reach a device, and what a user should know before it does.

The device is not counted on: its schema takes a block without algorithms, and a wrong value
cuts sites off without a word. Checks that need no device come first.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.plan import Change, GroupChange, Have
from .server_member_communication import (
    BLOCK,
    BY_OPTION,
    DEFAULT_ACTIVATION_DELAY,
    HIERARCHY,
    LONGEST_GROUP_NAME,
    MULTICAST_ONLY,
    REQUIRED_AFTER_CHANGE,
    Block,
    Generation,
    Value,
)


def where(group: str, statement: str = "") -> str:
    """A statement's place as Junos writes it."""
    shown = "".join(c if c.isprintable() else "?" for c in group[: LONGEST_GROUP_NAME + 1])
    words = [*HIERARCHY, shown, BLOCK]
    return f"[edit {' '.join(words)}]{' ' + statement if statement else ''}"


def _effective(block: Block, option: str) -> Value | None:
    return block.get(option, BY_OPTION[option].default)


def request_objections(
    want: Sequence[tuple[str, Block]], generation: Generation | None
) -> list[str]:
    """Objections to what was asked for, before any device is involved.

    Without a generation only values that no generation takes are refused.
    """
    found: list[str] = []
    seen: set[str] = set()
    for group, block in want:
        if not 1 <= len(group) <= LONGEST_GROUP_NAME or not group.isprintable():
            found.append(
                f"{where(group)}: group name of {len(group)} characters: a name has 1 to "
                f"{LONGEST_GROUP_NAME} printable characters; correct 'group'"
            )
        if group in seen:
            found.append(f"{where(group)}: the group is listed twice; merge the two entries")
        seen.add(group)
        for option, value in block.items():
            statement = BY_OPTION[option]
            objection = statement.objection(value, generation)
            if objection is not None:
                found.append(
                    f"{where(group, statement.name)} {value}: {objection}; correct '{option}'"
                )
    return found


def result_objections(have: Have, change: Change, generation: Generation) -> list[str]:
    """Objections to what the groups would have after the change."""
    found: list[str] = []
    for group in change.groups:
        if group.after is None:
            continue
        found.extend(_whole(group, generation))
        if generation is Generation.V1:
            found.extend(_outlasts_activation(have, group))
    return found


def _whole(change: GroupChange, generation: Generation) -> list[str]:
    block, found = change.after or {}, []
    for option, value in block.items():
        objection = BY_OPTION[option].objection(value, generation)
        # What was asked for has been judged already; this is about what is there.
        if objection is not None and change.set.get(option) is None:
            name = BY_OPTION[option].name
            found.append(f"{where(change.group, name)} {value}: {objection}; set '{option}'")
    for option in REQUIRED_AFTER_CHANGE:
        if option not in block:
            name = BY_OPTION[option].name
            found.append(
                f"{where(change.group, name)}: missing after the change, and the device has no "
                f"default; set '{option}'"
            )
    multicast = _effective(block, "communication_type") == "multicast"
    for option in MULTICAST_ONLY:
        name = BY_OPTION[option].name
        if multicast and option not in block:
            found.append(
                f"{where(change.group, name)}: multicast communication needs it; set '{option}'"
            )
        elif not multicast and option in block:
            found.append(
                f"{where(change.group, name)} {block[option]}: without effect in unicast "
                f"communication; set communication_type to multicast or leave '{option}' out"
            )
    return found


def _outlasts_activation(have: Have, change: GroupChange) -> list[str]:
    group = have.get(change.group)
    delay = (group.activation_delay if group else None) or DEFAULT_ACTIVATION_DELAY
    lifetime = int(_effective(change.after or {}, "lifetime_seconds") or 0)
    if lifetime >= 10 * delay:
        return []
    return [
        f"{where(change.group, 'lifetime-seconds')} {lifetime}: less than 10 times the group's "
        f"activation-time-delay ({delay} s); set 'lifetime_seconds' to {10 * delay} or more"
    ]


def membership_reset(change: Change) -> list[str]:
    """Groups whose member list the change clears: the block is configured for the first time."""
    return [group.group for group in change.groups if group.creates_block]


def advice(have: Have, change: Change) -> list[str]:
    """Warnings that go with a change."""
    found = []
    for group in change.groups:
        if group.after is None:
            continue
        name = group.group
        if group.was_inactive:
            found.append(f"{where(name)} was deactivated on the device; this change activates it")
        if group.creates_block:
            found.append(
                f"group {name}: configuring {BLOCK} clears its member list, and IKE phase 1 no "
                "longer protects every GDOI exchange; members register again"
            )
        dynamic = have[name].dynamic_gateways if name in have else ()
        if dynamic:
            found.append(
                f"group {name}: IKE gateways {', '.join(dynamic)} are dynamic peers; the server "
                "may send needless rekey messages to members that are not there"
            )
        found.extend(_slow_detection(name, group.after))
    return found


def _slow_detection(group: str, block: Block) -> list[str]:
    if _effective(block, "communication_type") != "unicast":
        return []
    period, number, lifetime = (
        int(_effective(block, option) or 0)
        for option in ("retransmission_period", "number_of_retransmission", "lifetime_seconds")
    )
    detection = period * (number + 1)
    if detection <= lifetime:
        return []
    return [
        f"group {group}: a dead member is noticed after {detection} s "
        f"(retransmission-period x (number-of-retransmission + 1)), later than the KEK lifetime "
        f"of {lifetime} s; lower one of the two"
    ]
