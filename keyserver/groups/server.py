# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The groups of one key server: keys, who is registered, what was counted.

The membership list follows Juniper's description of server-member communication: without it the
list shows all that registered, active or not; when it becomes configured the list is cleared;
after a restart the list is empty.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..config.tree import Tree
from ..gdoi.numbers import (
    ENCAPSULATION_TUNNEL,
    LIFE_TYPE_SECONDS,
    EspTransform,
    GapAttribute,
    IpsecAttribute,
    KekAlgorithm,
    KekAttribute,
    KekKeyAttribute,
    KeyPacketType,
    NotifyType,
    SigAlgorithm,
    TekKeyAttribute,
    TekProtocol,
)
from ..gdoi.payloads import (
    GroupAssociatedPolicy,
    GroupSa,
    KekPolicy,
    KeyDownload,
    KeyPacket,
    Profile,
    Selector,
    Sequence,
    TekPolicy,
)
from ..gdoi.phase1 import PeerPolicy, Refused
from ..gdoi.pull import Grant
from ..gdoi.wire import Attribute
from .policy import (
    ESP_TRANSFORMS,
    GroupSettings,
    KekSettings,
    TekSettings,
    group_settings,
    peer_policies,
)

RSA_BITS = 2048
_KEK_ALGORITHMS = {
    "des": KekAlgorithm.DES,
    "3des": KekAlgorithm.TRIPLE_DES,
    "aes": KekAlgorithm.AES,
}


@dataclass
class MemberCounters:
    """Per member and group, as ``registered-members detail`` shows them."""

    pull_succeeded: int = 0
    pull_failed: int = 0
    pull_exceed_member_threshold: int = 0
    push_sent: int = 0
    push_acknowledged: int = 0
    push_unacknowledged: int = 0


@dataclass
class MemberView:
    """One registered member; ``last_update`` in seconds since the epoch."""

    gateway: str
    address: str
    registered_at: float
    last_update: float
    counters: MemberCounters = field(default_factory=MemberCounters)


@dataclass(frozen=True)
class KekView:
    """A group's KEK without its key: SPI in hex, seconds left."""

    spi: str
    life_remaining: int


@dataclass(frozen=True)
class GroupView:
    """A group as the operational commands show it."""

    name: str
    group_id: int
    communication: str
    members: list[MemberView]
    counters: MemberCounters
    kek: KekView | None


@dataclass
class _Kek:
    settings: KekSettings
    spi: bytes
    key: bytes
    iv: bytes
    created: float
    public_key: bytes
    signing_bits: int
    sequence: int = 0


@dataclass
class _Tek:
    settings: TekSettings
    spi: bytes
    encryption_key: bytes
    integrity_key: bytes
    created: float


def _new_spi(taken: set[bytes], length: int, lowest: int) -> bytes:
    while True:
        spi = secrets.token_bytes(length)
        if spi not in taken and int.from_bytes(spi, "big") >= lowest:
            taken.add(spi)
            return spi


class _Group:
    def __init__(self, settings: GroupSettings) -> None:
        self.settings = settings
        self.members: dict[str, MemberView] = {}
        self.counters = MemberCounters()
        self.kek: _Kek | None = None
        self.teks: dict[str, _Tek] = {}
        self.spis: set[bytes] = set()

    def reconfigure(self, new: GroupSettings) -> None:
        old = self.settings
        self.settings = new
        if new.kek is not None and old.kek is None:
            self.members.clear()
        if new.kek != old.kek:
            self.kek = None
        kept = {tek.name: tek for tek in new.teks}
        self.teks = {name: tek for name, tek in self.teks.items() if kept.get(name) == tek.settings}
        self.members = {
            address: member
            for address, member in self.members.items()
            if member.gateway in new.gateways
        }

    def rekey_margin(self) -> float:
        # Junos v1: rekey at lifetime - 4 x activation-time-delay (10.3 rekey messages).
        return 4.0 * self.settings.activation_delay


SigningKeys = Callable[[str], rsa.RSAPrivateKey]
"""Gives the durable signing key of a certificate name, or of the device for ''."""


class GroupServer:
    """The key server's groups: the Authority of its GDOI endpoint."""

    def __init__(
        self,
        local: tuple[str, int],
        signing_keys: SigningKeys,
        profile: Profile = Profile.RFC6407,
        accepted_dois: tuple[int, ...] = (2,),
    ) -> None:
        self._local = local
        self._signing_keys = signing_keys
        self._profile = profile
        self._accepted_dois = accepted_dois
        self._groups: dict[str, _Group] = {}
        self._by_id: dict[int, _Group] = {}
        self._peers: dict[str, PeerPolicy] = {}
        self.on_peers_changed: Callable[[], None] = lambda: None

    # Configuration

    def configure(self, old: Tree, new: Tree, now: float) -> None:
        """A commit happened: what it says holds from now on."""
        settings = group_settings(new)
        for name in [name for name in self._groups if name not in settings]:
            del self._groups[name]
        for name, group in settings.items():
            known = self._groups.get(name)
            if known is None or known.settings.group_id != group.group_id:
                self._groups[name] = _Group(group)
            else:
                known.reconfigure(group)
        self._by_id = {group.settings.group_id: group for group in self._groups.values()}
        peers = peer_policies(new, self._local[0], self._accepted_dois)
        if peers != self._peers:
            self._peers = peers
            self.on_peers_changed()

    # Authority of the GDOI endpoint

    def peer(self, address: str) -> PeerPolicy | None:
        """The policy for a peer at that address."""
        return self._peers.get(address)

    def grant(self, gateway: str, group_id: int, address: str, now: float) -> Grant:
        """Policy and keys for a member; Refused for strangers and when the group is full."""
        group = self._authorized(gateway, group_id)
        self._room(group, address)
        return self._grant(group, now)

    def register(self, gateway: str, group_id: int, address: str, now: float) -> None:
        """Enter a member that has proved itself."""
        group = self._authorized(gateway, group_id)
        self._room(group, address)
        member = group.members.get(address)
        if member is None or member.gateway != gateway:
            member = group.members[address] = MemberView(gateway, address, now, now)
        member.last_update = now
        member.counters.pull_succeeded += 1
        group.counters.pull_succeeded += 1

    def count_refusal(self, gateway: str | None, group_id: int | None, now: float) -> None:
        """A pull failed: count it at the group, or at the groups that the gateway belongs to."""
        if group_id is not None and group_id in self._by_id:
            affected = [self._by_id[group_id]]
        else:
            affected = [g for g in self._groups.values() if gateway in g.settings.gateways]
        for group in affected:
            group.counters.pull_failed += 1
            for member in group.members.values():
                if member.gateway == gateway:
                    member.counters.pull_failed += 1

    def _authorized(self, gateway: str, group_id: int) -> _Group:
        group = self._by_id.get(group_id)
        # A stranger must not learn which groups exist: both cases look the same.
        if group is None or gateway not in group.settings.gateways:
            raise Refused(
                NotifyType.INVALID_ID_INFORMATION, f"group {group_id} is not for this gateway"
            )
        return group

    def _room(self, group: _Group, address: str) -> None:
        threshold = group.settings.member_threshold
        if threshold is None or address in group.members or len(group.members) < threshold:
            return
        group.counters.pull_exceed_member_threshold += 1
        raise Refused(
            NotifyType.MEMBER_THRESHOLD_EXCEEDED, f"member threshold {threshold} is exceeded"
        )

    # Keys

    def _grant(self, group: _Group, now: float) -> Grant:
        kek = self._current_kek(group, now)
        teks = [self._current_tek(group, settings, now) for settings in group.settings.teks]
        packets = [_tek_packet(tek) for tek in teks]
        gap = None
        if group.settings.activation_delay:
            gap = GroupAssociatedPolicy(
                (
                    Attribute.short(
                        GapAttribute.ACTIVATION_TIME_DELAY, group.settings.activation_delay
                    ),
                )
            )
        if kek is not None:
            packets.append(_kek_packet(kek))
        policy = GroupSa(
            self._sak(group, kek, now) if kek else None,
            gap,
            tuple(_sat(tek, selector, now) for tek in teks for selector in tek.settings.selectors),
        )
        if not policy.kek and not policy.teks:
            raise Refused(NotifyType.INVALID_ID_INFORMATION, "the group has no policy to give")
        return Grant(policy, KeyDownload(tuple(packets)), Sequence(kek.sequence) if kek else None)

    def _current_kek(self, group: _Group, now: float) -> _Kek | None:
        settings = group.settings.kek
        if settings is None:
            return None
        kek = group.kek
        if kek is None or now >= kek.created + settings.lifetime - _margin(
            group, settings.lifetime
        ):
            signing = self._signing_keys(settings.certificate or "")
            kek = group.kek = _Kek(
                settings,
                _new_spi(group.spis, 16, 1),
                secrets.token_bytes(settings.cipher.key_length),
                secrets.token_bytes(settings.cipher.block),
                now,
                signing.public_key().public_bytes(
                    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
                ),
                signing.key_size,
            )
        return kek

    def _current_tek(self, group: _Group, settings: TekSettings, now: float) -> _Tek:
        tek = group.teks.get(settings.name)
        if tek is None or now >= tek.created + settings.lifetime - _margin(
            group, settings.lifetime
        ):
            tek = group.teks[settings.name] = _Tek(
                settings,
                # SPI values up to 255 are reserved (RFC 4303 §2.1).
                _new_spi(group.spis, 4, 256),
                secrets.token_bytes(settings.cipher.key_length),
                secrets.token_bytes(settings.integrity.key_length),
                now,
            )
        return tek

    def _sak(self, group: _Group, kek: _Kek, now: float) -> KekPolicy:
        settings, short = kek.settings, Attribute.short
        source = group.settings.server_address or self._local[0]
        port = self._local[1]
        target = settings.multicast_group or "0.0.0.0"
        remaining = max(1, int(kek.created + settings.lifetime - now))
        attributes = [
            short(KekAttribute.ALGORITHM, _KEK_ALGORITHMS[settings.cipher.name]),
            short(KekAttribute.KEY_LENGTH, settings.cipher.key_length * 8),
            Attribute.long(KekAttribute.KEY_LIFETIME, remaining.to_bytes(4, "big")),
            short(KekAttribute.SIG_HASH_ALGORITHM, settings.sig_hash),
            short(KekAttribute.SIG_ALGORITHM, SigAlgorithm.RSA),
            short(KekAttribute.SIG_KEY_LENGTH, kek.signing_bits),
        ]
        return KekPolicy(
            Selector.host(source, port), Selector.host(target, port), kek.spi, tuple(attributes)
        )

    # What operators see and do

    def views(self, now: float) -> list[GroupView]:
        """Every group, in configuration order."""
        return [
            GroupView(
                group.settings.name,
                group.settings.group_id,
                group.settings.kek.communication if group.settings.kek else "none",
                list(group.members.values()),
                group.counters,
                _kek_view(group.kek, now),
            )
            for group in self._groups.values()
        ]

    def clear(self, name: str, now: float) -> None:
        """``clear security group-vpn server``: members and keys of a group go."""
        group = self._groups[name]
        group.members.clear()
        group.kek = None
        group.teks.clear()

    def clear_statistics(self, name: str) -> None:
        """Counters of a group and its members back to zero."""
        group = self._groups[name]
        group.counters = MemberCounters()
        for member in group.members.values():
            member.counters = MemberCounters()


def _kek_view(kek: _Kek | None, now: float) -> KekView | None:
    if kek is None:
        return None
    return KekView(kek.spi.hex(), max(0, int(kek.created + kek.settings.lifetime - now)))


def _margin(group: _Group, lifetime: int) -> float:
    return min(group.rekey_margin(), lifetime / 2)


def _kek_packet(kek: _Kek) -> KeyPacket:
    return KeyPacket(
        KeyPacketType.KEK,
        kek.spi,
        (
            # RFC 6407 §5.6.2.1: the IV stands in front of the key.
            Attribute.long(KekKeyAttribute.ALGORITHM_KEY, kek.iv + kek.key),
            Attribute.long(KekKeyAttribute.SIG_ALGORITHM_KEY, kek.public_key),
        ),
    )


def _tek_packet(tek: _Tek) -> KeyPacket:
    return KeyPacket(
        KeyPacketType.TEK,
        tek.spi,
        (
            Attribute.long(TekKeyAttribute.ALGORITHM_KEY, tek.encryption_key),
            Attribute.long(TekKeyAttribute.INTEGRITY_KEY, tek.integrity_key),
        ),
    )


def _sat(tek: _Tek, selector, now: float) -> TekPolicy:  # type: ignore[no-untyped-def]
    settings, short = tek.settings, Attribute.short
    remaining = max(1, int(tek.created + settings.lifetime - now))
    attributes = [
        short(IpsecAttribute.LIFE_TYPE, LIFE_TYPE_SECONDS),
        Attribute.long(IpsecAttribute.LIFE_DURATION, remaining.to_bytes(4, "big")),
        short(IpsecAttribute.ENCAPSULATION_MODE, ENCAPSULATION_TUNNEL),
        short(IpsecAttribute.AUTHENTICATION_ALGORITHM, settings.integrity.number),
    ]
    transform = ESP_TRANSFORMS[settings.cipher.name]
    if transform is EspTransform.AES_CBC:
        attributes.append(short(IpsecAttribute.KEY_LENGTH, settings.cipher.key_length * 8))
    return TekPolicy(
        TekProtocol.ESP,
        selector.protocol,
        Selector.prefix(selector.source, selector.source_port),
        Selector.prefix(selector.destination, selector.destination_port),
        transform,
        tek.spi,
        tuple(attributes),
    )
