# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who should be in a group: expectations from inventory variables, CSV or YAML files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from ..errors import Refused
from ..members.addresses import canonical_address

LARGEST_FILE = 64 * 1024 * 1024
_COLUMNS = ("group", "gateway", "address", "role", "min_members")
_GROUP_KEYS = {"group", "members", "min_members", "role"}
_MEMBER_KEYS = {"gateway", "address", "role"}


class Role(Enum):
    """Whether a member is always there, or a dynamic peer such as a home office."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class ExpectedMember:
    """One member that should be there: by address, by gateway, or by both."""

    gateway: str | None
    address: str | None
    role: Role

    def __str__(self) -> str:
        return " ".join(part for part in (self.gateway, self.address) if part)


@dataclass
class ExpectedGroup:
    """What is expected of one group."""

    name: str
    members: list[ExpectedMember] = field(default_factory=list)
    min_members: int | None = None


Expectations = dict[str, ExpectedGroup]


def read_expected(raw: Any, where: str = "expected") -> Expectations:
    """Expectations from data. Raises Refused with every objection.

    Taken: a mapping of group name to members, or to a mapping with ``members`` and
    ``min_members``; a list of entries with ``group`` and ``members``; flat rows with ``group``
    and one ``address`` or ``gateway``. A member is a mapping, or a string that is one of the two.
    """
    found: Expectations = {}
    objections: list[str] = []
    for place, group, entry in _entries(raw, where, objections):
        _take_group(found, place, group, entry, objections)
    objections += _contradictions(found, where)
    if objections:
        raise Refused(objections)
    return found


def _entries(
    raw: Any, where: str, objections: list[str]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if isinstance(raw, Mapping):
        for name, value in raw.items():
            entry = value if isinstance(value, Mapping) else {"members": value}
            yield f"{where}.{name}", str(name), entry
        return
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        objections.append(f"{where}: a list of groups or a mapping of them is expected")
        return
    for number, entry in enumerate(raw):
        place = f"{where}[{number}]"
        if not isinstance(entry, Mapping):
            objections.append(f"{place}: a mapping with 'group' is expected, not {entry!r}")
        elif not entry.get("group"):
            objections.append(f"{place}: 'group' is missing")
        else:
            yield place, str(entry["group"]), entry


def _take_group(
    found: Expectations,
    place: str,
    name: str,
    entry: Mapping[str, Any],
    objections: list[str],
) -> None:
    group = found.setdefault(name, ExpectedGroup(name))
    minimum = entry.get("min_members")
    if minimum not in (None, ""):
        number = _whole_number(minimum)
        if number is None:
            objections.append(f"{place}: min_members {minimum!r} is no number from 0 up")
        elif group.min_members is not None and group.min_members != number:
            objections.append(
                f"{place}: min_members {number} contradicts {group.min_members} for group {name}"
            )
        else:
            group.min_members = number
    members = entry.get("members")
    if members is None:
        members = [entry] if _MEMBER_KEYS & {k for k, v in entry.items() if v} - {"role"} else []
        allowed = _GROUP_KEYS | _MEMBER_KEYS
    else:
        allowed = _GROUP_KEYS
    unknown = sorted(set(map(str, entry)) - allowed)
    if unknown:
        objections.append(f"{place}: unknown key {unknown[0]!r}; known are {sorted(allowed)}")
    if isinstance(members, (str, Mapping)) or not isinstance(members, Iterable):
        objections.append(f"{place}: members is a list")
        return
    default = entry.get("role")
    for number, member in enumerate(members):
        inner = place if member is entry else f"{place}.members[{number}]"
        taken = _member(inner, member, default, objections, flat=member is entry)
        if taken is not None:
            group.members.append(taken)


def _whole_number(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdigit() and len(text) < 10 and value is not True else None


def _member(
    place: str, member: Any, default: Any, objections: list[str], flat: bool
) -> ExpectedMember | None:
    if isinstance(member, Mapping):
        unknown = sorted(set(map(str, member)) - _MEMBER_KEYS)
        if unknown and not flat:
            objections.append(f"{place}: unknown key {unknown[0]!r}")
            return None
        gateway, address = member.get("gateway"), member.get("address")
        role = member.get("role") or default
    elif isinstance(member, str) and member.strip():
        plain = canonical_address(member.strip())
        gateway, address, role = (None, plain, default) if plain else (member, None, default)
    else:
        objections.append(f"{place}: a mapping or a string is expected, not {member!r}")
        return None
    gateway = str(gateway).strip() if gateway not in (None, "") else None
    text = str(address).strip() if address not in (None, "") else None
    if gateway is None and text is None:
        objections.append(f"{place}: neither 'address' nor 'gateway'")
        return None
    canonical = canonical_address(text) if text is not None else None
    if text is not None and canonical is None:
        objections.append(f"{place}: {text!r} is no IPv4 or IPv6 address")
        return None
    known = {one.value for one in Role}
    if role not in (None, "") and str(role) not in known:
        objections.append(f"{place}: role {role!r} is neither static nor dynamic")
        return None
    return ExpectedMember(gateway, canonical, Role(str(role)) if role else Role.STATIC)


def _contradictions(found: Expectations, where: str) -> Iterator[str]:
    for group in found.values():
        seen: dict[str, ExpectedMember] = {}
        for member in group.members:
            if member.address is None:
                continue
            earlier = seen.setdefault(member.address, member)
            if earlier is member:
                continue
            if earlier == member:
                yield f"{where}: group {group.name}: {member} is expected twice"
            else:
                yield (
                    f"{where}: group {group.name}: {member.address} is expected as {earlier} "
                    f"({earlier.role.value}) and as {member} ({member.role.value})"
                )


def read_expected_file(path: Path) -> Expectations:
    """Expectations from a CSV file (by its suffix) or a YAML or JSON file. Raises Refused."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refused([f"{path}: larger than {LARGEST_FILE} octets"])
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Refused([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise Refused([f"{path}: not UTF-8 (octet {error.start}); save it as UTF-8"]) from None
    if path.suffix.lower() == ".csv":
        return read_expected(_rows(path, text), str(path))
    try:
        return read_expected(yaml.safe_load(text), str(path))
    except yaml.YAMLError as error:
        raise Refused([f"{path}: {' '.join(str(error).split())}"]) from None


def _rows(path: Path, text: str) -> list[dict[str, str]]:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        unknown = [name for name in columns if name not in _COLUMNS]
        if "group" not in columns or unknown or not {"gateway", "address"} & set(columns):
            raise Refused(
                [
                    f"{path}: columns {', '.join(columns) or 'none'}; "
                    f"'group' and 'gateway' or 'address' are needed, known are "
                    f"{', '.join(_COLUMNS)}"
                ]
            )
        reader.fieldnames = columns
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise Refused([f"{path}: line {reader.line_num}: {len(columns)} columns expected"])
            if any(value.strip() for value in row.values()):
                rows.append({key: value.strip() for key, value in row.items() if value.strip()})
    except csv.Error as error:
        raise Refused([f"{path}: line {reader.line_num}: {error}"]) from None
    return rows
