# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a NETCONF server is expected to do, row by row, each with a check against the real one.

``python -m tests.interop.checklist`` writes the table into docs/netconf.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncssh
import pytest

from keyserver.edge.channel import Waits
from tests.interop.wire import COMPLIANT, END, FEW, PLAIN, SECONDS, Bench, Talk, hello, plain
from tests.lab import ROOT, LabDirectory, hub_config

PAGE = ROOT / "docs" / "netconf.md"
BEGIN, FINISH = "<!-- checklist: begins -->\n", "<!-- checklist: ends -->\n"

Check = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """One behaviour; ``why`` is said where it differs from RFC 6241 or 6242 on purpose."""

    number: int
    behaviour: str
    check: Check
    why: str = ""

    @property
    def here(self) -> str:
        """For the table: passes, or differs and why."""
        return f"**differs**: {self.why}" if self.why else "passes"


CANDIDATE = "<target><candidate/></target>"
LOCK, UNLOCK = f"<lock>{CANDIDATE}</lock>", f"<unlock>{CANDIDATE}</unlock>"
LOCK_RUNNING = "<lock><target><running/></target></lock>"
DISCARD, COMMIT, CLOSE = "<discard-changes/>", "<commit/>", "<close-session/>"
COMPARE = '<get-configuration compare="rollback" rollback="0" format="text"/>'
SYSTEM = "<system/>"
RUNNING = (
    "<get-config><source><running/></source><filter><configuration><system/></configuration>"
    "</filter></get-config>"
)
WHO = "<get-system-information/>"


def edit(inner: str, more: str = "") -> str:
    """An edit-config of the candidate."""
    return (
        f"<edit-config>{CANDIDATE}{more}<config><configuration>{inner}</configuration></config>"
        "</edit-config>"
    )


def domain(name: str, operation: str = "") -> str:
    """An edit of the domain name."""
    marked = f' operation="{operation}"' if operation else ""
    return edit(f"<system><domain-name{marked}>{name}</domain-name></system>")


def load(wrapper: str, content: str, action: str) -> str:
    """A load-configuration."""
    content = f"<{wrapper}>{content}</{wrapper}>"
    return f'<load-configuration action="{action}">{content}</load-configuration>'


def set_lines(*lines: str) -> str:
    """A load of set lines."""
    return load("configuration-set", "\n".join(lines), "set")


A, B = domain("a.example"), domain("b.example")
CONFIRMED = "<commit><confirmed/><confirm-timeout>{}</confirm-timeout></commit>"


async def answers(talk: Talk, *expected: tuple[str, str]) -> None:
    """Each operation's reply holds what stands beside it; ``!`` in front: does not."""
    for operation, said in expected:
        reply = await talk.ask(operation)
        if said.startswith("!"):
            assert said[1:] not in reply, f"{operation}: {reply}"
        else:
            assert said in reply, f"{operation}: {reply}"


def says(*expected: tuple[str, str], device: int = PLAIN) -> Check:
    """One session that asks and is answered so."""

    async def check(bench: Bench) -> None:
        talk = await bench.open(device, hello(0, 1) if device == COMPLIANT else hello(0))
        await answers(talk, *expected)

    return check


def two(*expected: tuple[int, str, str]) -> Check:
    """Two sessions, 0 and 1, that ask in turn."""

    async def check(bench: Bench) -> None:
        talks = [await bench.open(), await bench.open()]
        for number, operation, said in expected:
            await answers(talks[number], (operation, said))

    return check


def ends(greet: bytes, then: bytes = b"") -> Check:
    """A hello after which the session is over, without a reply to what follows."""

    async def check(bench: Bench) -> None:
        talk = await bench.open(greet=greet)
        talk.send(then)
        assert b"<ok/>" not in await talk.rest()

    return check


def goes_on(message: bytes, said: str) -> Check:
    """A message that is refused so, and the session answers the next one."""

    async def check(bench: Bench) -> None:
        talk = await bench.open()
        assert said.encode() in await talk.raw(message)
        await answers(talk, (WHO, "hub-0"))

    return check


def together(*checks: Check) -> Check:
    """All of them."""

    async def check(bench: Bench) -> None:
        for one in checks:
            await one(bench)

    return check


async def _numbers_grow(bench: Bench) -> None:
    first, second = await bench.open(), await bench.open()
    assert 0 < first.number < second.number


async def _silent(bench: Bench) -> None:
    async with bench.impatient(Waits(hello=0.3)) as (device, port):
        await (await bench.open_at(port, greet=None)).rest()
        assert not device.sessions


async def _chunked(bench: Bench) -> None:
    talk = await bench.open(COMPLIANT, hello(0, 1))
    assert talk.chunked
    await answers(talk, (WHO, "hub-1"))


async def _one_side_alone(bench: Bench) -> None:
    for device, offer in ((PLAIN, hello(0, 1)), (COMPLIANT, hello(0))):
        talk = await bench.open(device, offer)
        assert not talk.chunked
        await answers(talk, (WHO, f"hub-{device}"))


async def _split_delimiter(bench: Bench) -> None:
    talk = await bench.open()
    message = f"<rpc>{WHO}</rpc>".encode() + END
    for cut in range(1, len(END)):
        talk.send(message[:-cut])
        await asyncio.sleep(0)
        talk.send(message[-cut:])
        assert b"hub-0" in await talk.reply()


async def _pipelined(bench: Bench) -> None:
    talk = await bench.open()
    talk.send(b"".join(f'<rpc message-id="{n}">{WHO}</rpc>'.encode() + END for n in range(20)))
    for number in range(20):
        assert f'message-id="{number}"'.encode() in await talk.reply()


async def _octet_by_octet(bench: Bench) -> None:
    message = f'<rpc message-id="1">{WHO}</rpc>'.encode()
    slow = await bench.open()
    for octet in message + END:
        slow.send(bytes([octet]))
        await asyncio.sleep(0)
    assert b"hub-0" in await slow.reply()
    talk = await bench.open(COMPLIANT, hello(1))
    talk.send(b"".join(b"\n#1\n" + bytes([octet]) for octet in message) + b"\n##\n")
    assert b"hub-1" in await talk.reply()


async def _broken_chunks(bench: Bench) -> None:
    for broken in (b"\n#0\n", b"\n#007\n<", b"\n#4294967296\n", b"\n#x\n", b"#5\n<rpc/>", b"\nrpc"):
        talk = await bench.open(COMPLIANT, hello(1))
        talk.send(broken)
        assert b"malformed-message" in await talk.rest(), broken


async def _too_big(bench: Bench) -> None:
    talk = await bench.open(COMPLIANT, hello(1))
    talk.send(b"\n#4294967295\n<rpc>")
    assert b"too-big" in await talk.rest()


async def _character_in_two_chunks(bench: Bench) -> None:
    talk = await bench.open(COMPLIANT, hello(1))
    head, tail = f'<rpc message-id="\u20ac">{WHO}</rpc>'.encode().split(b"\x82")
    talk.send(b"\n#%d\n%b\n#%d\n\x82%b\n##\n" % (len(head), head, len(tail) + 1, tail))
    assert b'message-id="&#8364;"' in await talk.reply()


async def _ascii(bench: Bench) -> None:
    reply = await (await bench.open()).raw(f'<rpc message-id="\u20ac">{WHO}</rpc>'.encode())
    assert reply.isascii()
    assert b'message-id="&#8364;"' in reply


async def _space_in_front(bench: Bench) -> None:
    talk = await bench.open()
    for front in (b"\n", b" \r\n\t", b'\n<?xml version="1.0" encoding="UTF-8"?>\n'):
        assert b"hub-0" in await talk.raw(front + f"<rpc>{WHO}</rpc>".encode())


async def _no_message_id(bench: Bench) -> None:
    assert b"hub-0" in await (await bench.open()).raw(f"<rpc>{WHO}</rpc>".encode())
    talk = await bench.open(COMPLIANT, hello(0))
    reply = await talk.raw(f"<rpc>{WHO}</rpc>".encode())
    for said in (b"missing-attribute", b"bad-attribute>message-id", b"bad-element>rpc"):
        assert said in reply


async def _attributes(bench: Bench) -> None:
    talk = await bench.open()
    sent = '<rpc message-id="&lt;1&gt;" xmlns:x="urn:x" x:y="a&quot;b" z="">'
    reply = plain((await talk.raw(f"{sent}{WHO}</rpc>".encode())).removesuffix(END))
    assert 'message-id="&lt;1&gt;"' in reply
    assert 'y="a&quot;b"' in reply
    assert 'z=""' in reply


def _entities(inner: str) -> bytes:
    return f"<!DOCTYPE rpc [{inner}]><rpc><get-config>&a;</get-config></rpc>".encode()


_LAUGHS = '<!ENTITY z "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{inner};" * 10}">'
    for name, inner in zip("abcdefghi", "bcdefghiz", strict=True)
)


async def _no_file_is_read(bench: Bench) -> None:
    secret = bench.directory / "secret"
    secret.write_text("made-up-secret")
    reply = await (await bench.open()).raw(_entities(f'<!ENTITY a SYSTEM "file://{secret}">'))
    assert b"malformed-message" in reply
    assert b"made-up-secret" not in reply


async def _nothing_after_close(bench: Bench) -> None:
    talk = await bench.open()
    await answers(talk, (LOCK, "<ok/>"))
    talk.send(f"<rpc>{CLOSE}</rpc>".encode() + END + f"<rpc>{LOCK}</rpc>".encode() + END)
    assert (await talk.rest()).count(b"<ok/>") == 1
    await says((LOCK, "<ok/>"))(bench)


async def _end_behind_a_request(bench: Bench) -> None:
    talk = await bench.open()
    talk.send(f"<rpc>{WHO}</rpc>".encode() + END)
    talk.finish()
    assert b"hub-0" in await talk.rest()


async def _kill_nobody(bench: Bench) -> None:
    talk = await bench.open()
    for number in (talk.number, talk.number + 1000, "frob", ""):
        kill = f"<kill-session><session-id>{number}</session-id></kill-session>"
        await answers(talk, (kill, "invalid-value"))


async def _kill(bench: Bench) -> None:
    victim, other = await bench.open(), await bench.open()
    await answers(victim, (A, "<ok/>"), (CONFIRMED.format(600), "<ok/>"), (LOCK, "<ok/>"))
    kill = f"<kill-session><session-id>{victim.number}</session-id></kill-session>"
    await answers(other, (kill, "<ok/>"), (LOCK, "<ok/>"), (RUNNING, "!a.example"))
    assert await victim.rest() == b""


async def _denied_by_number(bench: Bench) -> None:
    holder, other = await bench.open(), await bench.open()
    await answers(holder, (LOCK, "<ok/>"))
    await answers(
        other,
        (LOCK, "lock-denied"),
        (LOCK, f"<session-id>{holder.number}</session-id>"),
        (LOCK_RUNNING, "configuration database locked by"),
    )


async def _drop(bench: Bench) -> None:
    connection = await bench.connect()
    talk = await bench.on(connection)
    await answers(talk, (LOCK, "<ok/>"), (A, "<ok/>"))
    connection.abort()
    other = await bench.open()
    async with asyncio.timeout(SECONDS):
        while "<ok/>" not in await other.ask(LOCK):
            pass
    await answers(other, (COMPARE, "!a.example"))


async def _drop_in_a_commit(bench: Bench) -> None:
    connection = await bench.connect()
    talk = await bench.on(connection)
    await answers(talk, (A, "<ok/>"))
    talk.send(f"<rpc>{COMMIT}</rpc>".encode() + END)
    await asyncio.sleep(0)
    connection.abort()
    other = await bench.open()
    async with asyncio.timeout(SECONDS):
        while "<ok/>" not in await other.ask(LOCK):
            pass
    # All of it or nothing, and nothing is left of it in the candidate.
    history = await other.ask("<get-commit-information/>")
    made = history.count("<commit-history>")
    assert ("a.example" in await other.ask(RUNNING)) == (made == 2), history
    await answers(other, (COMPARE, "!a.example"))


_FILTERED = "<get-config><source><running/></source><filter>{}</filter></get-config>"
_GROUP = (
    "<configuration><security><group-vpn><server><group>{}</group></server></group-vpn></security>"
    "</configuration>"
)

_INVALID = set_lines(
    "set security group-vpn server group G3 group-id 1",
    "set security group-vpn server group G4 ike-gateway nobody",
)


async def _goes_back(bench: Bench) -> None:
    talk = await bench.open()
    await answers(talk, (A, "<ok/>"))
    # Asked for in the same breath: however busy the machine is, it is not back by then.
    talk.send(
        b"".join(f"<rpc>{one}</rpc>".encode() + END for one in (CONFIRMED.format(1), RUNNING))
    )
    assert b"<ok/>" in await talk.reply()
    assert b"a.example" in await talk.reply()
    async with asyncio.timeout(SECONDS):
        while "a.example" in await talk.ask(RUNNING):
            await asyncio.sleep(0.05)
    history = await talk.ask("<get-commit-information/>")
    assert history.count("<commit-history>") == 3


async def _ends_unconfirmed(bench: Bench) -> None:
    first = await bench.open()
    await answers(first, (A, "<ok/>"), (CONFIRMED.format(600), "<ok/>"), (CLOSE, "<ok/>"))
    await first.rest()
    junos = "<commit-configuration><confirmed/></commit-configuration>"
    second = await bench.open()
    await answers(second, (RUNNING, "!a.example"), (B, "<ok/>"), (junos, "<ok/>"), (CLOSE, "<ok/>"))
    await second.rest()
    await says((RUNNING, "b.example"))(bench)


async def _first_base(bench: Bench) -> None:
    talk = await bench.open()
    for change in (A, B):
        await answers(talk, (change, "<ok/>"), (CONFIRMED.format(600), "<ok/>"))
    await answers(talk, (RUNNING, "b.example"), (CLOSE, "<ok/>"))
    await talk.rest()
    await says((RUNNING, "!domain-name"))(bench)


async def _restart_unconfirmed(bench: Bench) -> None:
    await says((A, "<ok/>"), (CONFIRMED.format(600), "<ok/>"))(bench)
    await bench.stop()
    await bench.start()
    await says((RUNNING, "!a.example"), (RUNNING, "hub-0"))(bench)


async def _restart(bench: Bench) -> None:
    await says((A, "<ok/>"), (COMMIT, "<ok/>"))(bench)
    await bench.stop()
    await bench.start()
    await says(
        (RUNNING, "a.example"),
        ('<load-configuration rollback="1"/>', "<ok/>"),
        (COMPARE, "-  domain-name a.example;"),
    )(bench)


async def _killed(bench: Bench) -> None:
    lab = LabDirectory(bench.directory / "killed")
    lab.path.mkdir()
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    process = lab.serve()
    try:
        talk = await bench.open_at(lab.port("hub-1"))
        await answers(talk, (A, "<ok/>"))
        talk.send(f"<rpc>{COMMIT}</rpc>".encode() + END)
        await asyncio.sleep(0)
        process.kill()
        process.stop()
        process = lab.serve()
        talk = await bench.open_at(lab.port("hub-1"))
        history = await talk.ask("<get-commit-information/>")
        made = history.count("<commit-history>")
        assert ("a.example" in await talk.ask(RUNNING)) == (made == 2), history
    finally:
        process.stop()


async def _fifty(bench: Bench) -> None:
    talk = await bench.open()
    for number in range(52):
        await answers(talk, (domain(f"n{number}.example"), "<ok/>"), (COMMIT, "<ok/>"))
    await answers(
        talk,
        ('<load-configuration rollback="49"/>', "<ok/>"),
        (COMPARE, "+  domain-name n2.example;"),
        ('<load-configuration rollback="50"/>', "rpc-error"),
        ('<load-configuration rollback="x"/>', "rpc-error"),
    )


async def _too_many(bench: Bench) -> None:
    for _ in range(2):
        await bench.open(FEW)
    with pytest.raises(asyncssh.DisconnectError, match="connection limit of 2"):
        await bench.connect(FEW)


async def _eleven_sessions(bench: Bench) -> None:
    connection = await bench.connect()
    for _ in range(10):
        await bench.on(connection)
    with pytest.raises(asyncssh.ChannelOpenError):
        await bench.on(connection)


class _Guess(asyncssh.SSHClient):
    def __init__(self) -> None:
        self.guesses = 0

    def password_auth_requested(self) -> str | None:
        self.guesses += 1
        return "wrong" if self.guesses < 10 else None


async def _four_passwords(bench: Bench) -> None:
    guess = _Guess()
    with pytest.raises(asyncssh.DisconnectError):
        await bench.connect(password=None, client_factory=lambda: guess, preferred_auth="password")
    assert guess.guesses == 3


_OPEN = "<open-configuration><{}/></open-configuration>"
_SHUT = "<close-configuration/>"
_LOADED = "<load-configuration-results><ok/>"
_LOADED_SET = '<load-configuration-results action="set"><ok/>'
_JSON = '{"configuration":{"system":{"domain-name":"j.example"}}}'
_XML = "<system><domain-name>x.example</domain-name></system>"
_WHOLE = "system { host-name hub-0; domain-name w.example; }"
_PATCH = "[edit system]\n+  domain-name p.example;\n"
_MARKS = "system { delete: domain-name; protect: host-name hub-0; inactive: time-zone UTC; }"

ROWS = (
    Row(1, "the server's hello comes first, with a session-id that grows", _numbers_grow),
    Row(
        2,
        "a hello with a session-id: session closed",
        ends(hello(0, extra="<session-id>1</session-id>")),
    ),
    Row(3, "a hello without a common base: session closed", ends(hello())),
    Row(4, "an rpc before the hello: session closed", ends(f"<rpc>{LOCK}</rpc>".encode() + END)),
    Row(5, "a second hello", goes_on(hello(0).removesuffix(END), "malformed-message")),
    Row(6, "no hello in time (30 s): session closed", _silent),
    Row(7, "both offer base:1.1: chunks from the next message on", _chunked),
    Row(8, "one of them alone offers base:1.1: delimiters", _one_side_alone),
    Row(9, "a delimiter that comes in two parts", _split_delimiter),
    Row(10, "twenty requests in one packet: answered in order", _pipelined),
    Row(11, "octet by octet, chunks of one octet", _octet_by_octet),
    Row(
        12,
        "chunks of size 0, with leading zeros, too large, without digits: session ended",
        _broken_chunks,
    ),
    Row(13, "a message of more than 16 MiB: `too-big`, session ended", _too_big),
    Row(14, "a character in two chunks", _character_in_two_chunks),
    Row(15, "replies are ASCII with character references", _ascii),
    Row(16, "white space before `<?xml` or `<rpc`", _space_in_front),
    Row(
        17,
        "comments and processing instructions in an rpc",
        goes_on(f"<rpc><!-- c --><?p i?>{WHO}</rpc>".encode(), "hub-0"),
    ),
    Row(
        18,
        "no message-id: `missing-attribute`",
        _no_message_id,
        "only where base:1.1 is offered; a Junos does without it otherwise",
    ),
    Row(19, "attributes of rpc come back, up to 100", _attributes),
    Row(
        20,
        "an unknown operation",
        goes_on(b"<rpc><frob/></rpc>", "<bad-element>frob</bad-element>"),
        '`operation-failed` with "syntax error" and the element, as Junos says it',
    ),
    Row(
        21,
        "no operation, two operations",
        together(
            goes_on(b"<rpc/>", "exactly one operation"),
            goes_on(f"<rpc>{WHO}{WHO}</rpc>".encode(), "exactly one operation"),
        ),
    ),
    Row(
        22,
        "XML that is not well-formed: `malformed-message`, session goes on",
        goes_on(b"<rpc><a></rpc>", "malformed-message"),
    ),
    Row(
        23,
        "a document type: refused, nothing expanded",
        goes_on(_entities('<!ENTITY a "b">'), "malformed-message"),
    ),
    Row(24, "entities that grow", goes_on(_entities(_LAUGHS), "malformed-message")),
    Row(25, "an external entity: no file is read", _no_file_is_read),
    Row(
        26,
        "200 levels, 100 attributes: more is refused",
        together(
            goes_on(b"<rpc>" + b"<a>" * 300 + b"</a>" * 300 + b"</rpc>", "rpc-error"),
            goes_on(
                b"<rpc %b>%b</rpc>" % (b" ".join(b'a%d="1"' % n for n in range(150)), WHO.encode()),
                "too-big",
            ),
        ),
    ),
    Row(
        27,
        "octets that are not UTF-8, NUL",
        together(
            goes_on(b"<rpc>\xff\xfe</rpc>", "malformed-message"),
            goes_on(b"<rpc>\0</rpc>", "malformed-message"),
        ),
    ),
    Row(28, "close-session: answered, locks go, nothing after it is done", _nothing_after_close),
    Row(29, "the end of input behind a request: still answered", _end_behind_a_request),
    Row(30, "kill-session of oneself, of nobody, of no number: `invalid-value`", _kill_nobody),
    Row(31, "kill-session: lock and unconfirmed commit of the other go", _kill),
    Row(
        32,
        "lock what is free",
        together(says((LOCK, "<ok/>"), (UNLOCK, "<ok/>")), says((LOCK_RUNNING, "<ok/>"))),
    ),
    Row(33, "lock what another has: `lock-denied` and its session-id", _denied_by_number),
    Row(34, "lock what one has", says((LOCK, "<ok/>"), (LOCK, "lock-denied"))),
    Row(
        35,
        "lock a candidate with changes",
        two((0, A, "<ok/>"), (1, LOCK, "configuration database modified")),
    ),
    Row(
        36,
        "lock running while another's confirmed commit is pending",
        two((0, A, "<ok/>"), (0, CONFIRMED.format(600), "<ok/>"), (1, LOCK_RUNNING, "lock-denied")),
    ),
    Row(37, "unlock what one does not have", says((UNLOCK, "operation-failed"))),
    Row(
        38,
        "edit and discard what another has locked",
        two((0, LOCK, "<ok/>"), (1, A, "locked by"), (1, DISCARD, "locked by")),
    ),
    Row(
        39,
        "commit what another has locked: `in-use`",
        two((0, LOCK, "<ok/>"), (1, COMMIT, "lock-denied")),
        "`lock-denied` with the holder",
    ),
    Row(
        40,
        "unlock: what was not committed is discarded",
        says((LOCK, "<ok/>"), (A, "<ok/>"), (UNLOCK, "<ok/>"), (COMPARE, "!a.example")),
    ),
    Row(41, "a connection that breaks: lock and changes go", _drop),
    Row(42, "a connection that breaks in a commit: all of it or nothing", _drop_in_a_commit),
    Row(
        43,
        "partial-lock",
        says(("<partial-lock><select>/</select></partial-lock>", "rpc-error")),
        "not offered, refused",
    ),
    Row(
        44,
        "get-config: subtrees, content match",
        says(
            (_FILTERED.format(_GROUP.format("<name>G1</name>")), "<name>G1</name>"),
            (_FILTERED.format(_GROUP.format("<name>G1</name>")), "!<name>G2</name>"),
            (_FILTERED.format(_GROUP.format("<name>G9</name>")), "!group-id"),
        ),
    ),
    Row(
        45,
        "an empty filter, a filter that matches nothing",
        together(
            says((_FILTERED.format(""), "!system")),
            says((_FILTERED.format(""), "<data/>"), device=COMPLIANT),
        ),
        "an empty `configuration` in `data`, unless `rfc-compliant`",
    ),
    Row(
        46,
        "get-config of an unknown datastore",
        says(
            (
                "<get-config><source><startup/></source></get-config>",
                "<bad-element>startup</bad-element>",
            )
        ),
    ),
    Row(
        47,
        "edit-config: merge, replace, create, delete, remove, none",
        says(
            (domain("a.example", "create"), "<ok/>"),
            (domain("b.example", "create"), "data-exists"),
            (domain("b.example", "replace"), "<ok/>"),
            (domain("b.example", "merge"), "<ok/>"),
            (domain("b.example", "delete"), "<ok/>"),
            (domain("b.example", "delete"), "data-missing"),
            (domain("b.example", "remove"), "<ok/>"),
            (edit("<system/>", "<default-operation>none</default-operation>"), "<ok/>"),
            (COMPARE, "!example"),
        ),
    ),
    Row(
        48,
        "edit-config: a bad operation",
        says((domain("a.example", "frob"), "rpc-error"), (COMPARE, "!a.example")),
    ),
    Row(
        49,
        "default-operation, error-option",
        says(
            (
                edit(
                    "<system><domain-name>a.example</domain-name><frob/></system>",
                    "<error-option>rollback-on-error</error-option>",
                ),
                "rpc-error",
            ),
            (COMPARE, "!a.example"),
            (
                edit(
                    "<system><domain-name>a.example</domain-name><frob/></system>",
                    "<error-option>continue-on-error</error-option>",
                ),
                "rpc-error",
            ),
            (COMPARE, "a.example"),
        ),
        "`stop-on-error` keeps nothing either",
    ),
    Row(
        50,
        "test-option: test-then-set, set, test-only",
        says(
            (
                edit(
                    "<system><domain-name>a.example</domain-name></system>",
                    "<test-option>test-only</test-option>",
                ),
                "<ok/>",
            ),
            (COMPARE, "!a.example"),
            (
                edit(
                    "<system><domain-name>a.example</domain-name></system>",
                    "<test-option>test-then-set</test-option>",
                ),
                "<ok/>",
            ),
            (COMPARE, "a.example"),
        ),
    ),
    Row(51, "edit-config of running", says((A.replace("candidate", "running"), "invalid-value"))),
    Row(
        52,
        "delete-config of running",
        says(
            ("<delete-config><target><running/></target></delete-config>", "invalid-value"),
            ("<delete-config><target><candidate/></target></delete-config>", "<ok/>"),
        ),
    ),
    Row(
        53,
        "load-configuration: six actions, four formats, marks",
        says(
            (set_lines("set system domain-name s.example"), _LOADED_SET),
            (load("configuration-text", "system { domain-name t.example; }", "merge"), _LOADED),
            (load("configuration-json", _JSON, "merge"), _LOADED),
            (load("configuration", _XML, "replace"), _LOADED),
            (COMPARE, "x.example"),
            (load("configuration-text", _WHOLE, "update"), _LOADED),
            (load("configuration-text", _WHOLE, "override"), _LOADED),
            (COMPARE, "-  security"),
            (load("configuration-text", _MARKS, "replace"), _LOADED),
            (load("configuration-patch", _PATCH, "patch"), _LOADED),
            ('<get-configuration format="text"/>', "inactive: time-zone UTC"),
        ),
    ),
    Row(
        54,
        "a load with an error: named and counted; lines before it stay",
        says(
            (
                set_lines("set system domain-name a.example", "set system frob"),
                "<load-error-count>1</load-error-count>",
            ),
            (COMPARE, "a.example"),
            (WHO, "hub-0"),
        ),
    ),
    Row(
        55,
        "delete what is not there: a warning, and ok",
        says(
            (set_lines("delete system domain-name"), "statement not found"),
            (set_lines("delete system domain-name"), "<ok/>"),
        ),
    ),
    Row(
        56,
        "validate and commit check say what a commit would, and change nothing",
        says(
            (_INVALID, _LOADED_SET),
            ("<validate><source><candidate/></source></validate>", "Group id must be unique"),
            ("<commit-configuration><check/></commit-configuration>", "Group id must be unique"),
            (DISCARD, "<ok/>"),
            (A, "<ok/>"),
            ("<commit-configuration><check/></commit-configuration>", "<ok/>"),
            (RUNNING, "!a.example"),
        ),
    ),
    Row(
        57,
        "a commit of what is invalid: all that is wrong; nothing changes",
        says(
            (_INVALID, _LOADED_SET),
            (COMMIT, "Group id must be unique"),
            (COMMIT, "nobody"),
            (COMPARE, "G3"),
            (RUNNING, "hub-0"),
        ),
    ),
    Row(58, "a commit: in force, one back is what was before, in the history, durable", _restart),
    Row(59, "a confirmed commit that nobody confirms goes back in time", _goes_back),
    Row(60, "a second confirmed commit: the time anew, the first's base", _first_base),
    Row(
        61,
        "a confirmed commit and the end of its session: back at once",
        _ends_unconfirmed,
        "`commit` does so; `commit-configuration` waits for its time, as on Junos",
    ),
    Row(
        62,
        "persist, persist-id, cancel-commit",
        says(
            (A, "<ok/>"),
            (
                "<commit><confirmed/><persist>x</persist></commit>",
                "<bad-element>persist</bad-element>",
            ),
            ("<cancel-commit/>", "rpc-error"),
            (RUNNING, "!a.example"),
        ),
        "Junos offers confirmed-commit:1.0, which has none of them: refused",
    ),
    Row(
        63,
        "another's commit while one is pending: `in-use`",
        two(
            (0, A, "<ok/>"),
            (0, CONFIRMED.format(600), "<ok/>"),
            (1, COMMIT, "in-use"),
            (1, RUNNING, "a.example"),
        ),
        "`commit-configuration` confirms it, as on Junos",
    ),
    Row(64, "a restart while one is pending: taken back", _restart_unconfirmed),
    Row(65, "killed in the middle of a commit: the old or the new", _killed),
    Row(66, "rollback 0 to 49, and no further", _fifty),
    Row(
        67,
        "compare with a rollback, as text and as XML",
        says(
            (A, "<ok/>"),
            (COMPARE, "+  domain-name a.example;"),
            (COMPARE.replace("text", "xml"), "a.example</domain-name>"),
        ),
    ),
    Row(
        68,
        "a private candidate: nobody sees it, a commit merges, closing discards",
        two(
            (0, _OPEN.format("private"), "!error-severity>error"),
            (1, _OPEN.format("private"), "!error-severity>error"),
            (0, set_lines("set system domain-name a.example"), _LOADED_SET),
            (1, COMPARE, "!a.example"),
            (1, set_lines("set system time-zone UTC"), _LOADED_SET),
            (1, "<commit-configuration/>", "<ok/>"),
            (0, "<commit-configuration/>", "<ok/>"),
            (0, set_lines("set system domain-name b.example"), _LOADED_SET),
            (0, _SHUT, "!rpc-error"),
            (1, RUNNING, "a.example"),
            (1, RUNNING, "UTC"),
        ),
    ),
    Row(
        69,
        "private beside exclusive: refused",
        two(
            (0, _OPEN.format("exclusive"), "!error-severity>error"),
            (1, _OPEN.format("private"), "rpc-error"),
        ),
    ),
    Row(
        70,
        "get-schema, with-defaults",
        says(
            ("<get-schema><identifier>x</identifier></get-schema>", "rpc-error"),
            (
                "<get-config><source><running/></source><with-defaults>trim</with-defaults></get-config>",
                "<bad-element>with-defaults</bad-element>",
            ),
        ),
        "not offered, refused",
    ),
    Row(
        71,
        "create-subscription",
        says(("<create-subscription/>", "rpc-error")),
        "not offered, refused",
    ),
    Row(
        72,
        "limits: `connection-limit`, ten sessions a connection, three passwords",
        together(_too_many, _eleven_sessions, _four_passwords),
    ),
)


def table() -> str:
    """The rows for docs/netconf.md."""
    lines = ["| | behaviour | here |", "|---|---|---|"]
    lines += [f"| {row.number} | {row.behaviour} | {row.here} |" for row in ROWS]
    differing = sum(bool(row.why) for row in ROWS)
    head = f"{len(ROWS) - differing} of {len(ROWS)} pass as written, {differing} differ on purpose."
    return f"{head}\n\n" + "\n".join(lines) + "\n"


def inserted(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(FINISH)
    return f"{before}{BEGIN}{table()}{FINISH}{after}"


if __name__ == "__main__":
    PAGE.write_text(inserted(PAGE.read_text()))
