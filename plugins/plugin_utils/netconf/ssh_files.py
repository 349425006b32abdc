# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where OpenSSH's client keeps its files."""

from __future__ import annotations

import os
import pwd
from functools import cache
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
