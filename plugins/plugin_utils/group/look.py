# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking at a device: both sides of its configuration, who is listed, which keys it holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..engine.advice import reading_warnings
from ..engine.device import Device
from ..engine.shape import as_config
from ..engine.tree import Reading
from ..engine.values import Generation
from ..errors import DeviceError
from ..members.asking import lists
from ..members.doubts import nameless
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.xml import local_name, text_of
from ..resources.served import key_lifetimes
from .algorithms import algorithms
from .brought import with_groups
from .configurations import RESOURCES, entries
from .expand import Sides

_SIDES = ("initiator", "responder")
# What shows keys: the request, and the element that tells the group.
_SERVER_KEKS = ("get-security-group-vpn-server-kek-sa", "{*}group-id")
_SERVER_TEKS = ("get-security-group-vpn-server-security-information", "{*}group-vpn-group-id")
_MEMBER_KEKS = ("get-gvpn-kek-security-associations-information", "{*}group-id")
_MEMBER_TEKS = ("get-gvpn-security-associations-information", "{*}sa-gvpn-groupid")
_NUMBER, _SHORT = re.compile("[0-9]{1,20}"), re.compile("[0-9]{8}")
_BETWEEN = re.compile(r"[\s:.-]")
_SPI_DIGITS, _COOKIE_DIGITS = 8, 16
_LIVES = ("sa-hard-lifetime", "life-remaining")


@dataclass
class Keys:
    """Keys of one group that a device shows, by SPI.

    ``teks`` says of each for how long it lives, 0 where the device does not tell; ``span``: for how
    long one lives that a server makes now; ``algorithms``: of each, as far as they are told.
    """

    kek: set[str] = field(default_factory=set)
    teks: dict[str, int] = field(default_factory=dict)
    span: int | None = None
    algorithms: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

    def newest(self, used: Collection[str], within: int) -> set[str]:
        """The traffic key that lives longest; all of them where the device says no lifetimes.

        One that has more life than a new one gets, or that no member uses (``used``) although it
        is older than the seconds ``within`` which a new one takes to reach them, was made before
        lives were shortened.
        """
        span = max(self.teks.values(), default=0) if self.span is None else self.span
        lives = {
            left
            for spi, left in self.teks.items()
            if left <= span and (spi in used or not left or span - left <= within)
        }
        longest = max(lives or self.teks.values(), default=0)
        return {spi for spi, left in self.teks.items() if left == longest}

    def undecided(self, used: Collection[str], within: int) -> int:
        """Seconds until no key is left that may be a new one, or only one of a longer life.

        Such a one has as much life left as one that was made within the last seconds ``within``,
        and no member uses it (``used``): one of the two will be seen by then.
        """
        span = self.span or 0
        since = span - within
        lives = (n for spi, n in self.teks.items() if n and since <= n <= span and spi not in used)
        return max((left - since + 1 for left in lives), default=0)


@dataclass
class Holdings:
    """What a device shows: keys by group number, on servers the listed gateways by group name.

    ``at``: when it was asked, on the clock of whoever asks; ``unclear``: answers about keys that
    were not understood.
    """

    keys: dict[int, Keys] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list, compare=False)
    at: float = field(default=0.0, compare=False)

    def of(self, group_id: int | None) -> Keys:
        """The keys of a group; none where the device shows none."""
        return self.keys.get(group_id or 0, Keys())

    def left(self, group_id: int | None, now: float) -> float | None:
        """Seconds until the last traffic key of a group ends; None where nothing says so."""
        life = max(self.of(group_id).teks.values(), default=0)
        return life - (now - self.at) if life else None


@dataclass
class Looked:
    """One device as it was found; ``readings`` and ``sides`` by side."""

    generation: Generation
    readings: dict[str, Reading]
    sides: Sides
    holdings: Holdings
    warnings: list[str]


def look(rpc: Rpc) -> Looked:
    """Everything about a device. Raises DeviceError, MalformedReply, TransportFailure."""
    device = Device(rpc)
    reply = device.read(_selection())
    readings = {side: resource.read(reply) for side, resource in RESOURCES.items()}
    sides: Sides = {}
    said: list[str] = []
    for side, resource in RESOURCES.items():
        config = as_config(resource, readings[side].in_force(resource.root), secrets=True)
        sides[side] = config if isinstance(config, dict) else {}
        said += reading_warnings(resource, readings[side])
    generation = device.generation()
    try:
        readings = with_groups(device, readings)
    except DeviceError as error:
        said.append(f"{error}; what they would keep of what goes is not known")
    held = holdings(rpc, sides, generation)
    return Looked(generation, readings, sides, held, [*said, *held.unclear])


def holdings(rpc: Rpc, sides: Sides, generation: Generation) -> Holdings:
    """Keys and lists of a device that has this configuration; who has none is not asked."""
    found = Holdings()
    if entries(sides["server"], "groups"):
        for name, members in lists(rpc, generation).items():
            found.listed[name] = [m.get("gateway") or m["address"] for m in members]
        _read_keys(rpc, found, _SERVER_KEKS, _SERVER_TEKS)
        for number, span in key_lifetimes(sides["server"]).items():
            found.keys.setdefault(number, Keys()).span = span
    if entries(sides["member"], "ipsec", "vpns"):
        _read_keys(rpc, found, _MEMBER_KEKS, _MEMBER_TEKS)
    return found


def _selection() -> etree._Element:
    """Both sides in one request."""
    root = etree.Element("configuration")
    for resource in RESOURCES.values():
        _merge(root, resource.read_filter())
    return root


def _merge(into: etree._Element, other: etree._Element) -> None:
    """Add what another selection asks for; who asks for all of something has its parts."""
    for child in other:
        there = next((one for one in into if one.tag == child.tag), None)
        if there is None:
            into.append(child)
        elif len(there):
            _merge(there, child)


def _read_keys(rpc: Rpc, found: Holdings, keks: tuple[str, str], teks: tuple[str, str]) -> None:
    # Both requests in one write: the answer to the second is there when it is asked for.
    behind = etree.Element(teks[0])
    for number, entry in _entries(rpc, found, "read the keys for rekeying", *keks, behind):
        cookies = [text_of(next(entry.iter(f"{{*}}{side}-cookie"), None)) for side in _SIDES]
        if all(cookies):
            found.keys.setdefault(number, Keys()).kek.add(
                "".join(_uniform(cookies, _COOKIE_DIGITS))
            )
    for number, entry in _entries(rpc, found, "read the traffic keys", *teks):
        keys = found.keys.setdefault(number, Keys())
        for spi in entry.iter("{*}sa-spi"):
            left = max(_seconds(spi.getparent()), default=0)
            (name,) = _uniform([text_of(spi)], _SPI_DIGITS)
            keys.teks[name] = max(left, keys.teks.get(name, 0))
            keys.algorithms[name] = algorithms(_algorithms(spi.getparent()))


def _uniform(shown: list[str], digits: int) -> list[str]:
    """Numbers of one key as hexadecimal digits, whichever way a device writes them.

    No page says which way: servers and members may each have their own.
    """
    bare = [_BETWEEN.sub("", one).lower().removeprefix("0x") for one in shown]
    if any(len(one) > digits for one in bare) and all(map(_NUMBER.fullmatch, bare)):
        bare = [f"{int(one):x}" for one in bare]
    return [one.zfill(digits) for one in bare]


def agree(held: Collection[Holdings], meant: dict[str, str]) -> None:
    """Give a traffic key one name that some show by a decimal number.

    A short one looks like hexadecimal digits: it is decimal where somebody shows that number so, or
    has before (``meant``, to which what is found is added).
    """
    keys = [one for holdings in held for one in holdings.keys.values()]
    names = {spi for one in keys for spi in one.teks}
    short = filter(_SHORT.fullmatch, names)
    meant |= {name: spi for name in short if (spi := f"{int(name):08x}") in names}
    for one in keys if meant else ():
        one.teks = {meant.get(spi, spi): left for spi, left in one.teks.items()}
        one.algorithms = {meant.get(spi, spi): those for spi, those in one.algorithms.items()}


def _entries(
    rpc: Rpc, found: Holdings, step: str, request: str, number: str, *then: etree._Element
) -> Iterator[tuple[int, etree._Element]]:
    """What a reply says, with the group's number; ``then``: what will be asked next."""
    reply = rpc.call(step, etree.Element(request), then)
    why = nameless(reply, number)
    if why:
        found.unclear.append(f"{step}: {why}; which of them it holds is not known")
    for element in reply.iter(number):
        entry, text = element.getparent(), text_of(element)
        if entry is not None and _NUMBER.fullmatch(text):
            yield int(text), entry


def _algorithms(entry: etree._Element) -> Iterator[str]:
    return (text_of(one) for one in entry if local_name(one).endswith("-algorithm"))


def _seconds(entry: etree._Element) -> Iterator[int]:
    for name in _LIVES:
        for element in entry.iter(f"{{*}}{name}"):
            if _NUMBER.fullmatch(text_of(element)):
                yield int(text_of(element))
