# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The third-party libraries that the core uses, and what to say when one is not installed."""

from __future__ import annotations

from typing import Any

__all__ = [
    "MISSING",
    "HelloHandler",
    "JunosDeviceHandler",
    "SessionCloseError",
    "TransportError",
    "complaint",
    "etree",
]

MISSING: list[str] = []
"""Names of required libraries that cannot be imported."""

etree: Any = None
try:
    from lxml import etree
except ImportError:
    MISSING.append("lxml")

JunosDeviceHandler: Any = None
SessionCloseError: Any = None
TransportError: Any = None
HelloHandler: Any = None
try:
    from ncclient.devices.junos import JunosDeviceHandler
    from ncclient.transport.errors import SessionCloseError, TransportError
    from ncclient.transport.session import HelloHandler
except ImportError:
    MISSING.append("ncclient")


def complaint() -> str | None:
    """What to tell a user whose Ansible lacks a library; None when all are there."""
    if not MISSING:
        return None
    names = " ".join(MISSING)
    return (
        f"the collection needs Python libraries that this Ansible does not have: {names}; "
        f"install them where Ansible runs: pip install {names}"
    )
