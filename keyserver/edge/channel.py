# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One SSH channel that carries NETCONF, and what keeps its client from hurting others."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import asyncssh
from asyncssh.packet import SSHPacket

from ..netconf.work import Steps
from ..srx import Device
from .clock import Clock
from .intake import Intake
from .turns import Turns

log = logging.getLogger("keyserver")

IDLE_SECONDS = 3600
"""How long a session may ask nothing, where no idle-timeout is configured. Ansible and its like
keep sessions for minutes; one that was forgotten must not hold the lock for ever."""
BACKLOG = 256 * 1024
"""Octets of requests that wait; more is not read before they are dealt with."""
SLICE = 64 * 1024
PACKETS = 64
"""Packets for one client in one turn of the loop. It says itself how small they are, and each costs
as much as another: a megabyte in packets of one octet would be a turn of half a minute."""
_EXEC_FORMS = ("netconf", "xml-mode netconf need-trailer", "xml-mode netconf")


class Waits(NamedTuple):
    """Seconds until a client is let go.

    ``hello``: until its hello is there; ``message``: from a message's first octet to its last.
    """

    hello: float = 30
    message: float = 120


USUAL = Waits()


class NetconfChannel(asyncssh.SSHServerSession[bytes]):
    """One SSH channel that carries NETCONF: a source of requests.

    A request is taken only while its answers are read, and read only while not too many wait.
    """

    def __init__(
        self,
        device: Device,
        turns: Turns,
        clock: Clock,
        waits: Waits,
        user: str,
        intake: Intake,
        ended: Callable[[], None],
    ) -> None:
        self._device, self._turns, self._clock, self._waits = device, turns, clock, waits
        self._user, self._intake, self._ended = user, intake, ended
        self._outgoing: deque[memoryview] = deque()
        self._paused = self._eof = self._gone = self._pumping = self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        # asyncssh would keep whatever comes, for as long as the channel is there.
        chan._process_env_request = _refused  # type: ignore[method-assign]
        chan._close_send = self._shut  # type: ignore[method-assign]
        # What it keeps goes out at once when a client widens its window.
        chan.set_write_buffer_limits(min(SLICE, PACKETS * chan._send_pktsize))
        self._await(self._waits.hello)

    def pty_requested(self, *_: object) -> bool:
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "netconf"

    def exec_requested(self, command: str) -> bool:
        return command in _EXEC_FORMS

    def session_started(self) -> None:
        self._session = self._device.open_session(self._user, self._clock())
        self._session.terminate = self._channel.abort
        self._session.fault = self._fault
        self._watch()
        self._send(self._session.greeting())

    def _fault(self, what: str, error: Exception) -> None:
        log.error("%s: %s", self._device.spec.name, what, exc_info=error)

    # In

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._gone:
            return
        self._last = asyncio.get_running_loop().time()
        self._session.feed(data)
        if self._session.backlog > BACKLOG:
            self._channel.pause_reading()
        self._turns.wake(self)

    def eof_received(self) -> bool:
        # What was asked is still answered; then, like sshd, the session ends.
        self._eof = True
        self._turns.wake(self)
        return True

    def _await(self, seconds: float) -> None:
        """Whole messages, a hello first, within that time."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._abandon)

    def _in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """End the session when it has asked nothing for too long."""
        configured = self._device.patience(self._user).idle
        self._idle_seconds = IDLE_SECONDS if configured is None else configured
        self._last = asyncio.get_running_loop().time()
        if self._idle_seconds:
            self._look_again(self._idle_seconds)

    def _look_again(self, seconds: float) -> None:
        self._idle = asyncio.get_running_loop().call_later(seconds, self._if_idle)

    def _if_idle(self) -> None:
        rest = self._last + self._idle_seconds - asyncio.get_running_loop().time()
        if rest > 0:
            # One timer, set again once in a while, not for every request.
            self._look_again(rest)
            return
        log.info("%s: session %d was idle", self._device.spec.name, self._session.holder.session_id)
        self._abandon()

    # Turns

    def next_steps(self) -> Steps[bytes] | None:
        if self._gone or self._outgoing or self._held():
            return None
        steps = self._session.turn(self._clock())
        if steps is not None:
            self._in_time()
        elif self._eof or self._session.closing:
            self._close()
        else:
            # No whole message: the rest of it has to be read.
            if self._timer is None and self._session.backlog:
                self._await(self._waits.message)
            self._channel.resume_reading()
        return steps

    def answer(self, reply: bytes) -> None:
        if self._gone or self._channel.is_closing():
            return
        self._last = asyncio.get_running_loop().time()
        if not self._session.greeted:
            self._await(self._waits.hello)
        self._send(reply)
        if self._session.closing:
            self._close()
        elif self._session.backlog <= BACKLOG:
            # Its last octets may have been one too many, before the message was whole.
            self._channel.resume_reading()

    def has_more(self) -> bool:
        return self._session.backlog > 0 or self._eof

    # Out

    def _send(self, data: bytes) -> None:
        self._outgoing.append(memoryview(data))
        if not self._pumping:
            self._pump()

    def _held(self) -> bool:
        return self._paused or self._intake.holds(self._go_on)

    def _pump(self) -> None:
        """Write what the client takes, in turns of so many packets."""
        self._pumping = False
        size = self._channel._send_pktsize
        left = PACKETS
        while self._outgoing and left > 0 and not self._held():
            left -= -(-self._write_next(min(SLICE, left * size)) // size)
        if self._outgoing and left <= 0:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._go_on)
        elif self._closing and not self._outgoing and not self._channel.is_closing():
            self._channel.exit(0)

    def _write_next(self, most: int) -> int:
        """In slices: the library would move all the rest of one piece for every packet of it."""
        whole = self._outgoing.popleft()
        if len(whole) > most:
            self._outgoing.appendleft(whole[most:])
        self._channel.write(bytes(whole[:most]))
        return min(len(whole), most)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        self._pump()
        if not self._outgoing:
            self._turns.wake(self)

    # The end

    def _close(self) -> None:
        """Send what is left, then close the channel."""
        self._stop_watching()
        self._turns.finish(self, self._end)
        self._closing = True
        if not self._pumping:
            self._pump()

    def _abandon(self) -> None:
        """Let go of a client that does not do its part: it need not agree, or even be there."""
        self._forget()
        self._channel.abort()

    def _shut(self) -> None:
        """Nothing can be sent any more: let go, but of a request whose turn it is not before that.

        asyncssh tells of a client that closes its channel when all it has sent before was taken:
        never, while its requests wait for one another or for it to read.
        """
        asyncssh.SSHServerChannel._close_send(self._channel)
        self._outgoing.clear()
        asyncio.get_running_loop().call_soon(self._abandon)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._ended()

    def _forget(self) -> None:
        self._gone = True
        self._stop_watching()
        self._outgoing.clear()
        if hasattr(self, "_session"):
            self._turns.finish(self, self._end)

    def _stop_watching(self) -> None:
        self._in_time()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end(self) -> None:
        self._session.end(self._clock())


def _refused(packet: SSHPacket) -> bool:
    return False
