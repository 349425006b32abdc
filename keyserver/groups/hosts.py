# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host names of gateways: what ``system static-host-mapping`` says, and nobody else is asked."""

from __future__ import annotations

from ..config.schema import InvalidValue, ipv4_address
from ..config.tree import NOTHING, Tree, lookup


def host_mapping(tree: Tree) -> Tree:
    """The hosts that an effective configuration knows, by name."""
    return lookup(tree, "system", "static-host-mapping") or NOTHING


def addresses_of(hosts: Tree, word: str) -> tuple[str, ...]:
    """The IPv4 addresses of a host that is given by address or name; none for an unknown one."""
    try:
        return (ipv4_address(word),)
    except InvalidValue:
        return tuple(hosts.get(word, NOTHING).get("inet", ()))
