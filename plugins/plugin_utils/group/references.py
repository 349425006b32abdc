# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which entries of a configuration others name, and what a change leaves that nobody names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .configurations import entries
from .expand import Config

Place = tuple[str, ...]
_IKE_PROPOSALS: Place = ("ike", "proposals")
_POLICIES: Place = ("ike", "policies")
_GATEWAYS: Place = ("ike", "gateways")


def _policies(config: Config) -> Iterator[str]:
    return (g["ike_policy"] for g in entries(config, *_GATEWAYS).values() if "ike_policy" in g)


def _proposals(config: Config) -> Iterator[str]:
    for policy in entries(config, *_POLICIES).values():
        yield from policy.get("proposals") or ()


def peers(group: Config) -> Iterator[str]:
    """Gateways that a server's group names: members, and other servers."""
    yield from group.get("ike_gateways") or ()
    yield from (group.get("server_cluster") or {}).get("ike_gateways") or ()


def _server_gateways(config: Config) -> Iterator[str]:
    for group in entries(config, "groups").values():
        yield from peers(group)


def _ipsec_proposals(config: Config) -> Iterator[str]:
    for group in entries(config, "groups").values():
        yield from (sa["proposal"] for sa in group.get("ipsec_sas") or () if "proposal" in sa)


def _member_gateways(config: Config) -> Iterator[str]:
    for vpn in entries(config, "ipsec", "vpns").values():
        if "ike_gateway" in vpn:
            yield vpn["ike_gateway"]


def servers_asked(config: Config) -> set[str]:
    """Addresses of the servers that a member asks."""
    return {
        address
        for gateway in entries(config, *_GATEWAYS).values()
        for option in ("server_addresses", "addresses")
        for address in gateway.get(option) or ()
    }


# In this order: a policy that only a gateway without a use names has none either.
_NAMED: Mapping[str, tuple[tuple[Place, Callable[[Config], Iterable[str]]], ...]] = {
    "server": (
        (_GATEWAYS, _server_gateways),
        (("ipsec", "proposals"), _ipsec_proposals),
        (_POLICIES, _policies),
        (_IKE_PROPOSALS, _proposals),
    ),
    "member": (
        (_GATEWAYS, _member_gateways),
        (_POLICIES, _policies),
        (_IKE_PROPOSALS, _proposals),
    ),
}


def orphans(side: str, before: Config, then: Config, needed: Config) -> Config:
    """Entries that something named before, and that nothing does then: what may go with it.

    ``needed``: entries that stay, because configuration groups have them or refer to them.
    """
    found: Config = {}
    left = then
    for place, names in _NAMED[side]:
        there = entries(left, *place)
        still = {*names(left), *entries(needed, *place)}
        gone = [n for n in dict.fromkeys(names(before)) if n in there and n not in still]
        if gone:
            _put(found, place, [{"name": name} for name in gone])
            left = without(left, place, gone)
    return found


def without(config: Config, place: Place, names: Iterable[str]) -> Config:
    """A configuration without some entries of a list."""
    gone = set(names)
    kept = [e for name, e in entries(config, *place).items() if name not in gone]
    found = dict(config)
    here = found
    for step in place[:-1]:
        here[step] = dict(here.get(step) or {})
        here = here[step]
    here[place[-1]] = kept
    return found


def foreign(side: str, have: Config, want: Config) -> Config:
    """Entries of any list that are there and not wanted."""
    found: Config = {}
    for where in PLACES[side]:
        gone = [n for n in entries(have, *where) if n not in entries(want, *where)]
        if gone:
            _put(found, where, [{"name": name} for name in gone])
    return found


_TOPS: Mapping[str, Place] = {"server": ("groups",), "member": ("ipsec", "vpns")}
PLACES: Mapping[str, tuple[Place, ...]] = {
    side: (top, *(place for place, _names in _NAMED[side])) for side, top in _TOPS.items()
}
"""The lists of either side whose entries others name, and those that name them."""


def _put(config: Config, place: Place, value: Any) -> None:
    here = config
    for step in place[:-1]:
        here = here.setdefault(step, {})
    here.setdefault(place[-1], []).extend(value)


def merged(one: Config, other: Config) -> Config:
    """Two sets of entries that go, as one."""
    found: Config = {}
    for part in (one, other):
        for name, value in part.items():
            if isinstance(value, Mapping):
                found[name] = merged(found.get(name, {}), dict(value))
            else:
                known = found.get(name, [])
                found[name] = [*known, *(entry for entry in value if entry not in known)]
    return found
