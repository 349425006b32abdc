# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a device has made of a change, which is judged by what it has, not by what it says.

A device may leave out a statement of a load, or make another value of it, without a word, and
commit the rest.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from .change import Action, Edit, set_lines
from .schema import Path, Tree
from .secret import Secret

_MOST = 5


def lacking(still: Iterable[Edit], before: Tree, found: Tree) -> list[Edit]:
    """Of what is ``still`` to be done, what a device has not taken of the change.

    ``before`` the change, and ``found`` after it. To remove what was not there before is not a part
    of a change: a device sets some things by itself.
    """
    return list(_lacking(still, before, found))


def _lacking(still: Iterable[Edit], before: Any, found: Any) -> Iterator[Edit]:
    for edit in still:
        was, now = _within(before, edit), _within(found, edit)
        moved = edit.activate or edit.behind is not None
        if edit.action is Action.DELETE:
            if was is not None:
                yield edit
        elif edit.action is Action.SET or moved:
            if moved or not _may_be(now, edit.value):
                yield edit
        else:
            inside = tuple(_lacking(edit.inside, was or {}, now or {}))
            if inside:
                yield edit._replace(inside=inside)


def _within(tree: Any, edit: Edit) -> Any:
    """What a tree has where something is done; None: nothing."""
    value = tree.get(edit.node.name)
    if edit.key is None or value is None:
        return value
    if isinstance(value, Mapping):
        return value.get(edit.key)
    return edit.key if edit.key in value else None


def _may_be(found: Any, wanted: Any) -> bool:
    """Whether a value that differs from what is wanted may mean the same."""
    if isinstance(found, Secret):
        return found.is_opaque
    with suppress(ValueError):
        return ipaddress.ip_address(str(found)) == ipaddress.ip_address(str(wanted))
    return False


def visible(change: Iterable[Edit]) -> list[Edit]:
    """A change without secrets that the device does not show: what they are is not known."""
    found = []
    for edit in change:
        inside = tuple(visible(edit.inside))
        hidden = isinstance(edit.value, Secret) and edit.value.is_withheld
        if inside or not (hidden or edit.inside):
            found.append(edit._replace(inside=inside))
    return found


def told(prefix: Path, change: list[Edit]) -> str:
    """A change in one line of set commands; secrets masked."""
    lines = set_lines(prefix, change)
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "; ".join([*lines[:_MOST], *more])
