# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the collection's modules, derived from the statement table."""

from __future__ import annotations

from typing import Any

from ..resources.server_member_communication import STATEMENTS, Statement, ValueKind

STATES = ("merged", "replaced", "overridden", "deleted", "gathered", "rendered", "parsed")


def _option(statement: Statement) -> dict[str, Any]:
    if statement.kind is ValueKind.ENUMERATION:
        return {"type": "str", "choices": list(statement.all_values())}
    return {"type": "int" if statement.kind is ValueKind.INTEGER else "str"}


def server_member_communication() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the resource module."""
    config = {"group": {"type": "str", "required": True}}
    config.update({statement.option: _option(statement) for statement in STATEMENTS})
    return {
        "argument_spec": {
            "config": {"type": "list", "elements": "dict", "options": config},
            "state": {"type": "str", "choices": list(STATES), "default": "merged"},
            "running_config": {"type": "str"},
            "generation": {"type": "str", "choices": ["auto", "v1", "v2"], "default": "auto"},
            "commit_comment": {"type": "str"},
            "commit_confirmed": {"type": "int"},
            "commit_synchronize": {"type": "bool", "default": False},
            "edit_mode": {
                "type": "str",
                "choices": ["exclusive", "private"],
                "default": "exclusive",
            },
            "pending_confirm": {"type": "str", "choices": ["warn", "refuse"], "default": "warn"},
            "validate_on_device": {"type": "bool", "default": False},
        },
        "required_if": [
            ["state", "merged", ["config"]],
            ["state", "replaced", ["config"]],
            ["state", "overridden", ["config"]],
            ["state", "rendered", ["config"]],
            ["state", "parsed", ["running_config"]],
        ],
        "mutually_exclusive": [["config", "running_config"]],
    }


def confirm_commit() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the confirmation."""
    return {"argument_spec": {"comment": {"type": "str"}, "change": {"type": "raw"}}}
