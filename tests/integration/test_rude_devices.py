# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What rude devices do beyond one bad answer: slowness, odd octets, banners, pending commits."""

from __future__ import annotations

import sys

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import confirm
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitDiffers,
    CommitUnknown,
    DeviceError,
    GroupVpnError,
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running import work
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import read as members
from lxml import etree

from tests.integration.test_rude import (
    BLOCK,
    CHANGE_LINE,
    SILENCE,
    TRANSPORTS,
    Client,
    awaiting_confirmation,
    change,
    gathered,
    target,
)
from tests.lab import play
from tests.rude import PASSWORD, USER, Fault, Manner, RudeServer, Stage, box, set_lines
from tests.rude.operations import rpc_error

MODULE = "groupvpn.junos.server_member_communication"
CONFIRM = "groupvpn.junos.confirm_commit"

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


def has_change(server: RudeServer) -> bool:
    return any(CHANGE_LINE in line for line in server.box.lines)


# What is left out of a load


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    "left",
    [
        {"sig-hash-algorithm"},
        {"server-member-communication"},
        {"encryption-algorithm", "heartbeat"},
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_a_device_leaves_out_with_a_warning_is_no_change(transport, left, private, check):
    options = {"check": check, "validate_on_device": check}
    with RudeServer(box("G1")) as server:
        server.box.leaves_out = frozenset(left)
        before = server.box.lines
        with (
            Client(target(server), transport) as client,
            pytest.raises(
                DeviceError, match=r"left out some of the change.*nothing was committed"
            ) as raised,
        ):
            change(client.rpc(), commit=CommitOptions(private=private), **options)
        assert any("statement not found" in warning for warning in raised.value.warnings)
        assert server.settled()
        assert server.box.lines == before
        assert not server.box.locked
        assert set_lines(server.box.candidate) == before


def test_a_warning_about_a_load_that_is_whole_is_a_warning(transport):
    told = Fault(Stage.LOAD, Manner.WARNING, "statement not found")
    with RudeServer(box("G1"), told) as server:
        with Client(target(server), transport) as client:
            result = change(client.rpc())
        assert has_change(server)
    assert result["changed"]
    assert "load the change: statement not found" in result["warnings"]


# What a device does without a word


def _without(name: str):
    def left_out(configuration: etree._Element) -> None:
        for element in [e for e in configuration.iter() if e.tag == name]:
            element.getparent().remove(element)

    return left_out


def _with(name: str, value: str):
    def made(configuration: etree._Element) -> None:
        for element in [e for e in configuration.iter() if e.tag == name]:
            element.text = value

    return made


def _besides(name: str, value: str):
    """A default that it writes down by itself."""

    def added(configuration: etree._Element) -> None:
        for block in list(configuration.iter("server-member-communication")):
            if all(e.tag != name for e in block):
                etree.SubElement(block, name).text = value

    return added


def _keeping(configuration: etree._Element) -> None:
    """Nothing is deleted."""
    for element in [e for e in configuration.iter() if e.get("delete") is not None]:
        element.getparent().remove(element)


LIFETIME = {**BLOCK, "lifetime_seconds": 80000}
SILENT = {
    "a leaf": (_without("sig-hash-algorithm"), "set .*sig-hash-algorithm sha-256"),
    "a block": (_without("server-member-communication"), "set .*encryption-algorithm"),
    "an entry": (_without("group"), "set .*encryption-algorithm"),
    "everything": (_without("security"), "set .*encryption-algorithm"),
    "another value": (
        _with("lifetime-seconds", "3600"),
        r"set .*lifetime-seconds 80000 \(.*set .*lifetime-seconds 3600",
    ),
    "another word": (_with("encryption-algorithm", "aes-128-cbc"), "set .* aes-256-cbc"),
    "no value": (_with("lifetime-seconds", "0"), "set .*lifetime-seconds 80000"),
}


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("silent", SILENT)
def test_what_a_device_silently_makes_something_else_of_is_not_committed(
    transport, silent, private
):
    habit, words = SILENT[silent]
    with RudeServer(box("G1")) as server:
        server.box.at_load = habit
        before = server.box.lines
        with (
            Client(target(server), transport) as client,
            pytest.raises(DeviceError, match=rf"it lacks: {words}.*nothing was committed"),
        ):
            change(client.rpc(), block=LIFETIME, commit=CommitOptions(private=private))
        assert server.settled()
        assert "commit-configuration" not in server.box.requests
        assert server.box.lines == before
        assert not server.box.locked


@pytest.mark.parametrize("state", [State.DELETED, State.REPLACED, State.OVERRIDDEN])
def test_what_a_device_silently_keeps_is_not_reported_as_removed(transport, state):
    have = {"encryption-algorithm": "aes-256-cbc", "sig-hash-algorithm": "sha-256"}
    with RudeServer(box("G1", block={**have, "heartbeat": "90"})) as server:
        server.box.at_load = _keeping
        before = server.box.lines
        with (
            Client(target(server), transport) as client,
            pytest.raises(DeviceError, match=r"it lacks: delete .*; nothing was committed"),
        ):
            change(client.rpc(), state)
        assert server.box.lines == before


@pytest.mark.parametrize("silent", SILENT)
def test_what_a_commit_silently_makes_something_else_of_is_a_failure_that_changed_the_device(
    transport, silent
):
    habit, words = SILENT[silent]
    with RudeServer(box("G1")) as server:
        server.box.at_commit = habit
        with (
            Client(target(server), transport) as client,
            pytest.raises(
                CommitDiffers, match=f"the device has (committed|accepted).*it lacks: {words}"
            ) as raised,
        ):
            change(client.rpc(), block=LIFETIME)
        assert raised.value.may_have_changed
        assert server.settled()
        assert not server.box.locked


@pytest.mark.parametrize("when", ["at_load", "at_commit"])
@pytest.mark.parametrize("state", [State.MERGED, State.REPLACED, State.OVERRIDDEN])
def test_what_a_device_sets_besides_is_said_and_shown(transport, state, when):
    with RudeServer(box("G1")) as server:
        setattr(server.box, when, _besides("heartbeat", "300"))
        with Client(target(server), transport) as client:
            result = change(client.rpc(), state)
            assert result["after"] == gathered(client.rpc()) == [{**BLOCK, "heartbeat": 300}]
        assert has_change(server)
    assert result["changed"]
    assert [w for w in result["warnings"] if "by itself" in w] == [
        "the device has made by itself of the change: set security group-vpn server group G1 "
        "server-member-communication heartbeat 300"
    ]


@pytest.mark.parametrize("private", [False, True])
def test_what_may_be_somebody_elses_commit_is_not_laid_at_the_devices_door(transport, private):
    """Others commit beside a private copy; the reading after a commit shows both changes."""
    with RudeServer(box("G1")) as server:
        server.box.at_commit = _besides("heartbeat", "300")
        with Client(target(server), transport) as client:
            result = change(client.rpc(), commit=CommitOptions(private=private))
    (said,) = [w for w in result["warnings"] if "by itself" in w]
    assert ("or somebody else has committed besides: set" in said) == private
    with RudeServer(box("G1")) as server:
        server.box.at_commit = _without("sig-hash-algorithm")
        with Client(target(server), transport) as client, pytest.raises(CommitDiffers) as raised:
            change(client.rpc(), commit=CommitOptions(private=private))
    assert ("or somebody else has committed besides: it lacks" in str(raised.value)) == private


def test_what_a_device_checks_is_the_whole_change(transport):
    with RudeServer(box("G1")) as server:
        server.box.at_load = _without("sig-hash-algorithm")
        with (
            Client(target(server), transport) as client,
            pytest.raises(DeviceError, match="it lacks"),
        ):
            change(client.rpc(), check=True, validate_on_device=True)
        assert not server.box.locked


def test_what_was_committed_is_looked_at_as_a_whole_after_a_lost_answer(transport):
    with RudeServer(box("G1"), Fault(Stage.COMMIT, Manner.CUT_AFTER)) as server:
        server.box.at_commit = _without("sig-hash-algorithm")
        with (
            Client(target(server), transport) as client,
            pytest.raises(CommitDiffers, match=r"it lacks: set .*sig-hash-algorithm"),
        ):
            change(client.rpc())


# The answer to a commit


def test_a_commit_that_takes_longer_than_the_answer_may_is_waited_for(transport):
    slow = Fault(Stage.COMMIT, Manner.SLOW, seconds=SILENCE + 2)
    with RudeServer(box("G1"), slow) as server:
        with Client(target(server, rpc_timeout=SILENCE), transport) as client:
            rpc = client.rpc()
            rpc.patience = 60
            result = change(rpc)
        assert has_change(server)
    assert result["changed"]
    assert "has committed the change" in " ".join(result["warnings"])


def test_a_commit_that_may_still_come_is_not_reported_as_not_done(transport):
    slow = Fault(Stage.COMMIT, Manner.SLOW, seconds=600)
    with RudeServer(box("G1"), slow) as server:
        with (
            Client(target(server, rpc_timeout=SILENCE), transport) as client,
            pytest.raises(CommitUnknown, match=r"unknown.*read") as raised,
        ):
            change(client.rpc())
        assert "locked by" in str(raised.value)


def test_a_device_that_is_gone_after_a_commit_leaves_it_unknown(transport):
    with RudeServer(box("G1"), Fault(Stage.COMMIT, Manner.CUT_AFTER)) as server:
        server.logins = 1
        with Client(target(server), transport) as client:
            rpc = client.rpc()
            rpc.patience = 0.5
            with pytest.raises(CommitUnknown, match="unknown") as raised:
                change(rpc)
        assert has_change(server)
    assert raised.value.warnings


def test_a_lock_that_is_not_given_back_ends_with_its_session_and_not_with_the_play(transport):
    with (
        RudeServer(box("G1"), Fault(Stage.UNLOCK, Manner.ERROR)) as server,
        Client(target(server, persist=5), transport) as client,
    ):
        assert change(client.rpc())["changed"]
        assert server.settled()
        assert not server.box.locked
        assert not client.sessions[0].keep()


@pytest.mark.parametrize("octets", [1, 60, 300])
def test_a_connection_that_ends_within_a_request_is_a_failure_and_no_change(transport, octets):
    with RudeServer(box("G1")) as server:
        server.cut_requests_after = octets
        with (
            Client(target(server), transport) as client,
            pytest.raises(TransportFailure, match="the connection broke"),
        ):
            change(client.rpc())
        assert not has_change(server)
        assert server.settled()
        assert not server.box.locked


@pytest.mark.parametrize("stage", [Stage.READ, Stage.LOCK, Stage.COMMIT, Stage.UNLOCK])
def test_late_answers_are_answers(transport, stage):
    with RudeServer(box("G1"), Fault(stage, Manner.DELAY, seconds=0.3)) as server:
        with Client(target(server), transport) as client:
            assert change(client.rpc())["changed"]
        assert not server.box.locked


# Octets


def _doubled(answer: bytes) -> bytes:
    return answer.replace(
        b" xmlns:junos", b' xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:junos', 1
    )


ODD = {
    "a control character": lambda a: a.replace(
        b"<group-id>1<", b"<description>a\x01b</description><group-id>1<"
    ),
    "a reference to one": lambda a: a.replace(
        b"<group-id>1<", b"<description>&#1;&#x1f;</description><group-id>1<"
    ),
    "Latin-1": lambda a: a.replace(
        b"<group-id>1<", b"<description>Z\xfcrich</description><group-id>1<"
    ),
    "a namespace twice": _doubled,
    "a declaration of ASCII": lambda a: (
        b'<?xml version="1.0" encoding="us-ascii"?>\n'
        + a.replace(b"<group-id>1<", "<description>Zürich</description><group-id>1<".encode())
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_octet_makes_no_device_unreadable(transport, odd):
    fault = Fault(Stage.READ, Manner.REWRITE, nth=0, rewrite=ODD[odd])
    with (
        RudeServer(box("G1", block={"heartbeat": "90"}), fault) as server,
        Client(target(server), transport) as client,
    ):
        rpc = client.rpc()
        assert gathered(rpc) == [{"group": "G1", "heartbeat": 90}]
        # And what is read as a stream.
        request = etree.Element("get-configuration", database="committed")
        streamed = etree.fromstring(b"".join(rpc.stream("read", request)))
        assert [e.text for e in streamed.iter("{*}heartbeat")] == ["90"]
        if odd in ("Latin-1", "a declaration of ASCII"):
            assert [e.text for e in streamed.iter("{*}description")] == ["Zürich"]


def test_a_reply_that_breaks_off_is_never_half_a_configuration(transport):
    cut = Fault(Stage.READ, Manner.REWRITE, rewrite=lambda a: a[: a.index(b"<name>G2")])
    with (
        RudeServer(box("G1", "G2", block={"heartbeat": "90"}), cut) as server,
        Client(target(server), transport) as client,
        pytest.raises(GroupVpnError, match="read the configuration: malformed XML"),
    ):
        gathered(client.rpc())


@pytest.mark.parametrize("check", [False, True])
def test_an_rfc_compliant_cluster_that_forgets_an_end_tag_is_understood(transport, check):
    faults = (Fault(Stage.CHECK, Manner.UNCLOSED), Fault(Stage.COMMIT, Manner.UNCLOSED))
    with RudeServer(box("G1", rfc_compliant=True), *faults) as server:
        with Client(target(server), transport) as client:
            result = change(client.rpc(), check=check, validate_on_device=check)
        assert has_change(server) is not check
        assert not server.box.locked
    assert result["changed"]
    assert not [w for w in result["warnings"] if "commit" in w]


@pytest.mark.parametrize("release", ["12.3X48-D105", "15.1X49-D240", "24.4R1"])
def test_the_generation_is_that_of_the_release(transport, release):
    v1 = {"group": "G1", "encryption_algorithm": "3des-cbc", "sig_hash_algorithm": "sha1"}
    with (
        RudeServer(box("G1", release=release)) as server,
        Client(target(server), transport) as client,
    ):
        rpc = client.rpc()
        for block, taken in ((v1, release < "15"), (BLOCK, release > "15")):
            if taken:
                assert change(rpc, block=block)["changed"]
            else:
                with pytest.raises(Refused, match="Group VPNv"):
                    change(rpc, block=block)


def test_who_can_say_the_generation_of_a_device_that_does_not_is_told_so(transport):
    def confused(answer: bytes) -> bytes:
        return answer.replace(b"junos/?/junos", b"somewhere")

    faults = [Fault(stage, Manner.REWRITE, nth=0, rewrite=confused) for stage in Stage]
    with (
        RudeServer(box("G1", release="?"), *faults) as server,
        Client(target(server), transport) as client,
    ):
        with pytest.raises(GroupVpnError, match=r"release \('\?'\); .*; set 'generation'"):
            change(client.rpc())
        with pytest.raises(GroupVpnError, match="let the user see 'show version'"):
            members.counted(client.rpc())
        # A user who may not see it is told why it was asked for, and what helps.
        server.box.answers = {"get-software-information": rpc_error("permission denied")}
        with pytest.raises(GroupVpnError, match=r"permission denied; .*depend on its release; let"):
            members.counted(client.rpc())
        assert change(client.rpc(), generation=Generation.V2)["changed"]


@pytest.mark.parametrize("can", [True, False])
def test_private_editing_is_offered_to_tasks_that_can_do_it_alone(transport, can):
    with RudeServer(box("G1")) as server, Client(target(server), transport) as client:
        server.box.private[0] = server.box.candidate
        with pytest.raises(DeviceError, match=r"private edits in use.*wait until they are") as told:
            change(client.rpc(), commit=CommitOptions(may_be_private=can))
    assert str(told.value).endswith(", or use edit_mode private") is can


# Before the hello


def test_a_banner_before_the_hello_is_passed_over(transport):
    banner = (
        b"\r\n*** Authorised use only. Errors are logged. ***\r\n<b>Have a nice day</b>\r\n\r\n"
    )
    with (
        RudeServer(box("G1"), before_hello=banner) as server,
        Client(target(server), transport) as client,
    ):
        assert change(client.rpc())["changed"]


RESTRICTED = b"""<rpc-reply>
<rpc-error>
<error-severity>warning</error-severity>
<error-message>
user "netops" does not have access privileges.
</error-message>
</rpc-error>
</rpc-reply>
<rpc-reply>
<rpc-error>
<error-type>protocol</error-type>
<error-tag>operation-failed</error-tag>
<error-severity>error</error-severity>
<error-message>
Restricted user session.
</error-message>
</rpc-error>
</rpc-reply>

"""


def test_what_a_device_says_to_a_restricted_user_reaches_him(transport):
    with (
        RudeServer(box("G1"), before_hello=RESTRICTED) as server,
        Client(target(server), transport) as client,
        pytest.raises(TransportFailure) as raised,
    ):
        client.open()
    message = str(raised.value)
    assert 'user "netops" does not have access privileges.' in message
    assert "Restricted user session." in message
    assert "login class" in message


# What awaits confirmation


def _confirm(server: RudeServer, transport: str, **more):
    with Client(target(server), transport) as client:
        return confirm.confirm(client.rpc(), confirm.Request(**more))


def _two(**more):
    return {"group": "G1", "heartbeat": 120, **GOOD_V2, **more}


GOOD_V2 = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}


def made_with_confirmation(server: RudeServer, transport: str, **more):
    commit = CommitOptions("mine", confirmed=10)
    with Client(target(server), transport) as client:
        return change(client.rpc(), block=_two(), commit=commit, **more)


def test_a_repeated_change_that_awaits_confirmation_is_not_ok(transport):
    with RudeServer(box("G1")) as server:
        first = made_with_confirmation(server, transport)
        assert first["changed"]
        assert first["pending_confirmation"] is None
        again = made_with_confirmation(server, transport)
        assert again["changed"]
        assert again["pending_confirmation"]["minutes"] == 10
        assert again["pending_confirmation"]["comment"] == "mine"
        assert "takes the settings back" in " ".join(again["warnings"])
        # It is still the device's to take back, and at the same time as before.
        assert server.box.pending is not None
        assert _confirm(server, transport)["changed"]
        assert not made_with_confirmation(server, transport)["changed"]


def test_somebody_elses_pending_commit_that_is_about_something_else_changes_nothing(transport):
    with RudeServer(box("G1", block={"heartbeat": "90"})) as server:
        server.box.pending = server.box.committed
        server.box.history.insert(0, server.box.history[0])
        server.box.history[0].confirmed = 5
        with Client(target(server), transport) as client:
            options = CommitOptions(confirmed=10)
            have = {"group": "G1", "heartbeat": 90}
            result = change(client.rpc(), State.MERGED, have, commit=options)
    assert not result["changed"]
    assert "does not concern these settings" in " ".join(result["warnings"])


def test_a_commit_that_would_confirm_somebody_elses_says_so_or_is_refused(transport):
    for refuse in (True, False):
        with awaiting_confirmation() as server:
            with Client(target(server), transport) as client:
                options = CommitOptions(refuse_pending=refuse)
                if refuse:
                    with pytest.raises(Refused, match=r"netops by netconf.*would confirm it"):
                        change(client.rpc(), commit=options)
                else:
                    warned = change(client.rpc(), commit=options)["warnings"]
                    assert "this commit confirms it" in " ".join(warned)
            assert has_change(server) is not refuse
            assert (server.box.pending is None) is not refuse
            assert not server.box.locked


def test_a_check_on_the_device_never_confirms_anything(transport):
    with awaiting_confirmation() as server:
        with Client(target(server), transport) as client:
            result = change(client.rpc(), check=True, validate_on_device=True)
        assert server.box.pending is not None
    assert "a check would confirm it" in " ".join(result["warnings"])


def test_confirming_confirms_once(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        keep = confirm.change_of(made)
        looked = _confirm(server, transport, change=keep, check=True)
        assert looked["changed"]
        assert server.box.pending is not None
        done = _confirm(server, transport, change=keep, comment="keep")
        assert done["changed"]
        assert server.box.pending is None
        assert server.box.history[0].log == "keep"
        for check in (True, False):
            again = _confirm(server, transport, change=keep, check=check)
            assert (again["changed"], again["msg"]) == (False, confirm.NOTHING)
        assert server.box.history[0].log == "keep"


def test_confirming_what_was_taken_back_fails(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        server.box.expire()
        for more in ({}, {"check": True}, {"change": confirm.change_of(made)}):
            with pytest.raises(DeviceError, match="taken it back"):
                _confirm(server, transport, **more)
        assert len(server.box.history) == 3


def test_confirming_fails_when_what_was_to_be_kept_is_gone(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        with Client(target(server), transport) as client:
            other = _two(heartbeat=300)
            change(client.rpc(), block=other, commit=CommitOptions(confirmed=5))
        with pytest.raises(DeviceError, match="heartbeat 120"):
            _confirm(server, transport, change=confirm.change_of(made))
        assert server.box.pending is not None


def test_what_goes_with_its_own_confirmation_is_a_failure_that_changed_the_device(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        server.box.at_commit = _without("sig-hash-algorithm")
        with pytest.raises(CommitDiffers, match="has committed, and the device does not have"):
            _confirm(server, transport, change=confirm.change_of(made))
        assert server.box.pending is None


def test_a_commit_that_leaves_everything_awaiting_is_no_confirmation(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        before = server.box.pending
        server.box.at_commit = lambda _committed: setattr(server.box, "pending", before)
        for keep in (None, confirm.change_of(made)):
            with Client(target(server), transport) as client:
                rpc = client.rpc()
                rpc.patience = 0.2
                with pytest.raises(CommitDiffers, match="yet the commit of netops by netconf"):
                    confirm.confirm(rpc, confirm.Request(change=keep))


def test_a_device_that_takes_a_moment_to_take_a_confirmation_has_confirmed(transport):
    with RudeServer(box("G1")) as server:
        made_with_confirmation(server, transport)
        before = server.box.pending
        server.box.at_commit = lambda _committed: setattr(server.box, "pending", before)

        def late(answer: bytes) -> bytes:
            server.box.pending = None
            return answer

        server.faults.append(Fault(Stage.HISTORY, Manner.REWRITE, nth=4, rewrite=late))
        assert _confirm(server, transport)["changed"]


def test_who_commits_with_confirmation_since_has_confirmed_what_was_before(transport):
    with RudeServer(box("G1")) as server:
        made_with_confirmation(server, transport)

        def another(answer: bytes) -> bytes:
            server.box.commit(0, "admin", "theirs", 5)
            return answer

        server.faults.append(Fault(Stage.UNLOCK, Manner.REWRITE, nth=2, rewrite=another))
        (warning,) = _confirm(server, transport)["warnings"]
    assert warning.startswith("the commit of admin by netconf")
    assert warning.endswith("it was made since, and has confirmed what was before it")


def test_a_device_that_cannot_be_asked_after_a_confirmation_has_confirmed(transport):
    with RudeServer(box("G1")) as server:
        made = made_with_confirmation(server, transport)
        busy = Fault(Stage.READ, Manner.ERROR, "mgd: busy", nth=0)
        server.box.at_commit = lambda _committed: server.faults.append(busy)
        done = _confirm(server, transport, change=confirm.change_of(made))
    assert done["changed"]
    assert "was asked what it has then: " in " ".join(done["warnings"])


def test_a_device_that_does_not_tell_is_confirmed_to_be_sure(transport):
    with RudeServer(box("G1"), Fault(Stage.HISTORY, Manner.ERROR, nth=0)) as server:
        made_with_confirmation(server, transport)
        result = _confirm(server, transport)
        assert server.box.pending is None
    assert result["changed"]
    assert "does not say whether" in " ".join(result["warnings"])


def test_a_device_that_marks_nothing_but_warns_at_the_lock_is_believed(transport):
    quiet = box("G1", tells_pending=False, says_pending_at_lock=True)
    with RudeServer(quiet) as server:
        made_with_confirmation(server, transport)
        assert _confirm(server, transport)["changed"]
        assert server.box.pending is None
        assert not _confirm(server, transport)["changed"]


def test_a_device_that_neither_marks_nor_warns_is_confirmed_to_be_sure(transport):
    with RudeServer(box("G1", tells_pending=False)) as server:
        made = made_with_confirmation(server, transport)
        assert "does not mark what awaits confirmation" in " ".join(made["warnings"])
        result = _confirm(server, transport, untold=made["confirmation_untold"])
        assert server.box.pending is None
        assert result["changed"]
        assert "confirmed to be sure" in " ".join(result["warnings"])
        assert not _confirm(server, transport, untold=True)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_a_repeated_change_of_which_the_lock_alone_says_that_it_awaits_is_not_ok(transport, check):
    quiet = box("G1", tells_pending=False, says_pending_at_lock=True)
    with RudeServer(quiet) as server:
        made_with_confirmation(server, transport)
        locked = server.box.requests.count("lock")
        again = made_with_confirmation(server, transport, check=check)
        assert server.box.pending is not None
        # A check leaves the lock to others.
        assert server.box.requests.count("lock") == locked + (not check)
        assert again["changed"] is not check
        assert ("awaits confirmation" in " ".join(again["warnings"])) is not check


@pytest.mark.parametrize("stage", [Stage.LOCK, Stage.COMMIT])
def test_of_a_whole_groups_change_that_could_not_be_confirmed_it_is_said_that_it_goes(
    transport, stage
):
    with (
        awaiting_confirmation(Fault(stage, Manner.ERROR)) as server,
        Client(target(server), transport) as client,
    ):
        with pytest.raises(DeviceError, match=r"mgd: no; .* takes it back 10 minutes after"):
            work.keep(client.rpc(), None, 10, {})
        assert server.box.pending is not None
        # What is gone already does not go once more.
        server.box.expire()
        with pytest.raises(DeviceError, match="has taken it back") as gone:
            work.keep(client.rpc(), None, 10, {})
    assert "takes it back" not in str(gone.value)


# As Ansible reports it


def _inventory(lab, server: RudeServer, transport: str, **more) -> None:
    hosts = {
        name: {
            "ansible_host": "127.0.0.1",
            "ansible_port": server.port,
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_connection": "groupvpn.junos.netconf",
            "ansible_netconf_transport": transport,
            "ansible_host_key_checking": False,
            "ansible_rpc_timeout": 4,
            "ansible_python_interpreter": sys.executable,
            **more,
        }
        for name in ("hub-1",)
    }
    (lab.path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))


def test_handlers_run_and_warnings_name_their_host_after_a_lost_answer(lab, transport):
    faults = (
        Fault(Stage.LOAD, Manner.WARNING, "statement not found"),
        Fault(Stage.COMMIT, Manner.CUT_AFTER, octets=40),
    )
    with RudeServer(box("G1"), *faults) as server:
        _inventory(lab, server, transport)
        task = {MODULE: {"config": [BLOCK]}, "notify": "told"}
        handlers = [{"name": "told", "ansible.builtin.debug": {"msg": "handled"}}]
        result = play(lab, [task], handlers=handlers)
        assert has_change(server)
    assert result.code == 0, result.output[-3000:]
    done = result.tasks[0]["hub-1"]
    assert done["changed"]
    assert all(warning.startswith("hub-1: ") for warning in done["warnings"])
    assert any("load the change: statement not found" in w for w in done["warnings"])
    assert any("answer to the commit was lost" in w for w in done["warnings"])
    assert result.tasks[1]["hub-1"]["msg"] == "handled"


def test_an_unknown_outcome_fails_without_saying_that_nothing_changed(lab, transport):
    with RudeServer(box("G1"), Fault(Stage.COMMIT, Manner.CUT_AFTER)) as server:
        server.logins = 1
        _inventory(lab, server, transport)
        result = play(lab, [{MODULE: {"config": [BLOCK]}}])
    done = result.tasks[0]["hub-1"]
    assert done["failed"]
    assert done["changed"]
    assert done["msg"].startswith("hub-1: ")
    assert "unknown" in done["msg"]


@pytest.mark.parametrize("warns", [True, False])
def test_a_role_keeps_no_change_that_a_device_without_marks_would_take_back(lab, transport, warns):
    quiet = box("G1", block=HAD, tells_pending=False, says_pending_at_lock=warns)
    with RudeServer(quiet) as server:
        server.box.answers = {"get-security-group-vpn-server-registered-members": EMPTY_LIST}
        _inventory(lab, server, transport)
        first = play(lab, [_role()])
        assert first.code == 0, first.output[-3000:]
        assert server.box.pending is None
        # As an earlier run leaves it that ended before its confirmation.
        server.box.commit(999, USER, "", None)
        made_with_confirmation(server, transport)
        again = play(lab, [_role(config=[_two()])])
    assert again.code != 0
    told = "awaits its confirmation" if warns else "may await its confirmation, of which the device"
    assert f"made by an earlier run, and {told}" in again.tasks[-1]["hub-1"]["msg"]


HAD = {"encryption-algorithm": "aes-128-cbc", "sig-hash-algorithm": "sha-256"}
EMPTY_LIST = "<security-group-vpn-server-registered-members/>"


@pytest.mark.parametrize(
    ("manner", "wanted", "unwanted"),
    [
        (Manner.CUT_AFTER, "is unknown", "takes it back"),
        (Manner.ERROR, "takes it back 5 minutes", "unknown"),
    ],
)
def test_a_role_does_not_say_of_a_change_that_may_be_confirmed_that_it_will_go(
    lab, transport, manner, wanted, unwanted
):
    with RudeServer(box("G1", block=HAD), Fault(Stage.COMMIT, manner, nth=2)) as server:

        def gone_once_confirmed(_committed: etree._Element) -> None:
            if server.box.pending is None:
                server.logins = 0

        server.box.at_commit = gone_once_confirmed
        said = _rolled_out(lab, server, transport)
    assert wanted in said
    assert unwanted not in said


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Stage.READ_BACK, Manner.EMPTY),
        Fault(Stage.COMMIT, Manner.CUT_AFTER),
    ],
    ids=["not what was committed", "not known"],
)
def test_a_role_says_of_a_commit_that_failed_in_the_end_that_it_will_go(lab, transport, fault):
    with RudeServer(box("G1", block=HAD), fault) as server:
        if fault.stage is Stage.COMMIT:
            server.box.at_commit = lambda _committed: setattr(server, "gone", True)
        said = _rolled_out(lab, server, transport)
        assert server.box.pending is not None
    assert "the device takes back what was committed 5 minutes after the commit" in said


@pytest.mark.parametrize(
    ("lost", "more"),
    [
        pytest.param("commit", {"clear_members": True}, id="before members are cleared"),
        pytest.param("commit", {}, id="before members are waited for"),
        pytest.param("list", {}, id="after the members were there"),
    ],
)
def test_a_role_says_of_a_device_that_is_lost_before_the_confirmation_that_the_change_will_go(
    lab, transport, lost, more
):
    with RudeServer(box("G1", block=HAD)) as server:

        def goes_once_committed(reply: bytes) -> bytes:
            if server.box.pending is not None:
                server.gone = True
                # Behind the reply.
                server.later(0, server.drop_all)
            return reply

        if lost == "commit":
            server.faults = [Fault(Stage.UNLOCK, Manner.CUT_AFTER)]
            server.box.at_commit = lambda _committed: setattr(server, "gone", True)
        else:
            server.faults = [Fault(Stage.OTHER, Manner.REWRITE, nth=0, rewrite=goes_once_committed)]
        said = _rolled_out(lab, server, transport, **more)
        assert server.box.pending is not None
    assert "not confirmed, and the device takes it back 5 minutes after the commit" in said


def _role(**more: object) -> dict[str, object]:
    """The role with a gate; ``more``: its variables."""
    variables = {"config": [BLOCK], "confirm_minutes": 5, **more}
    return {
        "ansible.builtin.include_role": {"name": "groupvpn.junos.server_member_communication"},
        "vars": {f"server_member_communication_{name}": v for name, v in variables.items()},
    }


def _rolled_out(lab, server: RudeServer, transport: str, **more: object) -> str:
    """What the role says last of a change that it does not keep; ``more``: its variables."""
    server.box.answers = {"get-security-group-vpn-server-registered-members": EMPTY_LIST}
    _inventory(lab, server, transport)
    result = play(lab, [_role(**more)])
    assert has_change(server), result.output[-3000:]
    assert result.code != 0
    said = result.tasks[-1]["hub-1"]["msg"]
    assert said.startswith("hub-1: ")
    return said
