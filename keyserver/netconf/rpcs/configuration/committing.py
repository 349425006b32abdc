# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``validate``, ``commit`` of RFC 6241 and Junos' ``commit-configuration``."""

from __future__ import annotations

import math
from functools import partial

from lxml import etree

from ....config.confirmed import Confirmation
from ....config.constraints import Violation
from ....config.database import Commit, ConfigurationDatabase
from ....config.effective import CommitRefused
from ...arguments import Accepts, Argument, number, syntax_error, text_of
from ...reply import RpcError, xml_text
from ...session import Request
from ...work import LIGHT, Steps, Work
from .answers import Elements, ok, refusals
from .reading import source_tree

CONFIRM_MINUTES = 10
"""Junos' default for ``commit confirmed``."""
CONFIRM_SECONDS = 600
"""RFC 6241's default."""


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


def _said(request: Request, refused: CommitRefused, *, check: bool) -> Steps[Elements]:
    """There may be as many reasons as statements."""
    work = partial(_commit_errors, request, refused, check=check)
    errors: Elements = yield Work(work, _VIOLATION_OCTETS * len(refused.violations))
    return errors


_VIOLATION_OCTETS = 300
"""About how long the error is that names one."""


def _commit_results(request: Request, name: str, notice: str | None = None) -> list[etree._Element]:
    if request.session.host.terse_results():
        return [request.dialect.base("ok")]
    dialect = request.dialect
    engine = dialect.own("routing-engine", None, dialect.own("name", "re0"), dialect.own(name))
    dialect.styled(engine, style="normal")
    results = dialect.own("commit-results", None, engine)
    if notice is not None:
        results.append(dialect.own("output", f"\n{notice}\n"))
    return [results, dialect.base("ok")]


VALIDATE = Accepts(payload=frozenset({"source"}))


def validate(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's validate: what committing would say."""
    tree = source_tree(database, request)
    try:
        if tree is database.committed:
            database.effective.check(tree)
        else:
            with refusals():
                database.check_candidate(request.holder)
    except CommitRefused as refused:
        return _commit_errors(request, refused, check=True)
    if request.dialect.rfc_compliant:
        return ok(request)
    return _commit_results(request, "commit-check-success")


_CONFIRM_MINUTES = number(1, 65535)
_CONFIRM_SECONDS = number(1, 4294967295)
COMMIT_CONFIGURATION = Accepts(
    (
        Argument("check"),
        Argument("confirmed"),
        Argument("confirm-timeout", _CONFIRM_MINUTES, may_be_empty=True),
        Argument("log", text_of(512), may_be_empty=True),
        Argument("full"),
    )
)
SYNCHRONIZED = Accepts(
    (*COMMIT_CONFIGURATION.arguments, Argument("synchronize"), Argument("force-synchronize"))
)
"""On a chassis cluster."""
COMMIT = Accepts(
    (Argument("confirmed"), Argument("confirm-timeout", _CONFIRM_SECONDS, may_be_empty=True))
)
"""confirmed-commit:1.0, which has no persistent commits."""


def commit_configuration(database: ConfigurationDatabase, request: Request) -> Steps[Elements]:
    """Junos' commit: minutes, a log message, or a check alone."""
    if request.child("check") is not None:
        for other in ("confirmed", "confirm-timeout"):
            if request.child(other) is not None:
                raise syntax_error(other)
        return (yield from _check(database, request))
    timeout = request.text("confirm-timeout")
    confirmation = None
    if timeout is not None or request.child("confirmed") is not None:
        confirmation = Confirmation(60 * float(timeout or CONFIRM_MINUTES))
    try:
        yield from _committed(database, request, confirmation)
    except CommitRefused as refused:
        return (yield from _said(request, refused, check=False))
    return _commit_results(request, "commit-success", _notice(confirmation))


def rfc_commit(database: ConfigurationDatabase, request: Request) -> Steps[Elements]:
    """RFC 6241's commit: seconds, and bound to its session."""
    confirmation = None
    if request.child("confirmed") is not None:
        seconds = float(request.text("confirm-timeout") or CONFIRM_SECONDS)
        confirmation = Confirmation(seconds, bound=True)
    elif request.child("confirm-timeout") is not None:
        raise syntax_error("confirm-timeout")
    try:
        yield from _committed(database, request, confirmation, by_rfc=True)
    except CommitRefused as refused:
        return (yield from _said(request, refused, check=False))
    return ok(request)


def _check(database: ConfigurationDatabase, request: Request) -> Steps[Elements]:
    """A check, which confirms what awaits it, as a commit would."""
    try:
        with refusals():
            yield Work(partial(database.check_candidate, request.holder), database.weight)
    except CommitRefused as refused:
        return (yield from _said(request, refused, check=True))
    if database.confirmed.pending is not None:
        with refusals():
            confirmation = database.confirmation(request.holder, request.now)
        yield _written(database, confirmation)
        database.confirmed.end()
    return _commit_results(request, "commit-check-success")


def _committed(
    database: ConfigurationDatabase,
    request: Request,
    confirmation: Confirmation | None,
    *,
    by_rfc: bool = False,
) -> Steps[None]:
    stage = partial(
        database.stage,
        request.holder,
        request.now,
        request.text("log") or "",
        confirmation,
        by_rfc=by_rfc,
    )
    with refusals():
        staged: Commit = yield Work(stage, database.weight)
    yield _written(database, staged)
    database.activate(staged, request.now)


def _written(database: ConfigurationDatabase, commit: Commit) -> Work:
    """A disk may take its time, however little is written."""
    return Work(partial(database.write, commit), LIGHT + 1, bare=True)


def _notice(confirmation: Confirmation | None) -> str | None:
    """What the CLI prints about a commit that must be confirmed."""
    if confirmation is None:
        return None
    minutes = math.ceil(confirmation.seconds / 60)
    return (
        f"commit confirmed will be automatically rolled back in {minutes} minutes unless confirmed"
    )
