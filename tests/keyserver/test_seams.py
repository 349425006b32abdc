# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a key server has beside GDOI can be taken away without a trace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab import ROOT

_REGISTRATION = "tests/keyserver/test_registration.py"


def _without(tree: Path, lines: dict[str, tuple[str, ...]]) -> None:
    for name, gone in lines.items():
        file = tree / name
        text = file.read_text(encoding="utf-8")
        for line in gone:
            assert line in text, f"{name} does not register with {line!r}"
            text = text.replace(line, "")
        file.write_text(text, encoding="utf-8")


def test_without_the_folder_of_the_cluster_and_its_registration_the_rest_serves(tmp_path):
    shutil.copytree(ROOT / "keyserver", tmp_path / "keyserver")
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.rmtree(tmp_path / "keyserver" / "cluster")
    _without(
        tmp_path,
        {
            "keyserver/features.py": (
                "from .cluster.rpcs import cluster_rpcs\n",
                "from .cluster.servers import ServerCluster\n",
                "Feature(ServerCluster, cluster_rpcs),",
            )
        },
    )
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "member or commit"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, _REGISTRATION],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
