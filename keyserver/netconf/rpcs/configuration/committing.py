# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``validate``, ``commit`` of RFC 6241 and Junos' ``commit-configuration``."""

from __future__ import annotations

from lxml import etree

from ....config.constraints import Violation
from ....config.database import CommitRefused, ConfigurationDatabase
from ...reply import RpcError, RpcFailure, xml_text
from ...session import Request
from ...xml import local_name
from .answers import Elements, ok, refusals
from .reading import source_tree

CONFIRM_MINUTES = 10.0
"""Junos' default for ``commit confirmed``."""


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


def validate(database: ConfigurationDatabase, request: Request) -> Elements:
    tree = source_tree(database, request, "candidate")
    try:
        database.check(tree)
    except CommitRefused as refused:
        return _commit_errors(request, refused, check=True)
    if request.dialect.rfc_compliant:
        return ok(request)
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


def commit_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    _only(request, _COMMIT_OPTIONS)
    check = request.child("check") is not None
    confirm = None
    if request.child("confirmed") is not None:
        minutes = _positive(request.text("confirm-timeout"), CONFIRM_MINUTES)
        confirm = minutes * 60
    elif request.text("confirm-timeout"):
        confirm = _positive(request.text("confirm-timeout"), CONFIRM_MINUTES) * 60
    return _commit(database, request, check=check, confirm=confirm)


def rfc_commit(database: ConfigurationDatabase, request: Request) -> Elements:
    _only(request, _RFC_COMMIT_OPTIONS)
    confirm = None
    if request.child("confirmed") is not None:
        confirm = _positive(request.text("confirm-timeout"), 600.0)
    done = _commit(database, request, check=False, confirm=confirm)
    return done if local_name(done[0]) == "commit-results" and len(done) == 1 else ok(request)


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
        with refusals():
            database.commit(request.holder, request.now, request.text("log") or "", confirm)
    except CommitRefused as refused:
        return _commit_errors(request, refused, check=check)
    return _commit_results(request, "commit-success")
