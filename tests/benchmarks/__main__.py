# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make bench``: side by side with the named peers in one run; prints ratios, asserts nothing.

``PARTS="fleet whole"`` for some of the tables. What was measured takes the place of what
docs/benchmarks.md had of it; the other tables stay, and so does that of a part that failed.
``AGAINST=CHECKOUT`` prints a fleet's cost beside that of another checkout instead.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tests.benchmarks import (
    against,
    audit,
    configurations,
    fleet,
    imports,
    key_plane,
    limits,
    loop,
    reading,
    resources,
    sessions,
    whole,
)
from tests.benchmarks.plays import BYTECODE

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    **fleet.SECTIONS,
    **whole.SECTIONS,
    **imports.SECTIONS,
    **reading.SECTIONS,
    **key_plane.SECTIONS,
    **audit.SECTIONS,
    **sessions.SECTIONS,
    **loop.SECTIONS,
    **configurations.SECTIONS,
    **resources.SECTIONS,
}
"""Each table by the word that asks for it, in the page's order."""
_HEAD = """# Benchmarks

Written by `make bench`, which measures all tables, or some: `make bench PARTS="fleet whole"`.
Medians, all rows of a table from one run on one machine; below a table stands when that was, and
how busy the machine was then with everything (load average over a minute, at the beginning and at
the end). Everything runs with cached bytecode; CPU is that of all processes of Ansible. Key servers
and Ansible share the cores. First what is asked of a figure and was measured last, table by table.
"""
_MARK = re.compile(r"^<!-- (\w+) -->$", re.M)


def tables(page: str) -> dict[str, str]:
    """The tables of a page by their words."""
    _head, *parts = _MARK.split(page)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def page(measured: Mapping[str, str]) -> str:
    """The page with these tables."""
    found = (f"<!-- {name} -->\n{measured[name].strip()}\n" for name in PARTS if name in measured)
    asked = limits.summary(measured[name] for name in PARTS if name in measured)
    return "\n".join([_HEAD, *asked, "", *found])


def _measured(part: Callable[[], Iterable[str]]) -> Iterator[str]:
    """A part's lines, and under which circumstances they came to be."""
    before = os.getloadavg()[0]
    yield from part()
    day = time.strftime("%Y-%m-%d", time.gmtime())
    load = f"load {before:.1f} to {os.getloadavg()[0]:.1f}"
    cores = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    yield f"Measured {day}: {cores}, {load}."
    yield ""


def _printed(lines: Iterable[str]) -> str:
    """Lines, which are printed as they come."""
    kept = []
    for line in lines:
        kept.append(line)
        print(line, flush=True)
    return "\n".join(kept)


def main(wanted: list[str]) -> int:
    """Print the tables, and keep them in docs/benchmarks.md; 1 when some could not be measured."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"no such part: {' '.join(unknown)}; there are {' '.join(PARTS)}", file=sys.stderr)
        return 2
    if other := os.environ.get("AGAINST"):
        _printed(_measured(lambda: against.rows(Path(other))))
        return 0
    # What is started is as a user has it, whatever this environment says.
    os.environ.update(BYTECODE)
    failed = {}
    for name in wanted or PARTS:
        try:
            measured = _printed(_measured(PARTS[name]))
        except (SystemExit, Exception) as error:
            # Hours may have gone into the others.
            failed[name] = error
            print(f"\nbench: {name}: {error}\n", file=sys.stderr, flush=True)
            continue
        PAGE.write_text(page({**tables(PAGE.read_text()), name: measured}))
    print("\n".join(limits.summary(tables(PAGE.read_text()).values())))
    if failed:
        print(f"bench: not measured: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:]).replace(",", " ").split()))
