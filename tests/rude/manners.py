# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rude device does instead of answering well, and when."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """What a request is for; the words of the table."""

    HELLO = "hello"
    READ = "read"
    LOCK = "lock"
    READ_AGAIN = "read again"
    LOAD = "load"
    LOOK = "look"
    """Reading the candidate, before it is committed."""
    COMPARE = "compare"
    CHECK = "check"
    COMMIT = "commit"
    READ_BACK = "read back"
    """Reading what is committed, by the session that has committed it."""
    DISCARD = "discard"
    UNLOCK = "unlock"
    HISTORY = "history"
    OTHER = "other"


class Manner(enum.StrEnum):
    """What the device does instead of answering well."""

    ERROR = "error"
    WARNING = "warning"
    ERROR_INSIDE_SUCCESS = "error inside success"
    """Done, said to be done, and an error beside it."""
    REFUSAL_INSIDE_SUCCESS = "refusal inside success"
    """Not done, and yet an ok beside the error."""
    TIMEOUT = "timeout"
    """Done, and not a word."""
    DELAY = "delay"
    """Done; answered after ``seconds``."""
    SLOW = "slow"
    """Done after ``seconds`` and answered then; the session lives on until then, asked or not."""
    PARTIAL = "partial"
    """Done; the reply stops after ``octets`` and goes on after ``seconds``."""
    CUT_BEFORE = "cut before"
    """The connection ends before anything is done."""
    CUT_AFTER = "cut after"
    """Done; the connection ends after ``octets`` of the reply."""
    GARBAGE = "garbage"
    """Done; what is said of it is not XML."""
    WRONG_ID = "wrong id"
    """Done; the reply bears another message-id."""
    EMPTY = "empty"
    """Done; the reply says nothing."""
    UNCLOSED = "unclosed"
    """Done; `<routing-engine>` is not closed, as clusters in rfc-compliant mode send it."""
    REWRITE = "rewrite"
    """Done; the reply passes through ``rewrite``."""


@dataclass
class Fault:
    """Misbehaviour at one stage: the ``nth`` time (from 1) that it is reached, or always (0)."""

    stage: Stage
    manner: Manner
    message: str = "mgd: no"
    nth: int = 1
    octets: int = 0
    seconds: float = 0.0
    rewrite: Callable[[bytes], bytes] = bytes
