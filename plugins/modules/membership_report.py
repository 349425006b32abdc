#!/usr/bin/python
# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Documentation only: the action plugin of the same name does the work on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: membership_report
short_description: Write a fleet's membership audits as JSON, CSV, JUnit XML, metrics and a page
version_added: 1.0.0
author:
  - groupvpn.junos contributors (@groupvpn)
description:
  - Puts the results of M(groupvpn.junos.membership_audit) of many hosts into one report, in a
    directory on the controller.
  - C(audit.prom) is Prometheus' text format, for the textfile collector of its node exporter.
  - The role P(groupvpn.junos.membership_audit#role) does all of it.
extends_documentation_fragment:
  - groupvpn.junos.attributes
options:
  audits:
    description: Host name to the registered result of its audit, failed ones too.
    type: dict
    required: true
  run:
    description:
      - C(run) of one of the results. Those of another run, as of an earlier play whose host failed
        since, are left out, and their hosts were not asked.
    type: str
  directory:
    description: Directory on the controller to write to; made when it does not exist.
    type: path
    required: true
  template:
    description:
      - Jinja2 template of a page of one's own, rendered with autoescape. Without it, the page is
        the collection's.
    type: path
  merge:
    description: C(audit.json) files of other slices of the fleet that go into the same report.
    type: list
    elements: path
    default: []
  history:
    description:
      - C(audit.json) files of earlier audits, for the number of members over time. Each carries the
        counts of those before it, the last 100, so the last file is enough; it may be the one that
        this report replaces.
      - A file that is not there is a note in the report, a damaged one a warning.
    type: list
    elements: path
    default: []
  title:
    description: Title of the report.
    type: str
    default: Group VPN membership audit
  pending:
    description: Hosts whose turn is still to come, as under C(serial); a note and no error.
    type: list
    elements: str
    default: []
  fail_at:
    description: The severity from which on RV(verdict) says that the fleet's audit is a failure.
    type: str
    choices: [never, info, warning, error]
    default: never
seealso:
  - module: groupvpn.junos.membership_audit
"""

EXAMPLES = r"""
- name: One report of the fleet
  groupvpn.junos.membership_report:
    audits: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all
      | map('extract', hostvars, 'audit'))) }}"
    run: "{{ audit.run }}"
    directory: reports
  run_once: true
  delegate_to: localhost
  vars:
    ansible_connection: local
"""

RETURN = r"""
files:
  description: The files of the report.
  returned: success
  type: list
  elements: str
  sample:
    - reports/audit.json
    - reports/members.csv
    - reports/junit.xml
    - reports/audit.prom
    - reports/audit.html
summary:
  description: Counts over the fleet.
  returned: success
  type: dict
verdict:
  description:
    - Why the audit of the fleet is a failure, as a sentence; null when it is not one, or while
      hosts are O(pending). One that read nothing is always a failure.
  returned: success
  type: str
  sample: the audit found 2 errors, 0 warnings, 3 notes, and error or worse fails it
worst:
  description: The worst severity; V(none) without findings.
  returned: success
  type: str
  sample: warning
screen:
  description: The report on one screen, line by line.
  returned: success
  type: list
  elements: str
"""
