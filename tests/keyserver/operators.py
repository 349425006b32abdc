# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operators at random: commits, clears, restarts and new devices over a lossy group, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.keyserver.lossy import LossyGroup
from tests.keyserver.observer import Report

_SERVER = "set security group-vpn server"
_BLOCK = "server-member-communication"
_SMC = f"{_SERVER} group G1 {_BLOCK}"
# What each leaf may become while the group is at work.
_VALUES: dict[str, dict[str, Sequence[str]]] = {
    "v1": {
        f"{_SMC} encryption-algorithm": ("3des-cbc", "aes-128-cbc", "aes-256-cbc"),
        f"{_SMC} sig-hash-algorithm": ("md5", "sha1"),
        f"{_SERVER} ipsec proposal esp encryption-algorithm": ("3des-cbc", "aes-192-cbc"),
    },
    "v2": {
        f"{_SMC} encryption-algorithm": ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc"),
        f"{_SMC} sig-hash-algorithm": ("sha-256", "sha-384"),
        f"{_SERVER} ipsec proposal esp encryption-algorithm": ("aes-128-cbc", "aes-256-cbc"),
    },
}
_EVERYWHERE = {
    f"{_SMC} lifetime-seconds": ("3600", "7200", "14400"),
    f"{_SERVER} ipsec proposal esp lifetime-seconds": ("900", "1800", "3600"),
    f"{_SERVER} group G1 activation-time-delay": ("10", "15", "30"),
    f"{_SERVER} group G1 ipsec-sa sa-1 match-policy p1 source": ("10.1.0.0/16", "10.2.0.0/16"),
    f"{_SERVER} group G1 ipsec-sa sa-1 match-policy p2 source": ("10.3.0.0/16",),
}
_PAUSES = (0.0, 0.0, 0.05, 0.2, 3.0, 50.0, 700.0, 4000.0)
LONGEST_LIFE = 14400
"""Seconds after which nothing of what happened before is in use."""


class Operators:
    """Does something to a group again and again; ``done`` is what, for who reads a failure."""

    def __init__(self, group: LossyGroup, generation: str, seed: int) -> None:
        self.done: list[str] = []
        self._group, self._random = group, random.Random(seed)
        self._values = {**_VALUES[generation], **_EVERYWHERE}
        self._block = [line for line in group.text.splitlines() if _BLOCK in line]
        self._ways: tuple[Callable[[], str], ...] = (
            *(self._set,) * 4,
            self._without_policy,
            self._without_block,
            self._with_block,
            lambda: self._clear(immediately=False),
            lambda: self._clear(immediately=True),
            self._restart,
            self._replace,
        )

    def work(self, steps: int) -> None:
        """Do that much, with pauses of any length in between."""
        for _ in range(steps):
            self.done.append(self._random.choice(self._ways)())
            self._group.run(self._random.choice(_PAUSES) * self._random.random())
        self._with_block()

    def outcome(self) -> Report:
        """What is seen in the hours after all that has run out."""
        self._group.run(LONGEST_LIFE)
        self._group.observer.begin(self._group.now)
        self._group.run(LONGEST_LIFE)
        return self._group.observer.report(self._group.now)

    def _set(self) -> str:
        leaf = self._random.choice(list(self._values))
        line = f"{leaf} {self._random.choice(self._values[leaf])}"
        if _BLOCK not in line or _BLOCK in self._group.text:
            self._group.commit(line)
        return line

    def _without(self, words: str) -> str:
        lines = [line for line in self._group.text.splitlines(True) if words not in line]
        self._group.text = "".join(lines)
        self._group.commit()
        return f"delete {words}"

    def _without_policy(self) -> str:
        return self._without(f"match-policy {self._random.choice(('p1', 'p2'))} ")

    def _without_block(self) -> str:
        return self._without(_BLOCK)

    def _with_block(self) -> str:
        if _BLOCK not in self._group.text:
            self._group.commit(*self._block)
        return f"set {_BLOCK}"

    def _clear(self, *, immediately: bool) -> str:
        assert self._group.server is not None
        self._group.server.groups.clear("G1", immediately, self._group.now)
        return f"clear {'now' if immediately else ''}"

    def _restart(self) -> str:
        self._group.restart_server(self._random.choice((1, 30)))
        return "restart"

    def _replace(self) -> str:
        address = self._random.choice(list(self._group.members))
        self._group.replace(address)
        return f"replace {address}"
