# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which entries of a configuration others name, and what a change leaves that nobody names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .configurations import entries
from .expand import Config

Place = tuple[str, ...]
_IKE_PROPOSALS: Place = ("ike", "proposals")
NAMING = ("name", "ike_policy", "proposals")
"""Options that say what an entry is called, or what it names."""
_POLICIES: Place = ("ike", "policies")
GATEWAYS: Place = ("ike", "gateways")


class Reference(NamedTuple):
    """Entries at ``place`` that those at ``users`` name; ``names``: whom one of these does."""

    place: Place
    users: Place
    names: Callable[[Config], Iterable[str]]

    def all_names(self, config: Config) -> Iterator[str]:
        """Whatever is named, in order."""
        for user in entries(config, *self.users).values():
            yield from self.names(user)


def _one(option: str) -> Callable[[Config], Iterable[str]]:
    return lambda entry: (entry[option],) if option in entry else ()


def peers(group: Config) -> Iterator[str]:
    """Gateways that a server's group names: members, and other servers."""
    yield from group.get("ike_gateways") or ()
    yield from (group.get("server_cluster") or {}).get("ike_gateways") or ()


def _of_associations(group: Config) -> Iterator[str]:
    return (sa["proposal"] for sa in group.get("ipsec_sas") or () if "proposal" in sa)


def servers_asked(config: Config) -> set[str]:
    """Addresses of the servers that a member asks."""
    return {
        address
        for gateway in entries(config, *GATEWAYS).values()
        for option in ("server_addresses", "addresses")
        for address in gateway.get(option) or ()
    }


_TOPS: Mapping[str, Place] = {"server": ("groups",), "member": ("ipsec", "vpns")}
_OF_IKE = (
    Reference(_POLICIES, GATEWAYS, _one("ike_policy")),
    Reference(_IKE_PROPOSALS, _POLICIES, lambda policy: policy.get("proposals") or ()),
)
# In this order: a policy that only a gateway without a use names has none either.
REFERENCES: Mapping[str, tuple[Reference, ...]] = {
    "server": (
        Reference(GATEWAYS, _TOPS["server"], peers),
        Reference(("ipsec", "proposals"), _TOPS["server"], _of_associations),
        *_OF_IKE,
    ),
    "member": (Reference(GATEWAYS, _TOPS["member"], _one("ike_gateway")), *_OF_IKE),
}


def orphans(side: str, before: Config, then: Config, needed: Config) -> Config:
    """Entries that something named before, and that nothing does then: what may go with it.

    ``needed``: entries that stay, because configuration groups have them or refer to them.
    """
    found: Config = {}
    left = then
    for reference in REFERENCES[side]:
        place = reference.place
        there = entries(left, *place)
        still = {*reference.all_names(left), *entries(needed, *place)}
        named = dict.fromkeys(reference.all_names(before))
        gone = [name for name in named if name in there and name not in still]
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


PLACES: Mapping[str, tuple[Place, ...]] = {
    side: (top, *(one.place for one in REFERENCES[side])) for side, top in _TOPS.items()
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
