# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a filter names costs what it selects: a reading of little is not handed to the worker."""

from __future__ import annotations

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.edit import Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_set import read_set
from keyserver.netconf.framing import END_OF_MESSAGE
from keyserver.netconf.subtree import select
from keyserver.netconf.work import Work
from tests.keyserver.console import Console
from tests.keyserver.steps import Steps

GATEWAYS = 1000
IKE = "security group-vpn server ike"


@pytest.fixture(scope="module")
def large():
    """A device with many gateways, and a session on it."""
    console = Console()
    database, session = console.device.database, console.session()
    lines = "".join(f"set {IKE} gateway g-{n} ike-policy pol\n" for n in range(GATEWAYS))
    candidate = database.workspace.candidate(session.netconf.holder)
    tree = candidate.edit(session.netconf.holder, console.now)
    apply(database.schema, tree, list(read_set(database.schema, lines)), Operation.MERGE)
    database.commit(session.netconf.holder, console.now)
    return session.netconf, console.now


def done(netconf, now, operation: str) -> tuple[list[Work], bytes]:
    """What answering an operation was made of, and the answer."""
    netconf.feed(f'<rpc message-id="1">{operation}</rpc>'.encode() + END_OF_MESSAGE)
    steps, works, result = netconf.turn(now), [], None
    try:
        while True:
            work = steps.send(result)
            works.append(work)
            result = work.run()
    except StopIteration as end:
        return works, end.value


def below(words: str, inner: str) -> str:
    for word in reversed(words.split()):
        inner = f"<{word}>{inner}</{word}>"
    return inner


ONE = below(f"configuration {IKE}", "<gateway><name>g-7</name></gateway>")
SYSTEM = "<configuration><system/></configuration>"


@pytest.mark.parametrize(
    ("operation", "light"),
    [
        (f"<get-configuration>{ONE}</get-configuration>", True),
        (f'<get-configuration format="set">{ONE}</get-configuration>', True),
        (f'<get-configuration database="committed">{SYSTEM}</get-configuration>', True),
        (f"<get-config><source><running/></source><filter>{ONE}</filter></get-config>", True),
        (f"<get><filter>{ONE}{SYSTEM}</filter></get>", True),
        ("<get-configuration/>", False),
        ("<get-configuration><configuration/></get-configuration>", False),
        (f"<get><filter>{ONE}<configuration/></filter></get>", False),
        ("<get-config><source><running/></source></get-config>", False),
        (f"<get-configuration>{below(f'configuration {IKE}', '')}</get-configuration>", False),
        (f'<get-configuration inherit="inherit">{ONE}</get-configuration>', False),
        (f'<get-configuration changed="changed">{ONE}</get-configuration>', False),
        (
            f'<get-configuration compare="rollback" format="text">{ONE}</get-configuration>',
            False,
        ),
        (f"<get-configuration>{ONE}{' ' * 3000}</get-configuration>", False),
    ],
)
def test_only_a_reading_of_little_is_done_in_the_loop_itself(large, operation, light):
    works, answer = done(*large, operation)
    assert b"rpc-error" not in answer
    assert all(work.light for work in works) is light
    assert b"g-8<" not in answer or not light


def test_of_several_entries_that_a_filter_names_the_order_is_that_of_the_configuration(large):
    named = "".join(f"<gateway><name>g-{n}</name></gateway>" for n in (9, 3, 5))
    _, answer = done(
        *large, f"<get-configuration>{below(f'configuration {IKE}', named)}</get-configuration>"
    )
    found = [answer.index(f"<name>g-{n}<".encode()) for n in (3, 5, 9)]
    assert found == sorted(found)
    assert answer.count(b"<gateway>") == 3


SERVER_IKE = junos_schema(Generation.V2)
for word in IKE.split():
    SERVER_IKE = SERVER_IKE.children[word]


@pytest.mark.parametrize("match", ["name", "ike-policy"])
def test_as_many_filters_as_entries_cost_what_they_are_many(match):
    def steps(count: int) -> int:
        entries = "".join(
            f"<gateway><name>{n}</name><ike-policy>{n}</ike-policy></gateway>" for n in range(count)
        )
        asked = "".join(f"<gateway><{match}>{n}</{match}></gateway>" for n in range(0, count, 2))
        found = etree.fromstring(f"<ike>{entries}</ike>")
        with Steps() as counted:
            part = select(SERVER_IKE, [etree.fromstring(f"<ike>{asked}</ike>")], found)
        assert [one.findtext("name") for one in part] == [str(n) for n in range(0, count, 2)]
        return counted.count

    assert steps(200) < 2.4 * steps(100)
