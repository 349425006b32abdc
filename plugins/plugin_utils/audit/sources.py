# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of expectations: CSV, JSON and YAML. Their values stay as they are written."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from ..errors import Refused
from . import sheets

LARGEST_FILE = 64 * 1024 * 1024
# The last two are PyYAML's for a value that is none of its tag: !!bool x, !!timestamp x.
_DAMAGED = (yaml.YAMLError, ValueError, KeyError, AttributeError)


def load(path: Path, columns: Collection[str], host: str | None = None) -> Any:
    """What a file says; of a table, the rows that may be for that host. Raises Refused."""
    text = _text(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            found: Any = sheets.read(path, text, columns, host)
            names_nobody = not found.names_somebody
        else:
            found = _from_json(text) if suffix == ".json" else yaml.load(text, _Loader)
            names_nobody = found in ([], {})
    except _DAMAGED as error:
        raise Refused([f"{path}: {' '.join(str(error).split())}; correct it"]) from None
    except RecursionError:
        raise Refused([f"{path}: nested too deep; is it the right file?"]) from None
    if names_nobody:
        # A list that came out empty is a mistake: all would be there without being missed.
        raise Refused([f"{path}: it names nobody; leave it out if nobody is expected"])
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refused([f"{path}: larger than {LARGEST_FILE} octets; split it"])
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Refused([f"{path}: {error.strerror}; name a file that can be read"]) from None
    except UnicodeDecodeError as error:
        raise Refused(
            [f"{path}: octet {error.start}: UTF-8 is expected; save it as UTF-8"]
        ) from None


def _from_json(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=str
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} comes twice")
        found[name] = str(value).lower() if isinstance(value, bool) else value
    return found


class _Loader(yaml.SafeLoader):
    """YAML whose values stay as they are written (``010``, ``12:30``, ``no``), each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} comes twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag.rpartition(":")[2] in ("null", "merge")]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
