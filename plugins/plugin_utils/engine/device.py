# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Junos device's configuration, over NETCONF: the requests, in the order of a change."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..errors import DeviceError, GroupVpnError, MalformedReply, TransportFailure
from ..netconf import task_timeout
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.verdict import says_committed, says_done, says_nothing, silent_engines, warnings
from ..netconf.xml import seconds_in, text_of
from .confirmation import STEP, PendingConfirmation, own_words
from .values import Generation

_JUNOS_NAMESPACE = "http://xml.juniper.net/junos/"
_MAJOR = re.compile(r"(\d{1,9})\.")
_ALWAYS_SAID = ("uncommitted changes will be discarded on exit",)
"""Said whenever somebody opens a private copy; true, and no news."""
_HIDDEN = "ACCESS-DENIED"
_IN_COMMENT = re.compile(r"\[([^\]]+)\]")


class CommitOptions(NamedTuple):
    """How to commit; ``confirmed`` in minutes.

    ``refuse_pending``: do not commit while a confirmed commit awaits its confirmation, because
    every commit confirms it. ``may_be_private``: the task could ask for a private copy instead.
    """

    comment: str | None = None
    confirmed: int | None = None
    synchronize: bool = False
    private: bool = False
    refuse_pending: bool = False
    may_be_private: bool = False


def _element(
    name: str, *children: etree._Element, text: str | None = None, **attributes: str
) -> etree._Element:
    element = etree.Element(name, attributes)
    element.text = text
    element.extend(children)
    return element


def _reading(selection: etree._Element, database: str = "committed") -> etree._Element:
    views = {"database": database, "inherit": "inherit", "groups": "groups"}
    return _element("get-configuration", selection, format="xml", **views)


def _comparison(rollback: int = 0) -> etree._Element:
    return _element("get-configuration", compare="rollback", rollback=str(rollback), format="text")


def _history() -> etree._Element:
    return _element("get-commit-information")


def _standard(operation: str) -> etree._Element:
    return _element(operation, _element("target", _element("candidate")))


class Device:
    """A Junos device at the other end of an :class:`Rpc`."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.warnings: list[str] = []
        """What the device warned about, and what went wrong after a commit."""
        self.untold = False
        """Whether the device does not tell that its confirmed commit awaits confirmation."""
        self.made: PendingConfirmation | None = None
        """Its confirmed commit, as the device's history shows it."""
        self.confirms: PendingConfirmation | None = None
        """What awaited confirmation when this commit was made, and ends as it does."""
        self._namespace = ""
        self._holding = False

    def _do(
        self, step: str, request: etree._Element, then: Sequence[etree._Element] = ()
    ) -> etree._Element:
        """Have the device do something; its warnings are kept. Raises DeviceError."""
        reply = self.rpc.call(step, request, then)
        for message in warnings(reply):
            if message not in _ALWAYS_SAID:
                self.warn(f"{step}: {message}")
        return reply

    def warn(self, message: str) -> None:
        """Keep a warning, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def read(self, selection: etree._Element, database: str = "committed") -> etree._Element:
        """What is in force of a selection; what a configuration group brings in says so.

        One request for both views: with ``groups`` a device marks what is inherited.
        ``database``: ``committed``, or ``candidate`` for what is being edited.
        """
        reply = self.rpc.call(_READ[database], _reading(selection, database))
        _refuse_hidden(_READ[database], reply)
        self._namespace = reply.nsmap.get("junos") or ""
        return reply

    def read_groups(self, names: Iterable[str]) -> etree._Element:
        """Configuration groups as they are written: shown with what is inherited, none is."""
        step, selection = "read the configuration groups", _element("configuration")
        for name in names:
            selection.append(_element("groups", _element("name", text=name)))
        how = {"format": "xml", "database": "committed"}
        reply = self.rpc.call(step, _element("get-configuration", selection, **how))
        _refuse_hidden(step, reply)
        return reply

    def told_generation(self) -> Generation | None:
        """The device's Group VPN generation, if its replies tell: in the namespace of Junos."""
        return _generation_of(self._namespace.removeprefix(_JUNOS_NAMESPACE))

    def generation(self, remedy: str = "let the user see 'show version'") -> Generation:
        """The device's Group VPN generation; where a carrier drops the namespace, by one RPC."""
        told = self.told_generation()
        if told is not None:
            return told
        try:
            release = self._software_release()
        except DeviceError as error:
            raise GroupVpnError(f"{error}; {_DEPENDS}; {remedy}") from None
        generation = _generation_of(release)
        if generation is None:
            words = f"the device does not say its Junos release ({release!r})"
            raise GroupVpnError(f"{words}; {_DEPENDS}; {remedy}")
        return generation

    def _software_release(self) -> str:
        reply = self.rpc.call("read the software version", _element("get-software-information"))
        release = next((text_of(e) for e in reply.iter("{*}junos-version")), "")
        if release:
            return release
        comments = " ".join(text_of(e) for e in reply.iter("{*}comment"))
        match = _IN_COMMENT.search(comments)
        return match[1] if match else ""

    @contextlib.contextmanager
    def editing(
        self, options: CommitOptions, selection: etree._Element | None = None
    ) -> Iterator[None]:
        """Hold the candidate: exclusively, or as a private copy. Always given back clean.

        ``selection``: what will be read first, and the history after it; one round trip then.
        """
        if options.private:
            opening = _element("open-configuration", _element("private"))
            closing = _element("close-configuration")
        else:
            opening, closing = _standard("lock"), _standard("unlock")
        then = () if selection is None else (_reading(selection), _history())
        self._lock(opening, closing, then, options.may_be_private)
        self._holding = True
        try:
            yield
        except BaseException:
            if self._holding:
                self._abandon(_element("discard-changes"), closing)
            raise
        # After a commit there is nothing to discard; a session that was lost holds nothing.
        if self._holding:
            self._unlock(closing)

    def _unlock(self, closing: etree._Element) -> None:
        self._holding = False
        try:
            _insist_unless_silent(_UNLOCK, self._do(_UNLOCK, closing))
        except GroupVpnError as error:
            ended = self.rpc.end()
            self.warn(f"{error}; {_LOCK_ENDS[ended]}")

    def _lock(
        self,
        opening: etree._Element,
        closing: etree._Element,
        then: Sequence[etree._Element],
        may_be_private: bool,
    ) -> None:
        task_timeout.no_longer_ends_the_task()
        try:
            reply = self._do(_LOCK, opening, then)
            # To open a private copy, Junos answers with nothing or with a warning.
            if not (says_done(reply) or (opening.tag != "lock" and says_nothing(reply))):
                # It may be held all the same, and another carrier's session goes on.
                self._abandon(closing)
                _insist(_LOCK, reply)
        except DeviceError as error:
            # A refusal may stand beside a lock that was given. Who has none is told so.
            self._abandon(closing, refusable=not error.done)
            advised = [_lock_advice(m, may_be_private) for m in error.messages]
            raise DeviceError(error.step, advised) from None
        except (MalformedReply, TransportFailure):
            # It may have been given, and another carrier's session goes on.
            self._abandon(closing)
            raise

    def _abandon(self, *requests: etree._Element, refusable: bool = False) -> None:
        """Give back what is held; the failure that brought us here matters more than another.

        ``refusable``: probably nothing is held, and a device that says so is believed.
        """
        self._holding = False
        try:
            for request in requests:
                _insist_unless_silent(_UNLOCK, self.rpc.call(_UNLOCK, request))
        except GroupVpnError as failure:
            # A device takes lock and candidate back from a session that is gone.
            if failure.leaves_open or not refusable:
                self.rpc.end()

    def load(self, configuration: etree._Element, selection: etree._Element, compare: bool) -> None:
        """Load a difference into the candidate.

        ``selection``: what will be read of it then, and with ``compare`` the comparison after it;
        all in one round trip.
        """
        request = _element("load-configuration", configuration, action="merge", format="xml")
        look = _reading(selection, "candidate")
        _insist(LOAD, self._do(LOAD, request, (look, _comparison()) if compare else (look,)))

    def compare(self, rollback: int = 0) -> str:
        """The candidate's difference to a committed configuration, in the device's words.

        Raises DeviceError for an answer that holds none: only one without a word, as some releases
        give it, says that nothing differs.
        """
        reply = self.rpc.call("compare", _comparison(rollback))
        output = next(reply.iter("{*}configuration-output"), None)
        if output is None and len(reply):
            raise DeviceError("compare", ["the answer holds no comparison"])
        return ((output.text or "") if output is not None else "").strip("\n")

    def check(self) -> None:
        """Have the device check the candidate."""
        request = _element("commit-configuration", _element("check"))
        _insist("check the commit", self._do("check the commit", request))

    def discard(self) -> None:
        """Make the candidate the committed configuration again."""
        self._do("discard the change", _element("discard-changes"))

    def history(self) -> etree._Element:
        """The commit history. Raises DeviceError."""
        return self.rpc.call(STEP, _history())

    def time_told(self) -> float | None:
        """The device's own time, in seconds since the epoch; None where it does not tell."""
        with contextlib.suppress(DeviceError):
            reply = self.rpc.call("read the time", _element("get-system-uptime-information"))
            stamps = (e for now in reply.iter("{*}current-time") for e in now.iter("{*}date-time"))
            return next(map(seconds_in, stamps), None)
        return None

    def committed(self, selection: etree._Element) -> etree._Element:
        """What the committed configuration has of a selection."""
        request = _element("get-configuration", selection, database="committed", format="xml")
        reply = self.rpc.call(_READ["committed"], request)
        _refuse_hidden(_READ["committed"], reply)
        return reply

    def commit(
        self, options: CommitOptions, selection: etree._Element | None = None
    ) -> etree._Element:
        """Commit the candidate; the device's answer. Raises DeviceError.

        ``selection``: what will be read first after it, in the same round trip; the history if
        None.
        """
        then = (_history(),) if selection is None else (_reading(selection),)
        reply = self._do(COMMIT, _commit_request(options), then)
        for engine in silent_engines(reply) if says_committed(reply) else ():
            self.warn(f"{COMMIT}: {engine} does not say that it has committed")
        return reply

    def again(self) -> bool:
        """Go on over a new session; False: over the one there is. Raises TransportFailure."""
        anew = self.rpc.reconnect()
        # A session that was lost holds nothing.
        self._holding = self._holding and not anew
        return anew


def _generation_of(release: str) -> Generation | None:
    """v1 ended with 12.3X48; every release from 15.1X49 on is v2. None: it is not a release."""
    major = _MAJOR.match(release)
    if major is None:
        return None
    return Generation.V1 if int(major[1]) < 15 else Generation.V2


COMMIT, LOAD = "commit", "load the change"
_DEPENDS = "a device's words for Group VPN depend on its release"
_READ = {"committed": "read the configuration", "candidate": "read the candidate"}
_LOCK, _UNLOCK = "lock the configuration", "unlock the configuration"
_LOCK_ENDS = {
    True: "the session was ended, and its lock with it",
    False: "the device may stay locked until the connection ends with the play",
}


def _refuse_hidden(step: str, reply: etree._Element) -> None:
    """Raises DeviceError where a user is not shown all: what is hidden is not absent."""
    notes = reply.iter(etree.Comment, "{*}comment", "{*}undocumented")
    if any(_HIDDEN in (note.text or "") for note in notes):
        raise DeviceError(
            step,
            [
                f"the device hides some of it from this user ({_HIDDEN}); give the login class the "
                "permissions 'view-configuration' and 'secret', or use another user"
            ],
        )


def _insist(step: str, reply: etree._Element) -> None:
    """Raises DeviceError for a reply without error that does not say either that it was done."""
    if not says_done(reply):
        raise DeviceError(step, ["the device does not say that it was done"])


def _insist_unless_silent(step: str, reply: etree._Element) -> None:
    """Raises DeviceError for an answer that is neither empty nor says that it was done."""
    if not says_nothing(reply):
        _insist(step, reply)


def _commit_request(options: CommitOptions) -> etree._Element:
    request = _element("commit-configuration")
    if options.synchronize:
        request.append(_element("synchronize"))
    if options.confirmed is not None:
        request.append(_element("confirmed"))
        request.append(_element("confirm-timeout", text=str(options.confirmed)))
    comment = options.comment
    if options.confirmed is not None:
        comment = comment or own_words(options.confirmed)
    if comment:
        request.append(_element("log", text=comment))
    return request


_OTHERS, _PRIVATELY = "private edits", ", or use edit_mode private"
_LOCK_ADVICE = (
    ("locked by", "wait for that session to end, or end it on the device"),
    (
        "modified",
        "someone left uncommitted changes in the shared candidate, and Junos refuses private "
        "editing as well then; have them committed, or discarded with 'rollback 0'",
    ),
    (
        _OTHERS,
        "others are editing private copies; wait until they are done",
    ),
)


def _lock_advice(message: str, may_be_private: bool) -> str:
    """A refused lock with what to do."""
    advised = [(words, advice) for words, advice in _LOCK_ADVICE if words in message][:1]
    more = [_PRIVATELY for words, _advice in advised if words == _OTHERS and may_be_private]
    return "; ".join([message, *(advice for _words, advice in advised)]) + "".join(more)
