# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ``suboptions`` of a resource module's ``config``, from the resource's table.

``python -m dev.suboptions MODULE`` writes them into the module's documentation; a test compares.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.lab import COLLECTIONS, ROOT

sys.path.insert(0, str(COLLECTIONS))
_PLUGINS = "ansible_collections.groupvpn.junos.plugins"
_BETWEEN = re.compile(r"(?<=    type: dict\n)    suboptions:\n.*?(?=\n  state:\n)", re.S)


def suboptions(module: str) -> dict[str, Any]:
    """What the documentation of ``config`` has to say."""
    engine = f"{_PLUGINS}.plugin_utils.engine"
    schema = importlib.import_module(f"{engine}.schema")
    options = importlib.import_module(f"{engine}.options")
    resource = importlib.import_module(f"{_PLUGINS}.plugin_utils.resources.{module}").RESOURCE
    return _branch(schema, options.options(resource.asked), resource.asked)


def _branch(schema: Any, spec: Mapping[str, Any], node: Any) -> dict[str, Any]:
    nodes = dict(_nodes(schema, node))
    return {option: _option(schema, about, nodes[option]) for option, about in spec.items()}


def _nodes(schema: Any, node: Any) -> Iterator[tuple[str, Any]]:
    """What stands behind each option; those of inline containers stand among their parent's."""
    for leaf in node.keys if isinstance(node, schema.List) else ():
        yield leaf.option, leaf
    for child in node.managed:
        if isinstance(child, schema.Container) and child.inline:
            yield from _nodes(schema, child)
        else:
            yield child.option, child


def _option(schema: Any, about: Mapping[str, Any], node: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"description": _description(schema, node)}
    said.update({name: about[name] for name in ("type", "elements", "required") if name in about})
    if "choices" in about:
        said["choices"] = about["choices"]
    if "options" in about:
        said["suboptions"] = _branch(schema, about["options"], node)
    return said


def _description(schema: Any, node: Any) -> list[str]:
    lines = [node.summary]
    if len(node.known) == 1:
        lines.append(f"Group VPN{next(iter(node.known))} only.")
    if isinstance(node, schema.Leaf):
        lines += _takes(node)
    if isinstance(node, schema.Container) and node.shorthand:
        lines.append(f"Or a dictionary with {_either([c.option for c in node.children])}.")
    return lines


def _either(names: list[str]) -> str:
    return " or ".join(f"C({name})" for name in names)


def _takes(leaf: Any) -> list[str]:
    lines = []
    legal = {g: leaf.ranges.get(g) or leaf.values.get(g) for g in sorted(leaf.known)}
    texts = {g: _legal(what, leaf.unit) for g, what in legal.items() if what}
    if len(set(texts.values())) == 1 and len(texts) == len(leaf.known):
        if leaf.ranges:
            lines.append(f"{next(iter(texts.values()))}.")
    else:
        lines += [f"Group VPN{g} takes {text}." for g, text in texts.items()]
    if leaf.default is not None:
        lines.append(f"The device uses V({leaf.default}) when it is not set.")
    return lines


def _legal(what: Any, unit: str | None) -> str:
    if isinstance(what[0], int):
        return f"{what[0]} to {what[1]}{' ' + unit if unit else ''}"
    return ", ".join(f"V({word})" for word in what)


def written(module: str) -> str:
    """The suboptions as YAML, indented for the module's documentation."""
    text = yaml.safe_dump({"suboptions": suboptions(module)}, sort_keys=False, width=90)
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")


def main(module: str) -> int:
    """Write them where they belong."""
    path = ROOT / "plugins" / "modules" / f"{module}.py"
    source, count = _BETWEEN.subn(lambda _match: written(module), path.read_text(), count=1)
    if not count:
        print(f"{path}: no suboptions of config to replace", file=sys.stderr)
        return 1
    path.write_text(source, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
