# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit.json that somebody may have damaged must be, so that a report can be made of it.

A field that is not there is None. Fields that no table has are nobody's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .findings import SEVERITIES
from .fleet import State

Check = Callable[[Any], bool]
_LARGEST = 2**63


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    return kind and -_LARGEST < value < _LARGEST


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value) and value >= 0


def _one_of(values: Iterable[str]) -> Check:
    return list(values).__contains__


def _if_any(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _record(fields: Mapping[str, Check]) -> Check:
    return lambda value: (
        isinstance(value, dict) and all(check(value.get(name)) for name, check in fields.items())
    )


def _each(check: Check, *names: str) -> dict[str, Check]:
    return dict.fromkeys(names, check)


_ROW = _record(
    {
        **_each(
            _if_any(_is_text), "gateway", "address", "state", "role", "last_update", "vsys", "node"
        ),
        **_each(
            _if_any(_is_number),
            "age",
            "pull_succeeded",
            "pull_failed",
            "push_sent",
            "push_acknowledged",
            "push_unacknowledged",
            "push_in_flight",
        ),
        "hosts": _if_any(_list(_is_text)),
        "about": _if_any(_texts),
    }
)
_GROUP = _record(
    {
        "name": _is_name,
        "member_count": _is_count,
        "members": _list(_ROW),
        "absent": _if_any(_list(_ROW)),
        "hosts": _if_any(_list(_is_text)),
        **_each(_if_any(_is_count), "expected_count", "min_members"),
        **_each(_if_any(_is_text), "communication", "list_shows", "means"),
    }
)
_FINDING = _record(
    {**_each(_is_text, "group", "member", "kind", "why"), "severity": _one_of(SEVERITIES)}
)
_DRIFT = _record(_each(_is_text, "group", "member", "change", "before", "after"))
_HOST = _record(
    {
        "findings": _list(_FINDING),
        "groups": _list(_GROUP),
        "drift": _if_any(_list(_DRIFT)),
        "state": _if_any(_one_of(State)),
    }
)


def is_whole(document: Mapping[str, Any]) -> bool:
    """Whether a document's hosts, and the names of those whose turn had not come, are all there."""
    hosts, pending = document.get("hosts"), document.get("pending")
    return (
        isinstance(hosts, dict)
        and all(map(_HOST, hosts.values()))
        and _if_any(_list(_is_text))(pending)
    )
