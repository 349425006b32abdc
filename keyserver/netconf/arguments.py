# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an RPC takes: its arguments, their values, and its XML attributes.

What a device does not know it refuses, as Junos does: an argument that is silently ignored makes
the answer that of another question.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from lxml import etree

from ..config.namespaces import own_name
from .reply import RpcError, RpcFailure
from .xml import local_name

SHOWN = 200
"""Characters of a client's word that an error repeats."""

ValueCheck = Callable[[str], str | None]
"""What Junos says against a value; None when it takes it."""


def number(low: int, high: int) -> ValueCheck:
    """A number within a range."""

    def check(text: str) -> str | None:
        if not (text.isascii() and text.isdigit()):
            return f"Invalid numeric value: '{text[:SHOWN]}'"
        if len(text) > 20 or not low <= int(text) <= high:
            return f"Value {text[:SHOWN]} is not within range ({low}..{high})"
        return None

    return check


def text_of(longest: int) -> ValueCheck:
    """A string of 1 to ``longest`` characters."""

    def check(text: str) -> str | None:
        if 1 <= len(text) <= longest:
            return None
        return f"Must be string of {longest} characters or less"

    return check


def one_of(*words: str) -> ValueCheck:
    """One of a closed set of words."""
    return lambda text: None if text in words else "syntax error"


def address(text: str) -> str | None:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return f"invalid ip address: {text[:SHOWN]}"
    return None


@dataclass(frozen=True)
class Argument:
    """One child element. ``check`` None: an empty element, which is there or not.

    ``word`` is how the CLI spells it; None: like the element; empty: by its value
    alone. ``may_be_empty``: an element
    without a value means that none was given. ``needs`` is the argument without which this one
    says nothing.
    """

    name: str
    check: ValueCheck | None = None
    word: str | None = None
    may_be_empty: bool = False
    needs: str | None = None

    @property
    def spelled(self) -> str:
        """The CLI's word for it."""
        return self.name if self.word is None else self.word


Arguments = tuple[Argument, ...]


@dataclass(frozen=True)
class Accepts:
    """The arguments and attributes of one RPC.

    ``attributes`` maps names to the values that are taken (None: any). Arguments in one of
    ``alternatives`` exclude each other; without those in ``required`` nothing is done. ``payload``
    names elements whose content somebody else
    checks; ``anything`` means that of every child, ``text`` that the RPC's own content is text.
    """

    arguments: Arguments = ()
    attributes: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    alternatives: tuple[frozenset[str], ...] = ()
    required: frozenset[str] = frozenset()
    payload: frozenset[str] = frozenset()
    anything: bool = False
    text: bool = False

    def refuse_others(self, operation: etree._Element) -> None:
        """Raise RpcFailure for what is unknown, repeated, contradictory or out of range."""
        refuse_attributes(operation, self.attributes)
        if not self.text:
            refuse_text(operation)
        if self.anything:
            return
        known = {argument.name: argument for argument in self.arguments}
        seen: set[str] = set()
        for child in operation.iterchildren(tag=etree.Element):
            name = own_name(str(child.tag))
            self._refuse_beside(seen, child, name in known or name in self.payload)
            seen.add(name)
            if name in known:
                refuse_attributes(child, {})
                _refuse_value(child, known[name])
        self._refuse_gaps(seen)

    def _refuse_beside(self, seen: Set[str], child: etree._Element, is_known: bool) -> None:
        """Raise RpcFailure for one that is unknown, or cannot stand behind those before it."""
        name = own_name(str(child.tag))
        if name in seen or not is_known:
            raise syntax_error(local_name(child))
        if any(name in group and seen & group for group in self.alternatives):
            raise syntax_error(name)

    def _refuse_gaps(self, seen: set[str]) -> None:
        """Raise RpcFailure when an argument is not there that those which are there need."""
        needed = {one.needs for one in self.arguments if one.needs and one.name in seen}
        for name in sorted((self.required | needed) - seen):
            raise RpcFailure(RpcError("missing argument.", bad_element=name))


def refuse_attributes(element: etree._Element, known: Mapping[str, frozenset[str] | None]) -> None:
    """Raise RpcFailure for an attribute that is not known, or whose value is not.

    One in a namespace is another attribute: what reads ``format`` does not see ``x:format``.
    """
    # Name by name: the library looks through all of them for each value.
    for raw in map(str, element.keys()):
        allowed = known.get(raw, frozenset())
        if allowed is not None and element.get(raw) not in allowed:
            raise RpcFailure(
                RpcError(
                    "syntax error",
                    bad_attribute=etree.QName(raw).localname[:SHOWN],
                    bad_element=local_name(element)[:SHOWN],
                )
            )


def refuse_text(element: etree._Element) -> None:
    """Raise RpcFailure for text beside elements: it means nothing, so something else was meant."""
    for piece in (element.text, *(child.tail for child in element)):
        if piece is not None and piece.strip():
            raise syntax_error(piece.strip())


def only_child(element: etree._Element) -> str | None:
    """The name of the one empty element in ``target`` or ``source``; None for anything else."""
    refuse_attributes(element, {})
    refuse_text(element)
    inner = list(element.iterchildren(tag=etree.Element))
    if len(inner) != 1:
        return None
    refuse_attributes(inner[0], {})
    name = own_name(str(inner[0].tag))
    if len(inner[0]) or (inner[0].text or "").strip():
        raise syntax_error(name)
    return name


def _refuse_value(element: etree._Element, argument: Argument) -> None:
    if len(element):
        raise syntax_error(local_name(element[0]))
    text = (element.text or "").strip()
    if argument.check is None:
        if text:
            raise syntax_error(text)
        return
    if not text and argument.may_be_empty:
        return
    problem = argument.check(text) if text else "missing argument."
    if problem is not None:
        bad = text if problem == "syntax error" else argument.name
        raise RpcFailure(RpcError(problem, bad_element=bad[:SHOWN]))


def syntax_error(bad: str) -> RpcFailure:
    """Junos' answer to a word that it does not know."""
    return RpcFailure(RpcError("syntax error", bad_element=bad[:SHOWN]))
