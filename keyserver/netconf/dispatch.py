# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From an RPC's name to what answers it, the same for every device."""

from __future__ import annotations

from functools import partial

from lxml import etree

from ..config.namespaces import own_name
from ..config.store import StoreFailed
from .arguments import Accepts, Argument, syntax_error, text_of
from .commands import Command, read_command
from .presentation import as_json, as_text, piped
from .reply import RpcError, RpcFailure
from .rpcs.configuration import COMMITS, CONFIGURATION_RPCS, HOLDING_RPCS, commit_accepts
from .rpcs.platform import Elements, Platform
from .session import Content, Request
from .work import Steps, Work
from .xml import local_name

_SESSION = Accepts((Argument("session-id", text_of(20), may_be_empty=True),))
_COMMAND = Accepts(
    attributes={"format": frozenset({"text", "ascii", "xml", "json", "set"})},
    text=True,
)


def perform(device: Platform, request: Request) -> Steps[Content]:
    """Carry out one RPC; the children of its rpc-reply. Raises RpcFailure."""
    try:
        return (yield from _perform(device, request))
    except StoreFailed as error:
        raise RpcFailure(
            RpcError(f"could not use the configuration database: {error}", kind="application")
        ) from None


def _perform(device: Platform, request: Request) -> Steps[Content]:
    name = own_name(str(request.operation.tag))
    if name == "close-session":
        Accepts().refuse_others(request.operation)
        return [request.dialect.base("ok")]
    if name == "kill-session":
        return _kill(device, request)
    if name == "command":
        return (yield from _command(device, request))
    if name in COMMITS:
        clustered = device.identity().cluster_node is not None
        commit_accepts(name, clustered=clustered).refuse_others(request.operation)
        with device.database.in_progress():
            done = yield from COMMITS[name](device.database, request)
        device.on_deadline_changed()
        return done
    return (yield from _by_table(device, request, name))


def _by_table(device: Platform, request: Request, name: str) -> Steps[Content]:
    holding = HOLDING_RPCS.get(name)
    if holding is not None:
        holding.accepts.refuse_others(request.operation)
        return holding.handler(device.database, request)
    configure = CONFIGURATION_RPCS.get(name)
    if configure is not None:
        configure.accepts.refuse_others(request.operation)
        if configure.loads:
            device.database.loading(request.octets)
        work = partial(configure.handler, device.database, request)
        with device.database.in_progress():
            content: Content = yield Work(work, configure.weight(device.database, request))
        if not configure.shown:
            return content
        return _shown([part for part in content if not isinstance(part, str)], request)
    operate = device.rpcs.get(name)
    if operate is None:
        raise syntax_error(local_name(request.operation))
    operate.accepts.refuse_others(request.operation)
    return _shown((yield from operate.steps(device, request)), request)


def _shown(elements: Elements, request: Request) -> Content:
    """An operational reply in the format that was asked for."""
    form = request.operation.get("format")
    if form == "json":
        return [f"{as_json(elements)}\n"]
    return list(as_text(elements, request) if form in ("text", "ascii") else elements)


def _command(device: Platform, request: Request) -> Steps[Content]:
    _COMMAND.refuse_others(request.operation)
    line = " ".join((request.operation.text or "").split())
    command = read_command(
        line,
        device.database.schema,
        device.rpcs,
        request.operation.get("format"),
    )
    if command.shows_rpc:
        rpc = etree.Element("rpc")
        rpc.append(command.operation)
        return piped([rpc], command, request)
    content = yield from _perform(device, _behind(command, request))
    return piped(content, command, request)


def _behind(command: Command, request: Request) -> Request:
    return Request(command.operation, request.session, request.now, request.octets)


def _kill(device: Platform, request: Request) -> Content:
    _SESSION.refuse_others(request.operation)
    text = request.text("session-id") or ""
    victim = device.sessions.get(int(text)) if text.isascii() and text.isdigit() else None
    if victim is None or victim is request.session:
        raise RpcFailure(
            RpcError("invalid session-id", tag="invalid-value", bad_element="session-id")
        )
    victim.end(request.now)
    if victim.terminate is not None:
        victim.terminate()
    return [request.dialect.base("ok")]
