# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Octets to elements where more threads than one have elements.

libxml2 keeps names in a dictionary, and lxml has one for each thread: all that a thread has parsed
shares it, for good and wherever it goes. Parsing lets go of the interpreter's lock. Who makes an
element, or looks for one, in what that thread has parsed earlier, does so in the same dictionary at
the same time: names come out as other names, or the process ends. So while there are other threads
each text is parsed in a thread that ends with it, and nobody parses into its dictionary again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lxml import etree


def parse_apart(text: bytes, made: Callable[[], etree.XMLParser]) -> etree._Element:
    """The root of a document; ``made`` makes a parser that nothing was parsed with.

    Raises etree.XMLSyntaxError and ValueError.
    """
    with ThreadPoolExecutor(max_workers=1) as alone:
        return alone.submit(etree.fromstring, text, made()).result()


def is_alone() -> bool:
    """Whether no other thread can have elements."""
    return threading.active_count() == 1
