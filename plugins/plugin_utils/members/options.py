# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the modules about registered members."""

from __future__ import annotations

from typing import Any


def registered_members_info() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the info module."""
    return {
        "argument_spec": {
            "group": {"type": "str"},
            "group_id": {"type": "int"},
            "peer_address": {"type": "str"},
            "detail": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [["group", "group_id", "peer_address"]],
    }
