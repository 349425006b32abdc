#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: membership_audit
short_description: Compare the members of Group VPN groups with who should be there
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Compares what M(groupvpn.junos.registered_members_info) returned, or reads itself, with who is
    expected, and says of each finding what the list means in the group's communication type.
  - A member in the list of a multicast group, or of a group without C(server-member-communication),
    is never reported as alive. The absence of a dynamic peer is not an alarm by itself. A list that
    the last commit may have emptied cannot be judged before members had time to register again.
  - What is judged is the device's own list. Those of logical systems and tenants are not asked for.
extends_documentation_fragment:
  - groupvpn.junos.attributes
  - groupvpn.junos.attributes.info
options:
  groups:
    description: What M(groupvpn.junos.registered_members_info) returned; read when not given.
    type: list
    elements: dict
  expected:
    description:
      - Who should be there. A list of groups, each with C(group), C(members), C(min_members) and
        C(role); or a mapping of group names to members; or flat rows with C(group) and C(address)
        or C(gateway).
      - A member has C(address), C(gateway) or both, and C(role) V(static) or V(dynamic); a plain
        string is one of the two.
      - A group, a row or a member may name its C(host), as the inventory calls it, and then counts
        for that host only. Several hosts, as a list or separated by blanks, are a server cluster,
        with one of which a member registers. M(groupvpn.junos.membership_report) judges their lists
        as one; the audit of one server alone says that it cannot.
      - Other keys, such as a site or an owner, are free, and shown in the report.
      - A group with C(min_members) and without members is counted, and nobody in it is unexpected.
        One with neither is refused.
    type: raw
  expected_file:
    description:
      - CSV file (columns C(host), C(group), C(gateway), C(address), C(role), C(min_members), others
        are free; comma, semicolon or tab), or YAML or JSON file with the same as O(expected). One
        file serves a whole fleet. On the controller, UTF-8.
    type: path
  previous:
    description:
      - An earlier result of this module, or the path of an C(audit.json), to tell drift against.
        One that is damaged is a finding.
    type: raw
  stale_after:
    description: Seconds without a sign of life after which a member is stale.
    type: int
    default: 86400
  settle_seconds:
    description: Seconds after a commit during which absence cannot be judged.
    type: int
    default: 3600
  configured_ago:
    description: Seconds since the last commit; asked of the device when it is read.
    type: float
  now:
    description: Seconds since the epoch to judge ages by; the controller's clock when not given.
    type: float
seealso:
  - module: groupvpn.junos.registered_members_info
  - module: groupvpn.junos.membership_report
"""

EXAMPLES = r"""
- name: Who is missing, who should not be there
  groupvpn.junos.membership_audit:
    expected:
      - group: GRP-0001
        min_members: 2
        members:
          - {gateway: GM-0001, address: 192.0.2.11}
          - {gateway: GM-HOME, role: dynamic}
  register: audit

- name: Stop when somebody unexpected holds the keys
  ansible.builtin.assert:
    that: "'unexpected' not in (audit.findings | map(attribute='kind'))"

- name: Expectations from a file, drift against last week
  groupvpn.junos.membership_audit:
    expected_file: members.csv
    previous: last-week/audit.json
"""

RETURN = r"""
compliant:
  description: True when nothing worse than a note was found.
  returned: success
  type: bool
  sample: false
findings:
  description: What was found, worst first.
  returned: success
  type: list
  elements: dict
  contains:
    group:
      description: Name of the group.
      type: str
      sample: GRP-0001
    member:
      description: Gateway and address; empty for a finding about the group.
      type: str
      sample: GM-0001 192.0.2.11
    kind:
      description:
        - V(missing), V(unexpected), V(stale), V(duplicate), V(unacknowledged), V(below_minimum) or
          V(not_proof_of_liveness); also V(group_missing), V(malformed), V(clock), V(counters),
          V(previous_unreadable), and in a report V(history_unreadable), V(old_slice),
          V(unreachable), V(not_read), V(not_asked).
      type: str
      sample: missing
    severity:
      description: V(info), V(warning) or V(error).
      type: str
      sample: error
    why:
      description: The reason, with what the list means.
      type: str
      sample: it never registered, did not acknowledge a rekey and was removed, or was cleared since
summary:
  description: Number of C(groups), C(members) and C(findings), C(by_kind) and C(by_severity).
  returned: success
  type: dict
groups:
  description:
    - The groups, each member with C(state), C(role), C(age) in seconds, C(push_in_flight), and what
      the expectations say C(about) it; C(absent) are those who are missing.
  returned: success
  type: list
  elements: dict
expected_groups:
  description: The groups and who is expected in them, all C(absent).
  returned: failure
  type: list
  elements: dict
run:
  description:
    - The same for all hosts of one use of a role, and outside of roles of one play. With it
      M(groupvpn.junos.membership_report) tells results of an earlier one.
  returned: always
  type: str
  sample: 5254001f-6d0b-4b7e-9a53-00000000001c
asked:
  description:
    - The host, and the device where the task was delegated to it. Of a task that runs once
      M(groupvpn.junos.membership_report) takes the result for these hosts alone.
  returned: always
  type: list
  elements: str
  sample: [hub-1]
order:
  description:
    - C(order) of the play, V(inventory) by default; V(none) where its strategy, or V(shuffle), lets
      hosts come in no order that is known before.
  returned: always
  type: str
  sample: inventory
warnings:
  description: What the device warned about.
  returned: always
  type: list
  elements: str
  sample: []
drift:
  description:
    - Changes since O(previous), each with C(group), C(member), C(change) (V(came), V(left),
      V(address), V(gateway)), C(before) and C(after). Null without it, and where the earlier
      audit did not read the list of this host.
  returned: success
  type: list
  elements: dict
"""
