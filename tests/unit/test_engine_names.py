# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine names no statement: it works for tables that nobody has written yet."""

from __future__ import annotations

import ast

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import walk
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE

from tests.lab import ROOT

ENGINE = sorted((ROOT / "plugins" / "plugin_utils" / "engine").glob("*.py"))
# Words of XML, of Junos' commands and of Ansible that statements have too.
OTHERS_TOO = {"group", "name", "file", "match"}
NAMES = {
    name for _path, node in walk(RESOURCE.root) for name in (node.name, node.option)
} - OTHERS_TOO


def named_in(source: str) -> set[str]:
    """Statements that a module has among its texts, documentation left out."""
    tree = ast.parse(source)
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    return {name for name in NAMES for text in texts if text == name or f"{name} " in f"{text} "}


@pytest.mark.parametrize("file", ENGINE, ids=lambda file: file.stem)
def test_the_engine_names_no_statement(file):
    words = {name for name in named_in(file.read_text()) if "-" in name or "_" in name}
    assert not words


def test_a_statement_that_is_named_is_noticed():
    assert named_in('x = "server-member-communication"') == {"server-member-communication"}
    assert named_in('"""About ike-gateway."""') == set()
