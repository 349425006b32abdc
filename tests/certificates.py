# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A made-up certification authority for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from keyserver.ike.authentication import Credentials

DAYS = 30


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(text: str) -> x509.GeneralName:
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclass
class Authority:
    """A CA; certificates are good for ``DAYS`` around ``now`` (seconds since the epoch)."""

    now: float
    name: str = "Made-up CA"
    key: rsa.RSAPrivateKey = field(default_factory=_key)
    issuer: Authority | None = None
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        above = self.issuer or self
        self.certificate = self._sign(self.name, self.key, above, None)

    def _sign(
        self,
        subject: str,
        key: rsa.RSAPrivateKey,
        signer: Authority,
        names: tuple[str, ...] | None,
    ) -> x509.Certificate:
        moment = datetime.fromtimestamp(self.now, UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(signer.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(days=DAYS))
            .not_valid_after(moment + timedelta(days=DAYS))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), names is None)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(signer.key, hashes.SHA256())

    def credentials(self, *names: str, trusted: tuple[Authority, ...] = ()) -> Credentials:
        """A key and a certificate for these names; the CA trusts itself unless told otherwise."""
        key = _key()
        leaf = self._sign(names[0], key, self, names)
        chain = (leaf, self.certificate) if self.issuer else (leaf,)
        trusts = trusted or (self.issuer or self,)
        return Credentials(key, chain, tuple(one.certificate for one in trusts))


def write_pem(directory: Path, name: str, credentials: Credentials) -> dict[str, str]:
    """Write certificate and key; the names of the files as a lab file has them."""
    chain = b"".join(
        one.public_bytes(serialization.Encoding.PEM) for one in credentials.certificates
    )
    (directory / f"{name}.pem").write_bytes(chain)
    (directory / f"{name}.key").write_bytes(
        credentials.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"certificate": f"{name}.pem", "private_key": f"{name}.key"}
