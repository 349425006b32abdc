# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.server_member_communication``."""

from __future__ import annotations

from ..plugin_utils.resources.server_member_communication import RESOURCE
from .resource import ResourceAction


class ActionModule(ResourceAction):
    """Configure, read, render or parse ``server-member-communication``."""

    resource = RESOURCE
