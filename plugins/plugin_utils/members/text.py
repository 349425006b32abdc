# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``show security group-vpn server registered-members`` as the CLI prints it."""

from __future__ import annotations

import re

from .model import COUNTERS, GroupMembers

_GROUP_LINE = re.compile(r"^Group:\s*(?P<name>.*?),\s*Group Id:\s*(?P<id>\d+)\s*$")
_DETAIL_LINE = re.compile(
    r"^Member gateway:\s*(?P<gateway>.*?),\s*Member IP:\s*(?P<address>\S+?),"
    r"\s*Vsys:\s*(?P<vsys>\S*)"
)
_BRIEF_LINE = re.compile(
    r"^(?P<gateway>\S+)\s+(?P<address>[0-9a-fA-F:.]+)\s+(?P<last_update>\S.*?\d{4}.*?\S)"
    r"(?:\s+(?P<vsys>\S+))?$"
)
_COUNTER_LINE = re.compile(r"^(?P<label>P(?:ull|ush) [A-Za-z ]+?)\s*:\s*(?P<value>\d+)$")
_NODE_LINE = re.compile(r"^(?P<node>node\d+):$")


def read_text(text: str) -> list[GroupMembers]:
    """Groups of the CLI's text form, brief or detail."""
    groups: list[GroupMembers] = []
    node = None
    for line in (line.strip() for line in text.splitlines()):
        if match := _NODE_LINE.match(line):
            node = match["node"]
        elif match := _GROUP_LINE.match(line):
            groups.append(GroupMembers(match["name"], int(match["id"]), node))
        elif not groups or line.startswith("Member Gateway"):
            continue
        elif match := _DETAIL_LINE.match(line):
            groups[-1].members.append(match.groupdict())
        elif line.startswith("Last Update:") and groups[-1].members:
            groups[-1].members[-1]["last_update"] = line.partition(":")[2].strip()
        elif (match := _COUNTER_LINE.match(line)) and groups[-1].members:
            name = match["label"].lower().replace(" ", "_")
            if name in COUNTERS:
                groups[-1].members[-1][name] = int(match["value"])
        elif match := _BRIEF_LINE.match(line):
            groups[-1].members.append({k: v for k, v in match.groupdict().items() if v})
    return groups
