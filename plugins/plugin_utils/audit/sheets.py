# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tables as spreadsheets write and read them: CSV, each of whose cells stays text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any

from ..errors import Refused

# A program that was told of another separator begins a cell behind it, too.
_BEGINS, _FORMULA = r"(?:^|(?<=[;\t\r\n]))", r"(?='*[=+\-@\t\r\n\0])"
_RUN, _KEPT = re.compile(_BEGINS + _FORMULA), re.compile(f"{_BEGINS}'{_FORMULA}")
_QUOTED = re.compile('"[^"]*"')
_DELIMITERS = (",", ";", "\t")
# Excel's own line before all others; what it ends with stays, so that lines keep their numbers.
_TOLD = re.compile(r'\s*"?sep=([,;\t])"?[,; ]*(?=[\r\n])', re.IGNORECASE)


def cell(value: Any) -> str:
    """A value as text that no spreadsheet runs: what begins like a formula stands behind a '."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(round(value))
    return str(value) if isinstance(value, int) else _RUN.sub("'", str(value))


def _value(text: str) -> str:
    """What :func:`cell` was given."""
    return _KEPT.sub("", text.strip())


class Table(list[dict[str, str]]):
    """Rows without their empty cells; ``lines``: in which line of the file each begins."""

    def __init__(self, rows: Sequence[tuple[int, dict[str, str]]], known: bool) -> None:
        super().__init__(row for _line, row in rows)
        self.lines = [line for line, _row in rows]
        self.names_somebody = known


def read(path: object, text: str, known: Collection[str], host: str | None) -> Table:
    """Rows that may be for that host; ``known`` columns in whatever case. Raises Refused."""
    rows = _numbered(path, text, _TOLD.match(text))
    _line, first = next((found for found in rows if any(found[1])), (1, []))
    columns = [_column(name, known) for name in first]
    _check(path, columns)
    found, somebody = [], False
    place = columns.index("host") if "host" in columns else None
    for line, row in rows:
        if not any(map(str.strip, row)):
            continue
        somebody = True
        _check_row(f"{path}: line {line}", columns, row)
        # Most rows of a fleet's file are for others.
        if place is None or _may_be_for(host, row[place]):
            cells = zip(columns, map(_value, row), strict=True)
            found.append((line, {name: value for name, value in cells if value}))
    return Table(found, somebody)


def _numbered(
    path: object, text: str, told: re.Match[str] | None
) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line in which it begins; lines may end in any of the three ways.

    ``told``: what parts the columns, if the text says so.
    """
    rest, delimiter = (text[told.end() :], told[1]) if told else (text, _delimiter(text))
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise Refused([f"{path}: line {line}: {error}; correct it"]) from None


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    # What stands in quotes parts nothing.
    return max(_DELIMITERS, key=_QUOTED.sub("", first).count)


def _column(name: str, known: Collection[str]) -> str:
    plain = _value(name)
    return plain.lower() if plain.lower() in known else plain


def _check(path: object, columns: Sequence[str]) -> None:
    if "group" not in columns or not {"gateway", "address"} & set(columns):
        named = ", ".join(name or "(no name)" for name in columns) or "none"
        raise Refused(
            [
                f"{path}: columns {named}: "
                "'group' and 'gateway' or 'address' are needed, known besides are "
                "'host', 'role' and 'min_members', others are free; correct its first line"
            ]
        )
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise Refused([f"{path}: column {name!r} comes twice; take one out" for name in twice])


def _check_row(where: str, columns: Sequence[str], row: Sequence[str]) -> None:
    if len(row) != len(columns):
        wanted = f"{len(columns)} columns are expected, as in its first line"
        raise Refused([f"{where}: {wanted}; correct it"])
    lost = next((text for name, text in zip(columns, row, strict=True) if not name and text), None)
    if lost is not None:
        raise Refused([f"{where}: {lost!r}: its column has no name; name it, or take it out"])


def _may_be_for(host: str | None, named: str) -> bool:
    return host is None or not named or host.casefold() in named.casefold()


def written(columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> str:
    """A table as a file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([cell(value) for value in row] for row in chain([columns], rows))
    return out.getvalue()
