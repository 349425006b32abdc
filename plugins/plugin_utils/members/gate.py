# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate of a rollout: who must show a sign of life after a change, and how long that may take.

What happens to a group's list, and when its members are heard of again, follows Juniper's
description of server-member communication and of rekey messages:

- a block that comes to be clears the list; members return when their traffic keys end;
- a block that goes leaves members alone until their traffic keys end, and nobody is told to clear;
- new keys for rekeying are pushed at once, and acknowledged within the retransmission cycle;
- another change is noticed with the next rekey, at the latest when the shorter key is renewed;
- a multicast rekey is never acknowledged, and who hears it need not register again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import Refused
from ..resources.served import Group
from ..resources.server_member_communication import DEFAULTS
from .addresses import canonical_address, is_meant_as_address
from .life import Listed, Name, Roll

Block = Mapping[str, Any]

NEW_KEYS_FOR = frozenset(
    {"encryption_algorithm", "sig_hash_algorithm", "lifetime_seconds", "certificate"}
)
"""Options whose change makes a new key for rekeying."""
REGISTRATION_SECONDS = 30
"""What a registration may take on top: phase 1, and a try that is lost."""


class Cause(StrEnum):
    """Why members are heard of again."""

    KEYS_END = "their traffic keys end and they register again"
    PUSH = "they acknowledge the rekey that the change causes"
    NEXT_REKEY = "they acknowledge the next rekey"
    CLEARED = "they were told to drop their keys and register again"
    NEVER = "nothing: a multicast rekey is not acknowledged, and proves nothing"
    ASKED = "they register or acknowledge a rekey"


@dataclass(frozen=True)
class Wanted:
    """Who is to be waited for besides those that were listed, and who need not come back."""

    members: Sequence[str] = ()
    min_members: int = 0
    absent: Sequence[str] = ()


def wanted_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Wanted]:
    """Group to who is wanted in it; entries of the same group add up. Raises Refused."""
    found: dict[str, Wanted] = {}
    objections: list[str] = []
    for place, entry in enumerate(entries):
        objections += _nobody_there(f"groups[{place}]", entry)
        name, known = str(entry["group"]), found.get(str(entry["group"]), Wanted())
        found[name] = Wanted(
            (*known.members, *entry["members"]),
            max(known.min_members, entry["min_members"]),
            (*known.absent, *entry["absent"]),
        )
    if objections:
        raise Refused(objections)
    return found


def _nobody_there(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """What of an entry can never come true."""
    for number, name in enumerate(entry["members"]):
        if name in entry["absent"]:
            yield (
                f"{where}.members[{number}]: {name!r} is in 'absent', too, and need not come back; "
                "name it in one of them"
            )
    for option in ("members", "absent"):
        for number, name in enumerate(entry[option]):
            if is_meant_as_address(name) and canonical_address(name) is None:
                yield (
                    f"{where}.{option}[{number}]: {name!r}: "
                    "an IPv4 or IPv6 address is expected; correct it"
                )
            elif not name.strip():
                yield f"{where}.{option}[{number}]: a gateway or an address is expected; name one"
    if entry["min_members"] < 0:
        least = entry["min_members"]
        yield f"{where}.min_members {least}: a number from 0 up is expected; correct it"


@dataclass
class Awaited:
    """What a gate waits for in one group; ``names`` are (gateway, address), either may be None.

    ``cycle``: seconds before which nothing counts; ``seconds``: how long it may take;
    ``clustered``: members may be listed by other servers, too.
    """

    group: str
    communication: str
    cause: Cause
    cycle: int
    seconds: int
    names: list[Name] = field(default_factory=list)
    min_members: int = 0
    clustered: bool = False

    @property
    def proves(self) -> bool:
        """False where no sign of life can be told from the list."""
        return self.cause is not Cause.NEVER

    @property
    def pushes(self) -> int:
        """How many rekeys the change itself causes, at the most."""
        return int(self.cause in (Cause.PUSH, Cause.KEYS_END))


def default_of(option: str) -> int:
    """What the device uses when an option is not given."""
    return int(DEFAULTS[option])


def retransmission_cycle(*blocks: Block | None) -> int:
    """Seconds after which a member that acknowledges nothing has left the list: the longest."""
    return max(
        (
            int(block.get("retransmission_period") or default_of("retransmission_period"))
            * (_given(block, "number_of_retransmission") + 1)
            for block in blocks
            if block is not None
        ),
        default=0,
    )


def _given(block: Block, option: str) -> int:
    value = block.get(option)
    return default_of(option) if value is None else int(value)


def _kind(block: Block | None) -> str:
    return "none" if block is None else str(block.get("communication_type") or "unicast")


def cause_of(before: Block | None, after: Block | None, cleared: bool) -> Cause:
    """Why members are heard of again after a group's block changed.

    ``cleared``: its members are told to register again, as ``clear_members`` with ``now`` does;
    those of a group without a block before or after cannot be told.
    """
    kinds = old, new = _kind(before), _kind(after)
    if cleared and "none" not in kinds:
        return Cause.CLEARED
    if new == "multicast" and old != "none":
        return Cause.NEVER
    if old != new:
        return Cause.KEYS_END
    changed = {o for o in {**(before or {}), **(after or {})} if _differs(before, after, o)}
    return Cause.PUSH if changed & NEW_KEYS_FOR else Cause.NEXT_REKEY


def _differs(before: Block | None, after: Block | None, option: str) -> bool:
    return (before or {}).get(option) != (after or {}).get(option)


def seconds_for(cause: Cause, before: Block | None, after: Block | None, key_life: int) -> int:
    """How long it may take until every living member was heard of."""
    cycle = retransmission_cycle(before, after)
    lives = [_given(b, "lifetime_seconds") for b in (before, after) if b is not None]
    return {
        Cause.KEYS_END: key_life + cycle + REGISTRATION_SECONDS,
        Cause.PUSH: cycle + REGISTRATION_SECONDS,
        Cause.NEXT_REKEY: min([*lives, key_life]) + cycle + REGISTRATION_SECONDS,
        Cause.CLEARED: cycle + 2 * REGISTRATION_SECONDS,
        Cause.NEVER: 0,
        Cause.ASKED: 4 * REGISTRATION_SECONDS,
    }[cause]


def changed_blocks(change: Mapping[str, Any]) -> dict[str, tuple[Block | None, Block | None]]:
    """Group to its block before and after, from what a resource module returned."""
    before, after = (
        {str(entry["group"]): {k: v for k, v in entry.items() if k != "group"} for entry in part}
        for part in (change.get("before") or (), change.get("after") or ())
    )
    return {
        name: (before.get(name), after.get(name))
        for name in [*after, *(n for n in before if n not in after)]
        if before.get(name) != after.get(name)
    }


def awaited(
    groups: Iterable[Mapping[str, Any]],
    in_force: Mapping[str, Group],
    blocks: Mapping[str, tuple[Block | None, Block | None]],
    wanted: Mapping[str, Wanted],
    cleared: bool = False,
) -> list[Awaited]:
    """What to wait for: in every group that changes, and in every one that somebody named.

    ``groups``: the lists before the change, as ``registered_members_info`` returns them.
    """
    lists = fullest(groups)
    found = []
    for name in [*blocks, *(n for n in wanted if n not in blocks)]:
        ask = wanted.get(name, Wanted())
        known = in_force.get(name, Group(name))
        before, after = blocks.get(name, (None, None))
        changes = name in blocks
        cause = cause_of(before, after, cleared) if changes else Cause.ASKED
        entry = Awaited(
            name,
            _kind(after) if changes else known.communication,
            cause,
            retransmission_cycle(before, after),
            seconds_for(cause, before, after, known.key_lifetime),
            _names((lists.get(name) or {}).get("members") or () if changes else (), ask),
            ask.min_members,
            known.clustered,
        )
        if not entry.proves:
            entry.names, entry.min_members = [], 0
        found.append(entry)
    return found


def fullest(groups: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Group name to its list; of a cluster's nodes the one that lists most is the active one."""
    lists: dict[str, Mapping[str, Any]] = {}
    for group in groups:
        name = str(group["name"])
        if name not in lists or len(lists[name]["members"]) < len(group["members"]):
            lists[name] = group
    return lists


def _names(listed: Iterable[Listed], ask: Wanted) -> list[Name]:
    roll = Roll(list(listed))
    absent = {id(m) for name in ask.absent for m in roll.called(*as_name(name))}
    there = [m for m in roll.members if id(m) not in absent]
    names = [(m.get("gateway"), m.get("address")) for m in there]
    return names + [n for n in map(as_name, ask.members) if not roll.called(*n)]


def as_name(text: str) -> Name:
    """(gateway, address) of a name that is one of the two."""
    address = canonical_address(text)
    return (None, address) if address else (text, None)


def shown(name: Name) -> str:
    """A name for a person."""
    return " ".join(part for part in name if part)
