# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One transaction on a device: lock, read again, load the difference, commit, unlock.

Up to the commit, whatever fails leaves the device as it was: the candidate is discarded, the lock
given back, the device's own message reported. Once the device has accepted a commit, trouble is a
warning. When its answer to the commit is lost, contradicts itself or cannot be read, the device is
asked what it has, over a new session if need be; what cannot be found out is said to be unknown.

What a device says of a load or a commit is not taken for what it has: both are read.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from ..errors import (
    CommitDiffers,
    CommitLost,
    CommitUnknown,
    DeviceError,
    GroupVpnError,
    MalformedReply,
    Refused,
    TransportFailure,
)
from ..netconf.libraries import etree
from ..netconf.rpc import looks
from ..netconf.verdict import says_committed
from .confirmation import (
    PendingConfirmation,
    awaiting,
    may_await_at,
    newest,
    newest_bears,
    tells_of_none,
    was_confirmed_once,
    was_taken_back,
)
from .counting import counted
from .device import COMMIT, LOAD, CommitOptions, Device


class Goal(Protocol):
    """What a device is to come to."""

    @property
    def selection(self) -> etree._Element:
        """What is read of the device."""

    def missing(self) -> etree._Element | None:
        """Reads what is committed; what is to be loaded, None when nothing is."""

    def lacking(self, database: str = "committed") -> str:
        """Reads the device after the load; what it has not taken of it, '' when it has all.

        Raises CommitDiffers when it has committed something else.
        """


def transact(
    device: Device,
    goal: Goal,
    options: CommitOptions,
    *,
    compare: bool,
    check: bool,
) -> str | None:
    """Load what is missing and commit it; with ``check`` have it checked and discarded.

    What a device has of it is read before the commit and after it, in the same round trips.

    The device's words for the difference when ``compare`` or ``check`` asks for them; None when
    under the lock nothing was missing any more. Failures carry the warnings so far.
    """
    with saying_warnings(device), device.editing(options, goal.selection):
        change = goal.missing()
        if change is None:
            return None
        confirms_nothing = _heed_pending(device, options, check)
        text = _load(device, goal, change, compare or check)
        if not check:
            with _saying_what_ends(options):
                Commit(device, goal.lacking).make(options, goal.selection)
                _read_back(device, goal)
            if options.confirmed is not None:
                _see_whether_it_tells(device, goal)
            return text
        if confirms_nothing:
            device.check()
        device.discard()
        return text


@contextlib.contextmanager
def saying_warnings(device: Device) -> Iterator[None]:
    """Failures carry what the device has warned about before."""
    try:
        yield
    except GroupVpnError as error:
        error.warnings = tuple(device.warnings)
        raise


@contextlib.contextmanager
def _saying_what_ends(options: CommitOptions) -> Iterator[None]:
    """Who has a confirmed commit that failed in the end will not confirm it."""
    try:
        yield
    except (CommitDiffers, CommitUnknown) as error:
        if options.confirmed is not None:
            minutes = counted(options.confirmed, "minute")
            error.args = (
                f"{error}; the device takes back what was committed {minutes} after the commit "
                "unless somebody commits there before",
            )
        raise


def _load(device: Device, goal: Goal, change: etree._Element, compare: bool) -> str:
    """Load a change that is all in the candidate then; the difference when asked for."""
    device.load(change, goal.selection, compare)
    lacking = goal.lacking("candidate")
    if lacking:
        left = "the device has left out some of the change, or made something else of it"
        raise DeviceError(LOAD, [f"{left}: {lacking}; nothing was committed"])
    return device.compare() if compare else ""


def _read_back(device: Device, goal: Goal) -> None:
    """A commit that was accepted is there, or it is said what is not."""
    try:
        lacking = goal.lacking()
    except CommitDiffers:
        raise
    except GroupVpnError as error:
        device.warn(f"the device has accepted the commit, and was asked what it has then: {error}")
        return
    if lacking:
        raise CommitDiffers(
            f"commit: the device has accepted it and has nothing of the change: {lacking}; see "
            "'show system commit' there"
        )


def _see_whether_it_tells(device: Device, goal: Goal) -> None:
    """Whether the history marks the confirmed commit that has just been made.

    Where it does not, a commit without mark may be confirmed or not. Raises CommitDiffers when its
    time is over by now.
    """
    # What cannot be asked now says nothing of the commit.
    with contextlib.suppress(DeviceError, MalformedReply, TransportFailure):
        history = device.history()
        if was_taken_back(history, untold=True) and goal.lacking():
            raise CommitDiffers("commit: the device has accepted it, and has taken it back by now")
        device.made = awaiting(history)
        device.untold = device.made is None
    if device.untold:
        device.warn("the device's commit history does not mark what awaits confirmation")


def _heed_pending(device: Device, options: CommitOptions, check: bool) -> bool:
    """Say what a commit would confirm besides; whether nothing would be confirmed by a check."""
    try:
        pending, certain = pending_or_doubt(device, CommitOptions(confirmed=options.confirmed))
    except DeviceError as error:
        if options.refuse_pending:
            raise Refused([f"{error}; pending_confirm is refuse, and {UNTOLD}"]) from None
        device.warn(f"{error}; {UNTOLD}; {_NOT_CHECKED if check else _CONFIRMED_BY_THIS}")
        return False
    if pending is None:
        return True
    told = pending.told(certain)
    if options.refuse_pending:
        raise Refused(
            [
                f"{told}, and this commit would confirm it; confirm it or let it be taken back "
                "first, or set pending_confirm to warn"
            ]
        )
    if check:
        device.warn(f"{told}; {_NOT_CHECKED}")
    else:
        together = "" if options.confirmed is None else ", or is taken back together with it"
        device.warn(f"{told}; this commit confirms it{together}")
        device.confirms = pending
    return False


def settings_at_stake(
    device: Device, subject: str, look: bool, options: CommitOptions
) -> PendingConfirmation | None:
    """The confirmed commit whose end would take settings back that are there now.

    ``subject``: the word that a comparison has when it concerns these settings; ``look``: whether
    the configuration may be locked for a moment, to hear what the device says then; ``options``:
    those of the commit that may have been made.
    """
    try:
        pending, certain = pending_or_doubt(device, options, look)
    except DeviceError as error:
        device.warn(f"{error}; {UNTOLD}")
        return None
    if pending is None:
        return None
    if not _may_concern(device, subject):
        if certain:
            device.warn(f"{pending}; it does not concern these settings")
        return None
    device.untold = device.untold or not certain
    told = pending.told(certain)
    device.warn(f"nothing is to be changed, but {told}; {_TAKEN}{'' if certain else _BE_SURE}")
    return pending if certain else None


def _may_concern(device: Device, subject: str) -> bool:
    """Whether the newest commit changed settings, as far as the device can be asked."""
    try:
        return subject in device.compare(rollback=1)
    except DeviceError as error:
        device.warn(f"{error}; what the newest commit changed is not known")
        return True


_NOT_CHECKED = "not checked on the device, because a check would confirm it"
_CONFIRMED_BY_THIS = "one that does is confirmed by this commit"
_TAKEN = "without it the device takes the settings back"
_BE_SURE = "; have confirm_commit confirm to be sure, with this result as its 'change'"


def pending_or_doubt(
    device: Device, options: CommitOptions, look: bool = False
) -> tuple[PendingConfirmation | None, bool]:
    """What awaits confirmation, or may, and whether that is certain. Raises DeviceError.

    ``options``: how it may have been committed; ``look``: also at a lock that is taken for it,
    where alone some devices say so.
    """
    history = device.history()
    pending = awaiting(history)
    if pending is not None:
        return pending, True
    if _was_said_at_lock(device):
        return newest(history), True
    ours = tells_of_none(history) and newest_bears(history, options.comment)
    if not (ours or was_confirmed_once(history)):
        return None, True
    if look and said_at_lock(device):
        return newest(history), True
    in_time = may_await_at(history, device.time_told(), options.confirmed)
    return (newest(history) if in_time else None), not in_time


_AT_LOCK = re.compile("commit confirmed will be rolled back", re.IGNORECASE)


def said_at_lock(device: Device) -> bool:
    """Whether a device that does not mark its history says at the lock that a commit awaits."""
    with device.editing(CommitOptions()):
        pass
    return _was_said_at_lock(device)


def _was_said_at_lock(device: Device) -> bool:
    return any(_AT_LOCK.search(warning) for warning in device.warnings)


def unsay_at_lock(device: Device) -> None:
    """Let go of what was said at the lock: what awaited then is confirmed."""
    device.warnings[:] = [said for said in device.warnings if not _AT_LOCK.search(said)]


UNTOLD = "the device does not say whether a commit awaits confirmation"


class Commit:
    """A commit, and what became of it when its answer does not tell."""

    def __init__(self, device: Device, undone: Callable[[], object]) -> None:
        """``undone``: asks the device for what is not done; nothing when all is."""
        self._device, self._undone = device, undone

    def make(self, options: CommitOptions, selection: etree._Element | None = None) -> None:
        """Commit the candidate; returns once it is certain that the device has done so.

        ``selection``: what will be read first after it.

        Raises DeviceError or CommitLost when it has not, CommitUnknown when that cannot be found
        out.
        """
        try:
            reply = self._device.commit(options, selection)
        except DeviceError as error:
            self._judge(error, refused=not _leaves_open(error, options))
        except (TransportFailure, MalformedReply) as failure:
            self._look_again(failure)
        else:
            if not says_committed(reply):
                said = "the answer does not say whether it was done"
                self._judge(DeviceError(COMMIT, [said]))

    def _judge(self, answer: DeviceError, refused: bool = False) -> None:
        """What a commit did whose answer leaves that open: the session still holds the lock.

        ``refused``: it is a no that can be believed when the device cannot be asked.
        """
        found = self._found(answer)
        if found is not None:
            raise answer if refused else _unknown(f"{answer}; {found}")
        self._device.warn(f"{answer}; the device has committed the change all the same")

    def _found(self, answer: DeviceError) -> str | None:
        """None when the change is there, else why that is not known.

        Raises the answer when it is certain that the device has not committed.
        """
        try:
            undone = self._undone()
        except CommitDiffers:
            raise
        except TransportFailure:
            # Whatever the session held is given back now, and another one may tell.
            with contextlib.suppress(CommitLost):
                return self._asked_anew(answer)
            raise answer from None
        except GroupVpnError as failure:
            return f"asked for what it has: {failure}"
        if undone:
            raise answer
        return None

    def _look_again(self, lost: GroupVpnError) -> None:
        """What a commit did whose answer was lost: ask over a new session.

        A change that is there has been committed. One that is not may still come for as long as
        the session that asked for it lives on the device: only who gets the lock knows that it
        will not.
        """
        self._device.warn(f"the answer to the commit was lost: {lost}")
        found = self._asked_anew(lost)
        if found is not None:
            raise _unknown(f"{lost}; {found}")
        self._device.warn("asked again, the device has committed the change")

    def _asked_anew(self, lost: GroupVpnError) -> str | None:
        """See :meth:`_found_after`, as often as the carrier has patience for."""
        found: str | None = None
        for _again in looks(self._device.rpc):
            found = self._found_after(lost)
            if found is None:
                break
        return found

    def _found_after(self, lost: GroupVpnError) -> str | None:
        """None when the change is there, else why that is not known yet.

        Raises CommitLost when it is certain that the device has not committed.
        """
        try:
            anew = self._device.again()
            committed = not self._undone()
            # One session's requests are done one after another: there, no is an answer.
            if anew and not committed:
                with self._device.editing(CommitOptions()):
                    committed = not self._undone()
        except CommitDiffers:
            raise
        except GroupVpnError as failure:
            return f"asked again: {failure}"
        if committed:
            return None
        raise CommitLost(
            f"{lost}; the device has not committed: asked again, it has nothing of the change, and "
            "nobody else is at work on it; run the task again"
        )


_OF_SEVERAL = re.compile(
    r"\b(?:node|re|fpc|member)\d+\b|tim(?:ed|e)[- ]?out|synchroni[sz]|communicat|\bconnection"
    r"|\bpeer\b|other routing engine|unreachable|\blost\b|\babort",
    re.IGNORECASE,
)
"""What a device says when it speaks of another one, or did not come to an end."""


def _leaves_open(answer: DeviceError, options: CommitOptions) -> bool:
    """Whether an answer with an error may be that of a commit which was made, somewhere at least.

    A device that is alone and refuses a configuration has not committed it.
    """
    several = answer.shared or options.synchronize
    return answer.done or several or any(map(_OF_SEVERAL.search, answer.messages))


def _unknown(what: str) -> CommitUnknown:
    return CommitUnknown(
        f"{what}; whether the device has committed the change is unknown: look at "
        "'show system commit' there, or run the task again, which reads before it changes"
    )
