# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection's tables render, against yanglint with Juniper's modules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.change import change_xml, edits
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import Configuration
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import (
    RESOURCE as MEMBER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import (
    RESOURCE as SERVER,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.unit.tables import FEW_NAMES, trees

YANG = os.environ.get("JUNOS_YANG_DIR")
pytestmark = [
    pytest.mark.skipif(not YANG, reason="JUNOS_YANG_DIR is not set: no YANG to check against"),
    pytest.mark.skipif(shutil.which("yanglint") is None, reason="yanglint is not installed"),
]
SPACE = "http://yang.juniper.net/junos-es/conf/"
V2 = Generation.V2


def spaced(element):
    """A configuration in the namespaces of its modules."""
    for part in element.iter():
        home = "root" if part.tag == "configuration" else "security"
        part.tag = f"{{{SPACE}{home}}}{part.tag}"
    return element


def rendered(resource, tree):
    change = edits(resource.root, Configuration(), Configuration(tree), V2)
    return spaced(change_xml(resource.prefix, change, reveal=True))


def yanglint(files):
    names = ("root", "security")
    modules = [next(Path(YANG or "").glob(f"junos-es-conf-{n}@*.yang")) for n in names]
    command = ["yanglint", "-p", str(YANG), "-t", "config", *map(str, (*modules, *files))]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("resource", [SERVER, MEMBER], ids=lambda resource: resource.name)
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_table_renders_is_valid_for_yanglint(resource, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    several = st.lists(trees(resource.root, V2, FEW_NAMES), min_size=30, max_size=30)
    files = []
    for number, tree in enumerate(data.draw(several)):
        files.append(folder / f"{number}.xml")
        files[-1].write_bytes(etree.tostring(rendered(resource, tree)))
    done = yanglint(files)
    assert done.returncode == 0, done.stderr[:1000]


def test_what_no_model_takes_is_noticed(tmp_path):
    file = tmp_path / "wrong.xml"
    tree = {"group-vpn": {"member": {"ipsec": {"vpn": {"V": {"group": 0}}}}}}
    file.write_bytes(etree.tostring(rendered(MEMBER, tree)))
    assert yanglint([file]).returncode != 0
