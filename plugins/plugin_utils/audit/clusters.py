# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Server clusters judged as one: a member registers with one of the servers, and each server
lists its own.

Works on the audits of a fleet, in which each server was judged by itself: a member that another
server of its cluster lists is not missing; one that none lists is missing once; where a server
was not read, that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engine.counting import counted
from ..members.life import Roll
from .expectations import Role
from .findings import Kind, Severity, named

Hosts = Mapping[str, dict[str, Any]]


def judge_as_one(hosts: Hosts) -> None:
    """Change, in place, what the audits say of members and minima of clusters."""
    for name, host in hosts.items():
        for group in host["groups"]:
            _absent(hosts, name, host, group)
            _minimum(hosts, name, host, group)


def _others(hosts: Hosts, name: str, servers: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the cluster's other servers that were read, those that were not)."""
    others = [server for server in servers if server != name]
    read = [s for s in others if s in hosts and hosts[s].get("state") == "read"]
    return read, [s for s in others if s not in read]


def _lists(hosts: Hosts, servers: Sequence[str], group: str) -> Iterator[Roll]:
    for server in servers:
        for view in hosts[server]["groups"]:
            if view["name"] == group:
                yield Roll(view["members"])


def _absent(hosts: Hosts, name: str, host: dict[str, Any], group: dict[str, Any]) -> None:
    kept = []
    for row in group.get("absent") or []:
        servers = row.get("hosts") or []
        if len(servers) < 2:
            kept.append(row)
            continue
        read, unread = _others(hosts, name, servers)
        dynamic = row["role"] == Role.DYNAMIC.value
        address = None if dynamic and row["gateway"] else row["address"]
        found = any(r.find(row["gateway"], address) for r in _lists(hosts, read, group["name"]))
        # Of those that were read, the first one tells.
        tells = name == next((s for s in servers if s == name or s in read), name)
        if found or not tells:
            _drop(host, group["name"], Kind.MISSING, named(row))
            continue
        kept.append(row)
        severity = Severity.INFO if dynamic else _severity(group)
        why = f"none of {', '.join(servers)} lists it"
        if unread:
            severity = Severity.INFO if dynamic else Severity.WARNING
            why = f"{', '.join(unread)} could not be asked, and may list it"
            row["state"] = "unknown"
        _change(host, group["name"], Kind.MISSING, named(row), severity, why)
    group["absent"] = kept


def _minimum(hosts: Hosts, name: str, host: dict[str, Any], group: dict[str, Any]) -> None:
    servers, minimum = group.get("hosts") or [], group.get("min_members")
    if len(servers) < 2 or minimum is None:
        return
    read, unread = _others(hosts, name, servers)
    rolls = (Roll(group["members"]), *_lists(hosts, read, group["name"]))
    # As each server's own minimum has it: what is no address is nobody who can be told apart.
    listed = (m for roll in rolls for m in roll.members if m.get("state") != "malformed")
    addresses = {m["address"] for m in listed}
    tells = name == next((s for s in servers if s == name or s in read), name)
    if len(addresses) >= minimum or not tells:
        _drop(host, group["name"], Kind.BELOW_MINIMUM, "")
        return
    why = (
        f"{counted(len(addresses), 'member')} listed by {', '.join([name, *read])} together, "
        f"at least {minimum} expected"
    )
    why += f"; {', '.join(unread)} could not be asked" if unread else ""
    severity = Severity.WARNING if unread else _severity(group)
    _change(host, group["name"], Kind.BELOW_MINIMUM, "", severity, why)


def _severity(group: Mapping[str, Any]) -> Severity:
    # A list that a commit has just emptied cannot be judged yet.
    return Severity.WARNING if group.get("settling") else Severity.ERROR


def _is(finding: Mapping[str, Any], group: str, kind: Kind, member: str) -> bool:
    return (finding["group"], finding["kind"], finding["member"]) == (group, kind.value, member)


def _drop(host: dict[str, Any], group: str, kind: Kind, member: str) -> None:
    host["findings"] = [f for f in host["findings"] if not _is(f, group, kind, member)]


def _change(
    host: dict[str, Any], group: str, kind: Kind, member: str, severity: Severity, why: str
) -> None:
    host["findings"] = [
        {**f, "severity": severity.value, "why": why} if _is(f, group, kind, member) else f
        for f in host["findings"]
    ]
