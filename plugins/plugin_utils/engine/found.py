# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a reader finds, put into the tree of a resource's statements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..errors import MalformedReply
from .counting import counted
from .schema import Branch, Container, Kind, Leaf, List, Path, Statement, Tree, trees, value_at
from .secret import Secret, read_secret
from .tree import Configuration, Reading, cut, is_ours, is_there, tidied
from .withheld import UNKNOWN, is_withheld, left_out

GROUPS, APPLY_GROUPS = "groups", "apply-groups"
_OF_NODE, _NODE = "${node}", re.compile("node[0-9]+")
"""A name that each node of a chassis cluster puts its own name in for."""
OTHERS = ("logical-systems", "tenants")
"""Parts of a device that have hierarchies of their own, of the same names."""
OF_TEXT = (
    "what these configuration groups bring in is not part of this reading",
    "give 'show configuration | display inheritance | display xml' for what is in force, or read "
    "the device",
)
OF_DEVICE = (
    "the device was asked for what these configuration groups bring in, and marks nothing as "
    "theirs, so whether any of it is missing in this reading is not known",
    "compare 'show configuration | display inheritance' on the device",
)
"""What is not known where configuration groups are applied, and what to do."""
_LONGEST_NUMBER = 12
_MOST_NOTES = 20


@dataclass
class Found:
    """Statements as they are found, from the top of the configuration on.

    ``sources`` holds the configuration group of what is inherited, ``unread`` the places of what
    the table does not know where it knows all, ``withheld`` the secrets that a device does not
    show. ``applied`` says where which configuration groups
    are applied, ``groups`` which ones the text defines, and whether each touches the hierarchy.
    ``asleep``: those of ``applied`` that are inactive, without a name all of a place. ``whence``:
    what to say of groups that are applied. ``protected``: what a device keeps as it is.
    """

    tree: Tree = field(default_factory=dict)
    inactive: set[Path] = field(default_factory=set)
    protected: set[Path] = field(default_factory=set)
    sources: dict[Path, str] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    withheld: dict[Path, None] = field(default_factory=dict)
    applied: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    asleep: set[tuple[Path, str]] = field(default_factory=set)
    groups: dict[str, bool] = field(default_factory=dict)
    whence: tuple[str, str] = OF_TEXT

    def leaf(self, leaf: Leaf, text: str, tree: Tree, path: Path) -> None:
        """A value for a leaf, or one more for a leaf-list."""
        value = value_of(leaf, text, path)
        if isinstance(value, Secret) and value.is_withheld:
            self.withheld[(*path, leaf.name)] = None
        if leaf.many:
            tree[leaf.name] = tuple(dict.fromkeys((*tree.get(leaf.name, ()), value)))
        else:
            tree[leaf.name] = value

    def entry(self, node: List, key: str, tree: Tree) -> Tree:
        """The tree of a list's entry."""
        entry: Tree = tree.setdefault(node.name, {}).setdefault(key, {})
        return entry

    def apply(self, path: Path, names: Iterable[str]) -> None:
        """Groups that are applied at a place."""
        self.applied[path] = (*self.applied.get(path, ()), *names)

    def apply_no_more(self, path: Path, names: Iterable[str] = ()) -> None:
        """Groups of a place that are taken away; without names all of them."""
        gone = set(names) or {*self.applied.get(path, ())}
        left = tuple(name for name in self.applied.pop(path, ()) if name not in gone)
        self.applied |= {path: left} if left else {}
        self.asleep -= {(path, name) for name in gone}

    def delete(self, path: Path) -> None:
        """What stands at a place and below it, with its marks and the groups applied there."""
        cut(self.tree, path)
        self.inactive -= {p for p in self.inactive if p[: len(path)] == path}
        for place in [p for p in self.applied if p[: len(path)] == path]:
            self.apply_no_more(place)

    def group(self, name: str, touches: bool) -> None:
        """A part of a configuration group; ``touches``: it may lead to where the tables are."""
        self.groups[name] = touches or self.groups.get(name, False)

    def _touches(self, group: str) -> bool:
        """Whether a group that is applied may bring in what was not found yet.

        One that is not shown may. Where something is marked as a group's, all that groups bring
        in was put where it is in force.
        """
        if self.sources:
            return False
        if group == _OF_NODE and self.groups:
            return any(there for name, there in self.groups.items() if _NODE.fullmatch(name))
        return self.groups.get(group, True)

    def unknown(self, path: Path, name: str) -> None:
        """A statement that the table does not know."""
        self.unread[" ".join([*path, name])] = None

    def reading(self, prefix: Path, node: Branch) -> Reading:
        """What was found below ``prefix``, cut out."""
        tree: Tree = value_at(self.tree, prefix) or {}
        explicit = tree
        inherited: Tree = {}
        sources = _below(self.sources, prefix)
        if node.shared:
            sources = {p: s for p, s in sources.items() if is_ours(node, tree, p)}
        if sources:
            explicit, inherited = _split(node, tree, sources.keys(), ())
        inactive = frozenset(_below(dict.fromkeys(self.inactive, ""), prefix))
        self.unread |= {" ".join(path): None for path in _hollow(node, tree, prefix)}
        asleep = [prefix[:n] for n in range(1, len(prefix) + 1) if prefix[:n] in self.inactive]
        return Reading(
            Configuration(tidied(node, explicit), inactive),
            tidied(node, inherited),
            sources,
            tuple(self._notes(asleep, prefix, heart_of(prefix, node))),
            bool(asleep),
            protected=frozenset(self.protected),
            unread=(*self.unread, *map(" ".join, self._of_others(heart_of(prefix, node)))),
        )

    def _notes(self, asleep: list[Path], prefix: Path, heart: Path) -> Iterator[str]:
        for path in asleep:
            yield f"[edit {' '.join(path)}] is inactive: nothing below it is in force"
        for path in islice(self._of_others(heart), _MOST_NOTES):
            yield (
                f"[edit {' '.join(path)}]: not the device's own, and not read; to read it, give "
                f"what stands in [edit {' '.join(path[:2])}] by itself"
            )
        for path in islice((p for p in self.withheld if is_there(self.tree, p)), _MOST_NOTES):
            yield f"[edit {' '.join(path[:-1])}] {path[-1]}: {UNKNOWN}"
        for place in islice(self.unread, _MOST_NOTES):
            yield f"not read, because it is not known here: {place}"
        if len(self.unread) > _MOST_NOTES:
            yield f"not read: {counted(len(self.unread) - _MOST_NOTES, 'more statement')}"
        places = list(self._applied(prefix))
        for where, touching in places[:_MOST_NOTES]:
            yield self._brought_in(where, touching)
        if len(places) > _MOST_NOTES:
            yield f"apply-groups: the same at {len(places) - _MOST_NOTES} more places"

    def _of_others(self, heart: Path) -> Iterator[Path]:
        """The same hierarchy in logical systems and tenants, which nobody reads here."""
        for kind in OTHERS:
            for name, tree in self.tree.get(kind, {}).items():
                if value_at(tree, heart) is not None:
                    yield (kind, name, *heart)

    def _applied(self, prefix: Path) -> Iterator[tuple[Path, list[str]]]:
        """Where groups are applied that may bring in what concerns the hierarchy."""
        for path, names in self.applied.items():
            if path[: len(prefix)] != prefix[: len(path)] or self._is_asleep(path):
                continue
            awake = [name for name in names if (path, name) not in self.asleep]
            touching = list(filter(self._touches, awake))
            if touching:
                yield path, touching

    def _is_asleep(self, path: Path) -> bool:
        """Whether all groups that are applied there are inactive, or what they stand in is."""
        around = (path[:length] for length in range(1, len(path) + 1))
        return (path, "") in self.asleep or any(part in self.inactive for part in around)

    def _brought_in(self, path: Path, groups: list[str]) -> str:
        """What is said of configuration groups that are applied at a place."""
        where = " ".join(["[edit", *path]).strip()
        shown = [f"[edit {GROUPS} {name}]" for name in groups if name in self.groups]
        hidden = [name for name in groups if name not in self.groups and name != _OF_NODE]
        stand = [f"they stand in {', '.join(shown)}"] if shown else []
        if self.whence is OF_TEXT and hidden:
            stand.append(f"the text does not show {', '.join(hidden)}")
        unknown, remedy = self.whence
        told = f"{where}] apply-groups {' '.join(groups)}: {unknown}"
        return "; ".join((told, *stand, remedy))


def heart_of(prefix: Path, root: Branch) -> Path:
    """Where a resource's own hierarchy stands: others have a part in what is around it."""
    first = root.children[0]
    if isinstance(first, Container) and first.inline:
        return heart_of((*prefix, first.name), first)
    return prefix


def _hollow(node: Branch, tree: Tree, path: Path) -> Iterator[Path]:
    """What a device has with nothing in it, and no option says."""
    for child in (c for c in node.children if isinstance(c, Branch) and c.holds_hollow):
        for keys, branch, inside in trees(child, tree.get(child.name)):
            here = (*path, child.name, *keys)
            if not inside and getattr(branch, "hollow", False):
                yield here
            yield from _hollow(branch, inside, here)


def _below(places: dict[Path, str], prefix: Path) -> dict[Path, str]:
    length = len(prefix)
    return {p[length:]: v for p, v in places.items() if len(p) > length and p[:length] == prefix}


def _split(node: Branch, tree: Tree, inherited: Any, path: Path) -> tuple[Tree, Tree]:
    """What is configured, and what is inherited."""
    own: Tree = {}
    come: Tree = {}
    for name, value in tree.items():
        here = (*path, name)
        if here in inherited:
            come[name] = value
            continue
        mine, theirs = _split_value(node.by_name[name], value, inherited, here)
        if mine or not theirs:
            own[name] = mine
        if theirs:
            come[name] = theirs
    return own, come


def _split_value(child: Statement, value: Any, inherited: Any, here: Path) -> tuple[Any, Any]:
    """What of a statement's value is configured, and what is inherited."""
    if isinstance(child, List):
        return _split_entries(child, value, inherited, here)
    if isinstance(child, Branch):
        return _split(child, value, inherited, here)
    if isinstance(child, Leaf) and child.many:
        theirs = tuple(item for item in value if (*here, item) in inherited)
        return tuple(item for item in value if (*here, item) not in inherited), theirs
    return value, None


def _split_entries(
    node: List, entries: dict[str, Tree], inherited: Any, path: Path
) -> tuple[dict[str, Tree], dict[str, Tree]]:
    own: dict[str, Tree] = {}
    come: dict[str, Tree] = {}
    for key, entry in entries.items():
        here = (*path, key)
        if here in inherited:
            come[key] = entry
            continue
        own[key], brought = _split(node, entry, inherited, here)
        if brought:
            come[key] = brought
    return own, come


def _number(leaf: Leaf, text: str, path: Path) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise MalformedReply(f"{' '.join([*path, leaf.name])}: {text!r}: a number is expected")
    return int(text)


def _there(leaf: Leaf, text: str, path: Path) -> bool:
    """A statement without a value; JSON may say that it is true."""
    if text not in ("", "true"):
        raise MalformedReply(f"{' '.join([*path, leaf.name])}: {text!r}: it takes no value")
    return True


def _word(leaf: Leaf, text: str, path: Path) -> str:
    if not text:
        raise MalformedReply(f"{' '.join([*path, leaf.name])}: its value is missing")
    return text


_CONVERT: Mapping[Kind, Callable[[Leaf, str, Path], Any]] = {
    Kind.INTEGER: _number,
    Kind.FLAG: _there,
    Kind.ENUMERATION: _word,
}


def value_of(leaf: Leaf, text: str, path: Path) -> Any:
    """A leaf's value as data. Raises MalformedReply."""
    if is_withheld(text) and not leaf.secret:
        raise left_out(" ".join(["[edit", *path]) + f"] {leaf.name}", text)
    convert = _CONVERT.get(leaf.kind)
    if convert is not None:
        return convert(leaf, text, path)
    return read_secret(text) if leaf.secret else text
