# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expectations for a fleet that exists: from its configured gateways and its lists, to be reviewed.

A gateway that is configured is expected, whether a member came in by it or not. Who is listed
without that is not expected: somebody has to look at him.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Refused, legible
from ..members.addresses import canonical_address
from ..members.gate import fullest
from .expectations import Role, hosts_of, told_hosts
from .findings import named
from .judgement import checked
from .sheets import written

_COLUMNS = ("host", "group", "gateway", "address", "role", "seen")
REGISTERED, ABSENT = "registered", "configured, not registered"


@dataclass(frozen=True)
class _Server:
    """One group's list on one host."""

    host: str
    group: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """Servers with the same key are judged together."""
        return (str(self.group["name"]), "" if self.group.get("clustered") else self.host)


def propose(registered: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """``expected``, the same as ``csv``, and ``review``: what somebody should look at.

    ``registered``: host to what ``registered_members_info`` returned there. Raises Refused.
    """
    together: dict[tuple[str, str], list[_Server]] = {}
    review: list[str] = []
    for server in _servers(registered, review):
        together.setdefault(server.key, []).append(server)
    rows = [row for servers in together.values() for row in _rows(servers, review)]
    return {
        "expected": _by_group(rows),
        "csv": _as_csv(rows),
        "review": [legible(line) for line in review],
    }


def _servers(registered: Mapping[str, Mapping[str, Any]], review: list[str]) -> Iterator[_Server]:
    for host, result in registered.items():
        if not isinstance(result.get("groups"), Sequence):
            why = result.get("msg") or "no list was read"
            review.append(f"{host}: not in these expectations: {why}")
            continue
        if host not in result.get("asked", (host,)):
            other = ", ".join(result["asked"])
            review.append(f"{host}: not in these expectations: {other} was asked in its place")
            continue
        # Who is configured in a group without a list is not in the result.
        review += [
            f"{host}: {line.removeprefix(f'{host}: ')}" for line in result.get("warnings", ())
        ]
        for group in fullest(_checked(host, result["groups"])).values():
            yield _Server(host, group)


def _checked(host: str, groups: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Groups as they are read of a device, with their gateways. Raises Refused."""
    try:
        found = list(checked(groups))
    except Refused as error:
        raise Refused([f"{host}: {line}" for line in error.objections]) from None
    for group in found:
        gateways = group.get("gateways")
        if not isinstance(gateways, Sequence) or not all(map(_is_gateway, gateways)):
            raise Refused(
                [
                    f"{host}: group {group['name']} without its configured gateways; give what "
                    "registered_members_info returned"
                ]
            )
    return found


def _is_gateway(one: Any) -> bool:
    return isinstance(one, Mapping) and one.keys() >= {"name", "address"}


def _rows(servers: Sequence[_Server], review: list[str]) -> Iterator[dict[str, str]]:
    hosts = " ".join(server.host for server in servers)
    name = str(servers[0].group["name"])
    listed = [m for server in servers for m in server.group["members"]]
    gateways = {g["name"]: g["address"] for s in servers for g in s.group["gateways"]}
    if not gateways:
        review.append(f"{hosts} {name}: it has no gateway: nobody is expected")
    for gateway, address in _one_for_each(gateways, listed, f"{hosts} {name}", review):
        there = [m for m in listed if m.get("gateway") == gateway]
        row = {
            "host": told_hosts(server.host for server in servers),
            "group": name,
            "gateway": gateway,
            "address": canonical_address(address or "") or "",
            "role": (Role.STATIC if address else Role.DYNAMIC).value,
            "seen": REGISTERED if there else ABSENT,
        }
        yield row
        review += _doubts(f"{hosts} {name}", row, there)
    for member in listed:
        if member.get("gateway") not in gateways:
            review.append(
                f"{hosts} {name}: {named(member)} is registered and its gateway is not configured: "
                "not expected"
            )


def _one_for_each(
    gateways: Mapping[str, str | None],
    listed: Iterable[Mapping[str, Any]],
    where: str,
    review: list[str],
) -> Iterator[tuple[str, str | None]]:
    """The gateways; of several at one address only the one by which its member came in.

    Expected is who has an address, and that once.
    """
    by_address: dict[str, list[str]] = {}
    for gateway, address in gateways.items():
        by_address.setdefault(canonical_address(address or "") or f"peer {gateway}", []).append(
            gateway
        )
    used = {member.get("gateway") for member in listed}
    for address, names in by_address.items():
        chosen = next((name for name in names if name in used), names[0])
        if len(names) > 1:
            several = ", ".join(names)
            review.append(f"{where}: {address} is configured as {several}: {chosen} is expected")
        yield chosen, gateways[chosen]


def _doubts(
    where: str, row: Mapping[str, str], there: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    if row["seen"] == ABSENT:
        dynamic = "" if row["role"] == Role.STATIC.value else ", a dynamic peer,"
        yield f"{where}: {named(row)}{dynamic} is configured and not registered: is it still there?"
    for member in there:
        if row["address"] and member.get("address") != row["address"]:
            yield (
                f"{where}: {row['gateway']} is configured as {row['address']} and registered from "
                f"{member.get('address')}: which is right?"
            )


def _by_group(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    told = ("gateway", "address", "role", "seen")
    for row in rows:
        hosts = hosts_of(row["host"])
        entry = groups.setdefault(
            (row["host"], row["group"]),
            {
                "host": row["host"] if hosts == (row["host"],) else list(hosts),
                "group": row["group"],
                "members": [],
            },
        )
        entry["members"].append({name: row[name] for name in told if row[name]})
    return list(groups.values())


def _as_csv(rows: Sequence[Mapping[str, str]]) -> str:
    return written(_COLUMNS, ([row[name] for name in _COLUMNS] for row in rows))
