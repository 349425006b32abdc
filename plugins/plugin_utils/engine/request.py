# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a task asks for, and what is refused of it before any device is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import Refused
from ..netconf.rpc import Rpc
from .checks import request_objections
from .device import CommitOptions
from .plan import State, UpdatePassword
from .resource import Resource
from .schema import Tree
from .shape import Given
from .tree import Reading
from .values import Generation


class Request(NamedTuple):
    """What a task asks for. ``generation`` None: ask the device. ``everything``: delete all.

    ``counted``: asks a device how many members each group has. ``drop``: entries that go in the
    same commit. ``groups``: what configuration groups have, as in :class:`.Reading`. ``in_force``:
    a change is refused that would come to stand in what is inactive.
    """

    resource: Resource
    want: Tree
    state: State
    generation: Generation | None = None
    everything: bool = False
    secrets: UpdatePassword = UpdatePassword.ALWAYS
    commit: CommitOptions = CommitOptions()
    validate_on_device: bool = False
    check: bool = False
    diff: bool = False
    counted: Callable[[Rpc], Mapping[str, int]] | None = None
    drop: Tree | None = None
    groups: tuple[Tree, ...] | None = None
    in_force: bool = False


def wanted_tree(resource: Resource, config: Any, generation: Generation | None) -> Tree:
    """The ``config`` option, checked as far as that needs no device. Raises Refused."""
    given = Given(resource, config)
    want = fitted(resource, given.tree, Reading(), generation)
    objections = given.objections + request_objections(resource, want, generation)
    if objections:
        raise Refused(objections)
    return given.tree


def fitted(resource: Resource, want: Tree, have: Reading, generation: Generation | None) -> Tree:
    """What is wanted, as a generation has it."""
    return want if generation is None else resource.rules.fitted(want, have, generation)


def _names_nothing(config: Any) -> bool:
    """Whether all of it came out empty, as lists do that are made from variables."""
    if isinstance(config, Mapping):
        return all(map(_names_nothing, config.values()))
    return all(map(_names_nothing, config)) if isinstance(config, list) else config is None


def refuse_unnamed(config: Any, state: str, everything: bool) -> None:
    """Refuse what would take away more than somebody has named. Raises Refused."""
    if _names_nothing(config) and (config is not None or state != State.DELETED):
        raise Refused(
            [
                f"config: it is empty, and state {state} would be about everything or nothing; "
                "name what is meant; 'state: deleted' with 'all: true' removes everything"
            ]
        )
    if everything and state != State.DELETED:
        raise Refused([f"all: only for state deleted, not for {state}; leave it out"])
    if state == State.DELETED and config is None and not everything:
        raise Refused(
            [
                "config: state deleted needs the names of what to remove; 'all: true' removes "
                "everything"
            ]
        )
