# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which groups an RPC on a group server is about."""

from __future__ import annotations

from collections.abc import Iterable

from ....groups.server import GroupServer
from ....groups.views import GroupView
from ...arguments import Argument, number, text_of
from ...session import Request

_GROUP_NAME = (
    "group",
    "show-security-group-vpn-server-reg-group-name",
    "clear-security-group-vpn-server-group-name",
)
_GROUP_ID = (
    "group-id",
    "show-security-group-vpn-server-reg-group-id",
    "clear-security-group-vpn-server-group-id",
)

NAME, NUMBER = text_of(32), number(1, 65535)
GROUP = (Argument("group", NAME), Argument("group-id", NUMBER))
CHOICE = frozenset({"group", "group-id", "peer-address", "peer-gateway", "index"})


def _argument(request: Request, names: Iterable[str]) -> str | None:
    return next((text for name in names if (text := request.text(name)) is not None), None)


def chosen_groups(groups: GroupServer, request: Request, now: float) -> list[GroupView]:
    """Groups that ``group`` or ``group-id`` picks; all of them without either."""
    name, wanted = _argument(request, _GROUP_NAME), _argument(request, _GROUP_ID)
    return [
        group
        for group in groups.views(now)
        if (name is None or group.name == name)
        and (wanted is None or group.group_id == int(wanted))
    ]


def chosen_gateways(groups: GroupServer, request: Request, now: float) -> frozenset[str] | None:
    """The gateways of the groups that are picked; None where all are, and those of no group."""
    if _argument(request, (*_GROUP_NAME, *_GROUP_ID)) is None:
        return None
    return frozenset().union(*(one.gateways for one in chosen_groups(groups, request, now)))
