# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words of text down a schema: which statements they name."""

from __future__ import annotations

from collections.abc import Iterator

from .edit import Edit, LoadError, edit_path
from .schema import KEY_SEPARATOR, Kind, Statement, value_follows
from .values import LOGICAL, InvalidValue
from .words import Quoted, Word


class Descent:
    """Walks words down from a statement, building the chain of edits that they name.

    ``top`` are the edits at the start, ``chain`` the branches entered, ``last`` the statement
    that the words ended with. ``listed`` is the list whose word came last and whose key did not.
    ``cut_short``: a statement's word may be cut short, as long as it means one thing. ``several``
    entries of a list, in brackets, are what the words ended with.
    """

    def __init__(
        self, start: Statement, path: list[str], line: int | None = None, cut_short: bool = False
    ) -> None:
        self.start = start
        self.path = path
        self.line = line
        self.cut_short = cut_short
        self.chain: list[Edit] = []
        self.top: list[Edit] = []
        self._said: list[set[str]] = [set()]
        """What the words have named at the start, and in each branch of the chain."""
        self.last: Edit | None = None
        self.listed: Statement | None = None
        self.several = False

    @property
    def here(self) -> Statement:
        """The branch that the words have led to."""
        return self.chain[-1].statement if self.chain else self.start

    @property
    def words(self) -> list[str]:
        """The way from ``[edit]`` to here."""
        return [*self.path, *(word for edit in self.chain for word in edit.words)]

    def walk(self, words: list[Word], *, naming: bool = False) -> LoadError | None:
        """Consume all words; ``naming`` accepts statements without the value they need."""
        if ("[" in words or "]" in words) and not _in_pairs(words):
            return self._refuse("[" if "[" in words else "]", "syntax error")
        place: int | LoadError = 0
        while isinstance(place, int) and place < len(words):
            place = self._statement(words, place, naming)
        return None if isinstance(place, int) else place

    def _statement(self, words: list[Word], place: int, naming: bool) -> int | LoadError:
        """Take one statement in; where the words go on."""
        group = _opens(words[place])
        child, spelled = self._find(words[place + group])
        if child is None or (group and spelled):
            return self._refuse(words[place], "syntax error")
        place += spelled or _is_written_out(self.here, child, words[place : place + 2])
        if child.kind is Kind.CONTAINER:
            self._enter(Edit(child, line=self.line))
            return place
        if child.kind is Kind.EMPTY:
            self._add(Edit(child, line=self.line))
            return place
        if place >= len(words):
            return self._unfinished(child, naming) or place
        taken = self._valued(child, _ahead(child, words, place), naming)
        return taken if isinstance(taken, LoadError) else place + taken

    def _valued(self, child: Statement, words: list[Word], naming: bool) -> int | LoadError:
        """A leaf with its values, or an entry with its keys; how many words they are."""
        if child.kind is Kind.LIST:
            if _opens(words[0]):
                return self._entries(child, words, naming)
            taken = self._entry(child, words)
            if taken is None:
                # Half a name is no name: taken for none, it would be that of every entry.
                return self._unfinished(child, False) or len(words)
            return taken
        values, taken = _values(words)
        if not values:
            return self._refuse(child.shown, "missing argument.")
        if len(values) > 1 and child.kind is Kind.LEAF:
            return self._refuse(values[1], "syntax error")
        self._add(Edit(child, values=values, line=self.line))
        if self.chain and child.name in self.here.in_their_places:
            # ``priority 4 3`` is one statement: it goes, or is deactivated, as a whole.
            self.last = self.chain[-1]
        return taken

    def _find(self, word: Word) -> tuple[Statement | None, bool]:
        """What a word names, here or behind a one-line branch; False: without its own word."""
        depth = len(self.chain)
        while True:
            here = self.chain[depth - 1].statement if depth else self.start
            said = self.chain[depth - 1].children if depth else self.top
            found = _named(here, word, said) or (_meant(here, word) if self.cut_short else None)
            if found is not None and not _given(here, found[0], self._said[depth]):
                del self.chain[depth:]
                del self._said[depth + 1 :]
                return found
            if not depth or not _may_end(self.chain[depth - 1].statement):
                return None, False
            depth -= 1

    def _entry(self, statement: Statement, words: list[Word]) -> int | None:
        """Enter the entry that the words begin with; how many words its keys are."""
        keys: list[str] = []
        place = 0
        for key in statement.keys:
            if key.word and place < len(words) and words[place] == key.word:
                place += 1
            if not value_follows(key, keys):
                keys.append("")
            elif place < len(words) and not _opens(words[place]):
                keys.append(str(words[place]))
                place += 1
            else:
                return None
        for entered, name in _entered(statement, keys):
            self._enter(Edit(entered, key=name, line=self.line))
        return place

    def _entries(self, statement: Statement, words: list[Word], naming: bool) -> int | LoadError:
        """``name [ key key ]``: entries of which nothing more is said."""
        values, taken = _values(words)
        if naming or len(statement.keys) > 1 or taken < len(words):
            return self._refuse("[", "syntax error")
        if not values:
            return self._refuse(statement.shown, "missing argument.")
        for key in values:
            self._add(Edit(statement, key=key, line=self.line))
        self.several = len(values) > 1
        if self.last is not None:
            self._lead(self.last)
        return taken

    def _unfinished(self, child: Statement, naming: bool) -> LoadError | None:
        if child.kind is Kind.LIST:
            self.listed = child
        if naming:
            self._add(Edit(child, line=self.line))
            return None
        return self._refuse(child.shown, "missing argument.")

    def _refuse(self, word: str, message: str) -> LoadError:
        return LoadError(edit_path(self.words), str(word), message, line=self.line)

    def _add(self, edit: Edit) -> None:
        (self.chain[-1].children if self.chain else self.top).append(edit)
        self._said[-1].add(edit.statement.name)
        self.last = edit

    def _enter(self, edit: Edit) -> None:
        self._add(edit)
        self._lead(edit)

    def _lead(self, edit: Edit) -> None:
        self.chain.append(edit)
        self._said.append(set())


def _entered(statement: Statement, keys: list[str]) -> Iterator[tuple[Statement, str]]:
    """The entry that has these keys; ``ge-0/0/0.0`` is a unit of its interface."""
    logical = LOGICAL.fullmatch(keys[0]) if _has_units(statement) else None
    if logical is None:
        yield statement, KEY_SEPARATOR.join(keys)
        return
    yield statement, logical["device"]
    yield statement.children["unit"], logical["unit"]


def _has_units(statement: Statement) -> bool:
    """Whether it is the list of interfaces, not one that speaks of them."""
    unit = statement.children.get("unit") if statement.name == "interface" else None
    return unit is not None and "family" in unit.children


def _named(here: Statement, word: Word, said: list[Edit]) -> tuple[Statement, bool] | None:
    if isinstance(word, Quoted):
        # Where a value may stand, quotes say that this is one.
        found = _taking(here, word, said)
        if found is not None:
            return found, False
    child = here.words.get(word)
    if child is not None and child.spelled:
        return child, True
    found = _taking(here, word, said)
    return (found, False) if found is not None else None


def _given(here: Statement, statement: Statement, names: set[str]) -> bool:
    """Whether the same line has said it, or what excludes it: only one of both would hold."""
    several = statement.kind in (Kind.LIST, Kind.LEAF_LIST) or statement.has_no_braces
    again = statement.name in names and not several
    return again or not names.isdisjoint(here.excluded.get(statement.name, ()))


def _is_written_out(here: Statement, child: Statement, words: list[Word]) -> bool:
    """Whether a leaf's own word stands before its value though text has none for it.

    Juniper's models say only from 23.1 on that there is none (``hostname identity-hostname a``).
    """
    plain = child.kind is Kind.LEAF and not here.in_their_places
    if not plain or len(words) < 2 or words[0] != child.name or isinstance(words[0], Quoted):
        return False
    following = here.words.get(words[1])
    return not _opens(words[1]) and (following is None or not following.spelled)


def _meant(here: Statement, word: Word) -> tuple[Statement, bool] | None:
    """The one statement whose word begins like this."""
    meant = [s for name, s in here.words.items() if s.spelled and name.startswith(word)]
    return (meant[0], True) if len(meant) == 1 else None


def _taking(here: Statement, word: Word, said: list[Edit]) -> Statement | None:
    """The statement without a word of its own that takes ``word`` as its value.

    Of those that their places tell apart, the first that has none yet.
    """
    candidates = here.unspelled
    if here.in_their_places:
        given = {edit.statement.name for edit in said}
        candidates = tuple(c for c in candidates if c.name not in given)[:1]
    for child in candidates[:-1]:
        if child.check is not None and _accepts(child, word):
            return child
    return candidates[-1] if candidates else None


def _accepts(statement: Statement, word: Word) -> bool:
    try:
        assert statement.check is not None
        statement.check(word)
    except InvalidValue:
        return False
    return True


def _may_end(statement: Statement) -> bool:
    """True for branches that text writes on one line, behind which their siblings may follow."""
    plain = not any(not child.name.startswith("apply-") for child in statement.children.values())
    return statement.oneliner or statement.terse or (statement.kind is Kind.LIST and plain)


def _opens(word: Word) -> bool:
    """True for a bracket, which is not a value."""
    return word == "[" and not isinstance(word, Quoted)


def _ahead(child: Statement, words: list[Word], place: int) -> list[Word]:
    """The words that a value or an entry's keys may take, and one more: a line may be long."""
    if _opens(words[place]):
        end = place + 1
        while words[end] != "]" or isinstance(words[end], Quoted):
            end += 1
        return words[place : end + 2]
    if words[place].startswith("("):
        return words[place:]
    return words[place : place + 2 * len(child.keys) + 1]


def _in_pairs(words: list[Word]) -> bool:
    """True when every ``[`` has its ``]`` and no other one in between."""
    marks = [word for word in words if word in ("[", "]") and not isinstance(word, Quoted)]
    return marks == ["[", "]"] * (len(marks) // 2)


def _values(words: list[Word]) -> tuple[list[str], int]:
    """A leaf's value or values, and how many words they are: one, ``[ … ]`` or ``( … )``."""
    first = words[0]
    if isinstance(first, Quoted):
        return [str(first)], 1
    if _opens(first):
        end = next(n for n, w in enumerate(words) if w == "]" and not isinstance(w, Quoted))
        return _grouped(words[1:end]), end + 1
    if first.startswith("("):
        end = _closing(words)
        return [" ".join(words[:end])], end
    return [str(first)], 1


def _grouped(words: list[Word]) -> list[str]:
    """The values between brackets, of which some may be expressions."""
    values = []
    place = 0
    while place < len(words):
        word = words[place]
        end = 1
        if word.startswith("(") and not isinstance(word, Quoted):
            end = _closing(words[place:])
        values.append(" ".join(words[place : place + end]))
        place += end
    return values


def _closing(words: list[Word]) -> int:
    depth = 0
    for place, word in enumerate(words):
        if not isinstance(word, Quoted):
            depth += word.count("(") - word.count(")")
        if depth <= 0:
            return place + 1
    # Nothing closes it: it is a word that begins like that.
    return 1


def levels(root: Statement, words: list[Word]) -> list[Edit] | LoadError:
    """The containers and list entries that a path leads through, from the top."""
    way = Descent(root, [])
    problem = way.walk(words)
    leads = way.chain and way.last is way.chain[-1] and not way.several
    if problem is None and way.top and not leads:
        problem = LoadError("[edit]", str(words[-1]), "syntax error")
    return problem or way.chain
