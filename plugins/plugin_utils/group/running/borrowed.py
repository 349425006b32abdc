# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries with names of the role's that others use, too: with the entry these would change.

A policy of a member's name may hold the key of somebody of whom the description says nothing. And
a server on which others call a member something else would know it by two names.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from ...engine.values import Generation
from ..configurations import RESOURCES, after, entries, settled
from ..description import some
from ..expand import Config
from ..fit import filled
from ..planning.peers import who
from ..references import GATEWAYS, NAMING, REFERENCES, Place, Reference
from ..steps import Change


def borrowed(now: Config, change: Change, generation: Generation) -> Iterator[str]:
    """Why a change must not be made to what a host has: it would change what is somebody else's."""
    shared = {one: _users(one, now, change) for one in REFERENCES[change.side]}
    if not any(shared.values()):
        return
    changed = after(change.side, now, change.config, change.drop, generation)
    # Many may use one entry: both are made ready once.
    before, then = (filled(RESOURCES[change.side].asked, one) for one in (now, changed))
    for reference, users in shared.items():
        there = entries(then, *reference.users)
        for name, whom in users.items():
            stay = [user for user in whom if user in there]
            place = change.side, reference.place, name
            if stay and _meaning(before, *place) != _meaning(then, *place):
                yield _said(change.side, reference, some(stay), name)


def called_otherwise(now: Config, change: Change, generation: Generation) -> Iterator[str]:
    """Why a server must not learn a peer: it would know it already, by a gateway that stays.

    Of the two the first that fits counts, and groups that have the other one do not know who asks.
    """
    mine, there = entries(change.config, *GATEWAYS), entries(now, *GATEWAYS)
    new = {name: gateway.get("address") for name, gateway in mine.items() if name not in there}
    kept = there.keys() - mine.keys() - entries(change.drop, *GATEWAYS).keys()
    near = [name for name in sorted(kept) if there[name].get("address") in new.values()]
    if change.side != "server" or not near:
        return
    want = settled(change.side, change.config, generation)
    known = {who(now, name): name for name in near}
    for name in new:
        if (other := known.get(who(want, name))) is not None:
            yield (
                f"server ike gateways {name}: the device has the same peer as {other}, which is "
                "not the description's, and could not tell the two apart; call it "
                f"{other} ('group_vpn_name'), delete that one, or take what uses it into the "
                "description"
            )


def known_twice(now: Config, described: Set[str]) -> Iterator[str]:
    """What is to be known of a server that has other gateways of peers that are ``described``."""
    gateways = entries(now, *GATEWAYS)
    where = {name: place for name, gateway in gateways.items() if (place := _where(gateway))}
    peers = {place: name for name, place in where.items() if name in described}
    for name in sorted(where.keys() - described):
        if (mine := peers.get(where[name])) is not None:
            yield (
                f"server ike gateways {name}: it has the same peer as {mine}, and is not the "
                "description's; for which of the two the device takes who asks is not known; "
                f"delete {name} if {mine} is not listed"
            )


def _where(gateway: Config) -> str:
    """What a peer is told by."""
    words = {word: gateway[word] for word in ("address", "dynamic") if word in gateway}
    return str(words) if words else ""


def _users(reference: Reference, now: Config, change: Change) -> dict[str, list[str]]:
    """By entry of a change who names it and is not in it; a server knows a peer by one gateway."""
    found: dict[str, list[str]] = {}
    if change.side == "server" and reference.place == GATEWAYS:
        return found
    mine = entries(change.config, *reference.users)
    changed = entries(change.config, *reference.place)
    for user, entry in entries(now, *reference.users).items():
        for name in reference.names(entry) if user not in mine else ():
            if name in changed:
                found.setdefault(name, []).append(user)
    return found


def _meaning(config: Config, side: str, place: Place, name: str) -> Any:
    """An entry with what it refers to, whatever that is called."""
    entry = entries(config, *place).get(name, {})
    inside = []
    for reference in REFERENCES[side]:
        for other in reference.names(entry) if reference.users == place else ():
            meant = _meaning(config, side, reference.place, other)
            # Old and new stand side by side while a change is on its way.
            inside += [] if meant in inside else [meant]
    return {option: value for option, value in entry.items() if option not in NAMING}, inside


def _said(side: str, reference: Reference, user: str, name: str) -> str:
    return (
        f"{side} {' '.join(reference.place)} {name}: {' '.join(reference.users)} {user}, which the "
        "description does not name, uses it, too, and would get what the description makes of it; "
        f"have {user} use one of another name, or take that into the description"
    )
