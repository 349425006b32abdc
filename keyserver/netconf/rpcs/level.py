# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of an answer is asked for: ``brief`` or ``detail``."""

from __future__ import annotations

from ..arguments import Argument, one_of
from ..session import Request

TOGGLES = (Argument("brief"), Argument("detail"))
"""All that a v1 device has for it."""
LEVEL = (Argument("level", one_of("brief", "detail")), *TOGGLES)
LEVELS = frozenset(argument.name for argument in LEVEL)
"""One of them at a time."""


def is_detail(request: Request) -> bool:
    """True when the request asks for the long form."""
    return request.child("detail") is not None or request.text("level") == "detail"
