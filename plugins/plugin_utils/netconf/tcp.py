# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection below SSH, for the carriers that do not make it themselves."""

from __future__ import annotations

import getpass
import socket

from .session import Target


def dial(target: Target) -> socket.socket:
    """A connection to a target. Raises OSError."""
    reached = socket.create_connection((target.host, target.port), target.connect_timeout)
    # Each small packet of the login would wait for the delayed acknowledgement of the one before.
    reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return reached


def user_of(target: Target) -> str:
    """As whom to log in: as whoever runs this, where nobody is named."""
    return target.user or getpass.getuser()
