# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugin of ``groupvpn.junos.membership_report``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..plugin_utils.audit import options as audit_options
from ..plugin_utils.audit import report
from . import DeviceAction


class ActionModule(DeviceAction):
    """Write the audits of a fleet as JSON, CSV, JUnit XML and a page."""

    options = audit_options.membership_report()

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        document = report.document(
            report.plain(options["audits"]),
            options["title"],
            [report.read_document(Path(path)) for path in options["merge"]],
            pending=options["pending"],
        )
        directory = Path(options["directory"])
        template = options["template"]
        files = report.files(document, None if template is None else Path(template))
        changed = [] if self._task.check_mode else report.write(directory, files)
        return {
            "changed": bool(changed),
            "files": [str(directory / name) for name in files],
            "summary": document["summary"],
            "worst": document["worst"],
            "verdict": report.verdict(document, options["fail_at"], directory),
            "screen": report.screen(document, directory),
        }
