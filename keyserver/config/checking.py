# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values and names of a load in the form in which Junos shows them, or refused."""

from __future__ import annotations

from .edit import Edit
from .load_report import LoadReport
from .schema import KEY_SEPARATOR, Key, Statement, value_follows
from .tree import Tree
from .values import InvalidValue, ValueCheck, is_showable, showable, wildcard

_GROUPS, _PROFILES = "groups", "dynamic-profiles"


class Checking:
    """Checks what stands at the end of a report's way, and reports what it refuses."""

    def __init__(self, report: LoadReport) -> None:
        self._report = report

    def keys_of(self, edit: Edit) -> bool:
        """Put an entry's keys into the form in which Junos shows them."""
        if edit.pattern:
            return True
        shown: list[str] = []
        values = (edit.key or "").split(KEY_SEPARATOR)
        if len(values) > len(edit.statement.keys):
            self._report.object(edit.statement.shown, "invalid character 0x1f", line=edit.line)
            return False
        for key, value in zip(edit.statement.keys, values, strict=False):
            known = self._shown_key(key, value, shown, edit)
            if known is None:
                return False
            shown.append(known)
        edit.key = KEY_SEPARATOR.join(shown)
        return True

    def _shown_key(self, key: Key, value: str, before: list[str], edit: Edit) -> str | None:
        """One key as Junos shows it; None for one that is refused."""
        if key.optional and not self._in_its_place(key, value, before, edit):
            return None
        if (key.optional and not value) or self._may_stand_for_others(value):
            return value
        checked = self.value(key.check, value, edit, key.name)
        return None if checked is None or self._is_no_name(checked, edit, key.name) else checked

    def _in_its_place(self, key: Key, value: str, before: list[str], edit: Edit) -> bool:
        """False after noting a value that no word takes, or a word without the value it takes."""
        fits = bool(value) is value_follows(key, before)
        if not fits:
            why = "syntax error" if value else "missing argument."
            self._report.object(value or key.name, why, line=edit.line)
        return fits

    def _is_no_name(self, text: str, edit: Edit, name: str) -> bool:
        """True after noting that an entry could not be shown by this name."""
        if not text.strip():
            self._report.object(name, "missing argument.", line=edit.line)
        return not text.strip()

    def value(self, check: ValueCheck | None, text: str, edit: Edit, name: str) -> str | None:
        """The value as Junos shows it, or None after noting why it is refused."""
        try:
            showable(text)
            return text if check is None or self._is_variable(text) else check(text)
        except InvalidValue as refusal:
            message = str(refusal)
            bad = text if message == "syntax error" else name
            shown = "<secret>" if edit.statement.is_secret else bad
            self._report.object(shown, message, line=edit.line)
            return None

    def _may_stand_for_others(self, text: str) -> bool:
        """Whether a name is a wildcard or variable in a configuration group, and can be shown."""
        in_group = bool(self._report.way) and self._report.way[0].statement.name == _GROUPS
        return in_group and wildcard(text) and is_showable(text)

    def _is_variable(self, text: str) -> bool:
        """Whether it stands for what a subscriber brings: ``$junos-interface-unit``."""
        in_profile = any(step.statement.name == _PROFILES for step in self._report.way[:2])
        return in_profile and text.startswith("$") and wildcard(text)

    def same(self, tree: Tree, edit: Edit) -> bool:
        """True when a leaf has the value that is to be deleted."""
        held = tree.get(edit.statement.name)
        try:
            return held in (edit.values[0], check_value(edit.statement, edit.values[0]))
        except InvalidValue:
            return False


def check_value(statement: Statement, text: str) -> str:
    """A leaf's value as Junos shows it. Raises InvalidValue."""
    return statement.check(showable(text)) if statement.check is not None else showable(text)
