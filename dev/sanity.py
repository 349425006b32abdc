# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make sanity``: ansible-test sanity on the built collection, without its downloads.

ansible-test fetches a script that bootstraps pip into each of its environments; the interpreter's
own ``ensurepip`` does the same. The collection is put into a git checkout, as ansible-test wants.
What ansible-test keeps in ``~/.ansible`` it keeps below ``build/sanity``, one home per pair of core
and Python, so that pairs can run side by side.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).parents[1]
CORE = version("ansible-core")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Not how pip fills ansible-test's environments, unless it fails.
_WORTH_READING = re.compile(
    r"ERROR|FATAL|See documentation|WARNING: (?!Location |Using locale |Reviewing )"
)
_BOOTSTRAP = """
import subprocess, sys
ensure = [sys.executable, "-m", "ensurepip", "--default-pip"]
subprocess.check_call(ensure, stdout=subprocess.DEVNULL)
args = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "pip", "install", *args])
"""
# Where pip reads its settings and keeps its wheels: the only parts of the developer's home in use.
_PIPS_OWN = (".config/pip", ".pip", ".cache/pip")


def _interpreters() -> str:
    """PATH with real interpreters instead of version-manager shims."""
    own = str(Path(sys.executable).parent)
    real = str(Path(os.path.realpath(sys.executable)).parent)
    rest = [p for p in os.environ["PATH"].split(os.pathsep) if "shims" not in p]
    return os.pathsep.join([own, real, *rest])


def _home() -> Path:
    """The home directory that ansible-test sees."""
    home = ROOT / "build" / "sanity" / f"core-{CORE}-python-{PYTHON}"
    home.mkdir(parents=True, exist_ok=True)
    for part in _PIPS_OWN:
        theirs, ours = Path.home() / part, home / part
        ours.parent.mkdir(exist_ok=True)
        if theirs.is_dir() and not ours.is_symlink():
            ours.symlink_to(theirs)
    return home


def _without_download(home: Path) -> None:
    """Put the bootstrap where ansible-test looks for the script before it fetches it."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    sources = (Path(sys.prefix) / "lib").glob("python*/site-packages/ansible_test/**/*.py")
    wanted = {v for p in sources for v in re.findall(r"get_pip_(\d+_\d+(?:_\d+)?)", p.read_text())}
    for name in wanted | {"20_3_4", "24_0", "24_2", "25_0", "25_2"}:
        (cache / f"get_pip_{name}.py").write_text(_BOOTSTRAP)


def _checkout(collection: Path, directory: Path) -> Path:
    """The collection in a git checkout below ``ansible_collections``."""
    target = directory / "ansible_collections" / "groupvpn" / "junos"
    ignored = shutil.ignore_patterns("__pycache__", ".ready", "MANIFEST.json", "FILES.json")
    shutil.copytree(collection, target, ignore=ignored)
    shutil.copy(ROOT / "galaxy.yml", target)
    (target / ".gitignore").write_text("/tests/output/\n")
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    subprocess.run(["git", "add", "-A"], cwd=target, check=True)
    return target


def _say(lines: Iterable[str], log: TextIO) -> None:
    """Print what a reader wants; everything goes into the log."""
    for line in lines:
        log.write(line)
        if _WORTH_READING.match(line):
            print(line, end="", flush=True)


def main(collection: str) -> int:
    """Run sanity; its exit status."""
    home = _home()
    _without_download(home)
    tool = Path(sys.executable).with_name("ansible-test")
    with tempfile.TemporaryDirectory() as directory, (home / "log").open("w") as log:
        run = subprocess.Popen(
            [str(tool), "sanity", "--venv", "--color", "no", "--python", PYTHON],
            cwd=_checkout(Path(collection), Path(directory)),
            env={**os.environ, "PATH": _interpreters(), "HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.stdout is not None
        _say(run.stdout, log)
        run.wait()
    outcome = (
        "nothing to report" if run.returncode == 0 else f"FAILED, whole output: {home / 'log'}"
    )
    print(f"sanity, ansible-core {CORE}, Python {PYTHON}: {outcome}")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
