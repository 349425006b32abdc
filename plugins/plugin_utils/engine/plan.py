# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""have + want + state = change: pure functions on settings, nothing about XML or devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ..resources.server_member_communication import STATEMENTS, Block


class State(StrEnum):
    """What is to be reached; meanings as in Ansible's network resource modules."""

    MERGED = "merged"
    REPLACED = "replaced"
    OVERRIDDEN = "overridden"
    DELETED = "deleted"


@dataclass(frozen=True)
class Group:
    """A group on the device: its settings (None without the block) and what checks need."""

    name: str
    block: Block | None = None
    inactive: bool = False
    dynamic_gateways: tuple[str, ...] = ()
    activation_delay: int | None = None


Have = Mapping[str, Group]


@dataclass(frozen=True)
class GroupChange:
    """What changes in one group's ``server-member-communication``."""

    group: str
    before: Block | None
    after: Block | None
    was_inactive: bool = False

    @property
    def removes_block(self) -> bool:
        """The whole block goes."""
        return self.after is None

    @property
    def creates_block(self) -> bool:
        """The block comes to be."""
        return self.before is None and self.after is not None

    @property
    def removed(self) -> list[str]:
        """Options that go while the block stays."""
        if self.before is None or self.after is None:
            return []
        return [option for option in self.before if option not in self.after]

    @property
    def set(self) -> Block:
        """Options that come or get another value."""
        if self.after is None:
            return {}
        before = self.before or {}
        return {
            option: value for option, value in self.after.items() if before.get(option) != value
        }


@dataclass(frozen=True)
class Change:
    """Everything that a task changes on one device."""

    groups: tuple[GroupChange, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.groups)


def normalize(entry: Mapping[str, object]) -> tuple[str, Block]:
    """(group, settings) of one ``config`` entry; options that are not given are left out."""
    block: Block = {}
    for statement in STATEMENTS:
        value = entry.get(statement.option)
        if value is not None:
            # Ansible hands over tagged strings; plain values keep XML and comparison simple.
            block[statement.option] = int(value) if isinstance(value, int) else str(value)
    return str(entry["group"]), block


def plan(have: Have, want: Sequence[tuple[str, Block]], state: State) -> Change:
    """What to change so that the device comes to ``state``.

    merged adds to what is there; replaced makes each named group's block what is given;
    overridden does so and removes the block of every group that is not named; deleted removes
    the block of the named groups, of all groups when none is named.
    """
    named = dict(want)
    targets: dict[str, Block | None] = {}
    for name, group in have.items():
        current = group.block
        if name in named and state is not State.DELETED:
            merged = {**(current or {}), **named[name]} if state is State.MERGED else named[name]
            targets[name] = merged or current
        elif state is State.OVERRIDDEN or (state is State.DELETED and (name in named or not named)):
            targets[name] = None
    changes = []
    for name, after in targets.items():
        group = have[name]
        before = group.block
        wakes = group.inactive and after is not None
        if before != after or wakes:
            changes.append(GroupChange(name, before, after, wakes))
    return Change(tuple(changes))


def unknown_groups(have: Have, want: Sequence[tuple[str, Block]]) -> list[str]:
    """Wanted groups that the device does not have."""
    return [name for name, _block in want if name not in have]


def as_config(blocks: Mapping[str, Block | None]) -> list[dict[str, object]]:
    """Settings as the module's ``config`` list; groups without the block are left out."""
    config: list[dict[str, object]] = []
    for name, block in blocks.items():
        if block is not None:
            entry: dict[str, object] = {"group": name}
            entry.update({s.option: block[s.option] for s in STATEMENTS if s.option in block})
            config.append(entry)
    return config


def blocks_of(have: Have) -> dict[str, Block | None]:
    """The settings of every group."""
    return {name: group.block for name, group in have.items()}


def blocks_after(have: Have, change: Change) -> dict[str, Block | None]:
    """The settings of every group once the change is made."""
    blocks = blocks_of(have)
    blocks.update({group.group: group.after for group in change.groups})
    return blocks
