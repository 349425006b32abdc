# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One configuration in the four formats of the emulated SRX, which the collection reads alike.

Each is made of lines of commands by chance: what sleeps at any level, configuration groups that are
applied or kept out, wildcards, a node's group, a logical system and a tenant.
"""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.edit import Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_set import read_set
from keyserver.config.show import to_json, to_set, to_text, to_xml

V2 = junos_schema(Generation.V2)
SERVER = "security group-vpn server"
GROUPS = ("G1", "G2", '"a b"', "inactive", "10")
# What is set of a group, and how many of its last words a deactivation leaves out.
OF_A_GROUP = (
    ("member-threshold 5", 1),
    ('description "x; {y} [z] # q"', None),
    ("anti-replay-time-window 100", 1),
    ("server-member-communication communication-type unicast", 1),
    ("server-member-communication lifetime-seconds 7200", 2),
    ("ike-gateway gw2", 0),
    ("ike-gateway gw1", 0),
    ("ipsec-sa s proposal p1", 1),
    ("ipsec-sa s match-policy m destination 10.0.0.0/8", 3),
    ("server-cluster server-role root-server", 2),
    ("server-cluster ike-gateway c1", 0),
)
OF_IKE = (
    "policy p proposals a",
    "policy p mode main",
    "gateway gw1 ike-policy p",
    "gateway gw1 address 192.0.2.1",
    "proposal a dh-group group14",
)
BESIDE = (
    f"set groups KS {SERVER} group <*> member-threshold 7",
    f"set groups node0 {SERVER} group G9 group-id 1",
    "set logical-systems LS security ike proposal x dh-group group14",
    "set tenants T security zones security-zone z",
    "set apply-groups KS",
    'set apply-groups "${node}"',
    f"set {SERVER} apply-groups-except KS",
    f"deactivate {SERVER}",
    f"deactivate {SERVER} ike",
    "deactivate security",
)


def commands(chance: random.Random) -> list[str]:
    """Lines that make up a configuration."""
    lines = [f"set {SERVER} ike {words}" for words in OF_IKE if chance.random() < 0.6]
    for name in chance.sample(GROUPS, 2):
        group = f"{SERVER} group {name}"
        lines.append(f"set {group} group-id {chance.randint(1, 9)}")
        for words, fewer in OF_A_GROUP:
            if chance.random() < 0.5:
                lines.append(f"set {group} {words}")
                if fewer is not None and chance.random() < 0.3:
                    kept = words.split()[: len(words.split()) - fewer]
                    lines.append(f"deactivate {group} {' '.join(kept)}")
        lines += [f"{verb} {group}" for verb in ("deactivate", "protect") if chance.random() < 0.2]
        lines += [f"set {group} apply-groups KS"] * (chance.random() < 0.2)
    return lines + [line for line in BESIDE if chance.random() < 0.3]


def shown(lines: list[str]) -> dict[str, str]:
    tree = {}
    for edit in read_set(V2, "\n".join(lines)):
        # What there is nothing of cannot be deactivated.
        apply(V2, tree, [edit], Operation.MERGE)
    return {
        "text": to_text(V2, tree),
        "set": "\n".join(to_set(V2, tree)),
        "xml": etree.tostring(to_xml(V2, tree, etree.Element("configuration"))).decode(),
        "json": json.dumps({"configuration": to_json(V2, tree)}),
    }


@pytest.mark.parametrize("seed", range(4))
def test_four_formats_of_one_configuration_are_read_alike(seed):
    read = 0
    for number in range(15):
        lines = commands(random.Random(seed * 15 + number))
        found = {form: views.parse(RESOURCE, text) for form, text in shown(lines).items()}
        assert all(one["parsed"] == found["text"]["parsed"] for one in found.values()), lines
        told = {form: set(one["warnings"]) for form, one in found.items()}
        assert all(one == told["text"] for one in told.values()), lines
        read += bool(found["text"]["parsed"].get("groups"))
    assert read > 5
