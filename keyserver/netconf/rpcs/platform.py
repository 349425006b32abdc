# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the operational RPCs need of the device that answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from ...gdoi.endpoint import KeyServerEndpoint
from ...groups.server import GroupServer
from ..session import Request


@dataclass(frozen=True)
class Identity:
    """What the device says it is."""

    hostname: str
    model: str
    product: str
    release: str
    serial: str
    generation: str
    cluster_node: str | None = None

    @property
    def modern(self) -> bool:
        """True from Junos 15.1 on: version and commit results are reported in full."""
        return int(self.release.split(".")[0]) > 15


Elements = list[etree._Element]


class Platform(Protocol):
    """What operational commands ask of a device."""

    groups: GroupServer
    endpoint: KeyServerEndpoint
    companions: Sequence[object]

    def identity(self) -> Identity:
        """What the device says it is."""


Handler = Callable[[Platform, Request], Elements]
