# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device's keys in its store.

Where the store cannot be written (a disk is full), members go on being served with keys that are in
memory alone: a group whose rekeys stop is apart when its keys end. They are written as soon as that
is possible.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..config.store import RETRY_SECONDS, Store, StoreFailed, damaged_key
from ..ike.authentication import Credentials
from .keys import RSA_BITS

Making = Callable[[], rsa.RSAPrivateKey]
Begin = Callable[[Making], Making]
"""Begins to make a key elsewhere; what it returns gives the key, and waits for it."""

_PEM, _PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
_HOST_KEY = "ssh host key"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class KeySafe:
    """The SSH host key, the keys that sign rekeys, and those of groups, by their names."""

    def __init__(
        self,
        store: Store,
        certificates: Mapping[str, Credentials],
        on_trouble: Callable[[str], None],
        begin: Begin,
    ) -> None:
        """``certificates`` of the lab file sign with their own keys, which nothing else keeps.

        ``on_trouble`` gets a sentence when something was not written that nobody is told of.
        """
        self._store, self._certificates, self._on_trouble = store, certificates, on_trouble
        self._begin = begin
        self._begun: dict[str, Making] = {}
        self._signing: dict[str, rsa.RSAPrivateKey] = {}
        self._unwritten: dict[str, Callable[[], None]] = {}
        self._write_again_at = 0.0

    def host_keys(self) -> tuple[bytes, bytes]:
        """The SSH host keys, private keys in PEM: Ed25519, and P-256. Raises StoreFailed.

        Clients of JSch 0.1.55, Juniper's own for Java among them, know no Ed25519. The second is
        made from the first, so that a store that has but one needs no other.
        """
        pem = self._store.signing_key(_HOST_KEY)
        if pem is None:
            pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
                _PEM, serialization.PrivateFormat.OpenSSH, _PLAIN
            )
            self._store.add_signing_key(_HOST_KEY, pem)
        return pem, _second(pem)

    def signing_key(self, certificate: str) -> rsa.RSAPrivateKey:
        """The key that a group's ``certificate`` stands for; made when it is asked for first."""
        if certificate in self._certificates:
            return self._certificates[certificate].private_key
        if certificate not in self._signing:
            name = _name(certificate)
            pem = self._store.signing_key(name)
            made = self._begun.pop(certificate, _made)
            self._signing[certificate] = (
                self._kept(name, made()) if pem is None else self._loaded(name, pem)
            )
        return self._signing[certificate]

    def foresee(self, certificate: str) -> None:
        """It will be asked for soon: if it is to be made, that begins now, for it takes long."""
        if certificate in {*self._certificates, *self._signing, *self._begun}:
            return
        # Who asks for the key is told.
        with contextlib.suppress(StoreFailed):
            if self._store.signing_key(_name(certificate)) is None:
                self._begun[certificate] = self._begin(_made)

    def _loaded(self, name: str, pem: bytes) -> rsa.RSAPrivateKey:
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise damaged_key(self._store.path, f"the key of {name}")
        return key

    def _kept(self, name: str, key: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
        pem = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _PLAIN)
        self._write(f"the key of {name}", partial(self._store.add_signing_key, name, pem))
        return key

    def group_keys(self, name: str) -> bytes | None:
        """The keys of a group as they were kept last. Raises StoreFailed."""
        return self._store.group_keys(name)

    def set_group_keys(self, name: str, state: bytes | None) -> None:
        """Keep the keys of a group, or forget them."""
        self._write(f"the keys of group {name}", partial(self._store.set_group_keys, name, state))

    def _write(self, what: str, write: Callable[[], None]) -> None:
        is_told = self._unwritten.pop(what, None) is not None
        try:
            write()
        except StoreFailed as error:
            self._unwritten[what] = write
            if not is_told:
                self._on_trouble(f"{what} could not be written and end with this process: {error}")

    @property
    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do next."""
        return self._write_again_at if self._unwritten else None

    def expire(self, now: float) -> None:
        """Try again to write what could not be written."""
        if now < self._write_again_at:
            return
        for what, write in list(self._unwritten.items()):
            self._write(what, write)
        if self._unwritten:
            self._write_again_at = now + RETRY_SECONDS


def _name(certificate: str) -> str:
    return f"certificate {certificate}"


def _made() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _second(first: bytes) -> bytes:
    """A key of P-256, always the same one for the same first key."""
    octets = HKDF(hashes.SHA512(), 64, None, b"ssh host key, P-256").derive(first)
    number = 1 + int.from_bytes(octets, "big") % (_P256_ORDER - 1)
    key = ec.derive_private_key(number, ec.SECP256R1())
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _PLAIN)
