# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Descriptions as a person writes them, read into what the rest works with.

Names of inventory groups among a group's members stand for the hosts in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.schema import Kind
from ..engine.values import Generation
from . import words
from .description import (
    GROUPS,
    IKE_PROPOSAL,
    IPSEC_PROPOSAL,
    REKEY,
    REREGISTER,
    RULES,
    SERVER_SETTINGS,
    VPN_SETTINGS,
    Contradiction,
    Description,
    Device,
    Group,
    Options,
)
from .sheet import Sheet, called

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
    "reached": list,
    "inventory_groups": list,
}
_PARTS_OF_HOST: Mapping[str, words.Words] = {
    **words.OF_HOST,
    "policies": dict.fromkeys(("from_zone", "to_zone", "group"), Kind.TEXT),
}
_OF_ANSIBLE = ("management", "reached", "inventory_groups")
HOST_VARIABLES = tuple(name for name in _HOST if name not in _OF_ANSIBLE)
"""Variables of a host, without their ``group_vpn_``."""


def read(
    groups: Any, hosts: Mapping[str, Options], wrong: Iterable[Contradiction] = ()
) -> Description:
    """A description from ``group_vpn_groups`` and the hosts' variables (without their prefix).

    ``wrong``: what is known to be wrong with the variables already.
    """
    return _Reader(hosts, wrong).read(groups)


def _remedy(groups: Any) -> str:
    """What to do about a description that is no list."""
    if isinstance(groups, str):
        return "it is text; give it in a file, as -e name=value makes text of anything"
    return f"write it as a list, {GROUPS}: [...]" if groups else f"set '{GROUPS}'"


class _Reader:
    def __init__(self, hosts: Mapping[str, Options], wrong: Iterable[Contradiction]) -> None:
        self._hosts = hosts
        self._sheet = Sheet(wrong)
        self._devices = {host: self._device(host, given) for host, given in hosts.items()}

    def read(self, groups: Any) -> Description:
        say = self._sheet.say
        if not isinstance(groups, Sequence) or isinstance(groups, str):
            say((), GROUPS, None, "a list of groups is expected", _remedy(groups))
            groups = []
        elif not groups:
            # As a variable that came out empty; with ``exclusive`` it would be a wish.
            say((), GROUPS, None, "empty: it describes nothing", "name at least one group")
        read = [self._group(number, given) for number, given in enumerate(groups)]
        found = tuple(group for group in read if group is not None)
        return Description(found, self._devices, tuple(self._sheet.wrong))

    # Devices

    def _device(self, host: str, given: Options) -> Device:
        sound = self._sheet.sound("group_vpn_", (host,), given, _HOST)
        sound = self._sheet.parts("group_vpn_", (host,), sound, _PARTS_OF_HOST)
        return Device(
            host,
            sound.get("name") or host,
            self._generation(host, sound),
            address=sound.get("address"),
            dynamic=sound.get("dynamic") or {},
            external_interface=sound.get("external_interface"),
            key=sound.get("pre_shared_key"),
            policies=sound.get("policies") or (),
            management=sound.get("management"),
            reached=tuple(sound.get("reached") or ()),
        )

    def _generation(self, host: str, sound: Options) -> Generation:
        given = sound.get("generation", Generation.V2.value)
        if given in [generation.value for generation in Generation]:
            return Generation(given)
        self._sheet.say(
            (host,), "group_vpn_generation", given, "no such generation", "it is v1 or v2"
        )
        return Generation.V2

    # Groups

    def _group(self, number: int, given: Any) -> Group | None:
        """A group; None for another value. One without a name is called by its place."""
        where = f"{GROUPS}[{called(given, number)}]"
        sound = self._sheet.sound(where, (), given, _GROUP)
        if not isinstance(given, Mapping):
            return None
        if not given.get("name") and given.get("name") in (None, ""):
            self._sheet.say((), f"{where}.name", None, "missing", "set 'name'")
        sound = self._sheet.parts(where, (), sound, words.OF_GROUP)
        servers = self._listed(f"{where}.servers", sound.get("servers", ()), ordered=True)
        return Group(
            sound.get("name") or str(number),
            sound.get("group_id"),
            servers,
            self._members(where, sound),
            {**IKE_PROPOSAL, **sound.get("ike_proposal", {})},
            {**IPSEC_PROPOSAL, **sound.get("ipsec_proposal", {})},
            tuple(sound.get("match_policies", ())),
            sound.get("server_member_communication"),
            {n: v for n, v in sound.items() if n in (*SERVER_SETTINGS, *VPN_SETTINGS)},
            self._exclude(where, servers, sound),
            sound.get("isolated", False),
        )

    def _exclude(self, where: str, servers: tuple[str, ...], sound: Options) -> str:
        """How a group gets keys that who has left cannot read."""
        given: str = sound.get("exclude", REREGISTER)
        if given not in (REREGISTER, REKEY):
            remedy = f"it is {REREGISTER} or {REKEY}"
            self._sheet.say(servers, f"{where}.exclude", given, "no such way", remedy)
        return given

    def _members(self, where: str, sound: Options) -> tuple[str, ...]:
        listed = self._listed(f"{where}.members", sound.get("members", ()))
        return (*listed, *self._others(where, sound))

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
            hosts = self._hosts_called(where, name)
            again = found.keys() & set(hosts) if ordered else {name} & set(given[:number])
            twice.update(dict.fromkeys(again))
            found.update(dict.fromkeys(hosts))
        for name in twice:
            self._sheet.say((), where, name, "named more than once", "name it once")
        return tuple(found)

    def _hosts_called(self, where: str, name: str) -> list[str]:
        """The host of that name, or those of the inventory group."""
        if name in self._hosts:
            return [name]
        hosts = [h for h, own in self._hosts.items() if name in own.get("inventory_groups", ())]
        if not hosts:
            why = "neither a host nor a group with hosts of the inventory"
            self._sheet.say((), where, name, why, "correct it, or add it to the inventory")
        return hosts

    # Members that Ansible does not reach

    def _others(self, where: str, sound: Options) -> Iterator[str]:
        """They become devices of their own."""
        there: set[str] = set()
        for number, given in enumerate(sound.get("unmanaged_members", ())):
            here = f"{where}.unmanaged_members[{called(given, number)}]"
            device = self._other(here, given)
            if device is None:
                continue
            known = self._devices.setdefault(device.host, device)
            if known != device:
                why = "described in two ways"
                self._sheet.say((), here, None, why, "describe it alike everywhere")
            if device.host in there:
                self._sheet.say((), here, None, "named more than once", "name it once")
            there.add(device.host)
            yield device.host

    def _other(self, where: str, given: Any) -> Device | None:
        """Such a member; None for one that nobody could tell from others."""
        sound = self._sheet.sound(where, (), given, _UNMANAGED)
        own = self._sheet.parts(where, (), sound, words.OF_HOST)
        if not isinstance(given, Mapping) or ("name" not in own and given.get("name") is not None):
            return None
        name: str = own.get("name", "")
        if not name or name in self._hosts:
            why = "a host of the inventory has that name" if name else "it has no name"
            self._sheet.say((), where, None, why, "give it a name of its own")
            return None
        return Device(
            name,
            name,
            self._generation(name, own),
            False,
            own.get("address"),
            own.get("dynamic") or {},
            key=own.get("pre_shared_key"),
            where=f"{where}.",
        )
