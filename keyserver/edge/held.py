# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member holds, in the words of the log of associations."""

from __future__ import annotations

from ..capture.sa_log import Holder, LoggedSa, LoggedSelector
from ..gdoi.payloads import Selector
from ..member.traffic import InstalledTek, Traffic


def held_associations(holder: Holder, address: str, traffic: Traffic) -> set[LoggedSa]:
    """Every association of a member at that address, with its keys."""
    return {_logged(holder, address, tek) for teks in traffic.selectors.values() for tek in teks}


def _logged(holder: Holder, address: str, tek: InstalledTek) -> LoggedSa:
    sa, keys = tek.sa, tek.keys
    source, destination = sa.selector.source, sa.selector.destination
    return LoggedSa(
        holder.member,
        holder.group,
        address,
        sa.spi.hex(),
        sa.protocol.name.lower(),
        sa.mode.name.lower(),
        sa.direction.name.lower(),
        sa.cipher.name if sa.cipher is not None else None,
        keys.encryption.hex(),
        sa.integrity.name if sa.integrity is not None else None,
        sa.integrity.bits if sa.integrity is not None else 0,
        keys.integrity.hex(),
        sa.extended_sequence,
        LoggedSelector(
            _told(source, destination),
            _told(destination, source),
            source.port,
            destination.port,
            sa.selector.protocol,
        ),
    )


def _told(selector: Selector, other: Selector) -> str:
    """A selector in words; one that is empty stands for every address of the other one's kind."""
    is_version_6 = 6 in (selector.version, other.version)
    return str(selector) if selector.data else "::/0" if is_version_6 else "0.0.0.0/0"
