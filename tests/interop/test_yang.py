# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server's v2 group-vpn against yanglint with Juniper's modules, leaf by leaf."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.edit import Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_xml import read_xml
from keyserver.config.schema import APPLY, Kind

YANG = os.environ.get("JUNOS_YANG_DIR")
pytestmark = [
    pytest.mark.skipif(not YANG, reason="JUNOS_YANG_DIR is not set: no YANG to check against"),
    pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed"),
]
SPACE = "http://yang.juniper.net/junos-es/conf/"
V2 = junos_schema(Generation.V2)
EDGES = (0, 1, 2, 3, 4, 5, 10, 60, 180, 254, 300, 900, 1000, 3600, 60000, 65535, 86400, 2**32 - 1)
NUMBERS = sorted({str(n) for edge in EDGES for n in (edge - 1, edge, edge + 1)}, key=int)
WORDS = (
    *("main", "aggressive", "pre-shared-keys", "rsa-signatures", "group2", "group14"),
    *("group24", "sha1", "sha-256", "sha-384", "des-cbc", "3des-cbc", "aes-128-cbc"),
    *("aes-192-cbc", "aes-256-cbc", "hmac-sha1-96", "hmac-sha-256-128", "unicast"),
    *("multicast", "root-server", "sub-server", "clear", "set", "copy", "error", "warning"),
    *("notice", "info", "verbose", "all", "timer", "parse", "192.0.2.1", "192.0.2.0/24"),
    *("10.0.0.0/8", "ge-0/0/0.0", "name", "abcdef0123"),
)
LENGTHS = ["x" * length for length in (1, 31, 32, 33, 63, 64, 80, 81, 255, 256, 1024, 1025)]
OPEN = ("name", "192.0.2.1", "192.0.2.0/24", "abcdef0123", "ge-0/0/0.0")
CANDIDATES = [*NUMBERS, *WORDS, *LENGTHS]
INNER = {child.name for child in APPLY}


def leaves(statement, path):
    """(path, leaf or key) of everything below; a path is [(name, key element or None)]."""
    for name, child in statement.children.items():
        if name in INNER:
            continue
        if child.kind is Kind.LIST:
            yield [*path, (name, None)], child.keys[0].name
            yield from leaves(child, [*path, (name, child.keys[0].name)])
        elif child.kind is Kind.CONTAINER:
            yield from leaves(child, [*path, (name, None)])
        elif child.kind is not Kind.EMPTY:
            yield path, name


GROUP_VPN = V2.children["security"].children["group-vpn"]
LEAVES = list(leaves(GROUP_VPN, [("security", None), ("group-vpn", None)]))


def key_for(name: str) -> str:
    return "all" if name == "flag" else "k"


def document(path, leaf: str, value: str, *, spaces: bool) -> etree._Element:
    """A configuration with one leaf, in YANG's namespaces or in none."""

    def tag(name: str, home: str = "security") -> str:
        return f"{{{SPACE}{home}}}{name}" if spaces else name

    root = here = etree.Element(tag("configuration", "root"))
    for name, key in path:
        here = etree.SubElement(here, tag(name))
        if key is not None:
            etree.SubElement(here, tag(key)).text = key_for(name)
    etree.SubElement(here, tag(leaf)).text = value
    return root


def taken(path, leaf: str, value: str) -> bool:
    edits, problems = read_xml(V2, document(path, leaf, value, spaces=False))
    return problems + apply(V2, {}, edits, Operation.MERGE) == []


@pytest.fixture(scope="module", autouse=True)
def readable_modules(tmp_path_factory):
    """Juniper's modules as yanglint reads them: some escape what YANG 1.1 has no escape for."""
    READABLE.append(tmp_path_factory.mktemp("modules"))
    for module in Path(YANG or "").glob("*.yang"):
        (READABLE[-1] / module.name).write_text(module.read_text().replace("\\'", "'"))
    yield
    READABLE.clear()


READABLE: list[Path] = []


def yanglint(files: list[Path]) -> subprocess.CompletedProcess[str]:
    (home,) = READABLE
    modules = [next(home.glob(f"junos-es-conf-{name}@*.yang")) for name in ("root", "security")]
    command = ["yanglint", "-p", str(home), "-t", "config", *map(str, (*modules, *files))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert "arsing module" not in done.stderr, done.stderr[:500]
    return done


def written(folder: Path, number: int, case) -> Path:
    file = folder / f"{number}.xml"
    file.write_bytes(etree.tostring(document(*case, spaces=True)))
    return file


def test_every_value_that_the_emulator_takes_is_valid_for_yanglint(tmp_path):
    cases = [
        (path, leaf, value)
        for path, leaf in LEAVES
        for value in CANDIDATES
        if taken(path, leaf, value)
    ]
    assert {(str(path), leaf) for path, leaf, _ in cases} == {(str(p), leaf) for p, leaf in LEAVES}
    files = [written(tmp_path, number, case) for number, case in enumerate(cases)]
    for start in range(0, len(files), 1000):
        done = yanglint(files[start : start + 1000])
        assert done.returncode == 0, done.stderr[:500]


def refused_beside_taken(path, leaf: str) -> list[str]:
    """The numbers next to those that are taken, and a word, that the emulator refuses."""
    known = {value: taken(path, leaf, value) for value in CANDIDATES}
    edges = [
        value
        for value in NUMBERS
        if not known[value] and any(known.get(str(int(value) + step), False) for step in (-1, 1))
    ]
    if any(known[value] for value in OPEN):
        # What is free text in the YANG, or an address, Juniper's own patterns narrow.
        return []
    others = [value for value in WORDS if not known[value]]
    return [*edges[:1], *edges[-1:], *others[:1]]


@pytest.mark.parametrize(
    ("path", "leaf"), LEAVES, ids=lambda part: part if isinstance(part, str) else part[-1][0]
)
def test_what_the_emulator_refuses_is_invalid_for_yanglint(path, leaf, tmp_path):
    for number, value in enumerate(dict.fromkeys(refused_beside_taken(path, leaf))):
        done = yanglint([written(tmp_path, number, (path, leaf, value))])
        assert done.returncode != 0, value
