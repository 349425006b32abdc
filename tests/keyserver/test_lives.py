# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole Group VPNs change as descriptions do: wherever a run ends, the next one ends the change.

Nobody is apart whom a plan does not name, and a second run changes nothing.
"""

from __future__ import annotations

import contextlib
import random
import re

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    Refused,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.proof import (
    SETTLE_SECONDS,
)

from keyserver.groups.teks import Teks
from tests.keyserver.town import GROUP_ID, TIMEOUT, Hands, Killed, Town


def _joins(town):
    town.group["members"].append("site-5")


def _leaves(town):
    town.group["members"].remove("site-1")


def _leaves_and_comes(town):
    _leaves(town)
    _joins(town)
    town.variables["site-3"]["pre_shared_key"] = "made-up-key-anew"


def _all_are_others(town):
    town.group["members"] = ["site-5"]


def _gets_a_key(town):
    town.variables["site-2"]["pre_shared_key"] = "made-up-key-anew"


def _all_get_keys(town):
    for number in range(1, 5):
        town.variables[f"site-{number}"]["pre_shared_key"] = f"made-up-key-anew-{number}"


def _is_renamed(town):
    town.variables["site-2"]["name"] = "another name"


def _moves_to_another_zone(town):
    town.variables["site-2"]["policies"] = [{"from_zone": "DMZ", "to_zone": "WAN"}]


def _phase_1(town):
    town.group["ike_proposal"] = {"dh_group": "group24", "encryption_algorithm": "aes-128-cbc"}


def _traffic(town):
    town.group["ipsec_proposal"] = {"encryption_algorithm": "aes-128-cbc", "lifetime_seconds": 1800}


def _protects_more(town):
    more = {"name": "b", "source": "172.16.0.0/12", "destination": "172.16.0.0/12"}
    town.group["match_policies"].append(more)


def _pushes_begin_or_end(town):
    rekeys = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
    if town.group.pop("server_member_communication", None) is None:
        town.group["server_member_communication"] = rekeys


def _is_served_by(*servers):
    def change(town):
        town.group["servers"] = list(servers)

    return change


def _at_once(*changes):
    def change(town):
        for one in changes:
            one(town)

    return change


def _a_server_is_renamed(town):
    town.variables["hub-2"]["name"] = "another hub"


def _is_served_otherwise(town):
    _is_served_by("hub-2", "hub-1")(town)
    rekeys = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-384"}
    town.group["server_member_communication"] = rekeys


def _another_number(town):
    town.group["group_id"] = GROUP_ID + 1


def _a_second_group(town):
    more = {"name": "x", "source": "192.168.0.0/16", "destination": "192.168.0.0/16"}
    members = ["site-3", "site-4", "site-5"]
    town.groups.append(
        {**town.group, "name": "OTHER", "group_id": 9, "members": members, "match_policies": [more]}
    )
    zones = {"LAN": "BRANCHES", "DMZ": "OTHER"}
    for host in members:
        town.variables[host]["policies"] = [
            {"from_zone": zone, "to_zone": "WAN", "group": group}
            for zone, group in zones.items()
            if (host, group) != ("site-5", "BRANCHES")
        ]


ANYWHERE = {"source": "10.0.0.0/8", "destination": "10.0.0.0/8"}
CHANGES = {
    "a site joins": _joins,
    "a site leaves": _leaves,
    "one leaves, one comes, one gets a key": _leaves_and_comes,
    "all members are others": _all_are_others,
    "a site gets another key": _gets_a_key,
    "all get other keys": _all_get_keys,
    "a site is called otherwise": _is_renamed,
    "a site's traffic comes from another zone": _moves_to_another_zone,
    "more is protected": _protects_more,
    "the group has another number": _another_number,
    "a second group with common members": _a_second_group,
}
OF_V2 = {
    "other algorithms of phase 1": _phase_1,
    "other algorithms of traffic": _traffic,
    "pushes begin or end": _pushes_begin_or_end,
    "a server comes": _is_served_by("hub-1", "hub-2", "hub-3"),
    "servers change places": _is_served_by("hub-2", "hub-1"),
    "servers change places, and pushes are others": _is_served_otherwise,
    "the first server goes": _is_served_by("hub-2", "hub-3"),
    "another serves alone": _is_served_by("hub-3"),
}
AT_ONCE = {
    "a sub-server is left alone, and a site leaves": (2, _at_once(_is_served_by("hub-2"), _leaves)),
    "a sub-server is left alone, and more is protected": (
        2,
        _at_once(_is_served_by("hub-2"), _protects_more),
    ),
    "the second server comes first, a third comes, and a site leaves": (
        2,
        _at_once(_is_served_by("hub-2", "hub-1", "hub-3"), _leaves),
    ),
    "the second server comes first, the first last, and a site leaves": (
        2,
        _at_once(_is_served_by("hub-2", "hub-3", "hub-1"), _leaves),
    ),
    "two servers come, one of them first, and a site gets another key": (
        1,
        _at_once(_is_served_by("hub-2", "hub-3", "hub-1"), _gets_a_key),
    ),
    "servers change places, and a site is called otherwise": (
        2,
        _at_once(_is_served_by("hub-2", "hub-1"), _is_renamed),
    ),
    "a server is called otherwise, and a second group comes": (
        3,
        _at_once(_a_server_is_renamed, _a_second_group),
    ),
}
ALL = {**CHANGES, **OF_V2, **{name: change for name, (_servers, change) in AT_ONCE.items()}}
LIVES = [
    *(("v1", 1, True, name) for name in CHANGES),
    *(("v2", 2, True, name) for name in (*CHANGES, *OF_V2)),
    *(
        ("v2", servers, on, name)
        for name, (servers, _do) in AT_ONCE.items()
        for on in (True, False)
    ),
    *(
        ("v2", 2, False, name)
        for name in (
            "a site leaves",
            "one leaves, one comes, one gets a key",
            "a site is called otherwise",
            "other algorithms of traffic",
            "pushes begin or end",
            "another serves alone",
        )
    ),
]


def built(signing_key, generation, servers, rekeys):
    town = Town(signing_key, generation, servers, rekeys)
    assert town.run().is_good
    town.pass_time(100)
    return town


def ends_well(town):
    """The run after a change or an accident, and one more."""
    last = town.run()
    assert last.is_good, (last.failures, last.beyond)
    assert not any(town.strangers().values()), town.standings()
    again = town.run()
    assert (again.steps, again.changed, again.failures) == ([], set(), {})
    town.pass_time(60)
    assert not town.apart
    return last


@pytest.mark.parametrize(("generation", "servers", "rekeys", "change"), LIVES)
def test_a_change_is_made_and_only_whom_it_names_is_apart(
    signing_key, generation, servers, rekeys, change
):
    town = built(signing_key, generation, servers, rekeys)
    ALL[change](town)
    foreseen = town.run(check=True)
    assert ends_well(town).changed == foreseen.changed


@pytest.mark.parametrize("rekeys", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        "the group has another number",
        "servers change places",
        "another serves alone",
        "other algorithms of traffic",
    ],
)
def test_who_is_out_of_reach_is_named_too_where_it_does_not_understand_the_others(
    signing_key, change, rekeys
):
    town = built(signing_key, "v2", 2, rekeys)
    ALL[change](town)
    run = town.run(Hands(town, lost=["site-3"]))
    assert (run.failures.keys(), run.beyond) == ({"site-3"}, set())


def committed(town):
    """What each device has, as text."""
    places = {host: given["address"] for host, given in town.variables.items()}
    return {host: str(town.devices[at].database.committed) for host, at in places.items()}


@pytest.mark.parametrize("change", ["a site leaves", "the first server goes"])
def test_what_waits_for_somebody_out_of_reach_is_not_foreseen_as_done(signing_key, change):
    """Check mode had servers forget, and sites leave, that stayed as they were."""
    town = built(signing_key, "v2", 2, True)
    ALL[change](town)
    foreseen = town.run(Hands(town, lost=["site-3"]), check=True, diff=True)
    was = committed(town)
    done = town.run(Hands(town, lost=["site-3"]), diff=True)
    assert done.said == foreseen.said
    (host,) = {"site-1", "hub-1"} - done.changed
    assert committed(town)[host] == was[host]
    assert any(line.endswith(": left for the next run") for line in foreseen.warnings[host])


def test_where_requests_take_time_servers_change_places_while_a_site_leaves(signing_key):
    """Servers agree on keys between two requests."""
    town = built(signing_key, "v2", 2, True)
    _is_served_by("hub-2", "hub-1")(town)
    _leaves(town)
    run = town.run(Hands(town, takes=0.2))
    assert run.is_good, (run.failures, run.beyond)
    ends_well(town)


@pytest.mark.parametrize(
    "change",
    [
        "all get other keys",
        "other algorithms of phase 1",
        "the group has another number",
        "the first server goes",
    ],
)
def test_servers_confirm_what_some_prove_before_others_who_are_slow_begin(signing_key, change):
    """Members that commit one after the other take longer than servers wait."""
    town = built(signing_key, "v2", 2, True)
    ALL[change](town)
    run = town.run(Hands(town, commits=50), confirm_minutes=3)
    assert run.is_good, (run.failures, run.beyond)
    ends_well(town)


class Noted(Hands):
    """``takes``: seconds of a site's commit; ``commits``: who was asked for one, and when."""

    def __init__(self, town, takes):
        super().__init__(town)
        self._takes_of, self.done = takes, []

    def works(self, host, operation):
        if operation.tag == "commit-configuration":
            self.done.append((host, self._town.now))
            self._town.pass_time(self._takes_of.get(host, 0))


def test_the_longest_change_of_all_says_whether_there_is_time_for_another(signing_key):
    """One site that takes its time among others who do not is no reason to think the next quick."""
    town = built(signing_key, "v2", 1, True)
    _all_get_keys(town)
    hands = Noted(town, {"site-1": 40, "site-2": 15})
    run = town.run(hands, confirm_minutes=3)
    assert run.is_good, (run.failures, run.beyond)
    assert [host for host, _ in hands.done] == [
        "hub-1",
        "site-1",
        "site-2",
        "hub-1",
        "site-3",
        "site-4",
    ]


def test_a_server_that_has_something_wrong_itself_is_given_time_before_it_is_confirmed(signing_key):
    town = built(signing_key, "v2", 1, True)
    _all_get_keys(town)
    hands = Noted(town, {"site-1": 50})
    over = town.now + 60

    def shown(_host, answer):
        is_list = b"registered-members" in answer and town.now <= over
        return answer.replace(b"site-4", b"a stranger") if is_list else answer

    town.shown = shown
    run = town.run(hands, confirm_minutes=3)
    assert run.is_good, (run.failures, run.beyond)
    (_learnt, confirmed) = [when for host, when in hands.done if host == "hub-1"]
    assert over < confirmed < over + 10


def test_who_cannot_change_in_time_is_left_for_the_next_run(signing_key):
    """Before its group has keys that those who left cannot read, nothing is proved."""
    town = built(signing_key, "v2", 2, True)
    _leaves_and_comes(town)
    run = town.run(Hands(town, commits=50), confirm_minutes=3)
    assert (run.failures.keys(), run.beyond) == ({"site-5"}, set())
    assert run.failures["site-5"] == [
        "not configured: its servers take their change back 3 minutes after it, which nothing "
        "proves yet, and a change takes up to 50 s; set group_vpn_confirm_minutes to more; the "
        "next run goes on"
    ]
    ends_well(town)


def test_nobody_loses_keys_for_what_servers_have_taken_back_meanwhile(signing_key):
    town = built(signing_key, "v2", 2, True)
    _leaves_and_comes(town)
    run = town.run(Hands(town, commits=200), confirm_minutes=3)
    assert {did for done, _diff in run.said.values() for did in done} == {"configured"}
    assert run.failures["hub-1"][0] == (
        "not cleared, because BRANCHES was stopped (nothing has proved the change of hub-1, hub-2 "
        "within 3 minutes; set group_vpn_confirm_minutes to more: who has gone can read on); the "
        "next run goes on"
    )
    assert "the device has taken it back" in run.failures["hub-2"][0]
    assert not run.beyond
    ends_well(town)


@pytest.mark.parametrize("servers", [1, 2])
def test_who_asks_for_the_next_key_by_itself_is_not_made_to(signing_key, servers):
    """Where nothing is pushed some ask a moment before the others."""
    town = built(signing_key, "v2", servers, False)
    town.pass_time(3600 - 100 - 80)
    for _second in range(60):
        run = town.run(check=True)
        assert (run.steps, run.changed) == ([], set())
        run = town.run()
        assert (run.steps, run.changed, run.failures) == ([], set(), {})
        town.pass_time(1)


def test_who_alone_has_old_keys_is_made_to_ask_however_soon_they_end(signing_key):
    """The others have others already, and cannot read it meanwhile."""
    town = built(signing_key, "v2", 1, False)
    town.pass_time(3600 - 100 - 80)
    spi = re.compile(rb"(?<=<sa-spi>)[0-9a-f]{8}(?=<)")
    town.shown = lambda host, said: said if host == "site-4" else spi.sub(b"0badcafe", said)
    assert town.run(check=True).changed == {"site-4"}


class DiesBeforeMembersChange(Hands):
    """Its owner has servers change, and no member any more."""

    def works(self, host, operation):
        if "site" in host and operation.tag == "load-configuration":
            raise Killed


@pytest.mark.parametrize("left", [70, 25])
@pytest.mark.parametrize("change", ["all get other keys", "a site gets another key"])
def test_what_an_earlier_run_has_left_to_be_proved_is_confirmed_in_its_time(
    signing_key, left, change
):
    town = built(signing_key, "v2", 1, True)
    ALL[change](town)
    with pytest.raises(Killed):
        town.run(DiesBeforeMembersChange(town), confirm_minutes=3)
    town.pass_time(180 - left)
    run = town.run(Hands(town, commits=25), confirm_minutes=3)
    assert run.is_good, (run.failures, run.beyond)
    ends_well(town)


class HangsInTheEnd(Hands):
    """Of one site nothing comes any more once members are waited for: each look waits for it."""

    def __init__(self, town, seconds):
        super().__init__(town)
        self._seconds, self._hangs = seconds, False

    def say(self, line):
        self._hangs = self._hangs or line.startswith("every member is listed")

    def asked(self, host):
        super().asked(host)
        if self._hangs and host == "site-2":
            self._town.pass_time(self._seconds)
            raise TransportFailure("site-2: no reply")


def test_who_hangs_does_not_cost_the_others_what_they_prove(signing_key):
    """Two looks of 90 s were longer than servers wait, and none was confirmed between them."""
    town = built(signing_key, "v2", 2, True)
    _all_get_keys(town)
    run = town.run(HangsInTheEnd(town, 90), confirm_minutes=3)
    assert (run.failures.keys(), run.beyond) == ({"site-2"}, set())
    town.pass_time(180)
    assert not any(town.strangers().values())
    assert town.run().changed == set()


def test_who_was_configured_for_what_servers_have_taken_back_has_failed(signing_key):
    """It has the new keys, and cannot register any more."""
    town = built(signing_key, "v2", 2, True)
    _all_get_keys(town)
    town.variables["site-1"]["pre_shared_key"] = "made-up-key-of-site-1"
    run = town.run(HangsInTheEnd(town, 200), confirm_minutes=3)
    assert "the device has taken it back" in run.failures["hub-1"][0]
    assert run.failures["site-3"] == [
        "BRANCHES: stopped (the change of hub-1, hub-2 is not known to be confirmed); the next "
        "run goes on"
    ]
    assert "site-1" not in run.failures
    ends_well(town)


def test_what_is_taken_back_before_anybody_can_prove_it_is_not_built_on(signing_key):
    """The last run of which somebody has gone, and who stays is to get keys anew."""
    town = built(signing_key, "v2", 2, True)
    _leaves_and_comes(town)
    with pytest.raises(Killed):
        town.run(DiesBeforeMembersChange(town), confirm_minutes=3)
    town.pass_time(150)
    run = town.run(Hands(town, commits=25), confirm_minutes=3)
    assert {host for host, (did, _diff) in run.said.items() if "configured" in did} == set()
    assert run.failures.keys() >= {"site-3", "site-5"}
    assert not run.beyond
    town.pass_time(60)
    ends_well(town)


def test_who_goes_on_with_the_key_of_before_when_time_is_over_is_not_verified(signing_key):
    town = Town(signing_key, "v2", 1, True)
    town.group["activation_time_delay"] = TIMEOUT - 10
    assert town.run().is_good
    town.pass_time(100)
    _at_once(_is_served_by("hub-2", "hub-3", "hub-1"), _gets_a_key)(town)
    run = town.run()
    assert run.is_good, (run.failures, run.beyond)
    assert run.unverified.keys() == {"site-1", "site-3", "site-4"}
    assert "may go on for a moment with a traffic key" in run.unverified["site-1"]


@pytest.mark.parametrize("shows", ["of other algorithms", "from before the change"])
def test_a_server_that_goes_on_with_keys_of_other_algorithms_is_not_taken_to_have_made_new_ones(
    signing_key, monkeypatch, shows
):
    """No page says that a change of algorithms alone has a server make keys."""
    town = built(signing_key, "v2", 2, True)
    if "algorithms" not in shows:
        shown = re.compile(rb"(<sa-[a-z-]+-algorithm>)[^<]+")
        town.shown = lambda _host, said: shown.sub(rb"\1none", said)
    monkeypatch.setattr(Teks, "renew", lambda *_: [])
    _traffic(town)
    run = town.run()
    assert run.is_good, (run.failures, run.beyond)
    assert run.unverified.keys() == {"hub-1", "hub-2"}
    assert f"hands out a traffic key of BRANCHES {shows}: " in run.unverified["hub-1"]


class DiesBehind(Hands):
    """Its owner has a server commit, and does nothing any more; ``server``: that one."""

    server, _is_over = "hub-1", False

    def asked(self, host):
        if self._is_over:
            raise Killed
        super().asked(host)

    def works(self, host, operation):
        super().works(host, operation)
        self._is_over = host == self.server and operation.tag == "commit-configuration"


@pytest.mark.parametrize("minutes", [0, 10])
@pytest.mark.parametrize(("generation", "servers"), [("v1", 1), ("v2", 1), ("v2", 2)])
def test_also_behind_a_killed_run_keys_of_other_algorithms_are_not_taken_for_new_ones(
    signing_key, monkeypatch, generation, servers, minutes
):
    """The next one found the servers as described, and said that all was well."""
    town = built(signing_key, generation, servers, True)
    with monkeypatch.context() as patched:
        patched.setattr(Teks, "renew", lambda *_: [])
        proposal = {"encryption_algorithm": "aes-128-cbc"}
        town.group["ipsec_proposal"] = {**town.group.get("ipsec_proposal", {}), **proposal}
        with pytest.raises(Killed):
            town.run(DiesBehind(town), confirm_minutes=minutes)
    run = town.run(confirm_minutes=minutes)
    assert run.is_good, (run.failures, run.beyond)
    assert run.unverified.keys() == {*town.group["servers"]}
    assert "hands out a traffic key of BRANCHES of other algorithms" in run.unverified["hub-1"]
    town.pass_time(3600)
    assert town.run(confirm_minutes=minutes).unverified == {}


def changing(signing_key, dice):
    """Any group that is about to change somehow."""
    generation = dice.choice(["v1", "v2", "v2"])
    servers = 1 if generation == "v1" else dice.choice([1, 2])
    town = built(signing_key, generation, servers, dice.random() < 0.7)
    ALL[dice.choice(list(CHANGES if generation == "v1" else {**CHANGES, **OF_V2}))](town)
    return town


def test_a_member_that_is_called_otherwise_registers_anew_and_nobody_else(signing_key):
    town = built(signing_key, "v2", 2, True)
    _is_renamed(town)
    run = ends_well(town)
    assert (run.steps, run.named) == (["learn", "renew", "wait"], {"site-2"})


def test_members_of_v1_that_drop_their_keys_when_pushes_go_another_way_are_named(signing_key):
    """They know no way to register anew with the keys that they have, as members of v2 do."""
    town = built(signing_key, "v1", 1, True)
    town.group["server_member_communication"] |= {
        "communication_type": "multicast",
        "multicast_group": "233.252.0.7",
        "multicast_outgoing_interface": "ge-0/0/1.0",
    }
    assert ends_well(town).named == {*town.group["members"]}


@pytest.mark.parametrize("narrow", [{"protocol": 6}, {"destination_port": 80, "protocol": 6}])
def test_a_v1_member_gets_no_policy_for_what_it_does_not_take_by_it(signing_key, narrow):
    town = Town(signing_key, "v1", 1, True)
    town.group["match_policies"][0] |= narrow
    with pytest.raises(Refused, match=r"site-1: .*\[a\] protocol 6(, destination_port 80)?: a v1"):
        town.run()
    # Whose policy is there may have another application.
    town.group["match_policies"][0] = {"name": "a", **ANYWHERE}
    assert town.run().is_good
    town.group["match_policies"][0] |= narrow
    assert town.run(check=True).steps


def test_who_is_listed_and_hears_no_push_registers_anew(signing_key):
    town = built(signing_key, "v2", 2, True)
    site = next(site for host, site in town.sites() if host == "site-2")
    site.member.keys.forget_keks()
    run = ends_well(town)
    assert (run.steps, run.changed) == (["renew", "wait"], {"site-2"})


def written_by_members(write):
    """Sites show SPIs their own way."""
    spi = re.compile(rb"(?<=<)(sa-spi|initiator-cookie|responder-cookie)>([0-9a-f]+)(?=<)")

    def shown(host, answer):
        if not host.startswith("site"):
            return answer
        return spi.sub(lambda m: m[1] + b">" + write(m[2].decode()).encode(), answer)

    return shown


@pytest.mark.parametrize(
    "write",
    [str.upper, "0x{}".format, lambda s: s.lstrip("0"), lambda s: f"\n{s[:4]}:{s[4:]}\n"],
    ids=["capitals", "with 0x", "without zeros", "in groups"],
)
@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_devices_may_write_the_same_numbers_differently(signing_key, generation, write):
    town = Town(signing_key, generation, 1, True)
    town.shown = written_by_members(write)
    assert town.run().is_good
    _phase_1(town) if generation == "v2" else _joins(town)
    ends_well(town)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_decimal_number_of_eight_digits_is_not_taken_for_a_hexadecimal_one(
    signing_key, generation
):
    town = Town(signing_key, generation, 1, True)
    spi = re.compile(rb"(?<=<sa-spi>)[0-9a-f]{8}(?=<)")

    def shown(host, answer):
        form = "{}" if host.startswith("site") else "{:08x}"
        short = (form.format(10**7 + int(m[0], 16) % 9 * 10**7) for m in spi.finditer(answer))
        return spi.sub(lambda _m: next(short).encode(), answer)

    town.shown = shown
    assert town.run().is_good
    _phase_1(town) if generation == "v2" else _joins(town)
    ends_well(town)


@pytest.mark.parametrize("rekeys", [True, False])
def test_who_cannot_be_compared_does_not_register_anew_in_each_run(signing_key, rekeys):
    town = built(signing_key, "v2", 1, rekeys)
    kek = re.compile(rb"(?<=<initiator-cookie>)[0-9a-f]+")
    tek = re.compile(rb"<sa-spi>[0-9a-f]+</sa-spi>")
    if rekeys:
        town.shown = lambda host, a: kek.sub(b"0", a) if host.startswith("site") else a
    else:
        town.shown = lambda host, a: tek.sub(b"", a) if host.startswith("hub") else a
    run = town.run()
    assert (run.steps, run.changed, run.failures) == ([], set(), {})
    assert run.unverified.keys() == {*town.group["members"]}
    _joins(town)
    run = town.run()
    assert (run.steps, run.failures) == (["learn", "members", "wait"], {})
    assert run.unverified.keys() == {*town.group["members"]}


def test_who_gets_a_key_with_another_name_has_left_as_whom_it_was(signing_key):
    """It may be another device at the old one's address."""
    town = built(signing_key, "v2", 1, True)
    _is_renamed(town)
    _gets_a_key(town)
    assert "new_keys" in ends_well(town).steps


@pytest.mark.parametrize(
    ("generation", "what"), [("v1", "group_id"), ("v2", "group_id"), ("v2", "name")]
)
def test_two_groups_with_common_members_take_each_other_s_place(signing_key, generation, what):
    town = built(signing_key, generation, 1, True)
    _a_second_group(town)
    ends_well(town)
    one, other = town.groups
    one[what], other[what] = other[what], one[what]
    names = {"BRANCHES": "OTHER", "OTHER": "BRANCHES"} if what == "name" else {}
    for host in other["members"]:
        for policy in town.variables[host]["policies"]:
            policy["group"] = names.get(policy["group"], policy["group"])
    ends_well(town)


@pytest.mark.parametrize(("generation", "servers"), [("v1", ["hub-2"]), ("v2", ["hub-1", "hub-2"])])
def test_what_is_described_of_a_group_that_nobody_can_look_at_is_not_taken_away(
    signing_key, generation, servers
):
    """Members lost the VPN of a group whose server was out of reach."""
    town = built(signing_key, generation, 1, True)
    _a_second_group(town)
    town.groups[1]["servers"] = servers
    ends_well(town)
    was = committed(town)
    run = town.run(Hands(town, lost=["hub-2"]), exclusive=True)
    assert (run.steps, run.changed, run.failures.keys()) == ([], set(), {"hub-2"})
    assert committed(town) == was


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("hub-1", "security group-vpn server"),
        ("hub-1", "security group-vpn"),
        ("hub-1", "security"),
        ("site-2", "security"),
    ],
)
def test_nothing_is_committed_into_what_is_inactive(signing_key, host, place):
    """Servers committed, and learnt after their whole time that nothing proves it."""
    town = built(signing_key, "v2", 1, True)
    town.configure(host, [f"deactivate {place}"])
    was = committed(town)
    for change in (lambda _town: None, _traffic):
        change(town)
        for check in (True, False):
            with pytest.raises(Refused, match=rf"{host}: \[edit {place}\] is inactive: .*activate"):
                town.run(check=check)
    assert committed(town) == was
    town.configure(host, [f"activate {place}"])
    town.pass_time(60)
    ends_well(town)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_whose_group_goes_from_its_server_while_its_vpn_stays_is_named(signing_key, generation):
    """They had keys until these ended, and nobody had said so."""
    town = built(signing_key, generation, 1, True)
    _a_second_group(town)
    legacy = {"name": "legacy", "address": "198.51.100.99", "pre_shared_key": "made-up-legacy"}
    town.groups[1]["unmanaged_members"] = [{**legacy, "generation": generation}]
    ends_well(town)
    town.groups.pop()
    for host in ("site-3", "site-4"):
        town.variables[host]["policies"] = town.variables["site-1"]["policies"]
    assert not any(map("cut off".__contains__, town.run(check=True).told))
    why = (
        "site-5, legacy: OTHER (group 9) goes from hub-1, because nothing describes it, and the "
        "VPN stays: no keys come from there when those of now end; describe the group, or delete "
        "the VPN"
    )
    for check in (True, False):
        # What waits for somebody out of reach goes from nobody yet.
        run = town.run(Hands(town, lost=["site-1"]), check=check, exclusive=True)
        assert why not in {line for told in run.warnings.values() for line in told}
    for check in (True, False):
        run = town.run(check=check, exclusive=True)
        assert [line.strip() for line in run.told if "cut off" in line] == [f"cut off: {why}"] * 2
        assert {host for host, told in run.warnings.items() if why in told} == {"hub-1", "site-5"}
    town.pass_time(3700)
    assert town.standings()[9]["site-5"].sends_with is None


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_group_does_not_take_the_number_of_one_that_cannot_be_touched(
    signing_key, generation, exclusive
):
    """Members lost the VPN of the other group, which nobody could look at: unnamed, unforeseen."""
    town = built(signing_key, generation, 1, True)
    _a_second_group(town)
    one, other = town.groups
    other["servers"] = ["hub-2"]
    ends_well(town)
    one["group_id"], other["group_id"] = other["group_id"], one["group_id"]
    was = committed(town)
    for check in (True, False):
        run = town.run(Hands(town, lost=["hub-2"]), check=check, exclusive=exclusive)
        assert (run.steps, run.changed, run.failures.keys()) == ([], set(), {"hub-2"})
        assert any(
            line.endswith("be that of OTHER still, which cannot be touched") for line in run.told
        )
        assert (
            "its number 9 may be that of OTHER still; the next run goes on" in run.left["site-1"][0]
        )
    assert (committed(town), town.apart) == (was, set())
    # Half of the way was gone before.
    with pytest.raises(Killed):
        town.run(DiesBehind(town), exclusive=exclusive)
    was = committed(town)["site-5"]
    run = town.run(Hands(town, lost=["hub-2"]), exclusive=exclusive)
    assert (run.steps, committed(town)["site-5"]) == ([], was)
    town.pass_time(900)
    ends_well(town)


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_whose_traffic_moves_to_a_group_of_another_name_and_number_is_named(
    signing_key, generation
):
    town = built(signing_key, generation, 1, True)
    town.group |= {"name": "ANOTHER", "group_id": GROUP_ID + 1}
    run, again = town.run(exclusive=True), town.run(exclusive=True)
    assert run.is_good, run.failures
    assert run.named == {*town.group["members"]}
    assert (again.steps, again.failures) == ([], {})


def test_who_leaves_a_group_while_its_number_changes_has_nothing_of_it(signing_key):
    town = built(signing_key, "v2", 1, True)
    _leaves(town)
    _another_number(town)
    assert "leave" in ends_well(town).steps


def test_nobody_who_left_holds_what_those_who_came_send_with(signing_key):
    town = built(signing_key, "v2", 1, False)
    kept = town.standings()[GROUP_ID]["site-1"]
    _all_are_others(town)
    ends_well(town)
    assert town.standings()[GROUP_ID]["site-5"].sends_with not in kept.receives_with


@pytest.mark.parametrize("seed", range(8))
def test_wherever_a_run_is_killed_the_next_one_ends_it(signing_key, seed):
    dice = random.Random(seed)
    town = changing(signing_key, dice)
    hands = Hands(town, killed_at=dice.randrange(110))
    try:
        town.run(hands)
    except Killed:
        # Up to where servers have taken the change back.
        town.pass_time(dice.choice([0, 20, 200, 900]))
    ends_well(town)


@pytest.mark.parametrize(("generation", "servers"), [("v1", 1), ("v2", 2)])
def test_a_key_from_before_lives_were_shortened_is_not_taken_for_one_on_its_way(
    signing_key, generation, servers
):
    """It has as much life left as a new one, for as long as that would take to arrive."""
    town, lives = built(signing_key, generation, servers, True), {"lifetime_seconds": 1800}
    town.pass_time(1000)
    town.group["ipsec_proposal"] = {**town.group.get("ipsec_proposal", {}), **lives}
    ends_well(town)
    town.pass_time(650)
    begun, run = town.now, town.run()
    assert (run.steps, run.changed, run.failures) == ([], set(), {})
    assert SETTLE_SECONDS < town.now - begun <= 91


def algorithms(town):
    """Of all traffic keys that members hold."""
    held = [site.member.keys.teks.values() for _host, site in town.sites()]
    return {tek.sa.algorithms for selectors in held for teks in selectors for tek in teks}


@pytest.mark.parametrize(
    ("generation", "killed_at"), [("v1", 29), ("v1", None), ("v2", 42), ("v2", 49), ("v2", None)]
)
def test_keys_have_new_algorithms_wherever_a_run_is_killed(signing_key, generation, killed_at):
    """Also where nothing is pushed: before the first clear, and between two servers'."""
    town = built(signing_key, generation, 1 if generation == "v1" else 2, False)
    before = algorithms(town)
    _traffic(town)
    with contextlib.suppress(Killed):
        town.run(Hands(town, killed_at=killed_at))
    ends_well(town)
    assert len(algorithms(town)) == 1
    assert not algorithms(town) & before


@pytest.mark.parametrize("seed", range(8))
def test_whoever_is_lost_in_a_run_is_brought_along_by_the_next_one(signing_key, seed):
    dice = random.Random(seed)
    town = changing(signing_key, dice)
    there = {h for g in town.groups for h in (*g["servers"], *g["members"])}
    lost = dice.sample(sorted(there), dice.randint(1, 2))
    run = town.run(Hands(town, lost=lost, from_=dice.randrange(90)))
    assert not run.beyond
    town.pass_time(dice.choice([0, 20, 200, 900]))
    ends_well(town)


def test_who_could_be_compared_before_a_change_and_hears_nothing_of_it_proves_nothing(signing_key):
    town = built(signing_key, "v2", 1, True)
    town.down = {address for address, host in town.hosts.items() if host.startswith("site")}
    town.group["server_member_communication"]["sig_hash_algorithm"] = "sha-384"
    run = town.run()
    assert "hub-1" in run.failures
    assert run.unverified == {}


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_who_is_in_a_group_that_is_described_no_more_is_not_called_otherwise(
    signing_key, generation
):
    """A server would know it by two gateways, and take it for the wrong one."""
    town = built(signing_key, generation, 1, True)
    _a_second_group(town)
    ends_well(town)
    town.groups.pop()
    for host in ("site-3", "site-4"):
        town.variables[host]["policies"] = town.variables["site-1"]["policies"]
    town.variables["site-4"]["name"] = "another"
    for exclusive in (False, True):
        with pytest.raises(Refused, match=r"gateways another: .* same peer as site-4, .*; call it"):
            town.run(exclusive=exclusive)
    town.variables["site-4"]["name"] = "site-4"
    assert town.run(exclusive=True).is_good
    town.variables["site-4"]["name"] = "another"
    assert town.run().is_good


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_server_that_knows_a_member_by_somebody_else_s_gateway_is_named(signing_key, generation):
    town = built(signing_key, generation, 1, True)
    lines = [
        "gateway A-2 address 198.51.100.2",
        "gateway A-2 ike-policy site-2",
        "gateway site-9 address 198.51.100.9",
        "gateway site-9 ike-policy site-2",
    ]
    town.configure("hub-1", [f"set security group-vpn server ike {line}" for line in lines])
    run = town.run()
    assert (run.steps, run.failures) == ([], {})
    (line,) = run.warnings["hub-1"]
    assert line.startswith("server ike gateways A-2: it has the same peer as site-2, and is not")


def test_a_member_that_cannot_be_compared_in_two_groups_is_told_of_both(signing_key):
    town = built(signing_key, "v2", 1, True)
    _a_second_group(town)
    assert town.run().is_good
    tek = re.compile(rb"<sa-spi>[0-9a-f]+</sa-spi>")
    town.shown = lambda host, a: tek.sub(b"", a) if host.startswith("hub") else a
    told = town.run().unverified
    assert [told[f"site-{n}"].count("no traffic keys of") for n in range(1, 6)] == [1, 1, 2, 2, 1]
