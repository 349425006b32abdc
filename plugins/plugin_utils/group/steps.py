# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan is made of: steps, what each changes, and who cannot talk to whom meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .expand import Config


class Kind(StrEnum):
    """What a step does, in the order in which steps are made."""

    LEARN = "servers learn what is new, and forget who is gone"
    SHARE = "servers of a cluster have the same keys"
    MEMBERS = "members are configured"
    NEW_KEYS = "members register for keys that whoever left cannot read"
    NEW_ALGORITHMS = "members register for keys of the new algorithms"
    RENEW = "members register anew"
    WAIT = "every member is listed, and holds the keys of its server"
    FORGET = "servers forget what only served the change"
    LEAVE = "members that left forget the group"


@dataclass(frozen=True)
class Change:
    """One host's change: entries that become what is given, and entries that go.

    ``side`` is the module's name: ``server`` or ``member``.
    """

    side: str
    config: Config = field(default_factory=dict, repr=False)
    drop: Config = field(default_factory=dict)


@dataclass(frozen=True)
class Apart:
    """Members of a group that others, and they others, may not understand during a step.

    ``until``: what ends it, in words for a person.
    """

    group: str
    members: tuple[str, ...]
    until: str


@dataclass(frozen=True)
class Step:
    """What is done at once on several hosts; the next step begins when all have done it.

    ``forgetting``: of those who register anew, who drops the keys that it has before;
    ``remade``: groups for which servers make other traffic keys because of it, and push them.
    """

    kind: Kind
    hosts: tuple[str, ...]
    changes: Mapping[str, Change] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()
    forgetting: tuple[str, ...] = ()
    remade: tuple[str, ...] = ()

    def as_result(self) -> dict[str, Any]:
        """For a task's result; nothing in it is secret."""
        return {
            "step": self.kind.name.lower(),
            "what": self.kind.value,
            "hosts": list(self.hosts),
            "groups": list(self.groups),
            "apart": [
                {"group": a.group, "members": list(a.members), "until": a.until} for a in self.apart
            ],
        }
