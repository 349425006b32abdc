# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Showing a configuration: ``get-configuration`` and ``get-config``."""

from __future__ import annotations

import json
from collections.abc import Callable

from lxml import etree

from ....config.apply import apply
from ....config.candidate import utc
from ....config.cases import by_words, modelled_below
from ....config.compare import compare
from ....config.compare_xml import difference_xml
from ....config.database import ConfigurationDatabase
from ....config.edit import Operation
from ....config.inherit import shown_inherited, without
from ....config.layout import PRESERVED, SPACE
from ....config.namespaces import NETCONF, YANG, YANG_CONF, own_name
from ....config.read_xml import read_xml
from ....config.schema import Statement
from ....config.show import to_json, to_set, to_text, to_xml
from ....config.tree import INHERITED, MARKS, Tree
from ...arguments import Accepts, only_child, refuse_attributes, refuse_text, syntax_error
from ...reply import RpcError, RpcFailure, default_namespace, xml_text
from ...session import Request
from ...subtree import narrowed, select
from ...work import LIGHT
from ...xml import local_name
from .answers import Elements, refusals, rollback_number

GET_CONFIGURATION = Accepts(
    attributes={
        "database": frozenset({"candidate", "committed"}),
        "format": frozenset({"xml", "text", "set", "json"}),
        "compare": frozenset({"rollback"}),
        "rollback": None,
        "changed": frozenset({"changed"}),
        "inherit": frozenset({"inherit"}),
        "groups": frozenset({"groups"}),
        # There are no commit scripts: the configuration after them is the configuration.
        "commit-scripts": frozenset({"apply", "apply-no-transients"}),
    },
    anything=True,
)
GET_CONFIG = Accepts(payload=frozenset({"source", "filter"}))
GET = Accepts(payload=frozenset({"filter"}))


_LAYOUT = {SPACE: frozenset({PRESERVED})}
"""What a filter's elements may have: names with blanks around them are shown with it."""
_SHORT = 2_000
"""Octets of a request whose filter is looked at beforehand."""
_FEW = 200
"""Statements that are shown within a few milliseconds."""
_OF_THE_WHOLE = frozenset({"compare", "inherit", "changed", "groups"})
"""Attributes of a reading that deals with more than its filter selects."""


def weight_read(database: ConfigurationDatabase, request: Request) -> int:
    """How much a reading has to deal with: light when its filter names a small part."""
    if request.octets > _SHORT or _OF_THE_WHOLE & set(request.operation.keys()):
        return database.weight
    wanted = _named(request)
    if not wanted:
        return database.weight
    trees = (database.committed, database.workspace.candidate(request.holder).tree)
    few = all(_few(narrowed(database.schema, tree, wanted)) for tree in trees)
    return LIGHT if few else database.weight


def _named(request: Request) -> list[etree._Element]:
    """The parts of a configuration that a request's filter is about; none where it is about all."""
    within = request.child("filter")
    given = (request.operation if within is None else within).iterchildren(tag=etree.Element)
    wanted = [one for one in given if own_name(str(one.tag)) == "configuration"]
    return wanted if all(len(one) for one in wanted) else []


def _few(tree: Tree) -> bool:
    """True when a configuration has few statements; it is not looked through for that."""
    waiting, found = [tree], 0
    while waiting and found <= _FEW:
        branch = waiting.pop()
        found += len(branch)
        if found <= _FEW:
            waiting += [value for value in branch.values() if isinstance(value, dict)]
    return found <= _FEW


def get_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Junos' own reading: four formats, a comparison, or what has changed."""
    operation = request.operation
    wanted = _wanted(database.schema, operation)
    _refuse_together(operation)
    committed = operation.get("database") == "committed"
    tree = database.committed if committed else database.workspace.candidate(request.holder).tree
    if operation.get("inherit") is not None:
        marked = operation.get("groups") is not None
        tree = shown_inherited(database.schema, tree, marked=marked)
    if operation.get("compare") is not None:
        return [_comparison(database, request, tree, wanted)]
    if operation.get("changed") is not None:
        return [_with_changes(database, request, tree, wanted, committed=committed)]
    return _FORMATS[operation.get("format", "xml")](database, request, tree, wanted)


def _refuse_together(operation: etree._Element) -> None:
    """What is asked for at once and cannot be had together."""
    given = set(map(str, operation.attrib))
    for other in ("inherit", "groups", "changed"):
        # A comparison is of what was written, and says itself what changed.
        if {"compare", other} <= given:
            raise syntax_error(other)
    # Set lines have no place to say it.
    unsaid = "inherit" not in given or operation.get("format") == "set"
    if "groups" in given and unsaid:
        raise syntax_error("groups")
    if "rollback" in given and "compare" not in given:
        raise syntax_error("rollback")


def _wanted(schema: Statement, operation: etree._Element) -> etree._Element | None:
    """The filter of a ``get-configuration``, every word of which must be known."""
    given = list(operation.iterchildren(tag=etree.Element))
    if not given:
        return None
    if local_name(given[0]) == "configuration":
        if len(given) > 1:
            raise syntax_error(local_name(given[1]))
        wanted = given[0]
    else:
        # Junos also takes the hierarchy without its <configuration> wrapper.
        wanted = etree.Element("configuration")
        wanted.extend(given)
    if not own_name(str(wanted.tag)):
        raise syntax_error(local_name(wanted))
    refuse_attributes(wanted, {})
    modelled_below(schema, wanted)
    _refuse_unknown(schema, wanted)
    return wanted


def _refuse_unknown(statement: Statement, wanted: etree._Element) -> None:
    if len(wanted) or statement.is_branch:
        refuse_text(wanted)
    for child in wanted.iterchildren(tag=etree.Element):
        name = own_name(str(child.tag))
        refuse_attributes(child, _LAYOUT)
        known = statement.children.get(name)
        if known is None and name in statement.beside:
            known = statement.beside[name].children[name]
        if known is None and name not in {key.name for key in statement.keys}:
            raise syntax_error(local_name(child))
        if known is not None:
            _refuse_unknown(known, child)
        elif len(child):
            raise syntax_error(local_name(child[0]))


def _configuration(
    database: ConfigurationDatabase, request: Request, tree: Tree, *, committed: bool
) -> etree._Element:
    """The whole of ``tree`` as a configuration element."""
    element = _stamped(database, request, committed=committed)
    return to_xml(database.schema, tree, element, request.dialect.junos)


def _stamped(
    database: ConfigurationDatabase, request: Request, *, committed: bool
) -> etree._Element:
    """An empty configuration element that says who committed it, or when it was changed."""
    dialect, record = request.dialect, database.archive.history[0]
    element = dialect.configuration()
    if committed:
        dialect.styled(
            element,
            commit_seconds=str(int(record.time)),
            commit_localtime=utc(record.time),
            commit_user=xml_text(record.user),
        )
    else:
        candidate = database.workspace.candidate(request.holder)
        # A candidate that nobody changed was made by the last commit.
        at = candidate.changed_at if candidate.modified else record.time
        dialect.styled(element, changed_seconds=str(int(at)), changed_localtime=utc(at))
    return element


def _chosen(
    schema: Statement, request: Request, element: etree._Element, wanted: list[etree._Element]
) -> etree._Element:
    """The parts of a configuration element that the filters select, as the dialect writes it."""
    if all(len(one) for one in wanted):
        part = select(schema, wanted, element) if wanted else element
        if part is None:
            del element[:]
        else:
            element = part
    return in_dialect(request, element)


def in_dialect(request: Request, element: etree._Element) -> etree._Element:
    """With the namespaces of Juniper's YANG in rfc-compliant mode, its keys in yang-compliant."""
    if not request.dialect.yang_compliant:
        by_words(element)
    if request.dialect.rfc_compliant:
        for branch in list(element):
            element.replace(branch, _requalified(branch))
    return element


def _requalified(branch: etree._Element) -> etree._Element:
    """A top-level hierarchy in the namespace of its module, which is the default one there."""
    namespace = YANG_CONF + local_name(branch)
    renamed = etree.Element(
        etree.QName(namespace, local_name(branch)), nsmap=default_namespace(namespace)
    )
    renamed.attrib.update(branch.attrib)
    renamed.text = branch.text
    renamed.extend(list(branch))
    for node in renamed.iterdescendants(tag=etree.Element):
        node.tag = etree.QName(namespace, local_name(node)).text
    etree.cleanup_namespaces(renamed)
    return renamed


def _as_xml(
    database: ConfigurationDatabase, request: Request, tree: Tree, wanted: etree._Element | None
) -> Elements:
    committed = request.operation.get("database") == "committed"
    filters = [] if wanted is None else [wanted]
    shown = _narrowed(database, tree, filters)
    element = _configuration(database, request, shown, committed=committed)
    return [_chosen(database.schema, request, element, filters)]


def _narrowed(database: ConfigurationDatabase, tree: Tree, filters: list[etree._Element]) -> Tree:
    if not filters or not all(len(one) for one in filters):
        return tree
    return narrowed(database.schema, tree, filters)


def _as_text(
    database: ConfigurationDatabase, request: Request, tree: Tree, wanted: etree._Element | None
) -> Elements:
    text = to_text(database.schema, _filtered(database, tree, wanted))
    return [request.dialect.own("configuration-text", xml_text(f"\n{text}"))]


def _as_set(
    database: ConfigurationDatabase, request: Request, tree: Tree, wanted: etree._Element | None
) -> Elements:
    lines = to_set(database.schema, _filtered(database, tree, wanted))
    text = "".join(f"{line}\n" for line in lines)
    return [request.dialect.own("configuration-set", xml_text(f"\n{text}"))]


def _as_json(
    database: ConfigurationDatabase, request: Request, tree: Tree, wanted: etree._Element | None
) -> Elements:
    committed = request.operation.get("database") == "committed"
    stamps = _stamped(database, request, committed=committed)
    said = {f"junos:{etree.QName(str(name)).localname}": v for name, v in stamps.attrib.items()}
    shown = {"@": {"xmlns": etree.QName(stamps).namespace, **said}}
    shown |= to_json(database.schema, _filtered(database, tree, wanted))
    return [f"{json.dumps({'configuration': shown}, indent=4)}\n"]


_FORMATS: dict[
    str,
    Callable[[ConfigurationDatabase, Request, Tree, etree._Element | None], Elements],
] = {"xml": _as_xml, "text": _as_text, "set": _as_set, "json": _as_json}


def _filtered(database: ConfigurationDatabase, tree: Tree, wanted: etree._Element | None) -> Tree:
    """The part of ``tree`` that the filter asks for, as a tree again."""
    if wanted is None or not len(wanted):
        return tree
    shown = narrowed(database.schema, tree, [wanted])
    plain = without(shown, {INHERITED})
    whole = to_xml(database.schema, plain, etree.Element("configuration"))
    part = select(database.schema, [wanted], whole)
    if part is None:
        return {}
    edits, _ = read_xml(database.schema, part)
    kept: Tree = {}
    apply(database.schema, kept, edits, Operation.MERGE)
    _name_groups(kept, shown)
    return kept


def _name_groups(kept: Tree, shown: Tree) -> None:
    """Say again of what a filter kept which groups it came from."""
    groups = shown.get(INHERITED)
    for name, value in kept.items():
        if isinstance(value, dict) and name not in MARKS and name in shown:
            _name_groups(value, shown[name])
    if groups is not None:
        kept[INHERITED] = groups


def _comparison(
    database: ConfigurationDatabase, request: Request, tree: Tree, wanted: etree._Element | None
) -> etree._Element:
    form = request.operation.get("format", "text")
    if form not in ("text", "xml"):
        raise syntax_error("compare")
    number = rollback_number(request.operation.get("rollback", "0"))
    with refusals():
        old = database.rollback(number)
    if wanted is not None:
        old, tree = _filtered(database, old, wanted), _filtered(database, tree, wanted)
    if form == "xml":
        element = request.dialect.configuration({"nc": NETCONF, "yang": YANG})
        junos = request.dialect.junos
        return in_dialect(request, difference_xml(database.schema, old, tree, element, junos))
    text = compare(database.schema, old, tree)
    # A device without differences answers a lone newline, never an empty element.
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    return request.dialect.own("configuration-information", None, output)


def _with_changes(
    database: ConfigurationDatabase,
    request: Request,
    tree: Tree,
    wanted: etree._Element | None,
    *,
    committed: bool,
) -> etree._Element:
    """XML with ``junos:changed`` on what differs: from what is committed, or, in what is
    committed, from what was before."""
    if request.operation.get("format", "xml") != "xml":
        raise syntax_error("changed")
    before = database.committed
    if committed:
        before = database.rollback(1) if len(database.archive.history) > 1 else tree
    element = _configuration(database, request, tree, committed=committed)
    old = to_xml(database.schema, before, request.dialect.configuration())
    _mark_changes(database.schema, request, element, old)
    return _chosen(database.schema, request, element, [] if wanted is None else [wanted])


def _mark_changes(
    statement: Statement | None, request: Request, new: etree._Element, old: etree._Element
) -> bool:
    """Mark ``new`` and what is in it when it differs from ``old``, an element of one name."""
    before = {_identity(statement, child): child for child in old}
    changed = (new.text or "").strip() != (old.text or "").strip()
    changed = changed or (new.getparent() is not None and new.attrib.items() != old.attrib.items())
    for child in new:
        known = before.pop(_identity(statement, child), None)
        if known is None:
            request.dialect.styled(child, changed="changed")
            changed = True
        elif _mark_changes(_in_xml(statement, child), request, child, known):
            changed = True
    if changed or before:
        request.dialect.styled(new, changed="changed")
    return changed or bool(before)


def _in_xml(statement: Statement | None, element: etree._Element) -> Statement | None:
    """What an element in a branch stands for; None for what is said about the branch."""
    return None if statement is None else statement.in_xml(local_name(element))


def _identity(statement: Statement | None, element: etree._Element) -> tuple[str, ...]:
    """What makes an element the same one in two configurations: its name and its entry's."""
    name = local_name(element)
    if not len(element):
        return name, (element.text or "").strip()
    own = _in_xml(statement, element)
    keys = () if own is None else own.keys
    return name, *((element.findtext("{*}" + key.name) or "").strip() for key in keys)


def source_tree(database: ConfigurationDatabase, request: Request) -> Tree:
    """The datastore that ``source`` names (RFC 6241)."""
    source = request.child("source")
    if source is None:
        raise RpcFailure(RpcError("source is missing", tag="missing-element", bad_element="source"))
    name = only_child(source)
    if name == "running":
        return database.committed
    if name == "candidate":
        return database.workspace.candidate(request.holder).tree
    raise syntax_error(name or "source")


def get_config(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's reading of one datastore."""
    return _data(database, request, source_tree(database, request))


def get(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's ``get``: the running configuration; Junos has no state data in it."""
    return _data(database, request, database.committed)


def _data(database: ConfigurationDatabase, request: Request, tree: Tree) -> Elements:
    wanted = _subtrees(request)
    for one in wanted or ():
        modelled_below(database.schema, one)
    committed = tree is database.committed
    # RFC 6241 §6.4.2: an empty filter selects nothing.
    shown = {} if wanted == [] else _narrowed(database, tree, wanted or [])
    element = _configuration(database, request, shown, committed=committed)
    configuration = _chosen(database.schema, request, element, wanted or [])
    data = request.dialect.base("data")
    if len(configuration) or not request.dialect.rfc_compliant:
        data.append(configuration)
    return [data]


_SUBTREE = frozenset({"subtree"})
_FILTER = {"type": _SUBTREE, f"{{{NETCONF}}}type": _SUBTREE}
"""Clients write the attribute with the prefix of its element, too."""


def _subtrees(request: Request) -> list[etree._Element] | None:
    """The subtrees of a filter that can select something; None without a filter."""
    element = request.child("filter")
    if element is None:
        return None
    refuse_attributes(element, _FILTER)
    refuse_text(element)
    wanted = []
    for one in element.iterchildren(tag=etree.Element):
        _refuse_expressions(one)
        if own_name(str(one.tag)) == "configuration":
            # Text is what an element is matched by, and this one has none.
            refuse_text(one)
            wanted.append(one)
    return wanted


def _refuse_expressions(element: etree._Element) -> None:
    """Attribute match expressions (RFC 6241 §6.2.2) have nothing to match in a configuration.

    Nor has text beside elements (§6.2.5).
    """
    for node in element.iter(tag=etree.Element):
        refuse_attributes(node, _LAYOUT)
        if len(node):
            refuse_text(node)
