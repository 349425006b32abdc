# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rude device has: its configurations kept honestly, who holds its lock, its history."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

USER, PASSWORD = "netops", "lab-Passw0rd"


def name_of(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def child_of(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in element if name_of(child) == name), None)


def _key(element: etree._Element) -> tuple[str, str]:
    key = child_of(element, "name")
    return name_of(element), "" if key is None else (key.text or "").strip()


def plain(element: etree._Element) -> etree._Element:
    """Without namespaces."""
    bare = etree.Element(name_of(element), dict(element.attrib))
    bare.text = element.text if len(element) == 0 else None
    bare.extend([plain(child) for child in element if isinstance(child.tag, str)])
    return bare


def merge(into: etree._Element, change: etree._Element) -> None:
    """Junos' ``merge`` as far as the collection uses it: values, entries by name, deletion."""
    for wanted in change:
        there = next((e for e in into if _key(e) == _key(wanted)), None)
        if wanted.get("delete") is not None:
            if there is not None:
                into.remove(there)
            continue
        if there is None:
            there = etree.SubElement(into, wanted.tag)
        for mark in ("active", "inactive"):
            if wanted.get(mark) is not None:
                there.attrib.pop("inactive", None)
                if mark == "inactive":
                    there.set(mark, mark)
        if len(wanted) == 0:
            there.text = wanted.text
        else:
            merge(there, wanted)


def set_lines(element: etree._Element, path: str = "") -> list[str]:
    """A configuration as set lines."""
    here = " ".join(filter(None, [path, *filter(None, _key(element))]))
    rest = [child for child in element if name_of(child) != "name"]
    if element.tag == "configuration":
        here = "set"
    if not rest:
        return [f"{here} {(element.text or '').strip()}".strip()]
    return [line for child in rest for line in set_lines(child, here)]


@dataclass
class Commit:
    """One entry of the commit history, and what was committed."""

    user: str
    client: str
    configuration: etree._Element
    log: str = ""
    confirmed: int | None = None
    """Minutes that the commit waited for confirmation."""
    at: int = 1791237823


@dataclass
class Box:
    """What the device has: configurations, locks, history."""

    committed: etree._Element
    release: str = "20.4R3"
    rfc_compliant: bool = False
    tells_pending: bool = True
    """Whether the commit history marks what awaits confirmation."""
    says_confirmed: bool = True
    """Whether the history tells of a commit that it was to be confirmed, for good."""
    says_pending_at_lock: bool = False
    now: int = 1791237823
    """Its clock, for what is committed and for who asks."""
    busy: set[int] = field(default_factory=set)
    """Sessions that still do something: their end waits for that."""
    lock: int | None = None
    private: dict[int, etree._Element] = field(default_factory=dict)
    pending: etree._Element | None = None
    """What a confirmed commit goes back to."""
    history: list[Commit] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Local names of the operations that came."""
    answers: dict[str, str] = field(default_factory=dict)
    """Operation to the content of its reply, for what the device does not do itself."""
    leaves_out: frozenset[str] = frozenset()
    """Statements that it leaves out of a load, with a warning."""
    at_load: Callable[[etree._Element], None] | None = None
    """What it does to what is loaded, without a word."""
    at_commit: Callable[[etree._Element], None] | None = None
    """What it does to what is committed, without a word."""
    committers: set[int] = field(default_factory=set)
    """Sessions that have committed."""

    def __post_init__(self) -> None:
        self.candidate = copy.deepcopy(self.committed)
        if not self.history:
            self.history.append(Commit("root", "cli", copy.deepcopy(self.committed)))

    @property
    def locked(self) -> bool:
        return self.lock is not None or bool(self.private)

    @property
    def lines(self) -> list[str]:
        """The committed configuration as set lines."""
        return set_lines(self.committed)

    def working(self, session: int) -> etree._Element:
        return self.private.get(session, self.candidate)

    def discard(self) -> None:
        """The candidate is the committed configuration again."""
        self.candidate = copy.deepcopy(self.committed)

    def commit(self, session: int, user: str, log: str, confirmed: int | None) -> None:
        if confirmed is None:
            self.pending = None
        elif self.pending is None:
            self.pending = copy.deepcopy(self.committed)
        self.committed = copy.deepcopy(self.working(session))
        if self.at_commit is not None:
            self.at_commit(self.committed)
        self.committers.add(session)
        self.history.insert(0, Commit(user, "netconf", self.committed, log, confirmed, self.now))
        self.discard()

    def expire(self) -> None:
        """The time for a confirmation is over."""
        assert self.pending is not None
        self.committed, self.pending = self.pending, None
        self.discard()
        self.history.insert(0, Commit("root", "other", copy.deepcopy(self.committed)))

    def end(self, session: int) -> None:
        """A session is over, whatever ended it."""
        if session in self.busy:
            return
        self.private.pop(session, None)
        if self.lock == session:
            self.lock = None
            self.discard()


def box(*groups: str, block: dict[str, str] | None = None, **more: Any) -> Box:
    """A box with these Group VPN groups; ``block``: settings that each of them has."""
    configuration = etree.Element("configuration")
    server = configuration
    for name in ("security", "group-vpn", "server"):
        server = etree.SubElement(server, name)
    for number, group in enumerate(groups, 1):
        entry = etree.SubElement(server, "group")
        etree.SubElement(entry, "name").text = group
        etree.SubElement(entry, "group-id").text = str(number)
        if block is not None:
            settings = etree.SubElement(entry, "server-member-communication")
            for name, value in block.items():
                etree.SubElement(settings, name).text = value
    return Box(configuration, **more)
