# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading the CLI's list: columns by their header, names as they come, nothing unclaimed."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import DeviceError
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.text import read_text

HEAD = "Group: G-1, Group Id: 1\n"
COLUMNS = "Member Gateway       Member IP        Last Update               Vsys\n"
TIME = "Thu Nov 19 2026 16:31:09"


def rows(text):
    """(gateway, address, last update) of the only group, all of whose text must be understood."""
    reading = read_text(text)
    assert reading.unclear == []
    (group,) = reading.groups
    return [(m.get("gateway"), m["address"], m.get("last_update")) for m in group.members]


def doubts(text):
    return read_text(text).unclear


def test_a_brief_list_is_read():
    text = f"""
{HEAD}Total number of registered members: 2
{COLUMNS}GM-1                 192.0.2.1        Thu Nov 19 2026 16:31:09  root
GM-3                 2001:db8::3      Thu Nov 19 2026 16:29:47  root
"""
    assert rows(text) == [
        ("GM-1", "192.0.2.1", TIME),
        ("GM-3", "2001:db8::3", TIME.replace("31:09", "29:47")),
    ]


def test_a_detailed_list_is_read():
    text = f"""{HEAD}Total number of registered members: 2
Member gateway: GM-1, Member IP: 192.0.2.1, Vsys: root
Last Update: {TIME}
Stats:
    Pull Succeeded                 : 2
    Push Sent                      : 5
Member gateway: GM-3, Member IP: 192.0.2.3, Vsys: root
Last Update: {TIME}
Stats:
    Pull Succeeded                 : 1
"""
    (group,) = read_text(text).groups
    assert doubts(text) == []
    assert [m["pull_succeeded"] for m in group.members] == [2, 1]
    assert group.members[0] == {
        "gateway": "GM-1",
        "address": "192.0.2.1",
        "vsys": "root",
        "last_update": TIME,
        "pull_succeeded": 2,
        "push_sent": 5,
    }


@pytest.mark.parametrize(
    "head",
    [
        "Group : G-1, Group ID: 1\n",
        "Group Name: G-1   Group ID : 1\n",
        "group: G-1\nGroup Id: 1\n",
        f"netops@hub-1> show security group-vpn server registered-members\n\n{HEAD}",
    ],
)
def test_a_groups_heading_may_be_spelled_otherwise(head):
    (group,) = read_text(f"{head}{COLUMNS}GM-1  192.0.2.1  {TIME}  root\n").groups
    assert (group.name, group.id, len(group.members)) == ("G-1", 1, 1)


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-02 10:00:00 UTC",
        "2026-01-02T10:00:00Z",
        "Nov 19 16:31:09 CET",
        f"{TIME} UTC (00:02:03 ago)",
    ],
)
@pytest.mark.parametrize("name", ["GM-1", "Site number 1", "peer 192.0.2.9", "1"])
@pytest.mark.parametrize("vsys", ["root", ""])
def test_names_with_blanks_and_other_times_are_read(name, time, vsys):
    text = f"{HEAD}{COLUMNS}{name:<20} {'192.0.2.1':<16} {time:<25} {vsys}\n"
    assert rows(text) == [(name, "192.0.2.1", time)]


def test_the_header_says_the_order_of_the_columns():
    text = (
        f"{HEAD}Vsys  Last Update               Member IP        Member Gateway\n"
        f"root  {TIME}  192.0.2.1        Site number 1\n"
        f"root  {TIME}  192.0.2.2        GM-2\n"
    )
    assert rows(text) == [("Site number 1", "192.0.2.1", TIME), ("GM-2", "192.0.2.2", TIME)]


LONG = "a-gateway-with-a-32-octet-name-1"


def test_a_name_wrapped_onto_a_line_of_its_own_belongs_to_the_row_below():
    below = f"                     192.0.2.1        {TIME}  root\n"
    text = f"{HEAD}{COLUMNS}{LONG}\n{below}GM-2 192.0.2.2 {TIME} root\n"
    assert rows(text) == [(LONG, "192.0.2.1", TIME), ("GM-2", "192.0.2.2", TIME)]


@pytest.mark.parametrize("width", [20, 32])
def test_a_name_that_touches_the_address_is_parted_from_it(width):
    columns = f"{'Member Gateway':<{width}}{'Member IP':<17}{'Last Update':<26}Vsys\n"
    row = f"{LONG:<{width}}{'192.0.2.1':<17}{TIME:<26}root\n"
    assert rows(HEAD + columns + row) == [(LONG, "192.0.2.1", TIME)]


def test_where_name_and_address_could_be_parted_in_two_ways_nothing_is_guessed():
    columns = f"{'Member Gateway':<20}{'Member IP':<17}{'Last Update':<26}Vsys\n"
    row = f"{LONG}10.0.0.1  {TIME:<26}root\n"
    assert doubts(HEAD + columns + row)


@pytest.mark.parametrize(
    "line",
    [
        "Status: degraded",
        "GM-2                 not known        Thu Nov 19 2026 16:31:09  root",
        "---(more)---",
        "2 members are not shown",
        "a-name-alone-that-wraps",
        "Member gateway: GM-2, Port: 848, Member IP: 192.0.2.2, Vsys: root",
        "Push Sent : many",
        "x" * 5000,
    ],
)
def test_a_line_that_no_form_claims_is_said(line):
    assert doubts(f"{HEAD}{COLUMNS}GM-1                 192.0.2.1        {TIME}  root\n{line}\n")


def test_an_unknown_column_is_said():
    columns = COLUMNS.replace("Vsys", "Vsys  Health")
    assert doubts(f"{HEAD}{columns}GM-1                 192.0.2.1        {TIME}  root  good\n")


def test_rows_without_a_header_are_not_guessed():
    assert doubts(f"{HEAD}GM-1                 192.0.2.1        {TIME}  root\n")


def test_the_devices_own_count_is_compared():
    text = f"{HEAD}Total number of registered members: 4\n{COLUMNS}GM-1  192.0.2.1  {TIME}  root\n"
    assert doubts(text) == ["group G-1: members by the device's count: 4, read: 1"]


def test_nodes_of_a_cluster_are_kept_apart():
    first = f"node0:\n{'-' * 60}\n{HEAD}{COLUMNS}GM-1 192.0.2.1 {TIME} root\n\n"
    text = f"{first}node1:\n{'-' * 60}\n{HEAD}Total number of registered members: 0\n"
    reading = read_text(text)
    assert [(g.node, len(g.members)) for g in reading.groups] == [("node0", 1), ("node1", 0)]
    assert reading.unclear == []


def test_an_error_is_the_devices():
    with pytest.raises(DeviceError, match="the group-vpn subsystem is not running"):
        read_text("error: the group-vpn subsystem is not running")


@pytest.mark.parametrize(
    "row",
    [
        # "gm-12" and ab1:2::3, or "gm-12 ab" and 1:2::3
        "gm-12 ab1:2::3",
        "gm-123ab1:2::3",
        "gm-1234562001:db8::3",
        "gm-123456192.0.2.1",
    ],
)
@pytest.mark.parametrize("indent", ["", "  "])
def test_a_name_that_touches_its_address_in_more_than_one_way_is_not_understood(row, indent):
    assert doubts(f"{HEAD}{indent}Gateway IP\n{indent}{row}\n") == [repr(row)]


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_name_that_touches_its_address_in_one_way_is_read(indent):
    text = f"{HEAD}{indent}Gateway IP\n{indent}site-onex::5\n{indent}site-two 192.0.2.1\n"
    assert [row[:2] for row in rows(text)] == [("site-onex", "::5"), ("site-two", "192.0.2.1")]


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ("GM-1 192.0.2.1 Thu Nov 19 2026 16:31:09 root", ("GM-1", "192.0.2.1", TIME)),
        ("GM-1 192.0.2.1 Thu Nov 19 2026 16:31:09", ("GM-1", "192.0.2.1", TIME)),
        ("GM-1 2001:db8::1 never root", ("GM-1", "2001:db8::1", "never")),
        ("site one 192.0.2.1 - root", ("site one", "192.0.2.1", "-")),
        ("GM-1 192.0.2.300 never root", None),
        ("GM-1 somewhere never root", None),
        ("GM-1 192.0.2.1 yesterday root", None),
        ("GM-1 192.0.2.1 never root or so", None),
        ("192.0.2.1 never root", None),
    ],
)
def test_rows_that_do_not_keep_to_their_columns_are_read_by_what_cells_look_like(row, read):
    text = f"{HEAD}{COLUMNS}{row}\n"
    if read is None:
        assert doubts(text) == [repr(row)]
    else:
        assert rows(text) == [read]


@pytest.mark.parametrize("odd", ["\x1b[7m{}", "{}\x07", "\u200b{}", "GM\x001{}"])
def test_a_line_with_what_no_name_has_is_not_understood(odd):
    line = odd.format(f"GM-1 192.0.2.1 {TIME} root")
    assert doubts(f"{HEAD}{COLUMNS}{line}\n") == [repr(line)]
