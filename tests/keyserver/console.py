# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device without sockets, and NETCONF sessions on it, with a hand-moved clock."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from lxml import etree

from keyserver.config.junos_schema import Generation
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, Surroundings, read_initial
from tests.lab import hub_config

START = 1_800_000_000.0
END = b"]]>]]>"
BASE_1_0, BASE_1_1 = (f"urn:ietf:params:netconf:base:1.{n}" for n in (0, 1))
NOTHING_AROUND = Surroundings()
SITES = {"gm-1": "192.0.2.11"}


@contextlib.contextmanager
def full_disk(octets: int = 0) -> Iterator[None]:
    """No file of this process grows any more, or none beyond that many octets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Console:
    """A device and NETCONF sessions on it, with a hand-moved clock."""

    def __init__(
        self,
        generation: str = "v2",
        state: Path | None = None,
        around: Surroundings = NOTHING_AROUND,
        **more,
    ) -> None:
        self.now = START
        self.spec = DeviceSpec("hub-1", generation=Generation(generation), state=state, **more)
        text = hub_config("hub-1", generation, SITES, ("G1", "G2"))
        self.device = Device(self.spec, read_initial(self.spec, text), self.now, around)

    def session(self, *bases: str) -> Session:
        return Session(self, bases or (BASE_1_0,))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.device.expire(self.now)

    def hostname(self) -> str:
        return self.device.identity().hostname


class Session:
    """One client; :meth:`rpc` gives the reply's root without namespaces."""

    def __init__(self, console: Console, bases: tuple[str, ...]) -> None:
        self._console = console
        self.netconf = console.device.open_session("netops", console.now)
        self.greeting = self.netconf.greeting()
        self.chunked = BASE_1_1 in bases
        offered = "".join(f"<capability>{base}</capability>" for base in bases)
        assert self.raw(f"<hello><capabilities>{offered}</capabilities></hello>".encode()) == b""

    def raw(self, message: bytes) -> bytes:
        return self.netconf.receive(message + END, self._console.now)

    def rpc(self, operation: str) -> etree._Element:
        answer = self.raw(f'<rpc message-id="1">{operation}</rpc>'.encode())
        assert answer.endswith(END), answer
        root = etree.fromstring(answer.removesuffix(END))
        for element in root.iter(etree.Element):
            element.tag = etree.QName(element).localname
        return root

    def set(self, *lines: str) -> etree._Element:
        text = "\n".join(lines)
        return self.rpc(
            f'<load-configuration action="set" format="text"><configuration-set>{text}'
            "</configuration-set></load-configuration>"
        )

    def commit(self, inner: str = "") -> etree._Element:
        return self.rpc(f"<commit-configuration>{inner}</commit-configuration>")

    def compare(self) -> str:
        reply = self.rpc('<get-configuration compare="rollback" rollback="0" format="text"/>')
        return (reply.findtext(".//configuration-output") or "").strip()

    def end(self) -> None:
        self.netconf.end(self._console.now)


def errors(reply: etree._Element) -> list[str]:
    return [e.findtext("error-message").strip() for e in reply.iter("rpc-error")]


def tags(reply: etree._Element) -> list[str]:
    return [e.findtext("error-tag") for e in reply.iter("rpc-error")]


def outline(element: etree._Element, depth: int = 0) -> str:
    """A reply as indented lines, ``name [attribute=value]: text``; without what XML only pads."""
    marks = "".join(f" [{etree.QName(k).localname}={v}]" for k, v in element.attrib.items())
    text = (element.text or "").strip()
    lines = ["  " * depth + etree.QName(element).localname + marks + f": {text}" * bool(text)]
    lines += [outline(child, depth + 1) for child in element.iterchildren(tag=etree.Element)]
    return "\n".join(lines)


def outlined(reply: etree._Element) -> str:
    """What a reply holds, as :func:`outline` has it."""
    return "\n".join(outline(child) for child in reply)


def text(lines: str) -> str:
    """An outline as a test writes it, indented like the test."""
    return dedent(lines).strip("\n")
