# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where RFC 6407 has the rule that a refusal goes back to."""

from __future__ import annotations

_SECTIONS = {
    "ID": "§5.1.1",
    "SA": "§5.2",
    "SAK": "§5.3",
    "GAP": "§5.4",
    "SAT": "§5.5",
    "KD": "§5.6",
    "key packet": "§5.6",
    "TEK key packet": "§5.6.1",
    "KEK key packet": "§5.6.2",
    "SEQ": "§5.7",
    "D": "§5.9",
    "delete": "§5.9",
    "message 2": "§3.2",
    "message 4": "§3.2",
    "push": "§4.2",
}


def cited(error: Exception | str) -> str:
    """What was refused, with the section of RFC 6407 on the payload that it begins with."""
    reason = str(error)
    section = _SECTIONS.get(reason.partition(":")[0])
    return f"{reason} (RFC 6407 {section})" if section else reason
