# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a configuration holds a change that was loaded into it earlier, whatever it is about."""

from __future__ import annotations

from collections.abc import Iterator

from ..netconf.libraries import etree
from ..netconf.xml import child, children, local_name, text_of

_ENCRYPTED = "$9$"


def selection(change: etree._Element) -> etree._Element:
    """The filter that selects what a change touches: its containers and list entries."""
    selected = etree.Element(local_name(change))
    for part in change:
        name = local_name(part)
        if name == "name":
            etree.SubElement(selected, name).text = text_of(part)
        elif name and (len(part) or part.get("delete") is not None):
            selected.append(selection(part))
    return selected


def lacking(reply: etree._Element, change: etree._Element) -> list[str]:
    """What of a change a configuration does not hold, as paths; ``reply`` may enclose it."""
    name = local_name(change)
    configuration = reply if local_name(reply) == name else next(reply.iter(f"{{*}}{name}"), None)
    return list(_lacking(configuration, change, ()))


def _lacking(
    there: etree._Element | None, change: etree._Element, path: tuple[str, ...]
) -> Iterator[str]:
    for part in change:
        name = local_name(part)
        if not name or name == "name":
            continue
        key = text_of(child(part, "name"))
        here = (*path, name, key) if key else (*path, name)
        found = [] if there is None else [e for e in children(there, name) if _same(e, key)]
        if part.get("delete") is not None:
            if found:
                yield f"{' '.join(here)} is still there"
        elif len(part):
            yield from _lacking(found[0] if found else None, part, here)
            if not found and len(part) == 1 and key:
                yield " ".join(here)
        elif not any(_holds(text_of(e), text_of(part)) for e in found):
            yield " ".join(filter(None, [*here, text_of(part)]))


def _same(element: etree._Element, key: str) -> bool:
    return not key or text_of(child(element, "name")) == key


def _holds(value: str, wanted: str) -> bool:
    # A device shows its secrets encrypted, each time differently.
    return value == wanted or value.startswith(_ENCRYPTED)
