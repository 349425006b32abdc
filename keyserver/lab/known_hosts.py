# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file with the devices' host keys, in which keys of others may stand, too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .specs import LabError

_LINE = re.compile(r"\s*(#.*|(@\S+\s+)?\S+\s+(ssh|ecdsa|sk)-\S+\s+AAAA\S+.*)?")
"""What sshd(8) says of SSH_KNOWN_HOSTS; a file with other lines is somebody's, and no such file."""


def with_keys(path: Path, text: str, keys: Mapping[str, Sequence[str]]) -> str:
    """A file's text with the keys of each host (``[address]:port``); the lines of others stay.

    Raises LabError.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise LabError(
                f"{path}: line {number}: the key of a host is expected; name another file for "
                "known_hosts"
            )
    kept = [line for line in lines if line.partition(" ")[0] not in keys]
    own = [f"{host} {key}" for host, some in keys.items() for key in some]
    return "".join(f"{line}\n" for line in (*kept, *own))
