# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments that most Group VPN commands have in common."""

from __future__ import annotations

from ...arguments import Argument, number, one_of
from ...session import Request

LEVEL = (
    Argument("level", one_of("brief", "detail"), word="level"),
    Argument("brief"),
    Argument("detail"),
)
LEVELS = frozenset(argument.name for argument in LEVEL)
"""One of them at a time."""
PLACE = (
    Argument("fpc", number(0, 0)),
    Argument("pic", number(0, 0)),
    Argument("kmd-instance", one_of("all", "kmd1")),
)
"""Where the key daemon runs: the emulator has one, on the first PIC."""


def is_detail(request: Request) -> bool:
    """True when the request asks for the long form."""
    return request.child("detail") is not None or request.text("level") == "detail"
