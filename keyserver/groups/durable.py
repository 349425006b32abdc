# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A group's keys across a restart.

A real SRX keeps them in memory only, and a Group VPNv2 group is then split until everybody has come
back (nothing tells the members). What is kept here is what a member would be given: SA, sequence
number and KD payloads, with the time that their lives count from; and the pushes that somebody has
not acknowledged: who misses one could be apart from the others until its keys end.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from ..gdoi.arrival import Peer
from ..gdoi.numbers import SigHashAlgorithm
from ..gdoi.payloads import GroupSa, KeyDownload, Sequence
from ..gdoi.pull import Grant
from ..gdoi.push import Kek
from ..ike.crypto import CbcCipher
from ..ike.wire import MalformedPayload, Reader
from .registration import MadePush

_HEAD = struct.Struct("!dBII")
_SIZE = struct.Struct("!I")
# Of the octet behind the time.
_NUMBERED, _WITH_PUSHES, _WITH_CHECKSUM = 1, 2, 4
_NOTHING = Grant(GroupSa(None, None, ()), KeyDownload(()), None)


@dataclass(frozen=True)
class Unfinished:
    """Pushes in their order, and those who have not acknowledged just these."""

    made: tuple[MadePush, ...]
    peers: tuple[Peer, ...]


@dataclass(frozen=True)
class Kept:
    """What a group goes on with; ``at``: when it was kept, in seconds since the epoch."""

    grant: Grant
    at: float
    unfinished: tuple[Unfinished, ...] = ()


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


def encode_state(kept: Kept) -> bytes:
    """What is to be kept, as octets."""
    grant = kept.grant
    sa, keys, sequence = grant.sa.encode(), grant.keys.encode(), grant.sequence
    number = sequence.number if sequence is not None else 0
    flags = _NUMBERED * (sequence is not None) | _WITH_PUSHES | _WITH_CHECKSUM
    pushes = json.dumps([_plain(one) for one in kept.unfinished]).encode()
    head = _HEAD.pack(kept.at, flags, number, len(sa)) + sa
    state = head + _SIZE.pack(len(keys)) + keys + pushes
    return state + _SIZE.pack(zlib.crc32(state))


def decode_state(state: bytes) -> Kept:
    """What was kept. Raises MalformedPayload."""
    if len(state) < _HEAD.size:
        raise MalformedPayload("kept keys are cut off")
    at, flags, number, size = _HEAD.unpack_from(state)
    reader = Reader(_checked(state) if flags & _WITH_CHECKSUM else state, "kept keys")
    reader.take(_HEAD.size)
    sa = GroupSa.decode(reader.take(size))
    sequence = Sequence(number) if flags & _NUMBERED else None
    if not flags & _WITH_PUSHES:
        return Kept(Grant(sa, KeyDownload.decode(reader.rest()), sequence), at)
    keys = KeyDownload.decode(reader.take(reader.number(_SIZE.size)))
    return Kept(Grant(sa, keys, sequence), at, _unfinished(reader.rest()))


def _checked(state: bytes) -> bytes:
    """Without its checksum: a disk that lost a bit must not make another key of what was kept."""
    body, checksum = state[: -_SIZE.size], state[-_SIZE.size :]
    if checksum != _SIZE.pack(zlib.crc32(body)):
        raise MalformedPayload("kept keys are damaged")
    return body


def kept(grant: Grant | None, at: float, unfinished: Iterable[Unfinished]) -> bytes | None:
    """What is to be kept of a group that has these keys; None when that is nothing."""
    pushes = tuple(unfinished)
    return encode_state(Kept(grant or _NOTHING, at, pushes)) if grant or pushes else None


def _plain(one: Unfinished) -> list[object]:
    return [[_plain_push(made) for made in one.made], [astuple(peer) for peer in one.peers]]


def _plain_push(made: MadePush) -> list[object]:
    kek = made.kek
    own = [kek.spi.hex(), astuple(kek.cipher), kek.iv.hex(), kek.key.hex(), int(kek.sig_hash)]
    return [own, made.sequence, made.datagram.hex()]


def _unfinished(octets: bytes) -> tuple[Unfinished, ...]:
    try:
        return tuple(
            Unfinished(tuple(_push(*push) for push in pushes), tuple(_peer(*row) for row in peers))
            for pushes, peers in json.loads(octets)
        )
    except (TypeError, ValueError) as error:
        raise MalformedPayload(f"kept pushes cannot be read ({error})") from None


def _push(
    kek: tuple[str, tuple[str, int, int], str, str, int], sequence: int, datagram: str
) -> MadePush:
    spi, cipher, iv, key, sig_hash = kek
    own = Kek(
        bytes.fromhex(spi),
        CbcCipher(*cipher),
        bytes.fromhex(iv),
        bytes.fromhex(key),
        SigHashAlgorithm(sig_hash),
    )
    return MadePush(own, sequence, bytes.fromhex(datagram))


def _peer(gateway: str, source: tuple[str, int], *more: Any) -> Peer:
    host, port = source
    return Peer(gateway, (host, port), *more)
