# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device that takes no password as such, and asks who logs in, turn by turn (RFC 4256)."""

from __future__ import annotations

from typing import Any, Protocol

import asyncssh


class Asks(Protocol):
    """A server with ``questions``, prompts of each turn, and the ``answers`` that it got.

    ``lets_in``: whether it does when all are answered.
    """

    questions: list[list[str]]
    answers: list[list[str]]
    lets_in: bool


class AskingLogin(asyncssh.SSHServer):
    """One login; what is asked and answered is the server's."""

    def __init__(self, server: Asks) -> None:
        self._asks = server
        self._left: list[list[str]] = []
        self._begun: Any = None

    def connection_made(self, conn: Any) -> None:
        self._begun = conn

    def begin_auth(self, username: str) -> bool:
        # OpenSSH lets a client begin anew with another method, as paramiko does; asyncssh ends it.
        self._begun._next_service = b"ssh-userauth"
        return True

    def password_auth_supported(self) -> bool:
        return not self._asks.questions

    def kbdint_auth_supported(self) -> bool:
        return bool(self._asks.questions)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._left = list(self._asks.questions)
        return self._question()

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        self._asks.answers.append(list(responses))
        return self._question() if self._left else self._asks.lets_in

    def _question(self) -> Any:
        return "", "", "", [(prompt, False) for prompt in self._left.pop(0)]
