# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a lab, and the YAML in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .specs import LabError

LARGEST_FILE = 64 * 1024 * 1024
"""Octets; ten times the longest configuration that was ever tried."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's own, where it is there: ten times faster with a thousand devices."""
_MOST_OPENINGS = 10_000
"""It descends on the system's stack, whose end, at some 25,000 levels, is that of the process."""
_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}


def read_text(path: Path) -> str:
    """A file of a lab. Raises LabError, also for what would fill the memory."""
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_FILE + 1)
        text = octets.decode()
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise LabError(f"{path}: octet {error.start}: UTF-8 is expected") from None
    if len(octets) > LARGEST_FILE:
        raise LabError(f"{path}: larger than {LARGEST_FILE} octets; is it the right file?")
    return text


def read_document(text: str) -> Any:
    """What a text in YAML says. Raises YAMLError.

    A key that is there twice is refused: PyYAML itself keeps the last and drops the others. Numbers
    are text as it is written: YAML would make 83 of a password 0123, and 22.4 of a release 22.40.
    """
    openings = sum(map(text.count, ("[", "{", "- ", "? ")))
    loader = (_LOADER if openings <= _MOST_OPENINGS else yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _look_through(node, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _look_through(node: yaml.Node, seen: set[int]) -> None:
    """Have single keys and numbers as they are written."""
    if isinstance(node, yaml.ScalarNode):
        node.tag = _TEXT if node.tag in _NUMBERS else node.tag
        return
    if id(node) in seen:
        return
    seen.add(id(node))
    keys: set[str] = set()
    for entry in node.value:
        key, value = entry if isinstance(node, yaml.MappingNode) else (None, entry)
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is there twice; take one out",
                    problem_mark=key.start_mark,
                )
            keys.add(key.value)
        _look_through(value, seen)
