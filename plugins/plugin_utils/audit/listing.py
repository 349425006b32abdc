# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a list has whom one expects: by address, and a dynamic peer by its gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .expectations import Role


class Listing:
    """The members of one list, their addresses in one form.

    ``claimed``: addresses that are expected: who has one is nobody else who is expected by gateway.
    """

    def __init__(
        self, members: Iterable[dict[str, Any]], claimed: Collection[str | None] = ()
    ) -> None:
        self._by_address: dict[str, list[dict[str, Any]]] = {}
        self._by_gateway: dict[str, list[dict[str, Any]]] = {}
        for member in members:
            address = str(member.get("address"))
            self._by_address.setdefault(address, []).append(member)
            if address not in claimed:
                self._by_gateway.setdefault(str(member.get("gateway") or ""), []).append(member)

    def found(self, gateway: str | None, address: str | None, role: str) -> list[dict[str, Any]]:
        """Who of the list is the one that is expected; several may come in by one gateway."""
        if address is not None:
            members = self._by_address.get(address, [])
            # Listed more than once, it is who came in as it should.
            right = [m for m in members if gateway in (None, m.get("gateway"))] or members
            # A dynamic peer is known by its gateway, whatever address it has today.
            if right or role == Role.STATIC.value:
                return right
        return self._by_gateway.get(gateway, []) if gateway else []
