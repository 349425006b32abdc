# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages of a session over a carrier that gives its octets in whatever pieces."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import MalformedReply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.envelope import opened
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.framing import (
    LARGEST_REPLY,
    whole_message,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import (
    NetconfSession,
    Target,
)
from hypothesis import given
from hypothesis import strategies as st
from ncclient.transport.errors import SessionCloseError, TransportError

END = b"]]>]]>"
# Texts that begin like a delimiter or a chunk's header.
BODIES = st.lists(
    st.sampled_from([b"]", b"]]>", b"<a/>", b"\n#", b"#", b"\n", b"x" * 9]), max_size=8
)


class Carried(NetconfSession):
    """A session whose carrier has these octets to give, and takes so many at once."""

    def __init__(self, pieces, chunked=False, at_once=1 << 20):
        super().__init__(Target("hub-1", rpc_timeout=5))
        self._pieces, self._at_once = [p for p in pieces if p], at_once
        self.framing.chunked, self._connected = chunked, True
        self.written = b""
        self.waited = []

    def _set_timeout(self, seconds):
        self.waited.append(seconds)

    def _transport_read(self):
        return self._pieces.pop(0) if self._pieces else b""

    def _transport_write(self, data):
        self.written += data[: self._at_once]
        return len(data[: self._at_once])


def cut(data, cuts):
    edges = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(0, 400), max_size=8)


@given(bodies=BODIES, cuts=CUTS)
def test_a_delimited_message_ends_at_its_delimiter_however_it_is_cut(bodies, cuts):
    body = b"".join(bodies).replace(END, b"") + b"</a>"
    session = Carried(cut(body + END + b"\nnext", cuts))
    assert b"".join(session.request("<a/>")) == body
    assert session.connected
    assert b"\nnext".startswith(session.framing.held)


@given(bodies=st.lists(BODIES.map(b"".join).filter(bool), min_size=1, max_size=3), cuts=CUTS)
def test_chunks_are_put_together_however_they_are_cut(bodies, cuts):
    framed = b"".join(b"\n#%d\n%b" % (len(body), body) for body in bodies) + b"\n##\n"
    session = Carried(cut(framed + b"\n#5\n", cuts), chunked=True)
    assert b"".join(session.request("<a/>")) == b"".join(bodies)
    assert b"\n#5\n".startswith(session.framing.held)


@pytest.mark.parametrize("octets", [1, 3, 1000])
def test_a_request_is_written_whole_in_the_framing_that_was_agreed(octets):
    plain = Carried([b"<b/>" + END], at_once=octets)
    assert b"".join(plain.request("<a>ü</a>")) == b"<b/>"
    assert plain.written == "<a>ü</a>".encode() + END
    chunked = Carried([b"\n#4\n<b/>\n##\n"], chunked=True, at_once=octets)
    assert b"".join(chunked.request("<a>ü</a>")) == b"<b/>"
    assert chunked.written == b"\n#9\n" + "<a>ü</a>".encode() + b"\n##\n"


def test_two_replies_that_came_together_are_two():
    session = Carried([b"<a/>" + END + b"<b/>" + END])
    assert [b"".join(session.request("")) for _ in range(2)] == [b"<a/>", b"<b/>"]


def test_a_long_reply_is_given_on_while_it_comes():
    pieces = [b"x" * 1000] * 50
    session = Carried([*pieces, END])
    given_on = list(session.request("<a/>"))
    assert b"".join(given_on) == b"".join(pieces)
    assert max(map(len, given_on)) <= 1010


@pytest.mark.parametrize(
    "octets",
    [
        b"\n#0\n<a/>\n##\n",
        b"\n#04\n<a/>\n##\n",
        b"<a/>" * 9,
        b"\n#12345678901\nx",
        b"\n#x\n" + b"y" * 20,
    ],
)
def test_broken_chunks_are_refused_and_the_session_is_of_no_more_use(octets):
    session = Carried([octets], chunked=True)
    with pytest.raises(MalformedReply, match="broken chunked framing"):
        list(session.request("<a/>"))
    assert not session.connected


@pytest.mark.parametrize("octets", [b"<a/>]]>]]>", b"\n<?xml version='1.0'?>\n<a/>\n]]>]]>\n"])
def test_a_device_that_sends_otherwise_than_it_offered_is_told_from_a_broken_one(octets):
    session = Carried([octets], chunked=True)
    with pytest.raises(MalformedReply, match=r"offers base:1\.1 .* sends in frames of base:1\.0"):
        list(session.request("<a/>"))


def test_a_device_that_has_not_answered_once_in_its_chunks_may_not_know_them():
    class Silent(Carried):
        def _transport_read(self):
            if not self._pieces:
                raise TimeoutError
            return super()._transport_read()

    may_not = r"none before; the device offers base:1\.1"
    with pytest.raises(TimeoutError, match=may_not):
        list(Silent([], chunked=True).request("<a/>"))
    answered = Silent([b"\n#4\n<b/>\n##\n"], chunked=True)
    list(answered.request("<a/>"))
    for session in (answered, Silent([])):
        with pytest.raises(TimeoutError) as raised:
            list(session.request("<a/>"))
        assert "base" not in str(raised.value)


@pytest.mark.parametrize("octets", [b"", b"<a", b"<a/>]]>]]"])
def test_a_session_that_ends_within_a_reply_is_of_no_more_use(octets):
    session = Carried([octets])
    with pytest.raises(SessionCloseError):
        list(session.request("<a/>"))
    assert not session.connected
    with pytest.raises(TransportError, match="the session is closed"):
        list(session.request("<a/>"))


def test_a_message_without_an_end_is_refused_while_it_comes():
    with pytest.raises(MalformedReply, match="larger than"):
        whole_message(itertools.repeat(b"x" * (LARGEST_REPLY // 4)))


def test_a_message_without_a_tag_is_not_read_for_ever_to_find_one():
    found = opened(itertools.repeat(b"x" * 1024))
    assert (found.name, found.number, len(found.octets)) == ("", None, 65 * 1024)


def test_what_is_left_unread_ends_the_session():
    session = Carried([b"x" * 100, b"y" * 100, END])
    reply = session.request("<a/>")
    next(reply)
    reply.close()
    assert not session.connected


def test_the_time_for_a_reply_is_the_same_for_all_its_pieces():
    session = Carried([b"x" * 10, b"y" * 10, END])
    list(session.request("<a/>"))
    assert len(session.waited) == 3
    assert all(0 < seconds <= 5 for seconds in session.waited)
    assert session.waited == sorted(session.waited, reverse=True)


def test_a_carrier_that_takes_nothing_has_ended():
    session = Carried([END], at_once=0)
    with pytest.raises(SessionCloseError):
        list(session.request("<a/>"))
