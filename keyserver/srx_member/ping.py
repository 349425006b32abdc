# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``ping``: real packets to an address of another device of the same process, through the VPNs.

All of them are sent at once, and what comes back comes at once: there is no wire, so a round trip
takes no time on the device's clock, and nobody waits for what is lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from lxml import etree

from ..groups.hosts import addresses_of, host_mapping
from ..netconf.arguments import SHOWN, Argument, number, text_of
from ..netconf.reply import xml_text
from ..netconf.rpcs.platform import Elements, OperationalRpc, Platform, takes
from ..netconf.session import Request
from .forwarding import Forwarding
from .host import Host
from .packets import ICMP, USUAL_TTL, Echo, Ipv4, NotUnderstood
from .sites import SrxMembers

USUAL_COUNT, USUAL_SIZE = 5, 56
MOST_PROBES = 100
"""An emulated device sends all of them in one turn of its loop."""
LARGEST_SIZE = 1400
"""Octets of data that fit into one packet with ESP around it: nothing is sent in fragments."""
_NO_TIME = "0"
_FIGURES = ("minimum", "maximum", "average", "stddev")
_LOST = "no response"


class CannotSend(Exception):
    """Why no packet leaves, as the system of a device says it."""


@dataclass(frozen=True)
class Probe:
    """What one echo request brought; ``reply`` None: nothing."""

    sequence: int
    reply: Ipv4 | None


@dataclass(frozen=True)
class Question:
    """What is asked: ``ends`` are source and destination, ``size`` is in octets of data."""

    ends: tuple[IPv4Address, IPv4Address]
    count: int
    size: int
    ttl: int
    tos: int
    do_not_fragment: bool

    def packet(self, sequence: int, identifier: int, data: bytes) -> Ipv4:
        """One echo request."""
        echo = Echo(identifier, sequence, data).encode()
        return Ipv4(*self.ends, ICMP, echo, self.ttl, self.tos, self.do_not_fragment)


def _ping(device: Platform, request: Request) -> Elements:
    target = request.text("host") or ""
    root = request.dialect.own("ping-results")
    root.append(request.dialect.own("target-host", xml_text(target)))
    members = _members(device)
    try:
        question = _question(device, request, target, members.host)
    except CannotSend as error:
        root.append(request.dialect.own("ping-failure", "internal error"))
        root.append(request.dialect.own("ping-error-message", xml_text(str(error))))
        return [root]
    probes = list(_probes(device, request, question, members.forwarding))
    device.on_deadline_changed()
    root.extend(_results(request, question, probes))
    return [root]


def _members(device: Platform) -> SrxMembers:
    return next(one for one in device.companions if isinstance(one, SrxMembers))


# What is asked


def _question(device: Platform, request: Request, target: str, host: Host) -> Question:
    found = addresses_of(host_mapping(device.database.effective.tree), target)
    if not found:
        raise CannotSend(f"ping: cannot resolve {target[:SHOWN]}: Unknown host")
    destination = IPv4Address(found[0])

    def given(name: str, usual: int) -> int:
        return int(request.text(name) or usual)

    return Question(
        (_source(host, request, destination), destination),
        given("count", USUAL_COUNT),
        given("size", USUAL_SIZE),
        given("ttl", USUAL_TTL),
        given("tos", 0),
        request.child("do-not-fragment") is not None,
    )


def _source(host: Host, request: Request, destination: IPv4Address) -> IPv4Address:
    """Where packets come from: what is asked for, if the device has it and a route leads on."""
    towards = host.source_towards(destination)
    if towards is None:
        raise CannotSend("ping: sendto: No route to host")
    asked, interface = request.text("source"), request.text("interface")
    if asked is not None:
        if IPv4Address(asked) not in host.ports:
            raise CannotSend("bind: Can't assign requested address")
        return IPv4Address(asked)
    if interface is None:
        return towards
    name = interface if "." in interface else f"{interface}.0"
    own = [address for address, port in host.ports.items() if port.interface == name]
    if not own:
        raise CannotSend(f"ping: unknown interface {interface[:SHOWN]}")
    return own[0]


# What becomes of it


def _probes(
    device: Platform, request: Request, question: Question, forwarding: Forwarding
) -> Iterator[Probe]:
    identifier, data = secrets.randbits(16), secrets.token_bytes(question.size)
    for sequence in range(question.count):
        packet = question.packet(sequence, identifier, data)
        sent = forwarding.send(packet, request.now)
        answers = device.internet(sent, request.now) if sent is not None else []
        accepted = (forwarding.accept(answer, request.now) for answer in answers)
        replies = (one for one in accepted if one is not None and _answers(one, packet))
        yield Probe(sequence, next(replies, None))


def _answers(packet: Ipv4, sent: Ipv4) -> bool:
    """True for the reply to that very request."""
    if (packet.source, packet.destination) != (sent.destination, sent.source):
        return False
    try:
        return Echo.decode(packet.payload) == replace(Echo.decode(sent.payload), is_reply=True)
    except NotUnderstood:
        return False


def _results(request: Request, question: Question, probes: list[Probe]) -> Elements:
    own = request.dialect.own
    received = sum(probe.reply is not None for probe in probes)
    lost = round(100 * (len(probes) - received) / len(probes))
    summary = own("probe-results-summary", None, own("probes-sent", str(len(probes))))
    summary.append(own("responses-received", str(received)))
    summary.append(own("packet-loss", str(lost)))
    if received:
        summary.extend(own(f"rtt-{name}", _NO_TIME) for name in _FIGURES)
    return [
        own("target-ip", str(question.ends[1])),
        own("packet-size", str(question.size)),
        *(_result(request, probe) for probe in probes),
        summary,
        own("ping-success") if received else own("ping-failure", _LOST),
    ]


def _result(request: Request, probe: Probe) -> etree._Element:
    own, reply = request.dialect.own, probe.reply
    result = own("probe-result", None, own("probe-index", str(probe.sequence + 1)))
    result.set("date-determined", str(int(request.now)))
    result.append(own("probe-success") if reply else own("probe-failure", _LOST))
    result.append(own("sequence-number", str(probe.sequence)))
    if reply is not None:
        result.append(own("ip-address", str(reply.source)))
        result.append(own("time-to-live", str(reply.ttl)))
        result.append(own("response-size", str(len(reply.payload))))
        result.append(own("rtt", _NO_TIME))
    return result


def _ipv4(text: str) -> str | None:
    try:
        IPv4Address(text)
    except ValueError:
        return f"invalid ip address: {text[:SHOWN]}"
    return None


# Without an effect here: there is nothing to wait for, to look up, or to go round.
_WITHOUT_EFFECT = (
    Argument("interval", number(1, 2**31 - 1)),
    Argument("wait", number(1, 2**31 - 1)),
    Argument("no-resolve"),
    Argument("rapid"),
    Argument("inet"),
)
PING_RPCS = {
    "ping": OperationalRpc(
        _ping,
        takes(
            Argument("host", text_of(255), word=""),
            Argument("count", number(1, MOST_PROBES)),
            Argument("size", number(0, LARGEST_SIZE)),
            Argument("ttl", number(1, 255)),
            Argument("tos", number(0, 255)),
            Argument("source", _ipv4),
            Argument("interface", text_of(63)),
            Argument("do-not-fragment"),
            *_WITHOUT_EFFECT,
            # Either says where packets come from.
            alternatives=(frozenset({"source", "interface"}),),
            required=frozenset({"host"}),
        ),
        "ping",
    )
}
