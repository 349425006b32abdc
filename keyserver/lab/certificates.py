# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates that a lab file names: whose they are, and whom they trust."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..ike.authentication import Credentials
from . import values
from .section import Section
from .specs import LabError


def _authorities(section: Section, base: Path) -> tuple[x509.Certificate, ...]:
    files = section.take(
        "trusted_ca", lambda v: [values.path(base, one) for one in values.texts(v)], []
    )
    return tuple(authority for file in files for authority in _pem_certificates(file))


def _pem_certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LabError(f"{path}: PEM certificates are expected ({error})") from None


def _pem_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise LabError(
            f"{path}: a PEM private key without a passphrase is expected ({error})"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise LabError(f"{path}: an RSA key is expected")
    return key


def _credentials(
    where: str, certificate: Path, key: Path, trusted: tuple[x509.Certificate, ...]
) -> Credentials:
    chain, private = tuple(_pem_certificates(certificate)), _pem_key(key)
    if chain[0].public_key() != private.public_key():
        raise LabError(f"{where}: {key} is not the key of {certificate}")
    return Credentials(private, chain, trusted)


def read_certificates(where: str, section: Section, base: Path) -> dict[str, Credentials]:
    """A device's local certificates by name."""
    trusted = _authorities(section, base)
    found = {}
    named = section.take("certificates", lambda v: v, {})
    if not isinstance(named, dict):
        raise LabError(f"{where}: certificates: a mapping of names to files is expected")
    for name, entry in named.items():
        inner = f"{where}: certificates: {name}"
        files = Section(inner, entry)
        certificate, key = (
            files.need(kind, partial(values.path, base)) for kind in ("certificate", "private_key")
        )
        files.done()
        found[str(name)] = _credentials(inner, certificate, key, trusted)
    return found


def read_own_certificate(where: str, section: Section, base: Path) -> Credentials | None:
    """A member's certificate."""
    trusted = _authorities(section, base)
    certificate = section.take("certificate", partial(values.path, base))
    if certificate is None:
        return None
    key = section.need("private_key", partial(values.path, base))
    return _credentials(where, certificate, key, trusted)
