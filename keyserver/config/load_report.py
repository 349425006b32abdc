# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a load has refused, and where in the configuration it is."""

from __future__ import annotations

from .edit import Edit, LoadError, Severity, edit_path


class LoadReport:
    """``way``: the edits that lead to where the load is; ``refused``: how many are errors."""

    def __init__(self, *way: Edit) -> None:
        self.way: list[Edit] = [*way]
        self.problems: list[LoadError] = []
        self.refused = 0
        self._stays: set[str] = set()

    def object(
        self,
        bad_element: str,
        message: str,
        *,
        tag: str = "operation-failed",
        severity: Severity = Severity.ERROR,
        line: int | None = None,
    ) -> None:
        """Note a complaint about something at the end of the way."""
        where = edit_path([word for edit in self.way for word in edit.words])
        self.problems.append(LoadError(where, bad_element, message, severity, tag, line))
        self.refused += severity is Severity.ERROR

    def missing(self, edit: Edit) -> None:
        """What is to be taken away or marked is not there."""
        words = " ".join([*edit.words, *edit.values])
        self.object(
            words,
            "statement not found",
            severity=Severity.WARNING,
            tag="data-missing",
            line=edit.line,
        )

    def protected(self, edit: Edit, verb: str) -> None:
        """What is protected cannot be ``verb``."""
        words = " ".join([word for step in (*self.way, edit) for word in step.words])
        self.object(
            " ".join(edit.words),
            f"[{words}] is protected, '{words}' cannot be {verb}",
            line=edit.line,
        )

    def stays(self, protected: list[list[str]], *inside: Edit) -> None:
        """These stay where all around them goes; each is told of once."""
        way = [word for step in (*self.way, *inside) for word in step.words]
        for words in protected:
            shown = " ".join(way + words)
            if shown in self._stays:
                continue
            self._stays.add(shown)
            self.object(
                " ".join(words),
                f"[{shown}] is protected, '{shown}' cannot be deleted",
                severity=Severity.WARNING,
            )

    def add(self, other: LoadReport) -> None:
        """What another load has refused at the same place."""
        self.problems += other.problems
        self.refused += other.refused
