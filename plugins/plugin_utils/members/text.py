# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The CLI's text of ``show security group-vpn server registered-members``, brief or detail.

Every line is claimed by one of the forms below, or counts as not understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import DeviceError
from .assembler import Assembler
from .model import COUNTERS, Member, Reading
from .table import Table, header
from .vocabulary import ASIDE, PLACES, place_of, spelled

STEP = "read the registered members"
_GATEWAY, _ADDRESS = "member.gateway", "member.address"
_NEEDED = frozenset({"group.name", "group.count", _ADDRESS})
"""Where such a label has no value, something is lost."""
_LONGEST_LINE = 1000

_ERROR = re.compile(r"error:\s*(?P<words>.+)", re.IGNORECASE)
_NODE = re.compile(r"(?P<node>node\d+):")
# Ruled lines, and what a terminal shows around the answer.
_NOTHING = re.compile(
    r"[-=\s]*|\{\w+:node\d+\}"
    r"|\S+@\S+[>#%](?:\s*show security group-vpn server registered-members\b.*)?"
)

_WORDS = "|".join(spelled(word) for word in PLACES if "/" not in word)
_LABEL = re.compile(rf"(?:^|,\s*|\s{{2,}})(?P<label>{_WORDS})\s*:(?!\S*:)\s*", re.IGNORECASE)
# A label that nobody knows, or that is cut off, in what would be the value of one that is known.
_ANOTHER = re.compile(r"(?:,|\s{2,})\s*[A-Za-z][A-Za-z -]*(?::|$)")


def read_text(text: str, node: str | None = None) -> Reading:
    """Groups of a text; ``node`` says of which cluster node it is.

    Raises DeviceError when the text is the device's error.
    """
    reader = _Text(node)
    for line in text.removeprefix("\ufeff").splitlines():
        reader.line(line.expandtabs().rstrip())
    return reader.finished()


class _Text:
    """One text, line by line."""

    def __init__(self, node: str | None) -> None:
        self._out = Assembler(node)
        self._where = f"{node}: " if node else ""
        # Without a header line nobody knows which column is which.
        self._table: Table | None = None
        # A name that is too long for its column stands on a line of its own.
        self._name = ""
        # The node of a chassis cluster of which nothing was said yet.
        self._silent = ""
        self._says = False
        # The groups that stand above a header line, and the last one of each node, by number.
        self._headed: set[int] = set()
        self._last: set[int] = set()
        # A text may be cut off behind half of an address, or between two labels of a member.
        self._may_be_cut = False

    def line(self, line: str) -> None:
        """Claim one line."""
        short = line.strip()
        self._may_be_cut = False
        self._says = self._says or bool(short)
        if len(line) > _LONGEST_LINE or not line.isprintable():
            self._doubt(short[:_LONGEST_LINE])
        elif not self._continues(line) and not _NOTHING.fullmatch(short):
            self._claim(line, short)

    def _continues(self, line: str) -> bool:
        """True for the rest of a row whose name stood on a line of its own."""
        name, self._name = self._name, ""
        member = self._table.continued(name, line) if name and self._table else None
        if member is not None:
            self._take(member, line)
        elif name:
            self._doubt(name)
        return member is not None

    def _claim(self, line: str, short: str) -> None:
        if match := _ERROR.match(short):
            raise DeviceError(STEP, [f"{self._where}error: {match['words']}"])
        if match := _NODE.fullmatch(short):
            self._end_node()
            self._silent = match["node"]
            self._out.node(match["node"])
        elif not self._is_header(line) and not self._labelled(short):
            self._row(line, short)

    def _doubt(self, shown: str) -> None:
        self._out.reading.doubt(f"{self._where}{shown!r}")

    def finished(self) -> Reading:
        """What was read."""
        if self._name:
            self._doubt(self._name)
        self._end_node()
        said = self._out.said
        self._doubt_hollow_groups()
        reading = self._out.finished()
        if self._says and not said:
            reading.doubt(f"{self._where}a prompt or a heading without a list")
        members = [member for group in reading.groups for member in group.members]
        if self._may_be_cut and members:
            self._doubt_the_last(reading, members)
        return reading

    def _doubt_hollow_groups(self) -> None:
        """A group of which nothing is told; at the end, its list may have been cut off."""
        if self._out.reading.unclear:
            return
        # One header line above all groups is each one's.
        listed = self._headed if -1 not in self._headed else range(self._out.amount)
        for number in self._out.hollow():
            if number not in listed or number in self._last:
                name = self._out.reading.groups[number].name
                self._out.reading.doubt(f"{self._where}group {name}: neither a count nor a list")

    def _doubt_the_last(self, reading: Reading, members: Sequence[Member]) -> None:
        """The last member lacks what others have behind their addresses."""
        usual = self._table.names if self._table else members[0].keys()
        if set(usual) - {"gateway", *COUNTERS} - members[-1].keys():
            shown = " ".join(str(value) for value in members[-1].values())
            reading.doubt(f"{self._where}the text ends in its last member: {shown}")

    def _end_node(self) -> None:
        self._last.add(self._out.amount - 1)
        if self._silent:
            self._out.reading.doubt(f"{self._silent} gave no list")

    def _is_header(self, line: str) -> bool:
        columns = header(line)
        if columns is not None:
            self._table = Table(columns)
            self._headed.add(self._out.amount - 1)
        return columns is not None

    def _labelled(self, line: str) -> bool:
        """True for ``Label: value``, once or more in a line."""
        matches = list(_LABEL.finditer(line))
        if not matches or matches[0].start() != 0:
            return False
        self._silent = ""
        ends = [match.start() for match in matches[1:]] + [len(line)]
        for match, end in zip(matches, ends, strict=True):
            value = line[match.end() : end].strip()
            place = place_of(match["label"])
            odd = place == ASIDE and value and not value.isdigit()
            lost = not value and place in _NEEDED
            if odd or lost or _ANOTHER.search(value):
                self._doubt(line)
            elif place is not None and (value or place == _GATEWAY):
                self._out.value(place, value)
                self._may_be_cut = place.startswith("member.")
        return True

    def _row(self, line: str, short: str) -> None:
        member = self._table.row(line) if self._table else None
        if member is not None:
            self._take(member, line)
        elif self._table and self._table.may_be_name(short):
            self._name = short
        else:
            self._doubt(short)

    def _take(self, member: Member, line: str) -> None:
        self._out.row(member)
        self._may_be_cut = line.endswith(member["address"])
