# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A transaction on a device that answers oddly: what is held, what is committed, what is said."""

from __future__ import annotations

import re

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import confirm as confirming
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.confirmation import (
    awaiting,
    may_await_at,
    seconds_left,
    was_taken_back,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitDiffers,
    CommitLost,
    CommitUnknown,
    DeviceError,
    GroupVpnError,
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running import work
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import (
    RESOURCE as SERVER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE,
)
from lxml import etree

from tests.rude.device import box
from tests.rude.manners import Stage
from tests.rude.operations import rpc_error
from tests.unit.boxed import Boxed

GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
SETTINGS = {name.replace("_", "-"): value for name, value in GOOD.items()}
AT_ONCE, FIVE_MINUTES = CommitOptions(), CommitOptions(confirmed=5)


def wish(commit=AT_ONCE, **more):
    wanted = wanted_tree(RESOURCE, [{"group": "G1", **GOOD}], Generation.V2)
    return Request(RESOURCE, wanted, State.MERGED, commit=commit, **more)


def lost(_content):
    raise TransportFailure("192.0.2.1:830: commit: the connection ended")


def error_beside(content):
    return content + rpc_error("mgd: odd")


# What is held


def test_who_asks_for_no_difference_gets_none():
    assert apply(Boxed(box("G1"), {}), wish())["diff_text"] == ""


def test_a_lock_that_is_refused_and_given_all_the_same_is_given_back():
    rpc = Boxed(box("G1"), {Stage.LOCK: error_beside})
    with pytest.raises(DeviceError, match="odd"):
        apply(rpc, wish())
    assert rpc.stages[-1] is Stage.UNLOCK
    assert rpc.box.lock is None


@pytest.mark.parametrize("private", [False, True])
def test_a_lock_that_is_given_beside_a_bare_error_is_given_back_and_the_session_goes_on(private):
    rpc = Boxed(box("G1"), {Stage.LOCK: lambda _ok: "<output>error: mgd: odd</output>"})
    with pytest.raises(DeviceError, match="odd"):
        apply(rpc, wish(CommitOptions(private=private)))
    assert (rpc.box.locked, rpc.ended) == (False, 0)


def test_who_is_refused_a_lock_and_has_none_takes_no_other_one_away():
    rpc = Boxed(box("G1"), {})
    rpc.box.lock = 9
    with pytest.raises(DeviceError, match="locked by"):
        apply(rpc, wish())
    assert (rpc.box.lock, rpc.ended) == (9, 0)
    # Whether it was given is not known when nobody says so of its end either.
    rpc.twists = {Stage.UNLOCK: lost}
    with pytest.raises(DeviceError, match="locked by"):
        apply(rpc, wish())
    assert rpc.ended == 1


@pytest.mark.parametrize(
    ("ends", "said"),
    [(True, "the session was ended, and its lock with it"), (False, "the device may stay locked")],
)
def test_a_session_that_does_not_give_its_lock_back_is_ended_where_it_can_be(ends, said):
    rpc = Boxed(box("G1"), {Stage.UNLOCK: lost}, ends=ends)
    found = apply(rpc, wish())
    assert (found["changed"], rpc.ended) == (True, int(ends))
    assert said in found["warnings"][-1]


def test_a_session_that_failed_and_does_not_give_its_lock_back_is_ended():
    rpc = Boxed(box("G1"), {Stage.LOAD: error_beside, Stage.UNLOCK: lost})
    with pytest.raises(DeviceError, match="odd"):
        apply(rpc, wish())
    assert rpc.ended == 1


def test_a_lock_that_nobody_says_is_there_is_not_worked_under_and_given_back():
    for said in ("", "<html/>"):
        rpc = Boxed(box("G1"), {Stage.LOCK: lambda _ok, said=said: said})
        with pytest.raises(DeviceError, match="does not say that it was done"):
            apply(rpc, wish())
        assert (rpc.box.lock, rpc.stages[-1]) == (None, Stage.UNLOCK)


PRIVATE = CommitOptions(private=True)
NO_WORD = ("", "<!-- -->", "<cli><banner>{primary:node0}</banner></cli>")


def test_a_private_copy_is_opened_by_an_answer_without_a_word_and_by_no_word_nobody_knows():
    for said in NO_WORD:
        rpc = Boxed(box("G1"), {Stage.LOCK: lambda _ok, said=said: said})
        assert apply(rpc, wish(PRIVATE))["changed"]
    rpc = Boxed(box("G1"), {Stage.LOCK: lambda _ok: "<html/>"})
    with pytest.raises(DeviceError, match="does not say that it was done"):
        apply(rpc, wish(PRIVATE))
    assert Stage.LOAD not in rpc.stages
    assert not rpc.box.locked


@pytest.mark.parametrize("commit", [AT_ONCE, PRIVATE])
def test_an_end_of_the_lock_that_is_answered_with_who_knows_what_ends_the_session(commit):
    for said in (*NO_WORD, "<html/>"):
        rpc = Boxed(box("G1"), {Stage.UNLOCK: lambda _ok, said=said: said})
        found = apply(rpc, wish(commit))
        assert (found["changed"], rpc.ended) == (True, int(said == "<html/>"))
        told = [line for line in found["warnings"] if line.startswith("unlock the configuration: ")]
        assert len(told) == rpc.ended


def test_who_failed_and_gives_the_lock_back_to_who_knows_what_ends_the_session():
    rpc = Boxed(box("G1"), {Stage.LOAD: error_beside, Stage.UNLOCK: lambda _ok: "<html/>"})
    with pytest.raises(DeviceError, match="odd"):
        apply(rpc, wish())
    assert rpc.ended == 1


# Secrets that are not shown

READINGS = (Stage.READ, Stage.READ_AGAIN, Stage.LOOK, Stage.READ_BACK)
KEYED = {"ike": {"policies": [{"name": "p", "pre_shared_key": {"ascii_text": "made-up"}}]}}
KEY = "pre-shared-key ascii-text"


def keyed_by(hide):
    """A key that is set by a user to whom ``hide`` shows the configuration."""
    rpc = Boxed(box("G1"), dict.fromkeys(READINGS, hide))
    wanted = wanted_tree(SERVER, KEYED, Generation.V2)
    return apply(rpc, Request(SERVER, wanted, State.MERGED)), rpc


def test_a_secret_that_is_set_and_not_shown_is_not_called_the_devices_own_doing():
    def mask(content):
        return re.sub("<ascii-text>.*?<", "<ascii-text>/* SECRET-DATA */<", content)

    found, rpc = keyed_by(mask)
    assert found["changed"]
    assert [e.text for e in rpc.box.committed.iter("ascii-text")] == ["made-up"]
    (warned,) = found["warnings"]
    assert f"policy p {KEY.replace(' ', '] ')}: the device does not show it" in warned


def test_who_is_shown_no_secret_at_all_is_told_so_and_nothing_is_committed():
    def drop(content):
        return re.sub("<pre-shared-key>.*</pre-shared-key>", "", content, flags=re.S)

    with pytest.raises(DeviceError, match=f"it lacks: .*{KEY} .*without the permission 'secret'"):
        keyed_by(drop)


# What is committed


@pytest.mark.parametrize("commit", [AT_ONCE, CommitOptions(private=True)])
def test_a_lock_whose_answer_was_lost_is_given_back_where_the_session_goes_on(commit):
    rpc = Boxed(box("G1"), {Stage.LOCK: lost}, ends=False)
    with pytest.raises(TransportFailure):
        apply(rpc, wish(commit))
    assert not rpc.box.locked


def test_over_a_new_session_nothing_is_held_any_more():
    rpc = Boxed(box("G1"), {Stage.COMMIT: lost})
    found = apply(rpc, wish())
    after = rpc.stages[rpc.stages.index(Stage.COMMIT) :]
    assert not {Stage.UNLOCK, Stage.DISCARD} & set(after)
    assert found["warnings"][-1] == "asked again, the device has committed the change"


def test_without_another_session_the_lock_is_not_asked_for_twice():
    rpc = Boxed(box("G1"), {Stage.COMMIT: lost}, anew=False)
    before = rpc.box.committed
    rpc.twists = {Stage.COMMIT: lambda content: (_undo(rpc.box, before), lost(content))}
    with pytest.raises(CommitLost, match="has not committed"):
        apply(rpc, wish())
    assert rpc.stages.count(Stage.LOCK) == 1


def _undo(device, before):
    device.committed = before
    device.discard()


def test_engines_that_do_not_say_so_are_no_news_where_nobody_says_that_it_was_done():
    silent = "<commit-results><routing-engine><name>re0</name></routing-engine></commit-results>"
    rpc = Boxed(box("G1"), {Stage.COMMIT: lambda _said: silent})
    (warned,) = [w for w in apply(rpc, wish())["warnings"] if w.startswith("commit")]
    assert warned.endswith("the device has committed the change all the same")


@pytest.mark.parametrize(
    "said",
    [
        rpc_error("node1: commit failed"),
        "<output>error: node1: commit failed</output>",
        f"<commit-results><routing-engine><name>node1</name>{rpc_error('node1: commit failed')}"
        "</routing-engine></commit-results>",
    ],
)
def test_a_commit_that_one_node_refuses_and_another_has_made_is_made(said):
    rpc = Boxed(box("G1"), {Stage.COMMIT: lambda _ok: said})
    found = apply(rpc, wish())
    assert found["changed"]
    assert (
        "node1: commit failed; the device has committed the change all the"
        in (found["warnings"][-1])
    )


def test_a_commit_that_is_refused_is_so_also_where_nobody_may_look():
    def refused(_read):
        return rpc_error("commit failed")

    rpc = Boxed(box("G1"), {Stage.COMMIT: refused, Stage.READ_BACK: refused})
    with pytest.raises(DeviceError, match=r"^commit: commit failed$") as raised:
        apply(rpc, wish())
    assert not raised.value.may_have_changed


NOT_ALONE = {
    "a timeout": (rpc_error("commit failed: Operation timed out"), AT_ONCE),
    "another node": (rpc_error("node1: configuration check-out failed"), AT_ONCE),
    "a routing engine": (
        f"<commit-results><routing-engine><name>re0</name>{rpc_error('commit failed')}"
        "</routing-engine></commit-results>",
        AT_ONCE,
    ),
    "a node's item": (
        "<multi-routing-engine-results><multi-routing-engine-item><re-name>a</re-name>"
        f"{rpc_error('commit failed')}</multi-routing-engine-item></multi-routing-engine-results>",
        AT_ONCE,
    ),
    "several engines were asked": (rpc_error("commit failed"), CommitOptions(synchronize=True)),
}


@pytest.mark.parametrize("said", NOT_ALONE)
def test_a_no_that_is_not_one_devices_own_is_not_believed_where_nobody_may_look(said):
    content, options = NOT_ALONE[said]

    def hidden(_read):
        return rpc_error("permission denied")

    twists = {Stage.COMMIT: lambda _ok: content, Stage.READ_BACK: hidden}
    with pytest.raises(CommitUnknown, match="permission denied; whether") as raised:
        apply(Boxed(box("G1"), twists), wish(options))
    assert raised.value.may_have_changed


@pytest.mark.parametrize("said", [*NOT_ALONE, "one device"])
def test_after_a_no_a_session_that_broke_is_no_end_of_looking(said):
    content, options = NOT_ALONE.get(said, (rpc_error("commit failed"), AT_ONCE))
    broken = iter([True])

    def breaks_once(read):
        return lost(read) if next(broken, False) else read

    rpc = Boxed(box("G1"), {Stage.COMMIT: lambda _ok: content, Stage.READ_BACK: breaks_once})
    assert apply(rpc, wish(options))["changed"]
    before = box("G1").committed
    broken = iter([True])
    rpc = Boxed(box("G1"), {Stage.READ_BACK: breaks_once})
    rpc.twists[Stage.COMMIT] = lambda _ok: (_undo(rpc.box, before), content)[1]
    with pytest.raises(DeviceError) as refused:
        apply(rpc, wish(options))
    assert (refused.value.may_have_changed, rpc.box.lock) == (False, None)


def test_a_commit_that_is_said_to_be_done_and_left_everything_as_it_was_is_no_part_of_it():
    def nothing(tree):
        server = tree.find("security/group-vpn/server/group")
        server.remove(server.find("server-member-communication"))

    with pytest.raises(CommitDiffers, match="has nothing of the change"):
        apply(Boxed(box("G1", at_commit=nothing), {}), wish())


def test_settings_that_a_device_would_take_back_are_at_stake_and_those_of_others_are_not():
    rpc = Boxed(box("G1"), {})
    assert apply(rpc, wish(FIVE_MINUTES))["pending_confirmation"] is None
    found = apply(rpc, wish(FIVE_MINUTES))
    assert found["changed"]
    assert found["pending_confirmation"]["minutes"] == 5
    others = Boxed(box("G1", block=SETTINGS), {})
    others.box.commit(9, "eve", "", 7)
    found = apply(others, wish(FIVE_MINUTES))
    assert not found["changed"]
    assert found["warnings"][-1].endswith("it does not concern these settings")


@pytest.mark.parametrize("theirs", [FIVE_MINUTES, AT_ONCE])
def test_who_finds_under_the_lock_that_another_made_the_change_knows_whether_it_is_kept(theirs):
    rpc = Boxed(box("G1"), {})
    first = iter([True])

    def overtaken(read):
        if next(first, False):
            apply(Boxed(rpc.box, {}), wish(theirs))
        return read

    rpc.twists = {Stage.READ: overtaken}
    found = apply(rpc, wish(FIVE_MINUTES))
    assert (found["changed"], found["committed"]) == (theirs is FIVE_MINUTES, False)
    assert (found["pending_confirmation"] is not None) is (theirs is FIVE_MINUTES)
    assert any("takes the settings back" in w for w in found["warnings"]) is found["changed"]
    assert rpc.box.lock is None


@pytest.mark.parametrize(
    ("says_confirmed", "comment"), [(True, None), (False, None), (False, "CHG-1")]
)
def test_a_confirmed_commit_whose_time_ends_while_it_is_looked_at_was_taken_back(
    says_confirmed, comment
):
    """With a comment of one's own there is nothing in such a history to know it by."""
    rpc = Boxed(box("G1", says_confirmed=says_confirmed), {})

    def late(read):
        if rpc.box.pending is not None:
            rpc.box.expire()
        return read

    rpc.twists = {Stage.READ_BACK: late}
    with pytest.raises(CommitDiffers, match=r"has taken it back by now$"):
        apply(rpc, wish(FIVE_MINUTES._replace(comment=comment)))
    assert rpc.box.lock is None


def test_a_removal_that_somebody_else_makes_first_touches_nobody():
    rpc = Boxed(box("G1", block=SETTINGS), {})
    first = iter([True])

    def overtaken(read):
        if next(first, False):
            theirs = rpc.box.committed.find("security/group-vpn/server/group")
            theirs.remove(theirs.find("server-member-communication"))
            rpc.box.discard()
        return read

    def removed():
        wanted = wanted_tree(RESOURCE, [{"group": "G1"}], Generation.V2)
        request = Request(RESOURCE, wanted, State.DELETED, counted=lambda _rpc: {"G1": 2})
        return apply(rpc, request)

    rpc.twists = {Stage.READ: overtaken}
    found = removed()
    assert (found["changed"], found["warnings"]) == (False, [])
    rpc = Boxed(box("G1", block=SETTINGS), {})
    assert "group G1: the removal touches 2 registered members" in removed()["warnings"]


def test_what_was_only_checked_is_discarded_before_the_lock_is_given_back():
    rpc = Boxed(box("G1"), {})
    assert apply(rpc, wish(check=True, validate_on_device=True))["changed"]
    assert rpc.stages[-3:] == [Stage.CHECK, Stage.DISCARD, Stage.UNLOCK]


def test_what_awaits_confirmation_is_not_confirmed_by_a_check():
    rpc = Boxed(box("G1"), {})
    rpc.box.commit(9, "eve", "", 7)
    found = apply(rpc, wish(check=True, validate_on_device=True))
    assert rpc.box.pending is not None
    assert Stage.CHECK not in rpc.stages
    assert any("a check would confirm it" in line for line in found["warnings"])


def unmarked(**twists):
    """A device whose history marks nothing, and which warns at the lock of what awaits."""
    quiet = box("G1", tells_pending=False, says_pending_at_lock=True)
    return Boxed(quiet, {Stage[name]: twist for name, twist in twists.items()})


@pytest.mark.parametrize("words", ["commit confirmed will be", "Commit Confirmed Will Be"])
def test_what_the_lock_alone_tells_is_asked_for_by_whoever_may_lock(words):
    rpc = unmarked(LOCK=lambda said: said.replace("commit confirmed will be", words))
    assert apply(rpc, wish(FIVE_MINUTES))["confirmation_untold"]
    rpc.stages.clear()
    looked = apply(rpc, wish(FIVE_MINUTES, check=True))
    assert (looked["changed"], rpc.stages.count(Stage.LOCK)) == (False, 0)
    again = apply(rpc, wish(FIVE_MINUTES))
    assert (again["changed"], rpc.stages.count(Stage.LOCK)) == (True, 1)
    assert rpc.box.pending is not None


def silent(says_confirmed=True, commit=FIVE_MINUTES):
    """A device that tells nobody what awaits, after a run that ended behind its commit."""
    rpc = Boxed(box("G1", tells_pending=False, says_confirmed=says_confirmed), {})
    apply(rpc, wish(commit))
    return rpc


TICKET = FIVE_MINUTES._replace(comment="CHG-1")


def test_what_bears_our_comment_may_await_where_nothing_else_tells():
    rpc = silent(False, TICKET)
    found = apply(rpc, wish(TICKET))
    assert (found["changed"], found["confirmation_untold"]) == (False, True)
    (warned,) = found["warnings"]
    assert "'CHG-1' may await confirmation: the device does not say" in warned
    made_sure = confirming.confirm(rpc, confirming.Request("CHG-1", untold=True))
    assert (made_sure["changed"], rpc.box.pending) == (True, None)
    # What confirmed it bears the comment as well, and changed nothing.
    found = apply(rpc, wish(TICKET))
    assert (found["confirmation_untold"], found["warnings"]) == (False, [])
    assert not confirming.confirm(rpc, confirming.Request(untold=True))["changed"]


def test_what_was_taken_back_is_not_confirmed_where_nothing_else_tells():
    rpc = silent(False, TICKET)
    rpc.box.expire()
    with pytest.raises(DeviceError, match="the device has taken it back; make the change again"):
        confirming.confirm(rpc, confirming.Request("CHG-1", untold=True))
    # Who knows of no confirmed commit finds nothing to confirm.
    assert not confirming.confirm(rpc, confirming.Request())["changed"]


@pytest.mark.parametrize(
    ("seconds", "second", "doubted"),
    [
        (359, TICKET, True),
        (361, TICKET, False),
        (0, TICKET._replace(comment="CHG-2"), False),
        (0, FIVE_MINUTES, False),
        (599, TICKET._replace(confirmed=9), True),
    ],
)
def test_what_bears_no_comment_of_ours_or_is_too_old_is_in_no_doubt(seconds, second, doubted):
    rpc = silent(False, TICKET)
    rpc.box.now += seconds
    assert apply(rpc, wish(second))["confirmation_untold"] is doubted


def test_a_device_that_shows_confirmed_commits_is_believed_of_one_with_our_comment():
    rpc = Boxed(box("G1"), {})
    apply(rpc, wish(TICKET))
    confirming.confirm(rpc, confirming.Request("CHG-1"))
    found = apply(rpc, wish(TICKET))
    assert (found["confirmation_untold"], found["warnings"]) == (False, [])
    rpc.box.candidate.find("security/group-vpn/server/group/group-id").text = "7"
    rpc.box.commit(9, "eve", "", None)
    assert not confirming.confirm(rpc, confirming.Request(untold=True))["changed"]
    for_good = Boxed(box("G1"), {})
    for_good.box.commit(9, "eve", "", 5)
    apply(for_good, wish(AT_ONCE._replace(comment="CHG-1")))
    assert not apply(for_good, wish(TICKET))["confirmation_untold"]


@pytest.mark.parametrize("says_confirmed", [True, False])
@pytest.mark.parametrize("check", [True, False])
def test_what_may_await_its_confirmation_where_nobody_tells_is_said_to(says_confirmed, check):
    rpc = silent(says_confirmed)
    found = apply(rpc, wish(FIVE_MINUTES, check=check))
    assert (found["changed"], found["pending_confirmation"]) == (False, None)
    assert found["confirmation_untold"]
    (warned,) = found["warnings"]
    assert "may await confirmation, within 5 minutes: the device does not say" in warned
    assert "groupvpn.junos:" not in warned
    made_sure = confirming.confirm(rpc, confirming.Request())
    assert (made_sure["changed"], rpc.box.pending) == (True, None)


@pytest.mark.parametrize("tells", [True, False])
def test_what_a_change_confirms_besides_is_told_and_refused_where_it_is_to_be(tells):
    rpc = Boxed(box("G1", tells_pending=tells), {})
    rpc.box.commit(9, "eve", "", 7)
    with pytest.raises(Refused, match=f"{'' if tells else 'may '}await.* would confirm it"):
        apply(rpc, wish(FIVE_MINUTES._replace(refuse_pending=True)))
    assert rpc.box.pending is not None
    made = apply(rpc, wish(FIVE_MINUTES))
    assert (made["confirms"]["user"], made["confirms"]["minutes"]) == ("eve", 7)
    assert any("this commit confirms it, or is taken back" in line for line in made["warnings"])
    assert apply(Boxed(box("G1"), {}), wish())["confirms"] is None


@pytest.mark.parametrize("says_confirmed", [True, False])
def test_what_the_lock_alone_tells_to_await_is_certain_to(says_confirmed):
    rpc = unmarked()
    rpc.box.says_confirmed = says_confirmed
    rpc.box.commit(9, "eve", "", 7)
    with pytest.raises(Refused, match=r"of eve .* awaits confirmation.* would confirm it"):
        apply(rpc, wish(FIVE_MINUTES._replace(refuse_pending=True)))
    looked = apply(rpc, wish(check=True, validate_on_device=True))
    assert any("a check would confirm it" in line for line in looked["warnings"])
    assert (rpc.box.pending is not None, Stage.CHECK in rpc.stages) == (True, False)
    assert apply(rpc, wish())["confirms"]["user"] == "eve"


def test_a_check_confirms_nothing_for_who_may_not_see_what_awaits():
    rpc = Boxed(box("G1"), {Stage.HISTORY: lambda _said: rpc_error("permission denied")})
    rpc.box.commit(9, "eve", "", 7)
    found = apply(rpc, wish(check=True, validate_on_device=True))
    assert (found["changed"], rpc.box.pending is not None) == (True, True)
    assert "permission denied" in found["warnings"][-1]
    assert found["warnings"][-1].endswith(
        "not checked on the device, because a check would confirm it"
    )
    made = apply(rpc, wish())
    assert (made["changed"], rpc.box.pending) == (True, None)
    assert any(line.endswith("is confirmed by this commit") for line in made["warnings"])


@pytest.mark.parametrize("says_confirmed", [True, False])
def test_what_was_confirmed_is_in_no_doubt_where_nobody_tells(says_confirmed):
    rpc = silent(says_confirmed)
    confirming.confirm(rpc, confirming.Request(untold=True))
    found = apply(rpc, wish(FIVE_MINUTES))
    assert (found["changed"], found["confirmation_untold"]) == (False, False)
    assert found["warnings"] == []
    assert not confirming.confirm(rpc, confirming.Request())["changed"]


@pytest.mark.parametrize(("seconds", "doubted"), [(359, True), (361, False)])
def test_a_commit_whose_time_is_over_and_that_is_there_was_confirmed(seconds, doubted):
    rpc = silent()
    rpc.box.now += seconds
    assert apply(rpc, wish(FIVE_MINUTES))["confirmation_untold"] is doubted
    assert confirming.confirm(rpc, confirming.Request())["changed"] is doubted


def test_where_nobody_tells_the_time_what_may_await_does_so():
    rpc = silent()
    rpc.box.now += 9999
    rpc.box.answers["get-system-uptime-information"] = rpc_error("permission denied")
    assert apply(rpc, wish(FIVE_MINUTES))["confirmation_untold"]


def test_what_may_await_and_is_of_other_settings_is_no_news():
    rpc = Boxed(box("G1", block=SETTINGS, tells_pending=False), {})
    rpc.box.commit(9, "eve", "", 7)
    found = apply(rpc, wish(FIVE_MINUTES))
    assert (found["confirmation_untold"], found["warnings"]) == (False, [])


def test_the_comment_that_was_asked_for_is_the_comment():
    rpc = Boxed(box("G1", says_confirmed=False), {})
    apply(rpc, wish(FIVE_MINUTES._replace(comment="CHG-1")))
    assert rpc.box.history[0].log == "CHG-1"


@pytest.mark.parametrize(("tells", "says"), [(True, True), (False, True), (False, False)])
def test_what_a_server_may_take_back_counts_as_not_proved(tells, says):
    rpc = Boxed(box("G1", tells_pending=tells, says_confirmed=says), {})
    apply(rpc, wish(TICKET))
    found = work.unproved(rpc, TICKET)
    assert found is not None
    assert found.concerns_us
    assert "server-member-communication" in found.difference
    assert ("may await" in found.told) is not tells
    rpc.box.commit(9, "netops", "", None)
    assert work.unproved(rpc, TICKET) is None


def test_a_server_that_does_not_show_its_history_is_said_not_to_tell_what_awaits():
    rpc = Boxed(box("G1"), {Stage.HISTORY: lambda _said: rpc_error("permission denied")})
    told = work.unproved(rpc, TICKET)
    assert not told.concerns_us
    assert str(told) == (
        "read the commit history: permission denied; the device does not say whether a commit "
        "awaits confirmation"
    )
    assert work.unproved(rpc, AT_ONCE) is None


@pytest.mark.parametrize("tells", [True, False])
def test_what_a_server_takes_back_of_other_settings_is_told_where_it_is_certain(tells):
    rpc = Boxed(box("G1", block=SETTINGS, tells_pending=tells), {})
    rpc.box.commit(9, "eve", "", 7)
    found = work.unproved(rpc, TICKET)
    assert (found is not None) is tells
    assert found is None or not found.concerns_us


def another_comparison(_said):
    return "<configuration-information><output>[edit security]</output></configuration-information>"


def test_a_comparison_that_is_not_understood_is_not_taken_for_no_difference():
    rpc = Boxed(box("G1"), {})
    apply(rpc, wish(FIVE_MINUTES))
    rpc.twists = {Stage.COMPARE: another_comparison}
    found = apply(rpc, wish(FIVE_MINUTES))
    assert (found["changed"], found["pending_confirmation"]["user"]) == (True, "netops")
    assert any("what the newest commit changed is not known" in w for w in found["warnings"])
    may_be_ours = work.unproved(rpc, FIVE_MINUTES)
    assert (may_be_ours.difference, may_be_ours.concerns_us, may_be_ours.sends_away) == (
        *(None, True),
        True,
    )
    silent = Boxed(box("G1", tells_pending=False, says_confirmed=False), {})
    apply(silent, wish(TICKET))
    silent.twists = {Stage.COMPARE: another_comparison}
    assert confirming.confirm(silent, confirming.Request(untold=True))["changed"]
    assert silent.box.pending is None


def test_a_change_whose_comparison_is_not_understood_is_not_made_blindly():
    rpc = Boxed(box("G1"), {Stage.COMPARE: another_comparison})
    with pytest.raises(DeviceError, match=r"^compare: the answer holds no comparison$"):
        apply(rpc, wish(diff=True))
    assert (len(rpc.box.history), rpc.box.lock) == (1, None)
    # So some releases say that there is none.
    assert apply(Boxed(box("G1"), {Stage.COMPARE: lambda _said: ""}), wish(diff=True))["changed"]


def test_a_commit_that_is_only_said_to_be_checked_is_looked_for():
    def checked(_said):
        return "<commit-results><re><commit-check-success/></re></commit-results>"

    found = apply(Boxed(box("G1"), {Stage.COMMIT: checked}), wish())
    assert found["changed"]
    assert any("does not say whether it was done" in w for w in found["warnings"])


def test_where_no_commit_was_to_be_confirmed_nothing_is_locked_to_hear_of_it():
    rpc = unmarked()
    apply(rpc, wish())
    rpc.stages.clear()
    assert not apply(rpc, wish())["changed"]
    assert Stage.LOCK not in rpc.stages


def test_a_device_that_marks_what_awaits_is_not_said_to_keep_it_to_itself():
    rpc = Boxed(box("G1"), {})
    found = apply(rpc, wish(FIVE_MINUTES))
    assert found["confirmation_untold"] is False
    assert not any("does not mark" in line for line in found["warnings"])


def other_cipher(tree):
    block = tree.find("security/group-vpn/server/group/server-member-communication")
    block.find("encryption-algorithm").text = "aes-128-cbc"


@pytest.mark.parametrize("said", [lost, lambda _ok: rpc_error("commit failed")])
def test_what_a_device_has_made_something_else_of_is_that_whatever_it_answers(said):
    """Without a word as well as with a no: it has committed, and not what was to be."""
    with pytest.raises(CommitDiffers):
        apply(Boxed(box("G1", at_commit=other_cipher), {Stage.COMMIT: said}), wish())


@pytest.mark.parametrize("commit", [AT_ONCE, FIVE_MINUTES])
def test_of_a_confirmed_commit_that_failed_in_the_end_it_is_said_when_it_goes(commit):
    with pytest.raises(CommitDiffers) as raised:
        apply(Boxed(box("G1", at_commit=other_cipher), {}), wish(commit))
    ends = "the device takes back what was committed 5 minutes after the commit"
    assert (ends in str(raised.value)) is (commit is FIVE_MINUTES)


def test_keys_that_may_have_gone_are_not_reported_as_left():
    def refused(_said):
        return rpc_error("permission denied")

    for twist, may in ((lost, True), (refused, False), (error_beside, True)):
        rpc = Boxed(box("G1"), {Stage.OTHER: twist})
        rpc.box.answers["clear-security-group-vpn-server"] = "<ok/>"
        with pytest.raises(GroupVpnError) as raised:
            work.new_keys(rpc, "G1")
        assert raised.value.may_have_changed is may
    # Of two groups of a member the first has gone.
    answers = iter(["<ok/>", rpc_error("permission denied")])
    rpc = Boxed(box("G1"), {Stage.OTHER: lambda _said: next(answers)})
    with pytest.raises(DeviceError, match="permission denied") as raised:
        work.renew(rpc, Generation.V2, [1, 2])
    assert raised.value.may_have_changed


# What is confirmed


def confirmed(rpc, change=None):
    return confirming.confirm(rpc, confirming.Request(change=change))


def change_of(count):
    """A change of that many statements, none of which is on the device."""
    names = ("heartbeat", "lifetime-seconds", "number-of-retransmission", "retransmission-period")
    group = "".join(f"<{name}>9</{name}>" for name in names)
    more = "".join(f"<group><name>X{n}</name></group>" for n in range(count - len(names)))
    return etree.fromstring(
        f"<configuration><security><group-vpn><server><group><name>G1</name>"
        f"<server-member-communication>{group}</server-member-communication></group>{more}"
        "</server></group-vpn></security></configuration>"
    )


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, " and 1 more")])
def test_what_is_gone_before_it_was_confirmed_is_named_and_the_rest_counted(count, more):
    rpc = Boxed(box("G1"), {})
    rpc.box.commit(9, "netops", "", 5)
    with pytest.raises(DeviceError) as refused:
        confirmed(rpc, change_of(count))
    assert f"{more}; it was taken back or changed since" in str(refused.value)
    assert (" more;" in str(refused.value)) is bool(more)
    assert rpc.box.pending is not None


def no_answer(_said):
    return ""


@pytest.mark.parametrize("answer", [no_answer, lost])
def test_a_confirmation_without_an_answer_is_told_by_its_entry_where_nothing_else_tells(answer):
    rpc = unmarked()
    apply(rpc, wish(FIVE_MINUTES))
    rpc.twists = {Stage.COMMIT: answer}
    found = confirmed(rpc)
    assert (found["changed"], rpc.box.pending) == (True, None)


@pytest.mark.parametrize("answer", [no_answer, lost])
def test_a_confirmation_that_nothing_tells_of_may_have_been_made(answer):
    """A commit of nothing may have no entry, or who commits may not see it."""
    rpc = unmarked()
    apply(rpc, wish(FIVE_MINUTES))

    def without_entry(said):
        del rpc.box.history[0]
        return answer(said)

    rpc.twists = {Stage.COMMIT: without_entry}
    with pytest.raises(CommitUnknown, match="history does not tell") as raised:
        confirmed(rpc)
    assert (raised.value.may_have_changed, rpc.box.pending) == (True, None)
    rpc = unmarked(HISTORY=lambda _said: rpc_error("permission denied"))
    rpc.twists[Stage.COMMIT] = answer
    with pytest.raises(CommitUnknown, match="permission denied"):
        confirmed(rpc)


BLOCK = "security/group-vpn/server/group/server-member-communication"


@pytest.mark.parametrize("place", ["security", BLOCK, f"{BLOCK}/encryption-algorithm"])
@pytest.mark.parametrize("theirs", [None, 7])
def test_what_somebody_has_deactivated_since_is_said_not_to_be_in_force(place, theirs):
    rpc = Boxed(box("G1"), {})
    made = apply(rpc, wish(FIVE_MINUTES))
    change = confirming.change_of(made)
    words = "is deactivated on the device: what was to be kept is not in force"
    rpc.box.candidate.find(place).set("inactive", "inactive")
    rpc.box.commit(9, "eve", "", theirs)
    found = confirmed(rpc, change)
    where = f"[edit {place.replace('/', ' ').replace('group server-m', 'group G1 server-m')}]"
    assert (found["changed"], f"{where} {words}" in found["warnings"]) == (theirs is not None, True)
    rpc = Boxed(box("G1"), {})
    change = confirming.change_of(apply(rpc, wish(FIVE_MINUTES)))
    assert not any(words in warning for warning in confirmed(rpc, change)["warnings"])


def test_a_device_that_does_not_mark_what_awaits_is_not_said_to_have_confirmed_anothers():
    rpc = Boxed(box("G1", tells_pending=False, says_pending_at_lock=True), {})
    rpc.box.commit(9, "netops", "", 5)
    found = confirmed(rpc)
    assert found["changed"]
    assert not any("this commit has confirmed it" in line for line in found["warnings"])


@pytest.mark.parametrize(("says", "sure"), [(True, False), (False, True)])
def test_only_what_nobody_tells_of_is_confirmed_to_be_sure(says, sure):
    rpc = Boxed(box("G1", tells_pending=False, says_pending_at_lock=says), {})
    rpc.box.commit(9, "netops", "", 5)
    found = confirming.confirm(rpc, confirming.Request(untold=True))
    assert found["changed"]
    assert rpc.box.pending is None
    told = " ".join(found["warnings"])
    assert ("confirmed to be sure" in told, "does not say whether" in told) == (sure, False)
    assert found["msg"] == "committed, to confirm what may await it"


@pytest.mark.parametrize(
    ("given", "untold"),
    [({"confirmation_untold": True}, True), ({"confirmation_untold": "no"}, False), ({}, False)],
)
def test_only_a_result_that_says_so_is_of_a_device_that_does_not_tell(given, untold):
    assert confirming.is_untold(given) is untold


@pytest.mark.parametrize("later", [0, 60])
def test_a_confirmed_commit_that_was_made_since_is_said_to_be_confirmed_as_well(later):
    rpc = Boxed(box("G1"), {})
    made = apply(rpc, wish(FIVE_MINUTES))
    rpc.box.now += later
    if later:
        rpc.box.commit(8, "eve", "", 7)
    request = confirming.Request(made=confirming.made_by(made))
    said = " ".join(confirming.confirm(rpc, request)["warnings"])
    assert ("of eve" in said and "is confirmed with what was to be" in said) is bool(later)
    assert rpc.box.pending is None


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("<configuration/>", None),
        ({"confirmation_awaited": None, "pending_confirmation": {"user": "a"}}, {"user": "a"}),
        ({"confirmation_awaited": {"user": "b"}}, {"user": "b"}),
        ({"confirmation_awaited": "yes"}, None),
    ],
)
def test_what_awaited_in_a_result_is_what_is_to_be_confirmed(given, made):
    assert confirming.made_by(given) == made


def test_what_a_device_hides_is_not_said_to_be_gone():
    rpc = Boxed(box("G1"), {})
    made = apply(rpc, wish(FIVE_MINUTES))
    hidden = "<configuration><comment/><!-- ACCESS-DENIED --></configuration>"
    rpc.twists = {Stage.READ: lambda _said: hidden}
    with pytest.raises(DeviceError, match="hides some of it from this user"):
        confirmed(rpc, confirming.change_of(made))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (
            {"results": [{"xml": "<configuration/>"}], "changed": True},
            "results of a loop, 'results'",
        ),
        ({"changed": True, "msg": "all well"}, "a result without 'xml'"),
        ([{"xml": "<configuration/>"}], "list"),
    ],
)
def test_what_tells_of_no_change_is_not_taken_for_one_that_kept_nothing(given, what):
    with pytest.raises(Refused, match=f"change: {what}: give the registered result of the task"):
        confirming.change_of(given)


@pytest.mark.parametrize(
    "given",
    [None, "", {}, {"xml": ""}, {"skipped": True}, {"failed": True}, {"unreachable": True}],
)
def test_where_nothing_was_changed_nothing_is_looked_for(given):
    assert confirming.change_of(given) is None


def test_a_comment_in_a_history_is_no_commit():
    entry = "<commit-history><commit-confirmed/><user>eve</user></commit-history>"
    history = etree.fromstring(f"<commit-information><!-- x -->{entry}</commit-information>")
    assert awaiting(history).user == "eve"


def test_a_commit_that_came_between_is_said_to_be_confirmed_or_to_await_that():
    rpc = Boxed(box("G1"), {})
    rpc.box.commit(9, "netops", "", 5)
    rpc.twists = {Stage.LOCK: lambda said: (rpc.box.commit(8, "eve", "", 7), said)[1]}
    assert any("eve" in w and "has confirmed it" in w for w in confirmed(rpc)["warnings"])
    rpc = Boxed(box("G1"), {})
    rpc.box.commit(9, "netops", "", 5)
    rpc.twists = {Stage.COMMIT: lambda said: (rpc.box.commit(8, "eve", "", 7), said)[1]}
    assert any("eve" in w and "made since" in w for w in confirmed(rpc)["warnings"])


@pytest.mark.parametrize("makes_an_entry", [True, False])
def test_a_commit_of_nothing_may_have_no_entry_where_something_was_taken_back(makes_an_entry):
    entry = "<commit-history><user>{}</user><client>{}</client>{}</commit-history>"
    entries = [
        *([entry.format("netops", "netconf", "")] if makes_an_entry else []),
        entry.format("root", "other", ""),
        entry.format("netops", "netconf", "<comment>commit confirmed, rollback in 5mins</comment>"),
    ]
    history = etree.fromstring(
        f"<r><commit-information>{''.join(entries)}</commit-information></r>"
    )
    assert was_taken_back(history, confirmed=True)


def test_what_was_taken_back_just_before_it_was_confirmed_is_not_said_to_be_kept():
    rpc = Boxed(box("G1"), {})
    rpc.box.commit(9, "netops", "", 5)
    rpc.twists = {Stage.LOCK: lambda said: (rpc.box.expire(), said)[1]}
    with pytest.raises(CommitDiffers, match="had taken back before what was to be confirmed"):
        confirmed(rpc)


@pytest.mark.parametrize(("told", "given", "minutes"), [("", None, 10), ("", 3, 3), ("5min", 3, 5)])
@pytest.mark.parametrize("late", [0, 60, 61])
def test_a_commit_may_be_confirmed_for_the_time_that_it_has_and_no_longer(
    told, given, minutes, late
):
    """Junos: ten minutes, unless somebody says another time. A minute is a slow device's."""
    log = f"<comment>commit confirmed, rollback in {told}</comment>" if told else ""
    history = etree.fromstring(
        '<rpc-reply><commit-information><commit-history><date-time seconds="1000">then</date-time>'
        f"{log}</commit-history></commit-information></rpc-reply>"
    )
    assert may_await_at(history, 1000 + 60 * minutes + late, given) is (late <= 60)
    # Its clock was put back by an hour since.
    assert seconds_left(history, 1000 - 3600, given) == 60 * minutes
