# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Failures that the collection reports: each names host, statement, value and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_BLANK = re.compile(
    r"[\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2800\u3164\uFE00-\uFE0F\uFFA0"
    r"\U0001D159\U000E0100-\U000E01EF]"
)
"""Letters and marks, to Unicode and to Python, of which nothing is seen: its ignorable ones that
are assigned, and those that are drawn as a blank."""


def legible(text: str, kept: str = "") -> str:
    """Text of whomever as a terminal or a page may show it: what nobody sees, as escapes.

    That is control characters, which a terminal obeys, those that turn the direction of writing
    or have no width, and letters that are blank. ``kept``: which of them stay.
    """
    if text.isprintable() and (text.isascii() or not _BLANK.search(text)):
        return text
    return "".join(c if c in kept or _is_seen(c) else ascii(c)[1:-1] for c in text)


def _is_seen(letter: str) -> bool:
    return letter.isprintable() and not _BLANK.match(letter)


def all_legible(value: Any) -> Any:
    """Data all of whose texts are :func:`legible`, lines and tabs as they are."""
    if isinstance(value, str):
        return legible(value, "\n\t")
    if isinstance(value, Mapping):
        return {name: all_legible(one) for name, one in value.items()}
    return [all_legible(one) for one in value] if isinstance(value, list) else value


class GroupVpnError(Exception):
    """Anything that ends a task. ``str()`` is the whole message for the user."""

    warnings: tuple[str, ...] = ()
    """What the device had warned about before."""
    may_have_changed = False
    """Whether the device is, or may be, no longer as it was."""

    @property
    def leaves_open(self) -> bool:
        """Whether what a device was asked to do may have been done all the same."""
        return True

    def reworded(self, change: Callable[[str], str]) -> None:
        """Change every word that a user will read."""
        self.args = tuple(change(str(part)) for part in self.args)
        self.warnings = tuple(map(change, self.warnings))


class Refused(GroupVpnError):
    """Input that the device, or the documents, would refuse; one line per objection."""

    def __init__(self, objections: Sequence[str]) -> None:
        super().__init__("\n".join(objections))
        self.objections = list(objections)

    def reworded(self, change: Callable[[str], str]) -> None:
        """Change every word that a user will read."""
        super().reworded(change)
        self.objections = list(map(change, self.objections))


class DeviceError(GroupVpnError):
    """The device answered with an error; ``messages`` are its own words.

    ``done``: the answer says as well that what was asked has been done. ``shared``: it is that of a
    routing engine, beside which there may be others.
    """

    def __init__(
        self, step: str, messages: Sequence[str], *, done: bool = False, shared: bool = False
    ) -> None:
        super().__init__(f"{step}: {'; '.join(messages)}")
        self.step = step
        self.messages = list(messages)
        self.done = done
        self.shared = shared

    @property
    def leaves_open(self) -> bool:
        """A no is believed unless the answer says as well that it has been done."""
        return self.done


class TransportFailure(GroupVpnError):
    """The device cannot be reached, or the connection broke."""


class MalformedReply(GroupVpnError):
    """A reply or a document that is not what it should be."""


class CommitLost(GroupVpnError):
    """The answer to a commit was lost, and the device, asked again, has not committed."""


class CommitUnknown(GroupVpnError):
    """The answer to a commit was lost, and the device could not be asked what became of it."""

    may_have_changed = True


class CommitDiffers(GroupVpnError):
    """The device has accepted a commit, and does not have what was to be committed."""

    may_have_changed = True
