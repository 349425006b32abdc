# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RPCs on the configuration: Junos' own and the standard ones of RFC 6241.

Each handler takes the device's :class:`ConfigurationDatabase` and a :class:`Request` and returns
the children of the ``rpc-reply``. ``CONFIGURATION_RPCS`` is the table of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lxml import etree

from ..config.constraints import Violation
from ..config.database import CommitRefused, ConfigurationDatabase, DatabaseRefusal, utc
from ..config.edit import (
    Edit,
    LoadError,
    MalformedConfiguration,
    Operation,
    Severity,
    apply,
    copy_tree,
)
from ..config.read_json import read_json
from ..config.read_patch import read_patch
from ..config.read_text import read_set, read_text
from ..config.read_xml import read_xml
from ..config.show import to_json, to_set, to_text, to_xml
from ..config.tree import Tree
from .reply import YANG_CONF, RpcError, RpcFailure, xml_text
from .session import Content, Request
from .subtree import select
from .xml import local_name

Elements = Content
Handler = Callable[[ConfigurationDatabase, Request], Elements]

CONFIRM_MINUTES = 10.0
"""Junos' default for ``commit confirmed``."""


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except DatabaseRefusal as refusal:
        raise RpcFailure(
            RpcError(refusal.message, tag=refusal.tag, session_id=refusal.session_id)
        ) from None


def _ok(request: Request) -> Elements:
    return [request.dialect.base("ok")]


# Reading


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


def _get_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
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
    number = _rollback_number(request.operation.get("rollback", "0"))
    with _refusals():
        old = database.rollback(number)
    text = database.difference(old, tree)
    # A device without differences answers a lone newline, never an empty element.
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    return request.dialect.own("configuration-information", None, output)


def _rollback_number(text: str) -> int:
    if not text.isdigit() or len(text) > 4:
        raise RpcFailure(RpcError(f"Invalid numeric value: '{text}'", bad_element=text))
    return int(text)


def _source_tree(database: ConfigurationDatabase, request: Request, default: str) -> Tree:
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


def _get_config(database: ConfigurationDatabase, request: Request) -> Elements:
    source = _source_tree(database, request, "running")
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


# Loading


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


def _load_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    operation = request.operation
    with _refusals():
        candidate = database.writable(request.holder, request.now)
        rollback = operation.get("rollback")
        if rollback is not None or operation.get("rescue") is not None:
            if rollback in (None, "rescue"):
                chosen = database.rescue()
            else:
                chosen = database.rollback(_rollback_number(rollback))
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


def _edit_config(database: ConfigurationDatabase, request: Request) -> Elements:
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
    with _refusals():
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
    return _ok(request)


# Locks


def _lock(database: ConfigurationDatabase, request: Request) -> Elements:
    with _refusals():
        database.lock(request.holder, request.now)
    return _ok(request)


def _unlock(database: ConfigurationDatabase, request: Request) -> Elements:
    with _refusals():
        database.unlock(request.holder)
    return _ok(request)


def _open_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    if request.child("private") is None:
        with _refusals():
            database.writable(request.holder, request.now)
        return []
    with _refusals():
        database.open_private(request.holder, request.now)
    if request.dialect.rfc_compliant:
        return []
    warning = RpcError("uncommitted changes will be discarded on exit", severity="warning")
    return [warning.element(request.dialect)]


def _close_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    if request.holder.session_id in database.private:
        database.close_private(request.holder)
    elif database.lock_holder is None:
        by = database.shared.touched_by
        if by is not None and by.session_id == request.holder.session_id:
            database.discard()
    return []


def _discard(database: ConfigurationDatabase, request: Request) -> Elements:
    with _refusals():
        database.writable(request.holder, request.now)
    database.discard(request.holder)
    return _ok(request)


# Committing


def _violation(violation: Violation) -> RpcError:
    return RpcError(
        xml_text(violation.message),
        tag="invalid-value" if violation.source_daemon is None else "operation-failed",
        kind="application",
        path=xml_text(violation.path),
        bad_element=xml_text(violation.bad_element),
        source_daemon=violation.source_daemon,
    )


def _commit_errors(
    request: Request, refused: CommitRefused, *, check: bool
) -> list[etree._Element]:
    verb = "configuration check-out failed" if check else "commit failed"
    by_daemon = all(v.source_daemon for v in refused.violations)
    last = verb if by_daemon else f"{verb}: (statements constraint check failed)"
    errors = [*map(_violation, refused.violations), RpcError(last)]
    results = request.dialect.own("commit-results")
    results.extend(error.element(request.dialect) for error in errors)
    return [results]


def _commit_results(request: Request, name: str) -> list[etree._Element]:
    if request.session.host.terse_results():
        return [request.dialect.base("ok")]
    dialect = request.dialect
    engine = dialect.own("routing-engine", None, dialect.own("name", "re0"), dialect.own(name))
    dialect.styled(engine, style="normal")
    return [dialect.own("commit-results", None, engine), dialect.base("ok")]


def _validate(database: ConfigurationDatabase, request: Request) -> Elements:
    tree = _source_tree(database, request, "candidate")
    try:
        database.check(tree)
    except CommitRefused as refused:
        return _commit_errors(request, refused, check=True)
    if request.dialect.rfc_compliant:
        return _ok(request)
    return _commit_results(request, "commit-check-success")


_COMMIT_OPTIONS = (
    "check",
    "confirmed",
    "confirm-timeout",
    "log",
    "synchronize",
    "force-synchronize",
    "full",
)
_RFC_COMMIT_OPTIONS = ("confirmed", "confirm-timeout")
"""confirmed-commit:1.0, which has no persistent commits."""


def _only(request: Request, known: tuple[str, ...]) -> None:
    for child in request.operation.iterchildren(tag=etree.Element):
        if local_name(child) not in known:
            raise RpcFailure(RpcError("syntax error", bad_element=local_name(child)))


def _commit_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    _only(request, _COMMIT_OPTIONS)
    check = request.child("check") is not None
    confirm = None
    if request.child("confirmed") is not None:
        minutes = _positive(request.text("confirm-timeout"), CONFIRM_MINUTES)
        confirm = minutes * 60
    elif request.text("confirm-timeout"):
        confirm = _positive(request.text("confirm-timeout"), CONFIRM_MINUTES) * 60
    return _commit(database, request, check=check, confirm=confirm)


def _rfc_commit(database: ConfigurationDatabase, request: Request) -> Elements:
    _only(request, _RFC_COMMIT_OPTIONS)
    confirm = None
    if request.child("confirmed") is not None:
        confirm = _positive(request.text("confirm-timeout"), 600.0)
    done = _commit(database, request, check=False, confirm=confirm)
    return done if local_name(done[0]) == "commit-results" and len(done) == 1 else _ok(request)


def _positive(text: str | None, default: float) -> float:
    if not text:
        return default
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise RpcFailure(
            RpcError(f"Value {text} is not within range (1..65535)", bad_element="confirm-timeout")
        )
    return float(text)


def _commit(
    database: ConfigurationDatabase, request: Request, *, check: bool, confirm: float | None
) -> list[etree._Element]:
    try:
        if check:
            database.check(database.candidate(request.holder).tree)
            return _commit_results(request, "commit-check-success")
        with _refusals():
            database.commit(request.holder, request.now, request.text("log") or "", confirm)
    except CommitRefused as refused:
        return _commit_errors(request, refused, check=check)
    return _commit_results(request, "commit-success")


def _commit_information(database: ConfigurationDatabase, request: Request) -> Elements:
    dialect = request.dialect
    information = dialect.own("commit-information")
    for number, record in enumerate(database.history):
        entry = dialect.own(
            "commit-history",
            None,
            dialect.own("sequence-number", str(number)),
            dialect.own("user", xml_text(record.user)),
            dialect.own("client", record.client),
            dialect.styled(
                dialect.own("date-time", utc(record.time)), seconds=str(int(record.time))
            ),
        )
        if record.comment:
            entry.append(dialect.own("log", xml_text(record.comment)))
        information.append(entry)
    return [information]


def _rollback_information(database: ConfigurationDatabase, request: Request) -> Elements:
    number = _rollback_number(request.text("rollback") or "0")
    against = request.text("compare")
    with _refusals():
        tree = database.rollback(number)
        old = database.rollback(_rollback_number(against)) if against is not None else None
    text = to_text(database.schema, tree) if old is None else database.difference(old, tree)
    output = request.dialect.own("configuration-output", xml_text(f"\n{text}"))
    information = request.dialect.own("configuration-information", None, output)
    return [request.dialect.own("rollback-information", None, information)]


def _rescue_information(database: ConfigurationDatabase, request: Request) -> Elements:
    dialect = request.dialect
    with _refusals():
        tree = database.rescue()
    if (request.text("format") or request.operation.get("format")) == "xml":
        configuration = to_xml(database.schema, tree, dialect.configuration())
        return [dialect.own("rescue-information", None, configuration)]
    text = xml_text(f"\n{to_text(database.schema, tree)}")
    output = dialect.own("configuration-output", text)
    information = dialect.own("configuration-information", None, output)
    return [dialect.own("rescue-information", None, information)]


def _save_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    database.save_rescue()
    return _ok(request)


def _delete_rescue(database: ConfigurationDatabase, request: Request) -> Elements:
    database.delete_rescue()
    return _ok(request)


CONFIGURATION_RPCS: dict[str, Handler] = {
    "get-configuration": _get_configuration,
    "get-config": _get_config,
    "get-rescue-information": _rescue_information,
    "request-save-rescue-configuration": _save_rescue,
    "request-delete-rescue-configuration": _delete_rescue,
    "get": _get_config,
    "load-configuration": _load_configuration,
    "edit-config": _edit_config,
    "lock": _lock,
    "unlock": _unlock,
    "lock-configuration": _lock,
    "unlock-configuration": _unlock,
    "open-configuration": _open_configuration,
    "close-configuration": _close_configuration,
    "discard-changes": _discard,
    "validate": _validate,
    "commit": _rfc_commit,
    "commit-configuration": _commit_configuration,
    "get-commit-information": _commit_information,
    "get-rollback-information": _rollback_information,
}
