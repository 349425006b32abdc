# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a reply was not understood, kept so that the one who asked can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..netconf.libraries import etree

_MOST_KEPT, _MOST_SHOWN, _LONGEST = 50, 5, 160
_WORD = re.compile("[A-Za-z]")


@dataclass
class Doubts:
    """A part of a reply is known as a whole only when nothing is ``unclear``."""

    unclear: list[str] = field(default_factory=list, kw_only=True)

    @property
    def hollow(self) -> str:
        """What is missing in a reply that says nothing; empty for one that says something."""
        raise NotImplementedError

    def doubt(self, what: str) -> None:
        """Something was said that nothing here understands; of many, the first are kept."""
        text = " ".join(what.split())
        if len(self.unclear) < _MOST_KEPT:
            self.unclear.append(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")

    def doubts(self) -> str:
        """The first of what is unclear, on one line."""
        shown = "; ".join(self.unclear[:_MOST_SHOWN])
        return f"{shown}; and more" if len(self.unclear) > _MOST_SHOWN else shown


def neither_form(step: str, lost: str, in_xml: str, as_text: str) -> str:
    """The words for an answer that was understood in neither form; ``lost``: what that means."""
    return (
        f"{step}: {lost}: in XML: {in_xml}; as text: {as_text}; report both answers to the "
        "collection's maintainers"
    )


def nameless(reply: etree._Element, number: str) -> str:
    """Why an answer is not understood that tells of a group without its ``number``, or in words.

    '' for another.
    """
    numbers = [_said(element) for element in reply.iter(number)]
    odd = next((text for text in numbers if text and not text.isdecimal()), None)
    if odd is None and not any(numbers) and _WORD.search(_said(reply)):
        odd = _said(reply)
    return "" if odd is None else f"not understood: {odd[:_LONGEST]!r}"


def _said(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())
