# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Diffie-Hellman groups of IKEv1: MODP (RFC 2409 §6, RFC 3526) and RFC 5114 §2.3.

Two providers compute in them. OpenSSL is the faster one for the groups that it knows by name; the
library is to drop them some day. Python's own integers stay.
"""

from __future__ import annotations

import secrets
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Protocol

try:
    from cryptography.hazmat.primitives.asymmetric import dh as openssl_dh
except ImportError:
    openssl_dh = None  # type: ignore[assignment]

_MODP_768 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A63A3620FFFFFFFFFFFFFFFF"
)
_MODP_1024 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)
_MODP_1536 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA237327FFFFFFFFFFFFFFFF"
)
_MODP_2048 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
_MODP_2048_256 = (
    "87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00"
    "E00DF8F1D61957D4FAF7DF4561B2AA3016C3D91134096FAA3BF4296D830E9A7C"
    "209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B"
    "6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C581B23F76"
    "B63ACAE1CAA6B7902D52526735488A0EF13C6D9A51BFA4AB3AD8347796524D8E"
    "F6A167B5A41825D967E144E5140564251CCACB83E6B486F6B3CA3F7971506026"
    "C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103"
    "A4B54330C198AF126116D2276E11715F693877FAD7EF09CADB094AE91E1A1597"
)
_MODP_2048_256_GENERATOR = (
    "3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA125"
    "10DBC15077BE463FFF4FED4AAC0BB555BE3A6C1B0C6B47B1BC3773BF7E8C6F62"
    "901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B"
    "777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F6F2F9193"
    "B5045AF2767164E1DFC967C1FB3F2E55A4BD1BFFE83B9C80D052B985D182EA0A"
    "DB2A3B7313D3FE14C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915"
    "B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C3"
    "2F63078490F00EF8D647D148D47954515E2327CFEF98C582664B4C0F6CC41659"
)

_MODP_2048_256_ORDER = "8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3"

_EXPONENT_BITS = 256
"""Twice the strength of the strongest group here: longer secret exponents cost and gain nothing."""


class InvalidPublicValue(ValueError):
    """A peer's public value outside 2..p-2, or of a small subgroup: it would give secrets away."""


class Secret(Protocol):
    """One end's secret in a group."""

    public: bytes

    def shared(self, peer: int) -> bytes:
        """g^xy from the peer's public value, padded to the group's size. Raises ValueError."""


class Provider(Protocol):
    """What makes secrets."""

    def __call__(self, group: DhGroup) -> Secret:
        """A new secret in a group."""


@dataclass(frozen=True)
class DhGroup:
    """One group. Public values and shared secrets are ``size`` octets, left-padded.

    ``named``: OpenSSL knows the group; in others it would test the prime each time. ``order``: of
    the subgroup that public values must be of (RFC 6989 §2.2); None where p is a safe prime.
    """

    number: int
    prime: int
    generator: int
    named: bool
    order: int | None = None

    @property
    def size(self) -> int:
        """Octets of a public value."""
        return (self.prime.bit_length() + 7) // 8

    def key_pair(self, provider: Provider | None = None) -> tuple[Secret, bytes]:
        """A new secret and its public value, by the fastest provider that there is."""
        secret = (provider or self._fastest())(self)
        return secret, secret.public

    def _fastest(self) -> Provider:
        return OpenSslSecret if self.named and openssl_dh is not None else IntegerSecret

    def shared_secret(self, secret: Secret, peer: bytes) -> bytes:
        """g^xy from our secret and the peer's public value."""
        value = int.from_bytes(peer, "big")
        if len(peer) != self.size or not 2 <= value <= self.prime - 2:
            raise InvalidPublicValue(f"public value of {len(peer)} octets is out of range")
        try:
            return secret.shared(value)
        except ValueError as error:
            raise InvalidPublicValue(f"public value is not of the group ({error})") from None


class IntegerSecret:
    """A secret exponent, by Python's own integers."""

    def __init__(self, group: DhGroup) -> None:
        self._group = group
        bits = min(_EXPONENT_BITS, group.prime.bit_length() - 2)
        self._exponent = secrets.randbits(bits) | 1 << (bits - 1)
        self.public = self._power(group.generator)

    def _power(self, base: int) -> bytes:
        group = self._group
        return pow(base, self._exponent, group.prime).to_bytes(group.size, "big")

    def shared(self, peer: int) -> bytes:
        """See :class:`Secret`."""
        order = self._group.order
        if order is not None and pow(peer, order, self._group.prime) != 1:
            raise ValueError("it is of a small subgroup")
        return self._power(peer)


class OpenSslSecret:
    """A secret that OpenSSL keeps."""

    def __init__(self, group: DhGroup) -> None:
        self._group = group
        with _unwarned():
            self._key = _parameters(group).generate_private_key()
            number = self._key.public_key().public_numbers().y
        self.public = number.to_bytes(group.size, "big")

    def shared(self, peer: int) -> bytes:
        """See :class:`Secret`."""
        group = self._group
        with _unwarned():
            public = openssl_dh.DHPublicNumbers(peer, _numbers(group)).public_key()
            return self._key.exchange(public).rjust(group.size, b"\0")


def _unwarned() -> warnings.catch_warnings[None]:
    # The library says at each call that it will drop this. We know, and have what takes over.
    return warnings.catch_warnings(action="ignore")


@cache
def _parameters(group: DhGroup) -> openssl_dh.DHParameters:
    return _numbers(group).parameters()


@cache
def _numbers(group: DhGroup) -> openssl_dh.DHParameterNumbers:
    return openssl_dh.DHParameterNumbers(group.prime, group.generator)


DH_GROUPS: dict[int, DhGroup] = {
    number: DhGroup(number, int(prime, 16), int(generator, 16), named, order)
    for number, prime, generator, named, order in (
        (1, _MODP_768, "2", False, None),
        (2, _MODP_1024, "2", False, None),
        (5, _MODP_1536, "2", True, None),
        (14, _MODP_2048, "2", True, None),
        (24, _MODP_2048_256, _MODP_2048_256_GENERATOR, True, int(_MODP_2048_256_ORDER, 16)),
    )
}
