# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device's keys in its store.

Where the store cannot be written (a disk is full), members go on being served with keys that are in
memory alone: a group whose rekeys stop is apart when its keys end. They are written as soon as that
is possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ..config.store import RETRY_SECONDS, Store, StoreFailed, damaged_key
from ..ike.authentication import Credentials
from .keys import RSA_BITS

_HOST_KEY = "ssh host key"


class KeySafe:
    """The SSH host key, the keys that sign rekeys, and those of groups, by their names."""

    def __init__(
        self,
        store: Store,
        certificates: Mapping[str, Credentials],
        on_trouble: Callable[[str], None],
    ) -> None:
        """``certificates`` of the lab file sign with their own keys, which nothing else keeps.

        ``on_trouble`` gets a sentence when something was not written that nobody is told of.
        """
        self._store, self._certificates, self._on_trouble = store, certificates, on_trouble
        self._signing: dict[str, rsa.RSAPrivateKey] = {}
        self._unwritten: dict[str, Callable[[], None]] = {}
        self._write_again_at = 0.0

    def host_key(self) -> bytes:
        """The SSH host key, a private key in OpenSSH's form. Raises StoreFailed."""
        pem = self._store.signing_key(_HOST_KEY)
        if pem is None:
            pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
            self._store.add_signing_key(_HOST_KEY, pem)
        return pem

    def signing_key(self, certificate: str) -> rsa.RSAPrivateKey:
        """The key that a group's ``certificate`` stands for; made when it is asked for first."""
        if certificate in self._certificates:
            return self._certificates[certificate].private_key
        if certificate not in self._signing:
            name = f"certificate {certificate}"
            pem = self._store.signing_key(name)
            self._signing[certificate] = self._new(name) if pem is None else self._loaded(name, pem)
        return self._signing[certificate]

    def _loaded(self, name: str, pem: bytes) -> rsa.RSAPrivateKey:
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise damaged_key(self._store.path, f"the key of {name}")
        return key

    def _new(self, name: str) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
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
