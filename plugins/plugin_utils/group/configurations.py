# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations in the modules' form as sets of named entries: looking up, adding, comparing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..engine.plan import State, plan
from ..engine.shape import Given, as_config
from ..engine.tree import Configuration, Reading
from ..engine.values import Generation
from ..resources import member as member_table
from ..resources import server as server_table
from .expand import Config

RESOURCES = {"server": server_table.RESOURCE, "member": member_table.RESOURCE}


def entries(config: Config, *path: str) -> dict[str, Any]:
    """The entries of a list by name; entries that are nothing but a name map to it."""
    here: Any = config
    for name in path:
        here = (here or {}).get(name)
    return {e["name"] if isinstance(e, Mapping) else e: e for e in here or ()}


def named(config: Config, names: Iterable[str], *path: str) -> list[Any]:
    """Those entries of a list that are named."""
    found = entries(config, *path)
    return [found[name] for name in names if name in found]


def joined(first: Iterable[str], then: Iterable[str]) -> list[str]:
    """Names, each once, in order."""
    return list(dict.fromkeys((*first, *then)))


def after(
    side: str,
    now: Config,
    config: Config,
    drop: Config,
    generation: Generation,
    read: Reading | None = None,
) -> Config:
    """What a host has when a change has been made, as the engine would make it.

    ``read``: what was read of it, of which configuration groups bring in again what goes.
    """
    resource = RESOURCES[side]
    have = Reading(Configuration(_tree(side, now, Reading(), generation)))
    target = plan(resource.root, have, _tree(side, config, have, generation), State.REPLACED)
    left = Reading(target)
    if drop:
        gone = _tree(side, drop, left, generation)
        target = plan(resource.root, left, gone, State.DELETED)
    tree = target.tree
    if read is not None and read.inherited:
        tree = replace(read, explicit=target, ancestor_inactive=False).in_force(resource.root)
    found = as_config(resource, tree, secrets=True)
    if not isinstance(found, dict):
        raise TypeError(f"{side} is a list of settings, not one configuration")
    return found


def _tree(side: str, config: Config, have: Reading, generation: Generation) -> dict[str, Any]:
    resource = RESOURCES[side]
    return resource.rules.fitted(Given(resource, config).tree, have, generation)


def settled(side: str, config: Config, generation: Generation) -> Config:
    """A configuration as a device would give it back."""
    return after(side, {}, config, {}, generation)
