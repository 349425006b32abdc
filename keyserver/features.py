# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What these key servers have beyond RFC 6407, each in a folder of its own.

Deleting a folder and its line here deletes the feature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .cluster.rpcs import cluster_rpcs
from .cluster.servers import ServerCluster
from .key_server import MakeCompanion
from .netconf.rpcs.platform import OperationalRpc
from .srx_member.rpcs.table import member_rpcs
from .srx_member.sites import SrxMembers


@dataclass(frozen=True)
class Feature:
    """What it speaks beside GDOI, and the RPCs that a generation has for it."""

    companion: MakeCompanion
    rpcs: Callable[[str], dict[str, OperationalRpc]]


FEATURES: tuple[Feature, ...] = (
    Feature(ServerCluster, cluster_rpcs),
    Feature(SrxMembers, member_rpcs),
)
