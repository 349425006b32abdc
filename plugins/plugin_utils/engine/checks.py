# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What must not reach a device, as far as a table says it.

The device is not counted on: its schema takes incomplete statements, and a wrong value cuts sites
off without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from ..errors import legible
from .change import Action, Edit, shown
from .plan import State
from .resource import Outlook, Resource
from .schema import Branch, Leaf, List, Path, Statement, Tree, along, trees, value_at
from .tree import Reading, is_there, references
from .values import Generation

_LONGEST_VALUE = 200
"""Characters of a refused value that are repeated."""


def request_objections(resource: Resource, want: Tree, generation: Generation | None) -> list[str]:
    """Objections to what was asked for, before any device is involved.

    Without a generation only what no generation takes is refused.
    """
    return list(_asked(resource, resource.root, want, (), generation))


def _asked(
    resource: Resource, node: Branch, want: Tree, path: Path, generation: Generation | None
) -> Iterator[str]:
    yield from _rivals(resource, node, want, path)
    for name, value in want.items():
        child, here = node.by_name[name], (*path, name)
        if value is False:
            # No generation has what it does not have.
            continue
        if not child.known_to(generation):
            said = f"Group VPN{generation} does not have this statement"
            yield _refusal(resource, child, value, path, said, "leave out")
        elif isinstance(child, List):
            yield from _entries(resource, child, value, here, generation)
        elif isinstance(child, Branch):
            yield from _asked(resource, child, value, here, generation)
        elif isinstance(child, Leaf):
            yield from _values(resource, child, value, path, generation)


def _values(
    resource: Resource, child: Leaf, value: Any, path: Path, generation: Generation | None
) -> Iterator[str]:
    yield from _too_many(resource, child, value, path)
    for item in value if child.many else (value,):
        objection = child.objection(item, generation)
        if objection is not None:
            yield _refusal(resource, child, item, path, objection, "correct")


def _too_many(
    resource: Resource, child: Leaf | List, value: Any, path: Path, together: bool = False
) -> Iterator[str]:
    """Refuse more values or entries than a device takes; ``together``: with what is there."""
    if child.most is None or len(value) <= child.most:
        return
    where = resource.where(path, child.name)
    if isinstance(child, List):
        where = resource.where((*path, child.name))
    what = "values" if isinstance(child, Leaf) else "entries"
    yield (
        f"{where}: {len(value)} {what}{' after the change' * together}, and a device takes "
        f"{child.most}; shorten '{child.option}'{', or take others away first' * together}"
    )


def _repeated(text: str) -> str:
    """What is refused, as a message repeats it."""
    return legible(text[:_LONGEST_VALUE]) + ("..." if len(text) > _LONGEST_VALUE else "")


def _refusal(
    resource: Resource, child: Statement, value: Any, path: Path, why: str, remedy: str
) -> str:
    text = "" if isinstance(child, Branch) or value is True else f" {_repeated(shown(value))}"
    return f"{resource.where(path, child.name)}{text}: {why}; {remedy} '{child.option}'"


def _rivals(resource: Resource, node: Branch, want: Tree, path: Path) -> Iterator[str]:
    for names in node.exclusive:
        given = [n for n in names if n in want and want[n] is not False]
        if len(given) > 1:
            options = ", ".join(f"'{node.by_name[name].option}'" for name in given)
            yield (
                f"{resource.where(path)} {', '.join(given)}: these exclude each other; "
                f"give one of {options}"
            )


def _entries(
    resource: Resource, node: List, entries: Tree, path: Path, generation: Generation | None
) -> Iterator[str]:
    yield from _too_many(resource, node, entries, path[:-1])
    for key, entry in entries.items():
        for leaf, part in zip(node.keys, node.parts(key), strict=True):
            objection = leaf.objection(part, generation)
            if objection is not None:
                option = node.option if node.is_bare else leaf.option
                yield (
                    f"{resource.where(path)}: {node.said} name of {len(part)} characters: "
                    f"{objection}; correct '{option}'"
                )
        yield from _asked(resource, node, entry, (*path, key), generation)


def result_objections(resource: Resource, outlook: Outlook) -> list[str]:
    """Objections to what would be in force after the change."""
    found = list(_whole(resource, resource.root, outlook, outlook.before, outlook.after, ()))
    found += _dangling(resource, outlook)
    found += _waking_others(resource, outlook)
    return found + resource.rules.objections(outlook)


def _waking_others(resource: Resource, outlook: Outlook) -> Iterator[str]:
    """Inactive branches that others have a part in: what would come in force is not all ours."""
    for path in sorted(outlook.have.explicit.inactive - outlook.target.inactive):
        around = [node for _here, node, _key in along(resource.root, path)]
        partial = isinstance(around[-1], Branch) and around[-1].partial
        ours = any(isinstance(node, List) and node.mark for node in around)
        if partial and not ours and is_there(outlook.target.tree, path):
            yield (
                f"{resource.where(path)}: it is inactive, and to activate it would put in force "
                "what others have in it, too; activate it on the device first"
            )


def _whole(
    resource: Resource, node: Branch, outlook: Outlook, old: Tree, new: Tree, path: Path
) -> Iterator[str]:
    """What is wrong in what changes, but for values that were asked for and judged already."""
    for child in node.managed:
        was, now, here = old.get(child.name), new.get(child.name), (*path, child.name)
        if isinstance(child, Leaf | List) and now and was != now:
            yield from _crowded(resource, child, outlook, now, path)
        if isinstance(child, Leaf):
            yield from _leaf(resource, child, outlook, now, path)
        for keys, branch, inside in trees(child, now):
            before = value_at(was, keys)
            if before != inside:
                yield from _whole(resource, branch, outlook, before or {}, inside, (*here, *keys))


def _crowded(
    resource: Resource, child: Leaf | List, outlook: Outlook, now: Any, path: Path
) -> Iterator[str]:
    """More than a device takes, together with what is there: what was asked for is judged."""
    asked = value_at(outlook.want, (*path, child.name)) or ()
    if child.most is not None and len(asked) <= child.most:
        yield from _too_many(resource, child, now, path, together=True)


def _leaf(resource: Resource, leaf: Leaf, outlook: Outlook, now: Any, path: Path) -> Iterator[str]:
    if now is None:
        # What is left of a block that is deleted comes from a configuration group.
        if leaf.required and outlook.state is not State.DELETED:
            yield (
                f"{resource.where(path, leaf.name)}: missing after the change, and the device has "
                f"no default; set '{leaf.option}'"
            )
        return
    if value_at(outlook.want, (*path, leaf.name)) is not None:
        return
    for item in now if leaf.many else (now,):
        objection = leaf.objection(item, outlook.generation)
        if objection is not None:
            yield _refusal(resource, leaf, item, path, objection, "set")


def protected_objections(
    resource: Resource, have: Reading, change: Iterable[Edit]
) -> Iterator[str]:
    """What is protected stays as it is on a device, which refuses all of a change of it."""
    prefix = resource.prefix
    around = (prefix[:length] for length in range(1, len(prefix) + 1))
    ways = [*around, *_touched(change, prefix, have.protected)] if have.protected else []
    for path in sorted({way for way in ways if way in have.protected}):
        place = resource.where(path[len(prefix) :])
        if len(path) < len(prefix):
            place = f"[edit {' '.join(path)}]"
        yield f"{place}: it is protected, and stays as it is; unprotect it on the device first"


def _touched(change: Iterable[Edit], path: Path, protected: Set[Path]) -> Iterator[Path]:
    """Where something is changed, and what goes with what is deleted there."""
    for edit in change:
        here = (*path, edit.node.name)
        yield here
        if edit.key is not None:
            here = (*here, edit.key)
            yield here
        if edit.action is Action.DELETE:
            yield from (one for one in protected if one[: len(here)] == here)
        yield from _touched(edit.inside, here, protected)


def inherited_objections(resource: Resource, outlook: Outlook) -> Iterator[str]:
    """Flags that are not wanted and that configuration groups bring in all the same."""
    if outlook.have.sources and outlook.state is not State.DELETED:
        yield from _brought_in(resource, resource.root, outlook, outlook.want, outlook.after, ())


def _brought_in(
    resource: Resource, node: Branch, outlook: Outlook, want: Tree, after: Tree, path: Path
) -> Iterator[str]:
    for name in want.keys() & after.keys():
        child, here = node.by_name[name], (*path, name)
        if want[name] is False:
            group = outlook.have.sources.get(here, "that is applied there")
            yield (
                f"{resource.where(path, name)}: configuration group {group} brings it in, and only "
                f"a change of that group takes it away; change it, or leave out '{child.option}'"
            )
            continue
        for keys, branch, asked in trees(child, want[name]):
            there = value_at(after[name], keys) or {}
            yield from _brought_in(resource, branch, outlook, asked, there, (*here, *keys))


def _dangling(resource: Resource, outlook: Outlook) -> Iterator[str]:
    """References to what is not there."""
    for path, node, name in references(resource.root, outlook.after):
        target = node.refers
        there = value_at(outlook.after, target) or {}
        if name not in there:
            known = ", ".join(there) or "none"
            yield (
                f"{resource.where(path, node.name)} {name}: {resource.where(target[:-1])} has no "
                f"{target[-1]} of that name after the change (it has {known}); define it, or "
                f"correct '{node.option}'"
            )
