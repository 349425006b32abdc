# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.membership_audit``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..plugin_utils.audit import drift, expectations, report
from ..plugin_utils.audit import judgement as core
from ..plugin_utils.audit import options as audit_options
from ..plugin_utils.errors import Refused
from ..plugin_utils.members import read as members_info
from . import DeviceAction


class ActionModule(DeviceAction):
    """Compare registered members with who should be there."""

    options = audit_options.membership_audit()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        expected = _expected(options)
        earlier = self._earlier(options["previous"])
        now = time.time() if options["now"] is None else options["now"]
        groups, configured_ago = options["groups"], options["configured_ago"]
        if groups is None:
            rpc = self.device()
            groups = members_info.read(rpc, detail=True)["groups"]
            if configured_ago is None:
                committed = members_info.configured_at(rpc)
                configured_ago = None if committed is None else max(0.0, now - committed)
        result = core.audit(
            groups,
            expected,
            core.Options(now, options["stale_after"], options["settle_seconds"], configured_ago),
        )
        changes = None if earlier is None else drift.drift(earlier, result["groups"])
        return {"changed": False, **result, "drift": changes}

    def _earlier(self, previous: Any) -> list[Any] | None:
        """Groups of an earlier audit: a result, or this host's part of an audit.json."""
        if previous in (None, ""):
            return None
        if isinstance(previous, str):
            document = report.read_document(Path(previous))
            host = self._task_vars.get("inventory_hostname", "")
            previous = document["hosts"].get(host, {})
            if previous.get("unreachable"):
                return None
            previous = previous or {"groups": []}
        groups = previous.get("groups") if isinstance(previous, Mapping) else None
        if not isinstance(groups, list):
            raise Refused(["previous: neither an earlier result of this module nor an audit.json"])
        plain: list[Any] = json.loads(json.dumps(groups))
        return plain


def _expected(options: dict[str, Any]) -> expectations.Expectations:
    if options["expected_file"] is not None:
        return expectations.read_expected_file(Path(options["expected_file"]))
    if options["expected"] is None:
        return {}
    return expectations.read_expected(options["expected"])
