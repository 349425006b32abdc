# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole replies about groups, members and associations, element by element."""

from __future__ import annotations

import pytest

from tests.keyserver.console import BASE_1_0, Session, errors, outlined, text
from tests.keyserver.world import GM, World

SMC = "set security group-vpn server group G1 server-member-communication "
UNICAST = (
    SMC + "communication-type unicast",
    SMC + "encryption-algorithm aes-192-cbc",
    SMC + "sig-hash-algorithm sha-384",
    SMC + "lifetime-seconds 3600",
    SMC + "retransmission-period 20",
    SMC + "number-of-retransmission 3",
    "set security group-vpn server group G1 activation-time-delay 30",
    "set security group-vpn server group G1 anti-replay-time-window 1000",
)
MEMBERS = "get-security-group-vpn-server-registered-members"
STATISTICS = "get-security-group-vpn-server-stats"
KEK = "get-security-group-vpn-server-kek-sa"
IPSEC = "get-security-group-vpn-server-security-information"
IKE = "get-security-group-vpn-server-ike-security-associations-information"


class Site:
    """Two members, one minute after they came; G2 is empty."""

    def __init__(self, signing_key, generation="v2", extra=UNICAST, **spec):
        self.world = World(signing_key, generation, members=2, extra=extra, **spec)
        self.world.joined(1)
        self.world.pass_time(30)
        other = self.world.member("192.0.2.12")
        self.world.run(other, "192.0.2.12")
        self.world.pass_time(30)
        self.session = Session(self.world, (BASE_1_0,))

    def ask(self, operation, inner=""):
        reply = self.session.rpc(f"<{operation}>{inner}</{operation}>")
        assert errors(reply) == []
        return outlined(reply)

    def cli(self, command):
        reply = self.session.rpc(f'<command format="text">{command}</command>')
        assert errors(reply) == []
        return reply.findtext("output")


@pytest.fixture
def site(signing_key):
    return Site(signing_key)


def test_registered_members_in_brief(site):
    assert site.ask(MEMBERS) == text("""
        security-group-vpn-server-registered-members [style=brief]
          group-vpn-registered-members
            group-vpn-group-name: G1
            group-vpn-group-id: 1
            group-vpn-member-count: 2
            group-vpn-member
              group-vpn-member-gateway: gm-1
              group-vpn-member-address: 192.0.2.11
              group-vpn-member-last-update [seconds=1800000000]: Fri Jan 15 2027 08:00:00
              group-vpn-member-vsys: root
            group-vpn-member
              group-vpn-member-gateway: gm-2
              group-vpn-member-address: 192.0.2.12
              group-vpn-member-last-update [seconds=1800000030]: Fri Jan 15 2027 08:00:30
              group-vpn-member-vsys: root
          group-vpn-registered-members
            group-vpn-group-name: G2
            group-vpn-group-id: 2
            group-vpn-member-count: 0
        """)
    assert site.cli("show security group-vpn server registered-members") == (
        "\n"
        "Group: G1, Group Id: 1\n"
        "Total number of registered members: 2\n"
        "Member Gateway       Member IP        Last Update              Vsys\n"
        "gm-1                 192.0.2.11       Fri Jan 15 2027 08:00:00 root\n"
        "gm-2                 192.0.2.12       Fri Jan 15 2027 08:00:30 root\n"
        "\n"
        "Group: G2, Group Id: 2\n"
        "Total number of registered members: 0\n"
        "\n"
    )


def test_addresses_are_padded_with_newlines_as_junos_pads_them(site):
    reply = site.session.rpc(f"<{MEMBERS}/>")
    assert reply.findtext(".//group-vpn-member-address") == "\n192.0.2.11\n"


@pytest.mark.parametrize("level", ["<detail/>", "<level>detail</level>"])
def test_registered_members_in_detail_have_their_counters(site, level):
    site.world.commit(*UNICAST, SMC + "lifetime-seconds 7200")
    site.world.pass_time(10)
    wanted = f"{level}<peer-address>192.0.2.12</peer-address>"
    assert site.ask(MEMBERS, wanted) == text("""
        security-group-vpn-server-registered-members [style=detail]
          group-vpn-registered-members
            group-vpn-group-name: G1
            group-vpn-group-id: 1
            group-vpn-member-count: 1
            group-vpn-member
              group-vpn-member-gateway: gm-2
              group-vpn-member-address: 192.0.2.12
              group-vpn-member-last-update [seconds=1800000030]: Fri Jan 15 2027 08:00:30
              group-vpn-member-vsys: root
              group-vpn-stats
                group-vpn-pull-succeeded: 1
                group-vpn-pull-failed: 0
                group-vpn-push-sent: 1
                group-vpn-push-acknowledged: 1
                group-vpn-push-unacknowledged: 0
        """)
    assert site.cli("show security group-vpn server registered-members detail group G1") == (
        "\n"
        "Group: G1, Group Id: 1\n"
        "Total number of registered members: 2\n"
        + "".join(
            f"Member gateway: gm-{n}, Member IP: 192.0.2.1{n}, Vsys: root\n"
            f"Last Update: Fri Jan 15 2027 08:00:{30 * (n - 1):02}\n"
            "Stats:\n"
            "    Pull Succeeded                 : 1\n"
            "    Pull Failed                    : 0\n"
            "    Push Sent                      : 1\n"
            "    Push Acknowledged              : 1\n"
            "    Push Unacknowledged            : 0\n"
            for n in (1, 2)
        )
        + "\n"
    )


def test_a_node_of_a_cluster_wraps_its_list(signing_key):
    site = Site(signing_key, cluster_node="node0")
    lines = site.ask(MEMBERS, "<group-id>2</group-id>")
    assert lines == text("""
        multi-routing-engine-results
          multi-routing-engine-item
            re-name: node0
            security-group-vpn-server-registered-members [style=brief]
              group-vpn-registered-members
                group-vpn-group-name: G2
                group-vpn-group-id: 2
                group-vpn-member-count: 0
        """)
    shown = site.cli("show security group-vpn server registered-members group G2")
    assert shown == "\nGroup: G2, Group Id: 2\nTotal number of registered members: 0\n\n"


def test_statistics_count_what_happened_in_each_group(site):
    site.world.run(site.world.member("192.0.2.13"), "192.0.2.13")
    site.world.lost.add("192.0.2.12")
    site.world.commit(*UNICAST, SMC + "lifetime-seconds 7200")
    site.world.pass_time(200)
    assert site.ask(STATISTICS, "<group>G1</group>") == text("""
        security-group-vpn-server-stats
          group-vpn-group-name: G1
          group-vpn-group-id: 1
          server-stats
            group-vpn-stats
              group-vpn-pull-succeeded: 2
              group-vpn-pull-failed: 0
              group-vpn-pull-exceed-member-threshold: 0
              group-vpn-push-sent: 2
              group-vpn-push-acknowledged: 1
              group-vpn-push-unacknowledged: 1
        """)
    assert site.cli("show security group-vpn server statistics") == (
        "\n"
        "Group: G1, Group Id: 1\n"
        "Stats:\n"
        "    Pull Succeeded                 : 2\n"
        "    Pull Failed                    : 0\n"
        "    Pull Exceed Member Threshold   : 0\n"
        "    Push Sent                      : 2\n"
        "    Push Acknowledged              : 1\n"
        "    Push Unacknowledged            : 1\n"
        "Group: G2, Group Id: 2\n"
        "Stats:\n"
        "    Pull Succeeded                 : 0\n"
        "    Pull Failed                    : 0\n"
        "    Pull Exceed Member Threshold   : 0\n"
        "    Push Sent                      : 0\n"
        "    Push Acknowledged              : 0\n"
        "    Push Unacknowledged            : 0\n"
    )


def test_the_groups_key_in_brief_and_in_detail(site):
    spi = site.world.view().kek.spi
    index = int(spi[:6], 16)
    assert site.ask(KEK) == text(f"""
        security-group-vpn-server-kek-sa [style=brief]
          gvpn-server-kek-security-associations
            security-association-index: {index}
            life-remaining: 3540
            initiator-cookie: {spi[:16]}
            responder-cookie: {spi[16:]}
            group-id: 1
        """)
    assert site.ask(KEK, f"<detail/><index>{index}</index>") == text(f"""
        security-group-vpn-server-kek-sa [style=detail]
          gvpn-server-kek-security-associations-block
            kek-sa-group-info
              kek-sa-group-replay-window: 1000
              kek-sa-group-activation-delay: 30
              kek-sa-group-multicast-group: Unicast
            security-association-index: {index}
            group-name: G1
            group-id: 1
            initiator-cookie: {spi[:16]}
            responder-cookie: {spi[16:]}
            kek-sa-authentication-method: RSA
            lifetime-remaining: Expires in 3540 seconds
            act-time-remaining: 0 seconds
            rekey-time-remaining: 3420 seconds
            kek-sa-algorithms
              kek-sa-authentication-algorithm: sig-hash-sha384
              kek-sa-encryption-algorithm: aes-192-cbc
            kek-sa-traffic-statistics
              kek-sa-input-bytes: 0
              kek-sa-output-bytes: 0
              kek-sa-input-packets: 0
              kek-sa-output-packets: 0
            kek-sa-misc
              kek-sa-sequence-number: 0
            kek-sa-server-info
              kek-sa-server-retrans-period: 20
              kek-sa-server-retrans-number: 3
            kek-sa-negotiations
              kek-sa-num-of-negotiations: 0
        """)
    none = "security-group-vpn-server-kek-sa [style=brief]"
    assert site.ask(KEK, f"<index>{index + 1}</index>") == none
    assert site.ask(KEK, "<group>G2</group>") == none


@pytest.mark.parametrize(
    ("delay", "lifetime", "left"), [(30, 3600, 3420), (60, 3600, 3300), (900, 3600, 1740)]
)
def test_a_key_is_renewed_four_delays_before_its_end_and_at_its_half_at_the_latest(
    signing_key, delay, lifetime, left
):
    path = "set security group-vpn server group G1 activation-time-delay"
    extra = (*UNICAST[:3], f"{SMC}lifetime-seconds {lifetime}", f"{path} {delay}")
    reply = Site(signing_key, extra=extra).ask(KEK, "<detail/>")
    assert f"rekey-time-remaining: {left} seconds" in reply


def test_pushes_show_in_the_keys_traffic(site):
    site.world.commit(
        *UNICAST, "set security group-vpn server group G1 ipsec-sa sa-1 match-policy any protocol 6"
    )
    site.world.pass_time(10)
    pushed = site.world.pushed
    reply = site.session.rpc(f"<{KEK}><detail/></{KEK}>")
    shown = {e.tag: e.text for e in reply.iter()}
    assert len(pushed) >= 1
    assert shown["kek-sa-num-of-negotiations"] == "1"
    assert int(shown["kek-sa-sequence-number"]) >= 1
    assert int(shown["kek-sa-output-bytes"]) == 2 * len(pushed[0])
    assert int(shown["kek-sa-output-packets"]) == 2
    assert int(shown["kek-sa-input-packets"]) == 2
    assert int(shown["kek-sa-input-bytes"]) > 0


def test_traffic_keys_are_listed_per_group_and_their_policies_in_detail(site):
    (tek,) = site.world.view().teks
    listed = f"""
          group-vpn-ipsec-security-associations
            group-vpn-group-name: G1
            group-vpn-group-id: 1
            total-active-sa: 1
            ipsec-security-association
              ipsec-sa-name: sa-1
              sa-spi: {tek.spi}
              sa-protocol: ESP
              sa-esp-encryption-algorithm: aes-256-cbc
              sa-authentication-algorithm: hmac-sha2-256
              sa-hard-lifetime: 3540"""
    name = "security-group-vpn-server-security-information"
    assert site.ask(IPSEC, "<group>G1</group>") == text(f"""
        {name} [style=brief]{listed}
        """)
    assert site.ask(IPSEC, "<group-id>1</group-id><detail/>") == text(f"""
        {name} [style=detail]{listed}
              match-policy
                sa-source: 198.51.100.0/24
                sa-destination: 203.0.113.0/24
        """)
    assert site.ask(IPSEC, "<group>G2</group>").splitlines()[-1].strip() == "total-active-sa: 0"


def test_phase_1_associations_in_brief_and_in_detail(site):
    first, second = site.world.endpoint.associations(site.world.now)
    index = int(first.responder_cookie[:6], 16)
    brief = f"""
            ike-sa-index: {index}
            ike-sa-remote-address: 192.0.2.11
            ike-sa-state: UP
            ike-sa-initiator-cookie: {first.initiator_cookie}
            ike-sa-responder-cookie: {first.responder_cookie}
            ike-sa-exchange-type: Main"""
    name = "security-group-vpn-server-ike-security-associations-information"
    assert site.ask(IKE, "<peer-address>192.0.2.11</peer-address>") == text(f"""
        {name} [style=brief]
          ike-security-associations{brief}
        """)
    assert site.ask(IKE, f"<index>{index}</index><detail/>") == text(f"""
        {name} [style=detail]
          ike-security-associations-block{brief}
            ike-sa-remote-port: 848
            ike-sa-authentication-method: pre-shared-key
            ike-sa-lifetime: 28740
            ike-gateway-name: gm-1
            ike-sa-algorithms
              ike-sa-authentication-algorithm: hmac-sha256
              ike-sa-encryption-algorithm: aes256-cbc
              ike-sa-dhgroup: DH-group-14
        """)
    everybody = site.session.rpc(f"<{IKE}/>")
    assert [e.text for e in everybody.iter("ike-sa-responder-cookie")] == [
        first.responder_cookie,
        second.responder_cookie,
    ]


@pytest.mark.parametrize(
    ("chosen", "peers"),
    [
        ("<group>G1</group>", ["192.0.2.11", "192.0.2.12"]),
        ("<group>G2</group>", ["192.0.2.11"]),
        ("<group-id>2</group-id>", ["192.0.2.11"]),
        ("<group>G3</group>", []),
    ],
)
def test_phase_1_associations_of_a_group_are_those_of_its_gateways(signing_key, chosen, peers):
    site = Site(signing_key, extra=("delete security group-vpn server group G2 ike-gateway gm-2",))
    reply = site.session.rpc(f"<{IKE}>{chosen}</{IKE}>")
    assert [e.text for e in reply.iter("ike-sa-remote-address")] == peers


def test_ciphers_without_a_choice_of_key_lengths_are_named_without_one(signing_key):
    site = Site(
        signing_key, "v1", extra=(SMC + "encryption-algorithm 3des-cbc sig-hash-algorithm sha1",)
    )
    assert "ike-sa-encryption-algorithm: 3des-cbc" in site.ask(IKE, "<detail/>")
    assert "sa-esp-encryption-algorithm: 3des-cbc" in site.ask(IPSEC)
    kek = site.ask(KEK, "<detail/>")
    assert "kek-sa-encryption-algorithm: 3des-cbc" in kek
    assert "kek-sa-group-replay-window" not in kek


def test_clearing_takes_the_members_of_the_chosen_group_alone(site):
    other = site.world.member("192.0.2.11", group=2)
    site.world.run(other, "192.0.2.11")
    assert [len(site.world.listed(group)[0]) for group in ("G1", "G2")] == [2, 1]
    name = "clear-security-group-vpn-server"
    # What Junos answers for a group that is not there nobody has published.
    assert site.ask(name, f"<{name}-group-id>77</{name}-group-id><{name}-now/>") == ""
    assert [len(site.world.listed(group)[0]) for group in ("G1", "G2")] == [2, 1]
    assert site.ask(name, f"<{name}-group-id>2</{name}-group-id><{name}-now/>") == ""
    assert [len(site.world.listed(group)[0]) for group in ("G1", "G2")] == [2, 0]
    assert site.ask(name, f"<{name}-group-name>G1</{name}-group-name><{name}-now/>") == ""
    assert site.world.listed("G1")[0] == []


def test_clearing_statistics_takes_the_counters_and_keeps_the_members(site):
    name = "clear-security-group-vpn-server-statistics"
    assert site.ask(name, "<group>G2</group>") == ""
    assert site.world.view("G1").counters.pull_succeeded == 2
    assert site.ask(name) == ""
    assert site.world.view("G1").counters.pull_succeeded == 0
    assert site.world.listed("G1")[0] == [GM, "192.0.2.12"]
