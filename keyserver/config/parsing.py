# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Octets to elements where more threads than one have elements.

libxml2 keeps names in a dictionary, and lxml has one for each thread: all that a thread has parsed
shares it, for good and wherever it goes. Parsing lets go of the interpreter's lock. Who makes an
element, or looks for one, in what that thread has parsed earlier, does so in the same dictionary at
the same time: names come out as other names, or the process ends. So while another thread may have
elements each text is parsed in a thread that ends with it, and nobody parses into its dictionary
again. A worker has elements only while it works on what was lent to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakSet

from lxml import etree

T = TypeVar("T")

_workers: WeakSet[threading.Thread] = WeakSet()
_at_work: list[None] = []
"""One for each piece of work that was lent and is not done. Lists grow and shrink as one step."""


def parse_apart(text: bytes, made: Callable[[], etree.XMLParser]) -> etree._Element:
    """The root of a document; ``made`` makes a parser that nothing was parsed with.

    Raises etree.XMLSyntaxError and ValueError.
    """
    with ThreadPoolExecutor(max_workers=1) as alone:
        return alone.submit(etree.fromstring, text, made()).result()


def work_for_us() -> None:
    """Say that the calling thread has elements only while it does what :func:`lent` returned."""
    _workers.add(threading.current_thread())


def lent(work: Callable[[], T]) -> Callable[[], T]:
    """The work, for a worker to do once; from now until it is done nobody is alone."""
    _at_work.append(None)

    def done() -> T:
        try:
            return work()
        finally:
            _at_work.pop()

    return done


def is_alone() -> bool:
    """Whether no other thread can have elements."""
    if _at_work:
        return False
    here = threading.current_thread()
    return all(one is here or one in _workers for one in threading.enumerate())
