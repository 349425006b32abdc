# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules ``server_info`` and ``member_info`` do, without Ansible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engine.device import Device
from ..engine.values import Generation
from ..errors import DeviceError, MalformedReply, Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.verdict import warnings
from .second_form import as_text
from .shown import Shown, read_elements
from .shows import SYSTEM, Show
from .vocabulary import of_others

ALL = "all"
_LOST = "the device's answer was not understood, so what it shows is not known"


def show(rpc: Rpc, shows: Mapping[str, Show], wanted: Sequence[str]) -> dict[str, Any]:
    """The module's return values: a list for each part that is wanted.

    ``wanted`` may name ``all``, which is all that the device's generation has; a part of it that
    the device refuses, or that cannot be read as a whole, is None then, and ``warnings`` says why.
    Raises Refused, TransportFailure, and for a part that was named DeviceError and MalformedReply.
    """
    generation = Device(rpc).generation()
    chosen = _chosen(shows, wanted, generation)
    result: dict[str, Any] = {"generation": str(generation)}
    said: list[str] = []
    for name in chosen:
        try:
            shown = asked(rpc, name, shows[name], said)
        except (DeviceError, MalformedReply) as error:
            if name in wanted:
                raise
            result[name] = None
            said.append(f"{name}: not known: {error}")
            continue
        result[name] = shown.entries
        said += _remarks(name, shown)
    return {**result, "warnings": list(dict.fromkeys(said))}


def _remarks(name: str, shown: Shown) -> Iterator[str]:
    yield from of_others(name, (entry.get(SYSTEM) for entry in shown.entries))
    if shown.unknown:
        words = ", ".join(shown.unknown)
        yield f"{name}: not known here, and returned as 'other': {words}"


def _chosen(shows: Mapping[str, Show], wanted: Sequence[str], generation: Generation) -> list[str]:
    objections = [
        f"gather_subset: Group VPN{generation} has no {shows[name].command!r}; leave {name!r} out"
        for name in wanted
        if name != ALL and generation not in shows[name].known
    ]
    if objections:
        raise Refused(objections)
    known = [name for name, show in shows.items() if generation in show.known]
    return known if ALL in wanted else [name for name in known if name in wanted]


def asked(rpc: Rpc, name: str, show: Show, said: list[str]) -> Shown:
    """One answer, as XML, and as the CLI's text where that was not understood.

    ``said``: gets the device's warnings. Raises DeviceError, MalformedReply, TransportFailure.
    """
    step = f"read {name.replace('_', ' ')}"
    request = etree.Element(show.rpc)
    if show.levels:
        etree.SubElement(request, "detail")
    try:
        reply = rpc.call(step, request)
    except DeviceError:
        if not show.levels:
            raise
        # A release that does not take a level still tells what it tells without.
        reply = rpc.call(step, etree.Element(show.rpc))
    said += warnings(reply)
    shown = read_elements(show, reply)
    if not shown.unclear:
        return shown
    words = f"{show.command}{' detail' * show.levels}"
    return as_text(step, _LOST, words, lambda c: read_elements(show, rpc.call(step, c)), shown)
