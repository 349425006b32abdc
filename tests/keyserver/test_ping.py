# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ping`` between emulated members: real packets under the group's keys, answered or lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.ipsec import ESP, SecurityAssociation

from keyserver.gdoi.numbers import AddressPreservation
from keyserver.srx import Surroundings
from keyserver.srx_member.outbox import MemberOfGroup
from tests.keyserver.test_srx_member import (
    HUB,
    MEMBER,
    SITE,
    Network,
    site_config,
    statistics,
)
from tests.lab import PSK

HERE, THERE, FAR = "198.51.100.1", "203.0.113.1", "192.0.2.12"
GROUP = "set security group-vpn server group G1 "
MATCH = f"{GROUP}ipsec-sa sa-1 match-policy back "
BOTH_WAYS = (
    "set security group-vpn server ike gateway gm-2 ike-policy pol",
    f"set security group-vpn server ike gateway gm-2 address {FAR}",
    f"{GROUP}ike-gateway gm-2",
    f"{MATCH}source 203.0.113.0/24",
    f"{MATCH}destination 198.51.100.0/24",
)
ZONES = (
    "set security zones security-zone trust interfaces ge-0/0/0.0",
    "set security zones security-zone untrust interfaces ge-0/0/1.0",
    "set security ipsec-policy from-zone trust to-zone untrust ipsec-group-vpn V1",
)
SCOPES = (
    "set security zones security-zone trust interfaces ge-0/0/0.0",
    "set security zones security-zone untrust interfaces ge-0/0/1.0",
    *(
        f"set security policies from-zone {one} to-zone {other} policy P {words}"
        for one, other in (("trust", "untrust"), ("untrust", "trust"))
        for words in (
            "match source-address any",
            "match destination-address any",
            "match application any",
            "then permit tunnel ipsec-group-vpn V1",
        )
    ),
)


def inside(address, other, attached):
    """What lies behind a site: its network, the route to the other one, and its zones."""
    return (
        f"set interfaces ge-0/0/0 unit 0 family inet address {address}/24",
        f"set routing-options static route {other} next-hop 192.0.2.254",
        *attached,
    )


class Internet(Network):
    """Two sites of one group; ``seen`` has every packet between them."""

    def __init__(self, signing_key, generation="v2", site=(), far=(), psk=PSK, extra=()):
        self.seen, self.cut, self.reached = [], False, FAR
        attached = ZONES if generation == "v2" else SCOPES
        near = (*inside(HERE, "203.0.113.0/24", attached), *site)
        super().__init__(signing_key, generation, extra=(*BOTH_WAYS, *extra), site=near)
        text = site_config(
            generation, psk=psk, extra=(*inside(THERE, "198.51.100.0/24", attached), *far)
        )
        self.add(FAR, text.replace(SITE, FAR), signing_key)

    def add(self, address, text, signing_key):
        around = Surroundings(internet=self.carry_packet if address == SITE else lambda *_: [])
        super().add(address, text, signing_key, around=around)

    def carry_packet(self, packet, now):
        self.seen.append(packet)
        if self.cut:
            return []
        answers = self.devices[self.reached].key_server.arrives(packet, now)
        self.seen += answers
        return answers

    def ping(self, words=f"<host>{THERE}</host><source>{HERE}</source>"):
        reply = self.ask(f"<ping>{words}</ping>")
        self.flush()
        return reply.find("ping-results")

    def lost(self, *words):
        return self.ping(*words).findtext("probe-results-summary/packet-loss")


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_members_of_a_group_reach_each_other_in_esp_that_others_can_read(signing_key, generation):
    network = Internet(signing_key, generation)
    results = network.ping()
    assert results.findtext("probe-results-summary/packet-loss") == "0"
    assert results.findtext("probe-results-summary/responses-received") == "5"
    assert results.find("ping-success") is not None
    (first, *_) = results.findall("probe-result")
    assert [e.tag for e in first][:2] == ["probe-index", "probe-success"]
    assert (first.findtext("ip-address"), first.findtext("response-size")) == (THERE, "64")
    assert len(network.seen) == 10
    tek = network.site.member.keys.traffic.sending
    v1 = generation == "v1"
    other = SecurityAssociation(
        ESP,
        spi=int.from_bytes(tek.spi, "big"),
        crypt_algo="3DES" if v1 else "AES-CBC",
        crypt_key=tek.keys.encryption,
        auth_algo="HMAC-SHA1-96" if v1 else "SHA2-256-128",
        auth_key=tek.keys.integrity,
        tunnel_header=IP(src=HERE, dst=THERE),
    )
    request, reply = (IP(packet) for packet in network.seen[:2])
    assert (request.proto, request.src, request.dst, reply.src) == (50, HERE, THERE, THERE)
    read = other.decrypt(request)
    assert (read.src, read.dst, read[ICMP].type, read[ICMP].seq) == (HERE, THERE, 8, 0)
    del other.tunnel_header
    assert len({IP(packet)[ESP].seq for packet in network.seen[::2]}) == 5
    counted = statistics(network)
    assert counted["esp-decrypted-packets"] == 5
    assert counted["dynamic-policy-created-sess"] == 5


def test_what_the_keys_do_not_allow_is_lost(signing_key):
    network = Internet(signing_key)
    # The other end's keys go without its knowing new ones: it is cut off from its server.
    network.down.add(FAR)
    far = network.devices[FAR].companions[1]
    (there,) = far.sites.values()
    there.member.keys.clear()
    results = network.ping()
    assert results.findtext("probe-results-summary/packet-loss") == "100"
    assert results.findtext("ping-failure") == "no response"
    assert results.find("probe-result/probe-failure") is not None
    assert results.find("probe-results-summary/rtt-average") is None
    assert there.counted["invalid-spi-errors"] == 5
    network.down.clear()
    far.renew(there, network.now)
    network.flush()
    assert network.lost() == "0"


def test_what_comes_in_clear_for_protected_addresses_is_dropped(signing_key):
    network = Internet(signing_key, site=(f"{MEMBER}ipsec vpn V1 exclude rule all",))
    (there,) = network.devices[FAR].companions[1].sites.values()
    assert network.lost() == "100"
    assert {IP(packet).proto for packet in network.seen} == {1}
    assert there.counted["discard-errors"] == 5
    assert statistics(network)["exclude-created-sess"] == 5


RULE = f"{MEMBER}ipsec vpn V1 {{}} rule r source-address address 198.51.100.0/24"
RULE_TO = f"{MEMBER}ipsec vpn V1 {{}} rule r destination-address address 203.0.113.0/24"
OTHERS = f"{MEMBER}ipsec vpn V1 {{}} rule r destination-address address 192.0.2.0/24"
WEB = (
    "set applications application web protocol tcp destination-port 80",
    f"{MEMBER}ipsec vpn V1 {{}} rule r application web",
)
PINGS = (
    "set applications application pings protocol icmp",
    f"{MEMBER}ipsec vpn V1 {{}} rule r application pings",
)


@pytest.mark.parametrize("kind", ["exclude", "fail-open"])
@pytest.mark.parametrize(
    ("rule", "lost"),
    [
        ((RULE, RULE_TO), "0"),
        ((RULE, OTHERS), "100"),
        ((RULE, RULE_TO, *WEB), "100"),
        ((RULE, RULE_TO, *PINGS), "0"),
    ],
    ids=["both", "others", "web", "pings"],
)
def test_without_keys_the_rules_decide(signing_key, kind, rule, lost):
    lines = tuple(line.format(kind) for line in rule)
    network = Internet(signing_key, site=lines, far=lines, psk="another", extra=())
    network.down.update((SITE, FAR))
    for address in (SITE, FAR):
        members = network.devices[address].companions[1]
        (site,) = members.sites.values()
        if site.member.keys.teks:
            members.forget(site, network.now)
    network.flush()
    assert network.lost() == lost
    sent = statistics(network)
    counter = "exclude-created-sess" if kind == "exclude" else "failopen-created-sess"
    assert (sent[counter], sent["failclose-dropped-pkts"]) == ((5, 0) if lost == "0" else (0, 5))
    assert {IP(packet).proto for packet in network.seen} == ({1} if lost == "0" else set())


def test_a_rekey_loses_nothing(signing_key):
    network = Internet(signing_key)
    for _ in range(60):
        network.pass_time(90)
        assert network.lost(f"<host>{THERE}</host><source>{HERE}</source><count>1</count>") == "0"


WRONG = {
    f"<host>{THERE}</host><source>192.0.2.77</source>": "bind: Can't assign requested address",
    "<host>nobody.example.net</host>": "ping: cannot resolve nobody.example.net: Unknown host",
    "<host>10.0.0.1</host>": "ping: sendto: No route to host",
    f"<host>{THERE}</host><interface>ge-9/9/9</interface>": "ping: unknown interface ge-9/9/9",
}


@pytest.mark.parametrize("words", WRONG, ids=WRONG.values())
def test_what_cannot_be_sent_says_why(signing_key, words):
    results = Internet(signing_key).ping(words)
    assert results.findtext("ping-failure") == "internal error"
    assert results.findtext("ping-error-message") == WRONG[words]
    assert results.find("probe-results-summary") is None


@pytest.mark.parametrize(
    "words",
    [
        "",
        "<host/>",
        f"<host>{THERE}</host><count>0</count>",
        f"<host>{THERE}</host><count>101</count>",
        f"<host>{THERE}</host><size>1401</size>",
        f"<host>{THERE}</host><source>2001:db8::1</source>",
        f"<host>{THERE}</host><inet6/>",
        f"<host>{THERE}</host><routing-instance>blue</routing-instance>",
    ],
)
def test_what_is_not_emulated_is_refused(signing_key, words):
    reply = Internet(signing_key).ask(f"<ping>{words}</ping>")
    assert reply.find("rpc-error") is not None
    assert reply.find("ping-results") is None


def test_own_addresses_and_those_outside_of_the_vpn_are_reached_in_clear(signing_key):
    network = Internet(signing_key)
    assert network.lost(f"<host>{FAR}</host><do-not-fragment/><tos>32</tos>") == "0"
    packets = [IP(packet) for packet in network.seen]
    assert {(p.proto, p.src, p.flags.value, p.tos) for p in packets[::2]} == {(1, SITE, 2, 32)}
    network.reached = SITE
    assert network.lost(f"<host>{HERE}</host><size>0</size>") == "0"


def test_the_cli_shows_it_as_junos_does(signing_key):
    network = Internet(signing_key)
    line = f"ping {THERE} source {HERE} count 2 rapid size 10 do-not-fragment"
    text = network.ask(f'<command format="text">{line}</command>').findtext("output")
    assert text.strip().splitlines() == [
        f"PING {THERE} ({THERE}): 10 data bytes",
        f"18 bytes from {THERE}: icmp_seq=0 ttl=64 time=0.000 ms",
        f"18 bytes from {THERE}: icmp_seq=1 ttl=64 time=0.000 ms",
        "",
        f"--- {THERE} ping statistics ---",
        "2 packets transmitted, 2 packets received, 0% packet loss",
        "round-trip min/avg/max/stddev = 0.000/0.000/0.000/0.000 ms",
    ]
    network.cut = True
    text = network.ask(f'<command format="text">{line}</command>').findtext("output")
    assert "2 packets transmitted, 0 packets received, 100% packet loss" in text
    assert "round-trip" not in text


def reregistered(network):
    """Why members have begun to register anew, in that order."""
    members = [e.event for e in network.happened if isinstance(e, MemberOfGroup)]
    return [e.reason for e in members if e.event == "reregistering"]


def test_recovery_probe_registers_when_traffic_goes_out_and_none_comes_in(signing_key):
    network = Internet(signing_key, site=(f"{MEMBER}ipsec vpn V1 recovery-probe",))
    first = network.site.member.registrations.way.established
    for _ in range(3):
        assert network.lost() == "0"
        network.pass_time(8)
    network.cut = True
    assert network.lost() == "100"
    network.pass_time(5)
    assert network.lost() == "100"
    network.pass_time(11)
    assert network.site.member.registrations.way.established == first
    assert network.lost() == "100"
    # At a moment of its own within ten seconds; the next one comes ten to twenty later.
    seconds = iter(range(11))
    while not reregistered(network):
        next(seconds)
        network.pass_time(1)
    assert reregistered(network) == ["traffic goes out and none comes in"]
    assert network.site.member.registrations.way.established != first
    # It goes on with pauses that double, until something comes in.
    second = network.site.member.registrations.way.established
    network.pass_time(21)
    assert network.site.member.registrations.way.established != second
    network.cut = False
    assert network.lost() == "0"
    third = network.site.member.registrations.way.established
    network.pass_time(100)
    assert network.site.member.registrations.way.established == third


def test_packets_that_are_none_are_dropped_without_a_word(signing_key):
    network = Internet(signing_key)
    assert network.lost() == "0"
    good, device = network.seen[0], network.devices[FAR]
    for n in range(len(good)):
        for broken in (good[:n], good[:n] + bytes([good[n] ^ 0xFF]) + good[n + 1 :]):
            assert device.key_server.arrives(broken, network.now) == []
    assert len(device.key_server.arrives(good, network.now)) == 1


def test_a_device_answers_at_the_addresses_of_its_interfaces_alone(signing_key):
    network = Internet(signing_key)
    network.reached = HUB
    assert network.lost(f"<host>{HUB}</host>") == "100"


def test_a_tunnel_that_preserves_the_destination_alone_begins_at_the_members_own_address(
    signing_key,
):
    network = Internet(signing_key)
    tek = network.site.member.keys.traffic.sending
    tek.sa = replace(tek.sa, preservation=AddressPreservation.DESTINATION_ONLY)
    assert network.lost() == "0"
    outside = {(IP(packet).src, IP(packet).dst) for packet in network.seen}
    assert outside == {(SITE, THERE), (THERE, HERE)}
