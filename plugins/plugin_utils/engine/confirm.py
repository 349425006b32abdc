# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module ``confirm_commit`` does, without Ansible.

A confirmation is a commit of nothing. It is made only when something awaits it, and what it is to
keep is looked for on the device before and after.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CommitDiffers, DeviceError, GroupVpnError, MalformedReply, Refused
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc, looks
from ..netconf.xml import parse_document
from .confirmation import (
    PendingConfirmation,
    awaiting,
    confirmed_last,
    may_await_at,
    newest,
    tells_of_none,
    was_confirmed_once,
    was_taken_back,
)
from .device import CommitOptions, Device
from .holds import asleep, lacking, selection
from .reply import same
from .transaction import Commit, said_at_lock, saying_warnings, unsay_at_lock

NOTHING = "nothing to confirm: no commit awaits confirmation on the device"
_LONGEST_LIST = 5
STEP, _AGAIN = "confirm the commit", "make the change again"
_SINCE = "it was taken back or changed since"


@dataclass(frozen=True)
class Request:
    """What a task asks for; ``change``: the XML of the change that is to be kept, if known.

    ``untold``: the device was seen not to mark a commit that awaits confirmation; ``made``: the
    commit that is to be confirmed, as the device's history showed it.
    """

    comment: str | None = None
    change: etree._Element | None = None
    untold: bool = False
    made: Mapping[str, Any] | None = None
    check: bool = False


def change_of(given: Any) -> etree._Element | None:
    """The option ``change``: a registered result of a resource module, or its ``xml``.

    None when there is nothing to look for. Raises Refused.
    """
    text = _xml_in(given) if isinstance(given, Mapping) else given
    if text in (None, ""):
        return None
    if isinstance(text, str):
        try:
            return parse_document(text.encode())
        except MalformedReply as error:
            raise Refused([f"change: {error}; {_EXPECTED}"]) from None
    raise Refused([f"change: {type(given).__name__}: {_EXPECTED}"])


_ENDED = ("skipped", "failed", "unreachable")
"""What a result says of a task that has ended without a change to tell of."""


def _xml_in(result: Mapping[str, Any]) -> Any:
    """What a result says of its change: one of a task that did nothing need not. Raises Refused."""
    if "xml" in result or not result or any(map(result.get, _ENDED)):
        return result.get("xml")
    what = "results of a loop, 'results'" if "results" in result else "a result without 'xml'"
    raise Refused([f"change: {what}: {_EXPECTED}"])


def is_untold(given: Any) -> bool:
    """Whether a result says that its device does not mark what awaits confirmation."""
    return isinstance(given, Mapping) and given.get("confirmation_untold") is True


def made_by(given: Any) -> Mapping[str, Any] | None:
    """The confirmed commit of a result, as the device's history showed it then."""
    given = given if isinstance(given, Mapping) else {}
    made = given.get("confirmation_awaited") or given.get("pending_confirmation")
    return made if isinstance(made, Mapping) else None


_EXPECTED = "give the registered result of the task that made the confirmed commit, or its 'xml'"


def confirm(rpc: Rpc, request: Request) -> dict[str, Any]:
    """Confirm what awaits confirmation; the module's return values.

    Raises DeviceError when what was to be kept is gone, CommitDiffers when it is gone afterwards.
    """
    device = Device(rpc)
    with saying_warnings(device):
        pending, told = _pending(device, request)
        there = _there(device, request.change)
        gone = _gone(device, there, request.change)
        if gone:
            raise DeviceError(STEP, [f"{gone}; {_AGAIN}"])
        if pending is None and told:
            return _result(device, False, None, NOTHING)
        if pending is not None and not is_it(request.made, pending):
            device.warn(f"{pending}; it was made since, and is confirmed with what was to be")
        if not request.check:
            _commit(device, request, told)
            _read_back(device, request.change, pending, there)
            # Where the history does not mark it, that is why it was committed.
            if pending is not None:
                unsay_at_lock(device)
        return _result(device, True, pending, _done(pending, request.check))


def _done(pending: PendingConfirmation | None, check: bool) -> str:
    """What was done, or would be, as far as it is known."""
    would = "would be " if check else ""
    if pending is None:
        return f"{would}committed, to confirm what may await it"
    return f"{would}confirmed: {pending.commit}"


def _pending(device: Device, request: Request) -> tuple[PendingConfirmation | None, bool]:
    """What awaits confirmation, and whether the device tells."""
    try:
        history = device.history()
        pending = awaiting(history)
        doubtful = was_confirmed_once(history) or (request.untold and _may_be_it(device, history))
    except DeviceError as error:
        device.warn(f"{error}; the device does not say whether a commit awaits confirmation")
        return None, False
    if pending is not None:
        return pending, True
    if was_taken_back(history, untold=request.untold):
        raise DeviceError(
            STEP,
            [
                "nothing to confirm: the confirmed commit was not confirmed in its time, and the "
                f"device has taken it back; {_AGAIN}"
            ],
        )
    return None, not (doubtful and _may_await(device, history, request))


def _may_await(device: Device, history: etree._Element, request: Request) -> bool:
    """Whether there may be something to confirm that the history does not tell of.

    Who only checks takes no lock, at which the device might tell.
    """
    if not request.check and said_at_lock(device):
        return True
    if not request.untold and not may_await_at(history, device.time_told()):
        return False
    done = "would be" if request.check else "is"
    device.warn(f"{newest(history)}, or was confirmed since; it {done} confirmed to be sure")
    return True


def is_it(made: Mapping[str, Any] | None, pending: PendingConfirmation) -> bool:
    """Whether what awaits is the commit that was to be confirmed, as far as that is known."""
    told = pending.as_result()
    return made is None or all(made.get(name) == told[name] for name in ("user", "client", "at"))


def _may_be_it(device: Device, history: etree._Element) -> bool:
    """Whether the newest commit may be one to confirm, of a device that never shows any as such.

    What confirms makes no difference.
    """
    return tells_of_none(history) and bool(device.compare(rollback=1))


def _there(device: Device, change: etree._Element | None) -> etree._Element | None:
    """What the device has where a change was made."""
    return None if change is None else device.committed(selection(change))


def _gone(device: Device, there: etree._Element | None, change: etree._Element | None) -> str:
    """What the device does not have of a change, as a sentence; '' when it has all."""
    if there is None or change is None:
        return ""
    for one in asleep(there, change):
        device.warn(
            f"[edit {one}] is deactivated on the device: what was to be kept is not in force"
        )
    gone = lacking(there, change)
    more = f" and {len(gone) - _LONGEST_LIST} more" if len(gone) > _LONGEST_LIST else ""
    told = f"{'; '.join(gone[:_LONGEST_LIST])}{more}"
    return f"the device does not have what was to be confirmed: {told}; {_SINCE}" if gone else ""


def _read_back(
    device: Device,
    change: etree._Element | None,
    pending: PendingConfirmation | None,
    before: etree._Element | None,
) -> None:
    """The device has committed: what is gone now is no longer a failure that left it as it was."""
    try:
        gone = _not_confirmed(device, pending) or _gone_since(device, change, before)
    except GroupVpnError as error:
        device.warn(f"the device has confirmed, and was asked what it has then: {error}")
        return
    if gone:
        raise CommitDiffers(f"{STEP}: the device has committed, and {gone}")


def _gone_since(
    device: Device, change: etree._Element | None, before: etree._Element | None
) -> str:
    """What of a change is gone since the look ``before`` the confirmation, and what to do."""
    there = _there(device, change)
    if before is None or there is None or same(before, there):
        return ""
    return _again(_gone(device, there, change))


def _again(gone: str) -> str:
    return f"{gone}; {_AGAIN}" if gone else ""


def _not_confirmed(device: Device, pending: PendingConfirmation | None) -> str:
    """Why a commit has not confirmed what it should, and what to do; '' when it has."""
    try:
        history = _settled(device, pending)
        if _awaits_still(history, pending):
            return f"yet {awaiting(history)}; run the task again"
        _tell_of_others(device, history, pending)
        taken = was_taken_back(history, confirmed=True)
    except DeviceError:
        # A user who may not see the history was told so before.
        return ""
    return _again("the device had taken back before what was to be confirmed") if taken else ""


def _settled(device: Device, pending: PendingConfirmation | None) -> etree._Element:
    """The history once what was confirmed awaits it no longer, or when there was time for that."""
    history = device.history()
    for _look in looks(device.rpc):
        if not _awaits_still(history, pending):
            break
        history = device.history()
    return history


def _awaits_still(history: etree._Element, pending: PendingConfirmation | None) -> bool:
    """Whether a commit that was to confirm has not: a later confirmed commit is another matter."""
    still = awaiting(history)
    return still is not None and (still == pending or not was_confirmed_once(history))


def _tell_of_others(
    device: Device, history: etree._Element, pending: PendingConfirmation | None
) -> None:
    """Say which confirmed commits of others have come between."""
    still, confirmed = awaiting(history), confirmed_last(history)
    if still is not None:
        device.warn(f"{still}; it was made since, and has confirmed what was before it")
    elif confirmed is not None and pending not in (None, confirmed):
        device.warn(f"{confirmed}; this commit has confirmed it")


def _commit(device: Device, request: Request, told: bool) -> None:
    """The commit that confirms; whether it did is asked when its answer is lost."""
    before = None if told else _newest(device)

    def awaited() -> bool:
        history = device.history()
        if was_taken_back(history):
            raise GroupVpnError("the device has taken the confirmed commit back")
        # A commit of nothing may have no entry.
        if not (told or awaiting(history)) and before in (None, newest(history)):
            raise GroupVpnError("the device's commit history does not tell")
        return awaiting(history) is not None

    commit = CommitOptions(comment=request.comment)
    # The lock is refused while somebody's uncommitted changes stand in the candidate.
    with device.editing(commit):
        Commit(device, awaited).make(commit)


def _newest(device: Device) -> PendingConfirmation | None:
    with contextlib.suppress(DeviceError):
        return newest(device.history())
    return None


def _result(
    device: Device, changed: bool, pending: PendingConfirmation | None, message: str
) -> dict[str, Any]:
    return {
        "changed": changed,
        "msg": message,
        "pending_confirmation": None if pending is None else pending.as_result(),
        "warnings": list(device.warnings),
    }
