# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rude NETCONF server: SSH that works, a configuration kept honestly, and manners by script.

The reference key server is polite. Here every answer can be an error, a warning, both, silence,
late, cut off, garbled or somebody else's, as :class:`Fault` says; :class:`Box` keeps what such a
device would really have committed, who holds its lock and what awaits confirmation, so that a test
can ask. The faults are those of public bug reports.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from lxml import etree

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
JUNOS = "http://xml.juniper.net/junos/{}/junos"
END = b"]]>]]>"
USER, PASSWORD = "netops", "lab-Passw0rd"


class Stage(enum.StrEnum):
    """What a request is for; the words of the table."""

    HELLO = "hello"
    READ = "read"
    LOCK = "lock"
    READ_AGAIN = "read again"
    LOAD = "load"
    LOOK = "look"
    """Reading the candidate, before it is committed."""
    COMPARE = "compare"
    CHECK = "check"
    COMMIT = "commit"
    READ_BACK = "read back"
    """Reading what is committed, by the session that has committed it."""
    DISCARD = "discard"
    UNLOCK = "unlock"
    HISTORY = "history"
    OTHER = "other"


class Manner(enum.StrEnum):
    """What the device does instead of answering well."""

    ERROR = "error"
    WARNING = "warning"
    ERROR_INSIDE_SUCCESS = "error inside success"
    """Done, said to be done, and an error beside it."""
    REFUSAL_INSIDE_SUCCESS = "refusal inside success"
    """Not done, and yet an ok beside the error."""
    TIMEOUT = "timeout"
    """Done, and not a word."""
    DELAY = "delay"
    """Done; answered after ``seconds``."""
    SLOW = "slow"
    """Done after ``seconds`` and answered then; the session lives on until then, asked or not."""
    PARTIAL = "partial"
    """Done; the reply stops after ``octets`` and goes on after ``seconds``."""
    CUT_BEFORE = "cut before"
    """The connection ends before anything is done."""
    CUT_AFTER = "cut after"
    """Done; the connection ends after ``octets`` of the reply."""
    GARBAGE = "garbage"
    """Done; what is said of it is no XML."""
    WRONG_ID = "wrong id"
    """Done; the reply bears another message-id."""
    EMPTY = "empty"
    """Done; the reply says nothing."""
    UNCLOSED = "unclosed"
    """Done; `<routing-engine>` is not closed, as clusters in rfc-compliant mode send it."""
    REWRITE = "rewrite"
    """Done; the reply passes through ``rewrite``."""


@dataclass
class Fault:
    """Misbehaviour at one stage: the ``nth`` time (from 1) that it is reached, or always (0)."""

    stage: Stage
    manner: Manner
    message: str = "mgd: no"
    nth: int = 1
    octets: int = 0
    seconds: float = 0.0
    rewrite: Callable[[bytes], bytes] = bytes


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in element if _name(child) == name), None)


def _key(element: etree._Element) -> tuple[str, str]:
    key = _child(element, "name")
    return _name(element), "" if key is None else (key.text or "").strip()


def _plain(element: etree._Element) -> etree._Element:
    """Without namespaces."""
    plain = etree.Element(_name(element), dict(element.attrib))
    plain.text = element.text if len(element) == 0 else None
    plain.extend([_plain(child) for child in element if isinstance(child.tag, str)])
    return plain


def merge(into: etree._Element, change: etree._Element) -> None:
    """Junos' ``merge`` as far as the collection uses it: values, entries by name, deletion."""
    for wanted in change:
        there = next((e for e in into if _key(e) == _key(wanted)), None)
        if wanted.get("delete") is not None:
            if there is not None:
                into.remove(there)
            continue
        if there is None:
            there = etree.SubElement(into, wanted.tag)
        for mark in ("active", "inactive"):
            if wanted.get(mark) is not None:
                there.attrib.pop("inactive", None)
                if mark == "inactive":
                    there.set(mark, mark)
        if len(wanted) == 0:
            there.text = wanted.text
        else:
            merge(there, wanted)


def set_lines(element: etree._Element, path: str = "") -> list[str]:
    """A configuration as set lines."""
    here = " ".join(filter(None, [path, *filter(None, _key(element))]))
    rest = [child for child in element if _name(child) != "name"]
    if element.tag == "configuration":
        here = "set"
    if not rest:
        return [f"{here} {(element.text or '').strip()}".strip()]
    return [line for child in rest for line in set_lines(child, here)]


@dataclass
class Commit:
    """One entry of the commit history, and what was committed."""

    user: str
    client: str
    configuration: etree._Element
    log: str = ""
    confirmed: int | None = None
    """Minutes that the commit waited for confirmation."""


@dataclass
class Box:
    """What the device has: configurations, locks, history."""

    committed: etree._Element
    release: str = "20.4R3"
    rfc_compliant: bool = False
    tells_pending: bool = True
    """Whether the commit history marks what awaits confirmation."""
    says_pending_at_lock: bool = False
    busy: set[int] = field(default_factory=set)
    """Sessions that still do something: their end waits for that."""
    lock: int | None = None
    private: dict[int, etree._Element] = field(default_factory=dict)
    pending: etree._Element | None = None
    """What a confirmed commit goes back to."""
    history: list[Commit] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Local names of the operations that came."""
    answers: dict[str, str] = field(default_factory=dict)
    """Operation to the content of its reply, for what the device does not do itself."""
    leaves_out: frozenset[str] = frozenset()
    """Statements that it leaves out of a load, with a warning."""
    at_load: Callable[[etree._Element], None] | None = None
    """What it does to what is loaded, without a word."""
    at_commit: Callable[[etree._Element], None] | None = None
    """What it does to what is committed, without a word."""
    committers: set[int] = field(default_factory=set)
    """Sessions that have committed."""

    def __post_init__(self) -> None:
        self.candidate = copy.deepcopy(self.committed)
        if not self.history:
            self.history.append(Commit("root", "cli", copy.deepcopy(self.committed)))

    @property
    def locked(self) -> bool:
        return self.lock is not None or bool(self.private)

    @property
    def lines(self) -> list[str]:
        """The committed configuration as set lines."""
        return set_lines(self.committed)

    def working(self, session: int) -> etree._Element:
        return self.private.get(session, self.candidate)

    def discard(self) -> None:
        """The candidate is the committed configuration again."""
        self.candidate = copy.deepcopy(self.committed)

    def commit(self, session: int, user: str, log: str, confirmed: int | None) -> None:
        if confirmed is None:
            self.pending = None
        elif self.pending is None:
            self.pending = copy.deepcopy(self.committed)
        self.committed = copy.deepcopy(self.working(session))
        if self.at_commit is not None:
            self.at_commit(self.committed)
        self.committers.add(session)
        self.history.insert(0, Commit(user, "netconf", self.committed, log, confirmed))
        self.discard()

    def expire(self) -> None:
        """The time for a confirmation is over."""
        assert self.pending is not None
        self.committed, self.pending = self.pending, None
        self.discard()
        self.history.insert(0, Commit("root", "other", copy.deepcopy(self.committed)))

    def end(self, session: int) -> None:
        """A session is over, whatever ended it."""
        if session in self.busy:
            return
        self.private.pop(session, None)
        if self.lock == session:
            self.lock = None
            self.discard()


class Refusal(Exception):
    """An operation that this device refuses by itself."""


_ERROR = (
    "<rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>"
    "<error-severity>{severity}</error-severity><error-message>{message}</error-message></rpc-error>"
)


def rpc_error(message: str, severity: str = "error") -> str:
    """One ``rpc-error`` as text."""
    return _ERROR.format(severity=severity, message=message)


class _Talk:
    """One NETCONF session: octets in, octets out."""

    def __init__(self, server: RudeServer, number: int, write: Callable[[bytes], None]) -> None:
        self.server, self.box, self.number, self._write = server, server.box, number, write
        self.data = b""
        self.reads = 0
        self.greeted = False
        self.busy = False
        self.waiting: list[etree._Element] = []

    # What is asked

    def stage_of(self, operation: etree._Element) -> Stage:
        name = _name(operation)
        if name == "get-configuration":
            if operation.get("compare") is not None:
                return Stage.COMPARE
            if operation.get("database") == "candidate":
                return Stage.LOOK
            if self.number in self.box.committers and self.box.locked:
                return Stage.READ_BACK
            return Stage.READ_AGAIN if self.box.locked else Stage.READ
        if name == "commit-configuration":
            return Stage.CHECK if _child(operation, "check") is not None else Stage.COMMIT
        return {
            "lock": Stage.LOCK,
            "open-configuration": Stage.LOCK,
            "load-configuration": Stage.LOAD,
            "discard-changes": Stage.DISCARD,
            "unlock": Stage.UNLOCK,
            "close-configuration": Stage.UNLOCK,
            "get-commit-information": Stage.HISTORY,
        }.get(name, Stage.OTHER)

    # What is done

    def perform(self, operation: etree._Element) -> str:
        """Do it; the content of the reply. Raises Refusal."""
        if _name(operation) in self.box.answers:
            return self.box.answers[_name(operation)]
        handler = getattr(self, "_" + _name(operation).replace("-", "_"), None)
        if handler is None:
            raise Refusal("syntax error")
        return str(handler(operation))

    def _get_configuration(self, operation: etree._Element) -> str:
        box = self.box
        if operation.get("compare") is not None:
            back = int(operation.get("rollback") or 0)
            old = set_lines(box.history[back].configuration)
            new = set_lines(box.working(self.number))
            lines = [f"-  {line}" for line in old if line not in new]
            lines += [f"+  {line}" for line in new if line not in old]
            text = "\n" + "".join(f"{line}\n" for line in lines)
            return (
                "<configuration-information><configuration-output>"
                f"{text}</configuration-output></configuration-information>"
            )
        committed = operation.get("database") == "committed"
        configuration = copy.deepcopy(box.committed if committed else box.working(self.number))
        if not box.rfc_compliant:
            return etree.tostring(configuration, encoding="unicode")
        text = etree.tostring(configuration, encoding="unicode")
        conf = "http://yang.juniper.net/junos-es/conf/"
        text = text.replace("<configuration>", f'<configuration xmlns="{conf}root">')
        return text.replace("<security>", f'<security xmlns="{conf}security">')

    def _get_software_information(self, operation: etree._Element) -> str:
        return (
            "<software-information><host-name>rude</host-name>"
            f"<junos-version>{self.box.release}</junos-version></software-information>"
        )

    def _lock(self, operation: etree._Element) -> str:
        self._refuse_if_locked()
        if self.box.private:
            raise Refusal("private edits in use. Try 'configure private' or 'configure dynamic'.")
        if set_lines(self.box.candidate) != set_lines(self.box.committed):
            raise Refusal("configuration database modified")
        self.box.lock = self.number
        if self.box.pending is not None and self.box.says_pending_at_lock:
            words = "commit confirmed will be rolled back in 29 minutes"
            return rpc_error(words, "warning") + self.ok()
        return self.ok()

    def _refuse_if_locked(self) -> None:
        if self.box.lock not in (None, self.number):
            raise Refusal(
                "configuration database locked by: admin terminal p0 (pid 4242) on since "
                "2026-10-01 10:00:00 UTC, idle 00:01:02 exclusive [edit]"
            )

    def _unlock(self, operation: etree._Element) -> str:
        if self.box.lock != self.number:
            raise Refusal("configuration database is not locked")
        self.box.end(self.number)
        return self.ok()

    def _open_configuration(self, operation: etree._Element) -> str:
        self._refuse_if_locked()
        if set_lines(self.box.candidate) != set_lines(self.box.committed):
            raise Refusal("shared configuration database modified")
        self.box.private[self.number] = copy.deepcopy(self.box.committed)
        return rpc_error("uncommitted changes will be discarded on exit", "warning")

    def _close_configuration(self, operation: etree._Element) -> str:
        if self.number not in self.box.private:
            raise Refusal("Configuration database is not open")
        del self.box.private[self.number]
        return self.ok()

    def _load_configuration(self, operation: etree._Element) -> str:
        configuration = _child(operation, "configuration")
        if configuration is None:
            raise Refusal("syntax error")
        configuration = _plain(configuration)
        left = [e for e in configuration.iter() if e.tag in self.box.leaves_out]
        said = "".join(rpc_error(f"statement not found ({e.tag})", "warning") for e in left)
        for element in left:
            element.getparent().remove(element)
        if self.box.at_load is not None:
            self.box.at_load(configuration)
        merge(self.box.working(self.number), configuration)
        return f"<load-configuration-results>{said}{self.ok()}</load-configuration-results>"

    def _discard_changes(self, operation: etree._Element) -> str:
        if self.number in self.box.private:
            self.box.private[self.number] = copy.deepcopy(self.box.committed)
        else:
            self.box.discard()
        return self.ok()

    def _commit_configuration(self, operation: etree._Element) -> str:
        if _child(operation, "check") is not None:
            self.box.pending = None  # A check confirms as well: so Junos documents it.
            return self.results("commit-check-success")
        confirmed = None
        if _child(operation, "confirmed") is not None:
            timeout = _child(operation, "confirm-timeout")
            confirmed = int("10" if timeout is None else timeout.text or "10")
        log = _child(operation, "log")
        text = "" if log is None else log.text or ""
        self.box.commit(self.number, USER, text, confirmed)
        return self.results("commit-success")

    def _get_commit_information(self, operation: etree._Element) -> str:
        return f"<commit-information>{''.join(self._entries())}</commit-information>"

    def _entries(self) -> Iterator[str]:
        for number, entry in enumerate(self.box.history):
            parts = [
                f"<sequence-number>{number}</sequence-number><user>{entry.user}</user>",
                f"<client>{entry.client}</client><date-time junos:seconds='1791237823'>"
                "2026-10-05 22:03:43 UTC</date-time>",
            ]
            if entry.confirmed is not None:
                words = f"commit confirmed, rollback in {entry.confirmed}mins"
                parts.append(f"<comment>{words}</comment>")
            if entry.log:
                parts.append(f"<log>{entry.log}</log>")
            if number == 0 and self.box.pending is not None and self.box.tells_pending:
                parts.append("<commit-confirmed>rollback pending</commit-confirmed>")
            yield f"<commit-history>{''.join(parts)}</commit-history>"

    # What is said

    def ok(self) -> str:
        return "<nc:ok/>" if self.box.rfc_compliant else "<ok/>"

    def results(self, success: str) -> str:
        return (
            "<commit-results><routing-engine junos:style='show-name'><name>re0</name>"
            f"<{success}/></routing-engine></commit-results>{self.ok()}"
        )

    def reply(self, number: str | None, content: str) -> bytes:
        prefix, suffix = ("nc:", ":nc") if self.box.rfc_compliant else ("", "")
        mark = "" if number is None else f' message-id="{number}"'
        content = content.replace("<rpc-error>", f"<{prefix}rpc-error>")
        content = content.replace("</rpc-error>", f"</{prefix}rpc-error>")
        text = (
            f'<{prefix}rpc-reply xmlns{suffix}="{BASE}" '
            f'xmlns:junos="{JUNOS.format(self.box.release)}"{mark}>\n{content}\n</{prefix}rpc-reply>\n'
        )
        return text.encode()

    # How it is said

    def receive(self, data: bytes) -> None:
        self.data += data
        cut = self.server.cut_requests_after
        if cut is not None and self.greeted and len(self.data) > cut:
            self.server.drop(self.number)
            return
        while END in self.data:
            message, _, self.data = self.data.partition(END)
            if not self.greeted:
                self.greeted = True
                continue
            if message.strip():
                self.waiting.append(etree.fromstring(message.strip()))
        self.work()

    def work(self) -> None:
        """What was asked, in order: what takes its time holds up what was asked later."""
        while self.waiting and not self.busy:
            self.message(self.waiting.pop(0))

    def answered(self, message: bytes) -> None:
        """The answer to what took its time."""
        self.send(message)
        self.busy = False
        self.work()

    def message(self, rpc: etree._Element) -> None:
        operation = rpc[0]
        self.box.requests.append(_name(operation))
        stage = self.stage_of(operation)
        fault = self.server.fault_at(stage)
        if fault is None:
            return self.send(self.reply(rpc.get("message-id"), self.done(operation)))
        getattr(self, "_be_" + fault.manner.name.lower())(fault, rpc, operation)
        return None

    def done(self, operation: etree._Element) -> str:
        try:
            return self.perform(operation)
        except Refusal as refusal:
            return rpc_error(str(refusal))

    def send(self, message: bytes) -> None:
        self._write(message + END)

    def _be_error(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.send(self.reply(rpc.get("message-id"), rpc_error(fault.message)))

    def _be_warning(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        words = rpc_error(fault.message, "warning")
        self.send(self.reply(rpc.get("message-id"), words + self.done(operation)))

    def _be_error_inside_success(
        self, fault: Fault, rpc: etree._Element, operation: etree._Element
    ) -> None:
        content = self.done(operation) + rpc_error(fault.message)
        self.send(self.reply(rpc.get("message-id"), content))

    def _be_refusal_inside_success(
        self, fault: Fault, rpc: etree._Element, operation: etree._Element
    ) -> None:
        content = f"<results>{rpc_error(fault.message)}</results>{self.ok()}"
        self.send(self.reply(rpc.get("message-id"), content))

    def _be_timeout(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        # What came with it is not answered either.
        self.waiting.clear()

    def _be_delay(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        content = self.done(operation)
        answer = self.reply(rpc.get("message-id"), content)
        self.busy = True
        self.server.later(fault.seconds, lambda: self.answered(answer))

    def _be_slow(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.box.busy.add(self.number)
        self.busy = True

        def finish() -> None:
            answer = self.reply(rpc.get("message-id"), self.done(operation))
            self.box.busy.discard(self.number)
            if self.number in self.server.channels:
                self.answered(answer)
            else:
                self.box.end(self.number)

        self.server.later(fault.seconds, finish)

    def _be_partial(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self._write(answer[: fault.octets])
        self.busy = True
        self.server.later(fault.seconds, lambda: self.answered(answer[fault.octets :]))

    def _be_cut_before(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.server.drop(self.number)

    def _be_cut_after(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self._write(answer[: fault.octets])
        self.server.drop(self.number)

    def _be_garbage(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        self.send(b"<rpc-reply><<<\x00\xff not XML at all &&")

    def _be_wrong_id(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.send(self.reply("somebody-elses-1", self.done(operation)))

    def _be_empty(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        self.done(operation)
        self.send(self.reply(rpc.get("message-id"), ""))

    def _be_unclosed(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        content = self.done(operation)
        check = "commit-check-success" in content
        word = "commit-check-success" if check else "commit-success"
        half = f'<routing-engine junos:style="show-name"><name>node0</name><{word}/>'
        rest = f'<routing-engine junos:style="show-name"><name>node1</name><{word}/>'
        text = f"<commit-results>{half}</routing-engine>{rest}</commit-results>{self.ok()}"
        self.send(self.reply(rpc.get("message-id"), text))

    def _be_rewrite(self, fault: Fault, rpc: etree._Element, operation: etree._Element) -> None:
        answer = self.reply(rpc.get("message-id"), self.done(operation))
        self.send(fault.rewrite(answer))


_CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "http://xml.juniper.net/netconf/junos/1.0",
    "http://xml.juniper.net/dmi/system/1.0",
)


def hello(number: int) -> bytes:
    """The hello of a Junos, with the two comments before it."""
    offered = "".join(f"<capability>{name}</capability>" for name in _CAPABILITIES)
    return (
        "<!-- No zombies were killed during the creation of this user interface -->\n"
        f"<!-- user {USER}, class j-super-user -->\n"
        f'<hello xmlns="{BASE}"><capabilities>{offered}</capabilities>'
        f"<session-id>{number}</session-id></hello>"
    ).encode()


class _Channel(asyncssh.SSHServerSession[bytes]):
    def __init__(self, server: RudeServer) -> None:
        self._server = server
        self.number = next(server.numbers)
        self.talk: _Talk | None = None
        self.channel: Any = None

    def connection_made(self, chan: Any) -> None:
        self.channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "netconf"

    def session_started(self) -> None:
        server = self._server
        server.channels[self.number] = self
        self.talk = _Talk(server, self.number, self.channel.write)
        fault = server.fault_at(Stage.HELLO)
        if server.before_hello:
            self.channel.write(server.before_hello)
        manner = None if fault is None else fault.manner
        if manner in (Manner.CUT_BEFORE, Manner.CUT_AFTER):
            self.channel.write(server.greeting(self.number)[: fault.octets if fault else 0])
            server.drop(self.number)
        elif manner is Manner.GARBAGE:
            self.channel.write(b"\x00\xff<<<hello" + END)
        elif manner is Manner.ERROR:
            self.channel.write(f"<rpc-reply>{rpc_error(fault.message)}</rpc-reply>".encode() + END)
        elif manner is not Manner.TIMEOUT:
            self.channel.write(server.greeting(self.number) + END)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self.talk is not None:
            self.talk.receive(data)

    def eof_received(self) -> bool:
        self.channel.exit(0)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.channels.pop(self.number, None)
        self._server.box.end(self.number)


class _Login(asyncssh.SSHServer):
    def __init__(self, server: RudeServer) -> None:
        self._server = server

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return False

    def validate_password(self, username: str, password: str) -> bool:
        self._server.passwords.append(password)
        if self._server.logins is not None:
            self._server.logins -= 1
            if self._server.logins < 0:
                return False
        return (username, password) == (USER, PASSWORD)

    def session_requested(self) -> Any:
        return _Channel(self._server)


_HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")


class RudeServer:
    """A rude device on a port of the loopback address, its loop in a thread."""

    def __init__(
        self,
        box: Box,
        *faults: Fault,
        before_hello: bytes = b"",
        key: asyncssh.SSHKey = _HOST_KEY,
    ) -> None:
        self.box, self._key = box, key
        self.faults = list(faults)
        self.before_hello = before_hello
        self.greeting: Callable[[int], bytes] = hello
        """The hello of a session."""
        self.cut_requests_after: int | None = None
        """End the session when more than so many octets of a request have come."""
        self.numbers = itertools.count(101)
        self.channels: dict[int, _Channel] = {}
        self.logins: int | None = None
        """How many more logins there may be; None for any number."""
        self.passwords: list[str] = []
        """What clients tried to log in with."""
        self.port = 0
        self._reached: dict[Stage, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> RudeServer:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        self._listener = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Login(self),
            server_host_keys=[self._key],
            # As OpenSSH since 8.8: RSA without SHA-1.
            signature_algs=[a.decode() for a in self._key.sig_algorithms if a != b"ssh-rsa"],
            encoding=None,
            line_editor=False,
            gss_host=None,
            compression_algs=None,
            kex_algs=["curve25519-sha256", "curve25519-sha256@libssh.org"],
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listener.close()
        for channel in list(self.channels.values()):
            channel.channel.abort()
        await self._listener.wait_closed()
        for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
            task.cancel()

    @property
    def host_key(self) -> str:
        """Type and key as known_hosts has them."""
        return " ".join(self._key.export_public_key().decode().split()[:2])

    def fault_at(self, stage: Stage) -> Fault | None:
        """The misbehaviour that is due now that a request of that stage came."""
        reached = self._reached[stage] = self._reached.get(stage, 0) + 1
        due = (f for f in self.faults if f.stage is stage and f.nth in (0, reached))
        return next(due, None)

    def drop(self, number: int) -> None:
        """End a session as a device does that dies: no word, no status."""
        if number in self.channels:
            self.channels[number].channel.close()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self._loop.call_later(seconds, action)

    def settled(self, seconds: float = 3.0) -> bool:
        """Whether every session ends in that time."""
        end = time.monotonic() + seconds
        while self.channels and time.monotonic() < end:
            time.sleep(0.005)
        return not self.channels


def box(*groups: str, block: dict[str, str] | None = None, **more: Any) -> Box:
    """A box with these Group VPN groups; ``block``: settings that each of them has."""
    configuration = etree.Element("configuration")
    server = configuration
    for name in ("security", "group-vpn", "server"):
        server = etree.SubElement(server, name)
    for number, group in enumerate(groups, 1):
        entry = etree.SubElement(server, "group")
        etree.SubElement(entry, "name").text = group
        etree.SubElement(entry, "group-id").text = str(number)
        if block is not None:
            settings = etree.SubElement(entry, "server-member-communication")
            for name, value in block.items():
                etree.SubElement(settings, name).text = value
    return Box(configuration, **more)
