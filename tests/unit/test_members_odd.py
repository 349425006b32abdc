# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Odd lists of registered members: read as a whole, or said not to be; nobody is lost."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.groupvpn.junos.plugins.filter.members import members
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    GroupVpnError,
    MalformedReply,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.reply import read_reply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.text import read_text

T = "2026-01-02 10:00:00 UTC"
HEAD = "Group: G1, Group Id: 1\nTotal number of registered members: {}\n"
GROUP = "Group: G1, Group Id: 1\n"
COLUMNS = "Member Gateway       Member IP        Last Update               Vsys\n"
ROOT = "security-group-vpn-server-registered-members"


def two(first="gm-1", second="gm-2", time=T, address="192.0.2.1"):
    """Two rows as a device prints them."""
    return f"{first:<21}{address:<17}{time:<26}root\n{second:<21}{'192.0.2.2':<17}{time:<26}root\n"


BOTH = ["192.0.2.1", "192.0.2.2"]
TEXTS = {
    "columns in another order": (
        HEAD.format(1)
        + "Member IP        Vsys   Last Update               Member Gateway\n"
        + f"192.0.2.1        root   {T}   gm-1\n",
        ["192.0.2.1"],
    ),
    "a name that is wrapped": (
        HEAD.format(1)
        + COLUMNS
        + f"a-gateway-of-32-octets-in-length\n{'':21}192.0.2.1        {T}   root\n",
        ["192.0.2.1"],
    ),
    "an address that is wrapped": (
        HEAD.format(1)
        + COLUMNS
        + f"gm-1\n{'':21}2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\n{'':38}{T}   root\n",
        None,
    ),
    "an IPv6 address": (
        HEAD.format(2) + COLUMNS + two(address="2001:db8::1"),
        ["2001:db8::1", "192.0.2.2"],
    ),
    "an IPv6 address wider than its column": (
        HEAD.format(1) + COLUMNS + f"{'gm-1':<21}2001:db8:1:2:3:4:5:6 {T}   root\n",
        ["2001:db8:1:2:3:4:5:6"],
    ),
    "an IPv6 address with a zone": (
        HEAD.format(1) + COLUMNS + f"{'gm-1':<21}fe80::1%ge-0/0/0 {T}   root\n",
        None,
    ),
    "an address with a port": (
        HEAD.format(1) + COLUMNS + f"{'gm-1':<21}192.0.2.1:848    {T}   root\n",
        None,
    ),
    "a German date": (HEAD.format(2) + COLUMNS + two(time="Do 19. Nov 16:31:09 2026"), None),
    "a French month": (HEAD.format(2) + COLUMNS + two(time="jeu. 19 févr. 16:31:09"), None),
    "a date in another notation": (HEAD.format(2) + COLUMNS + two(time="19.11.2026 16:31"), None),
    "a zone with a sign": (HEAD.format(2) + COLUMNS + two(time="2026-01-02 10:00:00 +0100"), BOTH),
    "count 0 with rows": (HEAD.format(0) + COLUMNS + two(), None),
    "a count without rows": (HEAD.format(2) + COLUMNS, None),
    "a count that is not a number": (HEAD.format("many") + COLUMNS + two(), None),
    "a number with a separator": (HEAD.format("1,002") + COLUMNS + two(), None),
    "a negative count": (HEAD.format(-1) + COLUMNS, None),
    "no count": ("Group: G1, Group Id: 1\n" + COLUMNS + two(), BOTH),
    "a name in Unicode": (HEAD.format(2) + COLUMNS + two(first="Zürich-Süd"), BOTH),
    "a name in wide letters": (HEAD.format(2) + COLUMNS + two(first="東京-1"), BOTH),
    "a name that is an address": (HEAD.format(2) + COLUMNS + two(first="198.51.100.7"), BOTH),
    "a name with blanks": (HEAD.format(2) + COLUMNS + two(first="Site number 1"), BOTH),
    "a name with two blanks": (HEAD.format(2) + COLUMNS + two(first="Site  1"), None),
    "a name like a heading": (HEAD.format(2) + COLUMNS + two(first="Group: G2"), None),
    "a name like a time": (HEAD.format(2) + COLUMNS + two(first="10:00:00"), BOTH),
    "tabs": (HEAD.format(2) + COLUMNS + two().replace("     ", "\t"), BOTH),
    "no gateway": (HEAD.format(2) + COLUMNS + two(first=""), BOTH),
    "German columns": (HEAD.format(2) + COLUMNS.replace("Member IP", "IP-Adresse") + two(), None),
    "no header": (HEAD.format(2) + two(), None),
    "two groups, one count": (
        HEAD.format(2) + COLUMNS + two() + "Group: G2, Group Id: 2\n" + COLUMNS + two(),
        BOTH + BOTH,
    ),
    "a list that is cut off": (HEAD.format(2) + COLUMNS + two()[:95], None),
    "half an address at its end": (HEAD.format(2) + COLUMNS + two()[:-39], None),
    "half an address at the end of labels": (
        HEAD.format(2)
        + "Member gateway: gm-1, Member IP: 192.0.2.1\n"
        + f"Last Update: {T}\nMember gateway: gm-2, Member IP: 192.0.2.2",
        None,
    ),
    "a total above all groups, and fewer rows": (
        "Total number of registered members: 3\n" + GROUP + COLUMNS + two(),
        None,
    ),
    "a total above all groups": (
        "Total number of registered members: 2\n" + GROUP + COLUMNS + two(),
        BOTH,
    ),
    "a zone that touches the next cell": (
        HEAD.format(1)
        + "Last Update             Member Gateway    Member IP\n"
        + f"{T}gm-1  192.0.2.1\n",
        None,
    ),
    "how long ago it was, touching the next cell": (
        HEAD.format(1) + COLUMNS + f"{'gm-1':<21}192.0.2.1        {T} (3w2d ago)root\n",
        None,
    ),
    "a label that is wrapped": (
        HEAD.format(1)
        + f"Last update: {T}, IKE Gateway: gm-1, Member IP\n"
        + "Address: 192.0.2.1\n",
        None,
    ),
    "a label of the last member that is cut off": (
        HEAD.format(1) + f"Gateway: gm-1, IP: 192.0.2.1, Last update: {T}, Virt",
        None,
    ),
    "the last member without what others have": (
        GROUP
        + f"Gateway: gm-1, IP: 192.0.2.1\nLast update: {T}\nVsys: root\n"
        + f"Gateway: gm-2, IP: 192.0.2.2\nLast update: {T}",
        None,
    ),
    "addresses and nothing behind them": (
        HEAD.format(1) + "Member Gateway       Member IP\n" + f"{'':21}192.0.2.1\n",
        ["192.0.2.1"],
    ),
    "half a group's name at its end": ("Group: GRP-00", None),
    "a heading, columns and nothing else": (GROUP + COLUMNS, None),
    "a heading, and columns that are cut off": (GROUP + COLUMNS[:30], None),
    "a heading, a count of none and columns": (HEAD.format(0) + COLUMNS, []),
    "a heading without its name": ("Group:", None),
    "a heading without name and number": ("Group: , Group Id: ", None),
    "a heading without its number, and a count of none": (
        "Group: G1, Group Id:\nTotal members: 0\n",
        [],
    ),
    "a heading without its name behind a whole group": (
        HEAD.format(2) + COLUMNS + two() + "Group:",
        None,
    ),
    "a heading without its name behind a group that is not counted": (
        GROUP + COLUMNS + two() + "Group:",
        None,
    ),
    "columns alone": (COLUMNS, None),
    "columns twice": (COLUMNS + COLUMNS, None),
    "columns below a node": ("node0:\n" + "-" * 60 + "\n" + COLUMNS, None),
    "a count of none alone": ("Total number of registered members: 0\n", []),
    "a count of none behind a prompt": (
        "a@b> show security group-vpn server registered-members\n"
        "Total number of registered members: 0\n",
        [],
    ),
    "an empty group between two": (
        GROUP + COLUMNS + "Group: G2, Group Id: 2\n" + COLUMNS + two(),
        BOTH,
    ),
    "an empty group below columns for all": (
        COLUMNS + GROUP + "Group: G2, Group Id: 2\n" + two(),
        BOTH,
    ),
    "an empty group at the end, columns and all": (
        GROUP + COLUMNS + two() + "Group: G2, Group Id: 2\n" + COLUMNS,
        None,
    ),
    "an empty group without columns between two": (
        GROUP + "Group: G2, Group Id: 2\n" + COLUMNS + two(),
        None,
    ),
    "a first node that ends behind a heading": (
        f"node0:\n{GROUP}{COLUMNS}node1:\n{GROUP}{COLUMNS}{two()}",
        None,
    ),
    "a label of a member without anything": (HEAD.format(0) + "Member gateway:", None),
    "a label of an address without one": (HEAD.format(0) + "Member IP:", None),
    "a member's labels without a gateway": (
        HEAD.format(1) + "Member gateway:\nMember IP: 192.0.2.1\nLast Update:\nVsys:\n",
        ["192.0.2.1"],
    ),
    "a ruled line alone": ("-" * 60, None),
    "a cluster's prompt alone": ("{primary:node0}\n", None),
    "a known label that tells nothing": ("Member threshold: 0\n", None),
    "a pager in it": (
        HEAD.format(2) + COLUMNS + two().replace("\ngm-2", "\n---(more)---\ngm-2"),
        None,
    ),
    "a banner in it": (
        HEAD.format(2) + COLUMNS + two() + "*** System going down at 10:00 ***\n",
        None,
    ),
    "no group around": (COLUMNS + two(), None),
    "a group behind others that is cut off": (
        HEAD.format(2) + COLUMNS + two() + "Group: G2, Group Id: 2\n",
        None,
    ),
    "a second node without a word": (f"node0:\n{HEAD.format(2)}{COLUMNS}{two()}node1:\n", None),
    "a first node without a word": (f"node0:\nnode1:\n{HEAD.format(2)}{COLUMNS}{two()}", None),
    "a count without a number": (
        "Group: G1, Group Id: 1\nTotal members:\n" + COLUMNS + two(),
        None,
    ),
    "a byte order mark": ("\ufeff" + HEAD.format(2) + COLUMNS + two(), BOTH),
    "a prompt behind it": (HEAD.format(2) + COLUMNS + two() + "\n{primary:node0}\na@b> \n", BOTH),
    "a prompt alone": ("a@b> \n", None),
    "a heading alone": ("STATS:", None),
    "nothing at all": ("", []),
}


def read(reader, source):
    """Addresses; None when the list is said not to be understood."""
    try:
        reading = reader(source)
    except GroupVpnError:
        return None
    if reading.unclear:
        return None
    return [member["address"] for group in reading.groups for member in group.members]


@pytest.mark.parametrize("odd", TEXTS)
def test_a_text_is_read_as_a_whole_or_not_understood(odd):
    text, wanted = TEXTS[odd]
    found = read(read_text, text)
    assert found == wanted


def item(node, inside):
    return (
        f"<multi-routing-engine-item><re-name>{node}</re-name>{inside}</multi-routing-engine-item>"
    )


def listing(count, *members, group="G1"):
    rows = "".join(
        f"<member><member-gateway>{name}</member-gateway><member-ip>{address}</member-ip></member>"
        for name, address in members
    )
    return (
        f"<{ROOT}><group><group-name>{group}</group-name><group-id>1</group-id>"
        f"<total-number-of-registered-members>{count}</total-number-of-registered-members>{rows}"
        f"</group></{ROOT}>"
    )


def flat(*members):
    """A list in which no element holds a member."""
    return f"<{ROOT}><group-name>G1</group-name>{''.join(members)}</{ROOT}>"


M1, M2 = ("gm-1", "192.0.2.1"), ("gm-2", "192.0.2.2")
XMLS = {
    "two members": (listing(2, M1, M2), BOTH),
    "count 0 with rows": (listing(0, M1), None),
    "a count with fewer rows": (listing(3, M1, M2), None),
    "the same member twice, counted once": (listing(1, M1, M1), None),
    "a member without an address": (listing(1, ("gm-1", "")), None),
    "a member without a gateway's name": (listing(1, ("", "192.0.2.1")), ["192.0.2.1"]),
    "a word that is not an address": (listing(1, ("gm-1", "unknown")), None),
    "an address with a port": (listing(1, ("gm-1", "192.0.2.1:848")), None),
    "an address with an octet too large": (listing(1, ("gm-1", "192.0.2.256")), None),
    "an IPv6 address": (listing(1, ("gm-1", "2001:DB8::1")), ["2001:DB8::1"]),
    "a first member without the gateway that others begin with": (
        flat("<ip>192.0.2.1</ip><vsys>root</vsys>", "<gateway>gm-2</gateway><ip>192.0.2.2</ip>"),
        None,
    ),
    "a gateway behind each address": (
        flat("<ip>192.0.2.1</ip><gateway>gm-1</gateway>", "<ip>192.0.2.2</ip><gateway>b</gateway>"),
        BOTH,
    ),
    "addresses without gateways": (flat("<ip>192.0.2.1</ip>", "<ip>192.0.2.2</ip>"), BOTH),
    "two groups with the same member": (
        listing(1, M1) + listing(1, M1, group="G2"),
        ["192.0.2.1", "192.0.2.1"],
    ),
    "Unicode": (listing(1, ("東京", "192.0.2.1")), ["192.0.2.1"]),
    "blanks around": (listing(" 1 ", ("\n gm-1 \n", " 192.0.2.1 ")), ["192.0.2.1"]),
    "an entry in CDATA": (listing(1, ("<![CDATA[a<b]]>", "192.0.2.1")), ["192.0.2.1"]),
    "twenty thousand members": (
        listing(
            20_000, *((f"gm-{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(20_000))
        ),
        [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(20_000)],
    ),
    "both nodes": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', listing(0))}</multi-routing-engine-results>",
        ["192.0.2.1"],
    ),
    "a node that cannot be reached": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', '<output>error: could not reach node1</output>')}"
        "</multi-routing-engine-results>",
        None,
    ),
    "a node that says nothing": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', '')}</multi-routing-engine-results>",
        None,
    ),
    "a node with an error": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', '<error><message>connection timed out</message></error>')}"
        "</multi-routing-engine-results>",
        None,
    ),
    "a node with words of its own": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', '<status>unreachable</status>')}</multi-routing-engine-results>",
        None,
    ),
    "a node without its name": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        "<multi-routing-engine-item/></multi-routing-engine-results>",
        None,
    ),
    "a member of which all is empty": (
        listing("", ("", "")),
        None,
    ),
    "a warning in capitals": (
        listing(1, M1)
        + "<rpc-error><error-severity>WARNING</error-severity>"
        + "<error-message>statistics are old</error-message></rpc-error>",
        ["192.0.2.1"],
    ),
    "text beside elements": (listing(1, M1).replace("<group>", "<group>and gm-2"), None),
    "a member in an attribute": (
        listing(1).replace("</group>", '<member member-ip="192.0.2.1"/></group>'),
        None,
    ),
    "a count that is empty": (listing("", M1), None),
    "members that are empty, in words that nobody knows": (
        f"<{ROOT}><group><group-name>G1</group-name><gm/><gm/></group></{ROOT}>",
        None,
    ),
    "the answer to something else": (
        "<security-group-vpn-server-stats><group-vpn-group-name>G1</group-vpn-group-name>"
        "<group-vpn-group-id>1</group-vpn-group-id></security-group-vpn-server-stats>",
        None,
    ),
    "a group without members, not counted": (
        f"<{ROOT}><group><group-name>G1</group-name></group></{ROOT}>",
        [],
    ),
    "a banner behind it": (
        listing(1, M1) + "<cli><banner>{primary:node0}</banner></cli>",
        ["192.0.2.1"],
    ),
    "an empty banner behind it": (listing(1, M1) + "<cli><banner/></cli>", ["192.0.2.1"]),
    "nothing": ("", None),
    "a list of nothing": (f"<{ROOT}/>", []),
    "a list of a blank": (f"<{ROOT}>\n</{ROOT}>", []),
    "a list of an empty text": (f"<{ROOT}><output/></{ROOT}>", None),
    "a list of a count of none": (f"<{ROOT}><total>0</total></{ROOT}>", []),
    "a list of an empty group": (f"<{ROOT}><group/></{ROOT}>", None),
    "a list of an empty group's name": (f"<{ROOT}><group-name/></{ROOT}>", None),
    "a list of a heading": (f"<{ROOT}><statistics>Stats:</statistics></{ROOT}>", None),
    "a list of a node's name": (f"<{ROOT}><re-name>node0</re-name></{ROOT}>", None),
    "a list of columns": (f"<{ROOT}><output>{COLUMNS}</output></{ROOT}>", None),
    "a text of columns": (f"<output>{COLUMNS}</output>", None),
    "a text of a heading without its name": ("<output>Group:</output>", None),
    "a banner alone": ("<cli><banner>{primary:node0}</banner></cli>", None),
    "a banner behind a list of nothing": (f"<{ROOT}/><cli><banner>a</banner></cli>", []),
    "a list of nothing that has a warning": (
        f"<{ROOT}><warning><message>statistics are old</message></warning></{ROOT}>",
        [],
    ),
    "one node with a heading": (
        f"<multi-routing-engine-results>{item('node0', listing(1, M1))}"
        f"{item('node1', f'<{ROOT}><statistics/></{ROOT}>')}</multi-routing-engine-results>",
        None,
    ),
    "a member of which only words without a value are known": (
        listing(0).replace("</group>", "<m><member-gateway/><last-update/></m></group>"),
        None,
    ),
    "an ok": ("<ok/>", None),
}


@pytest.mark.parametrize("odd", XMLS)
def test_a_reply_is_read_as_a_whole_or_not_understood(odd):
    inside, wanted = XMLS[odd]
    assert (
        read(lambda source: read_reply([source.encode()]), f"<rpc-reply>{inside}</rpc-reply>")
        == wanted
    )


def test_an_error_of_one_node_is_the_devices_own_words():
    reply, _ = XMLS["a node that cannot be reached"]
    with pytest.raises(DeviceError, match="node1: error: could not reach node1"):
        read_reply([f"<rpc-reply>{reply}</rpc-reply>".encode()])


def test_an_error_that_every_node_gives_is_told_once():
    error = "<error><message>subsystem is not running</message></error>"
    with pytest.raises(DeviceError) as refused:
        read_reply([f"<rpc-reply>{error * 3}</rpc-reply>".encode()])
    assert str(refused.value).count("not running") == 1


def test_what_stands_behind_a_clusters_nodes_is_not_said_to_be_of_the_last_one():
    reply = f"<rpc-reply>{item('node0', listing(1, M1))}odd</rpc-reply>"
    (doubt,) = read_reply([reply.encode()]).unclear
    assert doubt.startswith("'odd'")


@pytest.mark.parametrize("declared", ["<!DOCTYPE rpc-reply>", '<!DOCTYPE a [<!ENTITY b "c">]>'])
def test_a_document_type_is_refused_wherever_the_reply_is_cut(declared):
    octets = f"{declared}<rpc-reply>{listing(1, M1)}</rpc-reply>".encode()
    for at in range(1, len(declared)):
        with pytest.raises(MalformedReply, match="document type"):
            read_reply([octets[:at], octets[at:]])
    for size in range(1, len(declared)):
        with pytest.raises(MalformedReply, match="document type"):
            read_reply(octets[at : at + size] for at in range(0, len(octets), size))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"])
def test_no_encoding_hides_a_document_type(encoding):
    entity = '<!DOCTYPE rpc-reply [<!ENTITY a "192.0.2.1">]>'
    for head in ("", f'<?xml version="1.0" encoding="{encoding}"?>'):
        text = f"{head}{entity}<rpc-reply>{listing(1, M1)}</rpc-reply>"
        with pytest.raises(MalformedReply):
            read_reply([text.encode(encoding)])


@pytest.mark.parametrize(
    "reply", ["", " \n", "\ufeff", "Group:", COLUMNS, f"<{ROOT}><group/></{ROOT}>"]
)
def test_the_filter_makes_no_empty_list_of_what_says_nothing(reply):
    with pytest.raises(AnsibleFilterError, match=r"is empty|is expected: "):
        members(reply)


def test_the_filter_reads_an_empty_list():
    assert [group["members"] for group in members(HEAD.format(0))] == [[]]
    assert members(f"<{ROOT}/>") == []


@pytest.mark.parametrize("given", [["unicast"], "unicast", {"G1": "broadcast"}])
def test_the_filter_says_what_it_takes_for_the_meaning_of_lists(given):
    with pytest.raises(AnsibleFilterError, match=r"communication.* none, unicast, multicast"):
        members(HEAD.format(0), given)
