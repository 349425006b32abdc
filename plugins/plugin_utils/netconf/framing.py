# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a NETCONF message begins and ends among a session's octets (RFC 6242 §4), without I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ..errors import MalformedReply

LARGEST_REPLY = 256 * 1024 * 1024
_END_OF_MESSAGE = b"]]>]]>"
_END_OF_CHUNKS = b"\n##\n"
_CHUNK = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|(#))\n")
_BROKEN = "broken chunked framing"
_OLD = (
    f"{_BROKEN}: the device offers base:1.1 in its hello, and sends in frames of base:1.0; have it "
    "offer one of the two, or use another release"
)
_BEGINNING_OF_CHUNK = re.compile(rb"(?:\n(?:#(?:#|[1-9][0-9]{0,9})?)?)?")


def whole_message(pieces: Iterable[bytes]) -> bytes:
    """A message of bearable size. Raises MalformedReply."""
    kept, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST_REPLY:
            raise MalformedReply(f"reply larger than {LARGEST_REPLY} octets")
        kept.append(piece)
    return b"".join(kept)


class Framing:
    """The framing that the hellos have agreed on, and what has come behind the last message.

    ``chunked``: chunks (§4.2) instead of a mark at the end of each message (§4.3).
    """

    def __init__(self, chunked: bool = False) -> None:
        self.chunked = chunked
        self.held = b""

    def framed(self, message: str) -> bytes:
        """A message as it is sent."""
        data = message.encode()
        if self.chunked:
            return b"\n#%d\n%b%b" % (len(data), data, _END_OF_CHUNKS)
        return data + _END_OF_MESSAGE

    def message(self, more: Callable[[], bytes]) -> Iterator[bytes]:
        """One message's octets as they come, framing removed; what follows stays in ``held``.

        ``more`` gives the next octets, never none; what it raises passes. Raises MalformedReply.
        """
        return self._chunks(more) if self.chunked else self._delimited(more)

    def _delimited(self, more: Callable[[], bytes]) -> Iterator[bytes]:
        keep = len(_END_OF_MESSAGE) - 1
        while (end := self.held.find(_END_OF_MESSAGE)) < 0:
            if len(self.held) > keep:
                piece, self.held = self.held[:-keep], self.held[-keep:]
                yield piece
            self.held += more()
        last, self.held = self.held[:end], self.held[end + len(_END_OF_MESSAGE) :]
        yield last

    def _chunks(self, more: Callable[[], bytes]) -> Iterator[bytes]:
        while size := self._size_of_chunk(more):
            while size:
                if not self.held:
                    self.held = more()
                piece, self.held = self.held[:size], self.held[size:]
                size -= len(piece)
                yield piece

    def _size_of_chunk(self, more: Callable[[], bytes]) -> int:
        """The size of the chunk that comes; 0 at the end of the message."""
        while (header := _CHUNK.match(self.held)) is None:
            if _BEGINNING_OF_CHUNK.fullmatch(self.held) is None:
                raise MalformedReply(_OLD if self.held.lstrip().startswith(b"<") else _BROKEN)
            self.held += more()
        self.held = self.held[header.end() :]
        return 0 if header[2] else int(header[1])
