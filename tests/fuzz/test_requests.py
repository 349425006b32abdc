# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests against damage: framing, arguments, filters, every load format, command lines.

Whatever comes, the answer is a reply, nothing goes wrong within, and the session goes on.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from keyserver.netconf.rpcs.configuration import COMMITS, CONFIGURATION_RPCS, HOLDING_RPCS
from tests.keyserver.console import BASE_1_0, BASE_1_1, END, Console, Session

WORDS = [
    "configuration",
    "security",
    "group-vpn",
    "server",
    "group",
    "name",
    "G1",
    "group-id",
    "1",
    "ike",
    "gateway",
    "gm-1",
    "ike-policy",
    "address",
    "system",
    "host-name",
    "services",
    "netconf",
    "ssh",
    "interfaces",
    "groups",
    "apply-groups",
    "inactive:",
    "protect:",
    "replace:",
    "delete:",
    "target",
    "candidate",
    "running",
    "source",
    "filter",
    "config",
    "config-text",
    "configuration-text",
    "configuration-set",
    "configuration-json",
    "rollback",
    "compare",
    "detail",
    "level",
    "brief",
    "peer-address",
    "format",
    "text",
    "set",
    "json",
    "xml",
    "action",
    "merge",
    "override",
    "update",
    "patch",
    "private",
    "exclusive",
    "confirmed",
    "confirm-timeout",
    "check",
    "log",
    "default-operation",
    "test-option",
    "error-option",
]
ODD = (
    "",
    "0",
    "-1",
    "²",
    "1e3",
    "9" * 5000,
    "{",
    "}",
    "[",
    '"',
    "/* ",
    "#",
    "\\",
    "*",
    "\u20ac",
    "a b",
)
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
)
NAMES = st.sampled_from([w for w in WORDS if w.isascii() and w.replace("-", "").isalpha()])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            "format",
            "action",
            "database",
            "compare",
            "rollback",
            "inherit",
            "changed",
            "operation",
            "inactive",
            "insert",
            "rename",
            "protect",
            "delete",
            "replace",
            "name",
            "before",
            "select",
            "type",
        ]
    ),
    TEXTS,
    max_size=2,
)


def _element(name: str, attributes: dict[str, str], inner: str) -> str:
    said = "".join(f' {key}="{escape(v, {chr(34): "&quot;"})}"' for key, v in attributes.items())
    return f"<{name}{said}>{inner}</{name}>"


TREES = st.recursive(
    TEXTS.map(escape),
    lambda inner: st.lists(
        st.builds(_element, NAMES, ATTRIBUTES, inner), min_size=1, max_size=3
    ).map("".join),
    max_leaves=12,
)
OPERATIONS = st.sampled_from(
    [
        *CONFIGURATION_RPCS,
        *HOLDING_RPCS,
        *COMMITS,
        *Console().device.rpcs,
        "command",
        "kill-session",
        "no-such-operation",
    ]
)
REQUESTS = st.builds(_element, OPERATIONS, ATTRIBUTES, TREES)

VERBS = (
    "set",
    "delete",
    "activate",
    "deactivate",
    "rename",
    "insert",
    "protect",
    "edit",
)
LINES = st.lists(TEXTS, min_size=1, max_size=8).map(" ".join)
LOADS = st.one_of(
    st.lists(
        st.tuples(
            st.sampled_from(VERBS),
            LINES,
        ).map(" ".join),
        max_size=5,
    ).map(lambda lines: ("set", "configuration-set", "\n".join(lines))),
    st.lists(st.one_of(TEXTS, st.sampled_from([" { ", " } ", ";\n", " ["])), max_size=25).map(
        lambda parts: ("merge", "configuration-text", " ".join(parts))
    ),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.one_of(NAMES, st.sampled_from(["@", "data", "@a"])), inner, max_size=3
            ),
        ),
        max_leaves=15,
    ).map(lambda value: ("merge", "configuration-json", _json(value))),
    LINES.map(lambda text: ("patch", "configuration-patch", f"[edit {text}]\n+  {text};\n- a;\n")),
)


def _json(value: object) -> str:
    import json

    return json.dumps({"configuration": value})


class Watched:
    """A session whose faults are kept."""

    def __init__(self) -> None:
        self.console = Console()
        self.session = Session(self.console, (BASE_1_0,))
        self.faults: list[Exception] = []
        self.session.netconf.fault = lambda what, error: self.faults.append(error)

    def ask(self, operation: str) -> None:
        answer = self.session.raw(f'<rpc message-id="1">{operation}</rpc>'.encode())
        for fault in self.faults:
            raise fault
        assert answer.endswith(END)
        etree.fromstring(answer.removesuffix(END))
        assert not self.session.netconf.closing

    def still_lives(self) -> None:
        self.ask("<get-system-information/>")
        self.ask('<get-configuration format="xml"/>')


@settings(max_examples=250, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=4))
def test_any_request_has_an_answer(requests):
    watched = Watched()
    for request in requests:
        watched.ask(request)
    watched.still_lives()


@settings(max_examples=250, deadline=None)
@given(LOADS)
def test_any_load_has_an_answer_and_what_it_left_can_be_shown(load):
    action, wrapper, text = load
    watched = Watched()
    watched.ask(
        f'<load-configuration action="{action}"><{wrapper}>{escape(text)}</{wrapper}>'
        "</load-configuration>"
    )
    for form in ("text", "set", "json"):
        watched.ask(f'<get-configuration format="{form}"/>')
    watched.ask('<get-configuration compare="rollback" format="text"/>')
    watched.ask("<commit-configuration/>")
    watched.still_lives()


@settings(max_examples=250, deadline=None)
@given(LINES, st.sampled_from(["", "show ", "show configuration ", "show version | "]))
def test_any_command_line_has_an_answer(line, begin):
    watched = Watched()
    watched.ask(f"<command>{escape(begin + line)}</command>")
    watched.still_lives()


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"\n#", b"\n##\n", b"\n#3\n<a>", b"]]>]]>", b"<rpc>", b"</rpc>"]),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_any_octets_are_answered_or_end_the_session(pieces, chunked):
    console = Console()
    session = console.session(BASE_1_0)
    faults = []
    session.netconf.fault = lambda what, error: faults.append(error)
    if chunked:
        lines = ("rfc-compliant", "version-1.1")
        session.set(*(f"set system services netconf {line}" for line in lines))
        session.commit()
        session = console.session(BASE_1_0, BASE_1_1)
    for piece in pieces:
        session.netconf.receive(piece, console.now)
    session.end()
    assert faults == []
    assert console.device.sessions.keys() <= {session.netconf.holder.session_id - 1}
