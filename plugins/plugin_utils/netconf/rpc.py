# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RPCs to one device: a small interface, and its adapters to what carries them.

ncclient overlooks some errors (those outside the base namespace, ``xnm:error`` inside success,
errors beside a top-level ``ok``), so replies are searched here, by local name and at every depth.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import DeviceError, MalformedReply, TransportFailure
from .libraries import etree
from .session import NetconfSession, whole_message
from .xml import child, local_name, parse_document, text_of

_ERRORS = ("rpc-error", "error")
_LONGEST = 1000
_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_RPC = f"{{{_BASE}}}rpc"


class Rpc(Protocol):
    """What the core needs of a connection."""

    def call(self, step: str, operation: etree._Element) -> etree._Element:
        """Send one operation; the reply's root.

        Raises DeviceError with the device's own words, TransportFailure when there is no reply.
        """

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """Send one operation; its reply in pieces, as raw octets."""


@dataclass(frozen=True)
class DeviceMessage:
    """One error or warning of a device."""

    severity: str
    message: str
    path: str
    bad_element: str

    def __str__(self) -> str:
        about = f" ({self.bad_element})" if self.bad_element not in ("", self.message) else ""
        return f"{self.path + ': ' if self.path else ''}{self.message}{about}"


def messages(reply: etree._Element) -> Iterator[DeviceMessage]:
    """Every rpc-error and xnm:error of a reply, whatever its namespace and depth."""
    for element in reply.iter(etree.Element):
        name = local_name(element)
        if name not in _ERRORS and name != "warning":
            continue
        fields = {local_name(part): part for part in element}
        message = text_of(fields.get("error-message")) or text_of(fields.get("message"))
        severity = text_of(fields.get("error-severity"))
        if name != "rpc-error" and not message:
            continue
        info = fields.get("error-info")
        bad = text_of(child(info, "bad-element")) if info is not None else ""
        path = text_of(fields.get("error-path")) or text_of(fields.get("edit-path"))
        default = "warning" if name == "warning" else "error"
        shown = " ".join(message.split())[:_LONGEST] or "unspecified error"
        yield DeviceMessage(severity or default, shown, path, bad)


def refuse_errors(step: str, reply: etree._Element) -> etree._Element:
    """The reply, unless it holds an error."""
    errors = [str(m) for m in messages(reply) if m.severity != "warning"]
    if errors:
        raise DeviceError(step, list(dict.fromkeys(errors)))
    return reply


class SessionRpc:
    """RPCs over a session of :mod:`.session`."""

    def __init__(self, session: NetconfSession) -> None:
        self._session = session
        self._where = str(session.target)
        self._sent = 0

    def call(self, step: str, operation: etree._Element) -> etree._Element:
        """See :class:`Rpc`."""
        reply = parse_document(whole_message(self.stream(step, operation)).encode())
        # A device that could not read a request does not know its number either.
        if reply.get("message-id") not in (None, self._message_id()):
            self._session.close()
            raise MalformedReply(f"{self._where}: {step}: the reply answers another request")
        return refuse_errors(step, reply)

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """See :class:`Rpc`."""
        self._sent += 1
        rpc = etree.Element(_RPC, {"message-id": self._message_id()}, nsmap={None: _BASE})
        rpc.append(operation)
        with self._failures(step):
            yield from self._session.request(etree.tostring(rpc, encoding="unicode"))

    def _message_id(self) -> str:
        # Another process may have used the session before.
        return f"{os.getpid()}-{self._sent}"

    @contextlib.contextmanager
    def _failures(self, step: str) -> Iterator[None]:
        try:
            yield
        except (DeviceError, MalformedReply):
            raise
        except etree.XMLSyntaxError as error:
            raise MalformedReply(f"{self._where}: {step}: malformed reply: {error}") from None
        except TimeoutError as error:
            raise TransportFailure(
                f"{self._where}: {step}: {error}; raise rpc_timeout if the device is slow"
            ) from None
        except Exception as error:
            words = (str(error).strip() or type(error).__name__, self._session.complaint())
            raise TransportFailure(
                f"{self._where}: {step}: the connection broke ({'; '.join(filter(None, words))})"
            ) from None


class NetcommonRpc:
    """RPCs over the persistent connection of ``ansible.netcommon.netconf``."""

    def __init__(self, dispatch: Callable[[str], Any], where: str) -> None:
        self._dispatch = dispatch
        self._where = where

    def call(self, step: str, operation: etree._Element) -> etree._Element:
        """See :class:`Rpc`."""
        return refuse_errors(step, parse_document(self._text(step, operation).encode()))

    def stream(self, step: str, operation: etree._Element) -> Iterator[bytes]:
        """See :class:`Rpc`; this carrier has the reply in one piece only."""
        yield self._text(step, operation).encode()

    def _text(self, step: str, operation: etree._Element) -> str:
        try:
            return str(self._dispatch(etree.tostring(operation, encoding="unicode")))
        except Exception as error:
            text = str(error).strip()
            if text.startswith("<"):
                with contextlib.suppress(MalformedReply):
                    reply = parse_document(text.encode())
                    if all(m.severity == "warning" for m in messages(reply)):
                        return text
                    refuse_errors(step, reply)
            if "rpc-error" in text or getattr(error, "code", None) is not None:
                raise DeviceError(step, [" ".join(text.split())[:_LONGEST]]) from None
            raise TransportFailure(f"{self._where}: {step}: {text}") from None
