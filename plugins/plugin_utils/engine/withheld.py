# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a device keeps to itself: a comment stands where a value or statements would.

``encrypted-password /* SECRET-DATA */;`` is what a user without the permission ``secret`` is shown,
``login { /* OMITTED */ };`` what ``apply-flags omit`` leaves of a hierarchy, and ACCESS-DENIED
what stands for one that the user's class may not see (seen in public backups and training notes).
"""

from __future__ import annotations

import re

from ..errors import MalformedReply

_WORDS = "SECRET-DATA|OMITTED|ACCESS-DENIED"
PATTERN = rf"/\*\s*(?:{_WORDS})\s*\*/"
_COMMENT = re.compile(PATTERN)
_NOTE = re.compile(rf"\s*(?:/\*)?\s*(?:{_WORDS})\s*(?:\*/)?\s*")
_REMEDIES = {"OMITTED": "give 'show configuration | display omit'"}
_READ_AS = "read it as a user who may see it"
UNKNOWN = "the device does not show it to the user that reads, so what it is is not known"


def is_withheld(text: str) -> bool:
    """Whether a value is the comment that stands for one."""
    return text.startswith("/*") and _COMMENT.fullmatch(text) is not None


def notes_a_lack(note: str) -> bool:
    """Whether a comment, with or without its marks, stands for what is not shown."""
    return _NOTE.fullmatch(note) is not None


def left_out(place: str, comment: str) -> MalformedReply:
    """The refusal of a configuration whose statements at a place are left out."""
    word = comment.strip("/*<!-> \t\r\n")
    return MalformedReply(
        f"{place}: what stands there is left out ({word}); {_REMEDIES.get(word, _READ_AS)}"
    )
