# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the device acts on: the running configuration without its inactive parts."""

from __future__ import annotations

from collections.abc import Callable

from .constraints import Violation, check
from .inherit import InForce, in_force
from .junos_schema import Generation, junos_schema
from .tree import Tree


class CommitRefused(Exception):
    """A commit or check that found violations."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(violations[0].message)
        self.violations = violations


Follower = Callable[[Tree], Callable[[float], None]]
"""Somebody who acts on the configuration.

Called with an effective configuration that may come in force, it says how it would follow: what it
returns is called with the time when that has happened. Preparing may be done beside the event loop
and changes nothing.
"""


class EffectiveConfiguration:
    """``present`` is in force, and ``followers`` act on it.

    ``sound``: whether it is known to break no rule; a lab file's first one is not.
    """

    def __init__(self, generation: Generation, running: Tree, *, strict: bool) -> None:
        self.followers: list[Follower] = []
        self.sound = False
        self._generation, self._strict = generation, strict
        self._schema = junos_schema(generation)
        self.present = in_force(self._schema, running)

    @property
    def tree(self) -> Tree:
        """The present one."""
        return self.present.tree

    def of(self, tree: Tree) -> InForce:
        """What the device would act on."""
        return in_force(self._schema, tree, self.present)

    def check(self, tree: Tree) -> InForce:
        """The same; raises CommitRefused when that breaks a constraint.

        Only what differs from the running configuration is looked at, once that is sound.
        """
        new = self.of(tree)
        violations = check(
            self._schema,
            new.tree,
            self._generation,
            strict=self._strict,
            sound=self.tree if self.sound else None,
        )
        if violations:
            raise CommitRefused(violations)
        return new

    def prepared(self, new: InForce) -> list[Callable[[float], None]]:
        """What is to be called when that is in force."""
        return [follower(new.tree) for follower in self.followers]
