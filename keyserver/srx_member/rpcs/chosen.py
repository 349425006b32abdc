# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of a device's Group VPNs an RPC's arguments pick."""

from __future__ import annotations

from collections.abc import Callable

from ...netconf.rpcs.platform import Platform
from ...netconf.session import Request
from ..site import Site
from ..sites import SrxMembers

INDEX_ARGUMENT = "show-gvpn-index-ipsec-security-association"
STATISTICS_ARGUMENT = "show-gvpn-index-ipsec-statistics"
# As an index: Juniper's models have it as the value of one that is not given.
_ALL = 0


def members(device: Platform) -> SrxMembers:
    """The part of the device that is a member."""
    return next(one for one in device.companions if isinstance(one, SrxMembers))


def server(site: Site) -> str:
    """The key server that a VPN talks to."""
    return site.server


def keys_from(site: Site) -> str:
    """The key server that its keys are from."""
    return site.keys_from


def chosen(
    device: Platform, request: Request, peer_of: Callable[[Site], str] = keys_from
) -> list[Site]:
    """The VPNs that the arguments pick; ``peer_of``: whose address is asked for."""
    vpn, group = request.text("vpn"), request.text("group-id")
    index, peer = _tunnel_of(request), request.text("peer-address")
    return [
        site
        for site in members(device).sites.values()
        if vpn in (None, site.settings.name)
        and (group is None or int(group) == site.settings.group)
        and index in (_ALL, site.index)
        and peer in (None, peer_of(site))
    ]


def indexed(
    device: Platform,
    request: Request,
    index: Callable[[Site], int | None],
    peer_of: Callable[[Site], str] = keys_from,
) -> list[Site]:
    """Those of the chosen VPNs whose ``index`` is the one that is asked for."""
    wanted = int(request.text("index") or _ALL)
    return [site for site in chosen(device, request, peer_of) if wanted in (_ALL, index(site))]


def tunnel_index(site: Site) -> int:
    """What names a VPN in the RPCs on IPsec."""
    return site.index


def _tunnel_of(request: Request) -> int:
    given = (request.text(name) for name in (INDEX_ARGUMENT, STATISTICS_ARGUMENT))
    return next((int(text) for text in given if text is not None), _ALL)


def left(when: float, now: float) -> str:
    """Whole seconds until then."""
    return str(max(0, int(when - now)))
