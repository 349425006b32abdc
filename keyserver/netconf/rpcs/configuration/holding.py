# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may edit: locks, private copies, giving up what was edited."""

from __future__ import annotations

from ....config.database import ConfigurationDatabase
from ...reply import RpcError
from ...session import Request
from .answers import Elements, ok, refusals


def lock(database: ConfigurationDatabase, request: Request) -> Elements:
    with refusals():
        database.lock(request.holder, request.now)
    return ok(request)


def unlock(database: ConfigurationDatabase, request: Request) -> Elements:
    with refusals():
        database.unlock(request.holder)
    return ok(request)


def open_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    if request.child("private") is None:
        with refusals():
            database.writable(request.holder, request.now)
        return []
    with refusals():
        database.open_private(request.holder, request.now)
    if request.dialect.rfc_compliant:
        return []
    warning = RpcError("uncommitted changes will be discarded on exit", severity="warning")
    return [warning.element(request.dialect)]


def close_configuration(database: ConfigurationDatabase, request: Request) -> Elements:
    if request.holder.session_id in database.private:
        database.close_private(request.holder)
    elif database.lock_holder is None:
        by = database.shared.touched_by
        if by is not None and by.session_id == request.holder.session_id:
            database.discard()
    return []


def discard(database: ConfigurationDatabase, request: Request) -> Elements:
    with refusals():
        database.writable(request.holder, request.now)
    database.discard(request.holder)
    return ok(request)
