# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may edit: locks, private copies, giving up what was edited."""

from __future__ import annotations

from ....config.candidate import Candidate
from ....config.database import ConfigurationDatabase
from ....config.tree import Tree
from ...arguments import only_child
from ...reply import RpcError, RpcFailure
from ...session import Request
from .answers import Elements, ok, pending_warning, refusals


def target(request: Request, *allowed: str) -> str:
    """The datastore that ``target`` names (RFC 6241); raises RpcFailure for others."""
    element = request.child("target")
    if element is None:
        raise RpcFailure(RpcError("target is missing", tag="missing-element", bad_element="target"))
    named = only_child(element)
    if named not in allowed:
        raise RpcFailure(
            RpcError(
                f"target must be {' or '.join(allowed)}", tag="invalid-value", bad_element="target"
            )
        )
    return named


def _locked(database: ConfigurationDatabase, request: Request, *, running: bool) -> Elements:
    with refusals():
        database.lock(request.holder, request.now, running=running)
    warnings = [e.element(request.dialect) for e in pending_warning(database, request)]
    return [*warnings, *ok(request)]


def lock(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's lock; Junos has one lock for both datastores."""
    running = target(request, "candidate", "running") == "running"
    return _locked(database, request, running=running)


def lock_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Junos' own form of the same lock."""
    return _locked(database, request, running=False)


def unlock(database: ConfigurationDatabase, request: Request) -> Elements:
    """RFC 6241's unlock."""
    target(request, "candidate", "running")
    return unlock_configuration(database, request)


def unlock_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Give the lock back, and up what was not committed."""
    with refusals():
        database.workspace.unlock(request.holder)
    return ok(request)


def open_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Open the shared candidate (``exclusive``: with its lock) or a private copy."""
    said = pending_warning(database, request)
    with refusals():
        if request.child("private") is not None:
            database.workspace.open_private(request.holder, request.now)
            if not request.dialect.rfc_compliant:
                text = "uncommitted changes will be discarded on exit"
                said.append(RpcError(text, severity="warning"))
        else:
            exclusive = request.child("exclusive") is not None
            database.workspace.open_shared(request.holder, request.now, exclusive=exclusive)
    return [warning.element(request.dialect) for warning in said]


def close_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    """Close what was opened; uncommitted changes are lost."""
    with refusals():
        database.workspace.close(request.holder)
    return []


def discard(database: ConfigurationDatabase, request: Request) -> Elements:
    """Make the candidate what is committed."""
    writable(database, request)
    database.workspace.discard(request.holder)
    return ok(request)


def writable(database: ConfigurationDatabase, request: Request) -> Candidate:
    """The candidate that a request may write to. Raises RpcFailure."""
    with refusals():
        return database.workspace.writable(request.holder, request.now)


def put(database: ConfigurationDatabase, request: Request, tree: Tree) -> None:
    """Make a whole configuration the candidate. Raises RpcFailure."""
    candidate = writable(database, request)
    candidate.edit(request.holder, request.now)
    candidate.tree = tree
    candidate.settle(database.schema)
