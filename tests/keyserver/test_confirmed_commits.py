# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Confirmed commits in every order of sessions, forms, deadlines, drops and restarts."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from lxml import etree

from keyserver.config.store import RETRY_SECONDS
from keyserver.netconf.work import Wait
from keyserver.srx import Surroundings
from tests.keyserver.console import END, START, Console, Session, errors, full_disk, tags

RFC = "<commit><confirmed/><confirm-timeout>{}</confirm-timeout></commit>"
CHANGE = "set system host-name {}"


def confirmed(session: Session, name: str, minutes: int = 5) -> etree._Element:
    """Junos' own form."""
    session.set(CHANGE.format(name))
    return session.commit(f"<confirmed/><confirm-timeout>{minutes}</confirm-timeout>")


def confirmed_by_rfc(session: Session, name: str, seconds: int = 300) -> etree._Element:
    session.set(CHANGE.format(name))
    return session.rpc(RFC.format(seconds))


def test_a_time_without_a_value_is_the_usual_one():
    console = Console()
    session = console.session()
    session.set(CHANGE.format("other"))
    assert errors(session.commit("<confirm-timeout/>")) == []
    console.pass_time(599)
    assert console.hostname() == "other"
    console.pass_time(2)
    assert console.hostname() == "hub-1"


def test_the_time_that_a_commit_takes_is_over_when_it_takes_effect():
    console = Console(commit_seconds=40)
    assert errors(confirmed(console.session(), "other", minutes=5)) == []
    assert console.device.database.archive.history[0].time == START + 40
    console.pass_time(40 + 5 * 60 - 1)
    assert console.hostname() == "other"
    console.pass_time(2)
    assert console.hostname() == "hub-1"


def test_what_confirms_in_time_may_end_behind_the_minutes():
    console = Console(commit_seconds=40)
    session = console.session()
    confirmed(session, "other", minutes=5)
    console.pass_time(40 + 5 * 60 - 1)
    session.netconf.feed(b"<rpc><commit-configuration/></rpc>" + END)
    steps = session.netconf.turn(console.now)
    work = next(steps)
    with contextlib.suppress(StopIteration):
        while True:
            if isinstance(work, Wait):
                console.pass_time(work.seconds)
                assert console.hostname() == "other"
            work = steps.send(work.run())
    console.pass_time(3600)
    assert console.hostname() == "other"


def history(session: Session) -> list[etree._Element]:
    return list(session.rpc("<get-commit-information/>").iter("commit-history"))


SESSIONS = 3
WHO = st.integers(0, SESSIONS - 1)


class Interleavings(RuleBasedStateMachine):
    """Three sessions and a clock against a model of what is in force and what is awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console()
        self.sessions = [self.console.session() for _ in range(SESSIONS)]
        self.running = self.console.hostname()
        self.awaited: tuple[float, str, int | None] | None = None
        self.count = 0

    def _take_back(self) -> None:
        assert self.awaited is not None
        self.running, self.awaited = self.awaited[1], None

    def _name(self, who: int) -> str:
        self.count += 1
        name = f"h{self.count}"
        assert errors(self.sessions[who].set(CHANGE.format(name))) == []
        return name

    @rule(who=WHO, minutes=st.integers(1, 9))
    def confirm_later(self, who, minutes):
        name = self._name(who)
        inner = f"<confirmed/><confirm-timeout>{minutes}</confirm-timeout>"
        assert errors(self.sessions[who].commit(inner)) == []
        restore = self.awaited[1] if self.awaited else self.running
        self.running, self.awaited = name, (self.console.now + 60 * minutes, restore, None)

    @rule(who=WHO, seconds=st.integers(1, 600))
    def confirm_later_by_rfc(self, who, seconds):
        name = self._name(who)
        reply = self.sessions[who].rpc(RFC.format(seconds))
        if self.awaited is not None and self.awaited[2] not in (None, who):
            assert tags(reply) == ["in-use"]
            self.sessions[who].rpc("<discard-changes/>")
            return
        assert errors(reply) == []
        restore = self.awaited[1] if self.awaited else self.running
        self.running, self.awaited = name, (self.console.now + seconds, restore, who)

    @rule(who=WHO, changes=st.booleans())
    def commit(self, who, changes):
        name = self._name(who) if changes else self.running
        assert errors(self.sessions[who].commit()) == []
        self.running, self.awaited = name, None

    @rule(who=WHO, changes=st.booleans())
    def commit_by_rfc(self, who, changes):
        name = self._name(who) if changes else self.running
        reply = self.sessions[who].rpc("<commit/>")
        if self.awaited is not None and self.awaited[2] not in (None, who):
            assert tags(reply) == ["in-use"]
            self.sessions[who].rpc("<discard-changes/>")
            return
        assert errors(reply) == []
        self.running, self.awaited = name, None

    @rule(who=WHO, changes=st.booleans())
    def check(self, who, changes):
        if changes:
            self._name(who)
        assert errors(self.sessions[who].commit("<check/>")) == []
        self.awaited = None
        self.sessions[who].rpc("<discard-changes/>")

    @rule(who=WHO, politely=st.booleans())
    def end(self, who, politely):
        if politely:
            self.sessions[who].raw(b'<rpc message-id="1"><close-session/></rpc>')
        self.sessions[who].end()
        if self.awaited is not None and self.awaited[2] == who:
            self._take_back()
        self.sessions[who] = self.console.session()

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds):
        self.console.pass_time(seconds)
        if self.awaited is not None and self.console.now >= self.awaited[0]:
            self._take_back()

    @rule(who=WHO, action=st.sampled_from(["rollback", "check", "unlock"]))
    def what_is_no_commit_confirms_nothing(self, who, action):
        session = self.sessions[who]
        match action:
            case "rollback":
                assert errors(session.rpc('<load-configuration rollback="0"/>')) == []
            case "check":
                assert (
                    errors(session.rpc("<validate><source><candidate/></source></validate>")) == []
                )
            case "unlock":
                session.rpc("<lock><target><candidate/></target></lock>")
                session.rpc("<unlock><target><candidate/></target></unlock>")
        session.rpc("<discard-changes/>")

    @precondition(lambda self: self.awaited is not None)
    @rule(who=WHO)
    def a_refused_commit_confirms_nothing(self, who):
        self.sessions[who].set("set security group-vpn server group G2 group-id 1")
        assert errors(self.sessions[who].commit("<check/>"))
        assert errors(self.sessions[who].commit())
        self.sessions[who].rpc("<discard-changes/>")

    @invariant()
    def what_is_in_force_is_what_was_promised(self):
        assert self.console.hostname() == self.running

    @invariant()
    def no_commit_is_of_the_future(self):
        times = [entry.time for entry in self.console.device.database.archive.history]
        assert times == sorted(times, reverse=True)
        assert times[0] <= self.console.now

    @invariant()
    def what_awaits_its_confirmation_is_said(self):
        newest = history(self.sessions[0])[0]
        assert (newest.findtext("commit-confirmed") == "rollback pending") == bool(self.awaited)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_session_that_ends_after_its_confirmed_commit_ran_out_takes_nothing_back(console):
    first, second = console.session(), console.session()
    confirmed_by_rfc(first, "theirs", 60)
    console.pass_time(61)
    confirmed(second, "ours")
    first.end()
    assert console.hostname() == "ours"
    assert errors(second.commit()) == []
    console.pass_time(3600)
    assert console.hostname() == "ours"


def test_a_dropped_session_is_taken_back_now_and_not_at_its_deadline(console):
    session = console.session()
    confirmed_by_rfc(session, "soon-gone", 36_000)
    console.now += 5
    heard = []
    console.device.database.effective.followers.append(lambda tree: heard.append)
    session.end()
    assert heard == [START + 5]
    assert console.device.database.archive.history[0].time == START + 5
    assert console.hostname() == "hub-1"


def test_another_session_can_neither_confirm_nor_lock_what_is_bound_to_a_session(console):
    first, second = console.session(), console.session()
    confirmed_by_rfc(first, "bound")
    number = str(first.netconf.holder.session_id)
    for refused, tag in (
        (second.rpc("<commit/>"), "in-use"),
        (second.rpc("<lock><target><running/></target></lock>"), "lock-denied"),
    ):
        assert tags(refused) == [tag]
        assert refused.findtext(".//session-id") == number
    assert second.rpc("<lock><target><candidate/></target></lock>").find("ok") is not None
    second.rpc("<unlock><target><candidate/></target></unlock>")
    assert errors(first.rpc("<commit/>")) == []
    first.end()
    assert console.hostname() == "bound"


def test_junos_own_commit_confirms_whoever_gives_it(console):
    first, second = console.session(), console.session()
    confirmed_by_rfc(first, "bound")
    assert errors(second.commit()) == []
    first.end()
    assert console.hostname() == "bound"


def test_a_check_confirms_for_good_unless_the_database_is_locked(tmp_path):
    console = Console(state=tmp_path / "hub-1.db")
    first, second = console.session(), console.session()
    confirmed(first, "checked")
    first.rpc("<lock-configuration/>")
    assert errors(second.commit("<check/>"))[0].startswith("configuration database locked by:")
    assert history(first)[0].findtext("commit-confirmed") == "rollback pending"
    first.rpc("<unlock-configuration/>")
    first.set("set system domain-name example.net")
    assert errors(second.commit("<check/>")) == []
    assert "+  domain-name example.net;" in first.compare()
    console.device.close()
    again = Console(state=tmp_path / "hub-1.db")
    again.pass_time(3600)
    assert again.hostname() == "checked"
    assert "domain-name" not in again.session().rpc('<get-configuration format="set"/>').findtext(
        ".//configuration-set"
    )


def test_a_private_copy_keeps_nobody_from_confirming(console):
    first, second = console.session(), console.session()
    confirmed(first, "theirs")
    assert errors(second.rpc("<open-configuration><private/></open-configuration>"))[0].startswith(
        "commit confirmed will be rolled back"
    )
    second.set("set system domain-name example.net")
    assert errors(first.set(CHANGE.format("more"))) == ["private edits in use"]
    assert errors(first.commit()) == []
    console.pass_time(3600)
    assert console.hostname() == "theirs"
    assert errors(second.commit()) == []
    assert console.hostname() == "theirs"


def test_edits_under_a_lock_outlive_what_is_taken_back_and_differ_from_what_runs(console):
    first, second = console.session(), console.session()
    confirmed_by_rfc(first, "bound")
    second.rpc("<lock><target><candidate/></target></lock>")
    second.set("set system domain-name example.net")
    first.end()
    assert console.hostname() == "hub-1"
    assert "host-name bound" in second.compare()
    # What differs from the running configuration is not a commit of nothing.
    second.set("delete system domain-name")
    assert "host-name bound" in second.compare()
    assert errors(second.commit()) == []
    assert console.hostname() == "bound"


@pytest.mark.parametrize("seconds", [1, 65_536, 4_294_967_295])
def test_rfc_seconds_reach_from_one_to_the_largest(console, seconds):
    session = console.session()
    assert errors(confirmed_by_rfc(session, "long", seconds)) == []
    console.pass_time(seconds - 0.5)
    assert console.hostname() == "long"
    console.pass_time(1)
    assert console.hostname() == "hub-1"


@pytest.mark.parametrize("seconds", ["0", "4294967296", "-1", "1.5", "²", "9" * 5000, "ten"])
def test_other_seconds_are_refused_and_change_nothing(console, seconds):
    session = console.session()
    reply = confirmed_by_rfc(session, "never", seconds)
    assert re.match("Value .* is not within range|Invalid numeric value", errors(reply)[0])
    assert console.hostname() == "hub-1"
    assert session.compare()


@pytest.mark.parametrize(
    "operation",
    [
        "<commit><confirmed/><persist>token</persist></commit>",
        "<commit><persist-id>token</persist-id></commit>",
        "<commit><confirm-timeout>60</confirm-timeout></commit>",
        "<cancel-commit/>",
    ],
)
def test_what_confirmed_commit_1_0_does_not_have_is_refused(console, operation):
    session = console.session()
    session.set(CHANGE.format("never"))
    assert errors(session.rpc(operation)) == ["syntax error"]
    assert console.hostname() == "hub-1"


def test_what_is_pending_is_told_to_all_who_ask_and_to_who_begins_to_edit(console):
    session = console.session()
    reply = confirmed(session, "pending", 10)
    notice = reply.findtext("commit-results/output").strip()
    assert (
        notice
        == "commit confirmed will be automatically rolled back in 10 minutes unless confirmed"
    )
    console.pass_time(90)
    newest = history(session)[0]
    assert newest.findtext("comment") == "commit confirmed, rollback in 10mins"
    text = session.rpc('<command format="text">show system commit</command>')
    assert "commit confirmed, rollback in 10mins\n    rollback pending\n" in text.findtext("output")
    for begin, end in (
        ("<lock-configuration/>", "<unlock-configuration/>"),
        (
            "<lock><target><candidate/></target></lock>",
            "<unlock><target><candidate/></target></unlock>",
        ),
        ("<open-configuration><private/></open-configuration>", "<close-configuration/>"),
        ("<open-configuration/>", "<close-configuration/>"),
    ):
        reply = session.rpc(begin)
        assert "commit confirmed will be rolled back in 9 minutes" in errors(reply)
        assert {e.findtext("error-severity") for e in reply.iter("rpc-error")} == {"warning"}
        assert errors(session.rpc(end)) == []
    assert errors(session.commit()) == []
    # What confirms is a commit of its own, as on a device.
    newest, before = history(session)[:2]
    assert newest.find("comment") is None
    assert before.findtext("comment") == "commit confirmed, rollback in 10mins"
    assert [entry.find("commit-confirmed") for entry in (newest, before)] == [None, None]
    assert errors(session.commit()) == []
    assert history(session)[0].findtext("sequence-number") == "0"
    assert len(history(session)) == 3
    assert errors(session.rpc("<lock-configuration/>")) == []


def test_a_restart_takes_back_what_was_bound_to_a_session(tmp_path):
    before = Console(state=tmp_path / "hub.db")
    confirmed_by_rfc(before.session(), "bound", 36_000)
    before.device.close()
    after = Console(state=tmp_path / "hub.db")
    assert after.hostname() == "hub-1"
    assert after.device.database.archive.history[0].time == START


def test_a_full_disk_at_the_deadline_does_not_keep_what_was_not_confirmed(tmp_path):
    troubles = []
    console = Console(state=tmp_path / "hub.db", around=Surroundings(on_trouble=troubles.append))
    session = console.session()
    confirmed(session, "unconfirmed", 1)
    with full_disk():
        console.pass_time(60)
        session.set(CHANGE.format("next"))
        refused = session.commit()
    assert console.hostname() == "hub-1"
    assert "taken back, but not written" in troubles[0]
    assert "disk" in errors(refused)[0]
    assert console.device.deadline() == console.now + RETRY_SECONDS
    console.pass_time(RETRY_SECONDS)
    assert errors(session.commit()) == []
    console.device.close()
    again = Console(state=tmp_path / "hub.db")
    assert again.hostname() == "next"
    names = [again.device.database.rollback(n)["system"]["host-name"] for n in range(4)]
    assert names == ["next", "hub-1", "unconfirmed", "hub-1"]


def test_what_a_start_takes_back_and_cannot_write_is_told(tmp_path):
    before = Console(state=tmp_path / "hub.db")
    confirmed_by_rfc(before.session(), "bound", 36_000)
    before.device.close()
    troubles = []
    with full_disk():
        after = Console(state=tmp_path / "hub.db", around=Surroundings(on_trouble=troubles.append))
    assert "taken back, but not written" in troubles[0]
    assert after.hostname() == "hub-1"


def test_a_kill_while_the_disk_is_full_takes_it_back_when_it_starts_again(tmp_path):
    console = Console(state=tmp_path / "hub.db")
    confirmed(console.session(), "unconfirmed", 1)
    with full_disk():
        console.pass_time(60)
    console.device.close()
    again = Console(state=tmp_path / "hub.db")
    again.pass_time(61)
    assert again.hostname() == "hub-1"


def test_a_disk_that_is_full_at_a_commit_is_an_error_and_the_session_lives(tmp_path):
    console = Console(state=tmp_path / "hub.db")
    session = console.session()
    session.set(CHANGE.format("next"))
    with full_disk():
        refused = session.commit()
    assert tags(refused) == ["operation-failed"]
    assert "disk" in errors(refused)[0]
    assert console.hostname() == "hub-1"
    assert session.compare()
    assert errors(session.commit()) == []
    assert console.hostname() == "next"


@pytest.mark.parametrize("gone", ["hub.db", "hub.db-wal", "another file"])
def test_nothing_is_acknowledged_that_goes_into_a_removed_file(tmp_path, gone):
    console = Console(state=tmp_path / "hub.db")
    session = console.session()
    session.set(CHANGE.format("next"))
    away = tmp_path / "hub.db" if gone == "another file" else tmp_path / gone
    away.rename(tmp_path / "away")
    if gone == "another file":
        away.write_bytes((tmp_path / "away").read_bytes())
    for operation in (
        "<commit/>",
        "<commit-configuration/>",
        "<request-save-rescue-configuration/>",
    ):
        assert re.search("gone, or another file", errors(session.rpc(operation))[0])
    assert console.hostname() == "hub-1"
    (tmp_path / "away").rename(away)
    assert errors(session.commit()) == []
    console.device.close()
    assert Console(state=tmp_path / "hub.db").hostname() == "next"
