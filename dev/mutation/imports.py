# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a file of tests is from each source that it imports, itself or through others.

A table is made when its module is imported, so no line tells coverage which tests look at it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

_COLLECTION = "ansible_collections.groupvpn.junos."
_SOURCES = ("keyserver", "plugins")
_OURS = (*_SOURCES, "tests", "dev")


class Imports:
    """The imports within a repository; files are named relative to its root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def distances(self, file: str) -> dict[str, int]:
        """Each file that ``file`` imports, directly (1) or through others."""
        found, edge, distance = {file: 0}, [file], 0
        while edge:
            distance += 1
            following = (other for one in edge for other in self._direct.get(one, ()))
            edge = [other for other in dict.fromkeys(following) if other not in found]
            found.update(dict.fromkeys(edge, distance))
        del found[file]
        return found

    @cached_property
    def makers(self) -> frozenset[str]:
        """Names of functions that modules call while they are imported."""
        return frozenset(
            name
            for part in _SOURCES
            for path in (self._root / part).rglob("*.py")
            for name in _called(ast.parse(path.read_text()))
        )

    @cached_property
    def _direct(self) -> dict[str, list[str]]:
        files = (path for part in _OURS for path in (self._root / part).rglob("*.py"))
        return {str(path.relative_to(self._root)): list(self._of(path)) for path in files}

    def _of(self, path: Path) -> Iterator[str]:
        package = path.relative_to(self._root).parent.parts
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._files(alias.name.removeprefix(_COLLECTION).split("."))
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                name = (node.module or "").removeprefix(_COLLECTION)
                parts = [*above, *filter(None, name.split("."))]
                yield from self._files(parts)
                for alias in node.names:
                    yield from self._files([*parts, alias.name])

    def _files(self, parts: list[str]) -> Iterator[str]:
        for place in (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")):
            if parts[:1] and parts[0] in _OURS and (self._root / place).exists():
                yield str(place)


def _called(node: ast.AST) -> Iterator[str]:
    """What is called outside of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield from _name(child.func)
        yield from _called(child)


def _name(called: ast.expr) -> Iterator[str]:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
