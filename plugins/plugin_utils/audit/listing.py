# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a list has whom one expects: by address, and a dynamic peer by its gateway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .expectations import Role


class Listing:
    """The members of one list, their addresses in one form."""

    def __init__(self, members: Iterable[dict[str, Any]]) -> None:
        self._by_address: dict[str, dict[str, Any]] = {}
        self._by_gateway: dict[str, list[dict[str, Any]]] = {}
        for member in members:
            self._by_address.setdefault(str(member.get("address")), member)
            self._by_gateway.setdefault(str(member.get("gateway") or ""), []).append(member)

    def found(self, gateway: str | None, address: str | None, role: str) -> list[dict[str, Any]]:
        """Who of the list is the one that is expected; several may come in by one gateway."""
        if address is not None:
            member = self._by_address.get(address)
            if member is not None:
                return [member]
            # A dynamic peer is known by its gateway, whatever address it has today.
            if role == Role.STATIC.value:
                return []
        return self._by_gateway.get(gateway, []) if gateway else []
