# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab file may say: devices, members, and how each behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ..config.junos_schema import Generation
from ..gdoi.payloads import Profile
from ..groups.plane import Acknowledgement, GroupKeys
from ..ike.authentication import Credentials
from ..ike.proposal import Mode

DEFAULT_HEARTBEAT_THRESHOLD = 3
DEFAULT_PHASE_1_SECONDS = 28800
NETCONF_PORT, GDOI_PORT, FLOATING_PORT = 830, 848, 4500


class LabError(Exception):
    """A lab file that cannot be used."""


class Timing(Enum):
    """Whose rules a member follows when it changes keys."""

    JUNOS = "junos"
    RFC6407 = "rfc6407"


@dataclass(frozen=True)
class Faults:
    """What is wrong with a member's link, for tests; shares from 0 to 1, times in seconds.

    ``stop_after``: the member plays dead that long after it has registered.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    stop_after: float | None = None


@dataclass(frozen=True)
class Endpoint:
    """A local address and port."""

    host: str
    port: int


@dataclass(frozen=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str | None = field(default=None, repr=False)
    authorized_key: str | None = None


@dataclass(frozen=True)
class DeviceSpec:
    """One emulated SRX."""

    name: str
    generation: Generation = Generation.V2
    netconf: Endpoint | None = None
    gdoi: Endpoint | None = None
    floating_port: int | None = None
    push_port: int | None = None
    group_keys: GroupKeys = GroupKeys.DURABLE
    users: tuple[User, ...] = ()
    config: Path | None = None
    state: Path | None = None
    strict: bool = True
    profile: Profile = Profile.RFC6407
    accept_doi: tuple[int, ...] = (2,)
    acknowledgement: Acknowledgement = Acknowledgement.RFC8263
    aggressive: bool = False
    interfaces: dict[str, str] = field(default_factory=dict)
    certificates: dict[str, Credentials] = field(default_factory=dict)
    model: str | None = None
    release: str | None = None
    cluster_node: str | None = None
    commit_seconds: float = 0


@dataclass(frozen=True)
class MemberSpec:
    """One reference member. ``server`` is a device's name or ``ADDRESS:PORT``."""

    name: str
    server: Endpoint
    server_name: str
    group: int
    address: str
    psk: str | None = field(repr=False)
    credentials: Credentials | None = None
    identity: str | None = None
    server_identity: str | None = None
    generation: Generation | None = None
    proposals: tuple[tuple[str, str, str], ...] = ()
    profile: Profile = Profile.RFC6407
    port: int = 0
    mode: Mode = Mode.MAIN
    interface: str | None = None
    server_nat_port: int | None = None
    heartbeat_threshold: int = DEFAULT_HEARTBEAT_THRESHOLD
    lifetime: int = DEFAULT_PHASE_1_SECONDS
    recovery_probe: bool = False
    timing: Timing = Timing.JUNOS
    faults: Faults = Faults()


@dataclass(frozen=True)
class Lab:
    """A whole lab file."""

    devices: tuple[DeviceSpec, ...]
    members: tuple[MemberSpec, ...]
    speed: float = 1.0
    known_hosts: Path | None = None
