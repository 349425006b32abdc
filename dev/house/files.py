# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that a house rule is about."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is made, and what tools keep.
_MADE = {"build", ".git", ".venv", ".ansible", "__pycache__", ".hypothesis"}
_MADE |= {".pytest_cache", ".mypy_cache", ".ruff_cache"}


def sources(*folders: str, but_for: tuple[str, ...] = ()) -> list[Path]:
    """Python files below folders of the repository, without those below others."""
    return without([f for name in folders for f in sorted((ROOT / name).rglob("*.py"))], *but_for)


def without(files: list[Path], *excepted: str) -> list[Path]:
    """Files but for those that are, or lie below, one of these of the repository."""
    parts = [ROOT / name for name in excepted]
    return [file for file in files if not any(file.is_relative_to(part) for part in parts)]


def written() -> list[Path]:
    """Every file of the repository; where there is no git, what is not plainly made."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    if listed.returncode != 0:
        names = [str(file.relative_to(ROOT)) for file in ROOT.rglob("*")]
    files = [ROOT / name for name in names if not set(Path(name).parts) & _MADE]
    return sorted(file for file in files if file.is_file())
