# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a device's commit history says of confirmed commits.

While a confirmed commit awaits its confirmation, the newest entry of the history bears
``<commit-confirmed>rollback pending</commit-confirmed>`` (captured on Junos 24.4). Its
``<comment>commit confirmed, rollback in 5mins</comment>`` stays there for good, so that alone it
says only that the entry was such a commit once. Who confirms makes another entry. When the time is
over, the device commits what was before, as ``root`` by ``other``.

A device that does not mark what awaits leaves a doubt for as long as such a commit is the newest
one and its time is not over. One may leave out the comment as well: then our own words, which are
given as the comment of a confirmed commit that has no other, tell what it was. Where somebody gave
another, nothing does; then the newest commit may await if it bears what a task gives.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..errors import DeviceError
from ..netconf.libraries import etree
from ..netconf.xml import child, local_name, seconds_in, text_of
from .counting import counted

STEP = "read the commit history"
_OWN = "groupvpn.junos: "
_DEFAULT_MINUTES, _LATE = 10, 60
"""Junos' time for a confirmation, and how many seconds a device may be late to take back."""
_CONFIRMED = re.compile(r"commit confirmed|roll(?:ed )?\s?back in", re.IGNORECASE)
_MINUTES = re.compile(r"roll(?:ed )?\s?back in (\d{1,9})\s*min", re.IGNORECASE)


class PendingConfirmation(NamedTuple):
    """A confirmed commit that the device takes back unless it is confirmed.

    ``minutes`` from the commit on; ``at``: when it was committed, as the device prints it.
    """

    user: str
    client: str
    at: str
    minutes: int | None
    comment: str

    def __str__(self) -> str:
        return self._told("awaits")

    def told(self, certain: bool) -> str:
        """The words for it; not ``certain``: nobody knows whether it was confirmed."""
        if certain:
            return str(self)
        return f"{self._told('may await')}: the device does not say whether it was given since"

    def _told(self, awaits: str) -> str:
        within = "" if self.minutes is None else f", within {counted(self.minutes, 'minute')}"
        return f"{self.commit} {awaits} confirmation{within}"

    @property
    def commit(self) -> str:
        """The words for the commit alone."""
        comment = f", {self.comment!r}" if self.comment else ""
        return f"the commit of {self.user} by {self.client} at {self.at}{comment}"

    def as_result(self) -> dict[str, Any]:
        """The return value ``pending_confirmation``."""
        return self._asdict()


def _newest(history: etree._Element) -> list[etree._Element]:
    """Entries of one history, newest first: a cluster's nodes each have one, the first counts."""
    found = next(history.iter("{*}commit-information"), None)
    if found is None:
        raise DeviceError(STEP, ["the answer holds no commit history"])
    entries = [entry for entry in found if local_name(entry) == "commit-history"]
    if not entries:
        # What a device has was committed once.
        raise DeviceError(STEP, ["the answer holds no commit"])
    return entries


def awaiting(history: etree._Element) -> PendingConfirmation | None:
    """What awaits confirmation, from a reply to get-commit-information. Raises DeviceError."""
    newest = _newest(history)[0]
    return None if child(newest, "commit-confirmed") is None else _of(newest)


def confirmed_last(history: etree._Element) -> PendingConfirmation | None:
    """The confirmed commit that a commit has confirmed just now. Raises DeviceError."""
    entries = _before_confirming(_newest(history))
    return _of(entries[0]) if entries and _was_confirmed(entries[0]) else None


def _before_confirming(entries: list[etree._Element]) -> list[etree._Element]:
    """Without the commit that confirmed: a commit of nothing may have no entry."""
    own = _was_confirmed(entries[0]) or _was_taken_back(entries)
    return entries if own else entries[1:]


def _of(entry: etree._Element) -> PendingConfirmation:
    minutes, log = _MINUTES.search(_told_of(entry)), text_of(child(entry, "log"))
    return PendingConfirmation(
        user=text_of(child(entry, "user")),
        client=text_of(child(entry, "client")),
        at=text_of(child(entry, "date-time")),
        minutes=None if minutes is None else int(minutes[1]),
        comment="" if log.startswith(_OWN) else log,
    )


def was_taken_back(history: etree._Element, confirmed: bool = False, untold: bool = False) -> bool:
    """Whether the device's newest commit took back a confirmed one that nobody confirmed.

    ``confirmed``: a commit that was to confirm it has been made since. ``untold``: one was made, as
    is known from elsewhere. Raises DeviceError.
    """
    entries = _newest(history)
    one_was = untold and tells_of_none(history)
    return _was_taken_back(_before_confirming(entries) if confirmed else entries, one_was)


def _was_taken_back(entries: list[etree._Element], one_was: bool = False) -> bool:
    if len(entries) < 2:
        return False
    own = (text_of(child(entries[0], "user")), text_of(child(entries[0], "client")))
    return own == ("root", "other") and (one_was or _was_confirmed(entries[1]))


def was_confirmed_once(history: etree._Element) -> bool:
    """Whether the newest commit was a confirmed one that the device does not mark as pending.

    Raises DeviceError.
    """
    return _was_confirmed(_newest(history)[0])


def newest(history: etree._Element) -> PendingConfirmation:
    """The newest commit, as one that awaits confirmation. Raises DeviceError."""
    return _of(_newest(history)[0])


def tells_of_none(history: etree._Element) -> bool:
    """Whether no commit is shown as one that was to be confirmed. Raises DeviceError."""
    return not any(map(_was_confirmed, _newest(history)))


def newest_bears(history: etree._Element, comment: str | None) -> bool:
    """Whether the newest commit has the comment that a task gives. Raises DeviceError."""
    return bool(comment) and text_of(child(_newest(history)[0], "log")) == comment


def may_await_at(history: etree._Element, now: float | None, minutes: int | None = None) -> bool:
    """Whether the newest commit may yet await confirmation at a time, if it was a confirmed one.

    ``now``: in seconds since the epoch, by the device; None: not known. ``minutes``: that it has
    where it does not say so. Raises DeviceError.
    """
    left = seconds_left(history, now, minutes)
    return left is None or left >= -_LATE


def seconds_left(
    history: etree._Element, now: float | None, minutes: int | None = None
) -> float | None:
    """Until the newest commit is taken back, if it awaits confirmation; None: not known.

    ``now`` and ``minutes`` as for :func:`may_await_at`. A clock that was put back since gives
    nobody more time than the commit has. Raises DeviceError.
    """
    newest = _newest(history)[0]
    stamp = child(newest, "date-time")
    at = None if stamp is None else seconds_in(stamp)
    if at is None or now is None:
        return None
    return at + 60 * (_of(newest).minutes or minutes or _DEFAULT_MINUTES) - max(at, now)


def own_words(minutes: int) -> str:
    """The comment of a confirmed commit that has no other."""
    return f"{_OWN}commit confirmed, rollback in {counted(minutes, 'minute')}"


def _was_confirmed(entry: etree._Element) -> bool:
    return _CONFIRMED.search(_told_of(entry)) is not None


def _told_of(entry: etree._Element) -> str:
    """What an entry says of how it was committed, in the device's words or in ours."""
    log = text_of(child(entry, "log"))
    return text_of(child(entry, "comment")) or (log if log.startswith(_OWN) else "")
