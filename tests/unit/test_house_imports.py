# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contracts of ``pyproject.toml`` hold, and each of them notices when it does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration

from tests.lab import ROOT

CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
}
# (contract, file, a line that breaks it, what the report says)
BREACHES = [
    ("wall", "plugins/plugin_utils/engine/plan.py", "import keyserver.ike.wire", "keyserver"),
    ("wall", "keyserver/ike/wire.py", "from plugins.plugin_utils import errors", "plugins"),
    (
        "collection-floors",
        "plugins/plugin_utils/netconf/rpc.py",
        "from ... import action",
        "action",
    ),
    ("collection-floors", "plugins/lookup/new.py", "", "lookup"),
    ("core-floors", "plugins/plugin_utils/netconf/rpc.py", "from .. import engine", "engine"),
    ("core-floors", "plugins/plugin_utils/utils.py", "", "utils"),
    ("key-server-floors", "keyserver/config/show.py", "import keyserver.srx", "srx"),
    ("key-server-floors", "keyserver/gdoi/wire.py", "import keyserver.groups.keys", "groups"),
    ("key-server-floors", "keyserver/attic/new.py", "", "attic"),
    ("no-circles", "keyserver/ike/wire.py", "import keyserver.ike.main_mode", "wire"),
    ("key-server-computes", "keyserver/gdoi/pull.py", "import socket", "pull imports socket (l.1)"),
    (
        "key-server-computes",
        "keyserver/ike/dpd.py",
        "def f():\n    import time",
        "dpd imports time",
    ),
    ("key-server-computes", "keyserver/srx.py", "import asyncio.tasks", "srx imports asyncio"),
    ("key-server-computes", "keyserver/groups/keys.py", "import sqlite3", "keys imports sqlite3"),
    ("key-server-computes", "keyserver/config/show.py", "import os.path", "show imports os"),
    ("store", "keyserver/config/store.py", "import socket", "store imports socket"),
    ("parsing", "keyserver/config/parsing.py", "import socket", "parsing imports socket"),
    ("files", "keyserver/lab/text.py", "import subprocess", "lab.text imports subprocess"),
    ("core-computes", "plugins/plugin_utils/engine/plan.py", "import ansible.errors", "ansible"),
    ("core-computes", "plugins/plugin_utils/audit/findings.py", "import sqlite3", "sqlite3"),
    ("core-files", "plugins/plugin_utils/audit/files.py", "import socket", "imports socket"),
    ("core-computes", "plugins/plugin_utils/resources/new.py", "import os", "new imports os"),
]


def verdicts(root: Path) -> tuple[dict[str, bool], str]:
    """(contract: is it kept, the whole report) for the sources below a directory."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=root,
        env={**os.environ, "COLUMNS": "500", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout + done.stderr
    marks = {
        name: re.search(rf"{re.escape(name)} (KEPT|BROKEN)", report) for name in CONTRACTS.values()
    }
    assert all(marks.values()), report
    return {i: marks[name][1] == "KEPT" for i, name in CONTRACTS.items() if marks[name]}, report


@pytest.fixture(scope="module")
def today():
    return verdicts(ROOT)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_house_keeps_its_contract(today, contract):
    kept, report = today
    assert kept[contract], report


@pytest.mark.parametrize(
    ("contract", "file", "line", "told"), BREACHES, ids=[f"{b[0]}-{b[1]}" for b in BREACHES]
)
def test_a_breach_is_noticed_and_named(tmp_path, contract, file, line, told):
    for part in ("plugins", "keyserver", "dev"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    path.write_text(f"{line}\n{path.read_text() if path.exists() else ''}")
    kept, report = verdicts(tmp_path)
    assert not kept[contract]
    assert told in report.partition("Broken contracts")[2].partition(CONTRACTS[contract])[2]


def test_every_contract_is_broken_once_here():
    assert {breach[0] for breach in BREACHES} == set(CONTRACTS)
