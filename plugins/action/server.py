# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.server``."""

from __future__ import annotations

from ..plugin_utils.resources.server import RESOURCE
from .resource import ResourceAction


class ActionModule(ResourceAction):
    """Configure, read, render or parse a whole key server."""

    resource = RESOURCE
