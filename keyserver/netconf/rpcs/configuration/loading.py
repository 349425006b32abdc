# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changing a candidate: ``load-configuration`` and ``edit-config``."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from ....config.database import ConfigurationDatabase
from ....config.edit import (
    Edit,
    LoadError,
    MalformedConfiguration,
    Operation,
    Severity,
    apply,
    copy_tree,
)
from ....config.read_json import read_json
from ....config.read_patch import read_patch
from ....config.read_text import read_set, read_text
from ....config.read_xml import read_xml
from ....config.tree import Tree
from ...reply import RpcError, RpcFailure, xml_text
from ...session import Request
from ...xml import local_name
from .answers import Elements, ok, refusals, rollback_number


def _load_error(error: LoadError) -> RpcError:
    return RpcError(
        xml_text(error.message),
        tag="operation-failed",
        severity=error.severity.value,
        path=xml_text(error.path) if error.path != "[edit]" else None,
        bad_element=xml_text(error.bad_element),
        source_daemon=None,
    )


_ACTIONS = {
    "merge": Operation.MERGE,
    "replace": Operation.MERGE,
    "override": Operation.REPLACE,
    "update": Operation.REPLACE,
    "set": Operation.MERGE,
    "patch": Operation.MERGE,
}
"""Junos load actions and what an unmarked statement means in them; "replace" replaces only what
is marked ``replace``, "override" and "update" put the given configuration in place of the whole."""

_WRAPPERS = (
    "configuration",
    "configuration-text",
    "configuration-set",
    "configuration-json",
    "configuration-patch",
)


def load_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    operation = request.operation
    with refusals():
        candidate = database.writable(request.holder, request.now)
        rollback = operation.get("rollback")
        if rollback is not None or operation.get("rescue") is not None:
            if rollback in (None, "rescue"):
                chosen = database.rescue()
            else:
                chosen = database.rollback(rollback_number(rollback))
            candidate.edit(request.holder, request.now)
            candidate.tree = copy_tree(chosen)
            candidate.settle()
            return [_load_results(request, [])]
    action = operation.get("action", "merge")
    if action not in _ACTIONS:
        raise RpcFailure(RpcError("syntax error", bad_element=action))
    payload = next(
        (c for c in operation.iterchildren(tag=etree.Element) if local_name(c) in _WRAPPERS), None
    )
    if payload is None:
        raise RpcFailure(RpcError("syntax error", bad_element="load-configuration"))
    tree = candidate.edit(request.holder, request.now)
    try:
        problems = _load(database, tree, payload, action)
    except MalformedConfiguration as error:
        problems = [LoadError("[edit]", local_name(payload), str(error))]
    candidate.settle()
    return [_load_results(request, problems)]


def _load(
    database: ConfigurationDatabase, tree: Tree, payload: etree._Element, action: str
) -> list[LoadError]:
    schema, wrapper = database.schema, local_name(payload)
    text = payload.text or ""
    if wrapper == "configuration-set":
        problems = []
        for edit in read_set(schema, text):
            if isinstance(edit, LoadError):
                problems.append(edit)
            else:
                problems += apply(schema, tree, [edit], Operation.MERGE)
        return problems
    readers: dict[str, Callable[[], tuple[list[Edit], list[LoadError]]]] = {
        "configuration": lambda: read_xml(schema, payload),
        "configuration-text": lambda: read_text(schema, text),
        "configuration-json": lambda: read_json(schema, text),
        "configuration-patch": lambda: read_patch(schema, text),
    }
    if action == "patch" and wrapper == "configuration-text":
        wrapper = "configuration-patch"
    edits, problems = readers[wrapper]()
    if _ACTIONS[action] is Operation.REPLACE:
        tree.clear()
    return problems + apply(schema, tree, edits, Operation.MERGE)


def _load_results(request: Request, problems: list[LoadError]) -> etree._Element:
    dialect = request.dialect
    errors = [p for p in problems if p.severity is Severity.ERROR]
    shown = errors if errors or dialect.rfc_compliant else problems
    results = dialect.own("load-configuration-results")
    results.extend(_load_error(problem).element(dialect) for problem in shown)
    if errors:
        results.append(dialect.own("load-error-count", str(len(errors))))
    else:
        results.append(dialect.base("ok"))
    return results


_DEFAULT_OPERATIONS = {
    "merge": Operation.MERGE,
    "replace": Operation.REPLACE,
    "none": Operation.NONE,
}


def edit_config(database: ConfigurationDatabase, request: Request) -> Elements:
    target = request.child("target")
    named = [local_name(c) for c in target] if target is not None else []
    if named != ["candidate"]:
        raise RpcFailure(
            RpcError("target must be candidate", tag="invalid-value", bad_element="target")
        )
    default = _DEFAULT_OPERATIONS.get(request.text("default-operation") or "merge")
    if default is None:
        raise RpcFailure(
            RpcError("syntax error", tag="invalid-value", bad_element="default-operation")
        )
    with refusals():
        candidate = database.writable(request.holder, request.now)
    config = request.child("config")
    text = request.text("config-text")
    trial = copy_tree(candidate.tree)
    if config is not None:
        inner = next(
            (c for c in config.iterchildren(tag=etree.Element)), etree.Element("configuration")
        )
        edits, problems = read_xml(database.schema, inner)
    elif text is not None:
        node = request.child("config-text")
        inner_text = "".join(map(str, node.itertext())) if node is not None else text
        edits, problems = read_text(database.schema, inner_text)
    else:
        raise RpcFailure(RpcError("config is missing", tag="missing-element", bad_element="config"))
    if default is Operation.REPLACE:
        trial.clear()
        default = Operation.MERGE
    problems += apply(database.schema, trial, edits, default)
    if problems:
        # RFC 6241 §7.2: data-exists and data-missing are errors here, not Junos' warnings.
        raise RpcFailure(
            *(
                RpcError(
                    p.message, tag=p.tag, kind="application", path=p.path, bad_element=p.bad_element
                )
                for p in problems
            )
        )
    if request.text("test-option") != "test-only":
        candidate.edit(request.holder, request.now)
        candidate.tree = trial
        candidate.settle()
    return ok(request)
