# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The description of whole Group VPNs, as a person writes it, and what is wrong with its form.

Words are those of the modules ``server`` and ``member``. Names of inventory groups among a
group's members stand for the hosts in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.schema import Kind
from ..engine.values import Generation
from . import words

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
REREGISTER, REKEY = "reregister", "rekey"

_GROUP: Mapping[str, type] = {
    "name": str,
    "group_id": int,
    "servers": list,
    "members": list,
    "unmanaged_members": list,
    "ike_proposal": dict,
    "ipsec_proposal": dict,
    "match_policies": list,
    "server_member_communication": dict,
    "exclude": str,
    "isolated": bool,
    **dict.fromkeys(("description", "df_bit"), str),
    **dict.fromkeys(("no_anti_replay", "recovery_probe"), bool),
    **dict.fromkeys(RULES, list),
    **dict.fromkeys(
        (
            "member_threshold",
            "activation_time_delay",
            "anti_replay_time_window",
            "heartbeat_threshold",
        ),
        int,
    ),
}
_UNMANAGED: Mapping[str, type] = {
    "name": str,
    "address": str,
    "dynamic": dict,
    "pre_shared_key": str,
    "generation": str,
}
_HOST: Mapping[str, type] = {
    "name": str,
    "generation": str,
    "address": str,
    "dynamic": dict,
    "external_interface": str,
    "pre_shared_key": str,
    "policies": list,
    "management": str,
    "inventory_groups": list,
}
_PARTS_OF_HOST: Mapping[str, words.Words] = {
    **words.OF_HOST,
    "policies": dict.fromkeys(("from_zone", "to_zone", "group"), Kind.TEXT),
}
HOST_VARIABLES = tuple(name for name in _HOST if name not in ("management", "inventory_groups"))
"""Variables of a host, without their ``group_vpn_``."""
_WORDS = {
    list: "a list",
    dict: "a mapping",
    int: "a whole number",
    str: "text",
    bool: "true or false",
}


@dataclass(frozen=True)
class Contradiction:
    """Why a description cannot be carried out; ``hosts`` are those that it concerns."""

    hosts: tuple[str, ...]
    path: str
    value: Any
    why: str
    remedy: str

    def __str__(self) -> str:
        who = ", ".join(self.hosts) or "description"
        value = "" if self.value is None else f" {self.value}"
        return f"{who}: {self.path}{value}: {self.why}; {self.remedy}"


@dataclass(frozen=True)
class Device:
    """A host, or a member that Ansible does not reach, and what only it knows."""

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


def read(
    groups: Any, hosts: Mapping[str, Options], wrong: Iterable[Contradiction] = ()
) -> Description:
    """A description from ``group_vpn_groups`` and the hosts' variables (without their prefix).

    ``wrong``: what is known to be wrong with the variables already.
    """
    return _Reader(hosts, wrong).read(groups)


class _Reader:
    def __init__(self, hosts: Mapping[str, Options], wrong: Iterable[Contradiction]) -> None:
        self._hosts = hosts
        self._wrong = list(wrong)
        self._devices = {host: self._device(host, given) for host, given in hosts.items()}

    def read(self, groups: Any) -> Description:
        if not isinstance(groups, Sequence) or isinstance(groups, str):
            self._say((), GROUPS, None, "a list of groups is expected", f"set '{GROUPS}'")
            groups = []
        elif not groups:
            # As a variable that came out empty; with ``exclusive`` it would be a wish.
            self._say((), GROUPS, None, "empty: it describes nothing", "name at least one group")
        found = tuple(self._group(number, given) for number, given in enumerate(groups))
        return Description(found, self._devices, tuple(self._wrong))

    def _say(self, hosts: Sequence[str], path: str, value: Any, why: str, remedy: str) -> None:
        self._wrong.append(Contradiction(tuple(hosts), path, value, why, remedy))

    def _sound(
        self, where: str, hosts: Sequence[str], given: Any, table: Mapping[str, type]
    ) -> dict[str, Any]:
        """What of a mapping is known and of its kind; the rest is said."""
        if not isinstance(given, Mapping):
            self._say(hosts, where, None, "a mapping is expected", "correct it")
            return {}
        sound: dict[str, Any] = {}
        for name, value in given.items():
            kind = table.get(name)
            if kind is None:
                self._say(hosts, _inside(where, name), None, "unknown", _taking(name, table))
            elif value is None:
                continue
            elif not _is(value, kind):
                why = f"{_WORDS[kind]} is expected"
                self._say(hosts, _inside(where, name), None, why, "correct it")
            else:
                sound[name] = value
        return sound

    def _parts(
        self, where: str, hosts: Sequence[str], sound: Options, tables: Mapping[str, words.Words]
    ) -> dict[str, Any]:
        """As :meth:`_sound`, of the mappings in a mapping, and of those in its lists."""
        found = dict(sound)
        for name in sound.keys() & tables.keys():
            here, given, table = _inside(where, name), sound[name], tables[name]
            if isinstance(given, Mapping):
                found[name] = self._part(here, hosts, given, table)
            else:
                found[name] = [
                    self._part(f"{here}[{_called(entry, number)}]", hosts, entry, table)
                    for number, entry in enumerate(given)
                ]
        return found

    def _part(
        self, where: str, hosts: Sequence[str], given: Any, table: words.Words
    ) -> dict[str, Any]:
        sound = self._sound(where, hosts, given, dict.fromkeys(table, object))
        for name, value in list(sound.items()):
            why = _no_value(value, table[name])
            if why is not None:
                said = None if isinstance(value, list | Mapping) else value
                self._say(hosts, _inside(where, name), said, why, "correct it")
                del sound[name]
            elif table[name] is Kind.INTEGER:
                sound[name] = int(value)
        return sound

    def _device(self, host: str, given: Options) -> Device:
        sound = self._sound("group_vpn_", (host,), given, _HOST)
        sound = self._parts("group_vpn_", (host,), sound, _PARTS_OF_HOST)
        return Device(
            host,
            str(sound.get("name") or host),
            self._generation(host, sound),
            True,
            sound.get("address"),
            sound.get("dynamic") or {},
            sound.get("external_interface"),
            sound.get("pre_shared_key"),
            sound.get("policies") or (),
            sound.get("management"),
        )

    def _generation(self, host: str, sound: Options) -> Generation:
        given = sound.get("generation", Generation.V2.value)
        if given in [generation.value for generation in Generation]:
            return Generation(given)
        self._say((host,), "group_vpn_generation", given, "no such generation", "it is v1 or v2")
        return Generation.V2

    def _group(self, number: int, given: Any) -> Group:
        name = given.get("name") if isinstance(given, Mapping) else None
        where = f"{GROUPS}[{name or number}]"
        sound = self._parts(where, (), self._sound(where, (), given, _GROUP), words.OF_GROUP)
        servers = self._listed(f"{where}.servers", sound.get("servers", ()), ordered=True)
        if sound.get("exclude", REREGISTER) not in (REREGISTER, REKEY):
            self._say(
                servers,
                f"{where}.exclude",
                sound["exclude"],
                "no such way",
                f"it is {REREGISTER} or {REKEY}",
            )
        return Group(
            str(sound.get("name", "")),
            sound.get("group_id"),
            servers,
            (
                *self._listed(f"{where}.members", sound.get("members", ())),
                *self._others(where, sound),
            ),
            {**IKE_PROPOSAL, **sound.get("ike_proposal", {})},
            {**IPSEC_PROPOSAL, **sound.get("ipsec_proposal", {})},
            tuple(sound.get("match_policies", ())),
            sound.get("server_member_communication"),
            {n: v for n, v in sound.items() if n in (*SERVER_SETTINGS, *VPN_SETTINGS)},
            sound.get("exclude", REREGISTER),
            sound.get("isolated", False),
        )

    def _listed(
        self, where: str, names: Sequence[Any], *, ordered: bool = False
    ) -> tuple[str, ...]:
        """Hosts, in order, that names of hosts and of inventory groups stand for.

        Without an order a host may be named and in a group that is named, too.
        """
        found: dict[str, None] = {}
        twice: dict[str, None] = {}
        given = [str(name) for name in names]
        for number, name in enumerate(given):
            hosts = [name] if name in self._hosts else self._in_group(name)
            if not hosts:
                self._say(
                    (),
                    where,
                    name,
                    "neither a host nor a group with hosts of the inventory",
                    "correct it, or add it to the inventory",
                )
            again = found.keys() & set(hosts) if ordered else {name} & set(given[:number])
            twice.update(dict.fromkeys(again))
            found.update(dict.fromkeys(hosts))
        for name in twice:
            self._say((), where, name, "named more than once", "name it once")
        return tuple(found)

    def _in_group(self, name: str) -> list[str]:
        return [h for h, given in self._hosts.items() if name in given.get("inventory_groups", ())]

    def _others(self, where: str, sound: Options) -> Iterator[str]:
        """Members that Ansible does not reach become devices of their own."""
        there: set[str] = set()
        for number, given in enumerate(sound.get("unmanaged_members", ())):
            name = given.get("name") if isinstance(given, Mapping) else None
            here = f"{where}.unmanaged_members[{name or number}]"
            own = self._parts(here, (), self._sound(here, (), given, _UNMANAGED), words.OF_HOST)
            if not name or name in self._hosts:
                why = "a host of the inventory has that name" if name else "it has no name"
                self._say((), here, None, why, "give it a name of its own")
                continue
            device = Device(
                str(name),
                str(name),
                self._generation(str(name), own),
                False,
                own.get("address"),
                own.get("dynamic") or {},
                key=own.get("pre_shared_key"),
            )
            known = self._devices.setdefault(str(name), device)
            if known != device:
                self._say((), here, None, "described in two ways", "describe it alike everywhere")
            if name in there:
                self._say((), here, None, "named more than once", "name it once")
            there.add(name)
            yield str(name)


def _inside(where: str, name: Any) -> str:
    """A word's place; those of a host are variables, one by one."""
    return f"{where}{'' if where.endswith('_') else '.'}{name}"


def _no_value(value: Any, kind: Kind | None) -> str | None:
    """Why it is no value of a kind; kind None is not for values."""
    if kind is not None and isinstance(value, list | tuple | Mapping):
        return "one value is expected"
    if kind is Kind.INTEGER and not (str(value).isascii() and str(value).isdigit()):
        return "a whole number is expected"
    # YAML makes true of a plain yes, and keeps blanks within quotes.
    if kind is Kind.TEXT and isinstance(value, bool):
        return "text is expected"
    if kind is Kind.TEXT and isinstance(value, str) and value.strip() not in (value, ""):
        return "it begins or ends with a blank or a new line"
    return None


def _taking(name: Any, table: Iterable[str]) -> str:
    known = list(table)
    meant = words.nearest(str(name), known)
    return f"{f'did you mean {meant!r}? ' if meant else ''}it takes {', '.join(known)}"


def _called(entry: Any, number: int) -> Any:
    """How an entry of a list is named to a person."""
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return number if name is None else name


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is list:
        return isinstance(value, list | tuple)
    return isinstance(value, Mapping if kind is dict else kind)
