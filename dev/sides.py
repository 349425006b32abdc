# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m dev.sides``: both sides of a group, drawn from the description in docs/group-vpn.md.

What is shown is the difference that the collection prints for two empty devices, so the picture
cannot say what the role does not do.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml

from tests.lab import COLLECTIONS

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.expand import configurations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import member, server

from tests.unit.paper import planned

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = DOCS / "images" / "sides.svg"
SERVER, MEMBER = "hub-1", "site-7"
TITLE = f"What one description makes of {SERVER} and of {MEMBER}"

_FILES = re.compile(r"```yaml\n# (?:group|host)_vars/([\w-]+)\.yml\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A line of a configuration; ``depth`` in steps of indentation, from 0."""

    depth: int
    text: str

    @property
    def value(self) -> str:
        """What a statement's last word is; empty for the lines that open and close a block."""
        return self.text.rstrip(";").split()[-1] if self.text.endswith(";") else ""

    @property
    def name(self) -> str:
        """What a block is called, if it has a name."""
        return self.text.split()[-2] if self.text.count(" ") > 1 and self.text[-1] == "{" else ""


def described() -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The page's description, cut down to one server and one member, and their variables."""
    files = {
        n: yaml.safe_load(text) for n, text in _FILES.findall((DOCS / "group-vpn.md").read_text())
    }
    groups = [
        {**group, "servers": [SERVER], "members": [MEMBER]}
        for group in files["all"]["group_vpn_groups"]
    ]
    hosts = {
        host: {word.removeprefix("group_vpn_"): given for word, given in files[host].items()}
        for host in (SERVER, MEMBER)
    }
    return groups, hosts


def sides() -> tuple[list[Line], list[Line]]:
    """What an empty server and an empty member get, line by line."""
    made = configurations(read(*described()))
    return (
        list(_lines(server.RESOURCE, made[SERVER]["server"])),
        list(_lines(member.RESOURCE, made[MEMBER]["member"])),
    )


def _lines(resource: Any, config: dict[str, Any]) -> Iterator[Line]:
    for line in planned(resource, "", config, "merged")["diff_text"].splitlines()[1:]:
        text = line.removeprefix("+").strip()
        yield Line((len(line) - len(text)) // 4 - 1, text)


def joined(ours: list[Line], theirs: list[Line]) -> list[tuple[int, int]]:
    """Rows of statements with the same value. Names are each side's own and join nothing."""
    names = {line.name for line in (*ours, *theirs)} | {""}
    free = list(range(len(ours)))
    pairs = []
    for row, line in enumerate(theirs):
        same = [n for n in free if line.value not in names and ours[n].value == line.value]
        if same:
            pairs.append((same[0], row))
            free.remove(same[0])
    return pairs


_ROW, _TOP, _STEP, _CHARACTER = 20, 88, 16, 7.3
_LEFT, _RIGHT, _WIDTH = 24, 456, 830
_INK, _QUIET, _PAPER, _JOIN = "#1f2937", "#6b7280", "#ffffff", "#1d4ed8"
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def drawn(ours: list[Line], theirs: list[Line]) -> str:
    """Both sides as an SVG document, with their text as text."""
    pairs = joined(ours, theirs)
    height = _TOP + max(len(ours), len(theirs)) * _ROW + 16
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {height}" '
            f'font-family="{_FONT}" font-size="12">',
            f"<title>{escape(TITLE)}</title>",
            f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>',
            f'<text x="{_LEFT}" y="30" font-size="15" font-weight="600" fill="{_INK}">'
            f"{escape(TITLE)}</text>",
            *_side(_LEFT, f"{SERVER}, key server", ours, {row for row, _ in pairs}),
            *_side(_RIGHT, f"{MEMBER}, member", theirs, {row for _, row in pairs}),
            *(_join(ours[one], one, theirs[other], other) for one, other in pairs),
            "</svg>\n",
        ]
    )


def _x(left: int, line: Line) -> int:
    return left + line.depth * _STEP


def _y(row: int) -> int:
    return _TOP + row * _ROW


def _side(left: int, title: str, lines: list[Line], equal: set[int]) -> Iterator[str]:
    yield f'<text x="{left}" y="62" font-weight="600" fill="{_INK}">{escape(title)}</text>'
    for row, line in enumerate(lines):
        fill = _JOIN if row in equal else _INK if line.value else _QUIET
        yield f'<text x="{_x(left, line)}" y="{_y(row)}" fill="{fill}">{escape(line.text)}</text>'


def _join(ours: Line, one: int, theirs: Line, other: int) -> str:
    start = round(_x(_LEFT, ours) + len(ours.text) * _CHARACTER) + 6
    end, begin_y, end_y = _x(_RIGHT, theirs) - 6, _y(one) - 4, _y(other) - 4
    bend = (start + end) // 2
    return (
        f'<path d="M{start} {begin_y} C{bend} {begin_y} {bend} {end_y} {end} {end_y}" '
        f'fill="none" stroke="{_JOIN}" stroke-opacity="0.6"/>'
    )


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(drawn(*sides()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
