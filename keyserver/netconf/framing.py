# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF message framing, sans-IO: end-of-message (RFC 4742 §4) and chunked (RFC 6242 §4.2)."""

from __future__ import annotations

END_OF_MESSAGE = b"]]>]]>"
LARGEST_MESSAGE = 16 * 1024 * 1024
"""Octets; five times a configuration of 10,000 gateways as XML."""
_LARGEST_CHUNK = 4294967295
_CHUNKS_AT_ONCE = 2000
"""So many are dealt with in a few milliseconds; a chunk may be one octet."""


class FramingError(Exception):
    """The peer broke the framing; RFC 6242 §4.2 says to end the session."""


class MessageTooBig(FramingError):
    """A message grew beyond the limit."""


class Framer:
    """Cuts the byte stream of one direction into messages, and frames messages to send.

    Starts with end-of-message framing; :meth:`use_chunks` switches both directions after the
    hello exchange. Remembers how far it searched, so that a message that arrives byte by byte
    costs no more than one that arrives whole.
    """

    def __init__(self, largest: int = LARGEST_MESSAGE) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._chunked = False
        self._message = bytearray()
        self._largest = largest
        self._interrupted = False

    @property
    def chunked(self) -> bool:
        """True once chunked framing is in use."""
        return self._chunked

    @property
    def interrupted(self) -> bool:
        """True when there was no message yet because there is more to be gone through."""
        return self._interrupted

    @property
    def buffered(self) -> int:
        """Octets that were fed and belong to no message given out yet."""
        return len(self._buffer) + len(self._message)

    def use_chunks(self) -> None:
        """Chunked framing from the next byte on."""
        self._chunked = True

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self._buffer += data

    def next_message(self) -> bytes | None:
        """The next whole message; None when more bytes are needed, or it was interrupted."""
        return self._next_chunked() if self._chunked else self._next_delimited()

    def frame(self, message: bytes) -> bytes:
        """``message`` ready to be sent."""
        if self._chunked:
            return b"\n#%d\n%b\n##\n" % (len(message), message)
        return message + END_OF_MESSAGE

    def _next_delimited(self) -> bytes | None:
        found = self._buffer.find(END_OF_MESSAGE, self._searched)
        if found < 0:
            self._searched = max(0, len(self._buffer) - len(END_OF_MESSAGE) + 1)
            self._limit(len(self._buffer))
            return None
        message = bytes(self._buffer[:found])
        del self._buffer[: found + len(END_OF_MESSAGE)]
        self._searched = 0
        self._limit(len(message))
        return message

    def _next_chunked(self) -> bytes | None:
        self._interrupted = False
        for _ in range(_CHUNKS_AT_ONCE):
            header = self._chunk_header()
            if header is None:
                return None
            size, start = header
            if size == 0:
                return self._whole(start)
            self._limit(len(self._message) + size)
            if len(self._buffer) < start + size:
                return None
            self._message += self._buffer[start : start + size]
            del self._buffer[: start + size]
        self._interrupted = True
        return None

    def _whole(self, end: int) -> bytes:
        """The message whose end of chunks ends there."""
        del self._buffer[:end]
        message, self._message = bytes(self._message), bytearray()
        if not message:
            raise FramingError("end of chunks without a chunk")
        return message

    def _chunk_header(self) -> tuple[int, int] | None:
        """(chunk size, where it starts); size 0 is the end of chunks; None: need more."""
        buffer = self._buffer
        if not b"\n#".startswith(bytes(buffer[:2])) and bytes(buffer[:2]) != b"\n#":
            raise FramingError("chunk does not start with LF '#'")
        end = buffer.find(b"\n", 2, 14)
        if end < 0:
            if len(buffer) >= 14:
                raise FramingError("chunk size too long")
            return None
        size = bytes(buffer[2:end])
        if size == b"#":
            return 0, end + 1
        if not size.isdigit() or size.startswith(b"0") or int(size) > _LARGEST_CHUNK:
            raise FramingError(f"invalid chunk size {str(size)[1:]}")
        return int(size), end + 1

    def _limit(self, size: int) -> None:
        if size > self._largest:
            raise MessageTooBig(f"message of {size} octets exceeds {self._largest}")
