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
    """Why an answer in words is not understood that has no group's ``number``; '' for another."""
    said = " ".join("".join(reply.itertext()).split())
    named = next(reply.iter(number), None) is not None
    return "" if named or not _WORD.search(said) else f"not understood: {said[:_LONGEST]!r}"
