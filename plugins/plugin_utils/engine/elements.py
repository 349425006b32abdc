# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements as elements: Junos XML, and JSON, which is turned into the same elements."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from ..errors import MalformedReply
from ..netconf.libraries import etree
from ..netconf.xml import child as child_of
from ..netconf.xml import local_name, text_of
from .found import APPLY_GROUPS, GROUPS, Found
from .schema import Branch, Leaf, List, Path, Statement, Tree
from .withheld import is_withheld, left_out, notes_a_lack

_META = ("apply-groups-except", "apply-macro", "apply-flags")
_NAMESPACES = (
    "http://xml.juniper.net/",
    "http://yang.juniper.net/",
    "urn:ietf:params:xml:ns:netconf:",
)
_INHERITED = "was inherited from group"
"""The words of a comment where a device marks what is inherited with comments."""
_REMARK = re.compile(r"(\{http://xml\.juniper\.net/junos/[^}]*\})?comment")
"""What somebody has annotated: no statement. ncclient drops the namespace."""
_NOTES = ("", "comment", "undocumented")
"""Where a device says that it does not show what stands there: comments, and elements for them."""


def take_elements(found: Found, node: Branch, element: etree._Element) -> None:
    """Put an element's content into what was found; ``element`` stands for ``node``."""
    _branch(found, node, element, found.tree, ())


def _mark(element: etree._Element, name: str) -> str | None:
    """An attribute by local name: ``inactive``, ``group``."""
    for attribute, value in element.attrib.items():
        namespace, local = attribute.rpartition("}")[::2]
        if local.rpartition(":")[2] == name and value != "false" and _is_known(namespace[1:]):
            return str(value)
    return None


def _is_known(namespace: str) -> bool:
    """Whether what is in a namespace is Junos' or NETCONF's, and nobody else's."""
    return not namespace or namespace.startswith(_NAMESPACES)


def _is_strange(part: etree._Element, around: etree._Element) -> bool:
    """Whether an element is somebody else's, such as OpenConfig's, who has the same names."""
    namespace = part.tag.rpartition("}")[0]
    return not _is_known(namespace[1:]) and namespace != around.tag.rpartition("}")[0]


def is_inherited(element: etree._Element) -> bool:
    """Whether a configuration says of anything in it that a configuration group brought it in."""
    marked = any(_mark(part, "group") is not None for part in element.iter("*") if part.attrib)
    said = element.iter(etree.Comment, "{*}comment")
    return marked or any(_INHERITED in (note.text or "") for note in said)


def _is_deleted(element: etree._Element) -> bool:
    """Whether a change that is to be loaded takes it away."""
    return bool(element.attrib) and (
        _mark(element, "delete") is not None or _mark(element, "operation") in ("delete", "remove")
    )


def _goes_first(element: etree._Element) -> bool:
    """Whether a change takes away what stands there so far."""
    replaces = _mark(element, "replace") is not None or _mark(element, "operation") == "replace"
    return replaces or _is_deleted(element)


def _delete(found: Found, child: Statement | None, element: etree._Element, path: Path) -> None:
    """Take away what an element names, in the order of the document."""
    if child is not None:
        found.delete((*path, child.name, *_keys(child, element)))
    elif local_name(element) == APPLY_GROUPS:
        found.apply_no_more(path, [text_of(element)])


def _keys(child: Statement, element: etree._Element) -> Path:
    """What tells an entry, or a leaf-list's item, from the others; none: all of them."""
    if isinstance(child, List):
        parts = [text_of(child_of(element, leaf.name)) for leaf in child.keys]
        return (child.joined(parts),) if all(parts) else ()
    text = text_of(element) if isinstance(child, Leaf) and child.many else ""
    return (text,) if text else ()


def _branch(found: Found, node: Branch, element: etree._Element, tree: Tree, path: Path) -> None:
    _refuse_text(node, element, path)
    for part in element:
        if part.tail and not part.tail.isspace():
            _refuse_left_out(part.tail.strip(), path)
        name = local_name(part)
        child = node.by_name.get(name)
        if child is not None and _is_strange(part, element):
            child = None
        if part.attrib and _goes_first(part):
            _delete(found, child, part, path)
        if _is_deleted(part):
            continue
        if child is None:
            _foreign(found, node, part, name, path)
        else:
            _known(found, child, part, tree, path)


def _known(found: Found, child: Statement, element: etree._Element, tree: Tree, path: Path) -> None:
    """A statement that the table describes."""
    here = (*path, child.name)
    if isinstance(child, List):
        _entry(found, child, element, tree, path)
    elif isinstance(child, Branch):
        _marks(found, element, here)
        _branch(found, child, element, tree.setdefault(child.name, {}), here)
    elif isinstance(child, Leaf):
        _refuse_several(child, element, path)
        text = text_of(element)
        found.leaf(child, text, tree, path)
        _marks(found, element, (*here, text) if child.many else here)


def _refuse_several(leaf: Leaf, element: etree._Element, path: Path) -> None:
    """What is no single value of a leaf that has one."""
    if len(element):
        raise MalformedReply(f"{' '.join([*path, leaf.name])}: statements stand in it")
    if not leaf.many and element.attrib and element.get(_OF_SEVERAL) is not None:
        raise MalformedReply(
            f"{' '.join([*path, leaf.name])}: takes one value, and a list is given"
        )


def _refuse_text(node: Branch, element: etree._Element, path: Path) -> None:
    """Text where statements are expected, or where a device has put it in their place."""
    _refuse_left_out(text_of(element), path)
    if len(element) == 0 and text_of(element) and not isinstance(node, List):
        where = " ".join(path) or local_name(element)
        raise MalformedReply(f"{where}: text stands where statements are expected")


def _refuse_left_out(text: str, path: Path) -> None:
    if is_withheld(text):
        raise left_out(" ".join(["[edit", *path]) + "]", text)


def _is_lack(part: etree._Element) -> bool:
    """Whether it stands for statements that the device does not show."""
    return local_name(part) in _NOTES and notes_a_lack(part.text or "")


def _entry(found: Found, node: List, element: etree._Element, tree: Tree, path: Path) -> None:
    parts = [text_of(child_of(element, leaf.name)) for leaf in node.keys]
    if len(element) == 0 and node.second is None:
        parts = [text_of(element)]
    if not all(parts):
        if not path:
            # Somebody else's, such as an empty <tenants/>.
            return
        raise MalformedReply(f"{' '.join([*path, node.name])}: an entry without a name")
    key = node.joined(parts)
    here = (*path, node.name, key)
    _marks(found, element, here)
    _branch(found, node, element, found.entry(node, key, tree), here)


def _marks(found: Found, element: etree._Element, path: Path) -> None:
    if not element.attrib:
        return
    if _mark(element, "inactive") is not None:
        found.inactive.add(path)
    if _mark(element, "active") is not None:
        found.inactive.discard(path)
    if _mark(element, "protect") is not None:
        found.protected.add(path)
    group = _mark(element, "group")
    if group is not None:
        found.sources[path] = group


def _foreign(found: Found, node: Branch, part: etree._Element, name: str, path: Path) -> None:
    """What the table does not describe here."""
    if _is_lack(part):
        raise left_out(" ".join(["[edit", *path]) + "]", part.text)
    if name == APPLY_GROUPS:
        found.apply(path, [] if _mark(part, "inactive") is not None else [text_of(part)])
    elif name == GROUPS and not path:
        found.group(text_of(child_of(part, "name")), _touches(part, node))
    elif name and not node.partial and not _says_nothing(part, name) and not _is_key(node, name):
        found.unknown(path, name)


def _says_nothing(part: etree._Element, name: str) -> bool:
    """Whether nothing is in force because of it."""
    return name in _META or _REMARK.fullmatch(part.tag) is not None


def _is_key(node: Branch, name: str) -> bool:
    return isinstance(node, List) and any(name == leaf.name for leaf in node.keys)


def _touches(element: etree._Element, node: Branch) -> bool:
    """Whether elements lead to where the tables are, or apply groups that may."""
    for part in element:
        child = node.by_name.get(local_name(part))
        if local_name(part) == APPLY_GROUPS or _is_lack(part):
            return True
        if isinstance(child, Branch) and child.partial:
            if _touches(part, child):
                return True
        elif child is not None:
            return True
    return False


# JSON

_TOLD = ("inactive", "active", "group", "operation", "delete", "replace")
"""Attributes that say what a statement is worth."""
_OF_SEVERAL = "of-several"
"""An attribute that no JSON brings: the value stands in an array with others."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


def elements_of_json(text: str) -> etree._Element:
    """``<configuration>`` of Junos' JSON, its older form with arrays everywhere included."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(f"malformed JSON: {error}") from None
    if not isinstance(document, dict) or "configuration" not in document:
        raise MalformedReply("JSON: 'configuration' is missing")
    root = etree.Element("configuration")
    for value in _several(document["configuration"]):
        _fill(root, value)
    return root


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        twice = next(name for name in found if [n for n, _value in members].count(name) > 1)
        raise MalformedReply(f"malformed JSON: {twice!r} comes twice in one object")
    return found


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fill(element: etree._Element, value: Any) -> None:
    """An object's members as an element's children, a plain value as its text."""
    if not isinstance(value, dict):
        element.text = _text(value)
        return
    for name, member in value.items():
        if name in ("@", "attributes"):
            _attributes(element, member)
        elif name == "data":
            element.text = _text(member)
        elif not name.startswith("@"):
            _members(element, name, member, value.get(f"@{name}"))
        elif name[1:] not in value:
            raise MalformedReply(f"JSON: {name!r} is about {name[1:]!r}, which is not there")


def _members(element: etree._Element, name: str, member: Any, marks: Any) -> None:
    if _NOT_IN_NAMES.search(name) or not name or not (name[0].isalpha() or name[0] == "_"):
        raise MalformedReply(f"JSON: {name!r}: a statement's name is expected")
    items = _several(member)
    # One object is about the statement, with all its values.
    several = marks if isinstance(marks, list) else [marks] * len(items)
    if len(several) > len(items):
        raise MalformedReply(f"JSON: '@{name}' is about more values than {name!r} has")
    for number, item in enumerate(items):
        part = etree.SubElement(element, name)
        _fill(part, item)
        if len(items) > 1:
            part.set(_OF_SEVERAL, "")
        if number < len(several):
            _attributes(part, several[number])


def _attributes(element: etree._Element, marks: Any) -> None:
    if not isinstance(marks, dict):
        return
    for name, value in marks.items():
        plain = name.rpartition(":")[2]
        if plain in _TOLD and value is not False:
            element.set(plain, _text(str(value)))
        elif plain == "comment" and notes_a_lack(str(value)):
            element.append(etree.Comment(str(value)))


@cache
def _not_in_xml() -> re.Pattern[str]:
    """XML 1.0 §2.2. In a reply in XML the same stands in their place.

    Compiled at first use: it is the dearest of all patterns, and JSON alone needs it.
    """
    return re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _not_in_xml().sub("\N{REPLACEMENT CHARACTER}", text)
