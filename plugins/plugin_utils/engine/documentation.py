# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module says of the options of its resource: the table in a reader's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .options import options
from .resource import Resource
from .schema import Branch, Container, Leaf, List, Statement


def suboptions(resource: Resource) -> dict[str, Any]:
    """``suboptions`` of ``config``, in the form of Ansible's ``DOCUMENTATION``."""
    return _branch(options(resource.asked), resource.asked)


def _branch(spec: Mapping[str, Any], node: Branch) -> dict[str, Any]:
    nodes = dict(_nodes(node))
    return {option: _option(about, nodes[option]) for option, about in spec.items()}


def _nodes(node: Branch) -> Iterator[tuple[str, Statement]]:
    """What stands behind each option; those of inline containers stand among their parent's."""
    for leaf in node.keys if isinstance(node, List) else ():
        yield leaf.option, leaf
    for child in node.managed:
        if isinstance(child, Container) and child.inline:
            yield from _nodes(child)
        else:
            yield child.option, child


def _option(about: Mapping[str, Any], node: Statement) -> dict[str, Any]:
    said: dict[str, Any] = {"description": list(_description(node))}
    said.update({n: about[n] for n in ("type", "elements", "required", "choices") if n in about})
    if "options" in about and isinstance(node, Branch):
        said["suboptions"] = _branch(about["options"], node)
    return said


def _description(node: Statement) -> Iterator[str]:
    yield node.summary
    if len(node.known) == 1:
        (generation,) = node.known
        yield f"Group VPN{generation} only."
    if isinstance(node, Leaf):
        yield from _takes(node)
    if isinstance(node, Container) and node.shorthand:
        names = (f"C({child.option})" for child in node.children)
        yield f"Or a dictionary with {' or '.join(names)}."


def _takes(leaf: Leaf) -> Iterator[str]:
    legal = {g: leaf.ranges.get(g) or leaf.values.get(g) for g in sorted(leaf.known)}
    texts = {g: _legal(what, leaf.unit) for g, what in legal.items() if what}
    if len(set(texts.values())) == 1 and len(texts) == len(leaf.known):
        # Words that every generation takes are the option's choices.
        yield from (f"{text}." for text in {*texts.values()} if leaf.ranges)
    else:
        yield from (f"Group VPN{g} takes {text}." for g, text in texts.items())
    if leaf.default is not None:
        yield f"The device uses V({leaf.default}) when it is not set."


def _legal(what: Sequence[str] | Sequence[int], unit: str | None) -> str:
    if isinstance(what[0], int):
        return f"{what[0]} to {what[1]}{' ' + unit if unit else ''}"
    return ", ".join(f"V({word})" for word in what)
