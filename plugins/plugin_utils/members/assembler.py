# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values in document order, put together into groups and members; what does not fit is unclear.

Nested and flat replies are put together by the same rules. A group or a member begins with its
first value, and ends where what holds that value ends or where one of its values comes again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .addresses import canonical_address
from .model import COUNTERS, GroupMembers, Member, Reading
from .vocabulary import ASIDE, NODE

_NUMBER = re.compile(r"-?\d{1,18}")


@dataclass
class _Record:
    """A group or a member that is being read, and the element that its first value is in."""

    holder: int
    first: str
    fields: dict[str, str] = field(default_factory=dict)


class Assembler:
    """Takes values one by one; :meth:`finished` gives the whole."""

    def __init__(self, node: str | None = None) -> None:
        self.reading = Reading()
        self._node = node
        self._member: _Record | None = None
        self._header: _Record | None = None
        self._group: GroupMembers | None = None
        self._totals: list[int] = []
        # Holder to the field that its groups, and its members, begin with.
        self._begins: dict[tuple[int, str], str] = {}
        # Of the members in one holder, whether each has a gateway.
        self._named: tuple[int, list[bool]] = (0, [])

    @property
    def amount(self) -> int:
        """How many groups have begun."""
        return len(self.reading.groups)

    @property
    def said(self) -> int:
        """How many groups, numbers of members outside of them, and doubts there are."""
        return self.amount + len(self._totals) + len(self.reading.unclear)

    def hollow(self) -> list[int]:
        """Which of the groups that have begun have neither a count nor a member."""
        self._end_member()
        groups = enumerate(self.reading.groups)
        return [n for n, group in groups if group.count is None and not group.members]

    def value(self, place: str, text: str, holder: int = 0) -> None:
        """One value, and which element holds it."""
        if place == ASIDE:
            return
        if place == NODE:
            self.node(text)
            return
        kind, _dot, name = place.partition(".")
        if kind == "group":
            self._group_value(name, text, holder)
        else:
            self.member_value(name, text, holder)

    def node(self, name: str | None) -> None:
        """What follows is of this node of a chassis cluster."""
        self._end_group()
        self._node = name

    def row(self, member: Member) -> None:
        """A whole member, as a line of a table has it."""
        self._end_member()
        self._add(member)

    def close(self, holder: int) -> None:
        """An element ended."""
        if self._member is not None and self._member.holder == holder:
            self._end_member()
        if self._header is not None and self._header.holder == holder:
            self._end_group()

    def finished(self) -> Reading:
        """Everything that was read, with each count that the device gave compared."""
        self._end_group()
        found = self.reading
        found.groups = _joined(found)
        for group in found.groups:
            if not group.name:
                found.doubt(f"a group without a name (id {group.id})")
            if group.count not in (None, len(group.members)):
                found.doubt(_counted(f"group {group.name}", group.count, len(group.members)))
        self._uncounted(found)
        rows = sum(len(group.members) for group in found.groups)
        if self._totals and sum(self._totals) != rows:
            found.doubt(_counted("all groups", sum(self._totals), rows))
        return found

    @staticmethod
    def _uncounted(found: Reading) -> None:
        """Where others are counted, a group without a count and a member may be cut off."""
        if all(group.count is None for group in found.groups):
            return
        for group in found.groups:
            if group.count is None and not group.members:
                found.doubt(f"group {group.name}: neither a count nor a member, others have both")

    # Members

    def member_value(self, name: str, text: str, holder: int) -> None:
        """One value of a member, which most are."""
        record = self._member
        if record is not None and name in record.fields:
            self._end_member()
            record = None
        if record is None:
            record = self._member = _Record(holder, name)
            self._same_beginning(holder, "member", name)
        record.fields[name] = text

    def _end_member(self) -> None:
        record, self._member = self._member, None
        if record is None:
            return
        if self._named[0] != record.holder:
            self._end_run(record.holder)
        self._named[1].append("gateway" in record.fields)
        member: Member = {name: text for name, text in record.fields.items() if text}
        for name in COUNTERS:
            if name in member:
                member[name] = self._number(name, member[name])
        self._add(member)

    def _end_run(self, holder: int = 0) -> None:
        """Where gateways come last and the last member has none, they may be of whom follows."""
        _holder, named = self._named
        if any(named) and not named[-1]:
            self.reading.doubt("the last of several members without a gateway of its own")
        self._named = (holder, [])

    def _add(self, member: Member) -> None:
        has_address = canonical_address(member.get("address") or "") is not None
        if self._group is not None and has_address:
            self._group.members.append(member)
            return
        lack = "outside of every group" if has_address else "without an address"
        shown = " ".join(str(value) for value in member.values())
        self.reading.doubt(f"a member {lack}: {shown}")

    # Groups

    def _group_value(self, name: str, text: str, holder: int) -> None:
        self._end_member()
        if name == "count" and self._header is None:
            total = self._number(name, text)
            self._totals += [] if total is None else [total]
            return
        if self._header is not None and name in self._header.fields:
            self._end_group()
        if self._header is None or self._group is None:
            self._header = _Record(holder, name)
            self._same_beginning(holder, "group", name)
            self._group = GroupMembers(node=self._node)
            self.reading.groups.append(self._group)
        self._header.fields[name] = text
        self._note(self._group, name, text)

    def _note(self, group: GroupMembers, name: str, text: str) -> None:
        if name == "name":
            group.name = text
            return
        number = self._number(name, text)
        if number is not None and name == "id":
            # The device's models show ids as signed numbers of 32 bits.
            group.id = number % (1 << 32) if number < 0 else number
        elif number is not None:
            group.count = number

    def _end_group(self) -> None:
        self._end_member()
        self._end_run()
        self._header = self._group = None

    # Both

    def _number(self, name: str, text: str) -> int | None:
        if _NUMBER.fullmatch(text):
            return int(text)
        self.reading.doubt(f"{name.replace('_', ' ')} {text!r}: a number is expected")
        return None

    def _same_beginning(self, holder: int, kind: str, name: str) -> None:
        # In a flat list, a record that begins with another value than the one before has lost its
        # first ones, or the one before has taken them.
        usual = self._begins.setdefault((holder, kind), name)
        if usual != name:
            self.reading.doubt(f"a {kind} that begins with its {name}, others with their {usual}")


def _counted(what: str, told: int | None, rows: int) -> str:
    return f"{what}: members by the device's count: {told}, read: {rows}"


def _joined(found: Reading) -> list[GroupMembers]:
    """Groups that a list names more than once, as one each."""
    joined: dict[tuple[str | None, str], GroupMembers] = {}
    for group in found.groups:
        first = joined.setdefault((group.node, group.name), group)
        if first is group:
            continue
        first.members += group.members
        first.count = group.count if first.count is None else first.count
        if None not in (first.id, group.id) and first.id != group.id:
            found.doubt(f"group {group.name} has the ids {first.id} and {group.id}")
        first.id = group.id if first.id is None else first.id
    return list(joined.values())
