#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: confirm_commit
short_description: Confirm a confirmed commit on Junos
version_added: 0.1.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Makes a commit permanent that was made with the option C(commit_confirmed) of
    M(groupvpn.junos.server_member_communication). Without this the device takes it back by itself.
  - Refuses when somebody left uncommitted changes, which the confirmation would commit as well.
extends_documentation_fragment:
  - groupvpn.junos.attributes
options:
  comment:
    description: Comment of the confirming commit.
    type: str
seealso:
  - module: groupvpn.junos.server_member_communication
"""

EXAMPLES = r"""
- name: Members are back, keep the change
  groupvpn.junos.confirm_commit:
    comment: members came back
"""

RETURN = r""" # """
