# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looking at a device, again and again, for signs of life of its members.

One look has all that tells more than the list alone: the time of the last commit, and what the
device sent where it counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from ..engine.device import Device
from ..engine.values import Generation
from ..errors import DeviceError, GroupVpnError, MalformedReply, TransportFailure
from ..netconf.libraries import etree
from ..netconf.rpc import Rpc
from ..netconf.xml import text_of
from ..resources.served import Group, read_groups
from .asking import listed
from .doubts import nameless
from .meaning import described
from .times import local_seconds
from .waiting import Look

_NOTHING, _FAILED = Look(()), "the last look failed"


class Eyes:
    """Looks at one device; a connection that breaks while waiting is opened again.

    One that ended between two looks, for nobody used it, is no look that failed.

    ``say``: told of a look that failed, once until one succeeds.
    """

    def __init__(self, rpc: Rpc, say: Callable[[str], None]) -> None:
        self._rpc = rpc
        self._say = say
        device = Device(rpc)
        self.in_force = read_groups(device)
        self._generation = device.generation()
        self._device = device
        self._failure = ""
        self._commit: str | None = None
        self._untold = ""
        self._keks_unread = ""
        self._last: Look | None = None

    @property
    def has_all(self) -> bool:
        """Whether nothing of the groups in force may have been left out."""
        return not self._device.warnings

    def unseen(self, changed: Collection[str]) -> list[str]:
        """What could not be seen of what would have told more; ``changed``: groups."""
        found = list(self._device.warnings)
        found += [f"{_FAILED}: {self._failure}"] if self._failure else []
        if self._untold and changed:
            found.append(
                f"the device does not tell when it committed ({self._untold}), so that only who "
                "is seen to come or acknowledges counts"
            )
        if self._keks_unread:
            found.append(
                f"the keys for rekeying cannot be read ({self._keks_unread}), so that only "
                "registrations count"
            )
        return found

    def __call__(self) -> Look:
        """A look after the change; the one before where the list could not be read.

        Raises TransportFailure where nothing was seen before the connection broke.
        """
        try:
            if self._failure or not self._rpc.is_alive():
                self._rpc.reconnect()
            if self._last is None:
                self._commit, self._untold = committed_at(self._device)
            self._last, self._failure = self.look(), ""
        except (DeviceError, MalformedReply, TransportFailure) as failure:
            return self._earlier(failure)
        return self._last

    def _earlier(self, failure: GroupVpnError) -> Look:
        """What was seen before a look failed: services of a device may be away for a moment."""
        if self._last is None and isinstance(failure, TransportFailure):
            raise failure
        if not self._failure:
            self._say(f"{_FAILED}: {failure}")
        self._failure = str(failure)
        return replace(self._last or _NOTHING, fresh=False)

    def look(self) -> Look:
        """The lists with their counters, the time of the change, the keys for rekeying."""
        reading = listed(self._rpc, self._generation, detail=True)
        groups = list(described(reading.groups, self.in_force, detail=True))
        # Only Group VPNv1 has no counters, and needs to be asked what it sent.
        keks: Mapping[str, str] = {}
        if self._generation is Generation.V1:
            keks, self._keks_unread = _keks(self._rpc, self.in_force)
        return Look(groups, self._commit, keks)


def committed_at(device: Device) -> tuple[str, str]:
    """The time of the last commit, and why it is not known."""
    try:
        newest = next(device.history().iter("{*}date-time"), None)
    except DeviceError as error:
        # A user who may not see it still sees the lists.
        return "", str(error)
    told = text_of(newest)
    readable = local_seconds(told) is not None
    return (
        (told, "")
        if readable
        else ("", f"{told!r}: a time is expected" if told else "no time is shown")
    )


def _keks(rpc: Rpc, groups: Mapping[str, Group]) -> tuple[dict[str, str], str]:
    """Group name to the SPI of its key for rekeying, and what of them is not understood."""
    names = {str(group.id): group.name for group in groups.values()}
    request = etree.Element("get-security-group-vpn-server-kek-sa")
    try:
        reply = rpc.call("read the keys for rekeying", request)
    except DeviceError as error:
        return {}, str(error)
    found: dict[str, str] = {}
    unread = list(filter(None, [nameless(reply, "{*}group-id")]))
    for number in reply.iter("{*}group-id"):
        entry = number.getparent()
        cookies = [text_of(next(entry.iter(f"{{*}}{side}-cookie"), None)) for side in _SIDES]
        name = names.get(text_of(number))
        if name is not None and all(cookies):
            found[name] = "".join(cookies)
        elif name is not None:
            unread.append(f"group {name}: a key without its cookies")
    return found, "; ".join(unread)


_SIDES = ("initiator", "responder")
