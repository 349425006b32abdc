# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab to start from: files that are part of the package, and the writing of them."""

from __future__ import annotations

import contextlib
import os
import pkgutil
from pathlib import Path

from ..lab.writing import writing

FILES = ("lab.yml", "hub-1.conf", "inventory.yml", "rekeys.yml")
_IN_THE_WAY = "is there already; nothing was written: name another directory"


def write_starter(directory: Path) -> list[Path]:
    """Write the lab into a directory, which is made where it is missing; the files written.

    Raises OSError; FileExistsError where one of them is there already.
    """
    _make(directory)
    files = [directory / name for name in FILES]
    for file in files:
        if os.path.lexists(file):
            raise FileExistsError(0, _IN_THE_WAY, str(file))
    with contextlib.ExitStack() as made:
        for file in files:
            _write(file, made)
        made.pop_all()
    return files


def _make(directory: Path) -> None:
    try:
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(0, "is no directory; name one", str(directory)) from None


def _write(file: Path, made: contextlib.ExitStack) -> None:
    """Write one; ``made`` takes it away again: half a lab would be in the way of the next one."""
    content = pkgutil.get_data(__name__, file.name)
    assert content is not None
    with writing(file), file.open("xb") as out:
        made.callback(file.unlink)
        out.write(content)
