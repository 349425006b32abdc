# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The RPCs on the configuration under the name that the device asks for."""

from __future__ import annotations

from .rpcs.configuration import CONFIGURATION_RPCS

__all__ = ["CONFIGURATION_RPCS"]
