# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ciphers, hashes and key derivation of IKEv1 and GDOI (RFC 2409 §5 and Appendix B)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

# What the library calls decrepit it is to drop some day; Own computes it then.
try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    TripleDES = None  # type: ignore[assignment, misc]

from ..ike import des
from .numbers import OakleyCipher, OakleyHash
from .wire import MalformedPayload


class Provider(Protocol):
    """What encrypts whole blocks in CBC mode."""

    def encrypt(self, cipher: str, key: bytes, iv: bytes, plain: bytes) -> bytes:
        """Encrypt; ``cipher`` is des, 3des or aes."""

    def decrypt(self, cipher: str, key: bytes, iv: bytes, sealed: bytes) -> bytes:
        """Decrypt."""


class Library:
    """OpenSSL, as long as it has the old ciphers."""

    def encrypt(self, cipher: str, key: bytes, iv: bytes, plain: bytes) -> bytes:
        """See :class:`Provider`."""
        encryptor = _library_cipher(cipher, key, iv).encryptor()
        return encryptor.update(plain) + encryptor.finalize()

    def decrypt(self, cipher: str, key: bytes, iv: bytes, sealed: bytes) -> bytes:
        """See :class:`Provider`."""
        decryptor = _library_cipher(cipher, key, iv).decryptor()
        return decryptor.update(sealed) + decryptor.finalize()


def _library_cipher(cipher: str, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    if cipher == "aes":
        return Cipher(AES(key), modes.CBC(iv))
    # Single DES is 3DES with the same key thrice; the library carries no DES of its own.
    return Cipher(TripleDES(key * 3 if cipher == "des" else key), modes.CBC(iv))


class Own:
    """DES and 3DES without the library, which does all others."""

    def encrypt(self, cipher: str, key: bytes, iv: bytes, plain: bytes) -> bytes:
        """See :class:`Provider`."""
        if cipher == "aes":
            return LIBRARY.encrypt(cipher, key, iv, plain)
        return des.encrypt_cbc(key, iv, plain)

    def decrypt(self, cipher: str, key: bytes, iv: bytes, sealed: bytes) -> bytes:
        """See :class:`Provider`."""
        if cipher == "aes":
            return LIBRARY.decrypt(cipher, key, iv, sealed)
        return des.decrypt_cbc(key, iv, sealed)


LIBRARY = Library()
FASTEST: Provider = LIBRARY if TripleDES is not None else Own()


@dataclass(frozen=True, slots=True)
class CbcCipher:
    """A block cipher in CBC mode; ``key_length`` and ``block`` in octets."""

    name: str
    key_length: int
    block: int

    def encrypt(
        self, key: bytes, iv: bytes, plain: bytes, provider: Provider | None = None
    ) -> bytes:
        """Encrypt, padding with zeros to whole blocks (RFC 2409 Appendix B)."""
        padded = plain + bytes(-len(plain) % self.block)
        return (provider or FASTEST).encrypt(self.name, key, iv, padded)

    def decrypt(
        self, key: bytes, iv: bytes, sealed: bytes, provider: Provider | None = None
    ) -> bytes:
        """Decrypt whole blocks; the padding stays."""
        if not sealed or len(sealed) % self.block:
            raise MalformedPayload(f"{len(sealed)} encrypted octets, whole blocks are expected")
        return (provider or FASTEST).decrypt(self.name, key, iv, sealed)

    def effective(self, key: bytes) -> bytes:
        """What of a key counts: DES does not look at the parity bits, which some peers set."""
        return key if self.name == "aes" else des.without_parity(key)


DES = CbcCipher("des", 8, 8)
TRIPLE_DES = CbcCipher("3des", 24, 8)
AES_128, AES_192, AES_256 = (CbcCipher("aes", bits // 8, 16) for bits in (128, 192, 256))
AES_BY_BITS: dict[int, CbcCipher] = {128: AES_128, 192: AES_192, 256: AES_256}
JUNOS_CIPHERS: dict[str, CbcCipher] = {
    "des-cbc": DES,
    "3des-cbc": TRIPLE_DES,
    "aes-128-cbc": AES_128,
    "aes-192-cbc": AES_192,
    "aes-256-cbc": AES_256,
}


def oakley_cipher(algorithm: int, key_bits: int) -> CbcCipher | None:
    """The cipher of a phase 1 transform; None when it is not one of ours."""
    if algorithm == OakleyCipher.AES_CBC:
        return AES_BY_BITS.get(key_bits)
    return _FIXED_LENGTH.get(algorithm)


_FIXED_LENGTH: dict[int, CbcCipher] = {
    OakleyCipher.DES_CBC: DES,
    OakleyCipher.TRIPLE_DES_CBC: TRIPLE_DES,
}
HASH_NAMES: dict[int, str] = {
    OakleyHash.MD5: "md5",
    OakleyHash.SHA1: "sha1",
    OakleyHash.SHA2_256: "sha256",
    OakleyHash.SHA2_384: "sha384",
    OakleyHash.SHA2_512: "sha512",
}


@dataclass(frozen=True, slots=True)
class Phase1Keys:
    """Keys of one phase 1 SA (RFC 2409 §5). ``hash_name`` as hashlib knows it."""

    hash_name: str
    cipher: CbcCipher
    skeyid: bytes
    skeyid_d: bytes
    skeyid_a: bytes
    skeyid_e: bytes
    encryption_key: bytes
    first_iv: bytes

    def prf(self, data: bytes) -> bytes:
        """prf(SKEYID_a, data): authenticates everything after phase 1."""
        return hmac.digest(self.skeyid_a, data, self.hash_name)

    def phase2_iv(self, last_phase1_block: bytes, message_id: int) -> bytes:
        """First IV of an exchange under this SA (RFC 2409 Appendix B)."""
        digest = hashlib.new(self.hash_name, last_phase1_block + message_id.to_bytes(4, "big"))
        return digest.digest()[: self.cipher.block]


def derive_keys(
    hash_name: str,
    cipher: CbcCipher,
    pre_shared_key: bytes | None,
    nonces: tuple[bytes, bytes],
    public: tuple[bytes, bytes],
    shared_secret: bytes,
    cookies: bytes,
) -> Phase1Keys:
    """Keys of a phase 1; initiator's value first in every pair. No key: signatures (§5.1)."""
    both = nonces[0] + nonces[1]
    if pre_shared_key is None:
        skeyid = hmac.digest(both, shared_secret, hash_name)
    else:
        skeyid = hmac.digest(pre_shared_key, both, hash_name)

    def step(previous: bytes, number: int) -> bytes:
        data = previous + shared_secret + cookies + bytes([number])
        return hmac.digest(skeyid, data, hash_name)

    skeyid_d = step(b"", 0)
    skeyid_a = step(skeyid_d, 1)
    skeyid_e = step(skeyid_a, 2)
    return Phase1Keys(
        hash_name,
        cipher,
        skeyid,
        skeyid_d,
        skeyid_a,
        skeyid_e,
        expand_key(skeyid_e, hash_name, cipher.key_length),
        hashlib.new(hash_name, public[0] + public[1]).digest()[: cipher.block],
    )


def expand_key(skeyid_e: bytes, hash_name: str, length: int) -> bytes:
    """Ka of RFC 2409 Appendix B: SKEYID_e, or a chain of PRF blocks when it is too short."""
    if len(skeyid_e) >= length:
        return skeyid_e[:length]
    block, key = b"\0", b""
    while len(key) < length:
        block = hmac.digest(skeyid_e, block, hash_name)
        key += block
    return key[:length]
