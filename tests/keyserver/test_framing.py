# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The server's side of NETCONF framing: messages however they are cut, and what ends a session."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyserver.netconf.framing import END_OF_MESSAGE, Framer, FramingError, MessageTooBig
from keyserver.netconf.work import run
from tests.keyserver.console import BASE_1_1, Console

RFC = (
    "set system services netconf rfc-compliant",
    "set system services netconf version-1.1",
)
CUTS = st.lists(st.integers(0, 400), max_size=8)
# Texts that begin like a delimiter or a chunk's header.
PIECES = st.sampled_from([b"]", b"]]>", b"<a/>", b"\n#", b"#", b"\n", b"\n##\n", b"x" * 9])
MESSAGES = st.lists(st.lists(PIECES, min_size=1, max_size=6).map(b"".join), max_size=4)


def framer(chunked, **more):
    made = Framer(**more)
    if chunked:
        made.use_chunks()
    return made


def taken(framer, data, cuts=()):
    """All messages of octets that come in pieces."""
    edges = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    found = []
    for start, end in itertools.pairwise(edges):
        framer.feed(data[start:end])
        while (message := framer.next_message()) is not None:
            found.append(message)
    return found


@given(messages=MESSAGES, cuts=CUTS, chunked=st.booleans())
def test_messages_come_out_as_they_went_in_however_they_are_cut(messages, cuts, chunked):
    messages = [m.replace(END_OF_MESSAGE, b"") + b"</a>" for m in messages]
    data = b"".join(map(framer(chunked).frame, messages))
    receiver = framer(chunked)
    assert taken(receiver, data, cuts) == messages
    assert receiver.buffered == 0


def test_a_message_may_come_in_several_chunks():
    assert taken(framer(True), b"\n#2\n<a\n#2\n/>\n##\n") == [b"<a/>"]


@pytest.mark.parametrize("cuts", [(), (5,)], ids=["at once", "in pieces"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_message_beyond_the_limit_is_refused_and_one_as_long_as_that_is_not(chunked, cuts):
    right, wrong = b"x" * 20, b"x" * 21
    assert taken(framer(chunked, largest=20), framer(chunked).frame(right), cuts) == [right]
    with pytest.raises(MessageTooBig):
        taken(framer(chunked, largest=20), framer(chunked).frame(wrong), cuts)


def test_a_message_of_many_chunks_is_gone_through_in_several_turns():
    console = Console()
    operator = console.session()
    assert operator.set(*RFC).find(".//ok") is not None
    operator.commit()
    session = console.session(BASE_1_1).netconf
    message = b"<rpc message-id='1'><get-system-information/>" + b" " * 5000 + b"</rpc>"
    session.feed(b"".join(b"\n#1\n%c" % octet for octet in message) + b"\n##\n")
    before, answers = session.backlog, []
    while (steps := session.turn(console.now)) is not None:
        answers.append(run(steps))
        assert before - session.backlog <= 4 * 2000 or answers[-1]
        before = session.backlog
    assert [bool(answer) for answer in answers] == [False, False, True]
    assert b"hub-1" in answers[-1]


def test_chunks_that_are_too_much_together_are_refused():
    with pytest.raises(MessageTooBig):
        taken(framer(True, largest=20), b"\n#15\n" + b"x" * 15 + b"\n#6\n")


@pytest.mark.parametrize(
    "octets",
    [
        *(b"\n##\n", b"<a/>", b"\n<", b"\n#0\n", b"\n#01\nx", b"\n#-1\nx", b"\n#x\n", b"\n#\n"),
        *(b"\n#4294967296\n", b"\n#1\nx<", b"\n#1\nx\n##x\n", b"\n#" + b"1" * 20),
    ],
)
def test_broken_chunks_are_refused(octets):
    with pytest.raises(FramingError):
        taken(framer(True), octets)


def test_a_session_of_the_older_framing_is_told_its_end_and_one_of_the_newer_is_not():
    console = Console()
    assert b"<!-- session end at 2027-01-15 " in _closed(console.session())
    console.session().set(*RFC)
    console.session().commit()
    newer = console.session(BASE_1_1)
    newer.netconf.feed(_chunk(b"<rpc message-id='1'><close-session/></rpc>"))
    answer = newer.netconf.receive(b"", console.now)
    assert b"session end" not in answer
    assert answer.endswith(b"\n##\n")


def _closed(session):
    return session.netconf.receive(
        b'<rpc message-id="1"><close-session/></rpc>' + END_OF_MESSAGE, 1_800_000_000.0
    )


def _chunk(message):
    return framer(True).frame(message)
