# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells the service manager that started us that we are ready (sd_notify(3))."""

from __future__ import annotations

import os
import socket


def tell_ready() -> None:
    """Say READY=1 where systemd, or what speaks like it, asked to be told. Raises OSError."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect(address)
        manager.send(b"READY=1")
