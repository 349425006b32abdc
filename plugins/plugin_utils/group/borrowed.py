# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Entries with names of the role's that others use, too: with the entry these would change.

A policy of a member's name may hold the key of somebody of whom the description says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..engine.values import Generation
from .configurations import RESOURCES, after, entries
from .expand import Config
from .fit import filled
from .references import GATEWAYS, NAMING, REFERENCES, Place, Reference
from .steps import Change


def borrowed(now: Config, change: Change, generation: Generation) -> Iterator[str]:
    """Why a change must not be made to what a host has: it would change what is somebody else's."""
    then: Config | None = None
    for reference in REFERENCES[change.side]:
        for user, name in _users(reference, now, change):
            then = then or after(change.side, now, change.config, change.drop, generation)
            if user not in entries(then, *reference.users):
                continue
            was, will = (_meaning(change.side, one, reference.place, name) for one in (now, then))
            if was != will:
                yield _said(change.side, reference, user, name)


def _users(reference: Reference, now: Config, change: Change) -> Iterator[tuple[str, str]]:
    """Who names an entry of a change, and is not in it; a server knows a peer by one gateway."""
    if change.side == "server" and reference.place == GATEWAYS:
        return
    mine = entries(change.config, *reference.users)
    changed = entries(change.config, *reference.place)
    for user, entry in entries(now, *reference.users).items():
        if user not in mine:
            yield from ((user, name) for name in reference.names(entry) if name in changed)


def _meaning(side: str, config: Config, place: Place, name: str) -> Any:
    """An entry with what it refers to, whatever that is called."""
    whole = filled(RESOURCES[side].asked, config)
    entry = entries(whole, *place).get(name, {})
    inside = []
    for reference in REFERENCES[side]:
        for other in reference.names(entry) if reference.users == place else ():
            meant = _meaning(side, config, reference.place, other)
            # Old and new stand side by side while a change is on its way.
            inside += [] if meant in inside else [meant]
    return {option: value for option, value in entry.items() if option not in NAMING}, inside


def _said(side: str, reference: Reference, user: str, name: str) -> str:
    return (
        f"{side} {' '.join(reference.place)} {name}: {' '.join(reference.users)} {user}, which the "
        "description does not name, uses it, too, and would get what the description makes of it; "
        f"have {user} use one of another name, or take it into the description"
    )
