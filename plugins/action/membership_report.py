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
        )
        directory = Path(options["directory"])
        files = report.files(document, Path(options["template"]))
        changed = [] if self._task.check_mode else report.write(directory, files)
        return {
            "changed": bool(changed),
            "files": [str(directory / name) for name in files],
            "summary": document["summary"],
            "worst": document["worst"],
            "screen": report.screen(document, directory),
        }
