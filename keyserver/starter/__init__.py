# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab to start from: files that are part of the package, and the writing of them."""

from __future__ import annotations

import os
import pkgutil
from pathlib import Path

FILES = ("lab.yml", "hub-1.conf", "inventory.yml", "rekeys.yml")
_IN_THE_WAY = "is there already; nothing was written: name another directory"


def write_starter(directory: Path) -> list[Path]:
    """Write the lab into a directory, which is made where it is missing; the files written.

    Raises OSError; FileExistsError where one of them is there already.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(0, "is no directory; name one", str(directory)) from None
    files = [directory / name for name in FILES]
    for file in files:
        if os.path.lexists(file):
            raise FileExistsError(0, _IN_THE_WAY, str(file))
    for file in files:
        content = pkgutil.get_data(__name__, file.name)
        assert content is not None
        with file.open("xb") as out:
            out.write(content)
    return files
