# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commit that is taken back unless it is confirmed.

The rules are those of Junos' CLI and NETCONF guides: it is taken back at its deadline unless
another commit confirms it. RFC 6241's confirmed commit (§8.4) is bound to its session besides: its
end takes the commit back at once, and another session's ``commit`` cannot confirm it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .candidate import DatabaseRefusal, Holder
from .store import PendingConfirmation
from .tree import Tree


@dataclass(frozen=True)
class Confirmation:
    """What a commit asks for: to be confirmed within ``seconds``.

    ``bound`` is RFC 6241's form, which the end of the session takes back.
    """

    seconds: float
    bound: bool = False


class ConfirmedCommit:
    """``pending``: what is awaited, if anything; ``restore``: what is returned to without it."""

    def __init__(self, pending: PendingConfirmation | None, restore: Tree) -> None:
        self.pending, self.restore = pending, restore

    @property
    def bound(self) -> int | None:
        """The session that it is bound to, if any."""
        return self.pending.session if self.pending is not None else None

    @property
    def deadline(self) -> float | None:
        """When it is taken back."""
        return self.pending.deadline if self.pending is not None else None

    def is_over(self, now: float) -> bool:
        """True when it is to be taken back."""
        return self.pending is not None and now >= self.pending.deadline

    def minutes_left(self, now: float) -> int | None:
        """Minutes, rounded up, until it is taken back; None without one."""
        if self.pending is None:
            return None
        return max(0, math.ceil((self.pending.deadline - now) / 60))

    def may_be_confirmed(self, holder: Holder) -> None:
        """Raise DatabaseRefusal where RFC 6241's ``commit`` of that session must not confirm it."""
        bound = self.bound
        if bound not in (None, holder.session_id):
            raise DatabaseRefusal(
                "in-use", f"confirmed commit of session {bound} is pending", bound
            )

    def renewed(
        self, holder: Holder, now: float, asked: Confirmation | None, running: int
    ) -> PendingConfirmation | None:
        """What is awaited after a commit that asks for that while number ``running`` is in force.

        A second confirmed commit renews the deadline and keeps the original point of return.
        """
        if asked is None:
            return None
        restore = self.pending.restore if self.pending else running
        session = holder.session_id if asked.bound else None
        return PendingConfirmation(now + asked.seconds, restore, session)

    def follow(self, pending: PendingConfirmation | None, before: Tree) -> None:
        """A commit happened, over what was in force ``before``."""
        if pending is not None and self.pending is None:
            self.restore = before
        self.pending = pending

    def end(self) -> None:
        """It is confirmed, or taken back."""
        self.pending = None
