# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys of a group and the GDOI payloads that describe them."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..gdoi.numbers import (
    LOWEST_TEK_SPI,
    EncapsulationMode,
    EspTransform,
    GapAttribute,
    IpsecAttribute,
    KekAlgorithm,
    KekAttribute,
    KekKeyAttribute,
    KeyPacketType,
    LifeType,
    SigAlgorithm,
    TekKeyAttribute,
    TekProtocol,
)
from ..gdoi.payloads import GroupAssociatedPolicy, KeyPacket, Profile, SaKek, SaTek, Selector
from ..gdoi.push import KEK_SPI_LENGTH, Kek
from ..ike.wire import Attribute
from .plane import SigningKeys
from .settings import ESP_TRANSFORMS, KekSettings, MatchPolicy, TekSettings

RSA_BITS = 2048
_KEK_ALGORITHMS = {
    "des": KekAlgorithm.DES,
    "3des": KekAlgorithm.TRIPLE_DES,
    "aes": KekAlgorithm.AES,
}
TEK_SPI_LENGTH = 4


class SpiPool:
    """SPIs of one group; none is given out twice."""

    def __init__(self) -> None:
        self._taken: set[bytes] = set()

    def take(self, length: int, lowest: int = 1) -> bytes:
        """A new random SPI of that many octets."""
        while True:
            spi = secrets.token_bytes(length)
            if spi not in self._taken and int.from_bytes(spi, "big") >= lowest:
                self._taken.add(spi)
                return spi


@dataclass
class GroupKek:
    """A KEK with what goes with it; ``sequence`` is the last one that was used under it."""

    settings: KekSettings
    kek: Kek
    signing_key: rsa.RSAPrivateKey = field(repr=False)
    created: float
    sequence: int = 0

    @property
    def expires(self) -> float:
        """When its lifetime is over."""
        return self.created + self.settings.lifetime

    def packet(self) -> KeyPacket:
        """The key packet that delivers it."""
        public = self.signing_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return KeyPacket(
            KeyPacketType.KEK,
            self.kek.spi,
            (
                # RFC 6407 §5.6.2.1: the IV stands in front of the key.
                Attribute.long(KekKeyAttribute.ALGORITHM_KEY, self.kek.iv + self.kek.key),
                Attribute.long(KekKeyAttribute.SIG_ALGORITHM_KEY, public),
            ),
        )

    def policy(self, source: tuple[str, int], acknowledgement: int | None, now: float) -> SaKek:
        """The SAK. A unicast push goes to whatever address the member registered from."""
        settings, cipher, short = self.settings, self.kek.cipher, Attribute.short
        remaining = max(1, int(self.expires - now))
        attributes = [
            short(KekAttribute.ALGORITHM, _KEK_ALGORITHMS[cipher.name]),
            short(KekAttribute.KEY_LENGTH, cipher.key_length * 8),
            Attribute.long(KekAttribute.KEY_LIFETIME, remaining.to_bytes(4, "big")),
            short(KekAttribute.SIG_HASH_ALGORITHM, self.kek.sig_hash),
            short(KekAttribute.SIG_ALGORITHM, SigAlgorithm.RSA),
            short(KekAttribute.SIG_KEY_LENGTH, self.signing_key.key_size),
        ]
        if acknowledgement is not None:
            attributes.append(short(KekAttribute.ACK_REQUESTED, acknowledgement))
        target = settings.multicast_group if settings.is_multicast else None
        return SaKek(
            Selector.host(*source),
            Selector.host(target or "0.0.0.0", source[1]),
            self.kek.spi,
            tuple(attributes),
        )


def new_kek(
    settings: KekSettings, spis: SpiPool, signing_keys: SigningKeys, now: float
) -> GroupKek:
    """A fresh KEK as configured."""
    cipher = settings.cipher
    material = Kek(
        spis.take(KEK_SPI_LENGTH),
        cipher,
        secrets.token_bytes(cipher.block),
        secrets.token_bytes(cipher.key_length),
        settings.sig_hash,
    )
    return GroupKek(settings, material, signing_keys(settings.certificate or ""), now)


@dataclass(frozen=True)
class GroupTek:
    """A traffic encryption key of one ipsec-sa.

    ``leaving``: what of its traffic has no key behind this one; that ends when it is ``left``.
    """

    settings: TekSettings
    spi: bytes
    encryption_key: bytes = field(repr=False)
    integrity_key: bytes = field(repr=False)
    created: float
    leaving: frozenset[MatchPolicy] = frozenset()
    left: float = math.inf

    @property
    def expires(self) -> float:
        """When its lifetime is over."""
        return self.created + self.settings.lifetime

    def ending(self, end: float) -> GroupTek:
        """The same one with a life until then at most."""
        lifetime = int(min(self.expires, end) - self.created)
        return replace(self, settings=replace(self.settings, lifetime=max(1, lifetime)))

    def made_at(self, when: float) -> GroupTek:
        """The same one, which ends as before, with a life since then."""
        settings = replace(self.settings, lifetime=int(self.expires - when))
        return self if self.created == when else replace(self, created=when, settings=settings)

    def packet(self) -> KeyPacket:
        """The key packet that delivers it."""
        return KeyPacket(
            KeyPacketType.TEK,
            self.spi,
            (
                Attribute.long(TekKeyAttribute.ALGORITHM_KEY, self.encryption_key),
                Attribute.long(TekKeyAttribute.INTEGRITY_KEY, self.integrity_key),
            ),
        )

    def told(self, now: float) -> tuple[int, int]:
        """Seconds that it has left, and for ``leaving``."""
        whole, less = (max(1, int(min(self.expires, end) - now)) for end in (math.inf, self.left))
        return whole, less

    def policies(self, now: float, profile: Profile = Profile.RFC6407) -> list[SaTek]:
        """One SA TEK payload for each match-policy."""
        return [self._policy(selector, now, profile) for selector in self.settings.selectors]

    def _policy(self, selector: MatchPolicy, now: float, profile: Profile) -> SaTek:
        settings, short = self.settings, Attribute.short
        remaining = self.told(now)[selector in self.leaving]
        attributes = [
            short(IpsecAttribute.LIFE_TYPE, LifeType.SECONDS),
            Attribute.long(IpsecAttribute.LIFE_DURATION, remaining.to_bytes(4, "big")),
            short(IpsecAttribute.ENCAPSULATION_MODE, EncapsulationMode.TUNNEL),
            short(IpsecAttribute.AUTHENTICATION_ALGORITHM, settings.integrity.number),
        ]
        transform = ESP_TRANSFORMS[settings.cipher.name]
        if transform is EspTransform.AES_CBC:
            attributes.append(short(IpsecAttribute.KEY_LENGTH, settings.cipher.key_length * 8))
        return SaTek(
            TekProtocol.ESP,
            selector.protocol,
            Selector.prefix(selector.source, selector.source_port),
            _destination(selector, profile),
            transform,
            self.spi,
            tuple(attributes),
        )


def _destination(selector: MatchPolicy, profile: Profile) -> Selector:
    address, _, length = selector.destination.partition("/")
    if length == "32" and profile is Profile.CISCO_REFERENCE:
        # The reference implementation takes a subnet for a multicast range, not for one host.
        return Selector.host(address, selector.destination_port)
    return Selector.prefix(selector.destination, selector.destination_port)


def new_tek(settings: TekSettings, spis: SpiPool, now: float) -> GroupTek:
    """A fresh TEK as configured."""
    return GroupTek(
        settings,
        spis.take(TEK_SPI_LENGTH, LOWEST_TEK_SPI),
        secrets.token_bytes(settings.cipher.key_length),
        secrets.token_bytes(settings.integrity.key_length),
        now,
    )


def associated_policy(
    activation_time_delay: int, heartbeat: int | None = None
) -> GroupAssociatedPolicy | None:
    """The GAP; ``heartbeat`` seconds only for members that know this private attribute."""
    found: Iterable[tuple[int, int | None]] = (
        (GapAttribute.ACTIVATION_TIME_DELAY, activation_time_delay or None),
        (GapAttribute.HEARTBEAT_INTERVAL, heartbeat),
    )
    attributes = tuple(Attribute.short(kind, n) for kind, n in found if n is not None)
    return GroupAssociatedPolicy(attributes) if attributes else None
