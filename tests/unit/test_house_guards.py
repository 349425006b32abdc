# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guards of the house: what each is asked of keeps it, and each is broken once here.

Imports are guarded by test_house_imports.py, in the same way.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from dev.house import rules, texts
from dev.house.files import sources, without, written
from dev.module_pages import MODULES, ROLES
from tests.lab import ROOT

PLUGINS = "ansible_collections.groupvpn.junos.plugins"
RUFF = ROOT / "build" / "lint" / "bin" / "ruff"

# What may touch files, clock and terminal: as in the contracts of pyproject.toml.
OUTER = (
    "keyserver/__main__.py",
    "keyserver/cli.py",
    "keyserver/edge",
    "keyserver/lab/certificates.py",
    "keyserver/lab/text.py",
    "keyserver/config/store.py",
    "keyserver/capture/keylog.py",
    "keyserver/capture/private_file.py",
    "keyserver/capture/sa_log.py",
    "keyserver/pytest_plugin.py",
    "keyserver/starter",
    "keyserver/testing.py",
    "plugins/action",
    "plugins/filter",
    "plugins/plugin_utils/netconf",
)
# Single modules of inner rooms that do, and why.
BY_NAME = {
    "keyserver/config/statements.py": "reads the table that is part of the package",
    "plugins/plugin_utils/audit/sources.py": "reads the user's files",
    "plugins/plugin_utils/audit/files.py": "writes the report, reads an earlier one",
    "plugins/plugin_utils/audit/fleet.py": "a document that is told no time is made now",
    "plugins/plugin_utils/audit/page.py": "reads the page's template",
    "plugins/plugin_utils/audit/group_audit.py": "an audit that is told no time is one of now",
    "plugins/plugin_utils/members/wait_for.py": "waits for members; tests hand in their own clock",
}
# Where something stands all the same, and why.
PREFORK = {"plugins/action/prefork": "this is what it is for"}
PRIVATES = {
    "tests/benchmarks/timed_loop.py": "times asyncio itself, from within",
    "tests/rude/questions.py": "lets asyncssh begin a login anew, as OpenSSH's server does",
}
HOOKS = {"plugins/plugin_utils/netconf/paramiko.py": "paramiko's timer has no constructor of ours"}
SLEEPS = {
    "tests/benchmarks/configurations.py": "measures what time without work costs",
    "tests/benchmarks/loop.py": "gives a client time to fill what nobody reads",
    "tests/integration/test_half_a_fleet.py": "waits for whom it tests, between two looks",
    "tests/integration/test_kills.py": "chooses the instant of a kill; what holds, holds at any",
}
CROWDED = {
    "keyserver/cluster/link.py": "both ends of one protocol, whose state they share",
    "keyserver/edge/channel.py": "asyncssh calls a method for each thing that happens to a channel",
    "keyserver/member/keys.py": "KEK and TEKs come and go in one message",
    "keyserver/member/traffic.py": "what one key becomes depends on all others of its traffic",
    "plugins/plugin_utils/group/describe.py": "one method for each part of a description",
}
OF_JUNOS = "Junos' own words, which are the same for one"
PLURALS = {
    "keyserver/netconf/presentation.py": OF_JUNOS,
    "keyserver/netconf/rpcs/configuration/answers.py": OF_JUNOS,
    "keyserver/netconf/rpcs/configuration/committing.py": OF_JUNOS,
}
BREAKS_THEM = "breaks this rule, to see it noticed"
HOMES = {
    "tests/unit/test_house_guards.py": BREAKS_THEM,
    "tests/unit/test_house_rules.py": BREAKS_THEM,
}
ADDRESSES = {
    **HOMES,
    "tests/unit/test_members_property.py": "the bounds from which hypothesis draws addresses",
    "tests/unit/test_small_parts.py": "the bounds of what is not a multicast address",
    "tests/keyserver/generated.py": "a number of SNMP's, which has four parts",
}


class Guard(NamedTuple):
    """The faults that it finds in a text that would stand at a place, and where it looks.

    ``but_for``: the places where it would find something, and why that may stand.
    """

    faults: Callable[[str, Path], list[str]]
    files: list[Path]
    but_for: dict[str, str]


def of_trees(rule: rules.Rule, files: list[Path], but_for: dict[str, str]) -> Guard:
    """A guard that reads syntax trees."""
    return Guard(lambda text, _file: [f for _, f in rule(ast.parse(text))], files, but_for)


def of_texts(rule: texts.Rule, but_for: dict[str, str]) -> Guard:
    """A guard that reads whatever was written."""
    return Guard(lambda text, _file: [f for _, f in rule(text)], written(), but_for)


GUARDS = {
    "imports in the collection are relative": of_trees(
        rules.absolute_imports, sources("plugins"), {}
    ),
    "clock, files and terminal are the outer rooms'": of_trees(
        rules.clock_and_files, sources("plugins", "keyserver", but_for=OUTER), BY_NAME
    ),
    "nothing acts when it is imported": of_trees(rules.acts_at_import, sources("plugins"), PREFORK),
    "no text and no log tells a secret": of_trees(
        rules.tells_secrets, sources("plugins", "keyserver", "extensions"), {}
    ),
    "what is to be called is given to a constructor": of_trees(
        rules.hooks, sources("plugins", "keyserver"), HOOKS
    ),
    "a class is one thing": of_trees(rules.crowded, sources("plugins", "keyserver"), CROWDED),
    "no test patches what is private to another": of_trees(
        rules.private_of_another, sources("tests"), PRIVATES
    ),
    "no sleep decides what a test finds": of_trees(rules.sleeps, sources("tests"), SLEEPS),
    "one thing is not told of as several": of_trees(
        rules.plurals, sources("plugins", "keyserver", "extensions"), PLURALS
    ),
    "no path of one machine": of_texts(texts.homes, HOMES),
    "no address that may be somebody's": of_texts(texts.strangers, ADDRESSES),
}
# (guard, file, what is planted there)
BREACHES = [
    (
        "imports in the collection are relative",
        "plugins/plugin_utils/engine/plan.py",
        "from ansible_collections.groupvpn.junos.plugins.plugin_utils import errors",
    ),
    (
        "clock, files and terminal are the outer rooms'",
        "keyserver/ike/wire.py",
        "def now():\n    return datetime.now()",
    ),
    (
        "clock, files and terminal are the outer rooms'",
        "plugins/plugin_utils/engine/plan.py",
        "print(plan)",
    ),
    ("nothing acts when it is imported", "plugins/action/member.py", "gc.freeze()"),
    (
        "no text and no log tells a secret",
        "plugins/connection/netconf.py",
        "display.vvv(f'login with {target.password}')",
    ),
    ("no text and no log tells a secret", "keyserver/edge/login.py", "logger.info('%s', password)"),
    (
        "what is to be called is given to a constructor",
        "keyserver/edge/serve.py",
        "plane.device.internet = partial(carry, plane)",
    ),
    ("what is to be called is given to a constructor", "keyserver/srx.py", "safe.on_trouble = say"),
    (
        "a class is one thing",
        "keyserver/groups/group.py",
        "class Crowd:\n" + "".join(f"    def m{n}(self): ...\n" for n in range(23)),
    ),
    (
        "no test patches what is private to another",
        "tests/unit/test_engine.py",
        "plan._walk = lambda node: ()",
    ),
    ("no sleep decides what a test finds", "tests/keyserver/test_rekey.py", "time.sleep(2)"),
    (
        "one thing is not told of as several",
        "keyserver/edge/run.py",
        "print(f'ready: {len(lab.devices)} key servers')",
    ),
    (
        "one thing is not told of as several",
        "plugins/plugin_utils/audit/screen.py",
        "line = f'and {left} more groups'",
    ),
    ("no path of one machine", "docs/architecture.md", "as in /home/somebody/junos/lab.yml"),
    ("no path of one machine", "dev/demo.py", "ROOT = '/workspace/main'"),
    ("no address that may be somebody's", "README.md", "ansible_host: 8.8.8.8"),
]


@pytest.mark.parametrize("name", GUARDS)
def test_the_house_keeps_its_rules(name):
    guard = GUARDS[name]
    files = without(guard.files, *guard.but_for)
    assert len(files) > 50
    assert not {str(file): found for file in files if (found := _faults(guard, file))}


def _faults(guard: Guard, file: Path) -> list[str]:
    try:
        return guard.faults(file.read_text(encoding="utf-8"), file)
    except UnicodeDecodeError:
        return []  # A picture.


@pytest.mark.parametrize(("name", "file", "line"), BREACHES)
def test_a_breach_in_the_house_is_noticed(name, file, line):
    guard, path = GUARDS[name], ROOT / file
    assert path in without(guard.files, *guard.but_for)
    assert guard.faults(f"{path.read_text()}\n{line}\n", path)


def test_every_guard_is_broken_once_here():
    assert {breach[0] for breach in BREACHES} == set(GUARDS)


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, guard in GUARDS.items() for place in guard.but_for]
)
def test_an_exception_is_still_needed(name, place):
    guard = GUARDS[name]
    inside = [f for f in guard.files if f.is_relative_to(ROOT / place)]
    assert any(_faults(guard, file) for file in inside)


# What a linter guards


@pytest.mark.skipif(not RUFF.exists(), reason="ruff is not installed")
def test_a_function_that_takes_eleven_ways_is_noticed():
    ways = "\n".join(f"    if n == {n}:\n        return {n}" for n in range(10))
    for place in ("plugins/plugin_utils/engine/plan.py", "keyserver/ike/wire.py", "tests/lab.py"):
        assert "C901" in _linted(f"def ways(n):\n{ways}\n", place)


@pytest.mark.skipif(not RUFF.exists(), reason="ruff is not installed")
def test_a_function_of_more_than_seventeen_statements_is_noticed():
    lines = "".join(f"    n += {n}\n" for n in range(18))
    for place in ("plugins/plugin_utils/engine/plan.py", "keyserver/ike/wire.py", "dev/demo.py"):
        assert "PLR0915" in _linted(f"def adds(n):\n{lines}", place)


def _linted(text: str, place: str) -> str:
    command = [str(RUFF), "check", "--output-format", "concise", "--stdin-filename", place, "-"]
    done = subprocess.run(
        command, cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    return done.stdout


# Options that nobody reads


def unread(options: set[str], files: list[Path]) -> set[str]:
    """Options that no code names: neither as a word, nor as an attribute or an argument."""
    named = {word for file in files for word in _words(ast.parse(file.read_text()))}
    return options - named


def _words(tree: ast.Module):
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(word)) | ast.Attribute(attr=word) | ast.keyword(arg=word):
                yield word


def _readers() -> list[Path]:
    """Code that may read an option; not what declares and documents it."""
    declared = [f"plugins/plugin_utils/{room}/options.py" for room in ("members", "audit", "group")]
    return sources("plugins", but_for=("plugins/modules", "plugins/doc_fragments", *declared))


def _names(spec: dict) -> set[str]:
    """What a table makes below ``config`` is read by walking the table."""
    inside = [option.get("options", {}) for name, option in spec.items() if name != "config"]
    return set(spec).union(*map(_names, inside))


def test_every_option_of_a_module_is_read():
    actions = [importlib.import_module(f"{PLUGINS}.action.{module}") for module in MODULES]
    options = {n for a in actions for n in _names(a.ActionModule.options["argument_spec"])}
    assert not unread(options, _readers())


def test_an_option_that_nobody_reads_is_noticed():
    assert unread({"poll", "colour_of_the_page"}, _readers()) == {"colour_of_the_page"}


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_of_a_role_is_read(role):
    folder = ROOT / "roles" / role
    spec = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())
    used = "\n".join(
        file.read_text()
        for part in ("tasks", "templates", "handlers", "vars")
        for file in (folder / part).rglob("*")
        if file.is_file()
    )
    read = importlib.import_module(f"{PLUGINS}.plugin_utils.group.reading").HOST_VARIABLES
    of_hosts = {f"group_vpn_{name}" for name in read}
    options = set(spec["argument_specs"]["main"]["options"])
    assert not {name for name in options - of_hosts if name not in used}


# The changelog

FRAGMENTS = sorted((ROOT / "changelogs" / "fragments").glob("*.yml"))
RELEASES = ROOT / "changelogs" / "changelog.yaml"


def test_every_fragment_of_the_changelog_can_be_read():
    """A line of reStructuredText that begins with a quotation is no YAML; ansible-lint counts."""
    for file in FRAGMENTS:
        text = file.read_text(encoding="utf-8")
        entries = yaml.safe_load(text).values()
        assert all(isinstance(line, str) for lines in entries for line in lines), file
        assert max(map(len, text.splitlines())) <= 160, f"{file}: a line is longer than 160"
        # ansible-lint goes by names: it would read this one as plays.
        assert not re.search(r"playbook|tasks|handlers|molecule|requirements", file.stem), file


def test_the_changelog_has_no_markup_of_modules():
    """Its pages would show the signs themselves: here code stands between ``double backticks``."""
    texts = {file: file.read_text(encoding="utf-8") for file in (*FRAGMENTS, RELEASES)}
    assert [file for file, text in texts.items() if re.search(r"\b[A-Z]\([^)]*\)", text)] == []
