# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A description whose variables cannot all be had: what there is, and where each other one stands.

(A package, because each file beside the actions would need a module of its name.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleUndefinedVariable

from ...plugin_utils.group.description import GROUPS, Contradiction
from ...plugin_utils.group.sheet import called

_NAME = re.compile(r"\{\{\s*(?P<name>\w+)\s*\}\}")
_REMEDY = "define what it refers to"
_NOBODY_GAVE_IT = (
    "give it to the play, as in the inventory's group_vars/all; "
    "ansible-doc -t role groupvpn.junos.group_vpn says what it holds"
)


class Unread(str):
    """In a value's place, why it cannot be had."""


def why(error: AnsibleError) -> str:
    """Why a value cannot be had; only what names variables is repeated, the rest may hold keys."""
    if isinstance(error, AnsibleUndefinedVariable):
        return str(error)
    return f"its value can be neither rendered nor decrypted ({type(error).__name__})"


def rendered(value: Any, templar: Any) -> Any:
    """A value without templates; where one cannot be rendered stands an :class:`Unread`."""
    try:
        return templar.template(value)
    except AnsibleError as error:
        parts = _behind(value, templar.available_variables)
        if isinstance(parts, Mapping):
            return {name: rendered(part, templar) for name, part in parts.items()}
        if isinstance(parts, list | tuple):
            return [rendered(part, templar) for part in parts]
        return Unread(why(error))


def _behind(value: Any, variables: Mapping[str, Any], depth: int = 8) -> Any:
    """The list or mapping that a value is, or that it names; None for another value."""
    if isinstance(value, list | tuple | dict):
        return value
    named = _NAME.fullmatch(value.strip()) if isinstance(value, str) else None
    if named is None or not depth:
        return None
    return _behind(variables.get(named["name"]), variables, depth - 1)


def unread(value: Any, wrong: list[Contradiction], where: str = GROUPS) -> Any:
    """A value without what of it cannot be had, which is added to ``wrong``."""
    if isinstance(value, Unread):
        itself = where == GROUPS and f"'{GROUPS}' is undefined" in value
        wrong.append(
            Contradiction((), where, None, str(value), _NOBODY_GAVE_IT if itself else _REMEDY)
        )
        return None
    if isinstance(value, Mapping):
        return {name: unread(part, wrong, f"{where}.{name}") for name, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [
            (part, unread(part, wrong, f"{where}[{_called(part, number)}]"))
            for number, part in enumerate(value)
        ]
        # In a list nothing would be one more thing that is wrong.
        return [found for part, found in parts if not isinstance(part, Unread)]
    return value


def _called(part: Any, number: int) -> Any:
    nameless = isinstance(part, Mapping) and isinstance(part.get("name"), Unread)
    return number if nameless else called(part, number)
