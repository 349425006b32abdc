# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pages that list what the code has: nothing is missing there, and nothing is there that went."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.findings import Kind
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.trouble import EXPLANATIONS
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server_member_communication import (  # noqa: E501
    TABLE,
)

from dev.module_pages import ROLES
from tests.lab import ROOT

DOCS = ROOT / "docs"


def sources(*folders: str) -> str:
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(file.read_text("utf-8") for file in files)


def section(page: str, begin: str, end: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    return text[text.index(begin) : text.index(end)]


def test_every_key_of_a_lab_file_stands_on_its_page():
    read = set(re.findall(r"(?:take|need)\(\s*\"(\w+)\"", sources("keyserver/lab")))
    page = section("reference-key-server.md", "## A lab file", "## What it does")
    assert {"users", "authorized_key", "psk"} <= read
    assert {key for key in read if not re.search(rf"\b{key}\b", page)} == set()


def test_every_key_in_the_tables_of_the_lab_file_is_read():
    page = section("reference-key-server.md", "## A lab file", "## What it does")
    named = {
        key
        for cell in re.findall(r"^\| (`[^|]*`) \|", page, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", cell)
    }
    assert len(named) > 25
    assert {key for key in named if f'"{key}"' not in sources("keyserver/lab")} == set()


def test_the_page_of_the_audit_explains_every_kind_of_finding():
    text = (DOCS / "audit.md").read_text("utf-8")
    explained = re.findall(r"^\| `(\w+)` \| (?:error|warning|note)", text, re.MULTILINE)
    assert sorted(explained) == sorted(kind.value for kind in Kind)


@pytest.mark.parametrize(
    ("begin", "end", "code", "name"),
    [
        ("### Metrics", "## Events", "plugins/plugin_utils/audit/metrics.py", r"groupvpn_\w+"),
        ("## Events", "The first reading", "plugins/plugin_utils/members/watch.py", None),
    ],
    ids=["metrics", "events"],
)
def test_the_page_of_the_audit_has_every_metric_and_event(begin, end, code, name):
    rows = re.findall(r"^\| (`\w+`[^|]*) \|", section("audit.md", begin, end), re.MULTILINE)
    listed = {word for cell in rows[name is None :] for word in re.findall(r"`(\w+)`", cell)}
    text = (ROOT / code).read_text("utf-8")
    if name is None:
        text += sources("extensions/eda")
        assert {word for word in listed if f'"{word}"' not in text} == set()
    else:
        assert listed == set(re.findall(name, text))


def said(file: Path) -> Iterator[str]:
    """Texts of a module; what is put in comes as one sign that no message has."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            values = [v.value if isinstance(v, ast.Constant) else "\0" for v in node.values]
            yield "".join(map(str, values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_message_that_is_explained_is_one_that_somebody_can_get():
    text = (DOCS / "troubleshooting.md").read_text("utf-8")
    tables = text.split("| the message has |")[1:]
    cells = [
        row.split(" | ")[0].removeprefix("| ")
        for table in tables
        for row in table.split("\n\n")[0].splitlines()[2:]
    ]
    wanted = {part for cell in cells for part in re.split(r" / | … ?", cell)}
    assert len(wanted) > 20
    halves = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "keyserver").rglob("*.py")]
    known = "\n".join(one for file in halves for one in said(file))
    # What the device itself says of its database.
    known += (
        "configuration database locked by, configuration database modified, private edits in use"
    )
    assert {one for one in wanted if one not in known} == set()


def test_every_way_in_which_a_connection_fails_is_explained():
    text = (DOCS / "troubleshooting.md").read_text("utf-8")
    assert [cause for _, cause, _ in EXPLANATIONS if cause not in text] == []


def words_of(options: dict[str, Any]) -> Iterator[str]:
    for name, option in options.items():
        yield name
        yield from words_of(option.get("options") or {})


@pytest.mark.parametrize("role", ROLES)
def test_the_page_of_a_role_has_every_word_that_it_takes(role):
    folder = ROOT / "roles" / role
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text("utf-8"))
    page = (folder / "README.md").read_text("utf-8")
    rows = {re.split(r"\[\]\.", cell)[-1] for cell in re.findall(r"^\| `([^`]+)` \|", page, re.M)}
    for entry in specs["argument_specs"].values():
        assert {word for word in words_of(entry["options"]) if word not in rows} == set()


def test_the_page_of_rekeys_says_which_generation_has_which():
    row = section("howto/unicast-or-multicast.md", "| generations |", "**Take unicast**")
    said = dict(zip(("none", "unicast", "multicast"), row.split("|")[2:5], strict=True))
    leaf = next(one for one in TABLE.children if one.name == "communication-type")
    for kind in ("unicast", "multicast"):
        has = {one.value for one in Generation if leaf.objection(kind, one) is None}
        assert set(said[kind].replace(",", " ").split()) == has


def test_the_page_of_the_rfcs_names_sources_and_tests_that_are_there():
    rows = re.findall(r"^\| \d{4} .*$", (DOCS / "rfc.md").read_text(), re.MULTILINE)
    assert len(rows) > 40
    for row in rows:
        tests = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", row)
        assert tests, row
        assert all(f"def {name}(" in (ROOT / path).read_text() for path, name in tests), row
        (source,) = re.findall(r"\| `(\w+/\w+\.py)` \|", row)
        assert (ROOT / "keyserver" / source).is_file(), row


def test_every_source_says_whose_it_is_and_under_which_licence():
    folders = ("keyserver", "plugins", "extensions", "dev", "tests", "roles")
    sources = [file for one in folders for file in (ROOT / one).rglob("*.py")]
    scripts = [ROOT / ".ci" / "run", *ROOT.glob("roles/*/files/*.sh"), ROOT / "dev" / "environment"]
    assert len(sources) > 500
    heads = {file: file.read_text("utf-8")[:250] for file in (*sources, *scripts)}
    assert [file for file, head in heads.items() if head and "v3.0-or-later" not in head] == []
