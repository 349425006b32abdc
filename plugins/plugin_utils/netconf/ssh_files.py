# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where OpenSSH's client keeps its files."""

from __future__ import annotations

import os
import pwd
from functools import cache, lru_cache
from pathlib import Path

SYSTEM = Path("/etc/ssh")


@cache
def directory() -> Path:
    """The user's own: the account's, whatever ``HOME`` says.

    Continuous integration and containers set another. Asked for at first use: accounts may be kept
    elsewhere in the network.
    """
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        # Where nobody has a home, this is a name that is not there.
        home = os.path.expanduser("~")
    return Path(home) / ".ssh"


def own(name: str) -> Path:
    """One of the user's own files."""
    return directory() / name


def text(path: Path) -> str:
    """What a file says, read again when it has changed. Raises OSError."""
    state = path.stat()
    return _text(path, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=16)
def _text(path: Path, changed: int, size: int, number: int) -> str:
    """Each login of a fleet looks at the same few files."""
    return path.read_text(encoding="utf-8", errors="replace")
