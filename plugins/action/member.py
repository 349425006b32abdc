# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.member``."""

from __future__ import annotations

from ..plugin_utils.resources.member import RESOURCE
from .resource import ResourceAction


class ActionModule(ResourceAction):
    """Configure, read, render or parse a whole group member."""

    resource = RESOURCE
