# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Server clusters: a root and a sub-server share a group's keys, on a hand-moved clock."""

from __future__ import annotations

import pytest

from keyserver.cluster.link import ServerLost
from keyserver.cluster.messages import ClusterExchange, state_payloads
from keyserver.cluster.servers import ServerCluster
from keyserver.config.junos_schema import Generation
from keyserver.groups.delays import ActivationDelays
from keyserver.groups.gateways import phase1_proposal
from keyserver.groups.pushes import MulticastTarget
from keyserver.ike.exchange import new_message_id
from keyserver.ike.numbers import Exchange
from keyserver.ike.payloads import Identification
from keyserver.ike.proposal import PeerPolicy
from keyserver.member.machine import GroupMember
from keyserver.member.registrations import MemberState
from keyserver.srx import Surroundings
from tests.keyserver.world import commit, device_of
from tests.lab import PSK, hub_config

ROOT, SUB = "192.0.2.1", "192.0.2.2"
SITES = ("192.0.2.11", "192.0.2.12")
SERVER = "set security group-vpn server"
BLOCK = f"{SERVER} group G1 server-member-communication"
ALGORITHMS = (
    f"{BLOCK} encryption-algorithm aes-256-cbc",
    f"{BLOCK} sig-hash-algorithm sha-256",
    f"{BLOCK} lifetime-seconds 600",
)
AES_128 = f"{SERVER} ipsec proposal esp encryption-algorithm aes-128-cbc"


def cluster_lines(role: str, other: str, psk: str = PSK) -> tuple[str, ...]:
    return (
        f"{SERVER} ike policy between proposals p1",
        f"{SERVER} ike policy between pre-shared-key ascii-text {psk}",
        f"{SERVER} ike gateway peer ike-policy between",
        f"{SERVER} ike gateway peer address {other}",
        f"{SERVER} ike gateway peer dead-peer-detection always-send",
        f"{SERVER} ike gateway peer dead-peer-detection interval 10",
        f"{SERVER} ike gateway peer dead-peer-detection threshold 3",
        f"{SERVER} group G1 server-cluster server-role {role}",
        f"{SERVER} group G1 server-cluster ike-gateway peer",
        f"{SERVER} group G1 server-cluster retransmission-period 5",
    )


class Hub:
    """One key server of the cluster."""

    def __init__(self, address: str, lines: tuple[str, ...], signing_key, now: float) -> None:
        self.address = address
        gateways = {f"gm-{n}": site for n, site in enumerate(SITES, 1)}
        self.text = hub_config("hub", "v2", gateways, extra=lines)
        self.device = device_of(address, Generation.V2, self.text, now, signing_key)
        self.groups, self.endpoint = self.device.groups, self.device.endpoint
        found = [one for one in self.device.companions if isinstance(one, ServerCluster)]
        (self.cluster,) = found
        self.events: list[object] = []

    def commit(self, now: float, *lines: str) -> None:
        commit(self.device, self.text + "\n".join(lines), now)

    def keys(self, now: float) -> tuple[str | None, set[str]]:
        (view,) = self.groups.views(now)
        return (view.kek.spi if view.kek else None), {tek.spi for tek in view.teks}


class Ahead:
    """Who makes keys beside the loop: each is the one that is given, and counted."""

    def __init__(self, signing_key) -> None:
        self.key, self.begun, self.asked = signing_key(""), 0, 0

    def __call__(self, making):
        self.begun += 1
        return self._made

    def _made(self):
        self.asked += 1
        return self.key


@pytest.mark.parametrize("role", ["root-server", "sub-server"])
def test_a_cluster_begins_to_make_its_key_before_the_servers_meet(signing_key, tmp_path, role):
    now, ahead = 1_800_000_000.0, Ahead(signing_key)
    gateways = {"gm-1": SITES[0]}
    alone = hub_config("hub", "v2", gateways, extra=ALGORITHMS)
    spec = {"around": Surroundings(begin=ahead), "state": tmp_path / "state"}
    device = device_of(ROOT, Generation.V2, alone, now, None, **spec)
    assert ahead.begun == 0
    text = hub_config("hub", "v2", gateways, extra=(*ALGORITHMS, *cluster_lines(role, SUB)))
    for minute in range(3):
        commit(device, f"{text}\nset system host-name h{minute}", now + 60 * minute)
    assert (ahead.begun, ahead.asked) == (1, 0)
    assert device.safe.signing_key("") is ahead.key
    commit(device, text, now + 300)
    device.close()
    # What was made is kept: nothing is made again.
    again = device_of(ROOT, Generation.V2, text, now, None, **spec)
    assert again.safe.signing_key("").private_numbers() == ahead.key.private_numbers()
    assert (ahead.begun, ahead.asked) == (1, 1)
    again.close()


class Network:
    """Hubs and members; ``dead`` addresses neither hear nor speak, ``deaf`` pairs one way only."""

    def __init__(self, signing_key, psk: str = PSK) -> None:
        self.now = 1_800_000_000.0
        self.signing_key = signing_key
        self.hubs = {
            ROOT: Hub(
                ROOT, (*ALGORITHMS, *cluster_lines("root-server", SUB)), signing_key, self.now
            ),
            SUB: Hub(
                SUB, (*ALGORITHMS, *cluster_lines("sub-server", ROOT, psk)), signing_key, self.now
            ),
        }
        self.members: dict[str, GroupMember] = {}
        self.home: dict[str, str] = {}
        self.dead: set[str] = set()
        self.deaf: set[tuple[str, str]] = set()
        self.loses = lambda source, datagram: False
        # Seconds that a hub's clock is behind the others'.
        self.behind: dict[str, float] = {}
        self.said: list[tuple[str, str, bytes]] = []

    def member(self, address: str, server: str) -> GroupMember:
        policy = PeerPolicy(
            "ks",
            PSK.encode(),
            (phase1_proposal("aes-256-cbc", "sha-256", "group14"),),
            Identification.address(address),
            Identification.address(server),
        )
        member = GroupMember("site", 1, (policy,), jitter=lambda: 0.5, address=address)
        self.members[address] = member
        self.carry([(address, server, d) for d in member.start(self.now)])
        self.home[address] = server
        return member

    def carry(self, queue: list[tuple[str, str, bytes]]) -> None:
        while queue:
            source, target, datagram = queue.pop(0)
            self.said.append((source, target, datagram))
            if source in self.dead or target in self.dead or (source, target) in self.deaf:
                continue
            if self.loses(source, datagram):
                continue
            if target in self.hubs:
                hub = self.hubs[target]
                answer, events = hub.endpoint.receive(datagram, (source, 848), self.at(target))
                hub.events += events
                if answer is not None:
                    queue.append((target, source, answer))
                queue += self.pushed(target)
            elif target in self.members:
                answers = self.members[target].receive(datagram, self.now)
                queue += [(target, source, one) for one in answers]

    def pushed(self, address: str) -> list[tuple[str, str, bytes]]:
        hub = self.hubs[address]
        outgoing, events = hub.device.take(self.at(address))
        hub.events += events
        found = []
        for out in outgoing:
            assert not isinstance(out.to, MulticastTarget)
            found += [(address, target, out.datagram) for target, _port in out.to]
        return found

    def at(self, hub: str) -> float:
        return self.now - self.behind.get(hub, 0)

    def due(self, hub: str) -> float | None:
        deadline = self.hubs[hub].device.deadline()
        return deadline + self.behind.get(hub, 0) if deadline is not None else None

    def settle(self) -> None:
        self.carry([d for address in self.hubs for d in self.pushed(address)])

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        for _ in range(100_000):
            due = [self.due(address) for address in self.hubs if address not in self.dead]
            due += [m.wake_at for m in self.members.values()]
            following = min((d for d in due if d is not None), default=end)
            if following > end:
                break
            self.now = max(self.now, following)
            for address, hub in self.hubs.items():
                if address not in self.dead:
                    hub.device.expire(self.at(address))
            self.settle()
            for address, member in self.members.items():
                answers = member.tick(self.now)
                self.carry([(address, self.home[address], one) for one in answers])
        else:
            raise AssertionError("time does not pass")
        self.now = end

    def same_keys(self) -> bool:
        return self.hubs[ROOT].keys(self.now) == self.hubs[SUB].keys(self.now)

    def restart(self, address: str) -> None:
        lines = ALGORITHMS + (
            cluster_lines("root-server", SUB)
            if address == ROOT
            else cluster_lines("sub-server", ROOT)
        )
        self.hubs[address] = Hub(address, lines, self.signing_key, self.now)
        self.dead.discard(address)


@pytest.fixture
def network(signing_key):
    made = Network(signing_key)
    made.pass_time(1)
    return made


def test_members_of_either_server_get_the_same_keys(network):
    first, second = network.member(SITES[0], ROOT), network.member(SITES[1], SUB)
    assert {first.state, second.state} == {MemberState.REGISTERED}
    assert network.same_keys()
    assert first.keys.tek_spis() == second.keys.tek_spis()
    assert first.keys.current_kek == second.keys.current_kek
    # Each lists its own.
    listed = [h.groups.views(network.now)[0].members[0].address for h in network.hubs.values()]
    assert listed == list(SITES)


def test_the_roots_rekey_reaches_the_members_of_the_sub_server(network):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    before = members[1].keys.current_kek
    network.pass_time(600)
    after = {m.keys.current_kek for m in members}
    assert len(after) == 1
    assert before not in after
    assert [e.event for e in members[1].events].count("rekeyed") >= 1
    assert "reregistering" not in [e.event for e in members[1].events]
    assert network.same_keys()
    assert [m.state for m in members] == [MemberState.REGISTERED] * 2


def test_a_commit_at_the_root_changes_the_keys_of_both(network):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    change = f"{BLOCK} encryption-algorithm aes-128-cbc"
    network.hubs[SUB].commit(network.now, change)
    network.settle()
    assert [e.event for e in members[1].events] == ["registered"]
    network.hubs[ROOT].commit(network.now, change)
    network.settle()
    assert [[e.event for e in m.events] for m in members] == [["registered", "rekeyed"]] * 2
    assert members[0].keys.current_kek == members[1].keys.current_kek


@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc"])
@pytest.mark.parametrize("first", [ROOT, SUB])
def test_a_change_of_traffic_algorithms_reaches_both_with_what_was_before(network, first, cipher):
    change = f"{SERVER} ipsec proposal esp encryption-algorithm {cipher}"
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    _, before = network.hubs[ROOT].keys(network.now)
    for address in (first, SUB if first == ROOT else ROOT):
        network.hubs[address].commit(network.now, change)
        network.settle()
    assert network.same_keys()
    _, after = network.hubs[SUB].keys(network.now)
    assert before < after
    # Both send with the new key, and can still read what comes under the old one.
    assert [m.keys.tek_spis() for m in members] == [members[0].keys.tek_spis()] * 2
    assert {m.state for m in members} == {MemberState.REGISTERED}
    assert "reregistering" not in [e.event for m in members for e in m.events]
    # The old one goes with its lifetime, on both.
    network.pass_time(3700)
    assert network.same_keys()
    assert not before & network.hubs[SUB].keys(network.now)[1]


def test_a_sub_server_that_joins_after_a_change_of_algorithms_gets_both_keys(network):
    network.member(SITES[0], ROOT)
    network.hubs[ROOT].commit(network.now, AES_128)
    network.settle()
    network.restart(SUB)
    network.hubs[SUB].commit(network.now, AES_128)
    network.pass_time(2)
    late = network.member(SITES[1], SUB)
    assert network.same_keys()
    assert len(network.hubs[SUB].keys(network.now)[1]) == 2
    assert late.keys.tek_spis() == network.members[SITES[0]].keys.tek_spis()


@pytest.fixture(params=[(ROOT, SUB), (SUB, ROOT)], ids=["root first", "sub-server first"])
def order(request):
    return request.param


def _recorded(network, source, target, kind):
    """What one server has said to the other so far, of that exchange type."""
    return [d for one, other, d in network.said if (one, other, d[18]) == (source, target, kind)]


def _rekeyed(network, life):
    for address in (SUB, ROOT):
        network.hubs[address].commit(
            network.now, f"{SERVER} ipsec proposal esp lifetime-seconds {life}"
        )
        network.settle()


def test_an_update_that_comes_late_or_again_brings_back_no_key_of_before(network):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    for life in (3000, 2900):
        _rekeyed(network, life)
        network.pass_time(100)
    before = network.hubs[SUB].keys(network.now)
    updates = _recorded(network, ROOT, SUB, ClusterExchange.UPDATE)
    assert len(updates) == 2
    for datagram in updates:
        network.carry([(ROOT, SUB, datagram)])
    network.pass_time(100)
    assert network.hubs[SUB].keys(network.now) == before
    assert members[0].held() == members[1].held()
    _rekeyed(network, 2800)
    network.pass_time(100)
    assert members[0].held() == members[1].held()


@pytest.mark.parametrize("met", [1, 2])
def test_an_init_that_comes_again_takes_back_no_update(network, met):
    for _ in range(met):
        network.hubs[SUB].cluster.clear(network.now)
        network.pass_time(2)
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    network.deaf.add((ROOT, SUB))
    _rekeyed(network, 3000)
    inits = _recorded(network, SUB, ROOT, ClusterExchange.INIT)
    assert len(inits) == 1 + met
    for datagram in inits:
        network.carry([(SUB, ROOT, datagram)])
    network.pass_time(2)
    network.deaf.clear()
    network.pass_time(100)
    assert members[0].held() == members[1].held()


@pytest.mark.parametrize("way", [(ROOT, SUB), (SUB, ROOT)])
def test_a_probe_or_an_answer_that_was_recorded_proves_no_life(network, way):
    """RFC 3706 §6: the other server is dead, and somebody says again what it said."""
    dead, living = way
    network.member(SITES[0], ROOT)
    network.pass_time(60)
    said = _recorded(network, dead, living, Exchange.INFORMATIONAL)
    network.dead.add(dead)
    for _ in range(60):
        network.pass_time(1)
        for datagram in said:
            network.hubs[living].endpoint.receive(datagram, (dead, 848), network.now)
    lost = [event for event in network.hubs[living].events if isinstance(event, ServerLost)]
    assert len(said) > 5
    assert len(lost) == 1


def test_servers_that_meet_anew_amid_a_rekey_leave_the_key_before_to_members(network):
    change = f"{SERVER} ipsec proposal esp lifetime-seconds 3000"
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    (before,) = network.hubs[ROOT].keys(network.now)[1]
    for address in (SUB, ROOT):
        network.hubs[address].commit(network.now, change)
        network.settle()
    # All send with the next one, and who has changed late may be read.
    network.pass_time(35)
    network.hubs[SUB].cluster.clear(network.now)
    network.pass_time(5)
    assert [before in member.held().receives_with for member in members] == [True, True]
    assert "deleted" not in {event.event for member in members for event in member.events}
    assert network.same_keys()
    network.pass_time(10)
    assert [before in member.held().receives_with for member in members] == [False, False]


MATCH = f"{SERVER} group G1 ipsec-sa sa-1 match-policy any source 198.51.100.0/25"


@pytest.mark.parametrize("between", [0, 25])
def test_what_a_match_policy_replaces_goes_at_the_members_of_both(network, order, between):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    (before,) = network.hubs[ROOT].keys(network.now)[1]
    for address in order:
        network.hubs[address].commit(network.now, MATCH)
        network.settle()
        network.pass_time(between)
        assert before in {spi for one in members for spi in one.held().receives_with}
    # Three activation time delays after the later of them, and what was on the way.
    network.pass_time(45 + 2)
    (after,) = network.hubs[SUB].keys(network.now)[1]
    assert [(m.held().sends_with, m.held().receives_with) for m in members] == [
        (after, (after,))
    ] * 2


@pytest.mark.parametrize("commits", [(MATCH, ""), (MATCH, "", MATCH), (MATCH, "", "")])
def test_who_joins_the_sub_server_as_match_policies_change_and_change_back_gets_each_key_once(
    network, order, commits
):
    first = network.member(SITES[0], ROOT)
    for lines in commits:
        for address in order:
            network.hubs[address].commit(network.now, lines)
            network.settle()
            network.pass_time(1)
    second = network.member(SITES[1], SUB)
    assert second.state is MemberState.REGISTERED
    for _ in range(100):
        network.pass_time(1)
        assert first.held().sends_with in second.held().receives_with
        assert second.held().sends_with in first.held().receives_with


def test_an_ipsec_sa_that_is_removed_goes_at_the_members_of_both(network, order):
    more = [
        line.replace("sa-1", "sa-2").replace("198.51.100", "192.0.2")
        for line in network.hubs[ROOT].text.splitlines()
        if "sa-1" in line
    ]
    for hub in network.hubs.values():
        hub.commit(network.now, *more)
        network.settle()
    network.pass_time(2)
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    assert [len(m.held().receives_with) for m in members] == [2, 2]
    for address in order:
        network.hubs[address].commit(network.now)
        network.settle()
    network.pass_time(2)
    assert [len(m.held().receives_with) for m in members] == [1, 1]


SHORT = f"{SERVER} ipsec proposal esp lifetime-seconds 600"


def without_rekeys(network):
    """Both servers with TEKs of ten minutes and no server-member-communication."""
    for hub in network.hubs.values():
        lines = [line for line in hub.text.splitlines() if BLOCK not in line]
        hub.text = "\n".join([*lines, SHORT, ""])
        hub.commit(network.now)
    # Those of before live for an hour.
    network.hubs[ROOT].groups.clear("G1", True, network.now)
    network.pass_time(2)


def test_a_root_without_members_renews_the_keys_of_its_sub_servers_members(network):
    without_rekeys(network)
    member = network.member(SITES[1], SUB)
    seen = set()
    for _ in range(40):
        network.pass_time(60)
        assert member.keys.traffic.sends_with
        assert network.same_keys()
        seen.add(member.keys.traffic.sends_with)
    assert len(seen) >= 4
    assert "refused" not in {e.event for e in member.events}
    assert not network.hubs[ROOT].groups.views(network.now)[0].members


def test_rekeys_begin_for_a_sub_servers_members_when_they_are_configured(network, order):
    without_rekeys(network)
    member = network.member(SITES[1], SUB)
    assert member.keys.kek is None
    for address in order:
        network.hubs[address].commit(network.now, *ALGORITHMS)
        network.pass_time(20)
    assert network.same_keys()
    assert network.hubs[SUB].keys(network.now)[0] is not None
    # It comes back when its TEK ends, and is pushed the next one.
    network.pass_time(600)
    assert member.keys.kek is not None
    network.pass_time(600)
    assert "rekeyed" in [e.event for e in member.events]


def test_a_root_whose_group_is_cleared_at_once_gives_its_sub_servers_new_keys(network):
    member = network.member(SITES[1], SUB)
    _, before = network.hubs[ROOT].keys(network.now)
    network.hubs[ROOT].groups.clear("G1", True, network.now)
    network.pass_time(2)
    assert network.same_keys()
    assert not before & network.hubs[SUB].keys(network.now)[1]
    assert "rekeyed" in [e.event for e in member.events]


@pytest.mark.parametrize("life", [1800, 2800, 4000])
def test_who_joins_at_the_sub_server_behind_a_commit_at_the_root_begins_with_what_all_use(
    network, life
):
    """The sub-server has another life configured still, by which it reckons."""
    network.pass_time(30)
    first = network.member(SITES[0], ROOT)
    before = first.held().sends_with
    network.hubs[ROOT].commit(network.now, f"{SERVER} ipsec proposal esp lifetime-seconds {life}")
    network.settle()
    network.pass_time(2)
    second = network.member(SITES[1], SUB)
    assert second.held().sends_with == first.held().sends_with == before
    assert len(first.held().receives_with) == 2
    assert set(second.held().receives_with) == set(first.held().receives_with)
    network.pass_time(50)
    assert second.held() == first.held()
    assert before not in first.held().receives_with


@pytest.mark.parametrize("join", [3, 6, 9])
def test_who_joins_the_sub_server_behind_a_longer_delay_is_given_the_key_that_others_send_with(
    network, join
):
    network.pass_time(30)
    first = network.member(SITES[0], ROOT)
    life = f"{SERVER} ipsec proposal esp lifetime-seconds "
    delay = f"{SERVER} group G1 activation-time-delay 60"
    for lines in ((f"{life}3500",), (f"{life}3500", delay), (f"{life}3900", delay)):
        for hub in network.hubs.values():
            hub.commit(network.now, *lines)
            network.settle()
        network.pass_time(join)
    second = network.member(SITES[1], SUB)
    assert first.held().sends_with in second.held().receives_with


@pytest.mark.parametrize("first", [ROOT, SUB])
@pytest.mark.parametrize("delay", [30, 60])
def test_all_members_change_by_the_delay_of_the_server_that_makes_the_keys(network, first, delay):
    """Both servers are told of another delay, one after the other."""
    network.pass_time(30)
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    lines = (
        f"{SERVER} group G1 activation-time-delay {delay}",
        f"{SERVER} ipsec proposal esp lifetime-seconds 3500",
    )
    for hub in sorted(network.hubs, key=lambda hub: hub != first):
        network.hubs[hub].commit(network.now, *lines)
        network.settle()
    for _ in range(4 * delay):
        network.pass_time(1)
        held = [member.held() for member in members]
        assert all(one.sends_with in other.receives_with for one in held for other in held)
    assert held[0] == held[1]


def test_an_update_that_is_lost_is_repeated(network):
    network.member(SITES[0], ROOT)
    second = network.member(SITES[1], SUB)
    network.hubs[ROOT].commit(network.now, f"{BLOCK} encryption-algorithm aes-128-cbc")
    queue = network.pushed(ROOT)
    network.carry([d for d in queue if d[1] != SUB])
    assert [e.event for e in second.events] == ["registered"]
    # Sooner than the period of 5 s: the root may die meanwhile.
    network.pass_time(1.5)
    assert [e.event for e in second.events] == ["registered", "rekeyed"]
    link = network.hubs[ROOT].cluster.views("G1")[0]
    assert (link.counters.update_repeated, link.counters.update_acknowledged) == (1, 1)


# Before the root's rekey at 3540, and back before dead peer detection gives anybody up.
CUT_AT, CUT_FOR = 3535, 30


def test_a_sub_server_that_was_away_for_less_than_the_probes_is_told_what_it_missed(network):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    network.pass_time(CUT_AT)
    network.dead.add(SUB)
    network.pass_time(CUT_FOR)
    assert not network.same_keys()
    network.dead.clear()
    # Within one period in which updates are repeated.
    network.pass_time(5)
    assert network.same_keys()
    network.pass_time(60)
    assert members[0].held().sends_with == members[1].held().sends_with
    assert members[1].held().sends_with is not None


def test_a_sub_server_calls_the_root_once_more_before_it_makes_keys_itself(network):
    network.member(SITES[1], SUB)
    network.pass_time(CUT_AT)
    network.deaf |= {(ROOT, SUB), (SUB, ROOT)}
    link = network.hubs[SUB].cluster.views
    for _ in range(60):
        network.pass_time(1)
        if link("G1")[0].state != "Up":
            break
    # Its probes were in vain, and now the way is there again.
    assert link("G1")[0].state == "Dialing"
    network.deaf.clear()
    network.pass_time(2)
    lost = [e for e in network.hubs[SUB].events if type(e).__name__ == "ServerLost"]
    assert (lost, link("G1")[0].leading, link("G1")[0].state) == ([], False, "Up")
    (kek, teks), (own_kek, own_teks) = (hub.keys(network.now) for hub in network.hubs.values())
    assert kek == own_kek
    assert set() < own_teks <= teks


def test_the_root_fails_and_the_sub_server_carries_on(network):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    kept = members[1].keys.current_kek
    network.dead.add(ROOT)
    network.pass_time(45)
    assert network.hubs[SUB].cluster.views("G1")[0].leading
    network.pass_time(600)
    # A new KEK by push: the member did not have to ask.
    assert members[1].keys.current_kek != kept
    assert "reregistering" not in [e.event for e in members[1].events]
    # The other site registers there, and has what its neighbour has.
    other = network.member(SITES[0], SUB)
    assert other.state is MemberState.REGISTERED
    assert other.keys.tek_spis() == members[1].keys.tek_spis()


def test_a_sub_server_makes_no_keys_while_its_root_answers_though_another_sub_server_does_not(
    network,
):
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    sub = network.hubs[SUB]
    other = [
        one.replace("gateway peer", "gateway other")
        for one in cluster_lines("sub-server", "192.0.2.3")
    ]
    sub.commit(network.now, *other)
    network.pass_time(60)
    lost = [one.gateway for one in sub.events if isinstance(one, ServerLost)]
    assert (lost, sub.cluster.views("G1")[0].leading) == (["other"], False)
    # A key of its own would part its members from the root's.
    sub.commit(network.now, *other, AES_128)
    network.settle()
    assert sub.keys(network.now) == network.hubs[ROOT].keys(network.now)
    assert members[0].keys.tek_spis() == members[1].keys.tek_spis()
    network.dead.add(ROOT)
    network.pass_time(45)
    assert sub.cluster.views("G1")[0].leading


def test_a_root_that_becomes_a_sub_server_makes_no_more_keys_though_a_gateway_goes(network):
    """Its members had keys of which the new root knew nothing, and lost them with the old ones."""
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], ROOT)]
    hub, sub = network.hubs[ROOT], network.hubs[SUB]
    before = hub.keys(network.now)
    demoted = hub.text.replace("server-role root-server", "server-role sub-server")
    gone = f"{SERVER} group G1 ike-gateway gm-2\n"
    assert gone in demoted
    commit(hub.device, demoted.replace(gone, ""), network.now)
    promoted = sub.text.replace("server-role sub-server", "server-role root-server")
    commit(sub.device, promoted, network.now)
    network.settle()
    network.pass_time(60)
    assert hub.keys(network.now) == sub.keys(network.now) == before
    assert set(members[0].keys.tek_spis()) == before[1]


def test_a_root_that_comes_back_takes_over_the_keys_that_there_are(network):
    member = network.member(SITES[1], SUB)
    network.dead.add(ROOT)
    network.pass_time(700)
    alone = network.hubs[SUB].keys(network.now)
    network.restart(ROOT)
    network.pass_time(15)
    assert network.same_keys()
    assert network.hubs[SUB].keys(network.now) == alone
    assert not network.hubs[SUB].cluster.views("G1")[0].leading
    network.pass_time(600)
    assert network.same_keys()
    assert network.hubs[SUB].keys(network.now) != alone
    assert "reregistering" not in [e.event for e in member.events]


OTHER_KEK = f"{BLOCK} encryption-algorithm aes-128-cbc"


def kek_bits(network: Network, address: str) -> int:
    """How long the key for rekeying is, as a server shows it, and has it."""
    hub = network.hubs[address]
    shown = hub.groups.views(network.now)[0].kek.key_bits
    assert hub.groups.by_name["G1"].keyring.kek.kek.cipher.key_length * 8 == shown
    return shown


@pytest.mark.parametrize("rekeyed", [False, True])
@pytest.mark.parametrize("how", ["it is alone", "it is the root"])
def test_who_comes_to_make_the_keys_makes_one_for_rekeying_as_it_is_configured(
    network, rekeyed, how
):
    """Until then it has that of the root, which had not been changed yet, and shows it as it is."""
    member, sub = network.member(SITES[1], SUB), network.hubs[SUB]
    sub.commit(network.now, OTHER_KEK)
    network.pass_time(560 if rekeyed else 20)
    assert kek_bits(network, SUB) == 256
    if how == "it is alone":
        network.dead.add(ROOT)
        network.pass_time(45)
    else:
        sub.text = sub.text.replace("server-role sub-server", "server-role root-server")
        sub.commit(network.now, OTHER_KEK)
        network.settle()
    assert kek_bits(network, SUB) == 128
    assert sub.groups.by_name["G1"].push.knows(member.keys.current_kek)
    assert "reregistering" not in [e.event for e in member.events]


def test_who_comes_to_make_the_keys_makes_those_of_traffic_as_they_are_configured(network):
    member, sub = network.member(SITES[1], SUB), network.hubs[SUB]
    sub.commit(network.now, AES_128)
    network.dead.add(ROOT)
    network.pass_time(100)
    teks = sub.groups.by_name["G1"].keyring.teks.good(network.now)
    assert [tek.settings.cipher.key_length * 8 for tek in teks] == [128, 256]
    assert member.keys.tek_spis() == (teks[0].spi.hex(),)
    assert "reregistering" not in [e.event for e in member.events]


def test_a_root_that_takes_over_keys_makes_one_for_rekeying_as_it_is_configured(network):
    member = network.member(SITES[1], SUB)
    network.dead.add(ROOT)
    network.pass_time(60)
    network.restart(ROOT)
    network.hubs[ROOT].commit(network.now, OTHER_KEK)
    network.pass_time(15)
    assert kek_bits(network, ROOT) == kek_bits(network, SUB) == 128
    assert network.same_keys()
    assert "reregistering" not in [e.event for e in member.events]


def test_a_sub_server_without_keys_refuses_until_it_has_them(signing_key):
    network = Network(signing_key)
    network.dead.add(ROOT)
    network.pass_time(1)
    early = network.member(SITES[1], SUB)
    assert early.state is not MemberState.REGISTERED
    # Alone for as long as it takes to be sure: it serves.
    network.pass_time(60)
    assert early.state is MemberState.REGISTERED


def test_a_stranger_gets_no_keys_and_a_wrong_key_no_phase_1(signing_key):
    network = Network(signing_key, psk="another-made-up-key")
    network.pass_time(25)
    assert network.hubs[SUB].keys(network.now) == (None, set())
    reasons = [getattr(e, "reason", "") for e in network.hubs[ROOT].events]
    assert any("wrong pre-shared key" in reason for reason in reasons)


def test_a_member_cannot_ask_for_what_servers_share(network):
    member = network.member(SITES[0], ROOT)
    session = member.registrations.way.sa
    asked = session.exchange(ClusterExchange.INIT, new_message_id()).seal(state_payloads(1, None))
    answer, events = network.hubs[ROOT].endpoint.receive(asked, (SITES[0], 848), network.now)
    assert answer is None
    assert "a sub-server of group" in events[0].reason


def test_each_server_counts_the_answers_to_its_own_probes(network):
    network.settle()
    network.pass_time(600)
    for hub in network.hubs.values():
        (link,) = hub.cluster.links.values()
        assert link.counters.probe_sent == link.counters.probe_answered > 0
    # The root hears the sub-server's probes, and nobody answers its own.
    network.deaf.add((ROOT, SUB))
    network.pass_time(30)
    (link,) = network.hubs[ROOT].cluster.links.values()
    assert link.counters.probe_sent > link.counters.probe_answered


def test_a_session_is_renewed_before_the_root_forgets_it(network):
    network.member(SITES[1], SUB)
    network.pass_time(7300)
    lost = [e for e in network.hubs[SUB].events if type(e).__name__ == "ServerLost"]
    assert lost == []
    assert network.same_keys()
    counters = network.hubs[ROOT].cluster.views("G1")[0].counters
    assert counters.init_received > 1
    assert counters.update_acknowledged == counters.update_sent


def test_a_root_that_gave_up_too_early_hears_the_sub_server_again(signing_key):
    network = Network(signing_key)
    hasty = f"{SERVER} ike gateway peer dead-peer-detection threshold 1"
    network.hubs[ROOT].commit(network.now, hasty)
    network.pass_time(1)
    second = network.member(SITES[1], SUB)
    link = network.hubs[ROOT].cluster.views
    network.deaf |= {(ROOT, SUB), (SUB, ROOT)}
    network.pass_time(22)
    assert link("G1")[0].state == "Down"
    network.deaf.clear()
    network.hubs[ROOT].commit(network.now, hasty, f"{BLOCK} encryption-algorithm aes-128-cbc")
    network.settle()
    assert "rekeyed" not in [e.event for e in second.events]
    network.pass_time(12)
    assert link("G1")[0].state == "Up"
    assert "rekeyed" in [e.event for e in second.events]
    lost = [e for e in network.hubs[SUB].events if type(e).__name__ == "ServerLost"]
    assert lost == []


def test_an_answer_that_comes_late_takes_back_no_key_that_an_update_brought(network):
    """The root repeats the answer to an init as it was, also when it has made keys since."""
    network.loses = lambda source, datagram: (source, datagram[18]) == (ROOT, ClusterExchange.INIT)
    network.hubs[SUB].cluster.clear(network.now)
    network.pass_time(0.5)
    for address in (SUB, ROOT):
        network.hubs[address].commit(network.now, AES_128)
    network.settle()
    assert network.same_keys()
    _, fresh = network.hubs[SUB].keys(network.now)
    network.loses = lambda source, datagram: False
    network.pass_time(5)
    assert network.hubs[SUB].keys(network.now)[1] == fresh
    assert network.hubs[SUB].cluster.views("G1")[0].state == "Up"


def test_a_sub_server_goes_by_its_root_s_word_when_a_kek_ends(network):
    """A root that was suspended takes its keys for younger, and rolls them later."""
    first = network.member(SITES[1], SUB)
    network.pass_time(100)
    network.dead.add(ROOT)
    network.behind[ROOT] = 200
    network.pass_time(200)
    network.dead.clear()
    network.pass_time(340)
    # By now the KEK is over for whoever counts its 600 s without a break.
    late = network.member(SITES[0], SUB)
    assert late.state is first.state is MemberState.REGISTERED
    spi, _ = network.hubs[SUB].keys(network.now)
    network.pass_time(150)
    rolled, _ = network.hubs[SUB].keys(network.now)
    assert rolled not in (None, spi)
    assert [one.keys.kek.kek.spi.hex() for one in (first, late)] == [rolled] * 2
    assert network.hubs[ROOT].keys(network.at(ROOT))[0] == rolled


def test_a_root_whose_clock_is_put_back_brings_no_key_of_before_to_its_sub_servers_members(
    network,
):
    """It was killed, and takes its keys for as old as when they were kept: both are in use."""
    first = network.member(SITES[1], SUB)
    network.pass_time(100)
    network.hubs[ROOT].commit(network.now, AES_128)
    network.hubs[SUB].commit(network.now, AES_128)
    network.pass_time(200)
    network.hubs[SUB].cluster.clear(network.now)
    network.pass_time(10)
    newest = first.held()
    network.behind[ROOT] = 205
    network.hubs[SUB].cluster.clear(network.now)
    network.pass_time(40)
    assert network.hubs[SUB].cluster.views("G1")[0].state == "Up"
    assert first.held() == newest
    late = network.member(SITES[0], SUB)
    assert late.held().sends_with == newest.sends_with


def test_who_asks_a_sub_server_while_its_kek_is_over_gets_the_rest(network):
    """The root is there, and will roll it: whoever is turned away has no keys at all."""
    network.pass_time(100)
    network.behind[ROOT] = 200
    network.pass_time(540)
    late = network.member(SITES[0], SUB)
    assert (late.state, late.keys.keks) == (MemberState.REGISTERED, {})
    assert {late.held().sends_with} == network.hubs[SUB].keys(network.now)[1]


def second_group(role: str) -> tuple[str, ...]:
    """Another group that both servers share, by the same gateway."""
    group = f"{SERVER} group G2"
    return (
        f"{group} group-id 2",
        f"{group} ike-gateway gm-1",
        f"{group} ipsec-sa sa-1 proposal esp",
        f"{group} ipsec-sa sa-1 match-policy any source 203.0.113.0/24",
        f"{group} ipsec-sa sa-1 match-policy any destination 198.51.100.0/24",
        f"{group} server-member-communication encryption-algorithm aes-256-cbc",
        f"{group} server-member-communication sig-hash-algorithm sha-256",
        f"{group} server-cluster server-role {role}",
        f"{group} server-cluster ike-gateway peer",
    )


def test_what_a_gateway_acknowledges_is_of_one_of_the_groups_that_it_shares(network):
    for address, role in ((ROOT, "root-server"), (SUB, "sub-server")):
        network.hubs[address].commit(network.now, *second_group(role))
    network.settle()
    network.pass_time(30)
    root, sub = (network.hubs[address] for address in (ROOT, SUB))
    root.commit(network.now, *second_group("root-server"), AES_128)
    updates = [datagram for _, _, datagram in network.pushed(ROOT)]
    told = [sub.endpoint.receive(one, (ROOT, 848), network.now)[0] for one in updates]
    assert len(told) == 2
    for acknowledged in reversed(told):
        assert root.endpoint.receive(acknowledged, (SUB, 848), network.now) == (None, ())
    counted = [link.counters.update_acknowledged for link in root.cluster.links.values()]
    assert counted == [1, 1]


def test_clearing_the_cluster_meets_the_other_servers_anew(network):
    network.member(SITES[1], SUB)
    before = network.hubs[ROOT].cluster.views("G1")[0].counters.init_received
    for hub in network.hubs.values():
        hub.cluster.clear(network.now)
    network.pass_time(2)
    (link,) = network.hubs[ROOT].cluster.views("G1")
    assert (link.state, link.counters.init_received) == ("Up", before + 1)
    assert network.same_keys()
    network.hubs[ROOT].cluster.clear_statistics("G1", None)
    assert network.hubs[ROOT].cluster.views("G1")[0].counters.init_received == 0


GROUP = f"{SERVER} group G1"


def without(text: str, words: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if words not in line)


@pytest.mark.parametrize(
    "steps",
    [
        lambda text: (text.replace("group-id 1\n", "group-id 9\n"), text),
        lambda text: (without(text, " group G1"), text),
        lambda text: (without(text, "server-cluster"), text),
        lambda text: (text + f"{GROUP} server-cluster retransmission-period 7\n",),
        lambda text: (text + f"{SERVER} ike gateway peer dead-peer-detection interval 12\n",),
    ],
    ids=["number", "group", "cluster", "period", "probes"],
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_root_whose_settings_change_and_change_back_is_met_anew(network, steps, lost):
    # The sub-server's probes were answered under what the root had forgotten the use of: it heard
    # of no new keys for three quarters of an hour.
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    root = network.hubs[ROOT]
    network.deaf = {(ROOT, SUB)} if lost else set()
    for text in steps(root.text):
        root.text = text
        root.commit(network.now)
        network.settle()
        network.pass_time(1)
    network.deaf.clear()
    network.pass_time(45 if lost else 2)
    assert network.same_keys()
    root.commit(network.now, f"{BLOCK} encryption-algorithm aes-128-cbc")
    network.settle()
    network.pass_time(45)
    assert network.same_keys()
    assert members[0].keys.tek_spis() == members[1].keys.tek_spis() != set()
    assert [hub.cluster.views("G1")[0].state for hub in network.hubs.values()] == ["Up", "Up"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: f"{text}{MATCH}\n",
        lambda text: f"{text}{BLOCK} encryption-algorithm aes-128-cbc\n",
        lambda text: without(text, f"{GROUP} ike-gateway gm-1"),
    ],
    ids=["match policy", "kek", "gateway"],
)
def test_each_server_numbers_its_own_pushes_so_that_no_member_seems_to_have_missed_one(
    network, order, changed
):
    """Every member would register anew, and at a sub-server that is once for each commit."""
    members = [network.member(SITES[0], ROOT), network.member(SITES[1], SUB)]
    for address in order:
        network.hubs[address].text = changed(network.hubs[address].text)
        network.hubs[address].commit(network.now)
        network.settle()
        network.pass_time(1)
    for life in (3500, 3400):
        network.hubs[ROOT].commit(
            network.now, f"{SERVER} ipsec proposal esp lifetime-seconds {life}"
        )
        network.settle()
        network.pass_time(35)
    assert [[e.reason for e in m.events if e.event == "reregistering"] for m in members] == [[], []]


def test_a_root_that_dies_as_the_sub_server_meets_it_anew_is_given_up(network):
    network.member(SITES[1], SUB)
    network.hubs[SUB].cluster.clear(network.now)
    network.dead.add(ROOT)
    network.pass_time(35)
    assert network.hubs[SUB].cluster.views("G1")[0].leading


@pytest.mark.parametrize(
    ("ends", "followed"),
    [(90, 50), (150, 70), (240, 160)],
    ids=["by the delay of then", "between two delays, by the present one", "by the present delay"],
)
def test_when_a_key_was_followed_is_told_by_until_when_it_is_given_out(ends, followed):
    delays = ActivationDelays(10)
    delays.tell(20, 100)
    assert delays.followed(ends) == followed
