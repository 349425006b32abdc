# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Interfaces, routes, zones and files: what a device says follows from its configuration."""

from __future__ import annotations

import json

import pytest

from tests.keyserver.console import Console, errors

PORTS = (
    "set interfaces ge-0/0/0 description uplink",
    "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24",
    "set interfaces ge-0/0/1 disable",
    "set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24",
    "set interfaces ge-0/0/10 unit 7 family inet6 address 2001:db8::1/64",
    "set routing-options static route 0.0.0.0/0 next-hop 192.0.2.254",
    "set routing-options static route 203.0.113.0/24 discard",
    "set routing-options static route 203.0.113.128/25 next-hop 198.51.100.9",
    "set routing-options rib inet6.0 static route 2001:db8:1::/48 discard",
    "set security zones security-zone trust tcp-rst",
    "set security zones security-zone trust interfaces ge-0/0/0.0",
    "set routing-instances red instance-type virtual-router",
    "set routing-instances red interface ge-0/0/10.7",
)


@pytest.fixture
def session():
    session = Console().session()
    assert not errors(session.set(*PORTS))
    assert not errors(session.commit())
    return session


def names(reply, kind="physical-interface"):
    return [one.findtext("name").strip() for one in reply.iter(kind)]


def interfaces(session, inner=""):
    return session.rpc(f"<get-interface-information>{inner}</get-interface-information>")


def cli(session, line):
    reply = session.rpc(f'<command format="text">{line}</command>')
    assert not errors(reply), errors(reply)
    return reply.findtext("output").strip("\n")


def test_interfaces_are_those_configured_in_the_order_of_their_slots(session):
    assert names(interfaces(session)) == ["ge-0/0/0", "ge-0/0/1", "ge-0/0/10", "lo0"]


def test_values_of_interfaces_stand_on_lines_of_their_own(session):
    assert interfaces(session).find(".//physical-interface/name").text == "\nge-0/0/0\n"
    reply = session.rpc('<get-interface-information format="json"/>')
    shown = json.loads(reply.text)["interface-information"][0]["physical-interface"]
    assert shown[0]["name"] == [{"data": "ge-0/0/0"}]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("ge-0/0/1", ["ge-0/0/1"]),
        ("ge-0/0/1*", ["ge-0/0/1", "ge-0/0/10"]),
        ("[gx]e-*", ["ge-0/0/0", "ge-0/0/1", "ge-0/0/10"]),
        ("ge-0/0/10.*", ["ge-0/0/10"]),
        ("xe-*", []),
    ],
)
def test_interfaces_are_chosen_by_name_unit_or_wildcard(session, wanted, found):
    assert names(interfaces(session, f"<interface-name>{wanted}</interface-name>")) == found


def test_a_unit_that_is_asked_for_stands_alone(session):
    reply = interfaces(session, "<terse/><interface-name>ge-0/0/0.0</interface-name>")
    (unit,) = reply.find("interface-information")
    assert (unit.tag, unit.findtext("name").strip()) == ("logical-interface", "ge-0/0/0.0")
    assert cli(session, "show interfaces ge-0/0/0.0").split("\n")[0].strip() == (
        "Logical interface ge-0/0/0.0"
    )
    assert "ge-0/0/0.0 " in cli(session, "show interfaces terse ge-0/0/0.0")
    assert len(cli(session, "show interfaces descriptions ge-0/0/0.0").split("\n")) == 1


def test_interfaces_of_a_routing_instance_are_its_own(session):
    of_red = interfaces(session, "<terse/><routing-instance>red</routing-instance>")
    assert names(of_red, "logical-interface") == ["ge-0/0/10.7"]
    unknown = interfaces(session, "<routing-instance>blue</routing-instance>")
    assert errors(unknown) == ["syntax error"]


def test_a_disabled_interface_is_down_and_so_are_its_units(session):
    reply = interfaces(session, "<terse/><interface-name>ge-0/0/1</interface-name>")
    states = [one.text.strip() for one in reply.iter("admin-status", "oper-status")]
    assert states == ["down"] * 4


def test_media_has_no_units_and_extensive_has_counters(session):
    assert not names(interfaces(session, "<media/>"), "logical-interface")
    counted = interfaces(session, "<extensive/>").find(".//traffic-statistics/input-bytes")
    assert counted.text.strip() == "0"


def test_interfaces_in_words(session):
    whole = cli(session, "show interfaces ge-0/0/0")
    assert whole.startswith("Physical interface: ge-0/0/0, Enabled, Physical link is Up")
    assert "Local: 192.0.2.1/24" in whole
    assert cli(session, "show interfaces descriptions").split()[-4:] == [
        "ge-0/0/0",
        "up",
        "up",
        "uplink",
    ]


def routes(session, inner=""):
    reply = session.rpc(f"<get-route-information>{inner}</get-route-information>")
    return {
        one.findtext("rt-destination"): one.findtext("rt-entry/protocol-name")
        for one in reply.iter("rt")
    }


def test_routes_are_those_that_lead_somewhere(session):
    assert routes(session) == {
        "0.0.0.0/0": "Static",
        "192.0.2.0/24": "Direct",
        "192.0.2.1/32": "Local",
        "203.0.113.0/24": "Static",
        "2001:db8::/64": "Direct",
        "2001:db8::1/128": "Local",
        "2001:db8:1::/48": "Static",
    }


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        ("<destination>192.0.2.77</destination>", ["192.0.2.0/24"]),
        ("<destination>198.51.100.1</destination>", ["0.0.0.0/0"]),
        ("<destination>192.0.2.0/24</destination>", ["192.0.2.0/24", "192.0.2.1/32"]),
        ("<exact/><destination>192.0.2.0/24</destination>", ["192.0.2.0/24"]),
        ("<table>inet6.0</table>", ["2001:db8::/64", "2001:db8::1/128", "2001:db8:1::/48"]),
        ("<protocol>static</protocol>", ["0.0.0.0/0", "203.0.113.0/24", "2001:db8:1::/48"]),
    ],
)
def test_routes_are_chosen_by_destination_table_and_protocol(session, inner, found):
    assert list(routes(session, inner)) == found


def test_routes_have_the_preference_of_their_protocol_and_where_they_lead(session):
    reply = session.rpc("<get-route-information><table>inet.0</table></get-route-information>")
    assert {value for rt in reply.iter("rt") for value in rt.attrib.values()} == {"brief"}
    entries = {rt.findtext("rt-destination"): rt.find("rt-entry") for rt in reply.iter("rt")}
    assert {one.findtext("active-tag") for one in entries.values()} == {"*"}
    assert {name: one.findtext("preference") for name, one in entries.items()} == {
        "0.0.0.0/0": "5",
        "192.0.2.0/24": "0",
        "192.0.2.1/32": "0",
        "203.0.113.0/24": "5",
    }
    hops = {name: one.find("nh") for name, one in entries.items()}
    assert hops.pop("203.0.113.0/24") is None
    assert {name: {e.tag: e.text for e in hop} for name, hop in hops.items()} == {
        "0.0.0.0/0": {"selected-next-hop": None, "to": "192.0.2.254", "via": "ge-0/0/0.0"},
        "192.0.2.0/24": {"selected-next-hop": None, "via": "ge-0/0/0.0"},
        "192.0.2.1/32": {"selected-next-hop": None, "nh-local-interface": "ge-0/0/0.0"},
    }


def test_a_destination_that_is_none_is_named(session):
    ask = "<get-route-information><destination>anywhere</destination></get-route-information>"
    assert session.rpc(ask).findtext(".//bad-element") == "anywhere"


def test_a_unit_that_is_disabled_leads_nowhere():
    session = Console().session()
    unit = "set interfaces ge-0/0/3 unit 0"
    session.set(f"{unit} family inet address 198.51.100.1/24")
    session.commit()
    assert "198.51.100.0/24" in routes(session)
    session.set(f"{unit} disable")
    session.commit()
    assert "198.51.100.0/24" not in routes(session)


def test_routes_in_words(session):
    lines = cli(session, "show route 203.0.113.0/24 exact").splitlines()
    assert lines[0] == "inet.0: 4 destinations, 4 routes (4 active, 0 holddown, 0 hidden)"
    assert lines[-1].strip() == "Discard"
    assert ">  to 192.0.2.254 via ge-0/0/0.0" in cli(session, "show route protocol static")


@pytest.mark.parametrize("level", ["detail", "extensive"])
def test_the_long_form_of_a_route_has_what_napalms_table_reads(session, level):
    inner = f"<{level}/><destination>0.0.0.0/0</destination><exact/>"
    reply = session.rpc(f"<get-route-information>{inner}</get-route-information>")
    (rt,) = reply.iter("rt")
    assert [one.tag for one in rt] == [
        *("rt-destination", "rt-prefix-length", "rt-entry-count", "rt-announced-count"),
        "rt-entry",
    ]
    assert [one.text for one in rt[:4]] == ["0.0.0.0", "0", "1", "1"]
    (hop,) = rt.iter("nh")
    assert [(one.tag, one.text) for one in hop] == [
        ("nh-string", "Next hop"),
        ("to", "192.0.2.254"),
        ("via", "ge-0/0/0.0"),
        ("selected-next-hop", None),
    ]
    assert rt.findtext("rt-entry/nh-type") == "Router"


def test_the_long_form_of_routes_in_words(session):
    lines = cli(session, "show route 192.0.2.0/24 detail").splitlines()
    lines = [line for line in lines if "Age: " not in line]
    assert lines[1:] == [
        "",
        "192.0.2.0/24 (1 entry, 0 announced)",
        "        *Direct Preference: 0",
        "                Next hop type: Interface",
        "                Next hop: via ge-0/0/0.0, selected",
        "                State: <Active Int>",
        "                AS path: I",
        "",
        "192.0.2.1/32 (1 entry, 0 announced)",
        "        *Local  Preference: 0",
        "                Next hop type: Local",
        "                Next hop:",
        "                Interface: ge-0/0/0.0",
        "                State: <Active NoReadvrt Int>",
        "                AS path: I",
    ]
    assert "Next hop type: Discard" in cli(session, "show route 203.0.113.0/24 exact extensive")


def test_of_several_routes_to_a_prefix_the_preferred_is_active(session):
    assert errors(session.set("set routing-options static route 192.0.2.0/24 discard")) == []
    assert errors(session.commit()) == []
    inner = "<destination>192.0.2.0/24</destination><exact/>"
    reply = session.rpc(f"<get-route-information>{inner}</get-route-information>")
    counts = [reply.findtext(f".//{kind}-count") for kind in ("destination", "total-route")]
    assert [*counts, reply.findtext(".//active-route-count")] == ["4", "5", "4"]
    (rt,) = reply.iter("rt")
    assert [
        (one.findtext("protocol-name"), one.findtext("active-tag")) for one in rt.iter("rt-entry")
    ] == [("Direct", "*"), ("Static", " ")]
    assert [one.tag for one in rt.iter("current-active")] == ["current-active"]
    lines = cli(session, "show route 192.0.2.0/24 exact").splitlines()
    assert [line[:30].split(" ", 1)[0] for line in lines[3::2]] == ["192.0.2.0/24", ""]
    assert " [Static/5] " in lines[5]
    lines = cli(session, "show route 192.0.2.0/24 exact extensive").splitlines()
    assert lines[2] == "192.0.2.0/24 (2 entries, 0 announced)"
    assert "         Static Preference: 5" in lines
    assert f"{'':16}Inactive reason: Route Preference" in lines
    table = session.rpc("<get-route-summary-information/>").find(".//route-table")
    assert [[one.text for one in protocol] for protocol in table.findall("protocols")] == [
        *(["Direct", "1", "1"], ["Local", "1", "1"]),
        ["Static", "3", "2"],
    ]


def test_the_summary_counts_the_routes_of_each_protocol(session):
    reply = session.rpc("<get-route-summary-information/>")
    table = reply.find(".//route-table")
    assert table.findtext("table-name") == "inet.0"
    counted = {
        one.findtext("protocol-name"): one.findtext("protocol-route-count")
        for one in table.iter("protocols")
    }
    assert counted == {"Direct": "1", "Local": "1", "Static": "2"}
    active = [one.findtext("active-route-count") for one in table.iter("protocols")]
    assert active == list(counted.values())


def test_zones_are_those_configured(session):
    zone = session.rpc("<get-zones-information/>").find(".//zones-security")
    assert zone.findtext("zones-security-zonename") == "trust"
    assert zone.findtext("zones-security-send-reset") == "On"
    assert zone.findtext(".//zones-security-interface-name") == "ge-0/0/0.0"
    assert "trust" in cli(session, "show security zones trust")


def test_the_routing_engine_finds_its_own_name(session):
    private = "<terse/><routing-instance>__juniper_private1__</routing-instance>"
    address = interfaces(session, private).find(".//ifa-local").text.strip()
    hosts = session.rpc("<file-show><filename>/etc/hosts.junos</filename></file-show>")
    assert hosts.findtext("file-content").split()[:2] == [address.partition("/")[0], "re0"]


@pytest.mark.parametrize("path", ["~", ".", "/var/home/netops/", "/var/tmp"])
def test_the_users_directories_are_there_and_empty(session, path):
    listing = session.rpc(f"<file-list><detail/><path>{path}</path></file-list>")
    assert listing.find(".//directory").get("name", "").startswith("/var/")
    assert listing.findtext(".//total-files") == "0"


def test_a_file_is_listed_with_its_permissions_owner_and_size(session):
    (entry,) = session.rpc("<file-list><detail/><path>/etc</path></file-list>").iter(
        "file-information"
    )
    hosts = session.rpc("<file-show><filename>/etc/hosts.junos</filename></file-show>")
    content = hosts.findtext("file-content").removeprefix("\n")
    permissions = entry.find("file-permissions")
    assert (permissions.text, list(permissions.attrib.values())) == ("644", ["-rw-r--r--"])
    said = {part.tag: part.text for part in entry}
    assert said["file-name"] == "hosts.junos"
    assert (said["file-owner"], said["file-group"]) == ("root", "wheel")
    assert said["file-size"] == str(len(content))
    (plain,) = session.rpc("<file-list><path>/etc</path></file-list>").iter("file-information")
    assert [part.tag for part in plain] == ["file-name"]


def test_what_is_no_file_is_said_to_be_none(session):
    assert "No such file" in session.rpc("<file-list><path>/x</path></file-list>").findtext(
        ".//output"
    )
    refused = session.rpc("<file-show><filename>/etc/passwd</filename></file-show>")
    assert errors(refused) == ["could not resolve file: /etc/passwd"]


def test_a_candidate_is_replaced_by_a_copy_and_by_nothing(session):
    session.set("set system domain-name example.com")
    reply = session.rpc(
        "<copy-config><target><candidate/></target><source><running/></source></copy-config>"
    )
    assert reply.find("ok") is not None
    assert session.compare() == ""
    assert (
        session.rpc("<delete-config><target><candidate/></target></delete-config>").find("ok")
        is not None
    )
    assert "-      host-name hub-1;" in session.compare()
    session.rpc("<discard-changes/>")
    assert session.compare() == ""


def test_a_candidate_that_somebody_locked_is_not_replaced(session):
    holder = Console()
    first, second = holder.session(), holder.session()
    first.rpc("<lock><target><candidate/></target></lock>")
    refused = second.rpc("<delete-config><target><candidate/></target></delete-config>")
    assert "locked" in errors(refused)[0]
    assert first.compare() == ""


def test_what_came_from_a_group_is_shown_like_all_else(session):
    session.set(
        "set groups g interfaces &lt;*&gt; unit &lt;*&gt; family inet address 192.0.2.77/24",
        "set interfaces ge-0/0/5 unit 0 family inet6",
        "set apply-groups g",
    )
    assert errors(session.commit()) == []
    asked = "<interface-name>ge-0/0/5</interface-name>"
    reply = session.rpc(f"<get-interface-information>{asked}</get-interface-information>")
    families = [e.text.strip() for e in reply.iter("address-family-name")]
    assert sorted(families) == ["inet", "inet6"]


def test_an_interface_that_is_not_there_is_named(session):
    for line in ("show interfaces ge-9/0/0", "show interfaces terse ge-0/0/0.77"):
        reply = session.rpc(f"<command>{line}</command>")
        assert errors(reply) == [f"device {line.split()[-1]} not found"]


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("sh ver", "show version"),
        ("show interface ter", "show interfaces terse"),
        ("show rou sum", "show route summary"),
        (
            "show conf system | disp se | mat host",
            "show configuration system | display set | match host",
        ),
        ("show int terse | cou", "show interfaces terse | count"),
        ("show conf system | d s | m host", "show conf system | display set | match host"),
    ],
)
def test_words_may_be_cut_short_while_they_mean_one_thing(session, short, whole):
    shown = [session.rpc(f'<command format="text">{line}</command>') for line in (short, whole)]
    assert not errors(shown[1])
    first, second = ("".join(one.itertext()) for one in shown)
    assert first == second


@pytest.mark.parametrize(
    "line",
    ["s version", "show s", "show conf | dis", "show conf | c", "show ve x", "show in te br"],
)
def test_words_that_could_mean_several_things_are_refused(session, line):
    assert errors(session.rpc(f"<command>{line}</command>")) == ["syntax error"]
