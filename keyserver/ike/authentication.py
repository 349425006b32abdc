# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the ends of phase 1 prove who they are: pre-shared keys or RSA signatures (RFC 2409 §5).

With a pre-shared key the proof is the hash itself. With signatures it is the hash signed with
PKCS #1 v1.5, without DigestInfo (§5.1), and the certificate that the key belongs to; the claimed
identity must be one of that certificate's names.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from .numbers import IdType, NotifyType, OakleyAuthentication, PayloadType
from .payloads import Identification
from .refusal import Refused
from .wire import Payload

X509_SIGNATURE = 4
"""Certificate encoding (RFC 2408 §3.9): X.509 certificate for signatures."""
# Certificate revocation list, authority revocation list: allowed beside, and not looked at.
_REVOCATION_LISTS = (b"\x07", b"\x08")
_MOST_CERTIFICATES = 8
# What the library raises for certificates that are damaged or of a kind that it does not know;
# TypeError for a name in a bit string.
_UNREADABLE = (
    TypeError,
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True)
class Credentials:
    """An end's own key with its certificate (the issuers behind it), and the CAs it trusts."""

    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    trusted: tuple[x509.Certificate, ...]


def proof_kind(authentication: OakleyAuthentication) -> PayloadType:
    """The payload that holds the proof."""
    if authentication is OakleyAuthentication.RSA_SIGNATURES:
        return PayloadType.SIG
    return PayloadType.HASH


def prove(
    authentication: OakleyAuthentication, credentials: Credentials | None, digest: bytes
) -> list[Payload]:
    """The payloads that prove an identity; ``digest`` is HASH_I or HASH_R."""
    if authentication is OakleyAuthentication.PRE_SHARED_KEY:
        return [Payload(PayloadType.HASH, digest)]
    assert credentials is not None
    signature = credentials.private_key.sign(digest, padding.PKCS1v15(), NoDigestInfo())
    certificates = [
        bytes([X509_SIGNATURE]) + certificate.public_bytes(serialization.Encoding.DER)
        for certificate in credentials.certificates
    ]
    return [
        *(Payload(PayloadType.CERT, body) for body in certificates),
        Payload(PayloadType.SIG, signature),
    ]


def certificate_requests(
    authentication: OakleyAuthentication, credentials: Credentials | None
) -> list[Payload]:
    """CR payloads (RFC 2408 §3.10): many peers send their certificate only when they are asked."""
    if authentication is OakleyAuthentication.PRE_SHARED_KEY or credentials is None:
        return []
    names = dict.fromkeys(one.subject.public_bytes() for one in credentials.trusted)
    return [Payload(PayloadType.CR, bytes([X509_SIGNATURE]) + name) for name in names]


def check_proof(
    authentication: OakleyAuthentication,
    credentials: Credentials | None,
    proof: bytes,
    digest: bytes,
    identity: Identification,
    certificates: Iterable[bytes],
    now: float,
    name: str,
) -> None:
    """Refuse a proof that is not that of the claimed identity; ``name`` is the hash's (HASH_I)."""
    if authentication is OakleyAuthentication.PRE_SHARED_KEY:
        if not hmac.compare_digest(proof, digest):
            raise Refused(NotifyType.AUTHENTICATION_FAILED, f"{name} does not match")
        return
    assert credentials is not None
    public_key, names = read_certificate(_trusted(credentials, list(certificates), identity, now))
    if (identity.type, identity.data) not in names:
        raise Refused(
            NotifyType.INVALID_ID_INFORMATION, f"the certificate does not name {identity}"
        )
    try:
        signed = public_key.recover_data_from_signature(proof, padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        signed = b""
    # The whole block is compared: a prefix that matches proves nothing.
    if not hmac.compare_digest(signed, digest):
        raise Refused(NotifyType.INVALID_SIGNATURE, f"the signature of {name} does not match")


# A lab's own CA may lack what a public one must have; that it is one, it must say (the library
# looks at what it says there).
_ISSUER = ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, Criticality.AGNOSTIC, None
)


def _trusted(
    credentials: Credentials, bodies: list[bytes], identity: Identification, now: float
) -> x509.Certificate:
    told = [body for body in bodies if body[:1] not in _REVOCATION_LISTS]
    if not told or len(told) > _MOST_CERTIFICATES:
        why = f"CERT: {len(told)} certificates, 1 to {_MOST_CERTIFICATES} expected"
        raise Refused(NotifyType.INVALID_CERTIFICATE, why)
    found = [decode_certificate(body) for body in told]
    # RFC 2409 §5: payloads come in any order.
    leaf = next((one for one in found if _is_named(one, identity)), found[0])
    others = [one for one in found if one is not leaf]
    try:
        verifier = (
            PolicyBuilder()
            .store(Store(list(credentials.trusted)))
            .time(datetime.fromtimestamp(now, UTC))
            .extension_policies(ca_policy=_ISSUER, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        verifier.verify(leaf, others)
    except (VerificationError, *_UNREADABLE) as error:
        raise Refused(
            NotifyType.INVALID_CERTIFICATE, f"the certificate is not trusted ({error})"
        ) from None
    return leaf


def _is_named(certificate: x509.Certificate, identity: Identification) -> bool:
    try:
        return (identity.type, identity.data) in _names_of(certificate)
    except _UNREADABLE:
        return False


def decode_certificate(body: bytes) -> x509.Certificate:
    """The body of a CERT payload (RFC 2408 §3.9). Raises Refused."""
    if body[:1] != bytes([X509_SIGNATURE]):
        raise Refused(NotifyType.INVALID_CERT_ENCODING, "a certificate that is not X.509")
    try:
        return x509.load_der_x509_certificate(body[1:])
    except _UNREADABLE as error:
        raise Refused(
            NotifyType.INVALID_CERTIFICATE, f"the certificate cannot be read ({error})"
        ) from None


def read_certificate(
    certificate: x509.Certificate,
) -> tuple[rsa.RSAPublicKey, set[tuple[int, bytes]]]:
    """(key, identities as type and data) of a certificate. Raises Refused."""
    try:
        key, names = certificate.public_key(), _names_of(certificate)
    except _UNREADABLE:
        raise Refused(NotifyType.INVALID_CERTIFICATE, "the certificate cannot be read") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refused(NotifyType.INVALID_CERTIFICATE, "the certificate's key is not RSA")
    return key, names


_IDENTITIES = (
    (x509.DNSName, IdType.FQDN),
    (x509.RFC822Name, IdType.USER_FQDN),
)


def _names_of(certificate: x509.Certificate) -> set[tuple[int, bytes]]:
    """The subject and its alternatives."""
    names: set[tuple[int, bytes]] = {
        (IdType.DER_ASN1_DN, certificate.subject.public_bytes()),
    }
    try:
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return names
    for kind, number in _IDENTITIES:
        names |= {(number, name.encode()) for name in alternatives.get_values_for_type(kind)}
    for address in alternatives.get_values_for_type(x509.IPAddress):
        own = Identification.address(str(address))
        names.add((own.type, own.data))
    return names
