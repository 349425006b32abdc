# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF sessions as fuzz targets: framing, arguments, filters, loads, edits, command lines.

Whatever comes, the answer is a reply that can be read, nothing goes wrong within, and the session
goes on; only broken framing may end it.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.sax.saxutils import escape

from lxml import etree

from keyserver.netconf.reply import xml_text
from tests.keyserver.console import BASE_1_0, BASE_1_1, END, Console, Session

REQUESTS_A_DEVICE = 500
"""Then a new one takes its place: what was committed would make every later input slower."""


class Bench:
    """Devices that take one input each after the other, with a new session for every one."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._left = 0

    def session(self, *bases: str) -> Session:
        """A session on a device; what goes wrong within it is raised."""
        if not self._left:
            self._left = REQUESTS_A_DEVICE
            self._console = Console()
            if self._settings:
                first = self._console.session()
                first.set(*self._settings)
                first.commit()
                first.end()
        self._left -= 1
        session = self._console.session(*bases)
        session.netconf.fault = _raise
        return session


def _raise(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


PLAIN = Bench()
CHUNKED = Bench(
    "set system services netconf rfc-compliant", "set system services netconf version-1.1"
)


def _ask(session: Session, operation: str) -> None:
    answer = session.raw(f'<rpc message-id="1">{operation}</rpc>'.encode("utf-8", "replace"))
    if not answer.endswith(END):
        raise AssertionError(f"{operation!r} had no answer: {answer!r}")
    for one in answer.split(END)[:-1]:
        # What ends a session stands behind its last reply.
        etree.fromstring(one)


def _goes_on(session: Session) -> None:
    if not session.netconf.closing:
        for form in ("xml", "text", "set", "json"):
            _ask(session, f'<get-configuration format="{form}"/>')
        _ask(session, '<get-configuration compare="rollback" format="text"/>')
    session.end()


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _framing(octets: bytes) -> None:
    chunked = bool(octets) and octets[0] % 2 == 1
    session = (CHUNKED if chunked else PLAIN).session(*([BASE_1_0, BASE_1_1][: 1 + chunked]))
    for at in range(0, len(octets[1:]), 7):
        session.netconf.receive(octets[1:][at : at + 7], 0.0)
    session.end()


def _rpc(octets: bytes) -> None:
    session = PLAIN.session()
    session.raw(b'<rpc message-id="1">' + octets.replace(END, b"") + b"</rpc>")
    _goes_on(session)


def _filter(octets: bytes) -> None:
    session = PLAIN.session()
    for begin, end in (
        ("<get-configuration>", "</get-configuration>"),
        ("<get-config><source><running/></source><filter>", "</filter></get-config>"),
    ):
        session.raw(
            f'<rpc message-id="1">{begin}'.encode()
            + octets.replace(END, b"")
            + f"{end}</rpc>".encode()
        )
    _goes_on(session)


_LOADS = (
    ("set", "configuration-set"),
    ("merge", "configuration-text"),
    ("override", "configuration-text"),
    ("update", "configuration-json"),
    ("merge", "configuration-json"),
    ("patch", "configuration-patch"),
    ("replace", "configuration-text"),
)


def _load(octets: bytes) -> None:
    action, wrapper = _LOADS[(octets or b"\0")[0] % len(_LOADS)]
    session = PLAIN.session()
    text = escape(xml_text(_text(octets[1:])))
    _ask(
        session,
        f'<load-configuration action="{action}"><{wrapper}>{text}</{wrapper}></load-configuration>',
    )
    _ask(session, "<commit-configuration><check/></commit-configuration>")
    _goes_on(session)


def _edit(octets: bytes) -> None:
    session = PLAIN.session()
    session.raw(
        b'<rpc message-id="1"><edit-config><target><candidate/></target><config><configuration>'
        + octets.replace(END, b"")
        + b"</configuration></config></edit-config></rpc>"
    )
    _goes_on(session)


_COMMAND_FORMATS = ("text", "xml", "json", "set", "ascii")


def _command(octets: bytes) -> None:
    form = _COMMAND_FORMATS[(octets or b"\0")[0] % len(_COMMAND_FORMATS)]
    session = PLAIN.session()
    line = escape(xml_text(_text(octets[1:])))
    _ask(session, f'<command format="{form}">{line}</command>')
    session.end()


SESSION_TARGETS: dict[str, Callable[[bytes], None]] = {
    "netconf-framing": _framing,
    "netconf-rpc": _rpc,
    "netconf-filter": _filter,
    "netconf-load": _load,
    "netconf-edit": _edit,
    "netconf-command": _command,
}
