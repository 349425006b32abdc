# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change and configuration as Junos XML, set lines and the difference that a device shows."""

from __future__ import annotations

from collections.abc import Mapping

from ..netconf.libraries import etree
from ..resources.server_member_communication import (
    BLOCK,
    BY_NAME,
    HIERARCHY,
    Block,
    Generation,
    Value,
    ordered,
)
from .plan import Change, GroupChange
from .words import quote

INDENT = "    "
COLUMN = " " * 6
"""Where ``show | compare`` puts the block, four levels deep and two columns behind them, and its
leaves, five levels deep and one column behind (``docs/architecture.md``)."""


def _element(parent: etree._Element, name: str, value: Value | None = None) -> etree._Element:
    element = etree.SubElement(parent, name)
    if value is not None:
        element.text = str(value)
    return element


def _group_elements(root: etree._Element) -> etree._Element:
    here = root
    for name in HIERARCHY[:-1]:
        here = _element(here, name)
    return here


def read_filter() -> etree._Element:
    """The part of the configuration that the module needs: groups and IKE gateways."""
    root = etree.Element("configuration")
    server = _group_elements(root)
    _element(server, HIERARCHY[-1])
    _element(_element(server, "ike"), "gateway")
    return root


def change_xml(change: Change, generation: Generation) -> etree._Element:
    """``<configuration>`` for load-configuration (merge): only the difference."""
    root = etree.Element("configuration")
    server = _group_elements(root)
    for group in change.groups:
        entry = _element(server, HIERARCHY[-1])
        _element(entry, "name", group.group)
        block = _element(entry, BLOCK)
        if group.removes_block:
            block.set("delete", "delete")
            continue
        if group.was_inactive:
            block.set("active", "active")
        for option in group.removed:
            statement = BY_NAME[option.replace("_", "-")]
            _element(block, statement.name).set("delete", "delete")
        for statement, value in ordered(group.set, generation):
            _element(block, statement.name, value)
    return root


def blocks_xml(blocks: Mapping[str, Block | None], generation: Generation) -> etree._Element:
    """``<configuration>`` that holds the given settings."""
    new = tuple(GroupChange(name, None, block or {}) for name, block in blocks.items())
    return change_xml(Change(new), generation)


def to_string(element: etree._Element) -> str:
    """Indented XML text."""
    etree.indent(element, INDENT)
    text: str = etree.tostring(element, encoding="unicode")
    return text


def set_lines(change: Change, generation: Generation) -> list[str]:
    """The change as ``set`` and ``delete`` commands."""
    lines = []
    for group in change.groups:
        path = " ".join([*HIERARCHY, quote(group.group), BLOCK])
        if group.removes_block:
            lines.append(f"delete {path}")
            continue
        if group.was_inactive:
            lines.append(f"activate {path}")
        lines += [f"delete {path} {BY_NAME[o.replace('_', '-')].name}" for o in group.removed]
        lines += [
            f"set {path} {statement.name} {quote(str(value))}"
            for statement, value in ordered(group.set, generation)
        ]
        if group.creates_block and not group.set:
            lines.append(f"set {path}")
    return lines


def diff_text(change: Change, generation: Generation) -> str:
    """The change as ``show | compare`` prints it."""
    lines: list[str] = []
    for group in change.groups:
        path = [*HIERARCHY, quote(group.group)]
        if group.creates_block or group.removes_block:
            sign = "-" if group.removes_block else "+"
            block = (group.before if group.removes_block else group.after) or {}
            lines += [f"[edit {' '.join(path)}]", f"{sign}{COLUMN}{BLOCK} {{"]
            lines += [
                f"{sign}{COLUMN}{INDENT}{s.name} {quote(str(value))};"
                for s, value in ordered(block, generation)
            ]
            lines.append(f"{sign}{COLUMN}}}")
            continue
        if group.was_inactive:
            lines += [f"[edit {' '.join(path)}]", f"!{COLUMN} active: {BLOCK} {{ ... }}"]
        before, after = group.before or {}, group.after or {}
        touched = dict.fromkeys([*group.removed, *group.set], 0)
        if touched:
            lines.append(f"[edit {' '.join([*path, BLOCK])}]")
        for statement, _value_before in ordered(touched, generation):
            for sign, side in (("-", before), ("+", after)):
                if statement.option in side:
                    value = quote(str(side[statement.option]))
                    lines.append(f"{sign}{COLUMN}{statement.name} {value};")
    return "".join(f"{line}\n" for line in lines)
