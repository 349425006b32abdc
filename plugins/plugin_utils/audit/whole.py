# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an audit.json that somebody may have damaged must be, so that a report can be made of it.

Fields that no table has are nobody's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import SEVERITIES
from .fleet import State
from .rows import ABOUT, COLUMNS
from .shape import each, if_any, is_count, is_name, is_names, is_text, list_of, one_of, record

_ROW = record({name: if_any(check) for name, check in {**COLUMNS, **ABOUT}.items()})
_GROUP = record(
    {
        "name": is_name,
        "member_count": is_count,
        "members": list_of(_ROW),
        "absent": if_any(list_of(_ROW)),
        "hosts": if_any(is_names),
        **each(if_any(is_count), "expected_count", "min_members"),
        **each(if_any(is_text), "communication", "list_shows", "means"),
    }
)
_FINDING = record(
    {**each(is_text, "group", "member", "kind", "why"), "severity": one_of(SEVERITIES)}
)
_DRIFT = record(each(is_text, "group", "member", "change", "before", "after"))
_HOST = record(
    {
        "findings": list_of(_FINDING),
        "groups": list_of(_GROUP),
        "drift": if_any(list_of(_DRIFT)),
        "state": if_any(one_of(State)),
    }
)


def is_whole(document: Mapping[str, Any]) -> bool:
    """Whether a document's hosts, and the names of those whose turn had not come, are all there."""
    hosts, pending = document.get("hosts"), document.get("pending")
    return isinstance(hosts, dict) and all(map(_HOST, hosts.values())) and if_any(is_names)(pending)
