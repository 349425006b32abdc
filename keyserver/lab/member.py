# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A reference member of a lab file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..config.junos_schema import Generation
from ..gdoi.payloads import Profile
from ..groups.gateways import PHASE1_WORDS
from ..ike.proposal import Mode
from . import values
from .certificates import read_own_certificate
from .section import Section, items
from .specs import (
    DEFAULT_HEARTBEAT_THRESHOLD,
    DEFAULT_PHASE_1_SECONDS,
    FLOATING_PORT,
    GDOI_PORT,
    DeviceSpec,
    Endpoint,
    Faults,
    LabError,
    MemberSpec,
    Timing,
)

_ANY = "0.0.0.0"


def read_member(where: str, entry: Any, devices: dict[str, DeviceSpec], base: Path) -> MemberSpec:
    """One entry of ``members``; ``devices`` are those of the same lab."""
    section = Section(where, entry)
    server_name = section.need("server", values.text)
    device = devices.get(server_name)
    server = _server(where, server_name, device)
    spec = MemberSpec(
        name=section.need("name", values.line),
        server=server,
        server_name=server_name,
        group=section.need("group", values.group),
        address=section.take("address", values.gdoi_address, "127.0.0.1"),
        psk=section.take("psk", values.text),
        credentials=read_own_certificate(where, section, base),
        identity=section.take("identity", values.text),
        server_identity=section.take("server_identity", values.text),
        generation=section.take("generation", Generation, device.generation if device else None),
        proposals=section.take("proposals", lambda v: _proposals(f"{where}: proposals", v), ()),
        profile=section.take("profile", Profile, device.profile if device else Profile.RFC6407),
        port=section.take("port", values.port, 0),
        mode=section.take("mode", Mode, Mode.MAIN),
        interface=section.take("interface", values.text),
        server_nat_port=_nat_port(device, server),
        heartbeat_threshold=section.take(
            "heartbeat_threshold", values.threshold, DEFAULT_HEARTBEAT_THRESHOLD
        ),
        lifetime=section.take("lifetime_seconds", values.phase1_seconds, DEFAULT_PHASE_1_SECONDS),
        recovery_probe=section.take("recovery_probe", values.flag, False),
        timing=section.take("timing", Timing, Timing.JUNOS),
        faults=section.take("faults", lambda v: _faults(f"{where}: faults", v), Faults()),
    )
    section.done()
    _refuse_nobody(where, spec)
    return spec


def _server(where: str, text: str, device: DeviceSpec | None) -> Endpoint:
    if device is not None and device.gdoi is not None:
        if device.gdoi.host == _ANY:
            raise LabError(
                f"{where}: server: {text!r} is at any address; give one, ADDRESS:PORT, and "
                f"server_identity: {_ANY}"
            )
        return device.gdoi
    host, _, port = text.rpartition(":")
    try:
        return Endpoint(values.peer_address(host), values.port(port))
    except ValueError:
        raise LabError(
            f"{where}: server: {text!r}: a device with gdoi, or a host's ADDRESS:PORT, is expected"
        ) from None


def _refuse_nobody(where: str, member: MemberSpec) -> None:
    """What a server could neither believe nor tell from others."""
    if member.psk is None and member.credentials is None:
        raise LabError(f"{where}: psk or certificate is missing; give one")
    if member.address == _ANY and member.identity is None:
        raise LabError(f"{where}: address {_ANY}: it is what a server is told; give identity too")


def _nat_port(device: DeviceSpec | None, server: Endpoint) -> int | None:
    """Where a server of this lab, or another, takes those behind a translator."""
    if device is not None:
        return device.floating_port
    return FLOATING_PORT if server.port == GDOI_PORT else None


def _proposals(where: str, value: Any) -> tuple[tuple[str, str, str], ...]:
    return tuple(_proposal(f"{where}[{n}]", one) for n, one in enumerate(items(where, value)))


def _proposal(where: str, value: Any) -> tuple[str, str, str]:
    section = Section(where, value)
    encryption, authentication, group = (
        section.need(name, partial(values.one_of, known)) for name, known in PHASE1_WORDS.items()
    )
    section.done()
    return encryption, authentication, group


def _faults(where: str, value: Any) -> Faults:
    section = Section(where, value)
    faults = Faults(
        section.take("drop", values.share, 0.0),
        section.take("duplicate", values.share, 0.0),
        section.take("reorder", values.share, 0.0),
        section.take("delay", values.seconds, 0.0),
        section.take("stop_after", values.seconds),
    )
    section.done()
    return faults
