# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the modules about audits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def membership_audit() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the audit."""
    return {
        "argument_spec": {
            "groups": {"type": "list", "elements": "dict"},
            "expected": {"type": "raw"},
            "expected_file": {"type": "path"},
            "previous": {"type": "raw"},
            "stale_after": {"type": "int", "default": 86400},
            "settle_seconds": {"type": "int", "default": 3600},
            "configured_ago": {"type": "float"},
            "now": {"type": "float"},
        },
        "mutually_exclusive": [["expected", "expected_file"]],
    }


def objections(options: Mapping[str, Any]) -> list[str]:
    """Spans of time that lie before their beginning: everybody would be stale, or nobody absent."""
    spans = ("stale_after", "settle_seconds", "configured_ago")
    return [
        f"{name} {options[name]}: seconds from 0 up are expected; correct {name!r}"
        for name in spans
        if (options[name] or 0) < 0
    ]


def membership_report() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the report."""
    return {
        "argument_spec": {
            "audits": {"type": "dict", "required": True},
            "directory": {"type": "path", "required": True},
            "run": {"type": "str"},
            "template": {"type": "path"},
            "merge": {"type": "list", "elements": "path", "default": []},
            "history": {"type": "list", "elements": "path", "default": []},
            "pending": {"type": "list", "elements": "str", "default": []},
            "fail_at": {
                "type": "str",
                "choices": ["never", "info", "warning", "error"],
                "default": "never",
            },
            "title": {"type": "str", "default": "Group VPN membership audit"},
        },
    }
