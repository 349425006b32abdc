# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole replies of the device itself and of its configuration, element by element."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from keyserver.netconf.reply import xml_text
from keyserver.netconf.rpcs.system import SYSTEM_RPCS
from tests.keyserver.console import Console, errors, outline, outlined, text

# Fifteen days, three hours, four minutes and five seconds after it came up.
AGE = 15 * 86400 + 3 * 3600 + 4 * 60 + 5


# The device

SYSTEM = {
    "get-software-information": """
        software-information
          host-name: hub-1
          product-model: vSRX
          product-name: vsrx
          os-name: junos-es
          junos-version: 22.4R1
          package-information
            name: junos
            comment: JUNOS Software Release [22.4R1]
        """,
    "get-system-information": """
        system-information
          hardware-model: vSRX
          os-name: junos-es
          os-version: 22.4R1
          serial-number: EM0153542308
          host-name: hub-1
        """,
    "get-chassis-inventory": """
        chassis-inventory
          chassis
            name: Chassis
            serial-number: EM0153542308
            description: VSRX
            chassis-module
              name: Routing Engine
              description: RE-VSRX
        """,
    "get-route-engine-information": """
        route-engine-information
          route-engine
            slot: 0
            mastership-state: master
            status: OK
            model: RE-VSRX
            start-time [seconds=1800000000]: 2027-01-15 08:00:00 UTC
            up-time [seconds=1307045]: 2w1d 03:04
            last-reboot-reason: 0x1:power cycle/failure
        """,
    "get-system-uptime-information": """
        system-uptime-information
          current-time
            date-time [seconds=1801307045]: 2027-01-30 11:04:05 UTC
          system-booted-time
            date-time [seconds=1800000000]: 2027-01-15 08:00:00 UTC
            time-length [seconds=1307045]: 2w1d 03:04
          protocols-started-time
            date-time [seconds=1800000000]: 2027-01-15 08:00:00 UTC
            time-length [seconds=1307045]: 2w1d 03:04
          last-configured-time
            date-time [seconds=1800000000]: 2027-01-15 08:00:00 UTC
            time-length [seconds=1307045]: 2w1d 03:04
            user: root
        """,
    "get-system-memory-information": """
        system-memory-information
          system-memory-summary-information
            system-memory-total: 4194304
            system-memory-free: 2097152
            system-memory-free-percent: 50
        """,
    "get-system-storage": """
        system-storage-information
          filesystem
            filesystem-name: /dev/gpt/junos
            total-blocks: 41943040
            used-blocks: 10485760
            available-blocks: 31457280
            used-percent: 25
            mounted-on: /.mount
          filesystem
            filesystem-name: tmpfs
            total-blocks: 2097152
            used-blocks: 524288
            available-blocks: 1572864
            used-percent: 25
            mounted-on: /.mount/tmp
        """,
    "file-list": """
        directory-list [root-path=/var/home/netops]
          directory [name=/var/home/netops/]
            directory-name: /var/home/netops/
            total-files: 0
        """,
}


def test_every_reply_of_the_device_itself_is_shown_whole():
    assert SYSTEM.keys() >= SYSTEM_RPCS.keys()


@pytest.mark.parametrize("operation", SYSTEM)
def test_what_the_device_says_of_itself(console, session, operation):
    console.pass_time(AGE)
    assert outlined(session.rpc(f"<{operation}/>")) == text(SYSTEM[operation])


@pytest.mark.parametrize(
    ("model", "release", "os_name", "version"),
    [
        (None, None, "junos", []),
        ("srx345", "15.1X49-D170", "junos", []),
        ("srx345", "15.2R1", "junos-es", ["15.2R1"]),
        ("srx345", "24.4R1.9", "junos-es", ["24.4R1.9"]),
    ],
)
def test_software_names_its_version_in_an_element_from_the_release_on_that_has_it(
    model, release, os_name, version
):
    session = Console("v1", model=model, release=release).session()
    software = session.rpc("<get-software-information/>")
    assert [e.text for e in software.iter("junos-version")] == version
    assert [e.text for e in software.iter("os-name")] == ["junos-es"] * len(version)
    assert software.findtext(".//product-name") == (model or "srx240h2")
    assert (
        software.findtext(".//comment") == f"JUNOS Software Release [{release or '12.3X48-D105'}]"
    )
    assert session.rpc("<get-system-information/>").findtext(".//os-name") == os_name


@pytest.mark.parametrize(
    ("seconds", "length"),
    [
        (0, "00:00:00"),
        (62, "00:01:02"),
        (86399, "23:59:59"),
        (86400, "1d 00:00"),
        (7 * 86400 - 1, "6d 23:59"),
        (7 * 86400, "1w0d 00:00"),
    ],
)
def test_spans_of_time_are_printed_as_junos_prints_them(console, session, seconds, length):
    console.pass_time(seconds)
    reply = session.rpc("<get-route-engine-information/>")
    assert reply.findtext(".//up-time") == length
    shown = session.rpc('<command format="text">show system uptime</command>').findtext("output")
    assert shown.splitlines()[2] == f"System booted: 2027-01-15 08:00:00 UTC ({length} ago)"


INTERFACES = (
    "set interfaces ge-0/0/0 description wan",
    "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24",
    "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.2/24",
    "set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::1/64",
    "set interfaces ge-0/0/0 unit 7 disable",
    "set interfaces ge-0/0/1 disable",
    "set interfaces ge-0/0/1 mtu 9000",
)


def test_interfaces_in_full_are_those_configured_and_the_loopback(session):
    session.set(*INTERFACES)
    session.commit()
    assert outlined(session.rpc("<get-interface-information/>")) == text("""
        interface-information [style=normal]
          physical-interface
            name: ge-0/0/0
            admin-status: up
            oper-status: up
            local-index: 128
            snmp-index: 501
            description: wan
            if-type: Ethernet
            link-level-type: Ethernet
            mtu: 1514
            link-mode: Full-duplex
            speed: 1000mbps
            current-physical-address: 00:00:5e:00:53:00
            hardware-physical-address: 00:00:5e:00:53:00
            logical-interface
              name: ge-0/0/0.0
              admin-status: up
              oper-status: up
              address-family
                address-family-name: inet
                interface-address
                  ifa-local [emit=emit]: 192.0.2.1/24
                interface-address
                  ifa-local [emit=emit]: 192.0.2.2/24
              address-family
                address-family-name: inet6
                interface-address
                  ifa-local [emit=emit]: 2001:db8::1/64
            logical-interface
              name: ge-0/0/0.7
              admin-status: down
              oper-status: down
          physical-interface
            name: ge-0/0/1
            admin-status: down
            oper-status: down
            local-index: 129
            snmp-index: 502
            if-type: Ethernet
            link-level-type: Ethernet
            mtu: 9000
            link-mode: Full-duplex
            speed: 1000mbps
            current-physical-address: 00:00:5e:00:53:01
            hardware-physical-address: 00:00:5e:00:53:01
          physical-interface
            name: lo0
            admin-status: up
            oper-status: up
            local-index: 6
            snmp-index: 6
            if-type: Loopback
            mtu: Unlimited
            speed: Unspecified
        """)


def test_terse_interfaces_are_names_states_and_addresses(session):
    session.set(*INTERFACES)
    session.commit()
    question = "<get-interface-information><terse/><interface-name>%s</interface-name>"
    reply = session.rpc(question % "ge-0/0/1" + "</get-interface-information>")
    assert outlined(reply) == text("""
        interface-information [style=terse]
          physical-interface
            name: ge-0/0/1
            admin-status: down
            oper-status: down
        """)
    shown = session.rpc('<command format="text">show interfaces terse</command>')
    assert shown.findtext("output").strip("\n") == text("""
        Interface               Admin Link Proto    Local                 Remote
        ge-0/0/0                up    up
        ge-0/0/0.0              up    up   inet     192.0.2.1/24
                                           inet     192.0.2.2/24
                                           inet6    2001:db8::1/64
        ge-0/0/0.7              down  down
        ge-0/0/1                down  down
        lo0                     up    up
        """)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("<interface-name>ge-0/0/0</interface-name>", ["ge-0/0/0"]),
        ("<interface-name>ge-0/0/0.?</interface-name>", ["ge-0/0/0"]),
        ("<interface-name>lo0</interface-name>", ["lo0"]),
        ("<routing-instance>all</routing-instance>", ["ge-0/0/0", "ge-0/0/1", "lo0"]),
        ("<routing-instance>default</routing-instance>", ["ge-0/0/0", "ge-0/0/1", "lo0"]),
    ],
)
def test_interfaces_are_asked_for_by_name_or_instance(session, arguments, names):
    session.set(*INTERFACES)
    session.commit()
    reply = session.rpc(f"<get-interface-information>{arguments}</get-interface-information>")
    assert [e.findtext("name").strip() for e in reply.iter("physical-interface")] == names


# As the CLI's text, and as JSON


def test_the_cli_shows_versions_uptime_and_what_has_no_form_of_its_own(console, session):
    console.pass_time(62)
    for command, shown in {
        "show version": """
            Hostname: hub-1
            Model: vSRX
            JUNOS Software Release [22.4R1]
            """,
        "show system uptime": """
            Current time: 2027-01-15 08:01:02 UTC
            System booted: 2027-01-15 08:00:00 UTC (00:01:02 ago)
            Last configured: 2027-01-15 08:00:00 UTC (00:01:02 ago) by root
            """,
        "show system memory": """
            system-memory-total: 4194304
            system-memory-free: 2097152
            system-memory-free-percent: 50
            """,
    }.items():
        reply = session.rpc(f'<command format="text">{command}</command>')
        assert outline(reply[0]) == f"output: {text(shown)}"
        assert reply[0].text == f"\n{text(shown)}\n"


def test_json_has_lists_of_elements_and_data_in_the_innermost(session):
    session.set(
        "set interfaces ge-0/0/0 unit 0",
        "set security zones security-zone a interfaces ge-0/0/0.0",
        "set security zones security-zone b",
    )
    session.commit()
    reply = session.rpc('<get-zones-information format="json"/>')

    def zone(name, *interfaces):
        bound = {"zones-security-interface-name": [{"data": one} for one in interfaces]}
        return {
            "zones-security-zonename": [{"data": name}],
            "zones-security-send-reset": [{"data": "Off"}],
            "zones-security-policy-configurable": [{"data": "Yes"}],
            "zones-security-interfaces-bound": [{"data": str(len(interfaces))}],
            "zones-security-interfaces": [bound if interfaces else {"data": ""}],
        }

    assert json.loads(reply.text) == {
        "zones-information": [{"zones-security": [zone("a", "ge-0/0/0.0"), zone("b")]}]
    }
    assert reply.text.startswith('\n{\n    "zones-information": [\n')


@pytest.mark.parametrize(
    ("pipe", "shown"),
    [
        ("match LO0", ["lo0                     up    up"]),
        ("match ge | except ge-0/0/1", ["ge-0/0/0                up    up"]),
        ("find ge-0/0/1 | trim 24", ["down  down", "up    up"]),
        ("find nothing", []),
        ("count", ["Count: 4 lines"]),
        ("match ge | count", ["Count: 2 lines"]),
        ("last 1", ["lo0                     up    up"]),
        ("last 2 | match 1", ["ge-0/0/1                down  down"]),
        ("last | count", ["Count: 4 lines"]),
        ("last 99 | no-more | count", ["Count: 4 lines"]),
        ("display omit | last 99 | count", ["Count: 4 lines"]),
    ],
)
def test_pipes_filter_what_the_cli_shows(session, pipe, shown):
    session.set("set interfaces ge-0/0/0", "set interfaces ge-0/0/1 disable")
    session.commit()
    reply = session.rpc(f'<command format="text">show interfaces terse | {pipe}</command>')
    assert errors(reply) == []
    assert reply.findtext("output").strip("\n").splitlines() == shown


NOT_THERE = (
    "security group-vpn server group G2 member-threshold",
    "security group-vpn server group G2 ipsec-sa none",
    "security group-vpn server group none",
    "routing-options static route 203.0.113.0/24 tag",
    "routing-options static route 198.51.100.0/24",
)


def test_show_configuration_stands_in_elements_of_its_own(session):
    session.set("set routing-options static route 203.0.113.0/24 next-hop 192.0.2.1")
    session.commit()
    session.set("set system domain-name example.com")
    session.commit()
    for line, wrapper, shown in (
        (
            "show configuration system",
            "configuration-information",
            "host-name hub-1;\ndomain-name example.com;",
        ),
        (
            "show configuration system | display set",
            "configuration-information",
            "set system host-name hub-1\nset system domain-name example.com",
        ),
        (
            "show configuration system | display set | match domain",
            "configuration-information",
            "set system domain-name example.com",
        ),
        (
            "show configuration security group-vpn server group G2 ipsec-sa sa-1 match-policy any",
            "configuration-information",
            "source 198.51.100.0/24;\ndestination 203.0.113.0/24;",
        ),
        (
            "show configuration | compare rollback 1",
            "configuration-information",
            "[edit system]\n+  domain-name example.com;",
        ),
        ("show configuration system services", "configuration-information", ""),
        (
            "show configuration routing-options static route 203.0.113.0/24",
            "configuration-information",
            "next-hop 192.0.2.1;",
        ),
        *((f"show configuration {path}", "configuration-information", "") for path in NOT_THERE),
    ):
        reply = session.rpc(f'<command format="text">{line}</command>')
        assert [e.tag for e in reply] == [wrapper]
        assert "".join(reply.itertext()).strip("\n") == shown


def test_set_lines_stand_where_clients_look_for_them_and_of_nothing_there_is_no_element(session):
    ask = '<command format="{}">show configuration system {}</command>'.format
    assert [e.tag for e in session.rpc(ask("set", ""))] == ["configuration-set"]
    assert [e.tag for e in session.rpc(ask("set", "services"))] == ["configuration-set"]
    for pipe in ("| display set", "| display set relative"):
        reply = session.rpc(ask("text", pipe))
        assert reply.findtext("configuration-information/configuration-output").strip()
        # The Terraform provider takes anything else for a statement that is there.
        assert len(session.rpc(ask("text", f"services {pipe}"))) == 0


def test_display_xml_rpc_shows_the_rpc_and_does_not_carry_it_out(session):
    session.set("set system host-name other")
    reply = session.rpc(
        "<command>request system configuration rescue save | display xml rpc</command>"
    )
    assert outlined(reply) == "rpc\n  request-save-rescue-configuration"
    assert errors(session.rpc("<get-rescue-information/>")) == ["rescue configuration not found"]
    line = "show configuration system host-name | display xml rpc"
    assert outlined(session.rpc(f"<command>{line}</command>")) == text("""
        rpc
          get-configuration [database=committed]
            configuration
              system
                host-name
        """)


JUNOS_GROUP = "{http://xml.juniper.net/junos/22.4R1/junos}group"


def test_pipes_filter_the_rpc_that_is_shown(session):
    line = "show configuration system | display xml rpc | match system | count"
    reply = session.rpc(f'<command format="text">{line}</command>')
    assert outlined(reply) == "output: Count: 1 lines"


INHERITING = (
    "set groups g interfaces &lt;*&gt; mtu 9000",
    "set groups g system name-server 192.0.2.53",
    "set interfaces ge-0/0/0 unit 0",
    "set apply-groups g",
)


def test_inheritance_names_the_groups_in_xml_and_json_as_in_text(session):
    session.set(*INHERITING)
    session.commit()
    line = "show configuration {} | display inheritance{} | display {}"
    reply = session.rpc(f"<command>{line.format('interfaces', '', 'xml')}</command>")
    assert [dict(e.attrib) for e in reply.iter("mtu")] == [{JUNOS_GROUP: "g"}]
    reply = session.rpc(f"<command>{line.format('system name-server', '', 'json')}</command>")
    server = {"@": {"junos:group": "g"}, "name": "192.0.2.53"}
    assert json.loads(reply.text)["configuration"]["system"] == {"name-server": [server]}
    for form in ("xml", "json"):
        bare = line.format("interfaces", " no-comments", form)
        shown = etree.tostring(session.rpc(f"<command>{bare}</command>")).decode()
        assert "9000" in shown
        assert "group" not in shown


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\ud800", "\ufffe"])
def test_what_xml_cannot_hold_is_replaced_in_what_the_device_says(odd):
    assert xml_text(f"a{odd}b") == "a\ufffdb"
    assert xml_text("\t\n\r é東\U0001f511") == "\t\n\r é東\U0001f511"
