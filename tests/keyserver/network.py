# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Emulated devices that exchange GDOI in one process, with a hand-moved clock."""

from __future__ import annotations

import math

from keyserver.groups.pushes import MulticastTarget
from keyserver.srx import Device

START = 1_800_000_000.0


class Network:
    """Devices by address; datagrams arrive at once, but at who is switched off."""

    def __init__(self) -> None:
        self.now = START
        self.down: set[str] = set()
        self.devices: dict[str, Device] = {}
        self.happened: list[object] = []

    def flush(self) -> None:
        """Deliver everything until nobody has anything to say."""
        for _ in range(100):
            taken = [(source, device.take(self.now)) for source, device in self.devices.items()]
            self.happened += [event for _, (_, events) in taken for event in events]
            sent = [
                (source, to, out.datagram)
                for source, (outgoing, _) in taken
                for out in outgoing
                for to in self._receivers(source, out.to)
            ]
            if not sent:
                return
            for source, to, datagram in sent:
                self.carry(source, to, datagram)
        raise AssertionError("they talk for ever")

    def _receivers(self, source: str, to: object) -> list[str]:
        if isinstance(to, MulticastTarget):
            return [address for address in self.devices if address != source]
        assert isinstance(to, list | tuple)
        return [address for address, _ in to]

    def carry(self, source: str, to: str, datagram: bytes) -> None:
        """One datagram, and the answers to it and to these."""
        if self.down & {source, to} or to not in self.devices:
            return
        answer, _ = self.devices[to].datagram(datagram, (source, 848), self.now)
        if answer is not None:
            self.carry(to, source, answer)

    def pass_time(self, seconds: float) -> None:
        """Everything that is due in so many seconds, each at its instant."""
        end = self.now + seconds
        for _ in range(100_000):
            due = [d for device in self.devices.values() if (d := device.deadline()) is not None]
            following = min(due, default=math.inf)
            if following > end:
                break
            self.now = max(self.now, following)
            for device in self.devices.values():
                device.expire(self.now)
            self.flush()
        else:
            raise AssertionError("time does not pass")
        self.now = end
