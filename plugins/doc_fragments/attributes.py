# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Attributes that the collection's modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation fragments."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - ncclient >= 0.7.0
  - lxml
attributes:
  check_mode:
    description: Can run in check_mode and say exactly what would change.
    support: full
  diff_mode:
    description: Says what changes, as C(show | compare) prints it.
    support: full
    details: Modules that only read have nothing to show.
  platform:
    description: Devices that can be operated against.
    platforms: Junos
    support: full
notes:
  - Needs the connection P(groupvpn.junos.netconf#connection), or C(ansible.netcommon.netconf) with
    C(ansible_network_os=junipernetworks.junos.junos).
"""

    INFO = r"""
options: {}
attributes:
  facts:
    description: Returns data and changes nothing.
    support: full
"""
