# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows of a CLI table, whose header line says what its columns are and where they begin.

A row is read by where its columns begin, and by what its cells look like. A blank where a column
ends, or behind that, parts its cell from the next one. Where that leaves more than one way to read
a row, it is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .addresses import canonical_address
from .model import COUNTERS, Member
from .vocabulary import PLACES, place_of, spelled

LONGEST_NAME = 32

Columns = Sequence[tuple[str, int]]
"""Field of a member, and where its column begins."""

_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:\.\d+)?"
_DAY = r"[A-Z][a-z]{2}\s+\d{1,2}"
# What belongs to a time and touches the next cell is not that one's beginning.
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[A-Z]{1,4}T|[+-]\d{2}:?\d{2})(?=\s|$)|(?!\s?(?:UTC|GMT)\S))"
_AGO = r"(?:\s+\([^()]*\bago\)(?=\s|$)|(?!\s+\([^()]*\bago\)\S))"
_TIME = (
    rf"(?:[A-Z][a-z]{{2}},?\s+{_DAY}(?:\s+\d{{4}})?\s+{_CLOCK}{_ZONE}(?:\s+\d{{4}})?"
    rf"|{_DAY}\s+{_CLOCK}{_ZONE}"
    rf"|\d{{4}}-\d{{2}}-\d{{2}}(?:T|\s+){_CLOCK}{_ZONE}"
    rf"|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\s+{_CLOCK}{_ZONE}"
    rf"|[Nn]ever|[Nn]/[Aa]|-){_AGO}"
)
_FORMS: Mapping[str, str] = {
    "gateway": r"\S+(?: \S+)*",
    "address": r"[0-9A-Fa-f:.]{2,45}",
    "last_update": _TIME,
    "vsys": r"\S+",
    **dict.fromkeys(COUNTERS, r"\d{1,18}"),
}
_COLUMN = re.compile(
    r"\s*(?P<word>"
    + "|".join(
        spelled(word)
        for word in sorted(PLACES, key=len, reverse=True)
        if PLACES[word].startswith("member.") and "/" not in word
    )
    + r")(?=\s|$)",
    re.IGNORECASE,
)


def header(line: str) -> Columns | None:
    """The columns that a header line names; None for another line, or an unknown name."""
    columns: list[tuple[str, int]] = []
    end = 0
    while match := _COLUMN.match(line, end):
        place = place_of(match["word"]) or ""
        columns.append((place.removeprefix("member."), match.start("word")))
        end = match.end()
    names = [name for name, _start in columns]
    whole = end == len(line) and "address" in names and len(names) == len(set(names))
    return columns if whole and len(names) > 1 else None


class Table:
    """Rows below one header line."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.names = [name for name, _start in columns]
        self._starts = [start for _name, start in columns]
        self._longest_name = _pattern(self.names, _FORMS["gateway"])
        self._shortest_name = _pattern(self.names, r"\S+?(?: \S+?)*?")
        first = self.names[0] == "gateway"
        self._rest = _pattern(self.names[1:], "") if first else None

    def row(self, line: str) -> Member | None:
        """The member of a line; None when it cannot be told, or not in one way only."""
        if (found := self._by_columns(line, blanks=2)) is not None:
            return found
        matches = [
            match
            for pattern in (self._longest_name, self._shortest_name)
            if (match := pattern.fullmatch(line)) is not None
        ]
        ways = [_member(match.groupdict()) for match in matches]
        # Where one blank parts two cells, the first may also reach into the second's column.
        if (narrow := self._by_columns(line, blanks=1)) is not None:
            ways.append(narrow)
        # So may a name with a blank in it that touches its address: that begins too early then.
        if not ways or any(match.start("address") < self._address_from for match in matches):
            ways += self._touching(line)
        return ways[0] if ways and all(way == ways[0] for way in ways) else None

    def may_be_name(self, text: str) -> bool:
        """True for what can be a name that did not fit into its column."""
        return self._rest is not None and self._width - 1 <= len(text) <= LONGEST_NAME

    def continued(self, name: str, line: str) -> Member | None:
        """The member whose name stood on the line before; None when this is not its rest."""
        match = self._rest.fullmatch(line) if self._rest is not None else None
        return None if match is None else _member({"gateway": name, **match.groupdict()})

    @property
    def _address_from(self) -> int:
        return self._starts[self.names.index("address")]

    @property
    def _width(self) -> int:
        return self._starts[1] - self._starts[0]

    def _by_columns(self, line: str, blanks: int) -> Member | None:
        """The cells as the header's columns cut them, if every one looks like what it must be."""
        starts = self._starts
        if any(line[max(0, start - blanks) : start].strip() for start in starts):
            return None
        ends = [*starts[1:], len(line)]
        cells = {
            name: line[start:end].strip()
            for name, start, end in zip(self.names, starts, ends, strict=True)
        }
        wrong = (n for n, cell in cells.items() if cell and not re.fullmatch(_FORMS[n], cell))
        return None if next(wrong, None) is not None else _member(cells)

    def _is_in_place(self, line: str) -> bool:
        """Whether what stands behind the address does not begin before its column does.

        Where it does, the columns are narrower than their labels, and a name that is shorter than
        its label may touch its address, too.
        """
        behind = re.compile(r"\S*\s+(?=\S)").match(line, self._address_from)
        return len(self._starts) > 2 and behind is not None and behind.end() >= self._starts[2]

    def _touching(self, line: str) -> Iterator[Member]:
        """Every way to part a name that fills its column from the address behind it."""
        if self.names[:2] != ["gateway", "address"]:
            return
        first, second = self._starts[:2]
        found = list(self._parted(line, range(second, first + LONGEST_NAME + 1)))
        yield from found
        if found and not self._is_in_place(line):
            yield from self._parted(line, range(first + 1, second))

    def _parted(self, line: str, ends: Iterable[int]) -> Iterator[Member]:
        """The ways to end a name at one of some places, where the address follows at once."""
        for end in ends:
            name, rest = line[:end].strip(), line[end:]
            if line[end - 1 : end + 1].strip() == line[end - 1 : end + 1] and _is_name(name):
                member = self.continued(name, rest)
                if member is not None:
                    yield member


def _is_name(text: str) -> bool:
    return re.fullmatch(_FORMS["gateway"], text) is not None


def _pattern(names: Sequence[str], gateway: str) -> re.Pattern[str]:
    """A line with these cells; a virtual system at its end may be missing, but behind a name."""
    forms = [f"(?P<{n}>{gateway if n == 'gateway' else _FORMS[n]})" for n in names]
    if len(forms) > 1 and names[-1] == "vsys" and names[-2] != "gateway":
        forms[-2:] = [rf"{forms[-2]}(?:\s+{forms[-1]})?"]
    return re.compile(r"\s*" + r"\s+".join(forms) + r"\s*")


def _member(cells: Mapping[str, str | None]) -> Member | None:
    """What cells say; None without an address."""
    if canonical_address(cells.get("address") or "") is None:
        return None
    return {name: int(cell) if name in COUNTERS else cell for name, cell in cells.items() if cell}
