# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the module that runs whole Group VPNs."""

from __future__ import annotations

from typing import Any


def group_vpn() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator``; a description is checked by its own room."""
    return {
        "argument_spec": {
            "groups": {"type": "list", "elements": "dict"},
            "exclusive": {"type": "bool", "default": False},
            "confirm_minutes": {"type": "int", "default": 10},
            "timeout": {"type": "int", "default": 300},
            "poll": {"type": "float", "default": 1.0},
            "comment": {"type": "str"},
            "outcome": {"type": "raw"},
        },
        "mutually_exclusive": [["groups", "outcome"]],
        "required_one_of": [["groups", "outcome"]],
    }
