# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is to be registered where, in the form that audits take."""

from __future__ import annotations

from typing import Any

from .description import Description


def registrations(description: Description) -> list[dict[str, Any]]:
    """Per group its servers (``host``) and members, by gateway and, where it is fixed, address."""
    return [
        {
            "group": group.name,
            "host": list(group.servers),
            "members": [_member(description, host) for host in group.members],
        }
        for group in description.groups
    ]


def _member(description: Description, host: str) -> dict[str, str]:
    device = description.devices[host]
    address = device.fixed_address
    return {"gateway": device.name, **({} if address is None else {"address": address})}
