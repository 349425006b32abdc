# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of a ``registered-members`` list: one table for XML elements, CLI labels and columns.

Juniper publishes the reply's root element only, so the table takes the likely words. A word that
is not in it is not understood; it is never taken for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from .model import COUNTERS

ASIDE = "aside"
"""Known, and says nothing about who is registered."""
NODE = "node"

PLACES: Mapping[str, str] = {
    "group": "group.name",
    "group-name": "group.name",
    "name-of-group": "group.name",
    "group/name": "group.name",
    "group-id": "group.id",
    "group/id": "group.id",
    "count": "group.count",
    "members": "group.count",
    "member-count": "group.count",
    "members-count": "group.count",
    "total": "group.count",
    "total-members": "group.count",
    "total-number-of-members": "group.count",
    "total-number-of-registered-members": "group.count",
    "total-registered-members": "group.count",
    "number-of-members": "group.count",
    "number-of-registered-members": "group.count",
    "gateway": "member.gateway",
    "gateway-name": "member.gateway",
    "ike-gateway": "member.gateway",
    "ike-gateway-name": "member.gateway",
    "member-gateway": "member.gateway",
    "member-gateway-name": "member.gateway",
    "member-name": "member.gateway",
    "member/name": "member.gateway",
    "peer-gateway": "member.gateway",
    "address": "member.address",
    "ip": "member.address",
    "ip-address": "member.address",
    "member-address": "member.address",
    "member-ip": "member.address",
    "member-ip-address": "member.address",
    "member-ipaddr": "member.address",
    "peer-address": "member.address",
    "peer-ip": "member.address",
    "remote-address": "member.address",
    "last-update": "member.last_update",
    "last-updated": "member.last_update",
    "last-update-time": "member.last_update",
    "member-last-update": "member.last_update",
    "update-time": "member.last_update",
    "vsys": "member.vsys",
    "vsys-name": "member.vsys",
    "member-vsys": "member.vsys",
    "virtual-system": "member.vsys",
    **{counter.replace("_", "-"): f"member.{counter}" for counter in COUNTERS},
    "re-name": NODE,
    "cli/banner": ASIDE,
    "stats": ASIDE,
    "statistics": ASIDE,
    "server-address": ASIDE,
    "member-threshold": ASIDE,
    "pull-exceed-member-threshold": ASIDE,
}
_PREFIXES = (
    "security-group-vpn-server-",
    "group-vpn-server-",
    "group-vpn-",
    "gvpn-server-",
    "gvpn-",
    "registered-",
)
_OWN_SYSTEMS = frozenset(("", "0", "-", "n/a", "root", "root-logical-system"))
"""What replies call the device itself."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")


def plain(word: str) -> str:
    """``Group Id``, ``group_id`` and ``groupId`` as ``group-id``."""
    return _NO_WORD.sub("-", _HUMP.sub("-", word).lower()).strip("-")


def _shorter(word: str) -> list[str]:
    """The word and what is left of it without the prefixes that Junos puts in front."""
    forms = [plain(word)]
    while prefix := next((p for p in _PREFIXES if forms[-1].startswith(p)), None):
        forms.append(forms[-1].removeprefix(prefix))
    return forms


def spelled(word: str) -> str:
    """A pattern for a word of the table as the CLI writes it: ``Group Id``."""
    return r"[\s_-]+".join(map(re.escape, word.split("-")))


@lru_cache(maxsize=1024)
def place_of(word: str, holder: str = "") -> str | None:
    """Where the value of a word belongs; None when the word is not known.

    ``holder`` is the word of what it stands in: ``name`` alone may be a group's or a member's.
    """
    forms = _shorter(word)
    within = f"{_shorter(holder)[-1]}/{forms[-1]}"
    return next((PLACES[form] for form in (within, *forms) if form in PLACES), None)


def is_of_another(system: str) -> bool:
    """Whether a virtual system's name is a logical system's or a tenant's, not the device's own."""
    return system.lower() not in _OWN_SYSTEMS


def of_others(what: str, systems: Iterable[str | None]) -> Iterator[str]:
    """What is to be known of a reply that shows what others have; ``systems``: of each entry."""
    for system in dict.fromkeys(systems):
        if system and is_of_another(system):
            yield (
                f"{what}: the device shows some of virtual system {system}, which is not its own, "
                "but a logical system's or a tenant's; tell it apart by that name"
            )
