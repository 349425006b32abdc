# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""House rules that imports cannot show: each is kept, and each notices when it is not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dev.house.rules import (
    absolute_imports,
    acts_at_import,
    clock_and_files,
    faults,
    private_of_another,
)
from tests.lab import ROOT

# What may touch files, clock and terminal: as in the contracts of pyproject.toml.
OUTER = (
    "keyserver/cli.py",
    "keyserver/edge",
    "keyserver/lab.py",
    "keyserver/config/store.py",
    "keyserver/capture/keylog.py",
    "keyserver/capture/private_file.py",
    "keyserver/capture/sa_log.py",
    "plugins/action",
    "plugins/filter",
    "plugins/plugin_utils/netconf",
)
# timed_loop.py times asyncio itself, from within.
ON_THE_WAY = ("tests/benchmarks/timed_loop.py",)
# Single modules of inner rooms that do, and why.
BY_NAME = {
    "keyserver/config/statements.py": "reads the table that is part of the package",
    "plugins/plugin_utils/audit/expectations.py": "reads the user's files",
    "plugins/plugin_utils/audit/report.py": "writes the report",
    "plugins/plugin_utils/audit/judgement.py": "an audit that is told no time is one of now",
    "plugins/plugin_utils/members/wait_for.py": "waits for members; tests hand in their own clock",
}


def sources(*folders: str, but_for: tuple[str, ...] = ()) -> list[Path]:
    """Python files below folders of the repository, without those below others."""
    excepted = [ROOT / part for part in but_for]
    return [
        file
        for folder in folders
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not any(file.is_relative_to(part) for part in excepted)
    ]


def test_the_collection_imports_itself_relatively():
    assert not faults(absolute_imports, *sources("plugins"))


def test_clock_files_and_terminal_are_the_outer_rooms_business():
    inner = sources("plugins", "keyserver", but_for=(*OUTER, *BY_NAME))
    assert len(inner) > 100
    assert not faults(clock_and_files, *inner)


def test_nothing_acts_when_it_is_imported_but_prefork():
    assert not faults(acts_at_import, *sources("plugins", but_for=("plugins/action/prefork",)))
    assert faults(acts_at_import, *sources("plugins/action/prefork"))


def test_no_test_patches_what_another_keeps_to_itself():
    assert not faults(private_of_another, *sources("tests", but_for=ON_THE_WAY))


@pytest.mark.parametrize("module", BY_NAME)
def test_an_exception_is_still_needed(module):
    assert faults(clock_and_files, ROOT / module)


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (absolute_imports, "import ansible_collections.groupvpn.junos.plugins.plugin_utils.errors"),
        (absolute_imports, "from ansible_collections.groupvpn.junos.plugins import action"),
        (absolute_imports, "def f():\n    from plugins.plugin_utils import errors"),
        (clock_and_files, "started = datetime.datetime.now(UTC)"),
        (clock_and_files, "text = Path(name).read_text()"),
        (clock_and_files, "with open(name) as file: pass"),
        (clock_and_files, "print(answer)"),
        (clock_and_files, "__import__('socket').create_connection(address)"),
        (clock_and_files, "now: float = field(default_factory=time.time)"),
        (clock_and_files, "from time import monotonic"),
        (clock_and_files, "link = socket.create_connection(address)"),
        (acts_at_import, "gc.freeze()"),
        (acts_at_import, "for name in names: load(name)"),
        (private_of_another, "monkeypatch.setattr(transports, '_has_ssh', bool)"),
        (private_of_another, "monkeypatch.setattr('package.module._private', bool)"),
        (private_of_another, "mock.patch('package.module._private')"),
        (private_of_another, "mock.patch.object(device, '_now')"),
        (private_of_another, "group._heartbeat_due = 7"),
        (private_of_another, "del session.machine._pending"),
    ],
)
def test_a_breach_is_noticed(rule, line):
    assert list(rule(ast.parse(line)))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (absolute_imports, "from ..plugin_utils import errors"),
        (absolute_imports, "import ansible.errors"),
        (clock_and_files, "moment = datetime.datetime.fromtimestamp(now, UTC)"),
        (clock_and_files, "text = time.strftime('%H', time.gmtime(now))"),
        (clock_and_files, "octets = socket.inet_pton(socket.AF_INET6, text)"),
        (acts_at_import, "'''A docstring.'''\nWORD = re.compile('x')\ndef f():\n    g()"),
        (private_of_another, "self._path = path"),
        (private_of_another, "monkeypatch.setattr(transports, 'has_ssh', bool)"),
        (private_of_another, "monkeypatch.setenv('_NAME', 'x')"),
    ],
)
def test_what_is_right_is_left_alone(rule, line):
    assert not list(rule(ast.parse(line)))
