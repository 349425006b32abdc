# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GROUPKEY-PUSH (RFC 6407 §4): what a key server sends to all members at once, and its proof.

    HDR*, SEQ, [D,] [SA, KD,] SIG

Everything behind the header is encrypted with the group's KEK and the IV that was distributed
with it; SIG covers the word "rekey", the header and all payloads before it. A push with neither
SA nor D is a heartbeat: it carries the sequence number alone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed

from ..ike.crypto import CbcCipher
from ..ike.numbers import Flags, PayloadType
from ..ike.payloads import Delete
from ..ike.wire import (
    COOKIE_LENGTH,
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    Payload,
    attribute_map,
    decode_chain,
    encode_chain,
    encode_payload,
)
from .crypto import kek_cipher
from .numbers import (
    GdoiExchange,
    KekAttribute,
    KekKeyAttribute,
    SigAlgorithm,
    SigHashAlgorithm,
)
from .payloads import (
    GroupSa,
    KeyDownload,
    KeyPacket,
    Profile,
    SaKek,
    Sequence,
    only_informs,
)

KEK_SPI_LENGTH = 2 * COOKIE_LENGTH
# With the Oakley group of RFC 3547 keys would come masked; RFC 6407 has that number reserved.
_UNDERSTOOD = frozenset(KekAttribute) - {KekAttribute.KE_OAKLEY_GROUP}
_BASIC = frozenset(KekAttribute) - {KekAttribute.KEY_LIFETIME}
_LABEL = b"rekey"
_SMALLEST_MODULUS_BITS = 512
_LARGEST_MODULUS_BITS = 8192
_HASHES: dict[SigHashAlgorithm, hashes.HashAlgorithm] = {
    SigHashAlgorithm.MD5: hashes.MD5(),
    SigHashAlgorithm.SHA1: hashes.SHA1(),
    SigHashAlgorithm.SHA256: hashes.SHA256(),
    SigHashAlgorithm.SHA384: hashes.SHA384(),
    SigHashAlgorithm.SHA512: hashes.SHA512(),
}
# DER of DigestInfo up to the digest itself (RFC 8017 §9.2, note 1).
_DIGEST_INFO = {
    SigHashAlgorithm.MD5: bytes.fromhex("3020300c06082a864886f70d020505000410"),
    SigHashAlgorithm.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    SigHashAlgorithm.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    SigHashAlgorithm.SHA384: bytes.fromhex("3041300d060960864801650304020205000430"),
    SigHashAlgorithm.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}


@dataclass(frozen=True, slots=True)
class Kek:
    """A key encryption key as both ends hold it (RFC 6407 §5.3 and §5.6.2.1)."""

    spi: bytes
    cipher: CbcCipher
    iv: bytes = field(repr=False)
    key: bytes = field(repr=False)
    sig_hash: SigHashAlgorithm

    def reads_as(self, other: Kek) -> bool:
        """True when what is under either can be read with both."""
        same = self.cipher.effective(self.key) == other.cipher.effective(other.key)
        return same and (self.cipher, self.iv) == (other.cipher, other.iv)


def check_kek_algorithms(policy: SaKek) -> tuple[CbcCipher, SigHashAlgorithm]:
    """The cipher and the signature's hash that an SAK asks for.

    How it says that keys are managed is passed over (RFC 6407 §5.3): the key packets tell.
    Raises MalformedPayload that names what is unknown.
    """
    attributes = attribute_map(policy.attributes, "SAK", _BASIC)
    numbers = {kind: one.number for kind, one in attributes.items() if kind in _UNDERSTOOD}
    for kind in sorted(attributes.keys() - numbers.keys()):
        # RFC 6407 §5.3.2: abort on what is not understood.
        raise MalformedPayload(f"SAK: attribute {kind} is unknown")
    return _cipher(numbers), _sig_hash(numbers)


def _cipher(numbers: Mapping[int, int]) -> CbcCipher:
    algorithm = numbers.get(KekAttribute.ALGORITHM, 0)
    bits = numbers.get(KekAttribute.KEY_LENGTH, 0)
    cipher = kek_cipher(algorithm, bits)
    if cipher is None:
        raise MalformedPayload(
            f"SAK: attribute 2 (ALGORITHM): {algorithm or 'none'} with {bits} bits is unknown"
        )
    return cipher


def _sig_hash(numbers: Mapping[int, int]) -> SigHashAlgorithm:
    found = numbers.get(KekAttribute.SIG_ALGORITHM, 0)
    if found != SigAlgorithm.RSA:
        raise MalformedPayload(f"SAK: attribute 6 (SIG_ALGORITHM): {found or 'none'} is not RSA")
    sig_hash = numbers.get(KekAttribute.SIG_HASH_ALGORITHM, 0)
    if sig_hash not in set(SigHashAlgorithm):
        raise MalformedPayload(f"SAK: attribute 5 (SIG_HASH_ALGORITHM): {sig_hash} is unknown")
    return SigHashAlgorithm(sig_hash)


def kek_of(policy: SaKek, packet: KeyPacket) -> tuple[Kek, rsa.RSAPublicKey]:
    """The KEK and the verification key that an SAK and a KEK key packet describe.

    Raises MalformedPayload for algorithms that are unknown or do not fit the keys.
    """
    cipher, sig_hash = check_kek_algorithms(policy)
    keys = attribute_map(packet.attributes, "KEK key packet")
    material = keys.get(KekKeyAttribute.ALGORITHM_KEY)
    public = keys.get(KekKeyAttribute.SIG_ALGORITHM_KEY)
    if material is None or len(material.value) != cipher.block + cipher.key_length:
        octets = len(material.value) if material is not None else 0
        raise MalformedPayload(
            f"KD: KEK attribute 1 (ALGORITHM_KEY) of {octets} octets, "
            f"{cipher.block + cipher.key_length} expected"
        )
    if public is None:
        raise MalformedPayload("KD: no KEK attribute 2 (SIG_ALGORITHM_KEY): pushes are not proved")
    iv, key = material.value[: cipher.block], material.value[cipher.block :]
    return Kek(policy.spi, cipher, iv, key, sig_hash), _public_key(public.value)


def _public_key(der: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(der)
    except Exception:
        # The library raises several kinds for octets that are not a key.
        raise MalformedPayload("KD: the verification key is unreadable") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise MalformedPayload("KD: the verification key is not RSA")
    if not _SMALLEST_MODULUS_BITS <= key.key_size <= _LARGEST_MODULUS_BITS:
        sizes = f"{_SMALLEST_MODULUS_BITS} to {_LARGEST_MODULUS_BITS}"
        raise MalformedPayload(f"KD: RSA modulus of {key.key_size} bits, {sizes} expected")
    return key


@dataclass(frozen=True, slots=True)
class Push:
    """What a push says."""

    sequence: int
    deletes: tuple[Delete, ...] = ()
    sa: GroupSa | None = None
    keys: KeyDownload | None = None

    @property
    def is_heartbeat(self) -> bool:
        """True when it carries the sequence number alone."""
        return not self.deletes and self.sa is None


def _push_header(kek: Kek, length: int) -> Header:
    return Header(
        kek.spi[:COOKIE_LENGTH],
        kek.spi[COOKIE_LENGTH:],
        PayloadType.SEQ,
        GdoiExchange.GROUPKEY_PUSH,
        Flags.ENCRYPTION,
        0,
        length,
    )


def _digest(sig_hash: SigHashAlgorithm, header: bytes, covered: bytes) -> bytes:
    name = _HASHES[sig_hash].name
    return hashlib.new(name, _LABEL + header + covered).digest()


def seal_push(
    push: Push, kek: Kek, signing_key: rsa.RSAPrivateKey, profile: Profile = Profile.RFC6407
) -> bytes:
    """The datagram: signed once, encrypted once, the same for every member.

    The header that is signed has the length without cipher padding; the reference implementation
    does so too, and RFC 6407 §4.2 has it signed before it is encrypted.
    """
    payloads = [Payload(PayloadType.SEQ, Sequence(push.sequence).encode())]
    payloads += [Payload(PayloadType.DELETE, delete.encode()) for delete in push.deletes]
    if push.sa is not None and push.keys is not None:
        payloads.append(Payload(PayloadType.SA, push.sa.encode()))
        payloads.append(Payload(PayloadType.KD, push.keys.encode()))
    modulus = (signing_key.key_size + 7) // 8
    signature = Payload(PayloadType.SIG, bytes(modulus))
    chain = encode_chain([*payloads, signature])
    covered = chain[: len(chain) - signature.size]
    header = _push_header(kek, HEADER_LENGTH + len(chain))
    digest = _digest(kek.sig_hash, header.encode(), covered)
    raw = profile is Profile.CISCO_REFERENCE
    algorithm = NoDigestInfo() if raw else Prehashed(_HASHES[kek.sig_hash])
    signed = signing_key.sign(digest, padding.PKCS1v15(), algorithm)
    sealed = kek.cipher.encrypt(kek.key, kek.iv, covered + encode_payload(0, signed))
    return header._replace(length=HEADER_LENGTH + len(sealed)).encode() + sealed


@dataclass(frozen=True, slots=True)
class OpenedPush:
    """A decrypted push whose signature is still to be verified; then ``push`` is what it says."""

    sequence: int
    _between: tuple[Payload, ...]
    _profile: Profile
    _kek: Kek
    _covered: bytes
    _signature: bytes
    _lengths: tuple[int, int]

    @property
    def push(self) -> Push:
        """Its contents. Raises MalformedPayload: authentic is not yet well formed."""
        told = [p for p in self._between if not only_informs(p)]
        others = [p for p in told if p.type != PayloadType.DELETE]
        if sorted(p.type for p in others) not in ([], [PayloadType.SA, PayloadType.KD]):
            raise MalformedPayload(f"push: payloads {[p.type for p in self._between]} before SIG")
        bodies = {p.type: p.body for p in others}
        return Push(
            self.sequence,
            tuple(Delete.decode(p.body) for p in told if p.type == PayloadType.DELETE),
            GroupSa.decode(bodies[PayloadType.SA], self._profile) if bodies else None,
            KeyDownload.decode(bodies[PayloadType.KD]) if bodies else None,
        )

    def verify(self, public_key: rsa.RSAPublicKey) -> bool:
        """True when the key server signed this.

        Implementations differ in two things that RFC 6407 leaves open: whether the digest is
        wrapped in a DigestInfo and whether the signed length counts the padding. The whole
        padded block must be one of these, never a prefix of one.
        """
        if len(self._signature) != (public_key.key_size + 7) // 8:
            return False
        try:
            found = public_key.recover_data_from_signature(
                self._signature, padding.PKCS1v15(), None
            )
        except (InvalidSignature, ValueError):
            return False
        right = False
        for length in self._lengths:
            header = _push_header(self._kek, length).encode()
            digest = _digest(self._kek.sig_hash, header, self._covered)
            for expected in (_DIGEST_INFO[self._kek.sig_hash] + digest, digest):
                right |= hmac.compare_digest(found, expected)
        return right


def open_push(
    header: Header, datagram: bytes, kek: Kek, profile: Profile = Profile.RFC6407
) -> OpenedPush:
    """Decrypt, and look at the layout. Raises MalformedPayload; nothing is authentic before
    ``verify``."""
    if header.message_id != 0 or header.flags != Flags.ENCRYPTION:
        raise MalformedPayload(
            f"push with message id {header.message_id:#x} and flags {header.flags:#x}"
        )
    plain = kek.cipher.decrypt(kek.key, kek.iv, datagram[HEADER_LENGTH:])
    payloads, rest = decode_chain(header.next_payload, plain)
    kinds = [payload.type for payload in payloads]
    if kinds[:1] != [PayloadType.SEQ] or kinds[-1:] != [PayloadType.SIG]:
        raise MalformedPayload(f"push: payloads {kinds}")
    end = len(plain) - len(rest)
    return OpenedPush(
        Sequence.decode(payloads[0].body).number,
        tuple(payloads[1:-1]),
        profile,
        kek,
        plain[: end - payloads[-1].size],
        payloads[-1].body,
        (HEADER_LENGTH + end, len(datagram)),
    )
