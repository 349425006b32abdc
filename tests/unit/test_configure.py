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
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import (
    objections,
    options,
    views,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.change import change_xml, edits
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.checks import request_objections
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    refuse_unnamed,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import Kind
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.shape import Given
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import Configuration
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    DeviceError,
    MalformedReply,
    Refused,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.verdict import refuse_errors
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import parse_document
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources import server
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    RESOURCE,
    TABLE,
)
from hypothesis import strategies as st
from lxml import etree

from tests.unit.paper import planned

GOOD = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
V1, V2 = Generation.V1, Generation.V2


def _value(leaf, generation):
    if leaf.kind is Kind.ENUMERATION:
        return st.sampled_from(leaf.values[generation])
    if leaf.kind is Kind.INTEGER:
        return st.integers(*leaf.ranges[generation])
    samples = {
        "certificate": "cert-1",
        "multicast_group": "233.252.0.1",
        "multicast_outgoing_interface": "ge-0/0/1.0",
    }
    return st.just(samples[leaf.option])


def block_of(generation):
    known = {s.option: _value(s, generation) for s in TABLE.children if s.known_to(generation)}
    return st.fixed_dictionaries({}, optional=known)


def groups_xml(blocks):
    """Groups with blocks (None: without) as a device has them."""
    lines = []
    for name, block in blocks.items():
        inside = "".join(
            f"<{option.replace('_', '-')}>{value}</{option.replace('_', '-')}>"
            for option, value in (block or {}).items()
        )
        own = "" if block is None else f"<{TABLE.name}>{inside}</{TABLE.name}>"
        lines.append(f"<group><name>{name}</name>{own}</group>")
    return f"<security><group-vpn><server>{''.join(lines)}</server></group-vpn></security>"


def ask(blocks, want, state, generation="v2", **more):
    config = [{"group": name, **block} for name, block in want.items()]
    return planned(RESOURCE, groups_xml(blocks), config, state, generation, **more)


def blocks_after(result):
    return {
        entry["group"]: {k: v for k, v in entry.items() if k != "group"}
        for entry in result["after"]
    }


def test_merged_keeps_replaced_drops_and_overridden_clears_the_others():
    have = {"A": {**GOOD, "heartbeat": 90}, "B": dict(GOOD), "C": None}
    want = {"A": {**GOOD, "lifetime_seconds": 900}}
    merged, replaced, overridden = (
        blocks_after(ask(have, want, state)) for state in ("merged", "replaced", "overridden")
    )
    assert merged["A"] == {**GOOD, "heartbeat": 90, "lifetime_seconds": 900}
    assert replaced["A"] == {**GOOD, "lifetime_seconds": 900}
    assert replaced["B"] == GOOD
    assert overridden == {"A": {**GOOD, "lifetime_seconds": 900}}


def test_deleted_takes_the_named_groups_and_everything_only_when_that_is_said():
    have = {"A": dict(GOOD), "B": dict(GOOD), "C": None}
    assert blocks_after(ask(have, {"A": {}}, "deleted")) == {"B": GOOD}
    assert blocks_after(ask(have, {}, "deleted", everything=True)) == {}
    assert not ask(have, {"C": {}, "nowhere": {}}, "deleted")["changed"]


@pytest.mark.parametrize(
    ("config", "state", "everything", "words"),
    [
        ([], "deleted", False, "it is empty"),
        ([], "overridden", False, "it is empty"),
        ([], "merged", False, "it is empty"),
        ({"groups": []}, "overridden", False, "it is empty"),
        ({"ike": {"gateways": []}, "groups": None}, "overridden", False, "it is empty"),
        ([None], "deleted", False, "it is empty"),
        (None, "deleted", False, "'all: true' removes everything"),
        (None, "overridden", False, "it is empty"),
        (None, "replaced", False, "it is empty"),
        (None, "merged", False, "it is empty"),
        (None, "rendered", False, "it is empty"),
        ([{"group": "A"}], "merged", True, "only for state deleted"),
    ],
)
def test_what_would_take_away_more_than_is_named_is_refused(config, state, everything, words):
    with pytest.raises(Refused, match=words):
        refuse_unnamed(config, state, everything)


def test_each_removal_is_told_by_name():
    have = {"A": dict(GOOD), "B": dict(GOOD), "C": dict(GOOD)}
    deleted = ask(have, {"A": {}, "B": {}}, "deleted")["warnings"]
    overridden = ask(have, {"C": dict(GOOD)}, "overridden")["warnings"]
    for warnings in (deleted, overridden):
        told = [line for line in warnings if "is removed" in line]
        assert [name for name in "ABC" if any(f"group {name}]" in t for t in told)] == ["A", "B"]


def test_only_the_difference_is_loaded():
    have = {"A": {**GOOD, "heartbeat": 90}}
    xml = ask(have, {"A": {**GOOD, "lifetime_seconds": 900}}, "replaced")["xml"]
    block = next(etree.fromstring(xml).iter("server-member-communication"))
    assert [(e.tag, e.text, e.get("delete")) for e in block] == [
        ("heartbeat", None, "delete"),
        ("lifetime-seconds", "900", None),
    ]


def _request_objections(block, generation):
    return request_objections(RESOURCE, Given(RESOURCE, [block]).tree, Generation(generation))


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
    (objection,) = _request_objections({"group": "G1", option: value}, generation)
    assert word in objection
    assert str(value) in objection
    assert f"'{option}'" in objection


@pytest.mark.parametrize("name", ["", "x" * 33, "a\nb"])
def test_group_names_that_no_device_takes_are_refused(name):
    with pytest.raises(Refused, match="group name"):
        wanted_tree(RESOURCE, [{"group": name}], None)


def test_a_group_listed_twice_is_refused():
    with pytest.raises(Refused, match="twice"):
        wanted_tree(RESOURCE, [{"group": "A"}, {"group": "A"}], None)


@pytest.mark.parametrize("value", [True, False, "yes", "1e3", "0x10", 1.5, "1.0", [1], " "])
def test_what_is_no_whole_number_is_refused(value):
    spec = options.resource_options(RESOURCE)["argument_spec"]
    given = {"config": [{"group": "A", "number_of_retransmission": value}]}
    (objection,) = objections.value_objections(spec, given)
    assert objection.startswith("config.number_of_retransmission:")


@pytest.mark.parametrize("value", [0, 7, "7", "+7", "-1", None])
def test_whole_numbers_are_none_of_its_business(value):
    spec = options.resource_options(RESOURCE)["argument_spec"]
    given = {"config": [{"group": "A", "number_of_retransmission": value}]}
    assert not list(objections.value_objections(spec, given))


@pytest.mark.parametrize("value", [True, 1.1, ["a"], {"a": 1}, [None]])
def test_what_is_no_text_is_refused(value):
    """A plain yes and a version without quotes are something else, and Ansible takes them."""
    spec = options.resource_options(RESOURCE)["argument_spec"]
    given = {"config": [{"group": value}], "commit_comment": value}
    told = list(objections.value_objections(spec, given))
    assert [line.split(":")[0] for line in told] == ["config.group", "commit_comment"]
    assert all(line.endswith("text in quotes is expected") for line in told)


@pytest.mark.parametrize("value", [["a"], {"ascii_text": ["secret"]}, {"hexadecimal": 1.5}, True])
def test_a_key_that_is_no_text_is_refused_and_not_shown(value):
    spec = options.resource_options(server.RESOURCE)["argument_spec"]
    policy = {"name": 7, "proposals": ["a", 7], "pre_shared_key": value}
    (told,) = objections.value_objections(spec, {"config": {"ike": {"policies": [policy]}}})
    assert told == "config.ike.policies.pre_shared_key: text in quotes is expected"


def test_a_path_that_came_out_empty_is_no_directory_of_ansibles():
    spec = {
        "run": {"type": "str"},
        "directory": {"type": "path"},
        "merge": {"type": "list", "elements": "path"},
    }
    given = {"directory": " ", "merge": ["a", ""], "run": ""}
    assert list(objections.path_objections(spec, given)) == [
        "directory: no directory is named; name one, or leave it out",
        "merge[1]: no file is named; name one, or leave it out",
    ]
    assert not list(objections.path_objections(spec, {"directory": "a", "merge": None}))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ([None], "config: a dictionary is expected, and a list was given"),
        ([{"groups": []}], "config: a dictionary is expected, and a list was given"),
        ({"groups": [None]}, "config.groups: None: a dictionary is expected"),
        ({"groups": [["G1"]]}, "config.groups: ['G1']: a dictionary is expected"),
        ({"groups": [{"name": "A", "ipsec_sas": [3]}]}, "config.groups.ipsec_sas: 3: a dictio"),
        ({"groups": 3}, "config.groups: 3: a dictionary is expected"),
        ({"groups": {"name": "A"}}, "config.groups: a list is expected, and one dictionary was"),
        ('[{"groups": []}]', "config: a dictionary is expected, and text was given; give it"),
        ({"groups": "- name: A"}, "config.groups: a dictionary is expected, and text was given"),
        ({"ike": [None]}, "config.ike: a dictionary is expected, and a list was given"),
    ],
)
def test_what_is_no_dictionary_is_refused_and_named(config, words):
    spec = options.resource_options(server.RESOURCE)["argument_spec"]
    (objection,) = objections.shape_objections(spec, {"config": config})
    assert objection.startswith(words)


@pytest.mark.parametrize(
    "config",
    [
        None,
        {"groups": None},
        {"groups": [], "ike": {"gateways": [{"name": "g"}]}},
        {"groups": ['{"name": "A"}', "name=B group_id=1"], "ike": " {}"},
    ],
)
def test_dictionaries_and_what_is_left_out_are_no_matter_of_shape(config):
    spec = options.resource_options(server.RESOURCE)["argument_spec"]
    assert not list(objections.shape_objections(spec, {"config": config}))


def _objections(block, inside="", generation="v1"):
    group = f"<group><name>A</name>{inside}</group>"
    group = f"<security><group-vpn><server>{group}</server></group-vpn></security>"
    try:
        planned(RESOURCE, group, [{"group": "A", **block}], "merged", generation)
    except Refused as refusal:
        return "\n".join(refusal.objections)
    return ""


def test_algorithms_must_be_there_after_the_change():
    found = _objections({"heartbeat": 60})
    assert "encryption-algorithm: missing" in found
    assert "sig-hash-algorithm: missing" in found


def test_multicast_needs_group_and_interface_and_unicast_takes_neither():
    v1 = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    assert _objections({**v1, "communication_type": "multicast"}).count("needs it") == 2
    place = "[edit security group-vpn server group A server-member-communication] multicast-group"
    assert f"{place} 233.252.0.1: without effect in unicast communication; " in _objections(
        {**v1, "multicast_group": "233.252.0.1"}
    )


def test_a_lifetime_shorter_than_ten_activation_delays_is_refused_on_v1():
    v1 = {"encryption_algorithm": "aes-128-cbc", "sig_hash_algorithm": "sha1"}
    delay = "<activation-time-delay>60</activation-time-delay>"
    place = "[edit security group-vpn server group A server-member-communication] lifetime-seconds"
    assert _objections({**v1, "lifetime_seconds": 300}, delay) == (
        f"{place} 300: less than 10 times the group's activation-time-delay (60 s); set "
        "'lifetime_seconds' to 600 or more"
    )
    assert not _objections({**v1, "lifetime_seconds": 600}, delay)


def test_first_configuration_dynamic_peers_and_slow_detection_are_warned_about():
    inside = (
        "<security><group-vpn><server>"
        "<ike><gateway><name>gw</name><dynamic><hostname>a</hostname></dynamic></gateway></ike>"
        "<group><name>A</name><ike-gateway><name>gw</name></ike-gateway></group>"
        "</server></group-vpn></security>"
    )
    block = {
        "group": "A",
        **GOOD,
        "lifetime_seconds": 300,
        "retransmission_period": 60,
        "number_of_retransmission": 60,
    }
    result = planned(RESOURCE, inside, [block], "merged")
    found = " ".join(result["warnings"])
    assert "clears its member list" in found
    assert "gw are dynamic peers" in found
    assert "after 3660 s" in found
    assert result["membership_reset"] == ["A"]


def test_markup_in_a_group_name_stays_text():
    name = "a<b>&\"'</b>."
    rendered = views.render(RESOURCE, wanted_tree(RESOURCE, [{"group": name, **GOOD}], V2), V2)
    assert views.parse(RESOURCE, rendered["xml"])["parsed"] == [{"group": name, **GOOD}]
    assert views.parse(RESOURCE, rendered["rendered"])["parsed"] == [{"group": name, **GOOD}]


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
        views.parse(RESOURCE, text)


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
    for leaf in TABLE.children:
        if leaf.known_to(V2):
            ends[leaf.option] = leaf.values.get(V2) or leaf.ranges.get(V2) or ("cert-1", "x" * 32)
    full = itertools.product(*ends.values())
    return [dict(zip(ends, values, strict=True)) for values in full]


@pytest.mark.skipif(YANG is None, reason="JUNOS_YANG_DIR is not set: no YANG to check against")
@pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed")
def test_every_legal_v2_combination_validates_under_junipers_yang(tmp_path):
    combinations = _legal_combinations()
    assert len(combinations) > 100

    def lint(blocks):
        file = tmp_path / "config.xml"
        want = Given(RESOURCE, [{"group": name, **block} for name, block in blocks.items()]).tree
        change = edits(RESOURCE.root, Configuration(), Configuration(want), V2)
        document = _in_yang_namespaces(change_xml(RESOURCE.prefix, change))
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
    assert TABLE.by_name["lifetime-seconds"].objection(299, V2)


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import libraries

    assert libraries.complaint() is None
    monkeypatch.setattr(libraries, "MISSING", ["ncclient"])
    assert "pip install ncclient" in (libraries.complaint() or "")
