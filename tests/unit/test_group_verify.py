# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps a group from being as it should be, from what its devices show."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.algorithms import (
    algorithms,
    are_others,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.look import (
    Holdings,
    Keys,
    holdings,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.plan import Kind, Plan
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.fate import Fate, Outcome
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.screen import summary
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.verify import (
    faults,
    shared,
    uncompared,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.steps import Apart, Step
from lxml import etree

from tests.unit.descriptions import SITES, group_of, hosts_of

SERVERS, SITE = ("hub-1", "hub-2"), SITES[0]
DESCRIPTION = read([group_of(servers=list(SERVERS), members=[SITE])], hosts_of())
(GROUP,) = DESCRIPTION.groups
ID = 70000


def held(kek=("k1",), teks=("t1",), listed=None, left=3600):
    keys = Keys(set(kek), dict.fromkeys(teks, left))
    return Holdings({ID: keys}, {} if listed is None else {"BRANCHES": list(listed)})


def everybody(**more):
    """All as it should be, but for what is given."""
    return {**{host: held(listed=[SITE]) for host in SERVERS}, SITE: held(), **more}


def test_a_group_that_is_not_rekeyed_by_its_servers_needs_no_key_for_that():
    (group,) = read(
        [group_of(servers=list(SERVERS), members=[SITE], server_member_communication=None)],
        hosts_of(),
    ).groups
    assert shared(group, everybody(**{host: held(kek=()) for host in SERVERS})) == []


@pytest.mark.parametrize(("age", "right"), [(90, "new"), (91, "old")])
def test_a_new_key_has_six_activation_delays_to_arrive(age, right):
    """Older than that, and taken by nobody, it is one that was made before lives were shortened."""
    assert GROUP.activation_delay == 15
    for has in ("new", "old"):
        keys = Keys({"k1"}, {"new": 3600 - age, "old": 600}, span=3600)
        servers = {host: Holdings({ID: keys}, {"BRANCHES": [SITE]}) for host in SERVERS}
        wrong = faults(DESCRIPTION, GROUP, {**servers, SITE: held(teks=(has,))}, [SITE])
        assert bool(wrong) is (has == "old" and right == "new"), has


def test_what_is_as_it_should_be_has_no_fault():
    assert shared(GROUP, everybody()) == []
    assert faults(DESCRIPTION, GROUP, everybody(), [SITE]) == {}


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (held(kek=()), ["hub-2: shows no key for rekeying of BRANCHES"]),
        (held(kek=("k2",)), ["hub-1, hub-2: servers have different keys for rekeying of BRANCHES"]),
        (
            held(teks=("t2",), left=90),
            [
                "hub-1, hub-2: servers have different traffic keys of BRANCHES "
                "(those of hub-2 end in 90 s)"
            ],
        ),
        (
            held(teks=("t2",), left=0),
            [
                "hub-1, hub-2: servers have different traffic keys of BRANCHES "
                "(those of hub-1 end in 3600 s)"
            ],
        ),
        (
            held(teks=(), left=0),
            [
                "hub-1, hub-2: servers have different traffic keys of BRANCHES "
                "(those of hub-1 end in 3600 s)"
            ],
        ),
        (None, ["hub-2: does not answer any more"]),
    ],
)
def test_servers_of_a_cluster_that_differ_are_named(second, words):
    found = everybody(**{"hub-2": second})
    told = shared(GROUP, {host: one for host, one in found.items() if one is not None})
    assert set(words) <= set(map(str, told))
    # A fault is a host's: each of those that differ has it.
    hosts = {host for fault in told for host in fault.hosts}
    known = {host: one for host, one in found.items() if one is not None}
    assert {host for host in faults(DESCRIPTION, GROUP, known, []) if host != SITE} == hosts
    assert hosts <= {*SERVERS}


@pytest.mark.parametrize(
    ("site", "listed", "words"),
    [
        (held(), [], "no server lists it as a member of BRANCHES"),
        (held(kek=("old",)), [SITE], "holds no key for rekeying of BRANCHES that its servers have"),
        (held(teks=("t0",)), [SITE], "does not hold the newest traffic keys of BRANCHES"),
        (None, [SITE], "does not answer any more"),
    ],
)
def test_a_member_that_is_not_there_or_holds_something_else_is_named(site, listed, words):
    servers = {host: held(listed=listed) for host in SERVERS}
    found = {**servers, **({} if site is None else {SITE: site})}
    assert faults(DESCRIPTION, GROUP, found, [SITE])[SITE].startswith(words)
    # Who is not there is not judged.
    assert SITE not in faults(DESCRIPTION, GROUP, found, [])


def two(first, second, **hubs):
    """Both servers, and two members."""
    sites = SITES[:2]
    (group,) = read([group_of(servers=list(SERVERS), members=sites)], hosts_of()).groups
    servers = {host: held(listed=sites) for host in SERVERS}
    return group, {**servers, **hubs, **dict(zip(sites, (first, second), strict=True))}


def doubted(group, there, before=None):
    return uncompared(group, there, before or there)


def test_where_no_member_shows_what_servers_show_nobody_knows_whether_they_hold_it():
    group, there = two(held(kek=("x",)), held(kek=("y",)))
    assert {
        host: "no member shows a key for rekeying" in why
        for host, why in uncompared(group, there, there).items()
    } == dict.fromkeys(SITES[:2], True)
    description = read([group_of(servers=list(SERVERS), members=SITES[:2])], hosts_of())
    assert faults(description, group, there, SITES[:2], uncompared(group, there, there)) == {}
    silent = {host: held(teks=(), listed=SITES[:2]) for host in SERVERS}
    assert len(doubted(*two(held(), held(), **silent))) == 2
    # What was the same before can be compared.
    _group, good = two(held(), held())
    assert doubted(*two(held(), held(), **silent), good) == doubted(group, there, good) == {}


@pytest.mark.parametrize(
    "second",
    [held(), held(kek=()), held(kek=("y",), teks=("t0",))],
    ids=["one shows it", "one shows none", "one has older traffic keys"],
)
def test_who_shows_another_key_than_one_that_shows_the_servers_own_holds_another(second):
    assert doubted(*two(held(kek=("x",)), second)) == {}


def test_who_is_listed_and_no_member_is_named():
    strangers = [f"s-{n}" for n in range(7)]
    found = everybody(**{"hub-1": held(listed=[SITE, *strangers])})
    assert faults(DESCRIPTION, GROUP, found, [SITE]) == {
        "hub-1": "lists members that BRANCHES does not have: "
        "s-0, s-1, s-2, s-3, s-4, s-5 and 1 more"
    }


class Member:
    """A member's replies: these traffic keys, and the seconds that each lives."""

    def __init__(self, *keys):
        self.inside = "".join(
            f"<sa><sa-spi>{spi}</sa-spi><sa-hard-lifetime>{left}</sa-hard-lifetime></sa>"
            for spi, left in keys
        )

    def call(self, step, operation, then=()):
        if operation.tag != "get-gvpn-security-associations-information":
            return etree.fromstring("<rpc-reply/>")
        number = "<sa-gvpn-groupid>7</sa-gvpn-groupid>"
        return etree.fromstring(f"<rpc-reply><block>{number}{self.inside}</block></rpc-reply>")

    def keys(self, group=7):
        sides = {"server": {}, "member": {"ipsec": {"vpns": [{"name": "v", "group": 7}]}}}
        return holdings(self, sides, None).of(group)


def test_of_a_key_that_is_shown_twice_the_longer_life_counts():
    member = Member(("a", 900), ("b", 700), ("a", 300))
    assert (member.keys().teks, member.keys().newest((), 60)) == (
        {"0000000a": 900, "0000000b": 700},
        {"0000000a"},
    )
    assert member.keys(None) == Keys()


@pytest.mark.parametrize("shown", ["9" * 5000, "9" * 21, "word", "४२"])
def test_a_number_of_a_key_that_is_none_is_a_key_that_nobody_else_has(shown):
    assert [*Member((shown, 900)).keys().teks] == [shown.zfill(8)]


def test_a_key_from_before_lives_were_shortened_is_not_the_newest():
    class Shown:
        """A server's replies: a traffic key of before, and one that it has made since."""

        def stream(self, step, operation):
            name = "security-group-vpn-server-registered-members"
            return [f"<rpc-reply><{name}/></rpc-reply>".encode()]

        def call(self, step, operation, then=()):
            if operation.tag == "get-security-group-vpn-server-kek-sa":
                return etree.fromstring("<rpc-reply/>")
            inside = "".join(
                f"<sa><sa-spi>{spi}</sa-spi><sa-hard-lifetime>{left}</sa-hard-lifetime></sa>"
                for spi, left in (("0000001d", 3000), ("000000ee", 1799))
            )
            return etree.fromstring(
                "<rpc-reply><block><group-vpn-group-id>7</group-vpn-group-id>"
                f"{inside}</block></rpc-reply>"
            )

    assert server_keys(Shown(), 1800).newest((), 60) == {"000000ee"}
    assert server_keys(Shown(), 900).newest((), 60) == {"0000001d"}
    assert server_keys(Shown(), None).newest((), 60) == {"0000001d"}


@pytest.mark.parametrize(
    ("teks", "used", "newest"),
    [
        ({"old": 1700, "new": 900}, {"new"}, {"new"}),
        ({"old": 1700, "new": 900}, {"old"}, {"old"}),
        # Just made: nobody can have it yet.
        ({"old": 900, "new": 1790}, {"old"}, {"new"}),
        ({"old": 1700, "new": 900}, set(), {"old"}),
        ({"a": 0, "b": 0}, {"a"}, {"a", "b"}),
        ({}, {"a"}, set()),
    ],
)
def test_a_key_that_nobody_has_taken_in_time_is_not_the_newest(teks, used, newest):
    assert Keys(teks=teks, span=1800).newest(used, 60) == newest


@pytest.mark.parametrize(
    ("teks", "used", "seconds"),
    [
        ({"old": 1750, "new": 900}, {"new"}, 11),
        ({"old": 900, "new": 1800}, {"old"}, 61),
        ({"old": 900, "new": 1800}, {"old", "new"}, 0),
        ({"old": 1739, "new": 900}, {"new"}, 0),
        ({"old": 1801, "new": 900}, {"new"}, 0),
        ({"a": 0}, (), 0),
    ],
)
def test_whether_a_key_is_new_is_seen_once_it_is_older_than_one_on_its_way(teks, used, seconds):
    keys = Keys(teks=teks, span=1800)
    assert keys.undecided(used, 60) == seconds
    later = {spi: max(0, left - seconds) for spi, left in teks.items()}
    assert Keys(teks=later, span=1800).undecided(used, 60) == 0
    assert Keys(teks=teks).undecided(used, 60) == 0


def server_keys(rpc, lifetime):
    """The keys that a server shows of its one group."""
    proposal = {"name": "p", **({"lifetime_seconds": lifetime} if lifetime else {})}
    group = {"name": "BRANCHES", "group_id": 7, "ipsec_sas": [{"name": "sa", "proposal": "p"}]}
    server = {"ipsec": {"proposals": [proposal]}, "groups": [group]}
    return holdings(rpc, {"server": server, "member": {}}, Generation.V2).of(7)


@pytest.mark.parametrize(
    ("shown", "is_another"),
    [
        (("aes-256-cbc", "hmac-sha-256-128"), False),
        (("aes-256/", "sha256"), False),
        (("AES-CBC-256/", "sha-256"), False),
        (("none", ""), False),
        (("another", "sha"), False),
        (("aes-128/", "sha256"), True),
        (("aes-cbc-128", "none"), True),
        (("3des/", ""), True),
        (("3des-cbc", "sha256"), True),
        (("des-cbc", "sha256"), True),
        (("aes-256/", "sha1"), True),
        (("aes256", "hmac-md5-96"), True),
    ],
)
def test_only_algorithms_that_can_be_told_are_others_than_a_proposal_has(shown, is_another):
    wanted = algorithms(["aes-256-cbc", "hmac-sha-256-128"])
    assert are_others(algorithms(shown), wanted) is is_another
    assert not are_others(algorithms(["3des-cbc", "sha1"]), algorithms(["3des/", "hmac-sha1-96"]))
    assert are_others(algorithms(["des"]), algorithms(["3des"]))


def test_a_step_says_all_that_it_is():
    step = Step(Kind.WAIT, ("hub-1",), groups=("G1",), apart=(Apart("G1", ("a", "b"), "a rekey"),))
    assert step.as_result() == {
        "step": "wait",
        "what": "every member is listed, and holds the keys of its server",
        "hosts": ["hub-1"],
        "groups": ["G1"],
        "apart": [{"group": "G1", "members": ["a", "b"], "until": "a rekey"}],
    }


# What a person reads of it


def told(before, after, fates, broken=(), description=DESCRIPTION, **more):
    outcome = Outcome(Plan(()), fates, before, after, dict(broken), **more)
    return summary(description, outcome)


def test_the_summary_names_who_came_who_went_and_who_is_missing():
    before = {host: held(listed=["old"]) for host in SERVERS}
    after = {host: held(teks=("t2",), listed=[SITE]) for host in SERVERS}
    assert told(before, after, {SITE: Fate(changed=True)}) == [
        "BRANCHES (group 70000): 1 of 1 members registered at hub-1, hub-2",
        f"  added: {SITE}",
        "  removed: old",
        "  rekeyed: the group has new traffic keys",
        f"changed: {SITE}; failed: nobody",
    ]


def test_the_summary_of_nothing_new_has_nothing_new():
    same = everybody()
    assert told(same, same, {SITE: Fate()}) == [
        "BRANCHES (group 70000): 1 of 1 members registered at hub-1, hub-2",
        "changed: nobody; failed: nobody",
    ]


NONE_OF_THEM = "; cut off until it registers, since it had none of the keys that BRANCHES has now"
AT_MOST = "; cut off when its keys end, in 3600 s at the latest, unless it registers"


@pytest.mark.parametrize(
    ("before", "until"),
    [
        (
            Keys({"k1"}, {"t1": 900}),
            "; cut off in 900 s, when its keys end, unless it registers",
        ),
        (Keys(), NONE_OF_THEM),
        (None, AT_MOST),
    ],
)
def test_the_summary_says_until_when_who_failed_goes_on(before, until):
    known = {} if before is None else {SITE: Holdings({ID: before})}
    fates = {SITE: Fate(failures=["no route", "no route"]), "hub-1": Fate(failures=["refused"])}
    after = {host: Holdings() for host in SERVERS}
    lines = told(known, after, fates, {"BRANCHES": "hub-1 did not take the change"})
    assert lines == [
        "BRANCHES (group 70000): 0 of 1 members registered at hub-1, hub-2",
        f"  not registered: {SITE}",
        "  stopped: hub-1 did not take the change",
        f"  {SITE}: no route{until}",
        "  hub-1: refused",
        f"changed: nobody; failed: {SITE}, hub-1",
    ]


def ending(**teks):
    return Holdings({ID: Keys({"k1"}, teks)}, at=100.0)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        # The keys that it is about to leave end first, and it talks with the others.
        (
            ending(old=20, new=900),
            None,
            "; cut off in 600 s, when its keys end, unless it registers",
        ),
        (ending(t=299), None, "; cut off until it registers, since its keys have ended"),
        (
            ending(t=900),
            ending(t=800),
            "; cut off in 500 s, when its keys end, unless it registers",
        ),
        (ending(t=900), ending(), "; cut off until it registers, since its keys are gone"),
        (ending(), ending(), ""),
    ],
)
def test_the_time_until_a_member_is_cut_off_is_that_of_the_end_of_the_run(before, after, said):
    known = {} if after is None else {SITE: after}
    fates = {SITE: Fate(failures=["no answer"])}
    lines = told({SITE: before}, known, fates, at=400.0)
    assert f"  {SITE}: no answer{said}" in lines


@pytest.mark.parametrize(
    ("had", "listed", "said"),
    [
        # The group had another number, or has been cleared: what the site holds is of no use.
        (Holdings({ID - 1: Keys({"k1"}, {"t1": 900})}), [], NONE_OF_THEM),
        (Holdings({ID: Keys({"k1"}, {"t1": 900})}), [], NONE_OF_THEM),
        # Who has registered since has keys; nobody knows for how long.
        (Holdings({ID - 1: Keys({"k1"}, {"t1": 900})}), [SITE], AT_MOST),
        (Holdings({ID: Keys({"k1"}, {"t1": 900})}), [SITE], AT_MOST),
        # What was not understood, or has never been like what servers show, says nothing.
        (Holdings(unclear=["what?"]), [], ""),
        (
            Holdings({ID: Keys({"k1"}, {"another": 900})}),
            [],
            "; cut off in 900 s, when its keys end, unless it registers",
        ),
    ],
)
def test_a_member_out_of_reach_whose_group_has_other_keys_is_said_to_be_cut_off(had, listed, said):
    before = {SITE: had, "hub-1": held(teks=("t1",), listed=[SITE])}
    after = {"hub-1": held(teks=("t2",), listed=listed)}
    lines = told(before, after, {SITE: Fate(failures=["no answer"])})
    assert f"  {SITE}: no answer{said}" in lines


def test_a_key_that_has_ended_is_no_new_one():
    before = {host: held(teks=("t1", "t2"), listed=[SITE]) for host in SERVERS}
    after = {host: held(teks=("t2",), listed=[SITE]) for host in SERVERS}
    assert not any("rekeyed" in line for line in told(before, after, {}))


def test_members_are_called_as_hosts_and_are_not_new_when_their_server_is():
    hosts = hosts_of(site_1={"name": "GM-0001"})
    description = read([group_of(servers=["hub-1"], members=[SITE])], hosts)
    before = {"hub-3": held(listed=["GM-0001"]), "hub-1": held(listed=[])}
    lines = told(before, {"hub-1": held(listed=["GM-0001"])}, {}, description=description)
    assert lines[0] == "BRANCHES (group 70000): 1 of 1 members registered at hub-1"
    assert not any("added" in line or "removed" in line for line in lines)
    (_, gone, *_) = told(before, {"hub-1": held(listed=[])}, {}, description=description)
    assert gone == f"  removed: {SITE}"


def test_who_is_listed_by_servers_that_do_not_answer_is_not_known():
    before = {"hub-1": held(listed=[SITE]), "hub-2": held(teks=("t0",), listed=["old"])}
    after = {"hub-1": held(listed=[SITE])}
    assert told(before, after, {})[:-1] == [
        "BRANCHES (group 70000): 1 of 1 members registered at hub-1; of hub-2 nothing is known"
    ]
    assert told(before, {"hub-1": held()}, {})[1:-1] == [
        f"  removed: {SITE}",
        f"  not registered there: {SITE}",
    ]
    assert told(before, {}, {})[:-1] == [
        "BRANCHES (group 70000): who is registered is not known, "
        "because hub-1, hub-2 did not answer"
    ]


def test_the_summary_names_members_of_which_nothing_was_heard():
    whom = {"legacy-1": "no server lists it", "legacy-2": "not heard of"}
    lines = told({}, {}, {}, unverified={**whom, "legacy-3": "no server lists it"})
    # A fleet of which nothing is known has one line, and not hundreds.
    assert [line for line in lines if "not verified" in line] == [
        "  not verified: legacy-1, legacy-3: no server lists it",
        "  not verified: legacy-2: not heard of",
    ]
