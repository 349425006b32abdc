# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the list before a change tells who was there.

Not while another change, of whomever, awaits its confirmation: whom that has cut off may have
fallen from the list already, and whoever confirms the one change confirms the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.device import CommitOptions, Device
from ..engine.transaction import pending_or_doubt
from ..errors import DeviceError, Refused

UNKNOWN_BEFORE = (
    "nobody knows who was listed before it; let the device take it back and run again, or use "
    "confirm_commit if you know that the members are there"
)


def list_is_from_before(device: Device) -> Iterator[str]:
    """What of it is not known. Raises Refused where another change awaits, or may."""
    try:
        pending, certain = pending_or_doubt(device, CommitOptions())
    except DeviceError as error:
        yield (
            f"whether another commit awaits confirmation is not known ({error}): whom that has cut "
            "off may have fallen from the list, and is not waited for"
        )
        return
    if pending is not None:
        raise Refused([f"{pending.told(certain)}, and {UNKNOWN_BEFORE}"])
