# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Ansible's own check of a task's options lets pass, or ends on with a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.A)
_DECIMAL = re.compile(r"\s*[+-]?[0-9]{1,18}(?:\.[0-9]{0,18})?\s*", re.A)
_MOST = 10**18


def _is_number(value: Any, written: re.Pattern[str], types: tuple[type, ...]) -> bool:
    if isinstance(value, str):
        return written.fullmatch(value) is not None
    whole = isinstance(value, types) and not isinstance(value, bool)
    return value is None or (whole and -_MOST < value < _MOST)


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def _is_anything(_value: Any) -> bool:
    return True


_Fits = Callable[[Any], bool]
_EXPECTED: Mapping[str, tuple[_Fits, str]] = {
    "int": (partial(_is_number, written=_WHOLE, types=(int,)), "a whole number"),
    "float": (partial(_is_number, written=_DECIMAL, types=(int, float)), "a number"),
    **dict.fromkeys(("str", "path"), (_is_text, "text in quotes")),
}
"""By an option's type: what it may be, and what to call it."""


def value_objections(spec: Mapping[str, Any], given: Any, path: str = "") -> Iterator[str]:
    """Numbers only, finite and written as such, and text that nobody has made anything else of.

    Ansible would take ``yes`` for 1 and ``1e3`` for 1000, ends on ``.inf`` with a traceback, and
    makes text of lists; YAML makes true of a plain yes, and 1.1 of 1.10.
    """
    if not isinstance(given, Mapping):
        return
    for name, about in spec.items():
        value, here = given.get(name), f"{path}{name}"
        yield from (f"{here}: {words}" for words in _unfit(about, value))
        for inside in _inside(value) if "options" in about else ():
            yield from value_objections(about["options"], inside, f"{here}.")


def _unfit(about: Mapping[str, Any], value: Any) -> Iterator[str]:
    fits, words = _EXPECTED.get(_type_of(about), (_is_anything, ""))
    for item in _items(about, value):
        if not fits(item):
            yield f"{'' if about.get('no_log') else f'{_shortly(item)}: '}{words} is expected"


def _type_of(about: Mapping[str, Any]) -> str:
    """The type of an option's values; a secret is text, whatever holds it."""
    secret = about.get("type") == "raw" and about.get("no_log")
    return "str" if secret else str(about.get("elements", about.get("type")))


def _items(about: Mapping[str, Any], value: Any) -> Iterable[Any]:
    if about.get("type") == "raw" and isinstance(value, Mapping):
        return value.values()
    return _inside(value) if about.get("type") == "list" else (value,)


_IN_TEXT = re.compile(r"\s*(?:\{|[^\[{]*=)")
"""How text begins that Ansible makes a dictionary of: JSON, or ``key=value``."""
_NO_TEXT = (
    "a dictionary is expected, and text was given; give it in a file, "
    "as -e name=value makes text of anything"
)


def shape_objections(spec: Mapping[str, Any], given: Any, path: str = "") -> Iterator[str]:
    """A list where one dictionary is expected or the other way round, and entries that are not one.

    Ansible ends on some of them with a traceback. Text of one dictionary is its own business.
    """
    if not isinstance(given, Mapping):
        return
    for name, about in spec.items():
        value, here = given.get(name), f"{path}{name}"
        if "options" not in about or value is None:
            continue
        if isinstance(value, list) and about["type"] == "dict":
            yield f"{here}: a dictionary is expected, and a list was given"
        elif isinstance(value, Mapping) and about["type"] == "list":
            yield f"{here}: a list is expected, and one dictionary was given; begin it with a dash"
        else:
            for inside in _inside(value):
                yield from _no_dictionary(here, inside)
                yield from shape_objections(about["options"], inside, f"{here}.")


def _no_dictionary(here: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and not _IN_TEXT.match(value):
        # Not the text itself: a key may be in it.
        yield f"{here}: {_NO_TEXT}"
    elif not isinstance(value, Mapping | str):
        yield f"{here}: {_shortly(value)}: a dictionary is expected"


def path_objections(spec: Mapping[str, Any], given: Any) -> Iterator[str]:
    """Paths that are no text at all, such as a variable that came out empty.

    They would be the directory in which Ansible runs.
    """
    if not isinstance(given, Mapping):
        return
    for name, about in spec.items():
        if "path" not in (about.get("type"), about.get("elements")):
            continue
        for number, value in enumerate(_inside(given.get(name))):
            if isinstance(value, str) and not value.strip():
                place = f"{name}[{number}]" if "elements" in about else name
                nothing = "no directory" if name == "directory" else "no file"
                yield f"{place}: {nothing} is named; name one, or leave it out"


def _shortly(value: Any) -> str:
    """A value as it was given; what is longer than any number is cut."""
    if isinstance(value, int) and not -_MOST < value < _MOST:
        return "more than 18 digits"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _inside(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)
