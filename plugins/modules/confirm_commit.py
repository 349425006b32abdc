#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: confirm_commit
short_description: Confirm a confirmed commit on Junos
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Makes a commit permanent that was made with the option C(commit_confirmed) of
    M(groupvpn.junos.server_member_communication). Without this the device takes it back by itself.
  - Asks the device first what awaits confirmation. When nothing does, nothing is committed and
    RV(ignore:changed) is false; when the device has taken the commit back, the task fails, and
    likewise when after the commit it says that what was to be confirmed still awaits it.
  - Refuses when somebody left uncommitted changes, which the confirmation would commit as well.
extends_documentation_fragment:
  - groupvpn.junos.attributes
options:
  comment:
    description: Comment of the confirming commit.
    type: str
  change:
    description:
      - The registered result of the task that made the confirmed commit, or the C(xml) in it; of a
        loop one of its C(results).
      - Its settings are looked for on the device before confirming, and read back afterwards; the
        task fails when they are not there.
      - A confirmed commit that somebody made since is confirmed as well, with a warning.
      - Give this for a device whose commit history does not show what was to be confirmed. Without
        it there is nothing to confirm where the history tells of nothing; the device's lock, at
        which it might tell, is not taken for that.
    type: raw
seealso:
  - module: groupvpn.junos.server_member_communication
"""

EXAMPLES = r"""
- name: Change with a way back
  groupvpn.junos.server_member_communication:
    commit_confirmed: 10
    config:
      - group: GRP-0001
        lifetime_seconds: 3600
  register: change

- name: Members are back, keep the change
  groupvpn.junos.confirm_commit:
    comment: members came back
    change: "{{ change }}"
  when: change is changed
"""

RETURN = r"""
msg:
  description:
    - What was confirmed, or in check mode would be; or that there was nothing to confirm.
    - Of a device that does not tell what awaits confirmation, that it was committed.
  returned: always
  type: str
  sample: "nothing to confirm: no commit awaits confirmation on the device"
pending_confirmation:
  description: The commit that was confirmed, in check mode the one that would be.
  returned: always
  type: dict
  sample: {user: netops, client: netconf, at: 2026-10-05 22:03:43 UTC, minutes: 10, comment: ""}
warnings:
  description: What the device warned about, and what it could not tell.
  returned: always
  type: list
  elements: str
  sample: []
"""
