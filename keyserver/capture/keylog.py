# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A log of keys, for Wireshark and for nothing else: off unless asked for by ``--keylog``.

The lines without ``#`` are Wireshark's ``ikev1_decryption_table``: cookie and key in hex. What it
has no column for, cipher and IV of a KEK, stands in a comment before its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from ..gdoi.push import Kek
from ..ike.crypto import AES_128, AES_192, AES_256, DES, TRIPLE_DES, CbcCipher
from ..ike.wire import COOKIE_LENGTH
from .private_file import PrivateLog

_CIPHERS = {
    f"{cipher.name}-{cipher.key_length * 8}": cipher
    for cipher in (DES, TRIPLE_DES, AES_128, AES_192, AES_256)
}


class KeySink(Protocol):
    """Somebody who wants to know keys."""

    def phase1(self, initiator_cookie: bytes, key: bytes) -> None:
        """A phase 1 association has this encryption key."""

    def kek(self, kek: Kek) -> None:
        """A group has this KEK."""


class NoKeyLog:
    """Keeps nothing: the default."""

    def phase1(self, initiator_cookie: bytes, key: bytes) -> None:
        """See :class:`KeySink`."""

    def kek(self, kek: Kek) -> None:
        """See :class:`KeySink`."""


class KeyLog(PrivateLog):
    """A key log of Wireshark's form."""

    begins = re.compile(rb"# kek |[0-9a-f]+,")

    def phase1(self, initiator_cookie: bytes, key: bytes) -> None:
        """See :class:`KeySink`."""
        self.append((f"{initiator_cookie.hex()},{key.hex()}",))

    def kek(self, kek: Kek) -> None:
        """See :class:`KeySink`."""
        name = f"{kek.cipher.name}-{kek.cipher.key_length * 8}"
        comment = f"# kek {kek.spi.hex()} {name} {kek.iv.hex()}"
        self.append((comment, f"{kek.spi[:COOKIE_LENGTH].hex()},{kek.key.hex()}"))


@dataclass(frozen=True)
class LoggedKek:
    """A KEK as a key log has it."""

    spi: bytes
    cipher: CbcCipher
    iv: bytes


def read_keks(text: str) -> dict[bytes, LoggedKek]:
    """KEKs of a key log by SPI. ValueError names a line of another kind, without its keys."""
    keks = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words[:2] != ["#", "kek"]:
            continue
        if len(words) != 5 or words[3] not in _CIPHERS:
            raise ValueError(f"line {number}: a line of serve --keylog is expected")
        spi = bytes.fromhex(words[2])
        keks[spi] = LoggedKek(spi, _CIPHERS[words[3]], bytes.fromhex(words[4]))
    return keks
