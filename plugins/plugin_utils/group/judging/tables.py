# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tables of ``server`` and ``member`` say of the configurations that devices would get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...engine.checks import request_objections
from ...engine.resource import Resource
from ...engine.shape import Given
from ...engine.tree import Reading
from ...engine.values import Generation
from ..configurations import RESOURCES
from ..description import GROUPS, Description, Group
from ..expand import configurations, serves


def by_tables(description: Description) -> Iterator[str]:
    """Objections to single statements, by host."""
    for host, sides in configurations(description).items():
        generation = description.devices[host].generation
        for side, resource in RESOURCES.items():
            if sides[side]:
                yield from _table(host, resource, sides[side], generation)
    for group in description.groups:
        yield from _for_members(description, group)


def _for_members(description: Description, group: Group) -> Iterator[str]:
    """What the server hands out, judged by the generations of those who take it."""
    server = serves(description, group)
    traffic = {"ipsec": {"proposals": [{"name": group.name, **group.ipsec_proposal}]}}
    for host in group.members:
        generation = description.devices[host].generation
        if generation is not server:
            yield from _table(host, RESOURCES["server"], traffic, generation)


def _table(
    host: str, resource: Resource, config: dict[str, Any], generation: Generation
) -> Iterator[str]:
    try:
        given = Given(resource, config)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        yield f"{host}: {GROUPS}: a value is of the wrong kind ({error}); correct it"
        return
    fitted = resource.rules.fitted(given.tree, Reading(), generation)
    objections = given.objections + request_objections(resource, fitted, generation)
    yield from (f"{host}: {objection}" for objection in objections)
