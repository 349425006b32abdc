#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_members
short_description: Wait until members of Group VPN groups on Junos SRX show a sign of life
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Waits until members were heard of, by name. A place in the list is not a sign of life. A
    registration or an acknowledged rekey is, when it is later than O(since) and than the last
    commit. Times are the device's own, to the second; a registration in the commit's own second
    counts only of a member that came into the list between two looks.
  - Nobody counts before a full retransmission cycle is over, which is how long a dead member stays
    in the list.
  - Group VPNv1 shows no counters. There, a member of a unicast group counts when a rekey went out
    and the member is still listed a full retransmission cycle later.
  - A rekey that may have gone out between O(since) and the change proves nothing; who acknowledged
    it is waited for until the next one.
  - A multicast rekey is not acknowledged. After a change, a group that stays or becomes multicast
    is not waited for unless it is O(cleared), and RV(groups[].proof) is false. Without a change,
    only a registration counts there.
  - A list that cannot be read for a while is read again until the time is over.
  - A group that is not there, a gateway or an address that the group does not have, more members
    than it has gateways, and a word that is not an address, are refused at once.
  - Where the device does not tell when it committed, or when a member registered, a registration
    after a change counts only when it was seen to come; else RV(groups[].unknown) names the member.
  - Progress is one line for each group on standard error, with names.
  - In check mode, tells who would be waited for and how long, and refuses what would be refused.
  - While a confirmed commit, of whomever, awaits its confirmation, nobody knows whom it has cut off
    and who has fallen from the list by it. A change is then not made over it. Check mode with
    O(change) refuses it, and so does a wait for a change that was made in spite of that.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.attributes.info
options:
  groups:
    description: Groups to wait for. At least one of this and O(change) is needed.
    type: list
    elements: dict
    default: []
    suboptions:
      group:
        description: Name of the group.
        type: str
        required: true
      members:
        description: Members that must be heard of, each by its gateway or its address.
        type: list
        elements: str
        default: []
      min_members:
        description: How many members must be heard of.
        type: int
        default: 0
      absent:
        description: Members that need not come back, with O(change).
        type: list
        elements: str
        default: []
  change:
    description:
      - The registered result of the task that changed C(server-member-communication), or of its
        check mode. In each group that it changes, everybody who was listed before is waited for.
    type: dict
  since:
    description:
      - RV(since) of an earlier call, in check mode before the change; or the registered result of
        M(groupvpn.junos.registered_members_info) with C(detail), without whose counters no
        acknowledgement can be told. Without it, signs of life count from the beginning of this
        task.
    type: dict
  cleared:
    description:
      - Whether M(groupvpn.junos.clear_members) with C(now) follows the change. Groups that have no
        block before the change or after it cannot be reached by it.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait. When it is not given, as long as the change may need, from the lifetimes
        in the configuration.
    type: int
  poll:
    description: Seconds between two looks.
    type: int
    default: 5
  confirm_within:
    description:
      - Minutes after which the device takes the change back. A wait that does not fit into them is
        refused.
    type: int
seealso:
  - module: groupvpn.junos.clear_members
  - module: groupvpn.junos.confirm_commit
"""

EXAMPLES = r"""
- name: Wait until two members by name, and five in all, were heard of
  groupvpn.junos.wait_for_members:
    groups:
      - group: GRP-0001
        members: [GM-0001, 192.0.2.12]
        min_members: 5
    timeout: 600

- name: What a change does, without making it
  groupvpn.junos.server_member_communication:
    config: "{{ wanted }}"
  check_mode: true
  register: predicted

- name: Who is there, how long they may take, and whether that fits
  groupvpn.junos.wait_for_members:
    change: "{{ predicted }}"
    confirm_within: 10
  check_mode: true
  register: gate

- name: Change with a way back
  groupvpn.junos.server_member_communication:
    config: "{{ wanted }}"
    commit_confirmed: 10
  register: change

- name: Wait for everybody who was there
  groupvpn.junos.wait_for_members:
    change: "{{ change }}"
    since: "{{ gate.since }}"
"""

RETURN = r"""
groups:
  description: What was waited for in each group; also when the task failed because time was over.
  returned: always
  type: list
  elements: dict
  contains:
    group:
      description: Name of the group.
      type: str
      sample: GRP-0001
    communication:
      description: V(none), V(unicast) or V(multicast), as the change leaves it.
      type: str
      sample: unicast
    proof:
      description: False when nothing in the list can be a sign of life.
      type: bool
      sample: true
    cause:
      description:
        - Why members are heard of, V(push) (a rekey because of the change), V(next_rekey),
          V(keys_end) (their traffic keys end and they register), V(cleared), V(asked) (no change),
          V(never).
      type: str
      sample: push
    why:
      description: The same as a clause.
      type: str
      sample: they acknowledge the rekey that the change causes
    seconds:
      description: How long that may take.
      type: int
      sample: 60
    cycle:
      description: Seconds before which nobody counts as back.
      type: int
      sample: 30
    min_members:
      description: How many members had to be heard of.
      type: int
      sample: 0
    expected:
      description: Who was waited for.
      type: list
      elements: str
      sample: [GM-0001 192.0.2.11, GM-0003 192.0.2.13]
    returned:
      description: Who of them was heard of.
      type: list
      elements: str
      sample: [GM-0001 192.0.2.11]
    missing:
      description: Who of them was not.
      type: list
      elements: str
      sample: [GM-0003 192.0.2.13]
    unknown:
      description:
        - Who of the missing has registered, and nobody can tell whether before or after the change.
      type: list
      elements: str
      sample: []
    clustered:
      description: Whether members may be listed by another server of the group instead.
      type: bool
      sample: false
    alive:
      description: How many members of the list were heard of.
      type: int
      sample: 1
timeout:
  description: Seconds that were waited at most.
  returned: success
  type: int
  sample: 60
elapsed:
  description: Seconds that it took.
  returned: always
  type: float
  sample: 31.2
since:
  description: What was known before, for the option of this name.
  returned: success
  type: dict
warnings:
  description:
    - Groups in which nothing is proved, because nobody was listed or their rekeys are multicast;
      waits that may be too short; and what could not be read.
  returned: always
  type: list
  elements: str
  sample: []
"""
