# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the modules about registered members."""

from __future__ import annotations

from collections.abc import Iterable
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


def shown(parts: Iterable[str]) -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for what a device shows in parts."""
    subset = {"type": "list", "elements": "str", "choices": ["all", *parts], "default": ["all"]}
    return {"argument_spec": {"gather_subset": subset}}


def clear_members() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for clearing."""
    return {
        "argument_spec": {
            "group": {"type": "str"},
            "all": {"type": "bool", "default": False},
            "now": {"type": "bool", "default": False},
            "statistics": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [["now", "statistics"]],
    }


def wait_for_members() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for waiting."""
    group = {
        "group": {"type": "str", "required": True},
        "members": {"type": "list", "elements": "str", "default": []},
        "min_members": {"type": "int", "default": 0},
        "absent": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "argument_spec": {
            "groups": {"type": "list", "elements": "dict", "options": group, "default": []},
            "change": {"type": "dict"},
            "since": {"type": "dict"},
            "cleared": {"type": "bool", "default": False},
            "timeout": {"type": "int"},
            "poll": {"type": "int", "default": 5},
            "confirm_within": {"type": "int"},
        },
    }
