# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's core and an emulated device in one process."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.confirm import change_of
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import (
    Device as AskedDevice,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.holds import lacking, selection
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import TransportFailure
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.verdict import refuse_errors
from lxml import etree

from keyserver.netconf.framing import END_OF_MESSAGE
from keyserver.srx import Device

NOW = 1_800_000_000.0
HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>'
    b"urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>" + END_OF_MESSAGE
)


class Wire:
    """An Rpc that talks to an emulated device without a socket, and can be made to fail."""

    patience = 0.0

    def __init__(self, device: Device, clock: Callable[[], float] = lambda: NOW) -> None:
        self.device, self.clock = device, clock
        self.names: list[str] = []
        self.round_trips = 0
        self._ahead: list[bytes] = []
        self.requests: list[str] = []
        self.break_at: str | None = None
        self.inject: dict[str, str] = {}
        self.reconnect()

    def is_alive(self) -> bool:
        return not self.session.closing

    def reconnect(self) -> bool:
        self.session = self.device.open_session("netops", self.clock())
        self.session.greeting()
        self.session.receive(HELLO, self.clock())
        return True

    def end(self) -> bool:
        self.session.end(self.clock())
        return True

    def raw(self, operation) -> bytes:
        name = etree.QName(operation).localname
        self.names.append(name)
        self.requests.append(etree.tostring(operation, encoding="unicode"))
        if name == self.break_at:
            self.session.end(self.clock())
            raise TransportFailure("hub-1: the connection broke")
        if self.session.closing:
            raise TransportFailure("hub-1: the session is closed")
        if name in self.inject:
            return self.inject[name].encode()
        rpc = etree.Element("rpc", {"message-id": "1"})
        rpc.append(operation)
        reply = self.session.receive(etree.tostring(rpc) + END_OF_MESSAGE, self.clock())
        return reply.removesuffix(END_OF_MESSAGE)

    def call(self, step, operation, then=()):
        """One round trip, unless it was announced behind the one before."""
        if self._ahead[:1] == [etree.tostring(operation)]:
            self._ahead.pop(0)
        else:
            self.round_trips += 1
            self._ahead = [etree.tostring(reading) for reading in then]
        return refuse_errors(step, etree.fromstring(self.raw(operation)))

    def stream(self, step, operation):
        yield self.raw(operation)


def unkept(wire: Wire, result: object) -> list[str]:
    """What a confirmation would miss of a change that was just made."""
    change = change_of(result)
    return [] if change is None else lacking(AskedDevice(wire).committed(selection(change)), change)
