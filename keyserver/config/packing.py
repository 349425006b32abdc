# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations as JSON for the store: whole ones, and what makes one of another.

Whole: nested objects as in :mod:`.tree`, marks as arrays of ``[name]`` or ``[name, key]``, comments
with their text behind. A difference of two branches is an object with what it needs of

- ``"-"``: the names that went;
- ``"+"``: what came or has another value, by name;
- ``"~"``: the differences of branches in it, by name;
- ``"order"``: all names in their new order, where that is not the old one with what came behind.

Both have a checksum: a disk that lost a bit must not make another configuration of them.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from .tree import COMMENTS, MARKS, NOTHING, Branch, Identity, Tree, continues, differing

_GONE, _CAME, _WITHIN, _ORDER = "-", "+", "~", "order"


def pack(tree: Tree) -> tuple[bytes, int]:
    """A whole configuration, compressed, and how many octets it is unpacked."""
    plain = json.dumps(_encode(tree)).encode()
    return zlib.compress(plain, 1), len(plain)


def unpack(body: bytes) -> Branch:
    """What :func:`pack` made. Raises zlib.error or ValueError for anything else."""
    tree: Branch = _decoded(zlib.decompress(body))
    return tree


def pack_difference(old: Tree, new: Tree) -> bytes:
    """What makes ``new`` of ``old``; branches that are one object in both are not gone through."""
    return sealed(json.dumps(_difference(old, new) or {}).encode())


def sealed(difference: bytes) -> bytes:
    """A difference with its checksum; it is too short to be worth compressing."""
    return zlib.compress(difference, 0)


def patched(old: Tree, body: bytes) -> Branch:
    """``old`` with a difference that :func:`pack_difference` made.

    Raises zlib.error or ValueError for others.
    """
    try:
        return _patched(old, _decoded(zlib.decompress(body)))
    except (KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"a stored difference that cannot be read: {error!r}") from None


def _encode(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _encoded(name, inner) for name, inner in value.items()}
    return value


def _encoded(name: str, value: Any) -> Any:
    return _encode_marks(value) if name in MARKS else _encode(value)


def _encode_marks(marks: Any) -> list[Any]:
    if isinstance(marks, dict):
        return [[_identity_as_list(identity), text] for identity, text in marks.items()]
    return sorted(map(_identity_as_list, marks))


def _identity_as_list(identity: Identity) -> list[str]:
    return list(identity) if isinstance(identity, tuple) else [identity]


def _decoded(plain: bytes) -> Any:
    return json.loads(plain, object_hook=_branch)


def _branch(members: dict[str, Any]) -> Branch:
    for mark in MARKS & members.keys():
        members[mark] = _decode_marks(mark, members[mark])
    return Branch(members, None)


def _decode_marks(mark: str, kept: list[Any]) -> Any:
    if mark == COMMENTS:
        return {_identity(identity): text for identity, text in kept}
    return frozenset(map(_identity, kept))


def _identity(parts: list[str]) -> Identity:
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _difference(old: Tree, new: Tree) -> dict[str, Any] | None:
    """None where nothing differs."""
    came: dict[str, Any] = {}
    within: dict[str, Any] = {}
    for name in differing(new, old):
        value, was = new[name], old.get(name)
        if isinstance(value, dict) and isinstance(was, dict) and name not in MARKS:
            inner = _difference(was, value)
            if inner is not None:
                within[name] = inner
        elif value != was:
            came[name] = _encoded(name, value)
    gone, order = ([], []) if continues(new, old) else _names_changed(list(old), list(new))
    parts = {_GONE: gone, _CAME: came, _WITHIN: within, _ORDER: order}
    return {part: found for part, found in parts.items() if found} or None


def _names_changed(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """The names that went, and all as they stand now, if patching would not give that."""
    before, after = set(old), set(new)
    gone = [name for name in old if name not in after]
    expected = [name for name in old if name in after] + [n for n in new if n not in before]
    return gone, new if new != expected else []


def _patched(old: Tree, difference: dict[str, Any]) -> Branch:
    gone = set(difference.get(_GONE, ()))
    new = Branch({name: value for name, value in old.items() if name not in gone}, None)
    for name, inner in difference.get(_WITHIN, NOTHING).items():
        new[name] = _patched(old[name], inner)
    new.update(difference.get(_CAME, NOTHING))
    if _ORDER in difference:
        return Branch({name: new[name] for name in difference[_ORDER]}, None)
    return new
