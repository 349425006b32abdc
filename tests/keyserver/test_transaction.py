# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's core against the emulated SRX in one process, each RPC counted.

The two are independent descriptions of Junos; what the module predicts must be what the device
says, and a failure at any RPC must leave the device unlocked and unchanged.
"""

from __future__ import annotations

import contextlib
import re

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.modules import server as server_module
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import CommitOptions
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.shape import as_config
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    CommitLost,
    DeviceError,
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import read as members_info
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.asking import Choice
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import (
    RESOURCE as MEMBER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import (
    RESOURCE as SERVER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE,
)
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from lxml import etree

from keyserver.config.compare import compare
from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.gdoi.arrival import Peer
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.wire import NOW, Wire, unkept
from tests.lab import hub_config
from tests.unit.tables import FEW_NAMES, trees
from tests.unit.test_configure import block_of

GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}


def device(generation="v2", groups=("G1", "G2", "G3"), extra=()) -> Device:
    spec = DeviceSpec("hub-1", EmulatedGeneration(generation))
    text = hub_config("hub-1", generation, {"gm-1": "192.0.2.11"}, groups, extra=extra)
    return Device(spec, read_initial(spec, text), NOW)


def ask(rpc, state, want, **more):
    want = wanted_tree(RESOURCE, want, None)
    request = Request(RESOURCE, want, State(state), **more)
    return apply(rpc, request)


def smc(target: Device, group: str):
    server = target.database.committed["security"]["group-vpn"]["server"]
    return server["group"][group].get("server-member-communication")


class Hides(Wire):
    """A device that leaves out some of its configuration, and says so in one of three ways."""

    words = b""

    def raw(self, operation) -> bytes:
        return re.sub(rb"(?=</(\w+:)?configuration>)", self.words, super().raw(operation))


@pytest.mark.parametrize(
    "words",
    [
        b"<!-- ACCESS-DENIED -->",
        b"<comment>/* ACCESS-DENIED */</comment>",
        b"<undocumented>ACCESS-DENIED</undocumented>",
    ],
)
def test_what_is_hidden_from_a_user_is_not_absent(words):
    hides = Hides(device())
    hides.words = words
    with pytest.raises(DeviceError, match="hides some of it from this user"):
        ask(hides, "merged", [{"group": "G1", **GOOD}])
    assert smc(hides.device, "G1") is None
    hides.words = b""
    assert ask(hides, "merged", [{"group": "G1", **GOOD}])["changed"]


@pytest.mark.parametrize("diff", [False, True])
def test_a_change_takes_five_round_trips_and_nothing_to_do_takes_one_without_a_lock(diff):
    wire = Wire(device())
    assert ask(wire, "merged", [{"group": "G1", **GOOD}], diff=diff)["changed"]
    assert wire.names == [
        *("get-configuration",),
        *("lock", "get-configuration", "get-commit-information"),
        *("load-configuration", "get-configuration", *["get-configuration"] * diff),
        *("commit-configuration", "get-configuration"),
        "unlock",
    ]
    assert wire.round_trips == 5
    wire.names.clear()
    assert not ask(wire, "merged", [{"group": "G1", **GOOD}], diff=diff)["changed"]
    assert wire.names == ["get-configuration"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_without_the_release_in_a_replys_namespace_the_device_is_asked_for_it(generation):
    wire = Wire(device(generation))
    whole = wire.raw

    def bare(operation):
        return whole(operation).replace(b"http://xml.juniper.net/junos/", b"urn:lost:")

    wire.raw = bare
    only_in_v1 = {"encryption_algorithm": "3des-cbc", "sig_hash_algorithm": "sha1"}
    entry = {"group": "G1", **(only_in_v1 if generation == "v1" else GOOD)}
    assert ask(wire, "merged", [entry])["changed"]
    assert wire.names[1] == "get-software-information"


@settings(max_examples=60, deadline=None)
@given(
    generation=st.sampled_from(["v1", "v2"]),
    state=st.sampled_from([s.value for s in State]),
    data=st.data(),
)
def test_the_predicted_difference_is_the_devices_own(generation, state, data):
    kind = Generation(generation)
    target = device(generation)
    before = data.draw(st.lists(block_of(kind), min_size=1, max_size=3))
    after = data.draw(st.lists(block_of(kind), min_size=1, max_size=3))

    def entries(blocks):
        return [{"group": f"G{n}", **b} for n, b in enumerate(blocks, 1)]

    wire = Wire(target)
    for state_now, blocks in (("overridden", before), (state, after)):
        try:
            predicted = ask(wire, state_now, entries(blocks), check=True)
        except Refused:
            with pytest.raises(Refused):
                ask(wire, state_now, entries(blocks))
            continue
        old = target.database.committed
        done = ask(wire, state_now, entries(blocks), diff=True)
        said = compare(target.database.schema, old, target.database.committed)
        assert predicted["diff_text"] == done["diff_text"] == said
        for key in ("changed", "before", "after", "commands", "xml"):
            assert predicted[key] == done[key], key
        assert views.gather(RESOURCE, wire)["gathered"] == done["after"]
        assert unkept(wire, done) == []
        again = ask(wire, state_now, entries(blocks))
        assert not again["changed"]


def test_check_mode_can_have_the_device_check_and_discards():
    target = device()
    wire = Wire(target)
    result = ask(wire, "merged", [{"group": "G1", **GOOD}], check=True, validate_on_device=True)
    assert result["changed"]
    assert "encryption-algorithm aes-256-cbc" in result["diff_text"]
    assert wire.names[-3:] == ["commit-configuration", "discard-changes", "unlock"]
    assert smc(target, "G1") is None
    assert len(target.database.archive.history) == 1


def test_private_mode_works_beside_somebody_elses_uncommitted_change():
    target = device()
    options = CommitOptions(private=True, comment="by test")
    wire = Wire(target)
    ask(wire, "merged", [{"group": "G1", **GOOD}], commit=options)
    assert smc(target, "G1")["sig-hash-algorithm"] == "sha-256"
    assert target.database.workspace.private == {}
    assert target.database.archive.history[0].comment == "by test"


def test_a_confirmed_commit_is_taken_back_at_its_time():
    target = device()
    ask(Wire(target), "merged", [{"group": "G1", **GOOD}], commit=CommitOptions(confirmed=5))
    assert smc(target, "G1") is not None
    target.expire(NOW + 299)
    assert smc(target, "G1") is not None
    target.expire(NOW + 301)
    assert smc(target, "G1") is None


def test_a_refused_lock_names_its_holder():
    target = device()
    other = Wire(target)
    lock = "<lock><target><candidate/></target></lock>"
    other.call("lock", etree.fromstring(lock))
    wire = Wire(target)
    with pytest.raises(DeviceError, match=r"locked by: netops terminal \(pid \d+\)"):
        ask(wire, "merged", [{"group": "G1", **GOOD}])
    assert target.database.workspace.lock_holder == other.session.holder


def test_an_unknown_group_and_a_wrong_generation_are_refused_before_any_lock():
    target = device("v2")
    wire = Wire(target)
    with pytest.raises(Refused, match=r"no such group.*it has G1, G2, G3"):
        ask(wire, "merged", [{"group": "nowhere", **GOOD}])
    with pytest.raises(Refused, match="Group VPNv2 takes sha-256, sha-384"):
        ask(wire, "merged", [{"group": "G1", **GOOD, "sig_hash_algorithm": "md5"}])
    assert "lock" not in wire.names


def test_a_commit_that_fails_its_constraint_check_leaves_nothing_behind():
    target = device()
    # Somebody commits a duplicate group id past the checks; the next commit trips over it.
    group = target.database.committed["security"]["group-vpn"]["server"]["group"]
    group["G2"]["group-id"] = "1"
    with pytest.raises(DeviceError, match="Group id must be unique among groups"):
        ask(Wire(target), "merged", [{"group": "G1", **GOOD}])
    assert target.database.workspace.lock_holder is None
    assert not target.database.workspace.shared.modified


@pytest.mark.parametrize(
    ("step", "failure"),
    [
        ("lock", TransportFailure),
        ("load-configuration", TransportFailure),
        ("commit-configuration", CommitLost),
        ("unlock", None),
    ],
)
def test_a_connection_that_drops_leaves_the_device_unlocked_and_whole(step, failure):
    target = device()
    wire = Wire(target)
    wire.break_at = step
    with pytest.raises(failure) if failure else contextlib.nullcontext():
        result = ask(wire, "merged", [{"group": "G1", **GOOD}])
        assert result["changed"]
        assert any("lock" in warning for warning in result["warnings"])
    assert target.database.workspace.lock_holder is None
    assert not target.database.workspace.shared.modified
    assert (smc(target, "G1") is not None) == (step == "unlock")


@pytest.mark.parametrize("step", ["load-configuration", "commit-configuration"])
def test_an_error_hidden_inside_success_stops_the_task(step):
    target = device()
    wire = Wire(target)
    wire.inject[step] = (
        '<rpc-reply><ok/><xnm:error xmlns:xnm="http://xml.juniper.net/xnm/1.1/xnm">'
        "<message>error: daemon is not running</message></xnm:error></rpc-reply>"
    )
    with pytest.raises(DeviceError, match="daemon is not running"):
        ask(wire, "merged", [{"group": "G1", **GOOD}])
    assert target.database.workspace.lock_holder is None
    assert not target.database.workspace.shared.modified


def test_a_change_between_reading_and_locking_is_seen():
    target = device()
    wire = Wire(target)
    original = wire.raw

    def meddle(operation):
        if etree.QName(operation).localname == "lock":
            wire.raw = original
            ask(Wire(target), "merged", [{"group": "G1", **GOOD, "heartbeat": 90}])
        return original(operation)

    wire.raw = meddle
    result = ask(wire, "merged", [{"group": "G1", **GOOD}])
    assert not result["changed"]
    assert smc(target, "G1")["heartbeat"] == "90"


PROPOSAL = {"ike": {"proposals": [{"name": "p", "authentication_method": "pre-shared-keys"}]}}
BESIDE = {
    side: f"set security group-vpn {side} ike proposal p authentication-method pre-shared-keys"
    for side in ("server", "member")
}


class Coy(Wire):
    """A device that shows nothing of what is inactive as long as nothing asked for is in it."""

    side = "server"

    def raw(self, operation) -> bytes:
        reply = etree.fromstring(super().raw(operation))
        for element in reply.xpath(f"//*[@inactive][not(.//*[local-name() = '{self.side}'])]"):
            element.getparent().remove(element)
        return etree.tostring(reply)


def asleep(*lines: str) -> Device:
    spec = DeviceSpec("hub-1", EmulatedGeneration("v1"), strict=False)
    return Device(spec, read_initial(spec, "\n".join(("set system host-name hub-1", *lines))), NOW)


def committed_as(wire):
    return repr(wire.device.database.committed)


def configure(resource, rpc, state="merged", **more):
    want = wanted_tree(resource, PROPOSAL, None)
    return apply(rpc, Request(resource, want, State(state), **more))


@pytest.mark.parametrize("device_of", [Wire, Coy])
@pytest.mark.parametrize("place", ["security", "security group-vpn"])
@pytest.mark.parametrize("state", ["merged", "overridden"])
def test_what_comes_to_stand_in_what_is_inactive_is_not_said_to_be_in_force(
    device_of, place, state
):
    wire = device_of(asleep(BESIDE["member"], f"deactivate {place}"))
    told, before = f"[edit {place}] is inactive: nothing below it is in force", committed_as(wire)
    with pytest.raises(Refused, match=re.escape(f"{told}, and nobody could register with it")):
        configure(SERVER, wire, state, in_force=True)
    assert committed_as(wire) == before
    checks = [{"check": True, "validate_on_device": True}, *[{"check": True}] * (device_of is Wire)]
    predicted = [configure(SERVER, wire, state, **check) for check in checks]
    trips = wire.round_trips
    made = configure(SERVER, wire, state)
    assert wire.round_trips == trips + 5
    for result in (*predicted, made):
        assert (result["changed"], result["after"], result["warnings"]) == (True, {}, [told])
    assert (
        "p" in wire.device.database.committed["security"]["group-vpn"]["server"]["ike"]["proposal"]
    )
    again = configure(SERVER, wire, state)
    assert (again["changed"], again["after"], again["warnings"]) == (False, {}, [told])


@pytest.mark.parametrize("device_of", [Wire, Coy])
def test_a_member_beside_a_key_server_that_sleeps_is_refused_by_the_place(device_of):
    wire = device_of(asleep(BESIDE["server"], "deactivate security group-vpn"))
    wire.side = "member"
    before = committed_as(wire)
    # A device that does not show it before tells after the load.
    for more in ({"check": True, "validate_on_device": device_of is Coy}, {}):
        with pytest.raises(Refused, match=r"\[edit security group-vpn\]: it is inactive"):
            configure(MEMBER, wire, **more)
    assert committed_as(wire) == before
    assert wire.device.database.workspace.lock_holder is None
    assert not wire.device.database.workspace.shared.modified


@pytest.mark.parametrize(("resource", "other"), [(SERVER, "member"), (MEMBER, "server")])
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("company", ["", "set", "deactivate"])
def test_check_mode_says_of_a_side_that_comes_or_goes_what_the_device_says(
    resource, other, there, company
):
    """What else stands in [edit security group-vpn] decides what the difference is shown from."""
    lines = ["set security zones security-zone LAN", *[BESIDE[resource.name]] * there]
    lines += [BESIDE[other], "set security group-vpn co-location"] * bool(company)
    target = asleep(*lines, *[f"deactivate security group-vpn {other}"] * (company == "deactivate"))
    wire, old = Wire(target), target.database.committed
    gone = {"state": "deleted", "everything": True} if there else {}
    predicted = configure(resource, wire, **gone, check=True, diff=True)["diff_text"]
    configure(resource, wire, **gone)
    assert predicted == compare(target.database.schema, old, target.database.committed)
    assert predicted.startswith(f"[edit security{' group-vpn' * bool(company)}]\n")


KEPT = ("security", "security group-vpn", "security group-vpn server ike proposal p")


@pytest.mark.parametrize("place", [*KEPT, f"{KEPT[-1]} authentication-method"])
@pytest.mark.parametrize(
    ("want", "more"),
    [
        ({}, {"state": "deleted", "everything": True}),
        ({"name": "p", "authentication_method": "rsa-signatures"}, {}),
    ],
)
def test_what_is_protected_is_refused_by_its_place_before_it_is_tried(place, want, more):
    wire = Wire(asleep(BESIDE["server"], f"protect {place}"))
    want = {"ike": {"proposals": [want]}} if want else {}
    request = {"state": "merged", "want": wanted_tree(SERVER, want, None), **more}
    request["state"] = State(request["state"])
    for check in (True, False):
        said = re.escape(f"[edit {place}]: it is protected, and stays as it is; unprotect it")
        with pytest.raises(Refused, match=said):
            apply(wire, Request(SERVER, check=check, **request))
    assert set(wire.names) == {"get-configuration"}
    # The device would do the same.
    line = (
        f"delete {KEPT[-1]}" if not want else f"set {KEPT[-1]} authentication-method rsa-signatures"
    )
    loaded = (
        '<load-configuration action="set" format="text"><configuration-set>'
        f"{line}</configuration-set></load-configuration>"
    )
    with contextlib.suppress(DeviceError):
        wire.call("load", etree.fromstring(loaded))
    assert not wire.device.database.workspace.shared.modified


@pytest.mark.parametrize("place", ["security zones", KEPT[-1], f"{KEPT[-1]} authentication-method"])
def test_what_is_protected_beside_a_change_does_not_hinder_it(place):
    lines = (BESIDE["server"], "set security zones security-zone LAN", f"protect {place}")
    wire = Wire(asleep(*lines))
    want = {"ike": {"proposals": [{"name": "q", "dh_group": "group14"}]}}
    for check in (True, False):
        request = Request(SERVER, wanted_tree(SERVER, want, None), State("merged"), check=check)
        assert apply(wire, request)["changed"]


def test_what_somebody_deactivates_beside_the_change_is_not_said_to_be_in_force():
    wire = Wire(asleep())
    original = wire.raw

    def meddle(operation):
        if etree.QName(operation).localname == "get-configuration" and committed(wire):
            wire.raw = original
            other = Wire(wire.device)
            other.call(
                "open", etree.fromstring("<open-configuration><private/></open-configuration>")
            )
            other.call("load", deactivation("security group-vpn"))
            other.call("commit", etree.Element("commit-configuration"))
        return original(operation)

    wire.raw = meddle
    made = configure(SERVER, wire, commit=CommitOptions(private=True))
    told = "[edit security group-vpn] is inactive: nothing below it is in force"
    assert (made["changed"], made["after"], made["warnings"]) == (True, {}, [told])


def committed(wire) -> bool:
    return "commit-configuration" in wire.names


def deactivation(path):
    return etree.fromstring(
        '<load-configuration action="set" format="text"><configuration-set>deactivate '
        f"{path}</configuration-set></load-configuration>"
    )


def test_a_deactivated_block_is_activated_when_it_is_wanted():
    target = device()
    wire = Wire(target)
    ask(wire, "merged", [{"group": "G1", **GOOD}])
    path = "security group-vpn server group G1 server-member-communication"
    wire.call("load", deactivation(path))
    wire.call("commit", etree.Element("commit-configuration"))
    assert target.groups.views(NOW)[0].communication == "none"
    result = ask(wire, "merged", [{"group": "G1", **GOOD}])
    assert result["changed"]
    assert result["commands"][0] == f"activate {path}"
    assert target.groups.views(NOW)[0].communication == "unicast"
    assert not ask(wire, "merged", [{"group": "G1", **GOOD}])["changed"]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_registered_members_are_read_with_what_the_list_means(generation):
    target = device(generation)
    peer = Peer("gm-1", ("192.0.2.11", 848))
    target.groups.begin(peer, 1, NOW).complete(peer, NOW)
    result = members_info.read(Wire(target), Choice(group="G1"), detail=True)
    (group,) = result["groups"]
    assert (group["communication"], group["list_shows"]) == ("none", "registered")
    # Group VPNv1 shows no counters.
    assert group["members"][0]["pull_succeeded"] == {"v1": None, "v2": 1}[generation]
    everything = members_info.read(Wire(target))["groups"]
    assert [g["member_count"] for g in everything] == [1, 0, 0]


def test_a_list_without_ids_is_known_by_the_configured_ones_and_an_unknown_id_has_no_list():
    wire = Wire(device())
    rows = "".join(f"<group><group-name>G{n}</group-name></group>" for n in (1, 2, 3))
    name = "security-group-vpn-server-registered-members"
    wire.inject[f"get-{name}"] = f"<rpc-reply><{name}>{rows}</{name}></rpc-reply>"
    (group,) = members_info.read(wire, Choice(group_id=2))["groups"]
    assert (group["name"], group["id"]) == ("G2", 2)
    with pytest.raises(Refused, match=r"group-id 7: the device has no such .*it has 1 G1, 2 G2"):
        members_info.read(wire, Choice(group_id=7))


def test_names_with_markup_reach_the_device_as_text():
    name = "a<b>&'c"
    target = device(groups=(f'"{name}"',))
    assert ask(Wire(target), "merged", [{"group": name, **GOOD}])["changed"]
    assert smc(target, name)["encryption-algorithm"] == "aes-256-cbc"


# A whole server


EMPTY = "system { host-name hub-1; } security { log { mode stream; } }"


def server_config():
    config = yaml.safe_load(server_module.EXAMPLES)[0]["groupvpn.junos.server"]["config"]
    config["ike"]["policies"][0]["pre_shared_key"] = "made-up-key-1"
    return config


def server_of(generation):
    """Configurations of whole servers."""
    drawn = trees(SERVER.root, generation, FEW_NAMES)
    return drawn.map(lambda tree: as_config(SERVER, tree)).filter(bool)


def serve(rpc, state, config, **more):
    want = wanted_tree(SERVER, config, None)
    return apply(rpc, Request(SERVER, want, State(state), **more))


def test_one_commit_builds_a_server_on_an_empty_device_and_a_second_run_is_one_rpc():
    spec = DeviceSpec("hub-1", EmulatedGeneration("v2"))
    target = Device(spec, read_initial(spec, EMPTY), NOW)
    wire = Wire(target)
    built = serve(wire, "merged", server_config(), diff=True)
    assert built["changed"]
    assert wire.names.count("commit-configuration") == 1
    assert [view.name for view in target.groups.views(NOW)] == ["GRP-0001"]
    wire.names.clear()
    assert not serve(wire, "overridden", server_config())["changed"]
    assert wire.names == ["get-configuration"]
    gathered = views.gather(SERVER, wire)["gathered"]
    assert gathered == built["after"]
    assert not serve(wire, "overridden", gathered)["changed"]
    assert "made-up-key-1" not in str(built)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(
    generation=st.sampled_from(["v1", "v2"]),
    state=st.sampled_from(["merged", "replaced", "overridden"]),
    data=st.data(),
)
def test_what_is_predicted_for_a_whole_server_is_what_the_device_does(generation, state, data):
    kind = Generation(generation)
    spec = DeviceSpec("hub-1", EmulatedGeneration(generation))
    target = Device(spec, read_initial(spec, EMPTY), NOW)
    wire = Wire(target)
    for state_now in ("overridden", state):
        config = data.draw(server_of(kind))
        try:
            predicted = serve(wire, state_now, config, check=True)
        except Refused:
            continue
        old = target.database.committed
        try:
            done = serve(wire, state_now, config, diff=True)
        except DeviceError:
            # What the device's own constraints refuse is left as it was.
            assert target.database.committed is old
            continue
        event("done")
        assert predicted["diff_text"] == done["diff_text"]
        assert predicted["after"] == done["after"]
        assert views.gather(SERVER, wire)["gathered"] == done["after"]
        assert unkept(wire, done) == []
        assert not serve(wire, state_now, config)["changed"]


# Removal, and what configuration groups bring in


def test_a_removal_says_how_many_members_it_touches():
    target = device()
    wire = Wire(target)
    ask(wire, "merged", [{"group": name, **GOOD} for name in ("G1", "G2")])
    peer = Peer("gm-1", ("192.0.2.11", 848))
    target.groups.begin(peer, 1, NOW).complete(peer, NOW)
    told = ask(wire, "deleted", [{"group": "G1"}], check=True, counted=members_info.counted)
    assert "group G1: the removal touches 1 registered member" in told["warnings"]
    assert not any("group G2: the removal" in warning for warning in told["warnings"])

    def unknown(rpc):
        raise DeviceError("read the registered members", ["daemon is not running"])

    told = ask(wire, "deleted", [{"group": "G1"}], check=True, counted=unknown)
    assert any("is not known: " in w and "daemon" in w for w in told["warnings"])


INHERITING = (
    "set groups REKEY security group-vpn server group <*> server-member-communication "
    "sig-hash-algorithm sha-256",
    "set groups REKEY security group-vpn server group <*> server-member-communication "
    "encryption-algorithm aes-256-cbc",
    "set groups REKEY security group-vpn server group <*> server-member-communication "
    "lifetime-seconds 4800",
    "set apply-groups REKEY",
)


def test_what_a_device_inherits_is_in_force_named_and_not_set_again():
    wire = Wire(device(groups=("G1", "G2"), extra=INHERITING))
    gathered = views.gather(RESOURCE, wire)
    inherited = {"lifetime_seconds": 4800, **GOOD}
    assert gathered["gathered"] == [{"group": name, **inherited} for name in ("G1", "G2")]
    assert any("configuration group REKEY" in warning for warning in gathered["warnings"])
    done = ask(wire, "replaced", [{"group": "G1", "heartbeat": 90}])
    assert done["commands"] == [
        "set security group-vpn server group G1 server-member-communication heartbeat 90"
    ]
    assert done["membership_reset"] == []
    assert views.gather(RESOURCE, wire)["gathered"] == done["after"]
    assert not ask(wire, "replaced", [{"group": "G1", "heartbeat": 90, **GOOD}])["changed"]
    gone = ask(wire, "deleted", [{"group": "G1"}])
    assert views.gather(RESOURCE, wire)["gathered"] == gone["after"] == gathered["gathered"]
    assert not ask(wire, "deleted", [{"group": "G1"}])["changed"]


def test_what_a_change_uncovers_of_groups_is_in_force_after_it():
    covering = "set security group-vpn server group G1 server-member-communication lifetime-seconds"
    wire = Wire(device(groups=("G1",), extra=(*INHERITING, f"{covering} 900")))
    uncovered = [{"group": "G1", "lifetime_seconds": 4800, **GOOD}]
    for how in ({"check": True, "validate_on_device": True}, {}):
        gone = ask(wire, "deleted", [{"group": "G1"}], **how)
        assert gone["before"] == [{**uncovered[0], "lifetime_seconds": 900}]
        assert gone["after"] == uncovered
        assert any("this change uncovers" in warned for warned in gone["warnings"])
    assert views.gather(RESOURCE, wire)["gathered"] == uncovered


@pytest.mark.parametrize(
    ("name", "step"),
    [("lock", "lock the configuration"), ("load-configuration", "load the change")],
)
def test_a_reply_that_does_not_say_that_it_was_done_is_an_error_of_its_step(name, step):
    wire = Wire(device())
    wire.inject[name] = "<rpc-reply/>"
    with pytest.raises(DeviceError) as refused:
        ask(wire, "merged", [{"group": "G1", **GOOD}])
    assert str(refused.value) == f"{step}: the device does not say that it was done"
    assert smc(wire.device, "G1") is None
