# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where members say that they have a push: GROUPKEY-PUSH-ACK, as key server."""

from __future__ import annotations

from .acknowledgement import decode_ack
from .arrival import Acknowledged, Arrival, Outcome, refused
from .authority import Authority


class AcknowledgementDoor:
    """Acknowledgements of the groups' pushes."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def receive(self, arrival: Arrival) -> Outcome:
        """Take an acknowledgement; it is never answered."""
        # The SPI is compared first: noise must not cost us a decoding.
        if self._authority.knows_kek(arrival.header.spi):
            ack = decode_ack(arrival.header, arrival.message)
            if self._authority.acknowledge(arrival.header.spi, ack, arrival.source, arrival.now):
                return Outcome(None, (Acknowledged(arrival.source[0], ack.sequence),))
        return refused(arrival, "an acknowledgement that nobody waits for")
