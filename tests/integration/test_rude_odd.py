# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Odd answers at every stage of a change: understood, or refused before the commit, or said."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import confirm, views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitDiffers,
    DeviceError,
    GroupVpnError,
    MalformedReply,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import read as members
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.clearing import (
    Request as Clear,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.clearing import clear
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.gate import Wanted
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.wait_for import (
    Request as Wait,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.wait_for import wait_for
from lxml import etree

from tests.integration.test_rude import (
    AT_ONCE,
    CHANGE_LINE,
    LONG,
    RESOURCE,
    SILENCE,
    TRANSPORTS,
    Client,
    awaiting_confirmation,
    change,
    gathered,
    target,
)
from tests.rude import BASE, END, Commit, Fault, Manner, RudeServer, Stage, box, hello, rpc_error

STAGES = (
    *(Stage.READ, Stage.LOCK, Stage.READ_AGAIN, Stage.HISTORY, Stage.LOAD, Stage.LOOK),
    *(Stage.COMMIT, Stage.READ_BACK, Stage.UNLOCK),
)
AFTER_COMMIT = (Stage.COMMIT, Stage.READ_BACK, Stage.UNLOCK)
NOTIFICATION = (
    b'<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
    b"<eventTime>2026-10-05T22:03:43Z</eventTime><event><ok/></event></notification>"
)
STRANGER = f'<rpc-reply xmlns="{BASE}" message-id="never-sent"><ok/></rpc-reply>'.encode()


def _prefixed(answer: bytes) -> bytes:
    """Every element of the base namespace with a prefix of its own."""
    names = rb"<(/?)(rpc-reply|rpc-error|ok|error-[a-z]+)\b"
    return re.sub(names, rb"<\1q:\2", answer).replace(b" xmlns=", b" xmlns:q=", 1)


def _inside(answer: bytes, what: str, before: bytes = b"</rpc-reply>") -> bytes:
    return answer.replace(before, what.encode() + before, 1)


Odd = Callable[[bytes], bytes]

UNDERSTOOD: dict[str, Odd] = {
    "no message-id": lambda a: re.sub(rb' message-id="[^"]*"', b"", a),
    "a declaration": lambda a: b'<?xml version="1.0" encoding="UTF-8"?>' + a,
    "a declaration after blank lines": lambda a: b'\n\n<?xml version="1.0"?>\n' + a,
    "a byte order mark": lambda a: b"\xef\xbb\xbf" + a,
    "comments around": lambda a: b"<!-- <rpc-reply> -->" + a + b"<!-- end -->",
    "an instruction in front": lambda a: b'<?xml-stylesheet href="x"?>' + a,
    "prefixes": _prefixed,
    "a greater-than sign in an attribute": lambda a: a.replace(
        b" message-id=", b' note="a > b" message-id=', 1
    ),
    "single quotes": lambda a: re.sub(rb'message-id="([^"]*)"', rb"message-id='\1'", a),
    "a notification in front": lambda a: NOTIFICATION + END + a,
    "many notifications in front": lambda a: (NOTIFICATION + END) * 50 + a,
    "a notification with a comment in front": lambda a: b"<!-- x -->" + NOTIFICATION + END + a,
    "blank messages' ends": lambda a: b"\r\n  \r\n" + a + b"\r\n",
    "a warning without a severity's spelling": lambda a: _inside(
        a, rpc_error("licence missing", " Warning ")
    ),
    "an xnm warning": lambda a: _inside(
        a,
        '<xnm:warning xmlns:xnm="http://xml.juniper.net/xnm/1.1/xnm">'
        "<message>licence missing</message></xnm:warning>",
    ),
    "an element that nobody knows": lambda a: _inside(a, "<cli><banner>{master}</banner></cli>"),
}
"""These change nothing of what a reply says."""


def task(server: RudeServer, transport: str, **more):
    with Client(target(server), transport) as client:
        return change(client.rpc(), **more)


def has_change(server: RudeServer) -> bool:
    return any(CHANGE_LINE in line for line in server.box.lines)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("odd", UNDERSTOOD)
def test_an_odd_spelling_of_every_reply_is_the_same_reply(odd, transport):
    faults = [Fault(stage, Manner.REWRITE, nth=0, rewrite=UNDERSTOOD[odd]) for stage in STAGES]
    with RudeServer(box("G1", "G2", block={"heartbeat": "90"}), *faults) as server:
        result = task(server, transport, block={"group": "G1", **CHANGED})
        assert has_change(server)
        assert server.settled()
        assert not server.box.locked
    assert result["changed"]
    assert not [w for w in result["warnings"] if "licence" not in w]


CHANGED = {
    "encryption_algorithm": "aes-256-cbc",
    "sig_hash_algorithm": "sha-256",
    "lifetime_seconds": 7200,
}

NOT_UNDERSTOOD: dict[str, tuple[Odd, str]] = {
    "twice": (lambda a: a + END + a, "answers another request"),
    "a stranger's in front": (lambda a: STRANGER + END + a, "answers another request"),
    "two in one": (lambda a: a + a, "malformed XML"),
    "a hello": (lambda a: hello(1), "<hello> is not a reply"),
    "a request": (lambda a: a.replace(b"rpc-reply", b"rpc"), "<rpc> is not a reply"),
    "a document type": (lambda a: b'<!DOCTYPE r [<!ENTITY a "b">]>' + a, "is refused"),
    "UTF-16": (lambda a: a.decode().encode("utf-16"), "malformed XML"),
    "half of it": (lambda a: a[: len(a) // 2], "malformed XML"),
    "nothing": (lambda a: b"", "malformed XML"),
    "text": (lambda a: b"mgd: unable to execute /usr/sbin/xyz", "malformed XML"),
    "an error without a severity": (
        lambda a: _inside(a, "<rpc-error><error-message>out of space</error-message></rpc-error>"),
        "out of space",
    ),
    "an error without a message": (
        lambda a: _inside(a, "<rpc-error><error-tag>resource-denied</error-tag></rpc-error>"),
        r"unspecified error \(resource-denied\)",
    ),
    "an error without anything": (lambda a: _inside(a, "<rpc-error/>"), "unspecified error"),
    "an error of a severity that nobody knows": (
        lambda a: _inside(a, rpc_error("out of space", "fatal")),
        "out of space",
    ),
    "an error deep inside": (
        lambda a: _inside(
            a,
            "<multi-routing-engine-results><multi-routing-engine-item><re-name>node1</re-name>"
            f"<results>{rpc_error('node1: out of space')}</results></multi-routing-engine-item>"
            "</multi-routing-engine-results>",
        ),
        "node1: out of space",
    ),
    "an xnm error": (
        lambda a: _inside(
            a,
            '<xnm:error xmlns:xnm="http://xml.juniper.net/xnm/1.1/xnm">'
            "<message>out of space</message></xnm:error>",
        ),
        "out of space",
    ),
    "an error as output": (
        lambda a: _inside(a, "<output>\n  Error: out of space\n</output>"),
        "out of space",
    ),
}
CELLS = [(odd, stage) for odd in NOT_UNDERSTOOD for stage in STAGES]


@pytest.mark.parametrize(("odd", "stage"), CELLS, ids=lambda value: str(value))
def test_what_is_not_understood_is_refused_before_the_commit_and_said_after_it(odd, stage):
    rewrite, words = NOT_UNDERSTOOD[odd]
    transport = TRANSPORTS[CELLS.index((odd, stage)) % 2]
    with RudeServer(box("G1", "G2"), Fault(stage, Manner.REWRITE, rewrite=rewrite)) as server:
        outcome, told = outcome_of(server, transport)
        assert server.settled()
        assert not server.box.locked
        # Who may not see the history may still commit; the second copy of what was read of the
        # candidate stands where the commit's answer should: the device is asked again.
        goes_on = stage in AFTER_COMMIT or (odd, stage) == ("twice", Stage.LOOK)
        if stage is Stage.HISTORY:
            assert has_change(server) is (outcome == "changed")
        else:
            assert (outcome, has_change(server)) == ("changed" if goes_on else "failed", goes_on)
            assert re.search(words, told) or (odd, stage) == ("twice", Stage.UNLOCK)


def outcome_of(server: RudeServer, transport: str, rpc_timeout: float = LONG) -> tuple[str, str]:
    """What a change reports, and in which words."""
    with Client(target(server, rpc_timeout=rpc_timeout), transport) as client:
        try:
            result = change(client.rpc())
        except GroupVpnError as error:
            kind = "failed, may have changed" if error.may_have_changed else "failed"
            return kind, " ".join([str(error), *error.warnings])
    return "changed", " ".join(result["warnings"])


def in_two_halves(stage: Stage, transport: str, seconds: float) -> tuple[str, bool]:
    """What is reported of a change, and whether the device has it."""
    partial = Fault(stage, Manner.PARTIAL, octets=60, seconds=seconds)
    with RudeServer(box("G1"), partial) as server:
        outcome, _told = outcome_of(server, transport, LONG if seconds < SILENCE else SILENCE)
        return outcome, has_change(server)


@pytest.mark.parametrize(("seconds", "in_time"), [(0.2, True), (600.0, False)])
def test_a_reply_in_two_halves_is_one_and_one_that_stops_is_none(seconds, in_time):
    cells = list(itertools.product(STAGES, TRANSPORTS))
    # They wait for one another's silence.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = list(pool.map(lambda cell: in_two_halves(*cell, seconds), cells))
    there = [(stage, transport) for stage, transport in cells if in_time or stage in AFTER_COMMIT]
    expected = {cell: ("changed", True) if cell in there else ("failed", False) for cell in cells}
    assert dict(zip(cells, seen, strict=True)) == expected


# Results of a cluster

NODES = (
    "<routing-engine><name>node0</name><{0}/></routing-engine><routing-engine>{1}</routing-engine>"
)


def _of_nodes(second: str) -> Odd:
    inside = NODES.format("commit-success", f"<name>node1</name>{second}")
    return lambda a: re.sub(
        rb"<commit-results>.*</commit-results>(<ok/>)?",
        f"<commit-results>{inside}</commit-results>".encode(),
        a,
        flags=re.S,
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("second", "words"),
    [
        (rpc_error("remote commit failed on node1"), "remote commit failed on node1"),
        ("", "node1 does not say that it has committed"),
        ("<commit-failure/>", "node1 does not say that it has committed"),
        ("<output>error: node1 is not reachable</output>", "node1 is not reachable"),
    ],
)
def test_a_node_that_did_not_commit_is_named(second, words, transport):
    fault = Fault(Stage.COMMIT, Manner.REWRITE, rewrite=_of_nodes(second))
    with RudeServer(box("G1"), fault) as server:
        result = task(server, transport)
        assert has_change(server)
    assert result["changed"]
    assert words in " ".join(result["warnings"])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_nodes_that_committed_are_no_news(transport):
    fault = Fault(Stage.COMMIT, Manner.REWRITE, rewrite=_of_nodes("<commit-success/>"))
    with RudeServer(box("G1"), fault) as server:
        assert not [w for w in task(server, transport)["warnings"] if "commit" in w]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ("<load-configuration-results><load-success/></load-configuration-results>", True),
        ("<load-success/>", True),
        (
            "<load-configuration-results><load-error-count>0</load-error-count><load-success/>"
            "</load-configuration-results>",
            True,
        ),
        (
            "<load-configuration-results><load-error-count>1</load-error-count><load-success/>"
            "</load-configuration-results>",
            False,
        ),
        ("<load-configuration-results><load-done/></load-configuration-results>", False),
        ("<load-configuration-results/>", False),
    ],
)
def test_forms_of_a_loads_success(said, fine, transport):
    def rewrite(answer: bytes) -> bytes:
        return re.sub(
            rb"<load-configuration-results>.*</load-configuration-results>",
            said.encode(),
            answer,
            flags=re.S,
        )

    with RudeServer(box("G1"), Fault(Stage.LOAD, Manner.REWRITE, rewrite=rewrite)) as server:
        if fine:
            assert task(server, transport)["changed"]
        else:
            with pytest.raises(DeviceError, match="load the change"):
                task(server, transport)
        assert has_change(server) is fine
        assert server.settled()
        assert not server.box.locked


# Hellos


def _greeting(*more: str, session: str = "<session-id>{}</session-id>", head: str = ""):
    offered = ("urn:ietf:params:netconf:base:1.0", *more)
    inside = "".join(f"<capability>{name}</capability>" for name in offered)

    def made(number: int) -> bytes:
        return (
            f'{head}<hello xmlns="{BASE}"><capabilities>{inside}</capabilities>'
            f"{session.format(number)}</hello>"
        ).encode()

    return made


GREETINGS = {
    "ten thousand capabilities": _greeting(*(f"urn:example:module-{n}?x=y" for n in range(10_000))),
    "no session-id": _greeting(session=""),
    "a session-id that is none": _greeting(
        session="<session-id>none of your business</session-id>"
    ),
    "a capability in two lines": _greeting("\n  urn:example:a\n  "),
    "an empty capability": _greeting(""),
    "a declaration and blank lines": _greeting(head='\n\n<?xml version="1.0"?>\n'),
    "a capability of 100,000 octets": _greeting("urn:example:" + "x" * 100_000),
    "a prefix": lambda n: re.sub(rb"<(/?)(\w)", rb"<\1n:\2", _greeting()(n)).replace(
        b"xmlns=", b"xmlns:n="
    ),
    "no namespace": lambda n: _greeting()(n).replace(f' xmlns="{BASE}"'.encode(), b""),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("greeting", GREETINGS)
def test_an_odd_hello_is_a_hello(greeting, transport):
    with RudeServer(box("G1")) as server:
        server.greeting = GREETINGS[greeting]
        assert task(server, transport)["changed"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_that_offers_chunks_and_does_not_know_them_is_not_only_slow(transport):
    with RudeServer(box("G1")) as server:
        server.greeting = _greeting("urn:ietf:params:netconf:base:1.1")
        with (
            Client(target(server, rpc_timeout=SILENCE), transport) as client,
            pytest.raises(TransportFailure, match=r"offers base:1\.1 .* frames of base:1\.0"),
        ):
            change(client.rpc())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "greeting",
    [
        f'<hello xmlns="{BASE}"/>',
        f'<hello xmlns="{BASE}"><capabilities/></hello>',
        "<rpc-reply><ok/></rpc-reply>",
        f'<hello xmlns="{BASE}"><capabilities><capability>a</capability></hello>',
        "",
    ],
)
def test_what_is_no_hello_is_refused(greeting, transport):
    with RudeServer(box("G1")) as server:
        server.greeting = lambda number: greeting.encode()
        with (
            Client(target(server), transport) as client,
            pytest.raises(TransportFailure, match=r"127\.0\.0\.1:\d+: NETCONF hello: "),
        ):
            client.open()


# What a user may not do

DENIED = "permission denied"
BEFORE_COMMIT = (Stage.READ, Stage.LOCK, Stage.READ_AGAIN, Stage.LOAD, Stage.LOOK, Stage.COMMIT)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("stage", BEFORE_COMMIT)
def test_a_user_who_may_not_do_one_thing_changes_nothing_and_is_told_which(stage, transport):
    with RudeServer(box("G1"), Fault(stage, Manner.ERROR, DENIED, nth=0)) as server:
        with pytest.raises(DeviceError, match=DENIED) as raised:
            task(server, transport)
        assert not has_change(server)
        assert server.settled()
        assert not server.box.locked
    assert str(raised.value).startswith(raised.value.step)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_user_who_may_only_read_gathers_and_is_told_why_nothing_is_merged(transport):
    may_not = [Fault(stage, Manner.ERROR, DENIED, nth=0) for stage in (Stage.LOCK, Stage.HISTORY)]
    with RudeServer(box("G1", block={"heartbeat": "90"}), *may_not) as server:
        with Client(target(server), transport) as client:
            assert gathered(client.rpc()) == [{"group": "G1", "heartbeat": 90}]
            have = change(client.rpc(), block={"group": "G1", "heartbeat": 90})
            assert not have["changed"]
        with pytest.raises(DeviceError, match=f"lock the configuration: {DENIED}"):
            task(server, transport)


HIDDEN = {
    "a comment": b"<!-- ACCESS-DENIED -->",
    "a comment as an element": b"<junos:comment>/* ACCESS-DENIED */</junos:comment>",
    "undocumented": b"<undocumented>ACCESS-DENIED</undocumented>",
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_is_hidden_from_a_user_is_not_absent(hidden, transport):
    def hide(answer: bytes) -> bytes:
        return re.sub(
            rb"<security>.*</security>",
            b"<security>%b</security>" % HIDDEN[hidden],
            answer,
            flags=re.S,
        )

    fault = Fault(Stage.READ, Manner.REWRITE, nth=0, rewrite=hide)
    with RudeServer(box("G1"), fault) as server:
        with Client(target(server), transport) as client:
            for asked in (gathered, change):
                with pytest.raises(DeviceError, match="hides some of it from this user"):
                    asked(client.rpc())
        assert server.box.requests.count("lock") == 0


# Lists, which are read as a stream

LIST = "<multi-routing-engine-results/><security-group-vpn-server-registered-members/>"
LISTED = "get-security-group-vpn-server-registered-members"
ONE_LISTED = (
    "<security-group-vpn-server-registered-members><group><name>G1</name><member>"
    "<gateway>gm-1</gateway><ip>192.0.2.77</ip></member></group>"
    "</security-group-vpn-server-registered-members>"
)


def test_a_list_of_a_group_that_no_configuration_is_shown_of_is_no_known_list():
    with RudeServer(box("G1")) as server:
        server.box.answers = {LISTED: ONE_LISTED.replace("G1", "G9")}
        with Client(target(server), "openssh") as client:
            warned = members.read(client.rpc())["warnings"]
    (told,) = [line for line in warned if line.startswith("group G9: ")]
    assert "what its list means is not known" in told


# Counters, which may be cleared

CLEARS = "clear-security-group-vpn-server"
COUNTERS = "get-security-group-vpn-server-stats"
PULLS = "<group-vpn-pull-succeeded>%s</group-vpn-pull-succeeded>"
COUNTED = {
    "none": (PULLS % 0, False, 0),
    "some": (PULLS % 7, True, 0),
    "in words": (PULLS % "1,204", True, 0),
    "unread": ("<group-vpn-pull-kept>2</group-vpn-pull-kept>", True, 0),
    "not told": ("", False, 1),
}


@pytest.mark.parametrize("counted", COUNTED)
def test_counters_that_are_not_known_to_be_zero_are_cleared_or_said_not_to_be_known(counted):
    inside, changed, unknown = COUNTED[counted]
    stats = (
        "<security-group-vpn-server-stats><group-vpn-group-name>G1</group-vpn-group-name>"
        f"{inside}</security-group-vpn-server-stats>"
    )
    answers = {COUNTERS: stats, LISTED: LIST, f"{CLEARS}-statistics": ""}
    with RudeServer(box("G1")) as server:
        server.box.answers = answers
        with Client(target(server), "openssh") as client:
            found = clear(client.rpc(), Clear(statistics=True))
        assert (f"{CLEARS}-statistics" in server.box.requests) == changed
    assert found["changed"] == changed
    assert sum("shows no counters" in line for line in found["warnings"]) == unknown


@pytest.mark.parametrize("said", ["", "<group-stats><name>G1</name></group-stats>"])
def test_counters_of_which_the_answer_tells_nothing_are_not_none(said):
    with RudeServer(box("G1")) as server:
        server.box.answers = {COUNTERS: said, LISTED: LIST}
        with (
            Client(target(server), "openssh") as client,
            pytest.raises(GroupVpnError, match="what it shows is not known"),
        ):
            clear(client.rpc(), Clear(statistics=True))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (NOT_UNDERSTOOD["a stranger's in front"][0], "answers another request"),
        (NOT_UNDERSTOOD["a hello"][0], "is not a reply"),
        (NOT_UNDERSTOOD["half of it"][0], "registered-members: malformed or cut off"),
        (NOT_UNDERSTOOD["nothing"][0], "registered-members: malformed or cut off"),
    ],
)
def test_a_list_that_answers_something_else_is_not_read(odd, words, transport):
    fault = Fault(Stage.OTHER, Manner.REWRITE, nth=0, rewrite=odd)
    with RudeServer(box("G1"), fault) as server:
        server.box.answers = {LISTED: LIST}
        with (
            Client(target(server), transport) as client,
            pytest.raises((MalformedReply, DeviceError, TransportFailure), match=words),
        ):
            members.counted(client.rpc())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_that_takes_no_notice_of_inheritance_is_not_taken_for_one_without_it(transport):
    def reading(rpc):
        return views.gather(RESOURCE, rpc)

    def clearing(rpc):
        return clear(rpc, Clear(check=True))

    def waiting(rpc):
        # Gateways, and whole groups, may come from what the device does not show.
        wanted = {"G1": Wanted(members=["gm-1"], min_members=1), "G2": Wanted(min_members=1)}
        return wait_for(rpc, Wait(wanted, check=True), say=print)

    with RudeServer(box("G1")) as server:
        server.box.answers = {LISTED: LIST}
        group = next(server.box.committed.iter("group"))
        etree.SubElement(group, "apply-groups").text = "REKEY"
        with Client(target(server), transport) as client:
            for task in (reading, members.read, clearing, waiting):
                warned, *unlisted = task(client.rpc())["warnings"]
                assert warned.startswith(
                    "[edit security group-vpn server group G1] apply-groups REKEY: the device was"
                )
                # Its list is empty, and does not even name the group.
                assert len(unlisted) == (task in (members.read, clearing))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_that_its_device_ended_between_two_looks_hides_nobody(transport):
    """A device ends what nobody uses: the look that decides would be the one that fails."""
    told, now = [], [0.0]
    with RudeServer(box("G1")) as server, Client(target(server), transport) as client:

        def pause(seconds):
            now[0] += seconds
            server.box.answers[LISTED] = ONE_LISTED
            server.cut_off()
            while client.sessions[-1].is_alive():
                time.sleep(0.01)

        server.box.answers = {LISTED: LIST}
        request = Wait({"G1": Wanted(min_members=1)}, timeout=5, poll=5)
        done = wait_for(client.rpc(), request, told.append, lambda: now[0], pause)
    assert done["groups"][0]["alive"] == 1, done
    assert not any("look failed" in line for line in told)


# Confirmed commits


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kept", [True, False])
def test_a_confirmation_whose_time_ends_between_the_look_and_the_commit_is_not_reported_as_done(
    kept, transport
):
    """The device takes the commit back just before it is confirmed."""
    with awaiting_confirmation() as server:
        wanted = server.box.lines

        def ends(answer: bytes) -> bytes:
            server.box.expire()
            return answer

        server.faults.append(Fault(Stage.LOCK, Manner.REWRITE, rewrite=ends))
        with Client(target(server), transport) as client:
            keep = confirm.change_of(KEPT) if kept else None
            with pytest.raises(CommitDiffers, match="the device had taken back before what was"):
                confirm.confirm(client.rpc(), confirm.Request(change=keep))
        assert server.box.lines != wanted


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_somebody_elses_commit_that_is_confirmed_besides_is_said(transport):
    with awaiting_confirmation() as server:

        def another(answer: bytes) -> bytes:
            server.box.history.insert(0, Commit("admin", "cli", server.box.committed, "theirs", 5))
            return answer

        server.faults.append(Fault(Stage.HISTORY, Manner.REWRITE, rewrite=another))
        with Client(target(server), transport) as client:
            (warning,) = confirm.confirm(client.rpc(), confirm.Request())["warnings"]
    assert warning.startswith("the commit of admin by cli at ")
    assert warning.endswith("within 5 minutes; this commit has confirmed it")


MARK = b"<commit-confirmed>rollback pending</commit-confirmed>"
COMMENT = b"commit confirmed, rollback in 10mins"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("odd", "warned"),
    [
        (lambda a: a.replace(MARK, b""), "Commit confirmed will be rolled back in 9 minutes"),
        (
            lambda a: a.replace(MARK, b"").replace(COMMENT, b"will be rolled back in 9 minutes"),
            "Commit confirmed will be rolled back in 9 minutes",
        ),
        (
            lambda a: re.sub(rb"<commit-history>.*</commit-history>", b"", a, flags=re.S),
            "the answer holds no commit; the device does not say",
        ),
        (
            lambda a: re.sub(
                rb"<commit-inf.*ation>", b"<output>0 2026-10-05</output>", a, flags=re.S
            ),
            "the answer holds no commit history; the device does not say",
        ),
    ],
)
def test_what_may_await_confirmation_is_confirmed_to_be_sure(odd, warned, transport):
    with awaiting_confirmation() as server:
        server.faults.append(Fault(Stage.HISTORY, Manner.REWRITE, rewrite=odd))
        at_lock = "Commit confirmed will be rolled back in 9 minutes"
        server.faults.append(Fault(Stage.LOCK, Manner.WARNING, at_lock, nth=0))
        with Client(target(server), transport) as client:
            result = confirm.confirm(client.rpc(), confirm.Request())
        assert server.box.pending is None
    assert result["changed"]
    assert warned in " ".join(result["warnings"])


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("comment", [COMMENT, b"will be rolled back in 9 minutes"])
def test_a_check_of_what_may_await_confirmation_takes_no_lock(comment, transport):
    with awaiting_confirmation() as server:
        made = server.box.requests.count("lock")
        unmarked = Fault(
            Stage.HISTORY,
            Manner.REWRITE,
            rewrite=lambda answer: answer.replace(MARK, b"").replace(COMMENT, comment),
        )
        server.faults.append(unmarked)
        with Client(target(server), transport) as client:
            result = confirm.confirm(client.rpc(), confirm.Request(check=True))
        assert server.box.requests.count("lock") == made
        assert server.box.pending is not None
    assert result["changed"]
    assert result["msg"] == "would be committed, to confirm what may await it"
    assert "or was confirmed since; it would be confirmed" in " ".join(result["warnings"])


KEPT = """<configuration><security><group-vpn><server><group><name>G1</name>
<server-member-communication><heartbeat>120</heartbeat></server-member-communication>
</group></server></group-vpn></security></configuration>"""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_second_run_does_not_confirm_what_somebody_else_has_pending(transport):
    with awaiting_confirmation() as server:
        block = {"group": "G1", "heartbeat": 120}
        options = CommitOptions(confirmed=5, refuse_pending=True)
        with Client(target(server), transport) as client:
            result = change(client.rpc(), block=block, commit=options)
        assert result["changed"]
        assert result["pending_confirmation"]["minutes"] == 10
        assert server.box.pending is not None
