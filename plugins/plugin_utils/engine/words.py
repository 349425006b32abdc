# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words as the CLI reads and writes them."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_./:@*+=,%~^!?|-]+")


def quote(word: str) -> str:
    """A word as Junos takes it in set lines: quoted when it is not plain."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
