# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading a lab file. Errors name the file and the key."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from . import values
from .device import read_device
from .member import read_member
from .section import Section, items
from .specs import DeviceSpec, Lab, LabError, MemberSpec
from .text import read_document, read_text


def read_lab(path: Path) -> Lab:
    """Read and check a lab file; paths inside are relative to it."""
    try:
        document = read_document(read_text(path))
    except yaml.YAMLError as error:
        raise LabError(f"{path}: {_said(error)}") from None
    except RecursionError:
        raise LabError(f"{path}: nested too deep; is it the right file?") from None
    if not isinstance(document, dict):
        raise LabError(f"{path}: a lab file is expected: devices, members or both")
    top = Section(str(path), document)
    base = path.resolve().parent
    devices = [
        read_device(f"{path}: devices[{number}]", entry, base)
        for number, entry in enumerate(items(f"{path}: devices", top.take("devices", lambda v: v)))
    ]
    by_name = {device.name: device for device in devices}
    if len(by_name) != len(devices):
        raise LabError(f"{path}: devices: {_twice(devices)}: two have this name; rename one")
    members = tuple(
        read_member(f"{path}: members[{number}]", entry, by_name, base)
        for number, entry in enumerate(items(f"{path}: members", top.take("members", lambda v: v)))
    )
    if len({member.name for member in members}) != len(members):
        raise LabError(f"{path}: members: {_twice(members)}: two have this name; rename one")
    clock = Section(f"{path}: clock", top.take("clock", lambda v: v, {}))
    speed = clock.take("speed", values.speed, 1.0)
    known_hosts = top.take("known_hosts", lambda v: base / values.text(v))
    clock.done()
    top.done()
    if not devices and not members:
        raise LabError(f"{path}: devices: there are none, and no members; name at least one")
    return Lab(tuple(devices), members, speed, known_hosts)


def _twice(named: Iterable[DeviceSpec | MemberSpec]) -> str:
    names = [one.name for one in named]
    return next(name for name in names if names.count(name) > 1)


def _said(error: yaml.YAMLError) -> str:
    """Where and what, in a line; PyYAML itself takes several and calls the file a string."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
