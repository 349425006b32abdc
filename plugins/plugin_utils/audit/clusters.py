# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Server clusters judged as one: a member registers with one of the servers, and each server
lists its own.

Works on the audits of a fleet, in which each server was judged by itself: a member that another
server of its cluster lists is not missing; one that none lists is missing once; where a server
was not read, that is not known. One that has gone to another server is not stale where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.counting import counted
from .expectations import Role
from .findings import Kind, Severity, named
from .listing import Listing

Hosts = Mapping[str, dict[str, Any]]
Row = Mapping[str, Any]


def judge_as_one(hosts: Hosts) -> None:
    """Change, in place, what the audits say of members and minima of clusters."""
    lists, told = _Lists(hosts), _Told()
    for place, rows in _missed(hosts).items():
        _judge_missing(lists, told, place[0], rows)
    for (group, minimum, _servers), servers in _short(hosts).items():
        _judge_minimum(lists, told, group, minimum, servers)
    _judge_stale(hosts, lists, told)
    told.apply(hosts)


class _Lists:
    """The lists of the hosts that were read."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._views = {(n, view["name"]): view for n, h in hosts.items() for view in h["groups"]}
        self._listings: dict[tuple[str, str], Listing] = {}

    def split(self, servers: Iterable[str]) -> tuple[list[str], list[str]]:
        """(those that were read, those that were not)."""
        read = [s for s in servers if self._is_read(s)]
        return read, [s for s in servers if s not in read]

    def members(self, server: str, group: str) -> list[dict[str, Any]]:
        view = self._views.get((server, group))
        return view["members"] if view else []

    def listing(self, server: str, group: str) -> Listing:
        key = (server, group)
        if key not in self._listings:
            self._listings[key] = Listing(self.members(server, group))
        return self._listings[key]

    def teller(self, holders: Iterable[str], servers: Sequence[str], group: str) -> str:
        """Which of those that say something says it for all: the first that showed a list."""
        return min(holders, key=lambda name: (self._rank(name, group), servers.index(name)))

    def severity(self, server: str, group: str) -> Severity:
        # A list that a commit has just emptied cannot be judged yet.
        settling = self._views[server, group].get("settling")
        return Severity.WARNING if settling else Severity.ERROR

    def _is_read(self, server: str) -> bool:
        return server in self._hosts and self._hosts[server].get("state") == "read"

    def _rank(self, server: str, group: str) -> int:
        showed = self._views[server, group].get("list_shows") is not None
        return 2 - self._is_read(server) - (self._is_read(server) and showed)


class _Told:
    """What becomes of rows and findings, by whose they are; None: it goes."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], str | None] = {}
        self._findings: dict[tuple[str, str, str, str], dict[str, str] | None] = {}

    def row(self, host: str, row: Row, state: str | None) -> None:
        self._rows[host, id(row)] = state

    def finding(
        self, host: str, group: str, kind: Kind, member: str, now: tuple[Severity, str] | None
    ) -> None:
        new = None if now is None else {"severity": now[0].value, "why": now[1]}
        self._findings[host, group, kind.value, member] = new

    def apply(self, hosts: Hosts) -> None:
        for name, host in hosts.items():
            host["findings"] = list(self._kept_findings(name, host["findings"]))
            for group in host["groups"]:
                group["absent"] = list(self._kept_rows(name, group.get("absent") or []))

    def _kept_findings(self, name: str, findings: Iterable[Row]) -> Iterator[Row]:
        for finding in findings:
            key = (name, finding["group"], finding["kind"], finding["member"])
            new = self._findings.get(key, {})
            if new is not None:
                yield {**finding, **new}

    def _kept_rows(self, name: str, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            state = self._rows.get((name, id(row)), row.get("state") or "missing")
            if state is not None:
                yield {**row, "state": state}


def _is_one_of(name: str, servers: Sequence[str]) -> bool:
    """Whether a host is a cluster's: several servers that are judged as one."""
    return len(servers) > 1 and name in servers


_Key = tuple[Any, ...]


def _missed(hosts: Hosts) -> dict[_Key, dict[str, Row]]:
    """Who of a cluster's members is in no list, as (group, who, servers): host to its row."""
    found: dict[_Key, dict[str, Row]] = {}
    for name, host in hosts.items():
        for group in host["groups"]:
            for row in group.get("absent") or ():
                servers = row.get("hosts") or ()
                if _is_one_of(name, servers):
                    found.setdefault((group["name"], _who(row), frozenset(servers)), {})[name] = row
    return found


def _who(row: Row) -> tuple[Any, Any, Any]:
    return row.get("gateway"), row.get("address"), row.get("role")


def _judge_missing(lists: _Lists, told: _Told, group: str, rows: Mapping[str, Row]) -> None:
    row = next(iter(rows.values()))
    read, unread = lists.split(row["hosts"])
    # One that misses it has not seen it, whoever else came in by its gateway there.
    others = (server for server in read if server not in rows)
    found = any(lists.listing(server, group).found(*_who(row)) for server in others)
    teller = None if found else lists.teller(rows, row["hosts"], group)
    for name, one in rows.items():
        told.row(name, one, None)
        told.finding(name, group, Kind.MISSING, named(one), None)
    if teller is not None:
        told.row(teller, rows[teller], "unknown" if unread else "missing")
        severity = lists.severity(teller, group)
        now = _why_missing(row, severity, unread)
        told.finding(teller, group, Kind.MISSING, named(row), now)


def _why_missing(row: Row, severity: Severity, unread: Sequence[str]) -> tuple[Severity, str]:
    why = f"none of {', '.join(row['hosts'])} lists it"
    if unread:
        severity = Severity.WARNING
        why = f"{', '.join(unread)} could not be asked, and may list it"
    return Severity.INFO if row.get("role") == Role.DYNAMIC.value else severity, why


def _short(hosts: Hosts) -> dict[_Key, dict[str, Sequence[str]]]:
    """Who lists too few, as (group, minimum, servers): host to the servers of its cluster."""
    found: dict[_Key, dict[str, Sequence[str]]] = {}
    for name, host in hosts.items():
        short = {f["group"] for f in host["findings"] if f["kind"] == Kind.BELOW_MINIMUM.value}
        for group in host["groups"]:
            servers = group.get("hosts") or ()
            minimum = group.get("min_members")
            if group["name"] in short and minimum is not None and _is_one_of(name, servers):
                key = (group["name"], minimum, frozenset(servers))
                found.setdefault(key, {})[name] = servers
    return found


def _judge_minimum(
    lists: _Lists, told: _Told, group: str, minimum: int, holders: Mapping[str, Sequence[str]]
) -> None:
    servers = next(iter(holders.values()))
    read, unread = lists.split(servers)
    # As each server's own minimum has it: what is no address is nobody who can be told apart.
    listed = (m for server in read for m in lists.members(server, group))
    addresses = {m.get("address") for m in listed if m.get("state") != "malformed"}
    for name in holders:
        told.finding(name, group, Kind.BELOW_MINIMUM, "", None)
    if len(addresses) >= minimum:
        return
    teller = lists.teller(holders, servers, group)
    why = (
        f"{counted(len(addresses), 'member')} listed by {', '.join(read)} together, "
        f"at least {minimum} expected"
    )
    why += f"; {', '.join(unread)} could not be asked" if unread else ""
    severity = Severity.WARNING if unread else lists.severity(teller, group)
    told.finding(teller, group, Kind.BELOW_MINIMUM, "", (severity, why))


def _judge_stale(hosts: Hosts, lists: _Lists, told: _Told) -> None:
    """Who has gone to another server of its cluster was heard of there."""
    for name, host in hosts.items():
        for group in host["groups"]:
            read, _unread = lists.split(group.get("hosts") or ())
            for member in [m for m in group["members"] if m.get("state") == "stale"]:
                if any(_is_fresh(m, member) for s in read for m in lists.members(s, group["name"])):
                    member["state"] = "listed"
                    told.finding(name, group["name"], Kind.STALE, named(member), None)


def _is_fresh(listed: Row, member: Row) -> bool:
    """Whether a server has heard of a stale member lately, as far as it tells."""
    lately = listed.get("state") in ("listed", "unacknowledged") and listed.get("age") is not None
    return lately and listed.get("address") == member.get("address")
