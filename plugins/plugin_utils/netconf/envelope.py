# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outermost tag of a NETCONF message (RFC 6241 §4): what it is, and which request it answers.

It is read before the message is parsed, and so for replies that are read as a stream, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TAG = re.compile(
    rb"""[^<]*(?:(?:<\?.*?\?>|<!--.*?-->)[^<]*)*<([\w:.-]+)((?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.S
)
_NUMBER = re.compile(rb"""\smessage-id\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_LONGEST = 64 * 1024


class Envelope(NamedTuple):
    """A message's outermost tag: its local name, and the number of the request that it answers.

    ``name`` is empty where no tag was found, ``number`` None where the tag has none. ``octets``:
    what was read for that, the beginning of the message.
    """

    name: str
    number: str | None
    octets: bytes


def opened(pieces: Iterator[bytes]) -> Envelope:
    """Read as much of a message as its outermost tag takes."""
    octets, tag = b"", None
    for piece in pieces:
        octets += piece
        tag = _TAG.match(octets)
        if tag is not None or len(octets) > _LONGEST:
            break
    if tag is None:
        return Envelope("", None, octets)
    number = _NUMBER.search(tag[2])
    name = tag[1].rpartition(b":")[2].decode("ascii", "replace")
    text = None if number is None else b"".join(part or b"" for part in number.groups())
    return Envelope(name, None if text is None else text.decode("ascii", "replace"), octets)
