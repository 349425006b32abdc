# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever words and layout a list comes in: what is read of it is right, or said to be unclear."""

from __future__ import annotations

import string
from xml.sax.saxutils import escape

from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import GroupVpnError
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import read_reply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.text import read_text
from hypothesis import assume, example, given
from hypothesis import strategies as st

# Words that the reader knows, and words that it does not.
GATEWAY = ("group-vpn-member-gateway", "gateway-name", "gvpn-member-name", "peer-device", "gw")
ADDRESS = ("group-vpn-member-address", "memberIp", "peer-address", "ipv4", "group-vpn-locator")
UPDATE = ("group-vpn-member-last-update", "last-update-time", "when")
GROUP = ("group-vpn-group-name", "group", "gvpn-group-name", "scope", "name")
COUNT = ("group-vpn-member-count", "total-members", "number", None)
WRAP = ("group-vpn-member", "member", "entry", None)
WRAP_GROUP = ("group-vpn-registered-members", "group", "item", None)
TOUCHING = ["Member Gateway", "Member IP"]
TIME = "Thu Nov 19 2026 16:31:09"

names = st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=32).map(
    lambda text: " ".join(text.split()) or "x"
)
addresses = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))
members = st.lists(st.tuples(names, addresses), max_size=4)
fleets = st.dictionaries(
    st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=32).filter(
        lambda name: name.strip("-")
    ),
    members,
    min_size=1,
    max_size=3,
)


def agree(reading, fleet):
    """Nothing unclear means everything read."""
    if reading.unclear:
        return
    read = {g.name: [(m.get("gateway"), m["address"]) for m in g.members] for g in reading.groups}
    assert read == fleet


def element(name, text):
    return f"<{name}>{text}</{name}>" if name else text


@given(
    fleets,
    *(
        st.sampled_from(words)
        for words in (GATEWAY, ADDRESS, UPDATE, GROUP, COUNT, WRAP, WRAP_GROUP)
    ),
    st.permutations(["gateway", "address", "update"]),
    st.sets(st.sampled_from(["gateway", "address", "update"]), max_size=2),
    st.booleans(),
)
def test_xml_is_read_right_or_called_unclear(
    fleet, gateway, address, update, group, count, wrap, wrap_group, order, left_out, counted_last
):
    document = ""
    for number, (name, listed) in enumerate(fleet.items()):
        rows = ""
        for position, (member, at) in enumerate(listed):
            cells = {
                "gateway": element(gateway, escape(member)),
                "address": element(address, at),
                "update": element(update, TIME),
            }
            # Values that the last member of the last group does not have.
            lost = left_out if (number, position) == (len(fleet) - 1, len(listed) - 1) else ()
            rows += element(wrap, "".join(cells[field] for field in order if field not in lost))
        head = element(group, escape(name))
        told = element(count, str(len(listed))) if count else ""
        inner = f"{head}{rows}{told}" if counted_last else f"{head}{told}{rows}"
        document += element(wrap_group, inner)
    try:
        reading = read_reply([f"<list>{document}</list>".encode()])
    except GroupVpnError:
        return
    expected = {
        name: [
            (None, at) if "gateway" in left_out and (name, n) == last(fleet) else (member, at)
            for n, (member, at) in enumerate(listed)
        ]
        for name, listed in fleet.items()
    }
    if reading.unclear == [] and "address" in left_out and list(fleet.values())[-1]:
        raise AssertionError("a member without an address went unnoticed")
    agree(reading, expected)


def last(fleet):
    name = list(fleet)[-1]
    return name, len(fleet[name]) - 1


@given(
    fleets,
    st.permutations(["Member Gateway", "Member IP", "Last Update", "Vsys"]),
    st.lists(st.integers(8, 34), min_size=4, max_size=4),
    st.sampled_from(
        [TIME, "2026-01-02 10:00:00 UTC", "2026-01-02T10:00:00Z", "never", "yesterday"]
    ),
    st.sampled_from(["Group: {}, Group Id: {}", "Group : {},  Group ID : {}", "{} ({})"]),
    st.sampled_from(["Total number of registered members: {}", "Members: {}", "", "{} members"]),
    st.sampled_from(["overflow", "wrap", "touch"]),
    st.booleans(),
)
@example(
    {"0": [("0" * 13, "100.0.0.0")]},
    ["Member Gateway", "Member IP", "Last Update", "Vsys"],
    [8, 8, 8, 8],
    TIME,
    "Group: {}, Group Id: {}",
    "",
    "touch",
    True,
)
def test_a_table_is_read_right_or_called_unclear(
    fleet, order, widths, time, head, count, long_names, with_header
):
    lines = []
    for number, (name, listed) in enumerate(fleet.items(), 1):
        lines.append(head.format(name, number))
        lines.append(count.format(len(listed)))
        if with_header:
            lines.append("".join(f"{label:<{w}} " for label, w in zip(order, widths, strict=True)))
        for member, address in listed:
            cells = {
                "Member Gateway": member,
                "Member IP": address,
                "Last Update": time,
                "Vsys": "root",
            }
            line = ""
            for place, (label, width) in enumerate(zip(order, widths, strict=True)):
                cell = cells[label]
                if len(cell) <= width:
                    line += f"{cell:<{width}} "
                elif long_names == "wrap":
                    lines.append(line + cell)
                    line = " " * (len(line) + width + 1)
                else:
                    # What else a device might run together, nobody could part.
                    parted = long_names == "overflow" or order[place : place + 2] != TOUCHING
                    line += cell + " " * parted
            lines.append(line)
    try:
        reading = read_text("\n".join(lines))
    except GroupVpnError:
        return
    agree(reading, fleet)


HEX = "0123456789abcdefABCDEF"
hexish = st.text(HEX + " -x", min_size=8, max_size=32).map(
    lambda text: " ".join(text.split()) or "x"
)


@given(
    st.lists(st.tuples(hexish, st.ip_addresses(v=6).map(str)), min_size=1, max_size=3),
    st.integers(8, 16),
    st.integers(0, 3),
    st.booleans(),
)
def test_names_that_look_like_addresses_and_touch_them_are_read_right_or_called_unclear(
    listed, width, indent, with_time
):
    # A blank where its column ends, or behind that, parts a name from what follows.
    assume(not any(" " in name[width - 1 :] for name, _at in listed))
    head = f"{'':{indent}}{'Gateway':<{width}}Member IP" + "   Last Update" * with_time
    lines = ["Group: G1, Group Id: 1", head]
    lines += [f"{'':{indent}}{name:<{width}}{at}" + f"   {TIME}" * with_time for name, at in listed]
    try:
        reading = read_text("\n".join(lines))
    except GroupVpnError:
        return
    agree(reading, {"G1": listed})


@given(st.text(max_size=300))
def test_any_text_is_read_or_called_unclear_without_a_crash(text):
    try:
        reading = read_text(text)
    except GroupVpnError:
        return
    if text.strip(" \t\r\n\f\v-=") and not reading.groups:
        assert reading.unclear or not any(character.isalnum() for character in text)


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused_without_a_crash(octets):
    try:
        read_reply([b"<r>", octets, b"</r>"])
    except GroupVpnError:
        return
