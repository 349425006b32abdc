# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which generation a device is of, by what stands in its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine.checks import request_objections
from ..engine.shape import Given
from ..engine.tree import Reading
from ..engine.values import Generation
from .configurations import RESOURCES


def generation_of(sides: Mapping[str, Any]) -> Generation:
    """The generation whose tables take more of ``server`` and ``member``; v2 where both do."""
    return min((Generation.V2, Generation.V1), key=lambda one: _objections(sides, one))


def _objections(sides: Mapping[str, Any], generation: Generation) -> int:
    found = 0
    for side, resource in RESOURCES.items():
        tree = Given(resource, sides[side]).tree
        tree = resource.rules.fitted(tree, Reading(), generation)
        found += len(request_objections(resource, tree, generation))
    return found
