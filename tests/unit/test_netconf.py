# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Octets to XML, hellos, and what a carrier that is not ours says of failures."""

from __future__ import annotations

import itertools
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    GroupVpnError,
    MalformedReply,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import login_values
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.hello import capabilities
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import (
    NetcommonRpc,
    SessionRpc,
    looks,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.trouble import explain
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.verdict import (
    messages,
    refuse_errors,
    says_done,
    silent_engines,
    warnings,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import (
    clean,
    parse_document,
    seconds_in,
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


@pytest.mark.parametrize(
    ("patience", "times"),
    [
        (0, [0]),
        (7, [0, 0.1, 0.4, 1.4, 3.4, 7]),
        (1000, [0, 0.1, 0.4, 1.4, *range(3, 999, 5), 1000]),
    ],
)
def test_who_asks_again_does_so_until_patience_is_over(monkeypatch, patience, times):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.append(now.pop() + seconds))
    found = [now[0] for _look in looks(SimpleNamespace(patience=patience))]
    assert found == pytest.approx(times, abs=0.5)
    assert found[-1] == patience


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


@pytest.mark.parametrize(
    "document",
    [
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a x="1"><b>t\xe9xt</b></a>',
        b'<?xml version="1.0" encoding="us-ascii"?><a>\xc3\xa9</a>',
        b'<?xml version="1.0" encoding="utf-16"?><a>x</a>',
        b'<?xml version="1.0" encoding="bogus"?><a>x</a>',
        b'<?xml version="1.1"?><a>&#1;\x85</a>',
        b' <?xml version="1.0"?><a/>',
        b'<a xmlns:j="x" xmlns:j="y" j:k="1">\x0b&#x1f;</a>',
        b"<a>\xed\xa0\x80\xc3\xa9\xc0\x80</a>\n",
    ],
)
def test_a_document_read_whole_is_what_the_same_document_is_as_a_stream(document):
    as_stream = etree.fromstring(b"".join(clean([document])).strip())
    assert etree.tostring(parse_document(document)) == etree.tostring(as_stream)


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


def test_of_two_hellos_in_one_message_the_first_counts():
    first, second = (
        f"<hello><capabilities><capability>{one}</capability></capabilities></hello>".encode()
        for one in ("urn:a", "urn:b")
    )
    assert capabilities(first + b"\n" + second) == {"urn:a"}


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (b"<r><xnm:error><message>no</message></xnm:error></r>", ["no"]),
        (b"<r><xnm:error/></r>", ["unspecified error"]),
        (b"<nc:r><nc:rpc-error><error-message>no</error-message></nc:rpc-error></nc:r>", ["no"]),
        (b"<r><e><ok/><routing-engine><a junos:style='b'/></e></r>", []),
        (b"<r xmlns:junos='urn:j'><name junos:a='1' q:b='2'>a:b=</name></r>", []),
    ],
)
def test_a_prefix_that_nobody_declares_hides_nothing(document, shown):
    reply = parse_document(document)
    assert [message.message for message in messages(reply)] == shown


def test_an_instruction_within_a_value_does_not_cut_it():
    (value,) = parse_document(b"<r><name>a<?junos x?>b</name></r>")
    assert value.text == "ab"


def test_a_time_is_that_of_the_attribute_that_tells_it():
    stamp = parse_document(b"<at xmlns:j='urn:j' format='7' j:seconds='9'>now</at>")
    assert seconds_in(stamp) == 9


@pytest.mark.parametrize("document", [b"<r><xnm:error></r>", b"<r><a:b c:d='1'", b"a:b='1'"])
def test_what_breaks_off_is_refused_whatever_its_prefixes(document):
    with pytest.raises(MalformedReply):
        parse_document(document)


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


XNM = 'xmlns:x="http://xml.juniper.net/xnm/1.1/xnm"'


def test_the_clis_errors_in_a_result_are_errors():
    for reply, words in (
        ("<r><output>error: the group-vpn subsystem is not running</output></r>", "not running"),
        ("<r><output>node0:\n----\nError: out of space</output><ok/></r>", "out of space"),
        (
            "<r><output><line>node0:</line>\n<line>error: out of space</line></output></r>",
            "of space",
        ),
        ("<r><ok/><error>out of space</error></r>", "out of space"),
        (f"<r><ok/><x:error {XNM}><reason>out of space</reason></x:error></r>", "out of space"),
        (f"<r><ok/><x:error {XNM}/></r>", "unspecified error"),
        (
            "<r><load-configuration-results><load-error-count>3</load-error-count></load-configuration"
            "-results></r>",
            "does not name: 3",
        ),
        ("<r><ok/><load-error-count>1</load-error-count></r>", "does not name: 1"),
    ):
        with pytest.raises(DeviceError, match=words) as raised:
            refuse_errors("read", etree.fromstring(reply))
        assert raised.value.done is ("<ok/>" in reply)
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
        (_Failure("socket path does not exist", 1), TransportFailure, "socket path.*exist$"),
        (
            _Failure("Not connected to NETCONF server", -32603),
            TransportFailure,
            "the device has ended the session that the tasks of a run share, .*; run the playbook",
        ),
    ],
)
def test_another_carriers_failures_are_told_from_the_devices_words(failure, kind, words):
    def dispatch(request: str) -> str:
        raise failure

    with pytest.raises(GroupVpnError, match=words) as raised:
        NetcommonRpc(dispatch, "hub-1").call("commit", etree.Element("commit-configuration"))
    assert type(raised.value) is kind


def test_a_lone_warning_that_another_carrier_raises_is_of_something_done():
    warning = "<rpc-error><error-severity>warning</error-severity><error-message>w</error-message>"

    def dispatch(request: str) -> str:
        raise _Failure(f"<?xml version='1.0' encoding='UTF-8'?>{warning}</rpc-error>", -32603)

    reply = NetcommonRpc(dispatch, "hub-1").call("load", etree.Element("load-configuration"))
    assert says_done(reply)
    assert warnings(reply) == ["w"]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("ssh: Could not resolve hostname hub: Name or service not known", "the name is unknown"),
        (
            "No ED25519 host key is known for h and you have requested strict checking.\nHost "
            "key verification failed.",
            "the host key is not known",
        ),
        ("ssh: connect to host h port 830: No route to host", "no route leads to it"),
        (
            "Unable to negotiate with 192.0.2.1 port 830: no matching key exchange method. Their "
            "offer: diffie-hellman-group1-sha1",
            "no algorithm in common",
        ),
        ('Load key "/k": Permission denied\nops@h: Permission denied (publickey).', "private key"),
        ("ops@h: Permission denied (publickey,password).", "authentication failed"),
        ("kex_exchange_identification: Connection reset by peer", "ended the connection"),
        ("Received disconnect from h: 2: Too many authentication failures", "authentication"),
        ("channel 0: open failed: connect failed: full", "opens no session"),
        ("subsystem request failed on channel 0", "no NETCONF subsystem"),
        ("command-line: line 0: Bad configuration option: foo", "refuses its configuration"),
        ("remote username contains invalid characters", "refuses what it was given"),
        ("command-line line 0: keyword x extra arguments at end", "refuses what it was given"),
    ],
)
def test_a_cause_fits_what_was_said(said, cause):
    message = explain("h:830", "connect", EOFError(), said)
    assert cause in message
    assert message.startswith("h:830: connect: ")
    assert said.splitlines()[0].split(":")[-1].strip() in message


@pytest.mark.parametrize(
    ("error", "said", "sentence"),
    [
        (
            ConnectionRefusedError(111, "Connection refused"),
            "",
            "nothing listens there ([Errno 111] Connection refused); check ansible_host and "
            "ansible_port, and 'set system services netconf ssh'",
        ),
        (
            EOFError(),
            "Warning: added\nops@h: Permission denied (password).\nbye",
            "authentication failed (ops@h: Permission denied (password).); check ansible_user and "
            "ansible_password or ansible_private_key_file",
        ),
        (
            EOFError(),
            "Warning: added\r\nchannel 0: open failed: connect failed: Connection timed out\r\n"
            "stdio forwarding failed\r\nConnection closed by UNKNOWN port 65535",
            "the jump host does not lead to the device (channel 0: open failed: connect failed: "
            "Connection timed out); check ansible_host and ansible_port as the jump host sees "
            "them, and whether it forwards",
        ),
        (
            TimeoutError("no hello within 10 s"),
            "",
            "it did not answer in time (no hello within 10 s); check reachability, or raise "
            "ansible_connect_timeout",
        ),
        (
            DeviceError("hello", ["no access privileges", "Restricted user session."]),
            "",
            "the device refuses this user (no access privileges Restricted user session.); give "
            "the user a login class that may use NETCONF, or check ansible_user",
        ),
        (
            MalformedReply("the device does not begin with a NETCONF hello"),
            "",
            "the device does not begin with a NETCONF hello; check ansible_port: NETCONF over SSH "
            "is at 830, or at 22",
        ),
        (
            TimeoutError("no hello within 10 s"),
            "first line\nlast line",
            "it did not answer in time (no hello within 10 s; last line); check reachability, or "
            "raise ansible_connect_timeout",
        ),
        (ValueError("odd"), "", "the connection failed (odd); -vvv shows how it was begun"),
        (ValueError(""), "", "the connection failed (ValueError); -vvv shows how it was begun"),
        (
            ValueError("odd"),
            "first line\nlast line",
            "the connection failed (last line); -vvv shows how it was begun",
        ),
    ],
)
def test_a_failed_connection_is_one_sentence_with_cause_and_remedy(error, said, sentence):
    assert explain("h:830", "connect", error, said) == f"h:830: connect: {sentence}"


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("<error-message>\n no\n way </error-message>", "no way"),
        ("<message>no</message>", "no"),
        ("<error-path>[edit a]</error-path><error-message>no</error-message>", "[edit a]: no"),
        ("<edit-path>[edit a]</edit-path><message>no</message>", "[edit a]: no"),
        (
            "<error-message>syntax error</error-message><error-info><bad-element>x</bad-element>"
            "</error-info>",
            "syntax error (x)",
        ),
        (
            "<error-message>x</error-message><error-info><bad-element>x</bad-element></error-info>",
            "x",
        ),
        ("<error-message>out <b>of</b> space</error-message>", "out of space"),
        ("", "unspecified error"),
    ],
)
@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_devices_message_is_shown_with_its_path_and_what_was_bad(fields, shown, severity):
    kind = f"<error-severity>{severity}</error-severity>"
    reply = etree.fromstring(f"<r><ok/><rpc-error>{kind}{fields}</rpc-error></r>")
    if severity == "warning":
        assert warnings(refuse_errors("read", reply)) == [shown]
        return
    with pytest.raises(DeviceError) as refused:
        refuse_errors("read", reply)
    assert refused.value.messages == [shown]
    assert str(refused.value) == f"read: {shown}"
    assert refused.value.done is True


def test_warnings_are_told_once_each_and_elements_of_a_configuration_are_none():
    text = "<r><warning><message>a</message></warning><x><warning><message>a</message></warning>"
    reply = etree.fromstring(f"{text}</x><error><name>n</name></error><output>fine</output></r>")
    assert warnings(refuse_errors("read", reply)) == ["a"]
    reply = etree.fromstring(
        "<r><warning>disk is full</warning><configuration><syslog><warning/><error>any</error>"
        "</syslog></configuration></r>"
    )
    assert warnings(refuse_errors("read", reply)) == ["disk is full"]


@pytest.mark.parametrize("count", ["0", "00", ""])
def test_a_load_that_counts_no_errors_has_none(count):
    reply = etree.fromstring(f"<r><load-error-count>{count}</load-error-count></r>")
    assert refuse_errors("load", reply) is reply


def test_a_document_that_ends_within_a_character_has_that_octet_as_latin_1():
    assert b"".join(clean([b"<a>x</a>", b"\xc3"])) == "<a>x</a>Ã".encode()


def test_what_is_complete_is_given_on_and_what_is_not_is_kept():
    given_on = [bytes(piece) for piece in clean([b"<a>12", b"3<b", b"/>4&#", b"27;5</a>"])]
    assert given_on == [b"<a>12", b"3", b"<b/>4", "\ufffd5</a>".encode()]


def test_a_reference_at_the_very_beginning_of_what_is_held_is_kept_whole():
    given_on = [bytes(piece) for piece in clean([b"<a>", b"&#", b"27;</a>"])]
    assert b"".join(given_on) == "<a>\ufffd</a>".encode()


@pytest.mark.parametrize("cut", [1, 2, 5, 11])
def test_a_tag_at_the_very_beginning_of_what_is_held_is_kept_whole(cut):
    tag = b'<a xmlns="u" xmlns="u">'
    assert (
        b"".join(clean([b"<r>", tag[:cut], tag[cut:], b"</a></r>"])) == b'<r><a xmlns="u"></a></r>'
    )


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


def test_a_session_of_ours_can_be_ended_and_its_lock_with_it():
    assert SessionRpc(_Session(ended=False)).end() is True


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


class _InOrder:
    """A session whose device answers each request with its name, and tells what it was sent."""

    target = SimpleNamespace(rpc_timeout=1.0)
    resumed = False

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.answers: list[bytes] = []

    def request(self, *messages: str):
        rpcs = [etree.fromstring(message) for message in messages]
        self.sent.append([etree.QName(rpc[0]).localname for rpc in rpcs])
        self.answers += [
            f'<rpc-reply message-id="{rpc.get("message-id")}"><{name}-done/></rpc-reply>'.encode()
            for rpc, name in zip(rpcs, self.sent[-1], strict=True)
        ]
        return self.reply()

    def reply(self):
        yield self.answers.pop(0)

    def close(self):
        """Nothing is open."""


LOCK, READ, HISTORY = "lock", "get-configuration", "get-commit-information"


def _ask(rpc, name, *then):
    reply = rpc.call("step", etree.Element(name), [etree.Element(other) for other in then])
    return etree.QName(reply[0]).localname.removesuffix("-done")


def test_what_is_read_under_a_lock_is_asked_together_with_it():
    session = _InOrder()
    rpc = SessionRpc(session)
    assert [_ask(rpc, LOCK, READ, HISTORY), _ask(rpc, READ), _ask(rpc, HISTORY)] == [
        LOCK,
        READ,
        HISTORY,
    ]
    assert _ask(rpc, READ) == READ, "a later reading is one of its own"
    assert session.sent == [[LOCK, READ, HISTORY], [READ]]


def test_answers_to_what_nobody_asks_for_any_more_are_left_out():
    session = _InOrder()
    rpc = SessionRpc(session)
    assert [_ask(rpc, LOCK, READ, HISTORY), _ask(rpc, "unlock"), _ask(rpc, HISTORY)] == [
        LOCK,
        "unlock",
        HISTORY,
    ]
    assert session.answers == []


def test_a_notification_is_none_of_the_answers_that_are_left_out():
    session = _InOrder()
    rpc = SessionRpc(session)
    assert _ask(rpc, LOCK, READ, HISTORY) == LOCK
    session.answers.insert(1, b"<notification><eventTime/></notification>")
    assert _ask(rpc, "unlock") == "unlock"
    assert session.answers == []


def test_what_a_session_still_owed_is_not_expected_of_the_next_one():
    second = _InOrder()
    rpc = SessionRpc(_InOrder(), lambda: second)
    assert _ask(rpc, LOCK, READ, HISTORY) == LOCK
    assert rpc.reconnect()
    assert [_ask(rpc, READ), _ask(rpc, HISTORY)] == [READ, HISTORY]
    assert second.sent == [[READ], [HISTORY]]


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_a_device_that_does_not_listen_is_named_with_its_port_and_a_remedy(transport):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told: list[str] = []
    target = Target("127.0.0.1", port, "ops", "made-up", persist=0)
    with pytest.raises(TransportFailure) as refused:
        open_session(target, transport, told.append)
    (way,) = told
    assert way.startswith("ssh -s -T -p " if transport == "openssh" else f"{transport} to ")
    assert (str(port) in way, "ops" in way, "made-up" in way) == (True, True, False)
    head, _, rest = str(refused.value).partition(" (")
    steps = ("connect", "NETCONF hello")
    assert head in [f"127.0.0.1:{port}: {step}: nothing listens there" for step in steps]
    assert "check ansible_host and ansible_port" in rest


GOOD_TARGET = Target("192.0.2.1", user="ops")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"password": "s3cret\n"}, "ansible_password holds a line break"),
        ({"password": "s3cret\0more"}, "ansible_password holds a line break"),
        ({"password": "s3cret\udc80"}, "ansible_password holds a line break"),
        ({"user": "ops\r"}, "ansible_user holds a line break"),
        ({"private_key_file": "/k\0"}, "ansible_private_key_file holds a line break"),
        ({"private_key_file": "~k\0"}, "ansible_private_key_file holds a line break"),
        ({"known_hosts_file": "/k\t"}, "ansible_known_hosts_file holds a line break"),
        ({"host": "-oProxyCommand=touch x"}, "ansible_host: -oProxyCommand=touch x is not a name"),
        ({"host": "hub 1"}, "ansible_host: hub 1 is not a name"),
        ({"host": ""}, "is not a name or address"),
        ({"port": 0}, "ansible_port: 0 is not a TCP port"),
        ({"port": 65536}, "ansible_port: 65536 is not a TCP port"),
        ({"port": -1}, "ansible_port: -1 is not a TCP port"),
        ({"connect_timeout": 0.0}, "ansible_connect_timeout: 0.0 is not a time to wait"),
        ({"connect_timeout": 2.0**31}, "ansible_connect_timeout: 2147483648.0 is not a time"),
        ({"rpc_timeout": -1.0}, "ansible_rpc_timeout: -1.0 is not a time to wait"),
        ({"rpc_timeout": 2.0**31}, "ansible_rpc_timeout: 2147483648.0 is not a time"),
        ({"persist": -1}, "ansible_netconf_persist: -1 is not a time to keep a login"),
        ({"persist": 2**31}, "ansible_netconf_persist: 2147483648 is not a time"),
    ],
)
@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_what_no_client_can_take_is_refused_before_one_is_asked(transport, values, words):
    with pytest.raises(TransportFailure) as raised:
        login_values.check(replace(GOOD_TARGET, **values), transport)
    assert words in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("name", ["\0", "\ud800"])
def test_a_name_of_no_file_is_refused_before_a_way_is_chosen_by_what_the_file_says(name):
    with pytest.raises(TransportFailure, match="ansible_known_hosts_file holds a line break"):
        open_session(replace(GOOD_TARGET, password="made-up", known_hosts_file=name))


def test_all_that_no_client_can_take_is_said_at_once():
    with pytest.raises(TransportFailure) as raised:
        login_values.check(replace(GOOD_TARGET, port=0, password="a\nb"), "openssh")
    said = str(raised.value)
    assert said.startswith("192.0.2.1:0: ansible_password holds")
    assert "; ansible_port: 0 is not a TCP port" in said


@pytest.mark.parametrize(
    "values",
    [
        {"password": " pä$s`\"'\\\\n%s "},
        {"port": 1},
        {"port": 65535},
        {"persist": 0},
        {"host": "2001:db8::1"},
        {"connect_timeout": 0.5, "rpc_timeout": 2.0**31 - 1, "persist": 2**31 - 1},
    ],
)
def test_what_only_looks_odd_is_taken(values):
    for transport in ("openssh", "libssh", "paramiko"):
        login_values.check(replace(GOOD_TARGET, **{"password": "made-up", **values}), transport)


@pytest.mark.parametrize(
    "way", [("-J", "jump"), ("-Jjump",), ("-W", "x:1"), ("-o", "ProxyCommand=nc x 1")]
)
@pytest.mark.parametrize("transport", ["libssh", "paramiko"])
def test_a_way_that_others_than_ssh_would_not_go_is_refused_for_them(way, transport):
    target = replace(GOOD_TARGET, ssh_common_args=way, password="made-up")
    login_values.check(target, "openssh")
    with pytest.raises(TransportFailure, match=f"{transport} does not take; set .* to openssh"):
        login_values.check(target, transport)
    login_values.check(replace(target, ssh_common_args=("-o", "Compression=yes")), transport)


@pytest.mark.parametrize("values", [{}, {"password": "made-up", "private_key_file": "/k"}])
def test_libssh_is_not_asked_to_log_in_with_a_key(values):
    with pytest.raises(TransportFailure, match="libssh logs in with a password alone; set"):
        login_values.check(replace(GOOD_TARGET, **values), "libssh")


@pytest.mark.parametrize(
    ("value", "found"), [(None, None), ("", None), (1234, "1234"), (1.5, "1.5"), (" a ", " a ")]
)
def test_a_value_of_a_login_is_a_text_or_a_number(value, found):
    assert login_values.text("ansible_password", value) == found


@pytest.mark.parametrize("value", [True, False, ["s3cret"], {"s3cret": 1}])
def test_any_other_value_of_a_login_is_refused_and_not_shown(value):
    with pytest.raises(TransportFailure) as raised:
        login_values.text("ansible_password", value)
    kind = type(value).__name__
    assert str(raised.value) == f"ansible_password is a {kind}; give one text, in quotes"


def test_arguments_are_split_as_a_shell_would_and_an_open_quotation_is_named():
    assert login_values.arguments("v", "-J 'a b' -o x=\"y z\"") == ("-J", "a b", "-o", "x=y z")
    assert login_values.arguments("v", None) == ()
    with pytest.raises(TransportFailure, match=r"^v cannot be split .* check its quotes$"):
        login_values.arguments("v", "-o 'x")


def engines(*said):
    parts = (f"<routing-engine>{one}</routing-engine>" for one in said)
    return etree.fromstring(f"<commit-results>{''.join(parts)}</commit-results>")


RE0, RE1, CHECKED, COMMITTED = (
    *("<name>re0</name>", "<name>re1</name>"),
    *("<commit-check-success/>", "<commit-success/>"),
)


@pytest.mark.parametrize(
    ("said", "silent"),
    [
        ([RE0 + COMMITTED, RE1, ""], ["re1", "a routing engine without a name"]),
        ([RE0 + CHECKED, RE1 + COMMITTED, RE0 + COMMITTED], []),
        ([RE0 + CHECKED, RE1 + f"{COMMITTED}Non-existent dump device"], ["re0"]),
        ([COMMITTED, CHECKED], ["a routing engine without a name"]),
        # Beside an ok for all of it.
        ([RE0 + CHECKED], []),
    ],
)
def test_a_routing_engine_that_does_not_say_that_it_has_committed_is_named(said, silent):
    assert silent_engines(engines(*said)) == silent
