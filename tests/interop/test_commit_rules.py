# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a commit of v2 refuses against Juniper's rules for Group VPN, carried out by themselves."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from keyserver.config.apply import apply
from keyserver.config.constraints import check
from keyserver.config.edit import LoadError, Operation
from keyserver.config.inherit import in_force
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_set import read_set
from tests.interop.musts import complaints, read_yang, rules

YANG = os.environ.get("JUNOS_YANG_DIR")
pytestmark = pytest.mark.skipif(not YANG, reason="JUNOS_YANG_DIR is not set: no YANG to read")
V2 = junos_schema(Generation.V2)
OURS = (("security", "group-vpn"), ("security", "ipsec-policy"))
NAMES = ("a", "b")
S, M = "security group-vpn server", "security group-vpn member"
SERVER = (
    f"{S} ike gateway {{0}} address 192.0.2.1",
    f"{S} ike gateway {{0}} dynamic hostname h",
    f"{S} ike gateway {{0}} dead-peer-detection {{dpd}}",
    f"{S} ike gateway {{0}} remote-identity hostname h",
    f"{S} ipsec proposal {{0}} encryption-algorithm aes-128-cbc",
    f"{S} group {{0}} group-id {{number}}",
    f"{S} group {{0}} ike-gateway {{1}}",
    f"{S} group {{0}} server-cluster ike-gateway {{1}}",
    f"{S} group {{0}} ipsec-sa s proposal {{1}}",
    f"{S} traceoptions no-remote-trace",
)
MEMBER = (
    f"{M} ike gateway {{0}} server-address 192.0.2.{{number}}",
    f"{M} ike gateway {{0}} local-address 192.0.2.{{number}}",
    f"{M} ipsec vpn {{0}} ike-gateway {{1}}",
    f"{M} ipsec vpn {{0}} group {{number}}",
    f"{M} ipsec vpn {{0}} group-vpn-external-interface {{interface}}",
    f"{M} ipsec vpn {{0}} exclude rule r application {{1}}",
    f"{M} ipsec vpn {{0}} fail-open rule r application {{1}}",
    f"{M} ike traceoptions no-remote-trace",
    "security ike gateway {0} ike-policy x",
    "security ipsec vpn {0} bind-interface st0.0",
    "security ipsec-policy from-zone {0} to-zone {1} ipsec-group-vpn {0}",
    "security ipsec-policy from-zone {1} to-zone {0} ipsec-group-vpn {1}",
)
SIDE = (
    "{side} ike policy {0} mode {mode}",
    "{side} ike policy {0} proposals {1}",
    "{side} ike policy {0} pre-shared-key ascii-text k",
    "{side} ike proposal {0} dh-group group14",
    "{side} ike gateway {0} ike-policy {1}",
    "{side} ike gateway {0} routing-instance {1}",
)
AROUND = (
    "routing-instances {0} instance-type virtual-router",
    "applications application {0} protocol tcp",
    "security zones security-zone {0}",
    "system tracing destination-override syslog host 192.0.2.9",
    "interfaces {port}",
    "interfaces {port} family bridge",
)
SEEDS = 250


def lines(chance: random.Random) -> list[str]:
    """Most of what the rules are about, some of it in a group, some deactivated."""
    side, templates = chance.choice([(S, SERVER), (M, MEMBER), (S, SERVER + MEMBER)])
    dense, written = chance.choice([0.97, 0.9, 0.6]), []
    for template in (*templates, *SIDE, *AROUND):
        for name in NAMES:
            text = template.format(
                name,
                chance.choice((*NAMES, "c")),
                side=side,
                number=chance.choice("12"),
                mode=chance.choice(["main", "aggressive"]),
                dpd=chance.choice(["always-send", "interval 10"]),
                interface=chance.choice(["ge-0/0/0", "ge-0/0/0.1", "ge-0/0/1.0"]),
                port=f"ge-0/0/{chance.choice('01')} unit {chance.choice('01')}",
            )
            if chance.random() < (0.1 if text.endswith("bridge") else dense):
                written.append(text)
    grouped = [f"set {'groups G ' * (chance.random() < 0.1)}{text}" for text in written]
    gone = [f"deactivate {text}" for text in written if chance.random() < 0.05]
    # Nothing is left of a key whose value is deactivated: of that the YANG says nothing.
    return ["set apply-groups G", *grouped, *(one for one in gone if "ascii-text" not in one)]


def tree_of(text: list[str]) -> dict:
    tree: dict = {}
    edits = [one for one in read_set(V2, "\n".join(text)) if not isinstance(one, LoadError)]
    apply(V2, tree, edits, Operation.MERGE)
    return in_force(V2, tree).tree


@pytest.fixture(scope="module")
def junipers():
    module = Path(YANG) / "with-extensions" / "junos-es-conf-security@2022-01-01.yang"
    found = [rule for rule in rules(read_yang(module)) if rule.path[:2] in OURS]
    assert len(found) > 30
    return found


def said(tree: dict) -> Counter[str]:
    found = check(V2, tree, Generation.V2, strict=False)
    ours = (one for one in found if any(" ".join(p) in one.path for p in OURS))
    return Counter(one.message.removeprefix("mgd: ") for one in ours)


def test_a_commit_says_what_junipers_rules_say_of_random_configurations(junipers):
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        tree = tree_of(lines(random.Random(seed)))
        wanted = Counter(complaints(V2, tree, junipers))
        both = "Configuring both group-vpn server and group-vpn member is not supported"
        if wanted[both]:
            # Either side has the rule; it is said once.
            wanted[both] = 1
        assert said(tree) == wanted, seed
        seen += wanted
    assert set(seen) == {rule.message for rule in junipers}
