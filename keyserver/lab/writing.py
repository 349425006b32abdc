# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are written: who cannot write one is told which one, and what helps."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a write that name no file: it has been open for long."""

_HELPS = dict.fromkeys(NO_ROOM, "make room there, or ") | dict.fromkeys(
    (errno.EACCES, errno.EPERM), "see who may write there, or "
)


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """Within it, a file is made or written. Raises OSError with a file's name and the remedy."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = f"{error.strerror or error}; {_HELPS.get(error.errno or 0, '')}name another"
        raise OSError(error.errno, why, str(error.filename or file)) from None
