# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files with keys in them: for their owner's eyes, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TextIO

_MODE = 0o600


def open_private(path: Path) -> TextIO:
    """A text file to append to, made with mode 0600.

    Raises OSError for what cannot be opened, for a link, for a directory or a device, and for an
    existing file that another user owns or that is not for its owner alone.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    descriptor = os.open(path, flags, _MODE)
    try:
        _check(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "w", encoding="ascii")


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is a directory or a device; keys are written to plain files")
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "belongs to another user; remove it or name another file")
    if stat.S_IMODE(found.st_mode) != _MODE:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        raise OSError(
            errno.EPERM, f"has mode {mode}, a file with keys needs 0600; remove it or chmod 600 it"
        )
