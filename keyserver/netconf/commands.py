# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CLI commands (``<command>``) as the RPCs behind them, and the pipes after them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from ..config.expressions import Expression, NoExpression
from ..config.naming import name_in_xml
from ..config.schema import KEY_SEPARATOR, Kind, Statement
from ..config.tree import Item
from .arguments import SHOWN, Accepts, Argument, number, syntax_error
from .reply import RpcError, RpcFailure
from .rpcs.platform import OperationalRpc

_CONFIGURATION_COMMANDS = {
    "show configuration": "get-configuration",
    "show system commit": "get-commit-information",
    "show system commit revision": "get-commit-revision-information",
    "show system rollback": "get-rollback-information",
    "show system configuration rescue": "get-rescue-information",
    "request system configuration rescue save": "request-save-rescue-configuration",
    "request system configuration rescue delete": "request-delete-rescue-configuration",
}
_FORMS = {"ascii": "text", "xml": None}
"""The ``format`` of ``<command>`` as a pipe would call it; None: the RPC's own."""
_SHORTEST = 2
"""Letters of a word that is cut short."""
_MOST_PIPES = 10
"""Each of them goes through all lines."""


@dataclass(frozen=True)
class Filter:
    """One ``| match ...`` and its like: what it does, and its number or expression."""

    name: str
    amount: int = 0
    found_in: Callable[[str], bool] = bool


@dataclass
class Command:
    """What a command line asks for.

    ``display`` is the format to show, None for the RPC's own; ``piped`` the one that a pipe names,
    ``shows_rpc`` means that it is the RPC itself. ``path`` are the words of each block around what
    is shown; ``relative`` set lines go without them.
    """

    operation: etree._Element
    display: str | None = None
    piped: str | None = None
    shows_rpc: bool = False
    filters: list[Filter] = field(default_factory=list)
    path: tuple[str, ...] = ()
    relative: bool = False

    @property
    def of_configuration(self) -> bool:
        """True for ``show configuration``, which wraps its text in elements of its own."""
        return self.operation.tag == "get-configuration"

    @property
    def compares(self) -> bool | None:
        """Whether a configuration is compared with another; None where there is none."""
        return self.operation.get("compare") is not None if self.of_configuration else None


def read_command(
    line: str, schema: Statement, rpcs: Mapping[str, OperationalRpc], form: str | None
) -> Command:
    """The RPC behind a CLI command. Raises RpcFailure for what the device does not know.

    ``form`` is the ``format`` attribute of ``<command>``.
    """
    words, pipes = _parted(line)
    if len(pipes) > _MOST_PIPES:
        raise syntax_error("|")
    name, rest, accepts = _found(words, rpcs, line)
    command = Command(etree.Element(name), display=_FORMS.get(form or "xml", form))
    if command.of_configuration:
        _configuration_path(command, rest, schema)
    else:
        _arguments(command.operation, rest, accepts)
    for pipe in pipes:
        _pipe(command, pipe)
    _shown_as(command)
    return command


_WORDS = re.compile(r'\||(?:"[^"]*"|[^\s|"])+')


def _parted(line: str) -> tuple[list[str], list[list[str]]]:
    """The words of a command and of each pipe after it."""
    words = _WORDS.findall(line)
    if line.count('"') % 2:
        raise syntax_error(line)
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            parts.append([])
        else:
            parts[-1].append(word.replace('"', ""))
    return parts[0], parts[1:]


def _found(
    words: list[str], rpcs: Mapping[str, OperationalRpc], line: str
) -> tuple[str, list[str], Accepts]:
    """The RPC whose command these words begin with, the longest of several."""
    known = {tuple(rpc.command.split()): name for name, rpc in rpcs.items() if rpc.command}
    known |= {tuple(text.split()): name for text, name in _CONFIGURATION_COMMANDS.items()}
    spelled = _spelled(words, list(known))
    for count in range(len(spelled), 0, -1):
        name = known.get(tuple(spelled[:count]))
        if name is None:
            continue
        if name in rpcs:
            return name, words[count:], rpcs[name].accepts
        return name, words[count:], _CONFIGURATION_ARGUMENTS.get(name, Accepts())
    raise syntax_error(line)


def _spelled(words: list[str], commands: list[tuple[str, ...]]) -> list[str]:
    """The words in full, as far as one of the commands has them."""
    spelled: list[str] = []
    for at, word in enumerate(words):
        commands = [one for one in commands if len(one) > at]
        full = _in_full(word, {one[at] for one in commands})
        if full is None:
            break
        commands = [one for one in commands if one[at] == full]
        spelled.append(full)
    return spelled


def _in_full(word: str, known: Collection[str], shortest: int = _SHORTEST) -> str | None:
    """A word of the CLI, which may be cut short as long as it means one thing."""
    if word in known:
        return word
    meant = [one for one in known if one.startswith(word)] if len(word) >= shortest else []
    return meant[0] if len(meant) == 1 else None


_ANY_ROLLBACK = number(0, 49)
_CONFIGURATION_ARGUMENTS = {
    "get-commit-revision-information": Accepts((Argument("brief"), Argument("detail"))),
    "get-rollback-information": Accepts(
        (Argument("compare", _ANY_ROLLBACK), Argument("rollback", _ANY_ROLLBACK, word=""))
    ),
}


def _arguments(operation: etree._Element, words: list[str], accepts: Accepts) -> None:
    """Words after a command as the RPC's arguments."""
    spelled = {argument.spelled: argument for argument in accepts.arguments}
    rest = list(words)
    if words[:1] == ["compare"] and len(words) == 3:
        # ``show system rollback compare X Y``: from X to Y.
        rest = [words[1], "compare", words[2]]
    while rest:
        argument = spelled.get(_in_full(rest[0], spelled) or "")
        if argument is None or (argument.check is not None and argument.spelled and not rest[1:]):
            raise syntax_error(rest[0])
        element = etree.SubElement(operation, argument.name)
        if argument.spelled:
            rest.pop(0)
        if argument.check is not None:
            element.text = rest.pop(0)


def _configuration_path(command: Command, path: list[str], schema: Statement) -> None:
    command.operation.set("database", "committed")
    if path:
        wanted = etree.SubElement(command.operation, "configuration")
        problem = name_in_xml(schema, path, wanted)
        if problem is not None:
            raise syntax_error(problem.bad_element)
        command.path = tuple(_levels(schema, wanted))


def _levels(statement: Statement, wanted: etree._Element) -> Iterator[str]:
    """The words of each block around what is shown, one in the other; a leaf keeps its own."""
    below = next((e for e in wanted if e.tag not in statement.key_names), None)
    if below is None:
        return
    child = statement.children[str(below.tag)]
    if child.kind is Kind.CONTAINER:
        yield child.shown
    elif child.kind is Kind.LIST and len(below):
        key = KEY_SEPARATOR.join(below.findtext(one.name) or "" for one in child.keys)
        yield " ".join(Item(child, (child.name, key), {}, within=statement).opening)
    else:
        return
    yield from _levels(child, below)


_DISPLAYS = {"xml", "json", "set", "text"}


def _pipe(command: Command, words: list[str]) -> None:
    """One pipe: which lines to keep, how to display, or what to compare with."""
    full = _pipe_in_full(words)
    kept = _lines_kept(full)
    if kept is not None:
        command.filters.append(kept)
    else:
        _of_the_whole(command, full, words)


def _of_the_whole(command: Command, full: list[str], words: list[str]) -> None:
    """A pipe that is about all lines; ``full``: in words that are not cut short."""
    match full:
        case ["display", "xml", "rpc"]:
            command.shows_rpc = True
        case ["display", "inheritance", *more] if command.of_configuration:
            _inheritance(command, more)
        case ["display", form, *more] if form in _DISPLAYS:
            _display(command, form, more)
        case ["compare"] | ["compare", "rollback", _] if command.compares is False:
            command.operation.set("compare", "rollback")
            command.operation.set("rollback", words[2] if len(words) > 1 else "1")
        case ["no-more"] | ["display", "omit"]:
            # Nothing is left out of a listing here.
            pass
        case _:
            raise syntax_error(" ".join(words) or "|")


def _lines_kept(pipe: list[str]) -> Filter | None:
    """What a pipe that looks at lines does with them."""
    match pipe:
        case ["count"]:
            return Filter("count")
        case [("match" | "except" | "find") as name, pattern]:
            return Filter(name, found_in=_expression(pattern).found_in)
        case [("last" | "trim") as name, amount] if amount.isascii() and amount.isdigit():
            return Filter(name, int(amount[:9]))
        case ["last"]:
            return Filter("last", 10)
    return None


def _inheritance(command: Command, more: list[str]) -> None:
    if more not in ([], ["no-comments"]):
        raise syntax_error(more[0])
    command.operation.set("inherit", "inherit")
    if not more:
        command.operation.set("groups", "groups")


def _display(command: Command, form: str, more: list[str]) -> None:
    command.relative = more == ["relative"] and form == "set" and command.of_configuration
    if command.piped is not None or (more and not command.relative):
        # Of two formats one would not be shown.
        raise syntax_error(" ".join(["display", form, *more]))
    command.piped = form
    command.display = form if form != "xml" else None


_PIPES = (
    *("append", "compare", "count", "display", "except", "find", "hold", "last", "match"),
    *("no-more", "refresh", "request", "resolve", "save", "tee", "trim"),
)
"""Those that Junos has: not all are done, and all may be meant by their first letters."""


def _pipe_in_full(words: list[str]) -> list[str]:
    """The words of a pipe, of which its name and what to display may be cut short."""
    name = _in_full(words[0], _PIPES, 1) if words else None
    if name is None:
        return words
    rest = words[1:]
    if name == "display" and rest:
        rest[0] = _in_full(rest[0], (*_DISPLAYS, "inheritance"), 1) or rest[0]
    return [name, *rest]


def _expression(pattern: str) -> Expression:
    try:
        return Expression(pattern)
    except NoExpression as error:
        raise RpcFailure(
            RpcError(f"invalid regular expression: {error}", bad_element=pattern[:SHOWN])
        ) from None


def _shown_as(command: Command) -> None:
    """Tell the RPC which format the pipes and the attribute come to."""
    if command.display == "set":
        # Set lines have no place to say which group something came from.
        command.operation.attrib.pop("groups", "")
    if command.compares:
        _compared(command)
        return
    if command.display == "set" and not command.of_configuration:
        raise syntax_error("set")
    shows = not str(command.operation.tag).startswith("request-")
    if shows and command.display is not None:
        command.operation.set("format", command.display)


def _compared(command: Command) -> None:
    """A comparison is text, or XML where a pipe wants it."""
    form = command.piped or command.display or "text"
    if form not in ("text", "xml"):
        raise syntax_error(form)
    command.operation.set("format", form)
    command.display = form if form != "xml" else None
