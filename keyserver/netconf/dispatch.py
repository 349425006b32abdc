# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From an RPC's name to what answers it, the same for every device."""

from __future__ import annotations

from functools import partial

from lxml import etree

from ..config.namespaces import own_name
from ..config.store import StoreFailed
from .arguments import SHOWN, Accepts, Argument, syntax_error, text_of
from .commands import Command, read_command
from .presentation import MINIFIED, as_json, as_text, minified, piped
from .reply import RpcError, RpcFailure
from .rpcs.configuration import COMMITS, CONFIGURATION_RPCS, HOLDING_RPCS, commit_accepts
from .rpcs.platform import Elements, Platform
from .session import Content, Request
from .work import Steps, Wait, Work, handed, weight_of
from .xml import local_name

_SESSION = Accepts((Argument("session-id", text_of(20), may_be_empty=True),))
_LONGEST_COMMAND = 4096
"""Characters; the longest path of the schema with names of usual length has a tenth."""
_STRANGEST = 32
"""So many times as long as what is usual takes what is wrong or asked for in each of its octets."""
_COMMAND = Accepts(
    attributes={"format": frozenset({"text", "ascii", "xml", "json", "set"})},
    text=True,
)


def perform(device: Platform, request: Request) -> Steps[Content]:
    """Carry out one RPC; the children of its rpc-reply. Raises RpcFailure."""
    form = MINIFIED.get(request.operation.get("format", ""))
    try:
        if form is None or _loads(request):
            return (yield from _perform(device, request))
        request.operation.set("format", form)
        answer = yield from _perform(device, request)
        content: Content = yield Work(handed(minified, answer), weight_of(answer))
        return content
    except StoreFailed as error:
        raise RpcFailure(
            RpcError(f"could not use the configuration database: {error}", kind="application")
        ) from None


def _loads(request: Request) -> bool:
    """Whether a request's format is that of what it brings."""
    known = CONFIGURATION_RPCS.get(own_name(str(request.operation.tag)))
    return known is not None and known.loads


def _perform(device: Platform, request: Request) -> Steps[Content]:
    name = own_name(str(request.operation.tag))
    if name == "close-session":
        yield _checked(Accepts(), request)
        return [request.dialect.base("ok")]
    if name == "kill-session":
        yield _checked(_SESSION, request)
        return _kill(device, request)
    if name == "command":
        return (yield from _command(device, request))
    if name in COMMITS:
        clustered = device.identity().cluster_node is not None
        yield _checked(commit_accepts(name, clustered=clustered), request)
        with device.database.in_progress():
            yield from _time_passes(device, request)
            done = yield from COMMITS[name](device.database, request)
        device.on_deadline_changed()
        return done
    return (yield from _by_table(device, request, name))


def _by_table(device: Platform, request: Request, name: str) -> Steps[Content]:
    holding = HOLDING_RPCS.get(name)
    if holding is not None:
        yield _checked(holding.accepts, request)
        return holding.handler(device.database, request)
    if name in CONFIGURATION_RPCS:
        return (yield from _of_configuration(device, request, name))
    operate = device.rpcs.get(name)
    if operate is None:
        raise syntax_error(local_name(request.operation))
    yield _checked(operate.accepts, request)
    return (yield from _shown((yield from operate.steps(device, request)), request))


def _of_configuration(device: Platform, request: Request, name: str) -> Steps[Content]:
    rpc, database = CONFIGURATION_RPCS[name], device.database
    yield _checked(rpc.accepts, request)
    if rpc.loads:
        database.loading(request.octets)
    with database.in_progress():
        if rpc.checks:
            yield from _time_passes(device, request)
        weight = max(request.octets * _STRANGEST, rpc.weight(database, request))
        content: Content = yield Work(partial(rpc.handler, database, request), weight)
    if not rpc.shown:
        return content
    elements = [part for part in content if not isinstance(part, str)]
    return (yield from _shown(elements, request))


def _time_passes(device: Platform, request: Request) -> Steps[None]:
    """A real device is busy with a commit, or a check of one, for long before it takes effect."""
    if device.commit_seconds:
        request.now += yield Wait(device.commit_seconds)


def _checked(accepts: Accepts, request: Request) -> Work:
    """Refuse what an RPC does not take, of which there may be as much as a message holds."""
    return Work(partial(accepts.refuse_others, request.operation), request.octets)


def _shown(elements: Elements, request: Request) -> Steps[Content]:
    """An operational reply in the format that was asked for."""
    weight, held = weight_of(elements), handed(partial(_in_form, request), elements)
    del elements
    content: Content = yield Work(held, weight)
    return content


def _in_form(request: Request, elements: Elements) -> Content:
    form = request.operation.get("format")
    if form == "json":
        return [f"{as_json(elements)}\n"]
    return list(as_text(elements, request) if form in ("text", "ascii") else elements)


def _command(device: Platform, request: Request) -> Steps[Content]:
    yield _checked(_COMMAND, request)
    text = request.operation.text or ""
    if len(text) > _LONGEST_COMMAND:
        raise syntax_error(text[:SHOWN])
    line = " ".join(text.split())
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
    answered = _perform(device, _behind(command, request))
    content: Content = yield _through_pipes((yield from answered), command, request)
    return content


def _through_pipes(answer: Content, command: Command, request: Request) -> Work:
    """Each pipe goes through all lines again."""
    weight = weight_of(answer) * (1 + len(command.filters))
    return Work(handed(lambda content: piped(content, command, request), answer), weight)


def _behind(command: Command, request: Request) -> Request:
    return Request(command.operation, request.session, request.now, request.octets)


def _kill(device: Platform, request: Request) -> Content:
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
