# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who keeps the VPN of a group that servers forget because nothing describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..configurations import entries, joined
from ..description import Device, some
from ..expand import Config
from ..references import GATEWAYS
from ..steps import Kind, Step
from .servers import number_of
from .situation import Fleet, Situation


@dataclass(frozen=True)
class Unserved:
    """A group that goes from servers, and who goes on asking them for its keys.

    ``members``: hosts, and gateways of which no host is known.
    """

    group: str
    number: int | None
    servers: tuple[str, ...]
    members: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{some(self.members)}: {self.group} (group {self.number}) goes from "
            f"{some(self.servers)}, because nothing describes it, and the VPN stays: no keys come "
            "from there when those of now end; describe the group, or delete the VPN"
        )


def unserved(here: Situation, steps: Iterable[Step]) -> Iterator[Unserved]:
    """What of some steps takes its server from somebody."""
    made = {step.kind: step.changes for step in steps}
    then = here.made(made.get(Kind.LEAVE, {}), here.made(made.get(Kind.MEMBERS, {})))
    found: dict[tuple[str, int | None], dict[str, list[str]]] = {}
    for server, change in made.get(Kind.FORGET, {}).items():
        for name in entries(change.drop, "groups").keys() - {g.name for g in here.groups}:
            block = entries(here.now[server]["server"], "groups")[name]
            if members := [*_members(here, server, block, then)]:
                found.setdefault((name, number_of(block)), {})[server] = members
    for (name, number), there in sorted(found.items(), key=str):
        whom = joined((), (member for members in there.values() for member in members))
        yield Unserved(name, number, tuple(there), tuple(whom))


def _members(here: Situation, server: str, block: Config, then: Fleet) -> Iterator[str]:
    """Who is known to a group's server, and has the group's VPN ``then``, or may have."""
    known, number = entries(here.now[server]["server"], *GATEWAYS), number_of(block)
    served = {host for group in here.groups if group.group_id == number for host in group.members}
    for name in block.get("ike_gateways") or ():
        host = _behind(here, known.get(name, {"name": name}))
        vpns = entries(then[host]["member"], "ipsec", "vpns").values() if host in then else ()
        stays = host not in then or any(vpn.get("group") == number for vpn in vpns)
        if stays and host not in served:
            yield host


def _behind(here: Situation, gateway: Config) -> str:
    """The host behind a gateway; the gateway's name where none is known."""
    fits = (host for host, one in here.description.devices.items() if _is_of(gateway, one))
    return next(fits, gateway["name"])


def _is_of(gateway: Config, device: Device) -> bool:
    if "address" in gateway and device.fixed_address is not None:
        return bool(gateway["address"] == device.fixed_address)
    return bool(gateway["name"] == device.name)
