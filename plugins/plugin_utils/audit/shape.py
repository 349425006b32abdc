# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What data must be: the words in which tables say it. A field that is not there is None."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Check = Callable[[Any], bool]
_LARGEST = 2**63


def is_writable(text: str) -> bool:
    """Whether a text can be written to a file: half a character (a surrogate) cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def is_text(value: Any) -> bool:
    """A text that can be written to a file."""
    return isinstance(value, str) and is_writable(value)


def is_name(value: Any) -> bool:
    """A text that is not empty."""
    return is_text(value) and bool(value)


def is_number(value: Any) -> bool:
    """A number that a file of any kind can hold."""
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    return kind and -_LARGEST < value < _LARGEST


def is_whole_number(value: Any) -> bool:
    """A number that may be below 0."""
    return isinstance(value, int) and is_number(value)


def is_count(value: Any) -> bool:
    """A number from 0 up."""
    return is_whole_number(value) and value >= 0


def one_of(values: Iterable[str]) -> Check:
    """One of a few words."""
    return list(values).__contains__


def if_any(check: Check) -> Check:
    """What may be missing."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """A list."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def is_names(value: Any) -> bool:
    """A list of texts."""
    return isinstance(value, list) and all(map(is_text, value))


def is_texts(value: Any) -> bool:
    """A mapping of texts to texts."""
    return isinstance(value, dict) and all(map(is_text, (*value, *value.values())))


def record(fields: Mapping[str, Check]) -> Check:
    """A mapping with fields, all of which are looked at."""
    return lambda value: (
        isinstance(value, dict) and all(check(value.get(name)) for name, check in fields.items())
    )


def each(check: Check, *names: str) -> dict[str, Check]:
    """Fields that are alike."""
    return dict.fromkeys(names, check)


WORDS: Mapping[Check, str] = {
    is_text: "a text",
    is_number: "a number",
    is_whole_number: "a whole number",
    is_count: "a number from 0 up",
    is_texts: "a mapping of texts",
    is_names: "a list of names",
}
"""What is asked for where a check fails."""
