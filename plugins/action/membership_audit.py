# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.membership_audit``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.playbook.task_include import TaskInclude

from ..plugin_utils.audit import drift, expectations, files, fleet
from ..plugin_utils.audit import judgement as core
from ..plugin_utils.audit import options as audit_options
from ..plugin_utils.audit.findings import Kind, Severity, not_compared
from ..plugin_utils.audit.group_audit import Options
from ..plugin_utils.errors import Refused
from ..plugin_utils.members import read as members_info
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Compare registered members with who should be there."""

    options = audit_options.membership_audit()
    _expected: expectations.Expectations | None = None
    _unlooked: Sequence[str] = ()

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """As every action; a failure says who would have been looked for, and who is not."""
        result = super().run(tmp, task_vars)
        result["run"], result["order"] = _inclusion(self._task), _order(self._task.play)
        result["asked"] = self._asked
        unlooked = [f"{self._host}: {line}" for line in self._unlooked]
        result["warnings"] = [*unlooked, *result.get("warnings", [])]
        if self._expected and (result.get("failed") or result.get("unreachable")):
            wanted = self._expected.values()
            result["expected_groups"] = [core.unseen_group(group, "unknown") for group in wanted]
        return result

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        self._expected = self._read_expected(options)
        objections = audit_options.objections(options)
        if objections:
            raise Refused(objections)
        now = time.time() if options["now"] is None else options["now"]
        self._unlooked = self._strangers(options)
        groups, configured_ago, warnings = self._listed(options, now)
        result = core.audit(
            groups,
            self._expected,
            Options(now, options["stale_after"], options["settle_seconds"], configured_ago),
        )
        result["drift"] = None
        if options["previous"] not in (None, ""):
            _tell_drift(result, options["previous"], self._host)
        warnings += _compared_with_nobody(result["groups"])
        return {"changed": False, "warnings": warnings, **result}

    def _listed(self, options: dict[str, Any], now: float) -> tuple[Any, float | None, list[str]]:
        """The groups to judge, how long ago they were configured, and what to know of both."""
        groups, ago = options["groups"], options["configured_ago"]
        if groups is not None:
            return groups, ago, []
        rpc = self.device()
        read = members_info.read(rpc, detail=True)
        if ago is None:
            committed = members_info.configured_at(rpc)
            ago = None if committed is None else now - committed
        return read["groups"], ago, read["warnings"]

    def _read_expected(self, options: dict[str, Any]) -> expectations.Expectations:
        if options["expected_file"] is not None:
            path = Path(options["expected_file"])
            return expectations.read_expected_file(path, self._host)
        return expectations.read_expected(options["expected"] or {}, host=self._host)

    def _strangers(self, options: dict[str, Any]) -> list[str]:
        """Hosts that expectations name and nobody knows: one that is still in the play looks."""
        first = self._task_vars.get("ansible_play_hosts", [])[:1]
        if self._task_vars.get("inventory_hostname") not in first:
            return []
        file = options["expected_file"]
        raw = options["expected"] or {} if file is None else expectations.load(Path(file))
        known = set(self._task_vars.get("groups", {}).get("all", []))
        unknown = sorted(expectations.hosts_named(raw, known) - known, key=fleet.natural)
        return [
            f"expectations name the host {name}, which the inventory does not have: nobody looks "
            "for its members"
            for name in unknown
        ]

    @property
    def _host(self) -> str:
        # A list that is given is the host's own, wherever it is judged.
        if self._task.args.get("groups") is not None:
            return str(self._task_vars.get("inventory_hostname", ""))
        return super()._host


def _inclusion(task: Any) -> str:
    """What tells one use of a role, or one play, from another, whatever the batch and the host."""
    parent = task._parent
    while parent is not None and not isinstance(parent, TaskInclude):
        parent = getattr(parent, "_parent", None)
    return str((parent or task.play)._uuid)


def _compared_with_nobody(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    names = ", ".join(str(group["name"]) for group in not_compared(groups))
    if not names:
        return []
    return [f"nothing is expected of {names}: who is listed there was compared with nobody"]


_ORDERED = ("linear", "debug")


def _order(play: Any) -> str:
    """The order of a play's hosts; ``none`` where each has its turn when it comes to it."""
    ordered = play.order != "shuffle" and play.strategy.rpartition(".")[2] in _ORDERED
    return str(play.order or "inventory") if ordered else "none"


def _tell_drift(result: dict[str, Any], previous: Any, host: str) -> None:
    """Add what changed since an earlier audit; one that cannot be read is a finding."""
    try:
        earlier = _earlier(previous, host)
        if earlier is not None:
            result["drift"] = drift.drift(earlier, result["groups"])
    except Refused as error:
        why = f"the earlier audit cannot be read, so nothing is known of changes since: {error}"
        core.add_finding(result, Kind.PREVIOUS_UNREADABLE, Severity.WARNING, why)


def _earlier(previous: Any, host: str) -> list[Any] | None:
    """Groups of an earlier audit: a result, or a host's part of an audit.json; None without."""
    if isinstance(previous, str):
        document = files.read_document(Path(previous))
        found = fleet.earlier(document, host)
        if found.get("unreachable") or found.get("state", "read") != fleet.State.READ:
            if host in document.get("pending", ()):
                raise Refused([f"{previous}: that audit ended before {host} had its turn"])
            return None
        previous = found
    groups = previous.get("groups") if isinstance(previous, Mapping) else None
    if groups is None:
        raise Refused(["previous: an earlier result of this module, or an audit.json, is expected"])
    plain: list[Any] = json.loads(json.dumps(list(core.checked(groups))))
    return plain
