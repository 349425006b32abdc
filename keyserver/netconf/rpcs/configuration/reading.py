# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Showing a configuration: ``get-configuration`` and ``get-config``."""

from __future__ import annotations

import json

from lxml import etree

from ....config.database import ConfigurationDatabase, utc
from ....config.edit import Operation, apply
from ....config.read_xml import read_xml
from ....config.show import to_json, to_set, to_text, to_xml
from ....config.tree import Tree
from ...reply import YANG_CONF, RpcError, RpcFailure, xml_text
from ...session import Request
from ...subtree import select
from ...xml import local_name
from .answers import Elements, refusals, rollback_number


def _configuration(
    database: ConfigurationDatabase,
    request: Request,
    tree: Tree,
    wanted: etree._Element | None,
    *,
    committed: bool,
) -> etree._Element:
    """The part of ``tree`` that the filter asks for, as a configuration element."""
    dialect = request.dialect
    element = dialect.configuration()
    if committed:
        record = database.history[0]
        dialect.styled(
            element,
            commit_seconds=str(int(record.time)),
            commit_localtime=utc(record.time),
            commit_user=record.user,
        )
    else:
        candidate = database.candidate(request.holder)
        if candidate.modified:
            dialect.styled(
                element,
                changed_seconds=str(int(candidate.changed_at)),
                changed_localtime=utc(candidate.changed_at),
            )
    to_xml(database.schema, tree, element)
    if wanted is not None and len(wanted):
        part = select(wanted, element)
        if part is None:
            del element[:]
        else:
            element = part
    if dialect.rfc_compliant:
        for branch in element:
            _requalify(branch, YANG_CONF + local_name(branch))
    return element


def _requalify(element: etree._Element, namespace: str) -> None:
    for node in element.iter(tag=etree.Element):
        node.tag = etree.QName(namespace, local_name(node)).text


def _filtered(database: ConfigurationDatabase, tree: Tree, wanted: etree._Element | None) -> Tree:
    """The part of ``tree`` that the filter asks for, as a tree again."""
    if wanted is None or not len(wanted):
        return tree
    whole = to_xml(database.schema, tree, etree.Element("configuration"))
    part = select(wanted, whole)
    if part is None:
        return {}
    edits, _ = read_xml(database.schema, part)
    kept: Tree = {}
    apply(database.schema, kept, edits, Operation.MERGE)
    return kept


def get_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    operation, dialect = request.operation, request.dialect
    committed = operation.get("database") == "committed"
    tree = database.committed if committed else database.candidate(request.holder).tree
    if operation.get("compare") is not None:
        return [_comparison(database, request, tree)]
    wanted = request.child("configuration")
    if wanted is None:
        # Junos also takes the hierarchy without its <configuration> wrapper.
        bare = list(operation.iterchildren(tag=etree.Element))
        if bare:
            wanted = etree.Element("configuration")
            wanted.extend(bare)
    form = operation.get("format", "xml")
    if form == "xml":
        return [_configuration(database, request, tree, wanted, committed=committed)]
    tree = _filtered(database, tree, wanted)
    if form == "text":
        text = xml_text(f"\n{to_text(database.schema, tree)}")
        return [dialect.own("configuration-text", text)]
    if form == "set":
        lines = "".join(f"{line}\n" for line in to_set(database.schema, tree))
        return [dialect.own("configuration-set", xml_text(f"\n{lines}"))]
    if form == "json":
        body = json.dumps({"configuration": to_json(database.schema, tree)}, indent=4)
        return [f"{body}\n"]
    raise RpcFailure(RpcError("syntax error", bad_element=form))


def _comparison(database: ConfigurationDatabase, request: Request, tree: Tree) -> etree._Element:
    number = rollback_number(request.operation.get("rollback", "0"))
    with refusals():
        old = database.rollback(number)
    text = database.difference(old, tree)
    # A device without differences answers a lone newline, never an empty element.
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    return request.dialect.own("configuration-information", None, output)


def source_tree(database: ConfigurationDatabase, request: Request, default: str) -> Tree:
    source = request.child("source")
    names = [local_name(c) for c in source] if source is not None else [default]
    trees = {
        "running": lambda: database.committed,
        "candidate": lambda: database.candidate(request.holder).tree,
    }
    if len(names) != 1 or names[0] not in trees:
        bad = names[0] if names else "source"
        raise RpcFailure(RpcError("syntax error", bad_element=bad))
    return trees[names[0]]()


def get_config(database: ConfigurationDatabase, request: Request) -> Elements:
    source = source_tree(database, request, "running")
    tree, wanted, inner = source, request.child("filter"), None
    if wanted is not None:
        # RFC 6241 §6.4.2: an empty filter selects nothing.
        inner = next(wanted.iterchildren(tag=etree.Element), None)
        tree = {} if inner is None else source
    committed = source is database.committed
    data = request.dialect.base("data")
    configuration = _configuration(database, request, tree, inner, committed=committed)
    if len(configuration) or not request.dialect.rfc_compliant:
        data.append(configuration)
    return [data]
