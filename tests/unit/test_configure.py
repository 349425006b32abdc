# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""have + want + state = change, and what is refused before a device is touched."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import (
    Group,
    State,
    blocks_after,
    plan,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.read import (
    parse_running,
    parse_xml,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.render import (
    blocks_xml,
    change_xml,
    diff_text,
    set_lines,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
    Refused,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import refuse_errors
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import parse_document
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import (
    server_member_communication as table,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.rules import (
    advice,
    request_objections,
    result_objections,
)
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
SCHEMA_NAMES = st.sampled_from(["G1", "G2", "G3"])


def _value(statement, generation):
    if generation in statement.values:
        return st.sampled_from(statement.values[generation])
    if generation in statement.ranges:
        return st.integers(*statement.ranges[generation])
    samples = {
        "certificate": "cert-1",
        "multicast_group": "233.252.0.1",
        "multicast_outgoing_interface": "ge-0/0/1.0",
    }
    return st.just(samples[statement.option])


def block_of(generation):
    known = {s.option: _value(s, generation) for s in table.STATEMENTS if s.known_to(generation)}
    return st.fixed_dictionaries({}, optional=known)


BLOCKS = st.one_of(st.none(), block_of(table.Generation.V1))


@given(
    have=st.fixed_dictionaries({"G1": BLOCKS, "G2": BLOCKS, "G3": BLOCKS}),
    want=st.dictionaries(SCHEMA_NAMES, block_of(table.Generation.V1), max_size=3),
    state=st.sampled_from(list(State)),
)
def test_a_state_once_reached_needs_no_further_change(have, want, state):
    groups = {name: Group(name, block) for name, block in have.items()}
    wanted = list(want.items())
    change = plan(groups, wanted, state)
    reached = {name: Group(name, b) for name, b in blocks_after(groups, change).items()}
    assert not plan(reached, wanted, state)


@given(block=block_of(table.Generation.V1), before=BLOCKS)
def test_what_is_rendered_parses_back_in_all_three_forms(block, before):
    groups = {"G 1": Group("G 1", before)}
    change = plan(groups, [("G 1", block)], State.REPLACED)
    xml = etree.tostring(blocks_xml({"G 1": block}, table.Generation.V1), encoding="unicode")
    lines = "\n".join(
        set_lines(plan({"G 1": Group("G 1")}, [("G 1", block)], State.MERGED), table.Generation.V1)
    )
    assert parse_running(xml)["G 1"].block == block
    if block:
        assert parse_running(lines)["G 1"].block == block
    for line in diff_text(change, table.Generation.V1).splitlines():
        assert line.startswith(("[edit security", "+    ", "-    "))


def test_merged_keeps_replaced_drops_and_overridden_clears_the_others():
    have = {
        "A": Group("A", {**GOOD, "heartbeat": 90}),
        "B": Group("B", dict(GOOD)),
        "C": Group("C"),
    }
    want = [("A", {**GOOD, "lifetime_seconds": 900})]
    merged, replaced, overridden = (
        blocks_after(have, plan(have, want, s))
        for s in (State.MERGED, State.REPLACED, State.OVERRIDDEN)
    )
    assert merged["A"] == {**GOOD, "heartbeat": 90, "lifetime_seconds": 900}
    assert replaced["A"] == {**GOOD, "lifetime_seconds": 900}
    assert replaced["B"] == GOOD
    assert overridden == {"A": {**GOOD, "lifetime_seconds": 900}, "B": None, "C": None}
    assert blocks_after(have, plan(have, [], State.DELETED)) == {"A": None, "B": None, "C": None}


def test_only_the_difference_is_loaded():
    have = {"A": Group("A", {**GOOD, "heartbeat": 90})}
    change = plan(have, [("A", {**GOOD, "lifetime_seconds": 900})], State.REPLACED)
    block = next(change_xml(change, table.Generation.V2).iter("server-member-communication"))
    assert [(e.tag, e.text, e.get("delete")) for e in block] == [
        ("heartbeat", None, "delete"),
        ("lifetime-seconds", "900", None),
    ]


@pytest.mark.parametrize(
    ("generation", "option", "value", "word"),
    [
        ("v2", "lifetime_seconds", 299, "300 to 86400"),
        ("v1", "lifetime_seconds", 179, "180 to 86400"),
        ("v2", "communication_type", "multicast", "unicast"),
        ("v2", "encryption_algorithm", "des-cbc", "aes-128-cbc"),
        ("v1", "sig_hash_algorithm", "sha-256", "md5, sha1"),
        ("v2", "multicast_group", "233.252.0.1", "does not have"),
        ("v1", "multicast_group", "192.0.2.1", "multicast address"),
        ("v1", "multicast_outgoing_interface", "a b", "interface name"),
        ("v2", "certificate", "x" * 33, "1 to 32"),
        ("v2", "heartbeat", 59, "60 to 3600"),
        ("v2", "retransmission_period", 61, "2 to 60"),
        ("v2", "number_of_retransmission", -1, "0 to 60"),
    ],
)
def test_values_that_the_generation_does_not_take_are_refused(generation, option, value, word):
    (objection,) = request_objections([("G1", {option: value})], table.Generation(generation))
    assert word in objection
    assert str(value) in objection
    assert f"correct '{option}'" in objection


@pytest.mark.parametrize("name", ["", "x" * 33, "a\nb"])
def test_group_names_that_no_device_takes_are_refused(name):
    with pytest.raises(Refused, match="group name"):
        apply.wanted([{"group": name}], None)


def test_a_group_listed_twice_is_refused():
    with pytest.raises(Refused, match="twice"):
        apply.wanted([{"group": "A"}, {"group": "A"}], None)


def _objections(block, generation=table.Generation.V1, **group):
    have = {"A": Group("A", None, **group)}
    change = plan(have, [("A", block)], State.MERGED)
    return "\n".join(result_objections(have, change, generation))


def test_algorithms_must_be_there_after_the_change():
    found = _objections({"heartbeat": 60})
    assert "encryption-algorithm: missing" in found
    assert "sig-hash-algorithm: missing" in found


def test_multicast_needs_group_and_interface_and_unicast_takes_neither():
    v1 = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    assert _objections({**v1, "communication_type": "multicast"}).count("needs it") == 2
    assert "without effect" in _objections({**v1, "multicast_group": "233.252.0.1"})


def test_a_lifetime_shorter_than_ten_activation_delays_is_refused_on_v1():
    v1 = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    found = _objections({**v1, "lifetime_seconds": 300}, activation_delay=60)
    assert "600 or more" in found
    assert not _objections({**v1, "lifetime_seconds": 600}, activation_delay=60)


def test_first_configuration_dynamic_peers_and_slow_detection_are_warned_about():
    have = {"A": Group("A", None, dynamic_gateways=("gw",))}
    block = {
        **GOOD,
        "lifetime_seconds": 300,
        "retransmission_period": 60,
        "number_of_retransmission": 60,
    }
    found = " ".join(advice(have, plan(have, [("A", block)], State.MERGED)))
    assert "clears its member list" in found
    assert "gw are dynamic peers" in found
    assert "after 3660 s" in found


def test_markup_in_a_group_name_stays_text():
    name = "<a>&\"'</a>"
    xml = blocks_xml({name: dict(GOOD)}, table.Generation.V2)
    assert list(parse_xml(parse_document(etree.tostring(xml)))) == [name]


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><configuration>&x;</configuration>',
        b"<configuration><security>",
        b"",
    ],
)
def test_documents_with_entities_or_cut_off_are_refused(document):
    with pytest.raises(MalformedReply):
        parse_document(document)


@pytest.mark.parametrize(
    "text",
    [
        "security { group-vpn {",
        "}",
        "set security group-vpn server group A server-member-communication heartbeat",
    ],
)
def test_running_configurations_that_break_off_are_refused(text):
    with pytest.raises(MalformedReply):
        apply.parse(text)


def test_an_error_inside_success_is_found_whatever_its_namespace():
    for error in (
        '<xnm:error xmlns:xnm="http://xml.juniper.net/xnm/1.1/xnm"><message>no</message></xnm:error>',
        "<a><b><rpc-error><error-message>no</error-message></rpc-error></b></a>",
    ):
        reply = etree.fromstring(f"<rpc-reply><ok/>{error}</rpc-reply>")
        with pytest.raises(DeviceError, match="no"):
            refuse_errors("load", reply)


def test_a_warning_is_no_error():
    reply = etree.fromstring(
        "<rpc-reply><rpc-error><error-severity>warning</error-severity><error-message>statement "
        "not found</error-message></rpc-error><ok/></rpc-reply>"
    )
    assert refuse_errors("load", reply) is reply


def test_collection_and_key_server_do_not_import_each_other():
    root = Path(__file__).resolve().parents[2]
    for folder, forbidden in (("plugins", "keyserver"), ("keyserver", "ansible")):
        for path in (root / folder).rglob("*.py"):
            text = path.read_text()
            assert f"import {forbidden}" not in text, path
            assert f"from {forbidden}" not in text, path
    for path in (root / "plugins" / "plugin_utils").rglob("*.py"):
        text = path.read_text()
        assert "import ansible" not in text, path
        assert "from ansible" not in text, path


# The referee: Juniper's own YANG

YANG = os.environ.get("JUNOS_YANG_DIR")
_CONF = "http://yang.juniper.net/junos-es/conf/"


def _in_yang_namespaces(configuration):
    root = etree.Element(f"{{{_CONF}root}}configuration", nsmap={None: _CONF + "root"})
    for element in configuration.iter():
        if element is not configuration:
            element.tag = f"{{{_CONF}security}}{element.tag}"
    root.extend(list(configuration))
    return root


def _legal_combinations():
    """Every pair of values of two v2 statements, and every edge of every range."""
    ends = {}
    for statement in table.STATEMENTS:
        if statement.known_to(table.Generation.V2):
            legal = statement.values.get(table.Generation.V2) or statement.ranges.get(
                table.Generation.V2
            )
            ends[statement.option] = legal or ("cert-1", "x" * 32)
    full = itertools.product(*ends.values())
    return [dict(zip(ends, values, strict=True)) for values in full]


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
@pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed")
def test_every_legal_v2_combination_validates_under_junipers_yang(tmp_path):
    combinations = _legal_combinations()
    assert len(combinations) > 100

    def lint(blocks):
        file = tmp_path / "config.xml"
        document = _in_yang_namespaces(blocks_xml(blocks, table.Generation.V2))
        file.write_bytes(etree.tostring(document))
        directory = Path(YANG or "")
        modules = [next(directory.glob(f"junos-es-conf-{n}@*.yang")) for n in ("root", "security")]
        return subprocess.run(
            ["yanglint", "-p", str(directory), "-t", "config", *map(str, modules), str(file)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    for start in range(0, len(combinations), 50):
        blocks = {f"G{n}": b for n, b in enumerate(combinations[start : start + 50])}
        done = lint(blocks)
        assert done.returncode == 0, done.stderr
    wrong = lint({"G": {"lifetime_seconds": 299}})
    assert wrong.returncode != 0, "the referee must be able to say no"
    assert table.BY_OPTION["lifetime_seconds"].objection(299, table.Generation.V2)


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import libraries

    assert libraries.complaint() is None
    monkeypatch.setattr(libraries, "MISSING", ["ncclient"])
    assert "pip install ncclient" in (libraries.complaint() or "")
