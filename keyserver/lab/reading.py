# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading a lab file. Errors name the file and the key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from . import values
from .device import read_device
from .member import read_member
from .section import Section, items
from .specs import DeviceSpec, Lab, LabError, MemberSpec
from .text import read_document, read_text


def read_lab(path: Path) -> Lab:
    """Read and check a lab file; paths inside are relative to it."""
    top, base = Section(str(path), _document(path)), path.resolve().parent
    devices = [read_device(where, entry, base) for where, entry in _entries(path, "devices", top)]
    by_name = {device.name: device for device in devices}
    _refuse_twice(f"{path}: devices", devices)
    members = [
        read_member(where, entry, by_name, base) for where, entry in _entries(path, "members", top)
    ]
    _refuse_twice(f"{path}: members", members)
    speed = _speed(path, top)
    known_hosts = top.take("known_hosts", partial(values.path, base))
    top.done()
    if not devices and not members:
        raise LabError(f"{path}: devices: there are none, and no members; name at least one")
    return Lab(tuple(devices), tuple(members), speed, known_hosts)


def _document(path: Path) -> dict[Any, Any]:
    try:
        document = read_document(read_text(path))
    except yaml.YAMLError as error:
        raise LabError(f"{path}: {_said(error)}") from None
    except RecursionError:
        raise LabError(f"{path}: nested too deep; is it the right file?") from None
    if not isinstance(document, dict):
        raise LabError(f"{path}: a lab file is expected: devices, members or both")
    return document


def _entries(path: Path, key: str, top: Section) -> Iterator[tuple[str, Any]]:
    """The entries of a list, each with where it stands."""
    given = items(f"{path}: {key}", top.take(key, lambda v: v))
    return ((f"{path}: {key}[{number}]", entry) for number, entry in enumerate(given))


def _speed(path: Path, top: Section) -> float:
    clock = Section(f"{path}: clock", top.take("clock", lambda v: v, {}))
    speed: float = clock.take("speed", values.speed, 1.0)
    clock.done()
    return speed


def _refuse_twice(where: str, named: Sequence[DeviceSpec | MemberSpec]) -> None:
    names = Counter(one.name for one in named)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise LabError(f"{where}: {twice[0]}: two have this name; rename one")


def _said(error: yaml.YAMLError) -> str:
    """Where and what, in a line; PyYAML itself takes several and calls the file a string."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
