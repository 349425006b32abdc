# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group's keys across a restart.

A real SRX keeps them in memory only, and a Group VPNv2 group is then split until everybody has come
back (nothing tells the members). What is kept here is what a member would be given: SA, sequence
number and KD payloads, with the time that their lives count from.
"""

from __future__ import annotations

import struct
from typing import Protocol

from ..gdoi.payloads import GroupSa, KeyDownload, Sequence
from ..gdoi.pull import Grant
from ..ike.wire import MalformedPayload

_HEAD = struct.Struct("!d?II")


class KeyStore(Protocol):
    """Where the keys of groups are kept, by the groups' names."""

    def group_keys(self, name: str) -> bytes | None:
        """What was kept last."""

    def set_group_keys(self, name: str, state: bytes | None) -> None:
        """Keep this; None: forget it. It is durable when this returns."""


class Forgetful:
    """Keeps nothing, as a real SRX."""

    def group_keys(self, name: str) -> bytes | None:
        """See :class:`KeyStore`."""
        return None

    def set_group_keys(self, name: str, state: bytes | None) -> None:
        """See :class:`KeyStore`."""


def encode_state(grant: Grant, now: float) -> bytes:
    """Keys to be kept."""
    sa, sequence = grant.sa.encode(), grant.sequence
    number = sequence.number if sequence is not None else 0
    return _HEAD.pack(now, sequence is not None, number, len(sa)) + sa + grant.keys.encode()


def decode_state(state: bytes) -> tuple[Grant, float]:
    """(kept keys, when they were kept). Raises MalformedPayload."""
    if len(state) < _HEAD.size:
        raise MalformedPayload("kept keys are cut off")
    kept_at, has_sequence, number, size = _HEAD.unpack_from(state)
    sa, keys = state[_HEAD.size : _HEAD.size + size], state[_HEAD.size + size :]
    sequence = Sequence(number) if has_sequence else None
    return Grant(GroupSa.decode(sa), KeyDownload.decode(keys), sequence), kept_at
