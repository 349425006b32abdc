# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the documents show is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from dev.module_pages import MODULES, ROLES, page, role_page
from tests.lab import ROOT, LabDirectory, ansible_environment, hub_config, play
from tests.processes import Process


def _block(file: str, name: str) -> str:
    text = (ROOT / file).read_text()
    match = re.search(rf"<!-- tested: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert match, f"{file} has no block {name}"
    return match[1]


@pytest.mark.parametrize("module", MODULES)
def test_module_pages_are_up_to_date(module):
    written = (ROOT / "docs" / "modules" / f"{module}.md").read_text()
    assert written == page(module), "run make docs"


@pytest.mark.parametrize("role", ROLES)
def test_role_pages_are_up_to_date(role):
    written = (ROOT / "roles" / role / "README.md").read_text()
    assert written == role_page(role), "run make docs"


def test_the_lab_and_the_playbook_of_the_documents_work(tmp_path):
    document = yaml.safe_load(_block("docs/reference-key-server.md", "lab"))
    lab = LabDirectory(tmp_path)
    (documented,) = document["devices"]
    device = lab.add_device(
        "hub-1", documented["generation"], _block("docs/reference-key-server.md", "config")
    )
    # Everything as documented, but for ports that other tests may hold.
    for plane in ("netconf", "gdoi"):
        documented[plane]["port"] = device[plane]["port"]
    assert documented == device
    lab.members = document["members"]
    server = lab.serve()
    fleet = Process("members", lab.file)
    try:
        fleet.wait_for("all 1 member registered")
        (content,) = yaml.safe_load(_block("README.md", "playbook"))
        result = play(lab, content["tasks"])
        assert result.code == 0, result.output[-2000:]
        assert result.tasks[0]["hub-1"]["changed"]
        assert result.tasks[1]["hub-1"]["groups"][0]["list_shows"] == "active"
        status = Process("status", lab.file)
        status.wait_for("group GRP-0001 (id 1)")
        status.stop()
    finally:
        fleet.stop()
        server.stop()


def test_status_names_a_device_that_does_not_answer(lab):
    lab.add_device("hub-1", "v2", "set system host-name hub-1\n")
    lab.write()
    status = Process("status", lab.file)
    status.wait_for("is not reachable: nobody listens")
    status.stop()


def test_status_shows_what_nobody_would_see(lab):
    config = hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}, ("G1",))
    lab.add_device("hub-1", "v2", config.replace(" G1", ' "\u202e\u3164G1"'))
    server = lab.serve()
    try:
        status = Process("status", lab.file)
        status.wait_for(r"group \u202e\u3164G1 (id 1)")
        status.stop()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("devices: [{generation: v3, name: a}]", "generation"),
        ("devices: [{name: a, colour: red}]", "unknown key 'colour'"),
        ("devices: [{name: a, gdoi: {port: 99999}}]", "port"),
        ("members: [{name: m, server: nowhere, group: 1, psk: x}]", "server"),
        ("devices: [", "line"),
        ("devices: [{name: a, config: missing.conf}]", "missing.conf"),
    ],
)
def test_a_lab_file_that_cannot_be_used_says_where_it_is_wrong(tmp_path, text, words):
    file = tmp_path / "lab.yml"
    file.write_text(text)
    process = Process("serve", file)
    process.wait_for("keyserver: ")
    process.stop()
    shown = "\n".join(process.output)
    assert words in shown
    assert "Traceback" not in shown


PAGES = sorted(
    file.relative_to(ROOT)
    for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md"))
)
_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def _blocks(page: Path, language: str) -> list[str]:
    found = _FENCED.findall((ROOT / page).read_text("utf-8"))
    return [textwrap.dedent(body) for _, kind, body in found if kind == language]


def _is_playbook(document: object) -> bool:
    """Plays; rulebooks of Event-Driven Ansible have hosts and sources."""
    return isinstance(document, list) and all(
        isinstance(p, dict) and "hosts" in p and "sources" not in p for p in document
    )


def test_every_yaml_block_of_the_documents_is_yaml_and_every_play_one(tmp_path):
    books = []
    for one in PAGES:
        for block in _blocks(one, "yaml"):
            document = yaml.safe_load(block.replace("...}", "}"))
            if _is_playbook(document):
                books.append(tmp_path / f"{len(books)}.yml")
                books[-1].write_text(block)
    assert len(books) > 8
    (tmp_path / "hub-1.conf").touch()
    checked = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            *("--syntax-check", "-i", "key_servers,lab,"),
            *books,
        ],
        cwd=tmp_path,
        env=ansible_environment(),
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr


def test_every_shell_block_of_the_documents_parses():
    blocks = [(one, block) for one in PAGES for block in _blocks(one, "sh")]
    assert len(blocks) > 15
    for one, block in blocks:
        parsed = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert parsed.returncode == 0, f"{one}: {parsed.stderr}"


def test_every_page_begins_with_a_sentence_that_says_what_it_is():
    for one in PAGES:
        text = re.sub(r"<(a id|!--).*>\n", "", (ROOT / one).read_text("utf-8"))
        title, first = text.split("\n\n")[:2]
        assert title.startswith("# "), one
        assert re.match(r"(?!```)[\w`\"*\[]", first), f"{one}: {first}"


def test_every_link_inside_the_repository_leads_somewhere():
    lost = []
    for one in PAGES:
        text = _FENCED.sub("", (ROOT / one).read_text("utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not (ROOT / one.parent / target).exists():
                lost.append(f"{one}: {target}")
    assert lost == []


def test_every_goal_of_make_that_the_documents_name_is_there_and_help_says_what_it_does():
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    explained = re.findall(r"^make (\S+) +\S", helped.stdout, re.MULTILINE)
    # What is called within `make lint` and `make sanity-newest` is a part of them.
    parts = {"sanity", "style", "types"}
    code = re.compile(r"`[^`\n]*`|^```sh\n.*?^```", re.MULTILINE | re.DOTALL)
    named = {
        goal
        for one in PAGES
        for block in code.findall((ROOT / one).read_text("utf-8"))
        for goal in re.findall(r"\bmake (?:-\S+ )?([a-z-]+)\b", block)
    }
    assert {"demo", "test", "lint"} <= named
    assert named - parts <= set(explained)
