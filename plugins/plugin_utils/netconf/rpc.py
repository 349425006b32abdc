# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the core asks devices with: one interface, and the two carriers that have it."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

from ..errors import DeviceError, GroupVpnError, MalformedReply, TransportFailure
from .envelope import Envelope, opened
from .framing import whole_message
from .libraries import etree
from .session import NetconfSession
from .verdict import LONGEST, messages, refuse_errors
from .xml import clean, local_name, parse_document

_PAUSES = (0.1, 0.3, 1, 2)
_LONGEST_PAUSE = 5
"""Seconds between looks for a device whose answer was lost, and then between all others."""
_METHOD_NOT_FOUND = -32601
_MOST_NOTIFICATIONS = 1000
_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_RPC = f"{{{_BASE}}}rpc"


class Rpc(Protocol):
    """What the core needs of a connection.

    ``patience``: seconds that a device may take to be there again after an answer was lost.
    """

    patience: float

    def call(
        self, step: str, operation: etree._Element, then: Sequence[etree._Element] = ()
    ) -> etree._Element:
        """Send one operation; the reply's root.

        ``then``: readings that will be asked for next. A carrier that can sends them right behind,
        and their replies are there when they are asked for: a device works in order.

        Raises DeviceError with the device's own words, TransportFailure when there is no reply.
        """

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """Send one operation; its reply in pieces, as octets that :func:`.xml.clean` has seen."""

    def is_alive(self) -> bool:
        """Whether the device has not ended the session yet, as far as is known."""

    def reconnect(self) -> bool:
        """Go on over a new session, for when an answer was lost; False: over the one there is.

        Raises TransportFailure when there can be none.
        """

    def end(self) -> bool:
        """End the session, and with it what the device holds for it; False when it stays."""


def looks(rpc: Rpc) -> Iterator[None]:
    """Once at once, then at growing intervals, and last when the carrier's patience is over."""
    end = time.monotonic() + rpc.patience
    for pause in chain(_PAUSES, repeat(_LONGEST_PAUSE)):
        yield
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))


@contextlib.contextmanager
def _naming(what: str) -> Iterator[None]:
    """Malformed replies are reported with whose and for what they are."""
    try:
        yield
    except MalformedReply as error:
        raise MalformedReply(f"{what}: {error}") from None


class SessionRpc:
    """RPCs over a session of :mod:`.session`; ``reopen`` gives another one to the same device."""

    def __init__(
        self, session: NetconfSession, reopen: Callable[[], NetconfSession] | None = None
    ) -> None:
        self._session = session
        self._reopen = reopen
        self._where = str(session.target)
        self._sent = 0
        self._asked = ""
        self._ahead: deque[tuple[bytes, str]] = deque()
        self.patience = session.target.rpc_timeout

    def call(
        self, step: str, operation: etree._Element, then: Sequence[etree._Element] = ()
    ) -> etree._Element:
        """See :class:`Rpc`."""
        with _naming(f"{self._where}: {step}"):
            reply = parse_document(whole_message(self._octets(step, operation, then)))
        return refuse_errors(step, reply)

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """See :class:`Rpc`."""
        with _naming(f"{self._where}: {step}"):
            yield from clean(self._octets(step, operation))

    def is_alive(self) -> bool:
        """See :class:`Rpc`."""
        return self._session.is_alive()

    def reconnect(self) -> bool:
        """See :class:`Rpc`."""
        self._session.close()
        if self._reopen is None:
            raise TransportFailure(f"{self._where}: there is no other session to ask over")
        self._session = self._reopen()
        self._ahead.clear()
        return True

    def end(self) -> bool:
        """See :class:`Rpc`."""
        self._session.close()
        return True

    def _octets(
        self, step: str, operation: etree._Element, then: Sequence[etree._Element] = ()
    ) -> Iterator[bytes]:
        with self._failures(step):
            pieces = self._pieces(operation, then)
            try:
                first = next(pieces, b"")
            except Exception as error:
                if isinstance(error, TimeoutError) or not self._was_dead(operation):
                    raise
                self.reconnect()
                first, pieces = b"", self._pieces(operation, ())
            yield from self._answer(chain([first], pieces))

    def _answer(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The reply to what was asked, behind notifications (RFC 5277), which nobody asked for."""
        for _notification in range(_MOST_NOTIFICATIONS):
            envelope = opened(pieces)
            if envelope.name != "notification":
                self._insist(envelope)
                yield envelope.octets
                yield from pieces
                return
            whole_message(pieces)
            pieces = self._session.reply()
        self._session.close()
        raise MalformedReply(f"{_MOST_NOTIFICATIONS} notifications and no reply")

    def _insist(self, envelope: Envelope) -> None:
        """Raises MalformedReply for what is not a reply, or one to another request."""
        complaint = ""
        if envelope.name not in ("rpc-reply", ""):
            complaint = f"<{envelope.name}> is not a reply"
        # A device that could not read a request does not know its number either.
        elif envelope.number not in (None, self._asked):
            complaint = "the reply answers another request"
        if complaint:
            self._session.close()
            raise MalformedReply(complaint)

    def _pieces(self, operation: etree._Element, then: Sequence[etree._Element]) -> Iterator[bytes]:
        """The reply to an operation, which is sent unless that has happened already."""
        if self._ahead and self._ahead[0][0] == etree.tostring(operation):
            self._asked = self._ahead.popleft()[1]
            return self._session.reply()
        while self._ahead:
            self._asked = self._ahead.popleft()[1]
            whole_message(self._answer(self._session.reply()))
        request, self._asked = self._request(operation)
        behind = [(etree.tostring(reading), *self._request(reading)) for reading in then]
        self._ahead.extend((reading, number) for reading, _message, number in behind)
        return self._session.request(request, *(message for _r, message, _n in behind))

    def _request(self, operation: etree._Element) -> tuple[str, str]:
        """An operation as a message, and its number."""
        self._sent += 1
        # Another process may have used the session before.
        number = f"{os.getpid()}-{self._sent}"
        rpc = etree.Element(_RPC, {"message-id": number}, nsmap={None: _BASE})
        rpc.append(operation)
        return etree.tostring(rpc, encoding="unicode"), number

    def _was_dead(self, operation: etree._Element) -> bool:
        """Whether a session that another task left may have ended before this first request.

        Only a reading is asked for again: what else was asked may have been done.
        """
        reads = str(operation.tag).startswith("get-")
        return self._sent == 1 and self._session.resumed and self._reopen is not None and reads

    @contextlib.contextmanager
    def _failures(self, step: str) -> Iterator[None]:
        try:
            yield
        except (DeviceError, MalformedReply, TransportFailure):
            # They say already whose, where and why: another session may have failed to open.
            raise
        except TimeoutError as error:
            raise TransportFailure(
                f"{self._where}: {step}: {error}; raise ansible_rpc_timeout if the device is slow"
            ) from None
        except Exception as error:
            said = self._session.complaint().splitlines()
            words = (str(error).strip() or type(error).__name__, *said)
            raise TransportFailure(
                f"{self._where}: {step}: the connection broke ({'; '.join(filter(None, words))})"
            ) from None


class NetcommonRpc:
    """RPCs over the persistent connection of ``ansible.netcommon.netconf``.

    The session is another process's: it can neither be opened again nor ended from here.
    """

    patience = 10.0

    def __init__(self, dispatch: Callable[[str], Any], where: str) -> None:
        self._dispatch = dispatch
        self._where = where

    def call(
        self, step: str, operation: etree._Element, then: Sequence[etree._Element] = ()
    ) -> etree._Element:
        """See :class:`Rpc`; this carrier sends one at a time."""
        text = self._text(step, operation)
        with _naming(f"{self._where}: {step}"):
            reply = parse_document(text.encode())
        return refuse_errors(step, reply)

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """See :class:`Rpc`; this carrier has the reply in one piece only."""
        return clean([self._text(step, operation).encode()])

    def is_alive(self) -> bool:
        """See :class:`Rpc`; who has the session asks nobody."""
        return True

    def reconnect(self) -> bool:
        """See :class:`Rpc`."""
        return False

    def end(self) -> bool:
        """See :class:`Rpc`: it ends with the play."""
        return False

    def _text(self, step: str, operation: etree._Element) -> str:
        try:
            return str(self._dispatch(etree.tostring(operation, encoding="unicode")))
        except Exception as error:
            text = str(error).strip()
            if text.startswith("<"):
                with contextlib.suppress(MalformedReply):
                    reply = parse_document(text.encode())
                    if all(m.severity == "warning" for m in messages(reply)):
                        return _with_its_reply(reply)
                    refuse_errors(step, reply)
            if "rpc-error" in text:
                raise DeviceError(step, [" ".join(text.split())[:LONGEST]]) from None
            if getattr(error, "code", None) == _METHOD_NOT_FOUND:
                raise GroupVpnError(
                    f"{self._where}: {step}: the connection does not carry NETCONF; set "
                    "ansible_connection to groupvpn.junos.netconf"
                ) from None
            advice = _ENDED if "Not connected" in text else ""
            raise TransportFailure(f"{self._where}: {step}: {text}{advice}") from None


_ENDED = (
    ": the device has ended the session that the tasks of a run share, and netcommon opens no "
    "other, for 'meta: reset_connection' neither; run the playbook again, or set "
    "ansible_connection to groupvpn.junos.netconf"
)


def _with_its_reply(found: etree._Element) -> str:
    """A lone warning, of which ncclient keeps nothing else, in the reply that it must have had.

    What is only warned about is done (RFC 6241 §4.3). What a load or a commit did is read back.
    """
    if local_name(found) == "rpc-error":
        reply = etree.Element("rpc-reply")
        reply.extend((found, etree.Element("ok")))
        found = reply
    return str(etree.tostring(found, encoding="unicode"))
