# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A NETCONF session over whatever carries it: hello and requests, in the caller's thread.

ncclient looks every 0.1 s whether there is something to send, and each RPC waits for that. Here a
request is written at once and its reply read at once; the hello, the device handler, SSH over
paramiko and the error classes are ncclient's.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from . import hello
from .framing import Framing, whole_message
from .libraries import (
    HelloHandler,
    JunosDeviceHandler,
    SessionCloseError,
    TransportError,
)

READ_SIZE = 256 * 1024
_BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
_DEAF = "the device offers base:1.1 in its hello, and may understand frames of base:1.0 alone"


@dataclass(frozen=True)
class Target:
    """Where and how to connect; times in seconds.

    ``several_tasks``: more tasks of the play will connect there. ``run_directory``: where this
    run of Ansible keeps what it removes at its end. ``control_directory``: where logins listen.
    """

    host: str
    port: int = 830
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key_file: str | None = None
    host_key_checking: bool = True
    known_hosts_file: str | None = None
    ssh_common_args: tuple[str, ...] = ()
    persist: int = 60
    connect_timeout: float = 10.0
    rpc_timeout: float = 60.0
    several_tasks: bool = field(default=False, repr=False)
    run_directory: str | None = field(default=None, repr=False)
    control_directory: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # One home for all carriers: ssh takes that of the password file, paramiko none.
        for name in ("private_key_file", "known_hosts_file"):
            path = getattr(self, name)
            # A path with NUL is refused in words when it is used.
            if path is not None and "\0" not in path:
                object.__setattr__(self, name, os.path.expanduser(path))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def has_password_alone(self) -> bool:
        """Whether a password is what to log in with, and no key."""
        return self.password is not None and self.private_key_file is None

    @property
    def known_as(self) -> str:
        """The host as known_hosts names it at its port."""
        return f"[{self.host}]:{self.port}"


class Deadline:
    """How long one step may still take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.001, self._end - time.monotonic())

    def check(self, what: str) -> None:
        if time.monotonic() >= self._end:
            raise TimeoutError(f"no {what} within {self._seconds:g} s")


@cache
def client_hello() -> tuple[str, frozenset[str]]:
    """The hello that we send, and the capabilities in it: ncclient's for Junos."""
    handler = JunosDeviceHandler({"name": "junos"})
    capabilities = handler.get_capabilities()
    return HelloHandler.build(capabilities, handler), frozenset(capabilities)


class NetconfSession:
    """Write at once, block on reads. What carries the octets is a subclass's."""

    step = "connect"
    resumed = False
    """An earlier task left it: it may have ended since without our having noticed."""
    _connected = False
    _has_answered = False

    def __init__(self, target: Target) -> None:
        self.target = target
        self.framing = Framing()

    @property
    def connected(self) -> bool:
        """Whether a request may be sent."""
        return self._connected

    def open(self) -> None:
        """Connect and exchange hellos."""
        raise NotImplementedError

    def is_alive(self) -> bool:
        """Whether the device has not ended the session yet, as far as it has said so.

        Who waits for others must ask before it goes on: a device ends a session that nobody uses.
        """
        raise NotImplementedError

    def keep(self) -> bool:
        """Leave the session to the play's next task; False when it is to be closed instead."""
        return False

    def close(self) -> None:
        """End the session."""
        raise NotImplementedError

    def complaint(self) -> str:
        """What the program that carries the session said of itself."""
        return ""

    def request(self, *messages: str) -> Iterator[bytes]:
        """Send requests and give the first one's reply as raw pieces, without keeping them.

        Raises TimeoutError, SessionCloseError, MalformedReply.
        """
        self._require_connection()
        self._write(*messages)
        yield from self.reply()

    def reply(self) -> Iterator[bytes]:
        """The reply to the next of the requests that were sent, as :meth:`request` gives it."""
        self._require_connection()
        deadline = Deadline(self.target.rpc_timeout)
        whole = False
        try:
            yield from self.framing.message(lambda: self._read(deadline, "reply"))
            whole = self._has_answered = True
        except TimeoutError as error:
            if self.framing.chunked and not (self.resumed or self._has_answered):
                raise TimeoutError(f"{error}, and none before; {_DEAF}") from None
            raise
        finally:
            # Whatever is half read is of no use to a later request.
            if not whole:
                self._connected = False

    def _require_connection(self) -> None:
        if not self._connected:
            raise TransportError("the session is closed")

    def _greet(self) -> None:
        """Exchange hellos (RFC 6241 §8.1)."""
        deadline = Deadline(self.target.connect_timeout)
        self.step = "NETCONF hello"
        message, ours = client_hello()
        # Who has hung up may have said why.
        with contextlib.suppress(SessionCloseError, OSError):
            self._write(message)
        theirs = hello.capabilities(self._greeting(deadline))
        self.framing.chunked = _BASE_1_1 in theirs and _BASE_1_1 in ours

    def _greeting(self, deadline: Deadline) -> bytes:
        heard = bytearray()

        def more() -> bytes:
            heard.extend(data := self._read(deadline, "hello"))
            return data

        try:
            return whole_message(self.framing.message(more))
        except SessionCloseError:
            words = hello.parting_words(bytes(heard))
            if words:
                raise TransportError(f"Unexpected session close behind: {words}") from None
            raise

    def _write(self, *messages: str) -> None:
        data = b"".join(map(self.framing.framed, messages))
        while data:
            sent = self._transport_write(data)
            if sent <= 0:
                raise SessionCloseError("", None)
            data = data[sent:]

    def _read(self, deadline: Deadline, what: str) -> bytes:
        deadline.check(what)
        self._set_timeout(deadline.left())
        try:
            data = self._transport_read()
        except TimeoutError:
            deadline.check(what)
            raise TimeoutError(f"no {what} within its time") from None
        if not data:
            raise SessionCloseError("", None)
        return bytes(data)

    def _set_timeout(self, seconds: float) -> None:
        raise NotImplementedError

    def _transport_read(self) -> bytes:
        raise NotImplementedError

    def _transport_write(self, data: bytes) -> int:
        raise NotImplementedError
