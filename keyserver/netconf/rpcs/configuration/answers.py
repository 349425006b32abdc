# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the RPCs on the configuration have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ....config.database import ConfigurationDatabase, DatabaseRefusal
from ...reply import RpcError, RpcFailure
from ...session import Content, Request

Elements = Content
Handler = Callable[[ConfigurationDatabase, Request], Elements]


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except DatabaseRefusal as refusal:
        raise RpcFailure(
            RpcError(refusal.message, tag=refusal.tag, session_id=refusal.session_id)
        ) from None


def ok(request: Request) -> Elements:
    return [request.dialect.base("ok")]


def rollback_number(text: str) -> int:
    if not text.isdigit() or len(text) > 4:
        raise RpcFailure(RpcError(f"Invalid numeric value: '{text}'", bad_element=text))
    return int(text)
