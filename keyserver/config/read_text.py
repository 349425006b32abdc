# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Readers for Junos' two text forms: ``set`` commands and curly-brace text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .edit import Edit, LoadError, MalformedConfiguration, Operation, edit_path
from .schema import Kind, Statement

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]* | /\*.*?\*/          # white space and comments
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<mark>[{};\[\]])
      | (?P<word>[^\s{};\[\]"]+)""",
    re.VERBOSE | re.DOTALL,
)
_TAGS = {
    "replace:": "replace",
    "delete:": "delete",
    "inactive:": "inactive",
    "active:": "active",
    "protect:": "protect",
    "unprotect:": "unprotect",
}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool = False

    def is_mark(self, mark: str) -> bool:
        return not self.quoted and self.text == mark


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MalformedConfiguration(f"syntax error near '{text[position : position + 20]}'")
        position = match.end()
        if (quoted := match["quoted"]) is not None:
            yield _Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), quoted=True)
        elif (word := match["mark"] or match["word"]) is not None:
            yield _Token(word)


def quote(word: str) -> str:
    """A word as Junos writes it: in quotes where it could be read as anything else."""
    if word and re.fullmatch(r"[A-Za-z0-9_./:@*+=,%~^!?|-]+", word) and word not in _TAGS:
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Descent:
    """Walks words down a schema, building the chain of edits that they name."""

    def __init__(self, root: Statement, path: list[str]) -> None:
        self.here = root
        self.path = path
        self.chain: list[Edit] = []
        self.top: list[Edit] = []
        self.last: Edit | None = None

    def _add(self, edit: Edit) -> None:
        (self.chain[-1].children if self.chain else self.top).append(edit)
        self.last = edit

    def _enter(self, edit: Edit) -> None:
        self._add(edit)
        self.chain.append(edit)
        self.here = edit.statement
        self.path = [*self.path, *edit.words]

    def walk(self, words: list[_Token], *, naming: bool = False) -> LoadError | None:
        """Consume all words; ``naming`` accepts statements without the value they need."""
        position = 0
        while position < len(words):
            word = words[position].text
            position += 1
            child = self.here.children.get(word)
            implied = self.here.children.get(self.here.positional or "")
            if child is None and implied is not None:
                child, position = implied, position - 1
            if child is None:
                return LoadError(edit_path(self.path), word, "syntax error")
            spelled = child is not implied
            if child.kind is Kind.CONTAINER:
                self._enter(Edit(child))
                continue
            if child.kind is Kind.EMPTY:
                self._add(Edit(child))
                continue
            if position >= len(words):
                if naming:
                    self._add(Edit(child))
                    continue
                return LoadError(edit_path(self.path), word, "missing argument.")
            value = words[position]
            position += 1
            if child.kind is Kind.LIST:
                self._enter(Edit(child, key=value.text, identity_spelled=spelled))
            elif child.kind is Kind.LEAF:
                self._add(Edit(child, values=[value.text]))
            else:
                values = [value.text]
                if value.is_mark("["):
                    values = []
                    while position < len(words) and not words[position].is_mark("]"):
                        values.append(words[position].text)
                        position += 1
                    position += 1
                self._add(Edit(child, values=values))
        return None


def read_levels(root: Statement, path: str) -> list[Edit] | LoadError:
    """The containers and list entries that a path leads through, from the top."""
    return _levels(root, list(_tokens(path)))


def _levels(root: Statement, words: list[_Token]) -> list[Edit] | LoadError:
    way = _Descent(root, [])
    problem = way.walk(words)
    if problem is None and way.top and (not way.chain or way.last is not way.chain[-1]):
        problem = LoadError("[edit]", words[-1].text, "syntax error")
    return problem or way.chain


_VERBS = ("set", "delete", "activate", "deactivate")


def read_set(root: Statement, text: str) -> Iterator[Edit | LoadError]:
    """Edits of ``set``/``delete``/``activate``/``deactivate`` lines, one chain per line.

    ``edit``, ``up`` and ``top`` move through the hierarchy as they do in the CLI. A line that
    cannot be understood yields a LoadError; the others stand.
    """
    here: list[list[_Token]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = list(_tokens(line))
        except MalformedConfiguration:
            yield LoadError("[edit]", f"line {number}", "syntax error")
            continue
        level = here
        if words and words[0].text == "top":
            level, words = [], words[1:]
        elif words and words[0].text == "up":
            count = int(words.pop(1).text) if len(words) > 1 and words[1].text.isdigit() else 1
            level, words = here[: max(0, len(here) - count)], words[1:]
        if not words:
            here = level
            continue
        # A command after "top" or "up" is carried out there, and leads nowhere unless it is "edit".
        verb, words = words[0].text, [*itertools.chain(*level), *words[1:]]
        if verb == "edit":
            levels = _levels(root, words)
            if isinstance(levels, LoadError):
                yield levels
            else:
                here = [[_Token(word, quoted=True) for word in edit.words] for edit in levels]
            continue
        if verb not in _VERBS:
            yield LoadError("[edit]", verb, "unknown command.")
            continue
        naming = verb != "set"
        descent = _Descent(root, [])
        problem = descent.walk(words, naming=naming)
        if problem is None and descent.last is None:
            problem = LoadError("[edit]", verb, "missing argument.")
        if problem is not None or descent.last is None:
            yield problem or LoadError("[edit]", verb, "syntax error")
            continue
        if naming:
            # The way down must not create what it passes.
            descent.top[0].operation = Operation.NONE
        if verb == "delete":
            descent.last.operation = Operation.DELETE
        elif naming:
            descent.last.activate = verb == "activate"
        yield descent.top[0]


def read_text(root: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    """Edits of curly-brace text; what cannot be understood is reported with its place."""
    tokens = list(_tokens(text))
    problems: list[LoadError] = []
    edits, position = _block(root, tokens, 0, [], problems, depth=0)
    if position < len(tokens):
        raise MalformedConfiguration("syntax error: unbalanced '}'")
    return edits, problems


_DEEPEST = 64


def _block(
    statement: Statement,
    tokens: list[_Token],
    position: int,
    path: list[str],
    problems: list[LoadError],
    depth: int,
) -> tuple[list[Edit], int]:
    edits: list[Edit] = []
    while position < len(tokens) and not tokens[position].is_mark("}"):
        tags: set[str] = set()
        while position < len(tokens) and tokens[position].text in _TAGS:
            tags.add(_TAGS[tokens[position].text])
            position += 1
        words: list[_Token] = []
        while position < len(tokens) and not any(map(tokens[position].is_mark, "{};")):
            words.append(tokens[position])
            position += 1
        if position >= len(tokens) or tokens[position].is_mark("}"):
            last = words[-1].text if words else "}"
            problems.append(LoadError(edit_path(path), last, "syntax error"))
            return edits, position
        descent = _Descent(statement, path)
        problem = descent.walk(words, naming="delete" in tags)
        if tokens[position].is_mark("{"):
            if depth >= _DEEPEST:
                raise MalformedConfiguration("syntax error: nested too deeply")
            if problem is not None or not descent.chain:
                first = words[0].text if words else "{"
                problems.append(problem or LoadError(edit_path(path), first, "syntax error"))
                position = _skip_block(tokens, position)
                continue
            inner, position = _block(
                descent.here, tokens, position + 1, descent.path, problems, depth + 1
            )
            descent.chain[-1].children.extend(inner)
            if position >= len(tokens):
                problems.append(LoadError(edit_path(descent.path), "}", "syntax error"))
                return edits, position
        elif problem is not None:
            problems.append(problem)
            position += 1
            continue
        position += 1
        if descent.last is not None:
            _tag(descent.chain[-1] if descent.chain else descent.last, descent.last, tags)
            edits.extend(descent.top)
    return edits, position


def _tag(branch: Edit, last: Edit, tags: set[str]) -> None:
    target = branch if branch.children and last in branch.children else last
    target = last if target.statement.kind is Kind.LEAF_LIST else target
    if "delete" in tags:
        last.operation = Operation.DELETE
    elif "replace" in tags:
        target.operation = Operation.REPLACE
    if "inactive" in tags:
        target.activate = False
    elif "active" in tags:
        target.activate = True


def _skip_block(tokens: list[_Token], position: int) -> int:
    depth = 0
    while position < len(tokens):
        if tokens[position].is_mark("{"):
            depth += 1
        elif tokens[position].is_mark("}"):
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return position
