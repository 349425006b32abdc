# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What devices have that has no place in a description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .configurations import entries
from .description import SERVER_SETTINGS, VPN_SETTINGS

_TRACES = "traceoptions"
_PLACED: Mapping[str, Mapping[tuple[str, ...], frozenset[str]]] = {
    "server": {
        ("ike", "proposals"): frozenset(
            {"name", "authentication_method", "authentication_algorithm", "dh_group"}
            | {"encryption_algorithm"}
        ),
        ("ike", "policies"): frozenset({"name", "mode", "proposals", "pre_shared_key"}),
        ("ike", "gateways"): frozenset(
            {"name", "ike_policy", "address", "dynamic", "local_address", "dead_peer_detection"}
        ),
        ("ipsec", "proposals"): frozenset(
            {"name", "authentication_algorithm", "encryption_algorithm", "lifetime_seconds"}
        ),
        ("groups",): frozenset(
            {"name", "group_id", "server_cluster", "ike_gateways", "server_address", "ipsec_sas"}
            | {"server_member_communication", *SERVER_SETTINGS}
        ),
    },
    "member": {
        ("ike", "proposals"): frozenset(
            {"name", "authentication_method", "authentication_algorithm", "dh_group"}
            | {"encryption_algorithm", "lifetime_seconds"}
        ),
        ("ike", "policies"): frozenset({"name", "mode", "proposals", "pre_shared_key"}),
        ("ike", "gateways"): frozenset(
            {"name", "ike_policy", "server_addresses", "addresses", "local_address"}
            | {"local_identity"}
        ),
        ("ipsec", "vpns"): frozenset(
            {"name", "ike_gateway", "group_vpn_external_interface", "group", *VPN_SETTINGS}
        ),
    },
}
"""What a description says of each list's entries."""


def unplaced(host: str, sides: Mapping[str, Any]) -> Iterator[str]:
    """A line for all that a description does not say anything of."""
    for side, lists in _PLACED.items():
        for place, placed in lists.items():
            for name, entry in entries(sides[side], *place).items():
                yield from _extra(host, side, (*place, name), entry, placed)
        for config, where in ((sides[side], ()), (sides[side].get("ike") or {}, ("ike",))):
            if _TRACES in config:
                yield f"{host}: {' '.join((side, *where, _TRACES))}: no place in a description"
    for place in sides.get("inactive") or ():
        # With an entry that gets another name it goes.
        yield f"{host}: {place}: inactive, and no place in a description"
    for place in sides.get("unread") or ():
        yield f"{host}: {place}: not read here, and no place in a description"


def _extra(
    host: str, side: str, place: Iterable[str], entry: Any, placed: frozenset[str]
) -> Iterator[str]:
    for option in entry if isinstance(entry, Mapping) else ():
        if option not in placed:
            yield f"{host}: {' '.join((side, *place))} {option}: no place in a description"
