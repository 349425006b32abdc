# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of a run, and who touches devices for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ...errors import GroupVpnError
from ...netconf.rpc import Rpc
from ..description import Contradiction, Description
from ..judging.places import taking_part

T = TypeVar("T")
_LEAST_POLL = 0.1
"""Devices that are asked without a pause do nothing else."""
_MOST_MINUTES = 65535
_NO_TURNS = "take it out of the play: steps have an order, and 'forks' hosts go at once"
_NO_WHEN = "leave hosts out by the play's 'hosts' or by --limit: what they have then stays as it is"
_MOST_SECONDS = 86400
"""How long a run may wait for members: a day, as long as a traffic key lives at the most."""


class Hands(Protocol):
    """What touches devices, and time."""

    def each(
        self, work: Mapping[str, Callable[[Rpc], T]]
    ) -> tuple[dict[str, T], dict[str, GroupVpnError]]:
        """Do it on all hosts at once: what came of it, and what failed."""

    def pause(self, seconds: float) -> None:
        """Wait."""

    def clock(self) -> float:
        """Seconds on a clock that only goes forward."""

    def say(self, line: str) -> None:
        """Tell a person."""


@dataclass(frozen=True)
class Order:
    """What is asked for; ``hosts`` may be touched; ``timeout`` and ``poll`` in seconds.

    ``confirm_minutes``: after so long a server takes an unproved change back; 0: commit for good.
    ``diff``: the difference of each host is wanted too. ``elsewhere``: hosts whose turn in the
    play is another one; ``left_out``: those for which the task does not run.
    """

    description: Description
    hosts: tuple[str, ...]
    confirm_minutes: int = 10
    timeout: int = 300
    poll: float = 1.0
    exclusive: bool = False
    comment: str | None = None
    check: bool = False
    diff: bool = False
    elsewhere: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def limits(order: Order) -> Iterator[Contradiction]:
    """What of an order does not fit together: who is in it, and how long it may take."""
    yield from _in_turns(order)
    yield from _times(order)


def _in_turns(order: Order) -> Iterator[Contradiction]:
    """A part of a group cannot be planned without the rest; of others there is nothing to plan."""
    named = taking_part(order.description)
    for hosts, statement, why, remedy in (
        (order.elsewhere, "serial", "not in this turn of the play", _NO_TURNS),
        (order.left_out, "when", "the task does not run there", _NO_WHEN),
    ):
        whom = tuple(host for host in hosts if host in named)
        if whom:
            whole = f"{why}, and a Group VPN is planned as a whole"
            yield Contradiction(whom, statement, None, whole, remedy)


def _times(order: Order) -> Iterator[Contradiction]:
    for name, value, least, most in (
        ("confirm_minutes", order.confirm_minutes, 0, _MOST_MINUTES),
        ("timeout", order.timeout, 0, _MOST_SECONDS),
        ("poll", order.poll, _LEAST_POLL, max(1, order.timeout)),
    ):
        if not least <= value <= most:
            why = f"it is {least} to {most}"
            yield Contradiction((), f"group_vpn_{name}", value, why, f"correct '{name}'")
    if 0 < order.confirm_minutes * 60 <= order.timeout:
        yield Contradiction(
            (),
            "group_vpn_confirm_minutes",
            order.confirm_minutes,
            f"servers would take their change back while members may still come (for "
            f"{order.timeout} s, 'timeout')",
            f"set it to {order.timeout // 60 + 1} or more, or 0 for never, or shorten 'timeout'",
        )
