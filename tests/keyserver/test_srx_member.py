# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An emulated SRX as a member: its configuration makes it one, its commands show what it holds."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import (
    Generation as CollectionGeneration,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import DeviceError
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.work import renew
from lxml import etree
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation

from keyserver.config.junos_schema import Generation
from keyserver.groups.pushes import Door, MulticastTarget
from keyserver.member.esp import sealed
from keyserver.srx_member.outbox import MemberOfGroup
from keyserver.srx_member.site import Treatment
from keyserver.srx_member.sites import SrxMembers
from tests.keyserver import network as networks
from tests.keyserver.console import Session
from tests.keyserver.wire import Wire
from tests.keyserver.world import commit, device_of
from tests.lab import PSK, hub_config

MULTICAST = (
    " communication-type multicast multicast-group 239.1.2.3"
    " multicast-outgoing-interface ge-0/0/1.0"
)
# Under an SPI that nobody holds.
STRANGE = bytes.fromhex("deadbeef") + bytes(60)
HUB, OTHER_HUB, SITE = "192.0.2.1", "192.0.2.2", "192.0.2.11"
MEMBER = "set security group-vpn member "
BLOCKS = {
    "v1": "encryption-algorithm 3des-cbc sig-hash-algorithm sha1",
    "v2": "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256",
}
SMC = "set security group-vpn server group G1 server-member-communication "
PHASE_1 = {"v1": ("group2", "sha1", "3des-cbc"), "v2": ("group14", "sha-256", "aes-256-cbc")}


def site_config(generation="v2", servers=(HUB,), psk=PSK, extra=()):
    """Set lines of a member."""
    dh, digest, cipher = PHASE_1[generation]
    address = "server-address" if generation == "v2" else "address"
    lines = [
        "set system host-name site",
        f"{MEMBER}ike proposal p1 authentication-method pre-shared-keys",
        f"{MEMBER}ike proposal p1 dh-group {dh}",
        f"{MEMBER}ike proposal p1 authentication-algorithm {digest}",
        f"{MEMBER}ike proposal p1 encryption-algorithm {cipher}",
        f"{MEMBER}ike policy pol proposals p1",
        f"{MEMBER}ike policy pol pre-shared-key ascii-text {psk}",
        f"{MEMBER}ike gateway hub ike-policy pol",
        *(f"{MEMBER}ike gateway hub {address} {server}" for server in servers),
        f"{MEMBER}ike gateway hub local-address {SITE}",
        f"{MEMBER}ipsec vpn V1 ike-gateway hub",
        f"{MEMBER}ipsec vpn V1 group-vpn-external-interface ge-0/0/1.0",
        f"{MEMBER}ipsec vpn V1 group 1",
        "set interfaces ge-0/0/1 unit 0 family inet address 192.0.2.11/24",
        *extra,
    ]
    return "\n".join(lines) + "\n"


class Network(networks.Network):
    """Key servers and one site."""

    def __init__(self, signing_key, generation="v2", hubs=(HUB,), extra=(), site=()):
        super().__init__()
        self.generation = Generation(generation)
        for address in hubs:
            block = SMC + BLOCKS[generation]
            text = hub_config("hub", generation, {"gm-1": SITE}, ("G1",), extra=(block, *extra))
            self.add(address, text, signing_key)
        self.add(SITE, site_config(generation, hubs, extra=site), signing_key)

    def add(self, address, text, signing_key, generation=None, **spec):
        generation = generation or self.generation
        self.devices[address] = device_of(address, generation, text, self.now, signing_key, **spec)
        self.flush()

    def commit(self, address, text):
        commit(self.devices[address], text, self.now)
        self.flush()

    @property
    def site(self):
        """The member's only VPN."""
        companions = self.devices[SITE].companions
        (site,) = next(c for c in companions if isinstance(c, SrxMembers)).sites.values()
        return site

    def listed(self, hub=HUB):
        (view,) = self.devices[hub].groups.views(self.now)
        return [member.address for member in view.members]

    def kek_and_tek(self, hub=HUB):
        (view,) = self.devices[hub].groups.views(self.now)
        return view.kek.spi, view.teks[0].spi

    def ask(self, operation):
        """The reply to an RPC at the member."""

        class At:
            device, now = self.devices[SITE], self.now

        return Session(At, ("urn:ietf:params:netconf:base:1.0",)).rpc(operation)


@pytest.fixture(params=["v1", "v2"])
def generation(request):
    return request.param


def test_a_device_with_a_member_configuration_registers(signing_key, generation):
    network = Network(signing_key, generation)
    assert network.listed() == [SITE]
    kek, tek = network.kek_and_tek()
    assert network.site.is_up
    reply = network.ask(
        "<get-gvpn-security-associations-information><detail/>"
        "</get-gvpn-security-associations-information>"
    )
    root = {"v1": "security-associations-information"}.get(
        generation, "ipsec-security-associations-information"
    )
    assert reply.find(root).findtext("total-active-tunnels") == "1"
    found = reply.findall(".//ipsec-security-associations")
    assert {e.findtext("sa-direction"): e.findtext("sa-spi") for e in found} == {
        "inbound": tek,
        "outbound": tek,
    }
    block = reply.find(".//ipsec-gvpn-security-associations-block")
    assert block.findtext("sa-vpn-name") == "V1"
    assert block.findtext("sa-remote-gateway") == HUB
    shown = network.ask("<get-gvpn-kek-security-associations-information/>")
    line = shown.find(".//kek-security-associations")
    assert line.findtext("initiator-cookie") + line.findtext("responder-cookie") == kek
    assert (line.findtext("server-address"), line.findtext("group-id")) == (HUB, "1")
    ike = network.ask("<get-gvpn-ike-security-associations-information/>")
    assert ike.findtext(".//ike-sa-remote-address") == HUB
    assert ike.findtext(".//ike-sa-state") == "UP"


def test_it_follows_rekeys_for_a_day_and_shows_what_is_pending(signing_key, generation):
    network = Network(signing_key, generation)
    network.pass_time(3600 - 60 + 1)
    reply = network.ask(
        "<get-gvpn-security-associations-information><detail/>"
        "</get-gvpn-security-associations-information>"
    )
    states = [
        (e.findtext("sa-direction"), e.findtext("sa-state"), e.findtext("sa-activate-lifetime"))
        for e in reply.findall(".//ipsec-security-associations")
    ]
    assert sorted(states) == [
        ("inbound", "active", "0"),
        ("inbound", "pending", "29"),
        ("outbound", "active", "0"),
    ]
    network.pass_time(86_400)
    assert network.listed() == [SITE]
    assert network.site.member.keys.kek.kek.spi.hex() == network.kek_and_tek()[0]
    kek = network.ask(
        "<get-gvpn-kek-security-associations-information><detail/>"
        "</get-gvpn-kek-security-associations-information>"
    )
    assert int(kek.findtext(".//kek-sa-num-of-negotiations")) >= 24


def test_a_v1_member_counts_heartbeats_that_do_not_come(signing_key):
    network = Network(signing_key, "v1")
    first = network.site.member.registrations.way.established
    network.down.add(HUB)
    network.pass_time(300 * 3 + 149)
    assert network.site.member.registrations.way.established == first
    network.pass_time(1 + 8)
    assert network.site.member.registrations.way.established is None
    network.down.clear()
    network.pass_time(120)
    assert network.site.member.registrations.way.established is not None


def test_it_tries_its_key_servers_in_order(signing_key):
    network = Network(signing_key, hubs=(HUB, OTHER_HUB))
    assert (network.listed(), network.listed(OTHER_HUB)) == ([SITE], [])
    network.down.add(HUB)
    network.pass_time(3600 + 60)
    assert network.listed(OTHER_HUB) == [SITE]
    assert network.site.server == OTHER_HUB
    line = network.ask("<get-gvpn-ike-security-associations-information/>")
    # Its phase 1 lives 180 s, the default of a v2 member.
    assert line.find(".//ike-security-associations") is None or (
        line.findtext(".//ike-sa-remote-address") == OTHER_HUB
    )


def test_what_is_shown_names_the_server_that_the_keys_came_from_while_another_is_tried(
    signing_key, generation
):
    network = Network(signing_key, generation, hubs=(HUB, OTHER_HUB))
    network.down.update((HUB, OTHER_HUB))
    for _ in range(3600):
        if network.site.server == OTHER_HUB:
            break
        network.pass_time(1)
    assert network.site.is_up
    detail = "<get-gvpn-security-associations-information><detail/>"
    reply = network.ask(f"{detail}</get-gvpn-security-associations-information>")
    shown = {reply.findtext(f".//{name}") for name in ("sa-gvpn-server", "sa-remote-gateway")}
    kek = network.ask("<get-gvpn-kek-security-associations-information/>")
    assert {*shown, reply.findtext(".//sa-remote-identity")} == {HUB}
    assert kek.findtext(".//server-address") in (None, HUB)


def test_a_v2_member_deletes_its_phase_1_after_180_seconds(signing_key):
    network = Network(signing_key)
    assert len(network.devices[HUB].endpoint.associations(network.now)) == 1
    network.pass_time(181)
    assert network.devices[HUB].endpoint.associations(network.now) == []
    assert network.site.is_up


def test_a_commit_changes_membership_at_once(signing_key, generation):
    network = Network(signing_key, generation)
    network.commit(SITE, site_config(generation, psk="another-made-up-key"))
    assert not network.site.is_up
    network.commit(SITE, site_config(generation))
    assert network.site.is_up
    group = f"{MEMBER}ipsec vpn V1 group 7\n"
    network.commit(SITE, site_config(generation).replace(f"{MEMBER}ipsec vpn V1 group 1\n", group))
    assert not network.site.is_up
    network.commit(SITE, "set system host-name site\n")
    reply = network.ask("<get-gvpn-security-associations-information/>")
    assert reply.findtext(".//total-active-tunnels") == "0"


def test_a_device_that_loses_its_keys_by_an_operators_hand_says_so(signing_key):
    network = Network(signing_key)
    held = network.site.member.held()
    network.ask("<clear-gvpn-ipsec-security-association/>")
    network.commit(SITE, site_config(psk="another-made-up-key"))
    network.commit(SITE, "set system host-name site\n")
    told = [one.event for one in network.happened if isinstance(one, MemberOfGroup)]
    dropped = next(event for event in told if event.event == "dropped")
    assert held.sends_with in dropped.spis
    stopped = [event for event in told if event.event == "stopped"]
    # One for the registration that had another key, one for the end of membership.
    assert len(stopped) == 2
    for event in (dropped, *stopped):
        assert (event.held.sends_with, event.held.receives_with) == (None, ())


def test_a_commit_that_does_not_concern_the_registration_leaves_it_alone(signing_key):
    network = Network(signing_key)
    before = network.site.member
    network.commit(SITE, site_config(extra=(f"{MEMBER}ipsec vpn V1 df-bit copy",)))
    assert network.site.member is before
    reply = network.ask(
        "<get-gvpn-security-associations-information><detail/>"
        "</get-gvpn-security-associations-information>"
    )
    assert reply.findtext(".//sa-df-bit") == "copy"


@pytest.mark.parametrize(
    ("generation", "words"),
    [
        ("v1", "ipsec vpn V1 heartbeat-threshold 1"),
        ("v1", "ike proposal p1 lifetime-seconds 600"),
        ("v2", "ipsec vpn V1 recovery-probe"),
        ("v2", "ike proposal p1 lifetime-seconds 600"),
    ],
)
def test_a_commit_of_its_manners_holds_at_once_and_loses_no_key(signing_key, generation, words):
    network = Network(signing_key, generation)
    held, member = network.site.member.held(), network.site.member
    network.commit(SITE, site_config(generation, extra=(MEMBER + words,)))
    assert network.site.member is member
    assert member.held() == held
    assert (member.options.heartbeat_threshold, member.options.recovery_probe) == (
        1 if "threshold" in words else 3,
        "probe" in words,
    )
    if "threshold" in words:
        network.down.add(HUB)
        network.pass_time(300 + 149)
        assert member.registrations.way.established is not None
        network.pass_time(1 + 8)
        assert member.registrations.way.established is None
    if "probe" in words:
        member.recovery.heard("deadbeef", network.now)
        assert member.wake_at <= network.now + 10
        network.commit(SITE, site_config(generation))
        assert member.wake_at > network.now + 10
    if "lifetime" in words:
        network.ask("<clear-gvpn-ipsec-security-association/>")
        network.flush()
        (view,) = network.devices[HUB].endpoint.associations(network.now)
        assert view.life_remaining == 600


def test_a_member_that_is_refused_shows_why_and_fails_as_configured(signing_key):
    rules = (
        f"{MEMBER}ipsec vpn V1 exclude rule manage source-address 192.0.2.11/32",
        f"{MEMBER}ipsec vpn V1 exclude rule manage destination-address 192.0.2.0/24",
        f"{MEMBER}ipsec vpn V1 fail-open rule clear source-address 198.51.100.0/24",
        f"{MEMBER}ipsec vpn V1 fail-open rule clear destination-address 203.0.113.0/24",
    )
    network = Network(signing_key, site=rules)

    def policy():
        reply = network.ask("<get-gvpn-policy-information/>")
        return [
            tuple(
                entry.findtext(name)
                for name in ("gvpn-policy-type", "sa-policy-source-prefix", "sa-policy-dest-prefix")
            )
            for entry in reply.findall(".//gvpn-policy")
        ]

    excluded = ("exclude", "192.0.2.11/32", "192.0.2.0/24")
    dropped = ("fail-close", "0.0.0.0/0", "0.0.0.0/0")
    assert policy() == [excluded, ("dynamic", "198.51.100.0/24", "203.0.113.0/24"), dropped]
    network.commit(SITE, site_config(psk="another-made-up-key", extra=rules))
    network.pass_time(60)
    assert policy() == [excluded, ("fail-open", "198.51.100.0/24", "203.0.113.0/24"), dropped]
    down = network.ask("<get-gvpn-inactive-tunnels/>")
    assert down.findtext(".//total-inactive-tunnels") == "1"
    why = "no answer from the key server (unproved hint: PAYLOAD-MALFORMED)"
    assert down.findtext(".//sa-down-reason") == why
    assert down.find(".//sa-remote-gateway") is None
    detail = "<get-gvpn-inactive-tunnels><detail/></get-gvpn-inactive-tunnels>"
    ends = ("sa-local-gateway", "sa-remote-gateway", "sa-local-identity", "sa-remote-identity")
    told = network.ask(detail)
    assert [told.findtext(f".//{end}") for end in ends] == [SITE, HUB, SITE, HUB]
    incomplete = site_config().replace(f"{MEMBER}ike gateway hub server-address {HUB}\n", "")
    network.commit(SITE, incomplete)
    down = network.ask("<get-gvpn-inactive-tunnels/>")
    assert down.findtext(".//sa-down-reason") == "no key server address"
    assert network.ask(detail).find(".//sa-remote-gateway") is None


@pytest.mark.parametrize("kind", ["exclude", "fail-open"])
def test_a_rule_whose_address_lies_inside_its_prefix_is_for_the_prefix(signing_key, kind):
    rule = f"{MEMBER}ipsec vpn V1 {kind} rule r"
    lines = (f"{rule} source-address 198.51.100.9/24", f"{rule} destination-address 203.0.113.7/24")
    network = Network(signing_key, site=lines)
    if kind == "fail-open":
        network.commit(SITE, site_config(psk="another-made-up-key", extra=lines))
        network.ask("<clear-gvpn-ipsec-security-association/>")
    ends = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.1")
    wanted = Treatment.EXCLUDED if kind == "exclude" else Treatment.FAILED_OPEN
    assert network.site.treatment(*ends, 1) is wanted


def test_a_v1_members_servers_may_be_names_that_the_device_knows(signing_key):
    name = "hub.example.net"
    network = Network(signing_key, "v1")
    address = f"{MEMBER}ike gateway hub address"
    text = site_config("v1").replace(f"{address} {HUB}", f"{address} {name}")
    commit(network.devices[SITE], text, network.now)
    assert network.site.member is None
    assert network.site.settings.missing == f"no address is known for {name}"
    known = f"set system static-host-mapping {name} inet {HUB}\n"
    commit(network.devices[SITE], text + known, network.now)
    network.flush()
    assert network.site.is_up
    assert network.site.server == HUB


def test_a_gateway_may_be_a_name_that_the_device_knows_and_moves_with_it(signing_key):
    server = "set security group-vpn server ike gateway gm-1 address"
    network = Network(signing_key)
    hub, name = network.devices[HUB], "site.example.net"
    before = hub_config("hub", "v2", {"gm-1": SITE}, ("G1",), extra=(SMC + BLOCKS["v2"],))
    text = before.replace(f"{server} {SITE}", f"{server} {name}")
    commit(hub, text, network.now)
    assert hub.groups.peers.at(SITE) == ()
    for address in ("198.51.100.7", SITE):
        mapping = f"set system static-host-mapping {name} inet {address}\n"
        commit(hub, text + mapping, network.now)
        assert [peer.name for peer in hub.groups.peers.at(address)] == ["gm-1"]
    assert hub.groups.peers.at("198.51.100.7") == ()
    network.ask("<clear-gvpn-group-information/>")
    network.flush()
    assert [m.gateway for m in hub.groups.views(network.now)[0].members] == ["gm-1"]


@pytest.mark.parametrize("before", [("198.51.100.7", SITE), (SITE, "198.51.100.7")])
def test_at_each_address_of_a_name_its_own_identity_is_expected_and_outlives_the_others(
    signing_key, before
):
    network, name = Network(signing_key), "site.example.net"
    hub, server = network.devices[HUB], "set security group-vpn server ike gateway gm-1 address"
    text = hub_config("hub", "v2", {"gm-1": SITE}, ("G1",), extra=(SMC + BLOCKS["v2"],))

    def known_as(*addresses):
        mapping = f"set system static-host-mapping {name} inet "
        lines = "".join(f"{mapping}{address}\n" for address in addresses)
        commit(hub, text.replace(f"{server} {SITE}", f"{server} {name}") + lines, network.now)
        return [view.address for view in hub.endpoint.associations(network.now)]

    known_as(*before)
    network.ask("<clear-gvpn-group-information/>")
    network.flush()
    assert known_as(*before, "198.51.100.9") == [SITE]
    assert known_as(SITE) == [SITE]
    assert known_as("198.51.100.7") == []


def test_the_zones_that_send_traffic_through_a_vpn_are_shown_with_its_policies(signing_key):
    zones = (
        "set security zones security-zone LAN",
        "set security zones security-zone WAN",
        "set security ipsec-policy from-zone LAN to-zone WAN ipsec-group-vpn V1",
    )
    network = Network(signing_key, site=zones)
    pair = network.ask("<get-gvpn-policy-information/>").find(".//ipsec-gvpn-sa-zone-pair")
    assert (pair.findtext("from-zone"), pair.findtext("to-zone")) == ("LAN", "WAN")


def test_clear_member_group_registers_anew_without_a_gap(signing_key):
    network = Network(signing_key)
    before, held = network.site.member.registrations.way.established, network.site.member.held()
    assert network.ask("<clear-gvpn-group-information/>") is not None
    network.flush()
    assert network.site.member.registrations.way.established.sa.cookies != before.sa.cookies
    assert network.site.member.held().sends_with == held.sends_with
    network.ask("<clear-group-vpn-ike-security-associations/>")
    network.flush()
    assert network.devices[HUB].endpoint.associations(network.now) == []
    assert network.site.is_up


def test_who_is_told_to_register_anew_forgets_how_often_it_has_failed(signing_key):
    """Else it calls the server that it does not begin with minutes later."""
    network = Network(signing_key, hubs=(HUB, OTHER_HUB))
    network.down.update((HUB, OTHER_HUB))
    network.pass_time(3 * 3600)
    assert not network.site.is_up
    # It goes on with the other one.
    network.down.discard(network.site.server)
    network.ask("<clear-gvpn-group-information/>")
    network.pass_time(60)
    assert network.site.is_up


def test_a_v1_member_of_a_multicast_group_says_where_it_listens(signing_key):
    block = "communication-type multicast multicast-group 239.1.2.3 multicast-outgoing-interface "
    network = Network(signing_key, "v1", extra=(f"{SMC}{block}ge-0/0/1.0",))
    device = network.devices[SITE]
    assert device.key_server.listens() == {("239.1.2.3", 848, "ge-0/0/1.0")}
    before = network.site.member.held()
    network.devices[HUB].groups.clear("G1", immediately=False, now=network.now)
    for out in network.devices[HUB].take(network.now)[0]:
        assert out.to.group == "239.1.2.3"
        device.datagram(out.datagram, (HUB, 848), network.now)
    assert set(network.site.member.held().receives_with) > set(before.receives_with)


def test_recovery_probe_registers_for_traffic_that_cannot_be_read(signing_key):
    network = Network(signing_key, site=(f"{MEMBER}ipsec vpn V1 recovery-probe",))
    first = network.site.member.registrations.way.established
    device = network.devices[SITE]
    device.key_server.overhears(2, STRANGE, network.now)
    network.pass_time(11)
    assert network.site.member.registrations.way.established == first
    device.key_server.overhears(1, STRANGE, network.now)
    network.pass_time(11)
    assert network.site.member.registrations.way.established != first


def statistics(network):
    reply = network.ask("<get-gvpn-ipsec-statistics-information/>")
    root = reply.find("usp-ipsec-total-statistics-information")
    return {e.tag: int(e.text) for container in root for e in container}


def test_statistics_count_the_packets_that_sites_try_their_keys_with(signing_key):
    network = Network(signing_key)
    counted = statistics(network)
    # One, at registration, to whoever is there.
    assert (counted["esp-encrypted-packets"], counted["esp-decrypted-packets"]) == (1, 0)
    assert counted["failclose-dropped-pkts"] == 0
    device, tek = network.devices[SITE], network.site.member.keys.traffic.sending
    packet = sealed(tek, 7)
    assert counted["esp-encrypted-bytes"] == len(packet)
    device.key_server.overhears(1, packet, network.now)
    for position in (4, 8, 30, len(packet) - 1):
        forged = packet[:position] + bytes([packet[position] ^ 1]) + packet[position + 1 :]
        device.key_server.overhears(1, forged, network.now)
    for short in (packet[:4], packet[:12], packet[:-1]):
        device.key_server.overhears(1, short, network.now)
    device.key_server.overhears(1, STRANGE, network.now)
    device.key_server.overhears(1, b"", network.now)
    counted = statistics(network)
    assert counted["esp-decrypted-packets"] == 1
    assert counted["esp-decrypted-bytes"] == len(packet)
    assert counted["esp-authentication-failures"] == 7
    assert counted["invalid-spi-errors"] == 2


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_an_independent_esp_reads_what_sites_send(signing_key, generation):
    network = Network(signing_key, generation)
    tek = network.site.member.keys.traffic.sending
    names = {"aes-cbc": "AES-CBC", "3des-cbc": "3DES", "des-cbc": "DES"}
    checks = {
        "hmac-sha-256-128": "SHA2-256-128",
        "hmac-sha1-96": "HMAC-SHA1-96",
        "hmac-md5-96": "HMAC-MD5-96",
    }
    other = SecurityAssociation(
        ESP,
        spi=int.from_bytes(tek.spi, "big"),
        crypt_algo=names[tek.sa.cipher.name],
        crypt_key=tek.keys.encryption,
        auth_algo=checks[tek.sa.integrity.name],
        auth_key=tek.keys.integrity,
    )
    packet = IP(src=SITE, dst=HUB, proto=50) / ESP(sealed(tek, 1))
    read = other.decrypt(IP(bytes(packet)))
    assert read.proto == 59


@pytest.mark.parametrize(
    "clear",
    [
        "<clear-gvpn-ipsec-statistics/>",
        "<clear-gvpn-ipsec-statistics><index>1</index></clear-gvpn-ipsec-statistics>",
        "<clear-gvpn-ipsec-security-association-statistics><group-id>1</group-id>"
        "</clear-gvpn-ipsec-security-association-statistics>",
    ],
)
def test_traffic_under_an_unknown_spi_is_counted_until_the_count_is_cleared(signing_key, clear):
    network = Network(signing_key)
    device = network.devices[SITE]

    def errors(arguments=""):
        rpc = "get-gvpn-ipsec-statistics-information"
        return network.ask(f"<{rpc}>{arguments}</{rpc}>").findtext(".//invalid-spi-errors")

    own = sealed(network.site.member.keys.traffic.sending, 1)
    device.key_server.overhears(1, own, network.now)
    assert errors() == "0"
    device.key_server.overhears(1, STRANGE, network.now)
    assert errors() == "1"
    other = "<show-gvpn-index-ipsec-statistics>2</show-gvpn-index-ipsec-statistics>"
    assert errors(other) == "0"
    network.ask("<clear-gvpn-ipsec-statistics><index>2</index></clear-gvpn-ipsec-statistics>")
    assert errors() == "1"
    network.ask(clear)
    assert errors() == "0"


def _shown_index(network, rpc, name):
    return network.ask(f"<{rpc}/>").findtext(f".//{name}").strip()


def test_associations_are_cleared_by_the_index_that_is_shown(signing_key):
    network = Network(signing_key)
    member = network.site.member
    index = _shown_index(network, "get-gvpn-ike-security-associations-information", "ike-sa-index")
    clear = "clear-group-vpn-ike-security-associations"
    network.ask(f"<{clear}><index>{int(index) + 1}</index></{clear}>")
    assert member.registrations.way.established is not None
    network.ask(f"<{clear}><index>{index}</index></{clear}>")
    assert member.registrations.way.established is None
    held = member.held()
    clear = "clear-gvpn-ipsec-security-association"
    network.ask(f"<{clear}><index>2</index></{clear}>")
    assert member.held() == held
    network.ask(f"<{clear}><index>1</index></{clear}>")
    assert member.held().sends_with is None
    network.flush()
    assert member.held().sends_with == held.sends_with


@pytest.mark.parametrize("forget", [False, True], ids=["renew", "forget"])
def test_the_collection_has_a_member_register_anew_in_its_generations_words(
    signing_key, generation, forget
):
    network = Network(signing_key, generation)
    wire = Wire(network.devices[SITE], lambda: network.now)
    began, held = network.site.member.registrations.way.established, network.site.member.held()
    network.pass_time(11)
    # Of v1, whose groups are not known to it, one without keys registers by itself.
    assert renew(wire, CollectionGeneration(generation), [2], forget=forget) == {
        "did": generation == "v2"
    }
    assert network.site.member.held() == held
    renew(wire, CollectionGeneration(generation), [1], forget=forget)
    keeps = generation == "v2" and not forget
    assert (network.site.member.held() == held) is keeps
    network.flush()
    assert network.site.member.registrations.way.established != began


def test_an_association_without_an_index_is_not_said_to_be_dropped(signing_key):
    network = Network(signing_key, "v1")
    wire = Wire(network.devices[SITE], lambda: network.now)
    shown = "get-gvpn-security-associations-information"
    reply = etree.tostring(network.ask(f"<{shown}><detail/></{shown}>"), encoding="unicode")
    wire.inject[shown] = re.sub(r"<(sa-tunnel-index)>1</\1>", "", reply)
    with pytest.raises(DeviceError, match=r"register anew: .* without its index"):
        renew(wire, CollectionGeneration.V1, [1])
    wire.inject[shown] = re.sub(r"<(sa-tunnel-index)>1</\1>", r"<\1>&lt;1</\1>", reply)
    renew(wire, CollectionGeneration.V1, [1])
    assert network.site.member.held().sends_with is None


def test_a_v1_member_whose_kek_is_cleared_gets_it_again_and_loses_no_traffic(signing_key):
    network = Network(signing_key, "v1")
    member = network.site.member
    held, kek = member.held(), member.keys.kek.kek.spi
    index = _shown_index(
        network,
        "get-gvpn-kek-security-associations-information",
        "security-association-index",
    )
    clear = "clear-group-vpn-kek-security-associations"
    network.ask(f"<{clear}><index>{int(index) + 1}</index></{clear}>")
    assert member.keys.kek is not None
    network.ask(f"<{clear}><index>{index}</index></{clear}>")
    assert member.keys.kek is None
    assert member.held() == held
    network.flush()
    assert member.keys.kek.kek.spi == kek
    assert Network(signing_key).ask(f"<{clear}/>").find(".//rpc-error") is not None


class Looped(networks.Network):
    """What a device sends by multicast it hears itself, as a host does that listens."""

    def _receivers(self, source, to):
        return [*self.devices] if isinstance(to, MulticastTarget) else [one for one, _ in to]


@pytest.mark.parametrize("multicast", ["", MULTICAST], ids=["unicast", "multicast"])
def test_a_v1_device_may_be_a_member_of_its_own_group(signing_key, multicast):
    network = Looped()
    smc = SMC + BLOCKS["v1"] + multicast
    hub = hub_config("hub", "v1", {"gm-1": SITE, "own": HUB}, extra=(smc,))
    both = hub + "set security group-vpn co-location\n"
    own = site_config("v1").replace(SITE, HUB).replace("host-name site", "host-name hub")
    for address, text in ((HUB, both + own), (SITE, site_config("v1"))):
        device = device_of(address, Generation.V1, text, network.now, signing_key)
        network.devices[address] = device
    network.flush()

    def member(address):
        companions = network.devices[address].companions
        return next(c for c in companions if isinstance(c, SrxMembers)).sites["V1"].member

    def told():
        return [one.event.event for one in network.happened if isinstance(one, MemberOfGroup)]

    assert told() == ["registered", "registered"]
    network.pass_time(4 * 3600)
    assert member(HUB).held() == member(SITE).held()
    assert (told().count("rekeyed"), told().count("reregistering")) == (8, 0)
    (view,) = network.devices[HUB].groups.views(network.now)
    assert {one.address for one in view.members} == {HUB, SITE}
    assert view.counters.push_unacknowledged == 0
    left = network.devices[HUB].endpoint.associations
    assert [one.address for one in left(network.now)] == [HUB, SITE]
    commit(network.devices[HUB], both, network.now)
    network.flush()
    assert [one.address for one in left(network.now)] == [SITE]


def test_what_a_generation_lacks_is_no_command_of_it(signing_key):
    network = Network(signing_key, "v1")
    for name in ("get-gvpn-policy-information", "get-gvpn-inactive-tunnels"):
        assert network.ask(f"<{name}/>").find(".//rpc-error") is not None


# Another generation, and a translator in between


def test_a_v1_device_with_common_algorithms_registers_with_a_v2_server(signing_key):
    network = Network(signing_key)
    v1 = site_config("v1").replace("dh-group group2", "dh-group group14")
    v1 = v1.replace("authentication-algorithm sha1", "authentication-algorithm sha-256")
    v1 = v1.replace("encryption-algorithm 3des-cbc", "encryption-algorithm aes-256-cbc")
    network.devices.pop(SITE).close()
    network.add(SITE, v1, signing_key, Generation.V1)
    network.pass_time(1)
    assert network.listed() == [SITE]
    network.pass_time(2 * 86400)
    # A v2 server sends no heartbeats, and nobody waits for any.
    assert network.listed() == [SITE]
    assert network.site.member.keys.heartbeat is None
    assert network.site.member.held().sends_with in network.kek_and_tek()[1]


def test_a_v1_device_without_common_algorithms_says_what_is_missing(signing_key):
    network = Network(signing_key)
    network.devices.pop(SITE).close()
    network.add(SITE, site_config("v1"), signing_key, Generation.V1)
    network.pass_time(60)
    assert not network.site.is_up
    why = "no answer from the key server (unproved hint: NO-PROPOSAL-CHOSEN)"
    assert network.site.last_failure == why


OUTSIDE = "192.0.2.77"


class Translated(Network):
    """The site is behind a translator, which gives it another address and port.

    It forgets the way in when nothing has gone out for half a minute (RFC 4787 §4.3: never sooner
    than two minutes; many do).
    """

    def add(self, address, text, signing_key, generation=None, **spec):
        self.floated, self.closes = [], self.now
        super().add(address, text, signing_key, generation, floating_port=4500, **spec)

    def flush(self):
        for _ in range(100):
            sent = [(s, out) for s, d in self.devices.items() for out in d.take(self.now)[0]]
            if not sent:
                return
            for source, out in sent:
                self.floated.append(out.door is Door.FLOATING)
                for to, port in out.to:
                    self.pass_on(source, to, port, out.datagram)
        raise AssertionError("they talk for ever")

    def pass_on(self, source, to, port, datagram):
        inside = source == SITE
        from_port = port + 60000 - 4500 if inside else port
        target = self.devices.get(SITE if to == OUTSIDE else to)
        if target is None or (not inside and self.now > self.closes):
            return
        self.closes = self.now + 30 if inside else self.closes
        came_from = (OUTSIDE if inside else source, from_port)
        floated = port in (4500, 60000)
        answer, _ = target.datagram(datagram, came_from, self.now, floated)
        if answer is not None:
            self.pass_on(to if inside else SITE, *came_from, answer)


def test_a_device_behind_a_translator_floats_registers_and_takes_rekeys(signing_key):
    network = Translated(signing_key)
    network.commit(
        HUB,
        hub_config(
            "hub",
            "v2",
            {"gm-1": OUTSIDE},
            ("G1",),
            extra=(
                SMC + BLOCKS["v2"],
                "set security group-vpn server ike gateway gm-1 remote-identity inet " + SITE,
            ),
        ),
    )
    network.pass_time(30)
    assert network.listed() == [OUTSIDE]
    (view,) = network.devices[HUB].groups.views(network.now)
    assert [m.source for m in view.members] == [(OUTSIDE, 60000)]
    network.pass_time(3600)
    assert network.site.pushes >= 1
    assert view.counters.push_acknowledged == view.counters.push_sent


def test_a_device_without_a_translator_stays_at_its_port(signing_key):
    network = Network(signing_key)
    for address, text in (
        (HUB, hub_config("hub", "v2", {"gm-1": SITE}, ("G1",), extra=(SMC + BLOCKS["v2"],))),
        (SITE, site_config()),
    ):
        network.devices.pop(address).close()
        network.add(address, text, signing_key, floating_port=4500)
    network.pass_time(5)
    assert network.listed() == [SITE]
    assert not network.site.member.registrations.floats(b"")


# Group VPNv1: scope policies

BOOKS = (
    "set security zones security-zone trust address-book address here 198.51.100.0/24",
    "set security zones security-zone trust address-book address small 198.51.100.0/25",
    "set security address-book global address there 203.0.113.0/24",
    "set security address-book global address other 192.0.2.0/24",
    "set security address-book global address range range-address 203.0.113.0 to 203.0.113.255",
    "set security address-book global address-set all address other",
    "set security address-book global address-set all address-set more",
    "set security address-book global address-set more address there",
    "set applications application web protocol tcp destination-port 80",
)


SETS = (
    "set applications application named protocol tcp destination-port http",
    "set applications application every protocol tcp destination-port 1-65535",
    "set applications application some protocol tcp destination-port 80-81",
    "set applications application both term a protocol tcp destination-port 80",
    "set applications application both term b protocol udp destination-port 514",
    "set applications application-set sites application junos-ssh",
    "set applications application-set sites application-set inner",
    "set applications application-set inner application web",
)
APPLICATIONS = (
    *("any", "web", "named", "every", "some", "both", "sites"),
    *("junos-http", "junos-smb", "junos-smb-session", "junos-cifs", "junos-sip", "junos-syslog"),
    *("junos-tcp-any", "junos-ping", "junos-icmp-all", "junos-aol", "junos-none"),
)


def scope_policy(source="here", destination="there", application="any"):
    path = "set security policies from-zone trust to-zone untrust policy P "
    return (
        f"{path}match source-address {source}",
        f"{path}match destination-address {destination}",
        f"{path}match application {application}",
        f"{path}then permit tunnel ipsec-group-vpn V1",
    )


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("here", "there"), True),
        (("any", "any"), True),
        (("here", "all"), True),
        (("here", "range"), True),
        (("small", "there"), False),
        (("here", "other"), False),
        (("here", "nowhere"), False),
        (("there", "here"), False),
        (("here", "there", "web"), False),
        (("here", "there", "junos-http"), False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_a_v1_member_installs_what_its_scope_policy_covers(signing_key, words, taken):
    network = Network(signing_key, "v1", site=(*BOOKS, *scope_policy(*words)))
    # Registered it is in any case (Junos 10.3).
    assert network.listed() == [SITE]
    assert network.site.is_up is taken
    network.pass_time(4000)
    assert network.listed() == [SITE]
    assert network.site.is_up is taken


@pytest.mark.parametrize(
    ("service", "applications"),
    [
        ("protocol 6 destination-port 80", {"web", "junos-http", "sites", "both", "named"}),
        ("protocol 6 destination-port 445", {"junos-smb", "junos-cifs", "junos-smb-session"}),
        ("protocol 17 destination-port 5060", {"junos-sip"}),
        ("protocol 17 destination-port 514", {"junos-syslog", "both"}),
        ("protocol 6", {"junos-tcp-any", "every"}),
        ("protocol 1", {"junos-ping", "junos-icmp-all"}),
        ("protocol 0", {"any"}),
    ],
)
def test_a_group_policy_for_one_service_needs_a_scope_for_that_service(
    signing_key, service, applications
):
    match = "set security group-vpn server group G1 ipsec-sa sa-1 match-policy any "
    words = service.split()
    extra = [match + " ".join(words[n : n + 2]) for n in range(0, len(words), 2)]
    network = Network(signing_key, "v1", extra=extra)
    for application in APPLICATIONS:
        lines = (*BOOKS, *SETS, *scope_policy(application=application))
        network.commit(SITE, site_config("v1", extra=lines))
        network.pass_time(1)
        assert network.listed() == [SITE]
        assert network.site.is_up is (application in applications), application


def test_a_commit_of_the_scope_policy_holds_at_once_and_keeps_what_it_covers(signing_key):
    network = Network(signing_key, "v1", site=(*BOOKS, *scope_policy()))
    held = network.site.member.held()
    network.commit(SITE, site_config("v1", extra=(*BOOKS, *scope_policy(destination="other"))))
    assert network.site.member.held().receives_with == ()
    assert network.listed() == [SITE]
    network.commit(SITE, site_config("v1", extra=(*BOOKS, *scope_policy(destination="all"))))
    assert network.site.member.held() == held
    network.commit(SITE, site_config("v1", extra=BOOKS))
    assert network.site.member.held() == held


def test_v2_has_no_scope_policy(signing_key):
    network = Network(signing_key, "v2", site=(*BOOKS, *scope_policy(destination="other")))
    assert network.site.is_up
