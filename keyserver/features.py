"""What these key servers have beyond RFC 6407, each in a folder of its own.

Deleting a folder and its line here deletes the feature.
"""

from __future__ import annotations

from .cluster.servers import ServerCluster
from .key_server import MakeCompanion

COMPANIONS: tuple[MakeCompanion, ...] = (ServerCluster,)
