# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in ``config`` of the modules for whole hierarchies, made from their tables."""

from __future__ import annotations

import json

from ..plugin_utils.engine.documentation import suboptions
from ..plugin_utils.engine.resource import Resource
from ..plugin_utils.resources import member, server


def _config(resource: Resource) -> str:
    """A fragment, as JSON: YAML has it, too."""
    return json.dumps({"options": {"config": {"suboptions": suboptions(resource)}}})


class ModuleDocFragment:
    """Documentation fragments; the modules say what ``config`` is, and these what is in it."""

    # With their type: what is assigned without one, ansible-test's yamllint reads as YAML.
    MEMBER: str = _config(member.RESOURCE)
    SERVER: str = _config(server.RESOURCE)
