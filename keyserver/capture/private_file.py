# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files with keys in them: for their owner's eyes, or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path

_MODE = 0o600
# What is read of a file that is there already, in octets.
_FIRST = 64
# What is kept in memory while a disk is full, in octets.
MOST_WAITING = 64 * 1024 * 1024


class PrivateLog:
    """Appends lines to a file that only its owner may read; raises OSError for any other file.

    What cannot be written stops nobody: ``complain`` is told once, and it is written when there is
    room again. When more than ``most_waiting`` octets wait, ``complain`` is told that the rest is
    lost.
    """

    complain: Callable[[str], None] = staticmethod(lambda text: None)
    begins = re.compile(b"")
    """How its first line begins: keys are appended to no file that is something else."""

    def __init__(self, path: Path, most_waiting: int = MOST_WAITING) -> None:
        self.path = path
        self._most_waiting = most_waiting
        self._file = open_private(path, self.begins)
        # Who wrote to it before may have been cut off in the middle of a line.
        self._waiting = bytearray(b"" if _ends_with_a_line(self._file) else b"\n")
        self._is_behind = self._has_lost = False

    def append(self, lines: Iterable[str]) -> None:
        """Write these, behind what still waits."""
        octets = "".join(f"{line}\n" for line in lines).encode("ascii")
        if len(self._waiting) + len(octets) <= self._most_waiting:
            self._waiting += octets
        else:
            self._lose()
        try:
            self._write()
        except OSError as error:
            self._complain(error)

    def _write(self) -> None:
        while self._waiting:
            written = self._file.write(self._waiting)
            del self._waiting[:written]
        self._is_behind = False

    def _complain(self, error: OSError) -> None:
        if not self._is_behind:
            why = error.strerror or error
            self.complain(f"{self.path}: {why}; what is missing there follows when there is room")
        self._is_behind = True

    def _lose(self) -> None:
        if not self._has_lost:
            self.complain(f"{self.path}: too much waits for room there; from now on lines are lost")
        self._has_lost = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_private(path: Path, begins: re.Pattern[bytes] = PrivateLog.begins) -> FileIO:
    """A file to append to, made with mode 0600.

    Raises OSError for what cannot be opened, for a link, for a directory or a device, and for an
    existing file that another user owns, that is not for its owner alone or that begins otherwise.
    """
    descriptor = _descriptor(path)
    try:
        _check(os.fstat(descriptor))
        _check_contents(os.pread(descriptor, _FIRST, 0), begins)
    except OSError:
        os.close(descriptor)
        raise
    return FileIO(descriptor, "a")


def _descriptor(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _MODE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "is a symbolic link; name the file that it leads to") from None


def _ends_with_a_line(file: FileIO) -> bool:
    size = os.fstat(file.fileno()).st_size
    return not size or os.pread(file.fileno(), 1, size - 1) == b"\n"


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


def _check_contents(first: bytes, begins: re.Pattern[bytes]) -> None:
    if first and not begins.match(first):
        raise OSError(
            errno.EINVAL, "holds something else; keys would be appended to it: name another"
        )
