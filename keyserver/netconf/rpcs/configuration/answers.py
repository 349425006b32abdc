# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the RPCs on the configuration have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ....config.candidate import DatabaseRefusal
from ....config.database import ConfigurationDatabase
from ....config.edit import LoadError
from ...arguments import Accepts, number
from ...reply import RpcError, RpcFailure, xml_text
from ...session import Content, Request
from ...work import Steps

Elements = Content
Handler = Callable[[ConfigurationDatabase, Request], Elements]
CommitHandler = Callable[[ConfigurationDatabase, Request], Steps[Elements]]


Weight = Callable[[ConfigurationDatabase, Request], int]


def whole(database: ConfigurationDatabase, request: Request) -> int:
    """The weight of what deals with all of a configuration."""
    return database.weight


@dataclass(frozen=True)
class ConfigurationRpc:
    """What answers an RPC on the configuration, and what it takes.

    ``shown`` as text and JSON in the way of operational commands; ``loads`` into a candidate;
    ``checks`` it as a commit does; ``weight``: with how many octets it has to deal.
    """

    handler: Handler
    accepts: Accepts = field(default_factory=Accepts)
    shown: bool = False
    loads: bool = False
    checks: bool = False
    weight: Weight = whole


@contextmanager
def refusals() -> Iterator[None]:
    """What the database refuses, as an rpc-error."""
    try:
        yield
    except DatabaseRefusal as refusal:
        raise RpcFailure(
            RpcError(refusal.message, tag=refusal.tag, session_id=refusal.session_id)
        ) from None


def ok(request: Request) -> Elements:
    """The reply of what has nothing to say."""
    return [request.dialect.base("ok")]


def pending_warning(database: ConfigurationDatabase, request: Request) -> list[RpcError]:
    """What Junos says to who begins to edit while a commit waits to be confirmed."""
    minutes = database.confirmed.minutes_left(request.now)
    if minutes is None or request.dialect.rfc_compliant:
        return []
    text = f"commit confirmed will be rolled back in {minutes} minutes"
    return [RpcError(text, severity="warning")]


_any_number = number(0, 9999)


def rollback_number(text: str) -> int:
    """The number of a committed configuration, as far as it is one."""
    problem = _any_number(text)
    if problem is not None:
        raise RpcFailure(RpcError(problem, bad_element=text[:200]))
    return int(text)


def edit_error(problem: LoadError) -> RpcError:
    """RFC 6241 §7.2: data-exists and data-missing are errors here, not Junos' warnings."""
    return RpcError(
        xml_text(problem.message),
        tag=problem.tag,
        kind="application",
        path=xml_text(problem.path),
        bad_element=xml_text(problem.bad_element),
    )
