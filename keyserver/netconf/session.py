# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One NETCONF session, sans-IO: bytes in, bytes out, time passed in (RFC 6241, RFC 6242)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import islice
from typing import Protocol

from lxml import etree

from ..config.candidate import Holder, utc
from ..config.namespaces import NETCONF, own_name
from .arguments import refuse_text
from .framing import Framer, FramingError, MessageTooBig
from .reply import Dialect, RpcError, RpcFailure, default_namespace, xml_text
from .work import Steps, Work, handed, run, weight_of
from .xml import MalformedMessage, local_name, parse, serialize

MOST_ATTRIBUTES = 100
"""Attributes of an ``rpc`` that are echoed; RFC 6241 §4.1 sets no limit, clients send two."""

_ERROR_OCTETS = 300
"""About how long an rpc-error is."""

BASE_1_0 = "urn:ietf:params:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
_CAPABILITIES = (
    BASE_1_0,
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "urn:ietf:params:netconf:capability:validate:1.0",
    "urn:ietf:params:netconf:capability:url:1.0?scheme=http,ftp,file",
    "urn:ietf:params:xml:ns:netconf:base:1.0",
    "urn:ietf:params:xml:ns:netconf:capability:candidate:1.0",
    "urn:ietf:params:xml:ns:netconf:capability:confirmed-commit:1.0",
    "urn:ietf:params:xml:ns:netconf:capability:validate:1.0",
    "urn:ietf:params:xml:ns:netconf:capability:url:1.0?scheme=http,ftp,file",
    "http://xml.juniper.net/netconf/junos/1.0",
    "http://xml.juniper.net/dmi/system/1.0",
)


@cache
def _hello(chunks: bool) -> tuple[bytes, bytes]:
    """The server's hello before and after the session's number."""
    hello = etree.Element(etree.QName(NETCONF, "hello"), nsmap=default_namespace(NETCONF))
    offered = etree.SubElement(hello, etree.QName(NETCONF, "capabilities"))
    for name in [*_CAPABILITIES, BASE_1_1] if chunks else _CAPABILITIES:
        etree.SubElement(offered, etree.QName(NETCONF, "capability")).text = name
    number = etree.SubElement(hello, etree.QName(NETCONF, "session-id"))
    number.text = "|"
    etree.indent(hello, "  ")
    before, _, after = serialize(hello).partition(b"|")
    return before, after


class Request:
    """One RPC on its way through the device: the operation and who asks, when."""

    def __init__(
        self, operation: etree._Element, session: NetconfSession, now: float, octets: int = 0
    ) -> None:
        self.operation = operation
        self.session = session
        self.now = now
        self.octets = octets
        """How long the message was that brought it."""

    @property
    def holder(self) -> Holder:
        """The session as the configuration database knows it."""
        return self.session.holder

    @property
    def dialect(self) -> Dialect:
        """How the reply is to be written."""
        return self.session.dialect

    def child(self, name: str) -> etree._Element | None:
        """The operation's child of that local name."""
        return next(
            (c for c in self.operation.iterchildren(tag=etree.Element) if local_name(c) == name),
            None,
        )

    def text(self, name: str) -> str | None:
        """The stripped text of the operation's child of that local name."""
        child = self.child(name)
        return None if child is None else (child.text or "").strip()


Content = Sequence[etree._Element | str]
"""What a reply holds: elements, or text that stands in it as it is."""


class Host(Protocol):
    """What a session needs of the device that it belongs to."""

    def dialect(self) -> Dialect: ...

    def chunks_offered(self) -> bool: ...

    def terse_results(self) -> bool: ...

    def perform(self, request: Request) -> Steps[Content]:
        """Carry out one RPC; the children of its rpc-reply. Raises RpcFailure."""

    def session_ended(self, session: NetconfSession, now: float) -> None: ...


class NetconfSession:
    """Protocol state of one session.

    :meth:`greeting` gives the first bytes to send; :meth:`feed` takes bytes; :meth:`turn` deals
    with one message and gives the bytes to send back, in steps of which the long ones may be done
    elsewhere. ``closing`` turns True when the transport is to be closed after sending them;
    :meth:`end` is to be called once when the transport is gone, whatever the reason.
    """

    def __init__(self, host: Host, session_id: int, user: str, now: float) -> None:
        self.host = host
        self.holder = Holder(session_id, user, now)
        self.dialect = host.dialect()
        self.closing = False
        self.terminate: Callable[[], None] | None = None
        """Set by the edge: closes the transport at once (kill-session)."""
        self.fault: Callable[[str, Exception], None] | None = None
        """Set by the edge: notes what went wrong within a request, and which."""
        self._framer = Framer()
        self._chunks = host.chunks_offered()
        self._greeted = False
        self._ended = False

    def greeting(self) -> bytes:
        """Junos' two comments and the server's hello."""
        before, after = _hello(self._chunks)
        hello = b"%b%d%b\n" % (before, self.holder.session_id, after)
        comments = (
            "<!-- No zombies were killed during the creation of this user interface -->\n"
            f"<!-- user {_comment(self.holder.user)}, class j-super-user -->\n"
        )
        return comments.encode() + self._framer.frame(hello)

    @property
    def greeted(self) -> bool:
        """True once the client's hello was accepted."""
        return self._greeted

    @property
    def backlog(self) -> int:
        """Octets that came in and were not dealt with yet."""
        return self._framer.buffered

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._framer.feed(data)

    def turn(self, now: float) -> Steps[bytes] | None:
        """Deal with the next message, or a part of one in many pieces; None until it is whole."""
        if self.closing:
            return None
        try:
            message = self._framer.next_message()
        except FramingError as error:
            return self._broken(error)
        if message is None:
            return _nothing() if self._framer.interrupted else None
        return self._answer(message, now)

    def receive(self, data: bytes, now: float) -> bytes:
        """:meth:`feed` and every :meth:`turn` that follows, at once."""
        self.feed(data)
        out = bytearray()
        while (steps := self.turn(now)) is not None:
            out += run(steps)
        return bytes(out)

    def _broken(self, error: FramingError) -> Steps[bytes]:
        self.closing = True
        tag = "too-big" if isinstance(error, MessageTooBig) else "malformed-message"
        return self._refuse(RpcError(str(error), tag=tag, kind="rpc"))

    def _refuse(self, error: RpcError) -> Steps[bytes]:
        yield from ()
        return self._reply(None, [error])

    def end(self, now: float) -> None:
        """The transport is gone: locks and uncommitted edits go with it."""
        if not self._ended:
            self._ended = self.closing = True
            self.host.session_ended(self, now)

    def _answer(self, message: bytes, now: float) -> Steps[bytes]:
        if not message.strip():
            return b""
        try:
            root = yield Work(partial(parse, message), len(message))
        except MalformedMessage as error:
            if not self._greeted:
                self.closing = True
                return b""
            return self._reply(None, [RpcError(str(error), tag="malformed-message", kind="rpc")])
        name = local_name(root)
        if not self._greeted:
            found = yield Work(partial(_offered, root), len(message))
            return self._hello(root, name, found)
        if own_name(str(root.tag)) != "rpc":
            refusal = RpcError(
                "rpc expected", tag="malformed-message", kind="rpc", bad_element=name
            )
            return self._reply(None, [refusal])
        return (yield from self._rpc(root, now, len(message)))

    def _hello(self, root: etree._Element, name: str, found: set[str]) -> bytes:
        stranger = any(True for _ in root.iter("{*}session-id"))
        both_1_1 = self._chunks and BASE_1_1 in found
        # A Junos accepts a client's hello in either family of URNs.
        common = both_1_1 or any(c.endswith("netconf:base:1.0") for c in found)
        if name != "hello" or stranger or not common:
            self.closing = True
            return self._why_not(found) if name == "hello" and not stranger else b""
        self._greeted = True
        if both_1_1:
            self._framer.use_chunks()
        return b""

    def _why_not(self, offered: set[str]) -> bytes:
        """To a client that speaks base:1.1 alone, what would let it in."""
        if BASE_1_1 not in offered:
            return b""
        text = (
            "no common base: this device offers base:1.0; base:1.1 needs [system services netconf] "
            "rfc-compliant and version-1.1"
        )
        return self._reply(None, [RpcError(text, kind="rpc")])

    def _rpc(self, rpc: etree._Element, now: float, octets: int) -> Steps[bytes]:
        operation = self._operation(rpc)
        if isinstance(operation, RpcError):
            echoed = rpc if len(rpc.attrib) <= MOST_ATTRIBUTES else None
            return self._reply(echoed, [operation])
        try:
            answer = yield from self._performed(rpc, Request(operation, self, now, octets))
            out: bytes = yield answer
        except Exception as error:
            # Whatever goes wrong with one request, the session and its client go on.
            if self.fault is not None:
                self.fault(f"session {self.holder.session_id}: {local_name(operation)}", error)
            return self._reply(rpc, [RpcError("internal error", kind="application")])
        if self.closing and not self._framer.chunked:
            # In base:1.1 nothing may stand outside the framing.
            out += f"<!-- session end at {utc(now)} -->\n".encode()
        return out

    def _performed(self, rpc: etree._Element, request: Request) -> Steps[Work]:
        """Carry out an RPC; the work of writing down what comes of it."""
        try:
            refuse_text(rpc)
            content = yield from self.host.perform(request)
        except RpcFailure as failure:
            # A load can be refused for as many reasons as it has lines.
            errors = failure.errors
            return Work(handed(partial(self._reply, rpc), errors), _ERROR_OCTETS * len(errors))
        self.closing = self.closing or local_name(request.operation) == "close-session"
        return Work(handed(partial(self._reply, rpc), content), weight_of(content))

    def _operation(self, rpc: etree._Element) -> etree._Element | RpcError:
        """The one operation of an ``rpc``, or what is wrong with it."""
        if len(rpc.attrib) > MOST_ATTRIBUTES:
            return RpcError(
                f"more than {MOST_ATTRIBUTES} attributes",
                tag="too-big",
                kind="rpc",
                bad_element="rpc",
            )
        operations = list(islice(rpc.iterchildren(tag=etree.Element), 2))
        if len(operations) != 1:
            return RpcError("exactly one operation is expected", kind="rpc")
        if rpc.get("message-id") is None and self._chunks:
            return RpcError(
                "message-id is missing",
                tag="missing-attribute",
                kind="rpc",
                bad_attribute="message-id",
                bad_element="rpc",
            )
        return operations[0]

    def _reply(self, rpc: etree._Element | None, content: Content | Sequence[RpcError]) -> bytes:
        reply = self.dialect.reply()
        if rpc is not None:
            for name, value in rpc.attrib.items():
                reply.set(name, value)
        texts = [xml_text(part) for part in content if isinstance(part, str)]
        # JSON stands in the reply itself.
        reply.text = "\n" + "".join(texts)
        for part in content:
            if isinstance(part, str):
                continue
            reply.append(part.element(self.dialect) if isinstance(part, RpcError) else part)
        for element in (e for e in reply if e.text is None and len(e)):
            element.text = "\n"
        return self._framer.frame(serialize(reply) + b"\n")


def _nothing() -> Steps[bytes]:
    """The answer to a part of a message: the next turn goes on with it."""
    yield from ()
    return b""


def _offered(hello: etree._Element) -> set[str]:
    return {(c.text or "").strip() for c in hello.iter("{*}capability")}


def _comment(text: str) -> str:
    return xml_text(text).replace("--", "__")
