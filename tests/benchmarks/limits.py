# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this project asks of its figures: a sentence below each table, all of them above the first.

A sentence is all that is kept of a limit, so that the page's head can be made again when one of its
tables is measured anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ASKED = re.compile(
    r"^Asked of (?P<what>.+): (?P<bound>at most|at least) (?P<limit>[\d.]+)(?P<unit>[^;\d]*); "
    r"measured (?P<measured>[\d.]+)\D*\.$",
    re.M,
)


def at_most(what: str, limit: float, measured: float, unit: str = " x") -> str:
    """The sentence on a figure that is to be small."""
    return _sentence(what, "at most", limit, measured, unit)


def at_least(what: str, limit: float, measured: float, unit: str = " x") -> str:
    """The sentence on a figure that is to be large."""
    return _sentence(what, "at least", limit, measured, unit)


def _sentence(what: str, bound: str, limit: float, measured: float, unit: str) -> str:
    return f"Asked of {what}: {bound} {limit:g}{unit}; measured {measured:.2f}{unit}."


def summary(tables: Iterable[str]) -> Iterator[str]:
    """All that is asked beside what was measured, as a table; nothing when nothing is asked."""
    rows = [_row(found) for table in tables for found in _ASKED.finditer(table)]
    if rows:
        yield from ("| asked of | limit | measured | |", "|---" * 4 + "|", *rows)


def _row(found: re.Match[str]) -> str:
    what, bound, unit = found["what"], found["bound"], found["unit"]
    limit, measured = float(found["limit"]), float(found["measured"])
    kept = measured <= limit if bound == "at most" else measured >= limit
    verdict = "kept" if kept else "**missed**"
    return f"| {what} | {bound} {found['limit']}{unit} | {found['measured']}{unit} | {verdict} |"
