# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The readers of configurations as fuzz targets.

Whatever is read can be shown in every format, and every format shows the same configuration: a
value that one of them cannot carry must have been refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.compare import compare
from keyserver.config.edit import LoadError, Operation
from keyserver.config.files import read_file
from keyserver.config.inherit import in_force, shown_inherited
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_json import read_json
from keyserver.config.read_patch import read_patch
from keyserver.config.read_set import read_set
from keyserver.config.read_text import read_text
from keyserver.config.read_xml import read_xml
from keyserver.config.show import to_json, to_set, to_text, to_xml
from keyserver.config.tree import COMMENTS

SCHEMA = junos_schema(Generation.V2)
MERGE = Operation.MERGE


def _text(octets: bytes) -> str:
    """Lone surrogates can come in through JSON and in strings; other octets are replaced."""
    try:
        return octets.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return octets.decode("utf-8", "replace")


def _is_shown(tree: dict) -> None:
    text = to_text(SCHEMA, tree)
    xml = etree.tostring(to_xml(SCHEMA, tree, etree.Element("configuration")))
    readings = {
        "text": read_text(SCHEMA, text),
        "xml": read_xml(SCHEMA, etree.fromstring(xml)),
        "json": read_json(SCHEMA, json.dumps(to_json(SCHEMA, tree))),
    }
    for form, (edits, problems) in readings.items():
        again: dict = {}
        problems = problems + apply(SCHEMA, again, edits, MERGE)
        if problems or again != tree:
            raise AssertionError(f"{form}: {text!r}: {problems}")
    if compare(SCHEMA, tree, tree):
        raise AssertionError(f"{text!r} differs from itself")
    list(to_set(SCHEMA, tree))
    in_force(SCHEMA, tree)
    shown_inherited(SCHEMA, tree, marked=True)


def _load(edits: list, tree: dict | None = None) -> None:
    tree = {} if tree is None else tree
    apply(SCHEMA, tree, edits, MERGE)
    _is_shown(tree)


def _set_lines(octets: bytes) -> None:
    tree: dict = {}
    for edit in read_set(SCHEMA, _text(octets)):
        if not isinstance(edit, LoadError):
            apply(SCHEMA, tree, [edit], MERGE)
    if COMMENTS not in tree:
        _is_shown(tree)


def _xml(octets: bytes) -> None:
    try:
        root = etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return
    _load(read_xml(SCHEMA, root)[0])


CONFIGURATION_TARGETS: dict[str, Callable[[bytes], None]] = {
    "config-text": lambda octets: _load(read_text(SCHEMA, _text(octets))[0]),
    "config-set": _set_lines,
    "config-xml": _xml,
    "config-json": lambda octets: _load(read_json(SCHEMA, _text(octets))[0]),
    "config-patch": lambda octets: _load(read_patch(SCHEMA, _text(octets))[0]),
    "config-file": lambda octets: _is_shown(read_file(SCHEMA, _text(octets))[0]),
}
