# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Juniper's commit rules (``junos:must``) are made of: where one looks, what has to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .schema import KEY_SEPARATOR
from .survey import OWN, Needs, Site
from .tree import Tree, lookup

Holds = Callable[[Site], bool]


@dataclass(frozen=True)
class Condition:
    """What has to hold of a statement, and what else of the configuration that depends on."""

    holds: Holds
    needs: Needs = OWN


@dataclass(frozen=True)
class Must:
    """What has to hold wherever ``path`` is; ``*`` stands for every entry of a list."""

    path: str
    condition: Condition
    message: str


def _list_above(steps: list[str]) -> Needs:
    """What a path depends on in which ``$$`` names an entry; without that, on where it leads."""
    if "$$" in steps:
        place = steps.index("$$")
        return Needs(names=" ".join(steps[:place]), leaves=tuple(steps[place + 1 : place + 2]))
    return Needs(reads=(" ".join(steps[:-1]),))


def exists(path: str) -> Condition:
    """Something stands at ``path``, in which ``$$`` is the value that the rule is about."""
    steps = path.split()
    return Condition(lambda site: site.has(steps), _list_above(steps))


def absent(path: str) -> Condition:
    """Nothing stands at ``path``."""
    steps = path.split()
    return Condition(lambda site: not site.has(steps), _list_above(steps))


def all_at(*paths: str) -> Needs:
    """What depends on how often a value stands at paths."""
    return Needs(reads=tuple(path.partition(" *")[0] for path in paths))


def unique(path: str) -> Condition:
    """No two sites of ``path`` have one value."""
    return Condition(lambda site: site.count(path)[site.value] < 2, all_at(path))


# Interfaces


def _unit(site: Site) -> Tree:
    name, _, unit = site.value.partition(".")
    found: Tree = lookup(site.root, "interfaces", "interface", name, "unit", unit or "0")
    return found


def _interface_exists(site: Site) -> bool:
    name, _, unit = site.value.partition(".")
    units = lookup(site.root, "interfaces", "interface", name, "unit")
    return (unit or "0") in units


def _no_bridge(site: Site) -> bool:
    return "bridge" not in _unit(site).get("family", {})


_INTERFACES = Needs(reads=("interfaces interface",))
INTERFACE_EXISTS = Condition(_interface_exists, _INTERFACES)
"""A logical interface is configured; without a number it is unit 0."""
NO_BRIDGE = Condition(_no_bridge, _INTERFACES)


# Zones

ZONES = "security zones security-zone"
_OWN_ZONE = "junos-host"
"""The device itself; it is part of Junos' defaults."""


def _zone_exists(end: int) -> Condition:
    """The first (0) or second (1) zone of a pair is there."""

    def holds(site: Site) -> bool:
        zone = site.value.split(KEY_SEPARATOR)[end]
        return zone == _OWN_ZONE or zone in site.survey.lookup(ZONES)

    return Condition(holds, Needs(reads=(ZONES,)))


def zones_exist(pairs: str) -> tuple[Must, Must]:
    """Both zones of every pair at a path are there."""
    message = "Security zone must be defined"
    return Must(pairs, _zone_exists(0), message), Must(pairs, _zone_exists(1), message)


def traced(side: str) -> Must:
    """Traces that are to stay on the device need others that go elsewhere."""
    return Must(
        f"{side} traceoptions no-remote-trace",
        exists("system tracing"),
        "'no-remote-trace' is valid only when [system tracing] is configured",
    )
