# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible options of the collection's modules; those of resources derive from their tables."""

from __future__ import annotations

from typing import Any

from .resource import Resource
from .schema import Branch, Container, Kind, Leaf, List, Statement

STATES = ("merged", "replaced", "overridden", "deleted", "gathered", "rendered", "parsed")
_TYPES = {Kind.INTEGER: "int", Kind.FLAG: "bool"}


def option(statement: Statement) -> dict[str, Any]:
    """The Ansible option of a statement."""
    if isinstance(statement, List):
        if statement.is_bare:
            return {"type": "list", "elements": "str"}
        return {"type": "list", "elements": "dict", "options": entry_options(statement)}
    if isinstance(statement, Container):
        if statement.shorthand is not None:
            return {"type": "raw", "no_log": statement.holds_secrets}
        return {"type": "dict", "options": options(statement)}
    if not isinstance(statement, Leaf):
        raise AssertionError(statement)
    return _leaf(statement)


def _leaf(leaf: Leaf) -> dict[str, Any]:
    if leaf.many:
        return {"type": "list", "elements": "str"}
    if leaf.kind is Kind.ENUMERATION:
        return {"type": "str", "choices": list(leaf.all_values())}
    found: dict[str, Any] = {"type": _TYPES.get(leaf.kind, "str")}
    # Names such as pre_shared_key or certificate would be taken for secrets, or not, by guessing.
    return {**found, "no_log": leaf.secret} if leaf.secret or "key" in leaf.name else found


def options(node: Branch) -> dict[str, Any]:
    """The Ansible options of what stands in a branch."""
    found: dict[str, Any] = {}
    for child in node.managed:
        if isinstance(child, Container) and child.inline:
            found.update(options(child))
        else:
            found[child.option] = option(child)
    return found


def entry_options(node: List) -> dict[str, Any]:
    """The Ansible options of a list's entry."""
    names = {leaf.option: {"type": "str", "required": True} for leaf in node.keys}
    return {**names, **options(node)}


def _config(resource: Resource) -> dict[str, Any]:
    anchored = resource.anchored
    if anchored is not None:
        return {"type": "list", "elements": "dict", "options": entry_options(anchored)}
    return {"type": "dict", "options": options(resource.asked)}


def resource_options(resource: Resource) -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for a resource module."""
    spec: dict[str, Any] = {
        "config": _config(resource),
        "state": {"type": "str", "choices": list(STATES), "default": "merged"},
        "all": {"type": "bool", "default": False},
        "running_config": {"type": "str"},
        "generation": {"type": "str", "choices": ["auto", "v1", "v2"], "default": "auto"},
        "commit_comment": {"type": "str"},
        "commit_confirmed": {"type": "int"},
        "commit_synchronize": {"type": "bool", "default": False},
        "edit_mode": {"type": "str", "choices": ["exclusive", "private"], "default": "exclusive"},
        "pending_confirm": {"type": "str", "choices": ["warn", "refuse"], "default": "warn"},
        "validate_on_device": {"type": "bool", "default": False},
    }
    if resource.has_secrets:
        spec["update_password"] = {
            "type": "str",
            "choices": ["always", "on_create"],
            "default": "always",
            "no_log": False,
        }
    needs = [
        ["state", state, ["config"]] for state in ("merged", "replaced", "overridden", "rendered")
    ]
    return {
        "argument_spec": spec,
        "required_if": [*needs, ["state", "parsed", ["running_config"]]],
        "mutually_exclusive": [["config", "running_config"], ["config", "all"]],
    }


def confirm_commit() -> dict[str, Any]:
    """Arguments of ``ArgumentSpecValidator`` for the confirmation."""
    return {"argument_spec": {"comment": {"type": "str"}, "change": {"type": "raw"}}}
