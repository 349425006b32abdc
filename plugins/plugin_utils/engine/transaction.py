# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One transaction on a device: read, lock, load the difference, commit, unlock.

No change wanted: one RPC, no lock. Whatever fails: the candidate is discarded, the lock given
back, and the device's own message reported.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import DeviceError, GroupVpnError, TransportFailure
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.xml import text_of
from ..resources.server_member_communication import Generation
from .render import read_filter

_JUNOS_NAMESPACE = "http://xml.juniper.net/junos/"
_MAJOR = re.compile(r"(\d+)\.")
_IN_COMMENT = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True)
class CommitOptions:
    """How to commit; ``confirmed`` in minutes."""

    comment: str | None = None
    confirmed: int | None = None
    synchronize: bool = False
    private: bool = False


def _element(
    name: str, *children: etree._Element, text: str | None = None, **attributes: str
) -> etree._Element:
    element = etree.Element(name, attributes)
    element.text = text
    element.extend(children)
    return element


def _standard(operation: str, target: str) -> etree._Element:
    return _element(operation, _element(target, _element("candidate")))


class Device:
    """A Junos device at the other end of an :class:`Rpc`."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

        self._namespace = ""

    def read(self) -> etree._Element:
        """The committed groups and gateways."""
        request = _element("get-configuration", read_filter(), database="committed", format="xml")
        reply = self._rpc.call("read the configuration", request)
        self._namespace = reply.nsmap.get("junos") or ""
        return reply

    def generation(self) -> Generation:
        """The device's Group VPN generation, from its release.

        v1 ended with 12.3X48; every release from 15.1X49 on is v2. The release stands in the
        namespace that Junos declares on each reply; a carrier that drops it costs one RPC.
        """
        release = self._namespace.removeprefix(_JUNOS_NAMESPACE)
        if _MAJOR.match(release) is None:
            release = self._software_release()
        major = _MAJOR.match(release)
        if major is None:
            raise GroupVpnError(
                f"the device does not say its Junos release ({release!r}); set 'generation'"
            )
        return Generation.V1 if int(major[1]) < 15 else Generation.V2

    def _software_release(self) -> str:
        reply = self._rpc.call("read the software version", _element("get-software-information"))
        release = next((text_of(e) for e in reply.iter("{*}junos-version")), "")
        if release:
            return release
        comments = " ".join(text_of(e) for e in reply.iter("{*}comment"))
        match = _IN_COMMENT.search(comments)
        return match[1] if match else ""

    @contextlib.contextmanager
    def editing(self, options: CommitOptions) -> Iterator[None]:
        """Hold the candidate: exclusively, or as a private copy. Always given back clean."""
        if options.private:
            opening = _element("open-configuration", _element("private"))
            closing = [_element("close-configuration")]
        else:
            opening = _standard("lock", "target")
            closing = [_element("discard-changes"), _standard("unlock", "target")]
        try:
            self._rpc.call("lock the configuration", opening)
        except DeviceError as error:
            raise DeviceError(error.step, [_lock_advice(m) for m in error.messages]) from None
        finished = False
        try:
            yield
            finished = True
        finally:
            # After a commit there is nothing to discard.
            for request in closing if not finished or options.private else closing[1:]:
                self._release(request, finished)

    def _release(self, request: etree._Element, finished: bool) -> None:
        try:
            self._rpc.call("unlock the configuration", request)
        except GroupVpnError:
            # The failure that brought us here matters more; and a session that is gone took its
            # lock and its candidate with it.
            if finished:
                raise

    def load(self, configuration: etree._Element) -> None:
        """Load a difference into the candidate."""
        request = _element("load-configuration", configuration, action="merge", format="xml")
        self._rpc.call("load the change", request)

    def compare(self) -> str:
        """The candidate's difference to the committed configuration, in the device's words."""
        request = _element("get-configuration", compare="rollback", rollback="0", format="text")
        reply = self._rpc.call("compare", request)
        output = next(reply.iter("{*}configuration-output"), None)
        return ((output.text or "") if output is not None else "").strip("\n")

    def check(self) -> None:
        """Have the device check the candidate."""
        self._rpc.call("check the commit", _element("commit-configuration", _element("check")))

    def discard(self) -> None:
        """Make the candidate the committed configuration again."""
        self._rpc.call("discard the change", _element("discard-changes"))

    def commit(self, options: CommitOptions) -> None:
        """Commit the candidate."""
        request = _element("commit-configuration")
        if options.synchronize:
            request.append(_element("synchronize"))
        if options.confirmed is not None:
            request.append(_element("confirmed"))
            request.append(_element("confirm-timeout", text=str(options.confirmed)))
        if options.comment:
            request.append(_element("log", text=options.comment))
        try:
            self._rpc.call("commit", request)
        except TransportFailure as failure:
            raise TransportFailure(
                f"{failure}; whether the device committed is unknown, run the task again to see"
            ) from None


def _lock_advice(message: str) -> str:
    """A refused lock with who holds it and what to do."""
    if "locked by" in message:
        return f"{message}; wait for that session to end, or end it on the device"
    if "modified" in message:
        return (
            f"{message}: someone left uncommitted changes; have them committed or rolled back, "
            "or use edit_mode private"
        )
    return message
