# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers of things, as a sentence says them."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """``1 member``, ``2 members``; ``thing`` is the word for one."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
