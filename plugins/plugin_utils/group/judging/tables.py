# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tables of ``server`` and ``member`` say of the configurations that devices would get."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ...engine.checks import request_objections, result_objections
from ...engine.resource import Outlook, Resource
from ...engine.schema import Tree
from ...engine.shape import Given
from ...engine.tree import Configuration, Reading
from ...engine.values import Generation
from ..configurations import RESOURCES
from ..description import GROUPS, Description, some
from ..expand import configurations


def by_tables(description: Description, judged: Collection[str]) -> Iterator[str]:
    """Objections to what whole configurations are, each with all hosts that would get it.

    ``judged``: hosts of which something is known to be wrong already; what that makes of their
    configurations is not a fault of its own.
    """
    found: dict[str, tuple[str, dict[str, None]]] = {}
    for host, sides in configurations(description).items():
        generation = description.devices[host].generation
        for side, resource in RESOURCES.items():
            if sides[side] and host not in judged:
                for objection in _table(resource, sides[side], generation):
                    what = objection.partition("] ")[2]
                    found.setdefault(what or objection, (objection, {}))[1][host] = None
    for objection, hosts in found.values():
        yield f"{some(hosts)}: {objection}"


def _table(resource: Resource, config: dict[str, Any], generation: Generation) -> list[str]:
    try:
        given = Given(resource, config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"{GROUPS}: a value is of the wrong kind ({error}); correct it"]
    fitted = resource.rules.fitted(given.tree, Reading(), generation)
    found = given.objections + request_objections(resource, fitted, generation)
    return found or result_objections(resource, _from_nothing(fitted, generation))


def _from_nothing(tree: Tree, generation: Generation) -> Outlook:
    """What a device becomes that has nothing yet; what is wrong then is wrong on any."""
    return Outlook(Reading(), Configuration(tree), {}, tree, tree, generation)
