# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One mapping of a lab file, and messages that say where something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from .specs import LabError

_SECRETS = ("password", "psk")
"""A message may end up in a log."""


class Section:
    """One mapping of the file, with error messages that say where."""

    def __init__(self, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise LabError(f"{where}: a mapping is expected")
        self.where = where
        self._left = dict(value)
        self._known: list[str] = []

    def take(self, key: str, convert: Callable[[Any], Any], default: Any = None) -> Any:
        """A key's value, or the default."""
        self._known.append(key)
        if key not in self._left or self._left[key] is None:
            self._left.pop(key, None)
            return default
        value = self._left.pop(key)
        try:
            return convert(value)
        except LabError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            shown = "its value" if key in _SECRETS else repr(value)
            why = _expected(convert, error)
            raise LabError(f"{self.where}: {key}: {shown} is not accepted ({why})") from None

    def need(self, key: str, convert: Callable[[Any], Any]) -> Any:
        """A key's value; it must be there."""
        if self._left.get(key) is None:
            raise LabError(f"{self.where}: {key} is missing; give it")
        return self.take(key, convert)

    def done(self) -> None:
        """Nothing else may stand in it."""
        for key in self._left:
            known = ", ".join(sorted(self._known))
            raise LabError(f"{self.where}: unknown key {key!r}; known are {known}")


def _expected(convert: Callable[[Any], Any], error: Exception) -> str:
    """What is expected, where there is a choice; else what was wrong."""
    if isinstance(convert, type) and issubclass(convert, Enum):
        return f"{' or '.join(str(one.value) for one in convert)} is expected"
    return str(error)


def items(where: str, value: Any) -> list[Any]:
    """The entries of a list, which may be left out."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise LabError(f"{where}: a list is expected")
    return value
