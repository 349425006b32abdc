# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What makes a member begin anew."""

from __future__ import annotations

from ...netconf.rpcs.platform import Elements, Platform
from ...netconf.session import Request
from .associations import ike_index, kek_index, kek_of
from .chosen import chosen, indexed, members, server, tunnel_index


def clear_group(device: Platform, request: Request) -> Elements:
    """Register anew; keys stay until then."""
    for site in chosen(device, request):
        members(device).renew(site, request.now)
    return []


def clear_ipsec(device: Platform, request: Request) -> Elements:
    """Drop every key, and register anew."""
    for site in indexed(device, request, tunnel_index):
        members(device).forget(site, request.now)
    return []


def clear_ike(device: Platform, request: Request) -> Elements:
    """End phase 1 SAs; the group's keys go on."""
    for site in indexed(device, request, ike_index, server):
        members(device).end_phase1(site, request.now)
    return []


def clear_kek(device: Platform, request: Request) -> Elements:
    """Drop the KEK, and register anew: no push can be read."""
    for site in indexed(device, request, kek_index):
        if kek_of(site) is not None:
            members(device).forget_kek(site, request.now)
    return []


def clear_statistics(device: Platform, request: Request) -> Elements:
    """Count from nothing again."""
    for site in indexed(device, request, tunnel_index):
        site.counted.clear()
    return []
