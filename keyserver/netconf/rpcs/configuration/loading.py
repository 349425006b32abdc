# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changing a candidate: ``load-configuration`` and ``edit-config``."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from ....config.apply import apply
from ....config.database import ConfigurationDatabase
from ....config.edit import (
    Edit,
    LoadError,
    MalformedConfiguration,
    Operation,
    Severity,
    copy_tree,
)
from ....config.effective import CommitRefused
from ....config.namespaces import own_name
from ....config.read_json import read_json
from ....config.read_patch import read_patch
from ....config.read_set import read_set
from ....config.read_text import read_text
from ....config.read_xml import REPLACES, read_xml
from ....config.schema import Statement
from ....config.tree import Tree
from ...arguments import (
    SHOWN,
    Accepts,
    Argument,
    one_of,
    refuse_attributes,
    refuse_text,
    syntax_error,
)
from ...reply import RpcError, RpcFailure, xml_text
from ...session import Request
from ...xml import local_name
from .answers import Elements, edit_error, ok, refusals, rollback_number
from .holding import put, target, writable


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

_WRAPPERS = frozenset(
    {
        "configuration",
        "configuration-text",
        "configuration-set",
        "configuration-json",
        "configuration-patch",
    }
)
_WRITTEN_IN = {"configuration": "xml", "configuration-json": "json"}
"""What ``format`` says of a wrapper; of all others, ``text``."""
LOAD_CONFIGURATION = Accepts(
    attributes={
        "action": frozenset(_ACTIONS),
        "format": frozenset({"xml", "text", "json"}),
        "rollback": None,
        "compare": frozenset({"rollback"}),
        "rescue": frozenset({"rescue"}),
    },
    payload=_WRAPPERS,
    alternatives=(_WRAPPERS,),
)


def load_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Load a configuration in any format, or one that was committed before."""
    given = list(request.operation.iterchildren(tag=etree.Element))
    stored = [name for name in ("rollback", "rescue") if request.operation.get(name) is not None]
    if stored:
        _refuse_beside_stored(request, stored, given)
        put(database, request, copy_tree(_earlier(database, request)))
        return [_load_results(request, [])]
    if not given or request.operation.get("compare") is not None:
        raise syntax_error("compare" if given else "load-configuration")
    return [_load_results(request, _load(database, request, given[0]))]


def _refuse_beside_stored(request: Request, stored: list[str], given: list[etree._Element]) -> None:
    """What was committed before comes whole: from one place, and with nothing to merge into it."""
    if given:
        raise syntax_error(local_name(given[0]))
    if len(stored) > 1:
        raise syntax_error(stored[1])
    if request.operation.get("action") not in (None, "override"):
        raise syntax_error("action")
    if request.operation.get("format") is not None:
        raise syntax_error("format")


def _earlier(database: ConfigurationDatabase, request: Request) -> Tree:
    """The committed or rescue configuration that is asked for."""
    rollback = request.operation.get("rollback")
    with refusals():
        if rollback in (None, "rescue"):
            return database.archive.rescue()
        return database.rollback(rollback_number(rollback))


def _load(
    database: ConfigurationDatabase, request: Request, payload: etree._Element
) -> list[LoadError]:
    action = request.operation.get("action", "merge")
    _refuse_form(request, payload)
    candidate = writable(database, request)
    wrapper = _wrapper(action, payload)
    anew = _ACTIONS[action] is Operation.REPLACE
    if anew:
        _refuse_patterns(payload)
    try:
        edits, problems = _READERS[wrapper](database.schema, payload)
    except MalformedConfiguration as error:
        return [LoadError("[edit]", wrapper, str(error))]
    tree = candidate.edit(request.holder, request.now)
    problems = problems + apply(database.schema, tree, edits, Operation.MERGE, anew=anew)
    candidate.settle(database.schema)
    return problems


def _wrapper(action: str, payload: etree._Element) -> str:
    """What tells how the payload is read; set lines and differences have an action of their own."""
    wrapper = local_name(payload)
    if action == "patch" and wrapper == "configuration-text":
        wrapper = "configuration-patch"
    for word in ("set", "patch"):
        if (action == word) != (wrapper == f"configuration-{word}") and action != "merge":
            raise syntax_error(wrapper)
    return wrapper


def _refuse_form(request: Request, payload: etree._Element) -> None:
    """What ``format`` says is what the wrapper holds; text has no elements in it."""
    wrapper = local_name(payload)
    written = _WRITTEN_IN.get(wrapper, "text")
    if request.operation.get("format", written) != written:
        raise syntax_error(wrapper)
    if wrapper != "configuration":
        refuse_attributes(payload, {})
        if len(payload):
            raise syntax_error(local_name(payload[0]))


def _refuse_patterns(payload: etree._Element) -> None:
    """Where nothing is left of a configuration there is nothing to replace a pattern in."""
    for element in payload.iter(tag=etree.Element):
        if element.get(REPLACES) is not None:
            raise syntax_error(REPLACES)


def _read_set(schema: Statement, text: str) -> tuple[list[Edit], list[LoadError]]:
    edits: list[Edit] = []
    problems: list[LoadError] = []
    for one in read_set(schema, text):
        if isinstance(one, LoadError):
            problems.append(one)
        else:
            edits.append(one)
    return edits, problems


_READERS: dict[str, Callable[[Statement, etree._Element], tuple[list[Edit], list[LoadError]]]] = {
    "configuration": read_xml,
    "configuration-text": lambda schema, payload: read_text(schema, payload.text or ""),
    "configuration-set": lambda schema, payload: _read_set(schema, payload.text or ""),
    "configuration-json": lambda schema, payload: read_json(schema, payload.text or ""),
    "configuration-patch": lambda schema, payload: read_patch(schema, payload.text or ""),
}


def _load_results(request: Request, problems: list[LoadError]) -> etree._Element:
    dialect = request.dialect
    errors = [p for p in problems if p.severity is Severity.ERROR]
    shown = errors if errors or dialect.rfc_compliant else problems
    results = dialect.own("load-configuration-results")
    if request.operation.get("action") == "set":
        # So says a device of 20.4 in the tests of netconf-java, which reads no such reply without.
        results.set("action", "set")
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
EDIT_CONFIG = Accepts(
    (
        Argument("default-operation", one_of(*_DEFAULT_OPERATIONS)),
        Argument("test-option", one_of("test-then-set", "set", "test-only")),
        Argument("error-option", one_of("stop-on-error", "continue-on-error", "rollback-on-error")),
    ),
    payload=frozenset({"target", "config", "config-text"}),
    alternatives=(frozenset({"config", "config-text"}),),
)


def edit_config(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's edit, of the candidate alone; all of it or nothing.

    Only ``continue-on-error`` keeps what could be done. ``test-then-set`` sets nothing that
    could not be committed, ``test-only`` nothing at all.
    """
    target(request, "candidate")
    trial = copy_tree(writable(database, request).tree)
    wrong = [edit_error(problem) for problem in _tried(database, request, trial)]
    test = request.text("test-option") or "set"
    failures = _would_fail(database, trial) if test != "set" else []
    keep = not wrong or request.text("error-option") == "continue-on-error"
    if keep and not failures and test != "test-only":
        put(database, request, trial)
    if wrong or failures:
        raise RpcFailure(*wrong, *failures)
    return ok(request)


def _tried(database: ConfigurationDatabase, request: Request, trial: Tree) -> list[LoadError]:
    """Edit a copy of the candidate; what could not be done of it."""
    default = _DEFAULT_OPERATIONS[request.text("default-operation") or "merge"]
    anew = default is Operation.REPLACE
    if anew:
        _refuse_patterns(request.operation)
        default = Operation.MERGE
    edits, problems = _edits(database, request)
    return problems + apply(database.schema, trial, edits, default, anew=anew)


def _edits(database: ConfigurationDatabase, request: Request) -> tuple[list[Edit], list[LoadError]]:
    text = request.child("config-text")
    try:
        if text is not None:
            return read_text(database.schema, _written(text))
        configuration = _in_config(request)
        return ([], []) if configuration is None else read_xml(database.schema, configuration)
    except MalformedConfiguration as error:
        raise RpcFailure(RpcError(xml_text(str(error)), kind="application")) from None


def _in_config(request: Request) -> etree._Element | None:
    """The one configuration in ``config``; None where it is empty."""
    config = request.child("config")
    if config is None:
        raise RpcFailure(RpcError("config is missing", tag="missing-element", bad_element="config"))
    refuse_attributes(config, {})
    refuse_text(config)
    given = list(config.iterchildren(tag=etree.Element))
    if given and (len(given) > 1 or own_name(str(given[0].tag)) != "configuration"):
        bad = local_name(given[-1])
        raise RpcFailure(RpcError("syntax error", tag="unknown-element", bad_element=bad[:SHOWN]))
    return given[0] if given else None


def _written(element: etree._Element) -> str:
    """The text in ``config-text``, which may stand in ``configuration-text`` there."""
    refuse_attributes(element, {})
    inner = list(element.iterchildren(tag=etree.Element))
    if not inner:
        return element.text or ""
    refuse_text(element)
    if len(inner) > 1 or own_name(str(inner[0].tag)) != "configuration-text" or len(inner[0]):
        raise syntax_error(local_name(inner[-1]))
    refuse_attributes(inner[0], {})
    return inner[0].text or ""


def _would_fail(database: ConfigurationDatabase, trial: Tree) -> list[RpcError]:
    try:
        database.effective.check(trial)
    except CommitRefused as refused:
        return [
            RpcError(
                xml_text(one.message),
                tag="invalid-value",
                kind="application",
                path=xml_text(one.path),
                bad_element=xml_text(one.bad_element),
            )
            for one in refused.violations
        ]
    return []
