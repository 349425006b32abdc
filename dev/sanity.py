# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make sanity``: ansible-test sanity on the built collection, without its downloads.

ansible-test fetches a script that bootstraps pip into each of its environments; the interpreter's
own ``ensurepip`` does the same. The collection is put into a git checkout, as ansible-test wants.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_BOOTSTRAP = """
import subprocess, sys
ensure = [sys.executable, "-m", "ensurepip", "--default-pip"]
subprocess.check_call(ensure, stdout=subprocess.DEVNULL)
args = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "pip", "install", *args])
"""


def _interpreters() -> str:
    """PATH with real interpreters instead of version-manager shims."""
    own = str(Path(sys.executable).parent)
    real = str(Path(os.path.realpath(sys.executable)).parent)
    rest = [p for p in os.environ["PATH"].split(os.pathsep) if "shims" not in p]
    return os.pathsep.join([own, real, *rest])


def main(collection: str) -> int:
    """Run sanity; its exit status."""
    cache = Path.home() / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    source = Path(sys.prefix) / "lib"
    for text in (p.read_text() for p in source.glob("python*/site-packages/ansible_test/**/*.py")):
        for version in re.findall(r"get_pip_(\d+_\d+(?:_\d+)?)\.py", text):
            (cache / f"get_pip_{version}.py").write_text(_BOOTSTRAP)
    for version in ("20_3_4", "24_0", "24_2", "25_0", "25_2"):
        (cache / f"get_pip_{version}.py").write_text(_BOOTSTRAP)
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "ansible_collections" / "groupvpn" / "junos"
        ignored = shutil.ignore_patterns("__pycache__", ".ready", "MANIFEST.json", "FILES.json")
        shutil.copytree(collection, target, ignore=ignored)
        shutil.copy(Path(__file__).parents[1] / "galaxy.yml", target)
        (target / ".gitignore").write_text("/tests/output/\n")
        subprocess.run(["git", "init", "-q"], cwd=target, check=True)
        subprocess.run(["git", "add", "-A"], cwd=target, check=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-test")),
                "sanity",
                "--venv",
                "--color",
                "no",
                "--python",
                version,
            ],
            cwd=target,
            env={**os.environ, "PATH": _interpreters()},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
