# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.membership_report``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..plugin_utils.audit import files, fleet, screen, timeline
from ..plugin_utils.audit import options as audit_options
from .on_device import DeviceAction


class ActionModule(DeviceAction):
    """Write the audits of a fleet as JSON, CSV, JUnit XML, metrics and a page."""

    options = audit_options.membership_report()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        directory = Path(options["directory"])
        if self._task.check_mode:
            return self._report(options, directory)
        with files.alone(directory):
            return self._report(options, directory)

    def _report(self, options: dict[str, Any], directory: Path) -> dict[str, Any]:
        there = files.replaced(directory)
        earlier, findings = files.read_history(map(Path, options["history"]))
        document = fleet.document(
            fleet.of_run(fleet.plain(options["audits"]), options["run"]),
            options["title"],
            [files.read_dated(Path(path)) for path in options["merge"]],
            pending=options["pending"],
            findings=[*findings, *timeline.still_to_come(earlier, time.time())],
            replaced=there if options["pending"] else None,
        )
        document["run"] = options["run"]
        document["history"] = timeline.timeline([*earlier, document], document["made_at"])
        template = options["template"]
        contents = files.files(document, None if template is None else Path(template))
        late = there is not None and fleet.is_later(there, document)
        changed = [] if self._task.check_mode or late else files.write(directory, contents)
        return {
            "changed": bool(changed),
            "files": [str(directory / name) for name in contents],
            "summary": document["summary"],
            "worst": document["worst"],
            "verdict": screen.verdict(document, options["fail_at"], directory),
            "screen": screen.screen(document, directory),
        }
