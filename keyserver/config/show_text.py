# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writer of curly-brace text, as ``show configuration`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from .schema import Kind, Statement
from .tree import Item, Tree, items
from .words import quote, quoted

SECRET_MARK = " ## SECRET-DATA"
INDENT = "    "


def to_text(statement: Statement, tree: Tree) -> str:
    """Curly-brace text of a whole configuration or branch."""
    return "".join(f"{line}\n" for line in branch_text(statement, tree))


def branch_text(statement: Statement, tree: Tree, indent: str = "") -> Iterator[str]:
    """The statements of a branch, lists whose entries share braces put together."""
    for child, group in groupby(items(statement, tree), key=lambda item: item.statement):
        if child.kind is Kind.LIST and child.homogeneous and child.spelled:
            yield from shared_braces(child, list(group), indent)
        else:
            for item in group:
                yield from item_text(item, indent, repeated=_repeated(statement))


def _repeated(statement: Statement) -> str:
    """The word that a homogeneous container puts before each of its statements."""
    return f"{statement.shown} " if statement.has_no_braces else ""


def shared_braces(statement: Statement, entries: list[Item], indent: str = "") -> Iterator[str]:
    """A list whose entries stand in one pair of braces."""
    yield f"{indent}{quote(statement.shown)} {{"
    for item in entries:
        yield from item_text(item, indent + INDENT, bare=True)
    yield f"{indent}}}"


def item_text(
    item: Item, indent: str = "", *, bare: bool = False, repeated: str = ""
) -> Iterator[str]:
    """One statement with everything below it; ``bare`` entries without their list's word."""
    if _spreads(item):
        # A homogeneous container has no braces of its own.
        yield from branch_text(item.statement, item.value, indent)
        return
    inner = list(items(item.statement, item.value)) if item.statement.is_branch else []
    line = one_line(item, inner) if inner else None
    yield from _remarks(item, indent, whole=line is not None)
    words = list(map(quote, item.key_words)) if bare else item.opening
    opening = f"{indent}{_tags(item)}{repeated}{' '.join(words)}"
    if inner and line is None:
        yield f"{opening} {{"
        yield from branch_text(item.statement, item.value, indent + INDENT)
        yield f"{indent}}}"
    else:
        yield f"{opening}{_ending(item, line, behind=bool(words))}"


def _ending(item: Item, line: tuple[str, str] | None, *, behind: bool) -> str:
    """How a statement ends that stands on one ``line``; ``behind`` words of its own."""
    value, mark = line or ("", "") if item.statement.is_branch else leaf_value(item)
    return f"{' ' if value and behind else ''}{value};{mark}"


def _remarks(item: Item, indent: str, *, whole: bool) -> Iterator[str]:
    """What stands above a statement: what came from groups, and its annotation."""
    sources = _sources(item, whole=whole)
    if sources:
        yield from (f"{indent}{text}" for text in ("##", *sources, "##"))
    if item.comment:
        yield f"{indent}{item.comment}"


def _sources(item: Item, *, whole: bool) -> list[str]:
    """What came from a group and from which; ``whole``: also what stands on the same line."""
    found = [f"## '{v}' was inherited from group '{group}'" for v, group in item.groups.items()]
    if item.group is not None:
        found = [f"## '{name}' was inherited from group '{item.group}'" for name in _names(item)]
    if whole and item.statement.is_branch:
        for child in items(item.statement, item.value):
            found += _sources(child, whole=True)
    return found


def _names(item: Item) -> list[str]:
    """What a statement is called where it is said that it was inherited: a leaf by its value."""
    if item.statement.kind is Kind.LEAF:
        return ["<secret>" if item.statement.is_secret else str(item.value)]
    return [" ".join(item.key_words) or item.statement.shown]


def _spreads(item: Item) -> bool:
    statement = item.statement
    return (
        statement.kind is Kind.CONTAINER
        and statement.homogeneous
        and bool(item.value)
        and item.plain
    )


def _tags(item: Item) -> str:
    return ("protect: " if item.protected else "") + ("inactive: " if item.inactive else "")


def leaf_value(item: Item) -> tuple[str, str]:
    """A leaf's value as text, and what is marked behind it."""
    statement = item.statement
    if statement.kind is Kind.EMPTY:
        return "", ""
    if statement.kind is Kind.LEAF:
        if statement.is_secret:
            return quoted(item.value), SECRET_MARK
        shown = statement.written(item.value)
        return (shown if statement.spelled else item.apart(shown)), ""
    shown = " ".join(map(statement.written, item.value))
    return (f"[ {shown} ]" if len(item.value) > 1 else shown), ""


def one_line(item: Item, inner: list[Item]) -> tuple[str, str] | None:
    """What is in a branch as one line and its mark, or None where braces are needed."""
    statement = item.statement
    if not (statement.oneliner or (statement.terse and _terse(inner))):
        return None
    return _joined(inner)


def _joined(inner: list[Item]) -> tuple[str, str] | None:
    parts, mark = [], ""
    for place, child in enumerate(inner):
        last = place == len(inner) - 1
        part = _part(child, last)
        if part is None:
            return None
        parts.append(part[0])
        mark = mark or part[1]
    return " ".join(parts), mark


def _terse(inner: list[Item]) -> bool:
    return len(inner) == 1 and not inner[0].statement.is_branch


def _part(child: Item, last: bool) -> tuple[str, str] | None:
    if not child.plain:
        return None
    words = " ".join(child.opening)
    if not child.statement.is_branch:
        value, mark = leaf_value(child)
        return f"{words} {value}".strip(), mark
    inner = list(items(child.statement, child.value))
    if not inner:
        return words, ""
    if not last or child.statement.homogeneous or child.statement.kind is Kind.LIST:
        return None
    below = _joined(inner)
    return (f"{words} {below[0]}", below[1]) if below is not None else None
