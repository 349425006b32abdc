# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A table's statements beside those of Juniper's YANG, as far as it is there."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import (
    Container,
    Kind,
    Leaf,
    List,
    walk,
)

YANG = os.environ.get("JUNOS_YANG_DIR")


def described(node, generation):
    """Every statement of a generation as (names, kind), in its order."""
    found = []
    for child in node.ordered([c.name for c in node.children], generation):
        if not child.known_to(generation):
            continue
        kind = "list" if isinstance(child, List) else "container"
        if isinstance(child, Leaf):
            kind = "empty" if child.kind is Kind.FLAG else "leaf-list" if child.many else "leaf"
        found.append((child.name, kind))
        if not isinstance(child, Leaf):
            found += [
                (f"{child.name}/{name}", below) for name, below in described(child, generation)
            ]
    return found


def _grouping(text, name):
    start = text.index("{", text.index(f"grouping {name} {{"))
    depth, position = 0, start
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}]', text[start:]):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        position = start + match.end()
        if not depth:
            break
    return text[start + 1 : position - 1]


_NODE = re.compile(
    r'"(?:[^"\\]|\\.)*"|(container|list|leaf-list|leaf|uses|choice|case)\s+([\w-]+)\s*([{;])|([{}])'
)


def _yang(text, name):
    """The nodes of a grouping, those of the groupings that it uses in their place."""
    body, found, path, depths, depth = _grouping(text, name), [], [], [], 0
    for match in _NODE.finditer(body):
        word, label, opens, brace = match.groups()
        if word == "uses" and label != "apply-advanced":
            prefix = "".join(f"{p}/" for p in path)
            found += [(prefix + n, k) for n, k in _yang(text, label)]
        if word in ("container", "list", "leaf", "leaf-list"):
            rest = body[match.end() :]
            empty = word == "leaf" and re.match(r"[^{}]*?type empty;", rest) is not None
            lasts = re.match(r'(\s*description\s+"[^"]*";)?\s*presence\b', rest) is not None
            kind = "empty" if empty else "presence" if lasts else word
            found.append(("/".join([*path, label]), kind))
            path.append(label)
            depths.append(depth)
        if opens == "{" or brace == "{":
            depth += 1
        elif brace == "}":
            depth -= 1
            if depths and depths[-1] == depth:
                path.pop()
                depths.pop()
    return found


@cache
def _text():
    file = next(Path(YANG or "").glob("junos-es-conf-security@*.yang"))
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", file.read_text())


def nodes_of(grouping):
    """(names, kind) of everything in a grouping, without the names of entries."""
    nodes = [(n, "container" if k == "presence" else k) for n, k in _yang(_text(), grouping)]
    return [pair for pair in nodes if not pair[0].endswith("/name")]


def lasting(grouping):
    """Containers that are there with nothing in them."""
    return {name for name, kind in _yang(_text(), grouping) if kind == "presence"}


def kept_empty(node):
    """Containers of a table that are not taken for nothing when nothing is in them."""
    return {
        "/".join(path)
        for path, child in walk(node)
        if isinstance(child, Container) and (child.presence or child.hollow)
    }
