# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Octets to XML, hellos, and what a carrier that is not ours says of failures."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    GroupVpnError,
    MalformedReply,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.hello import capabilities
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import (
    NetcommonRpc,
    SessionRpc,
    refuse_errors,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.trouble import explain
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import (
    clean,
    parse_document,
)
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&]\ufffe\uffff"),
    max_size=40,
)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(text=_TEXT, cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_what_is_well_formed_is_left_as_it_is_however_it_is_cut(text, cuts):
    document = f'<a xmlns="urn:a"><!-- c --><b at="{text.replace(chr(34), "")}">{text}</b></a>'
    cleaned = b"".join(clean(in_pieces(document.encode(), cuts)))
    assert cleaned == document.encode()


@given(cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_odd_octets_are_put_right_however_they_are_cut(cuts):
    document = (
        b'<?xml version="1.0" encoding="us-ascii"?><a xmlns="u" xmlns:j="v" xmlns="u" xmlns:j="v">'
        b"<b>x\x00y\x1f&#x1B;&#8;&#38;</b><c>Z\xfcrich</c><d>Z\xc3\xbcrich</d></a>"
    )
    root = etree.fromstring(b"".join(clean(in_pieces(document, cuts))))
    texts = [child.text for child in root]
    assert texts == ["x\ufffdy\ufffd\ufffd\ufffd&", "Zürich", "Zürich"]


ENGINE = b"<routing-engine><name>node1</name><commit-check-success/>"


@pytest.mark.parametrize(
    "document",
    [
        b"<r><commit-results>" + ENGINE + b"</commit-results><ok/></r>",
        b"<r><commit-results>" + ENGINE + b"<ok/></commit-results></r>",
        b"<r><commit-results>" + ENGINE + b"<ok/></r>",
        b"<r>" + ENGINE + b"<ok/></r>",
        b"<r>" + ENGINE + ENGINE + b"</routing-engine><ok/></r>",
        b'<n:r xmlns:n="u"><commit-results>' + ENGINE + b"</commit-results><n:ok/></n:r>",
    ],
)
def test_a_routing_engine_that_is_not_closed_is_closed(document):
    root = parse_document(document)
    assert [e.text for e in root.iter("name")] == ["node1"] * document.count(b"<name>")
    assert next(root.iter("{*}ok"), None) is not None


@pytest.mark.parametrize(
    "document",
    [
        b"<r><commit-results><routing-engine><name>re0</name>",
        b"<r><configuration><group><name>G1</configuration></r>",
        b"<r><group></groups></r>",
        b"<r/><r/>",
        b"plain text",
    ],
)
def test_what_breaks_off_or_does_not_fit_is_refused(document):
    with pytest.raises(MalformedReply):
        parse_document(document)


HELLO = (
    b"<hello%s><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
    b"</capabilities><session-id>1</session-id></hello>"
)


@pytest.mark.parametrize(
    "message",
    [
        HELLO % b"",
        HELLO % b' xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"',
        b"<!-- user netops, class j-super-user -->\n" + HELLO % b"",
        b"Last failed login: error in the machine room\n" + HELLO % b"",
        (HELLO % b' xmlns:nc="u"').replace(b"<", b"<nc:").replace(b"<nc:/", b"</nc:"),
    ],
)
def test_a_hello_is_found_behind_what_stands_before_it(message):
    assert capabilities(message) == {"urn:ietf:params:netconf:base:1.0"}


def test_sentences_before_a_hello_are_the_devices_refusal():
    for before in (
        b'warning: user "ops" has no access privileges.\n\nerror: Restricted user session.\n',
        b"<rpc-reply><rpc-error><error-severity>error</error-severity><error-message>\nRestricted "
        b"user session.\n</error-message></rpc-error></rpc-reply>",
    ):
        for message in (before, before + HELLO % b""):
            with pytest.raises(DeviceError, match="Restricted user session"):
                capabilities(message)
    with pytest.raises(MalformedReply, match="does not begin with a NETCONF hello"):
        capabilities(b"Welcome to this router\n")


def test_the_clis_errors_in_a_result_are_errors():
    for reply, words in (
        ("<r><output>error: the group-vpn subsystem is not running</output></r>", "not running"),
        (
            "<r><load-configuration-results><load-error-count>3</load-error-count></load-configuration"
            "-results></r>",
            "3 errors",
        ),
    ):
        with pytest.raises(DeviceError, match=words):
            refuse_errors("read", etree.fromstring(reply))
    refuse_errors("read", etree.fromstring("<r><output>Errors: 0</output></r>"))


class _Failure(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (_Failure("Method not found", -32601), GroupVpnError, "set ansible_connection to"),
        (
            _Failure("ncclient timed out while waiting for an rpc reply.", -32603),
            TransportFailure,
            "timed out",
        ),
        (
            _Failure("<rpc-error><error-message>no</error-message></rpc-error>", -32603),
            DeviceError,
            "no",
        ),
        (_Failure("socket path does not exist", 1), TransportFailure, "socket path"),
    ],
)
def test_another_carriers_failures_are_told_from_the_devices_words(failure, kind, words):
    def dispatch(request: str) -> str:
        raise failure

    with pytest.raises(GroupVpnError, match=words) as raised:
        NetcommonRpc(dispatch, "hub-1").call("commit", etree.Element("commit-configuration"))
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("ssh: Could not resolve hostname hub: Name or service not known", "the name is unknown"),
        (
            "No ED25519 host key is known for h and you have requested strict checking.\nHost "
            "key verification failed.",
            "the host key is not known",
        ),
        ("ssh: connect to host h port 830: No route to host", "there is no way to it"),
        (
            "Unable to negotiate with 192.0.2.1 port 830: no matching key exchange method. Their "
            "offer: diffie-hellman-group1-sha1",
            "no algorithm in common",
        ),
        ('Load key "/k": Permission denied\nops@h: Permission denied (publickey).', "private key"),
        ("ops@h: Permission denied (publickey,password).", "authentication failed"),
        ("kex_exchange_identification: Connection reset by peer", "ended the connection"),
        ("subsystem request failed on channel 0", "no NETCONF subsystem"),
        ("command-line: line 0: Bad configuration option: foo", "refuses its configuration"),
    ],
)
def test_a_cause_fits_what_was_said(said, cause):
    message = explain("h:830", "connect", EOFError(), said)
    assert cause in message
    assert message.startswith("h:830: connect: ")
    assert said.splitlines()[0].split(":")[-1].strip() in message


class _Session:
    """A session that answers, or one that an earlier task left and that has ended since."""

    target = SimpleNamespace(rpc_timeout=1.0)

    def __init__(self, ended: bool) -> None:
        self.resumed = self.ended = ended
        self.asked = 0

    def request(self, message: str):
        self.asked += 1
        if self.ended:
            raise ConnectionResetError("reset by peer")
        yield b"<rpc-reply><ok/></rpc-reply>"

    def close(self) -> None:
        self.resumed = False

    def complaint(self) -> str:
        return ""


@pytest.mark.parametrize(("operation", "again"), [("get-configuration", 1), ("lock", 0)])
def test_over_a_session_that_ended_unnoticed_only_a_reading_is_asked_again(operation, again):
    other = _Session(ended=False)
    rpc = SessionRpc(_Session(ended=True), lambda: other)
    if again:
        rpc.call("read", etree.Element(operation))
    else:
        with pytest.raises(TransportFailure):
            rpc.call("lock", etree.Element(operation))
    assert other.asked == again


def test_a_connection_that_breaks_later_is_not_asked_again():
    session, other = _Session(ended=False), _Session(ended=False)
    rpc = SessionRpc(session, lambda: other)
    rpc.call("read", etree.Element("get-configuration"))
    session.ended = session.resumed = True
    with pytest.raises(TransportFailure):
        rpc.call("read", etree.Element("get-configuration"))
    assert other.asked == 0


def test_another_session_that_cannot_be_opened_says_why_in_its_own_words():
    def reopen():
        raise TransportFailure("hub-1:830: connect: nothing listens there; check ansible_host")

    rpc = SessionRpc(_Session(ended=True), reopen)
    with pytest.raises(TransportFailure) as raised:
        rpc.call("read", etree.Element("get-configuration"))
    assert str(raised.value) == "hub-1:830: connect: nothing listens there; check ansible_host"
