# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Selecting parts of a configuration: Junos' and RFC 6241 §6 subtree filters."""

from __future__ import annotations

from typing import Any

from lxml import etree

from .xml import local_name


def select(wanted: etree._Element, found: etree._Element) -> etree._Element | None:
    """The part of ``found`` that the filter ``wanted`` (same level) asks for; None for nothing.

    An element without children selects all below it; text is a content match; list entries
    are kept when all their content matches hold, together with their name. ``found`` is taken
    apart for it.
    """
    asked = list(wanted.iterchildren(tag=etree.Element))
    if not asked:
        return found
    matches = [child for child in asked if (child.text or "").strip() and not len(child)]
    selections = [child for child in asked if child not in matches]
    for match in matches:
        text = (match.text or "").strip()
        name = local_name(match)
        held = [c for c in found if local_name(c) == name]
        if not any((c.text or "").strip() == text for c in held):
            return None
    if not selections:
        return found
    nsmap: Any = found.nsmap
    part = etree.Element(found.tag, {str(k): str(v) for k, v in found.attrib.items()}, nsmap=nsmap)
    kept = {local_name(match) for match in matches}
    several = any(local_name(child) == "name" for child in found)
    for child in list(found):
        name = local_name(child)
        if name in kept or (several and name == "name"):
            part.append(child)
            continue
        for selection in selections:
            if local_name(selection) == name:
                chosen = select(selection, child)
                if chosen is not None:
                    part.append(chosen)
                    break
    bare = all(local_name(child) == "name" for child in part)
    return None if bare and "name" not in kept and not _asks_for_name(selections) else part


def _asks_for_name(selections: list[etree._Element]) -> bool:
    return any(local_name(selection) == "name" for selection in selections)
