# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The description of whole Group VPNs: its groups, the devices in them, and what is wrong.

Words are those of the modules ``server`` and ``member``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.values import Generation, ipv4_address
from ..errors import legible

Options = Mapping[str, Any]

GROUPS = "group_vpn_groups"
IKE_PROPOSAL: Options = {
    "dh_group": "group14",
    "authentication_algorithm": "sha-256",
    "encryption_algorithm": "aes-256-cbc",
}
IPSEC_PROPOSAL: Options = {
    "encryption_algorithm": "aes-256-cbc",
    "authentication_algorithm": "hmac-sha-256-128",
    "lifetime_seconds": 3600,
}
SERVER_SETTINGS = (
    "description",
    "member_threshold",
    "activation_time_delay",
    "anti_replay_time_window",
    "no_anti_replay",
)
"""What a group's entry passes on to its servers as it is."""
VPN_SETTINGS = (
    "heartbeat_threshold",
    "recovery_probe",
    "df_bit",
    "exclude_rules",
    "fail_open_rules",
)
"""What a group's entry passes on to its members as it is."""
RULES = VPN_SETTINGS[-2:]
SECRETS = frozenset({"pre_shared_key"})
"""Words whose values nobody is shown."""
ACTIVATION_SECONDS = 15
"""How long devices wait before they use a new key, where nothing is set."""
REREGISTER, REKEY = "reregister", "rekey"
_MOST_NAMES, _LONGEST_PATH, _LONGEST_VALUE = 6, 200, 80


def some(names: Iterable[str]) -> str:
    """Names, as many as fit."""
    there = list(names)
    more = f" and {len(there) - _MOST_NAMES} more" if len(there) > _MOST_NAMES else ""
    return ", ".join(there[:_MOST_NAMES]) + more


def _short(value: Any, most: int) -> str:
    """What somebody wrote, on one line and no longer than a person reads."""
    text = legible(str(value)[: most + 1])
    return text if len(text) <= most else f"{text[:most]}..."


@dataclass(frozen=True)
class Contradiction:
    """Why a description cannot be carried out; ``hosts`` are those that it concerns."""

    hosts: tuple[str, ...]
    path: str
    value: Any
    why: str
    remedy: str

    def __str__(self) -> str:
        who = _short(some(self.hosts), _LONGEST_PATH) or "description"
        value = "" if self.value is None else f" {self._written()}"
        path = _short(self.path, _LONGEST_PATH)
        return f"{who}: {path}{value}: {self.why}; {self.remedy}"

    def _written(self) -> str:
        """The value; nothing, and what begins or ends with a blank, is seen only in quotes."""
        text, short = str(self.value), _short(self.value, _LONGEST_VALUE)
        return short if text and text == text.strip() else f"'{short}'"


@dataclass(frozen=True)
class Device:
    """A host, or a member that Ansible does not reach, and what only it knows.

    ``reached``: address, port and whatever else decides which device a session leads to; empty
    where that is not known. ``where``: what its words begin with in a description.
    """

    host: str
    name: str
    generation: Generation = Generation.V2
    managed: bool = True
    address: str | None = None
    dynamic: Options = field(default_factory=dict)
    external_interface: str | None = None
    key: str | None = field(default=None, repr=False)
    policies: Sequence[Options] = ()
    management: str | None = None
    reached: tuple[Any, ...] = ()
    where: str = field(default="group_vpn_", compare=False)

    @property
    def fixed_address(self) -> str | None:
        """Where servers see it; None where that changes, or is what a host name leads to."""
        named = self.address is None or ipv4_address(self.address, 0) is not None
        return None if self.dynamic or named else self.address


@dataclass(frozen=True)
class Group:
    """One group: hosts by name, settings in the modules' words."""

    name: str
    group_id: int | None
    servers: tuple[str, ...]
    members: tuple[str, ...]
    ike_proposal: Options
    ipsec_proposal: Options
    match_policies: tuple[Options, ...]
    communication: Options | None
    settings: Options
    exclude: str = REREGISTER
    isolated: bool = False

    @property
    def activation_delay(self) -> int:
        """Seconds until members use a new key."""
        return int(self.setting("activation_time_delay", ACTIVATION_SECONDS))

    def setting(self, name: str, default: Any = None) -> Any:
        """One of what is passed on as it is."""
        return self.settings.get(name, default)


@dataclass(frozen=True)
class Description:
    """Groups in their order, devices by name, and what is wrong with the form of either."""

    groups: tuple[Group, ...]
    devices: Mapping[str, Device]
    wrong: tuple[Contradiction, ...] = ()

    def of_server(self, host: str) -> Iterator[Group]:
        """The groups that a host serves."""
        return (group for group in self.groups if host in group.servers)

    def of_member(self, host: str) -> Iterator[Group]:
        """The groups that a host is a member of."""
        return (group for group in self.groups if host in group.members)
