# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the committed configuration says about groups, in the protocol's terms."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..config.tree import NOTHING, Tree, lookup
from ..gdoi.numbers import EspTransform, IpsecAuthentication, SigHashAlgorithm
from ..ike.crypto import JUNOS_CIPHERS, CbcCipher

DEFAULT_KEK_LIFETIME = 3600
DEFAULT_TEK_LIFETIME = 3600
DEFAULT_HEARTBEAT = 300
DEFAULT_RETRANSMISSIONS = 2
DEFAULT_RETRANSMISSION_PERIOD = 10
DEFAULT_ACTIVATION_DELAY = 15


@dataclass(frozen=True, slots=True)
class IntegrityAlgorithm:
    """An ESP authentication algorithm; ``key_length`` in octets (RFC 6407 §5.6.1.2)."""

    number: IpsecAuthentication
    key_length: int


ESP_INTEGRITY = {
    "hmac-md5-96": IntegrityAlgorithm(IpsecAuthentication.HMAC_MD5, 16),
    "hmac-sha1-96": IntegrityAlgorithm(IpsecAuthentication.HMAC_SHA1, 20),
    "hmac-sha-256-128": IntegrityAlgorithm(IpsecAuthentication.HMAC_SHA2_256, 32),
}
ESP_TRANSFORMS = {
    "des": EspTransform.DES,
    "3des": EspTransform.TRIPLE_DES,
    "aes": EspTransform.AES_CBC,
}
SIG_HASHES = {
    "md5": SigHashAlgorithm.MD5,
    "sha1": SigHashAlgorithm.SHA1,
    "sha-256": SigHashAlgorithm.SHA256,
    "sha-384": SigHashAlgorithm.SHA384,
}


@dataclass(frozen=True, slots=True)
class KekSettings:
    """``server-member-communication`` of a group; times in seconds."""

    communication: str
    cipher: CbcCipher
    sig_hash: SigHashAlgorithm
    certificate: str | None
    lifetime: int
    heartbeat: int | None
    retransmissions: int
    retransmission_period: int
    multicast_group: str | None
    multicast_interface: str | None

    @property
    def is_multicast(self) -> bool:
        """True when one datagram goes to everyone."""
        return self.communication == "multicast"

    def needs_new_key(self, old: KekSettings) -> bool:
        """True when what the members know of their KEK no longer holds."""
        kept = {"heartbeat", "retransmissions", "retransmission_period"}
        names = (f.name for f in fields(self) if f.name not in kept)
        return any(getattr(self, name) != getattr(old, name) for name in names)


@dataclass(frozen=True, slots=True)
class MatchPolicy:
    """One match-policy."""

    name: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int

    @property
    def traffic(self) -> tuple[object, ...]:
        """What it protects, whatever it is called."""
        ports = self.source_port, self.destination_port
        return (self.source, self.destination, *ports, self.protocol)


@dataclass(frozen=True, slots=True)
class TekSettings:
    """One ipsec-sa of a group; ``lifetime`` in seconds."""

    name: str
    cipher: CbcCipher
    integrity: IntegrityAlgorithm
    lifetime: int
    selectors: tuple[MatchPolicy, ...]


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """A group as configured."""

    name: str
    group_id: int
    gateways: frozenset[str]
    member_threshold: int | None
    activation_time_delay: int
    anti_replay_time_window: str | None
    server_address: str | None
    kek: KekSettings | None
    teks: tuple[TekSettings, ...]

    @property
    def heartbeat(self) -> int | None:
        """Seconds between its signs of life; None: it shows none."""
        return self.kek.heartbeat if self.kek is not None else None


_V1_PROPOSAL = {"encryption-algorithm": "3des-cbc", "authentication-algorithm": "hmac-sha1-96"}
"""What a v1 proposal leaves unsaid. v2 has none of these: what it leaves unsaid is missing."""


class GroupReader:
    """Reads what a configuration says of groups.

    Only v1 has heartbeats, and values for what a proposal leaves unsaid. What a configuration
    shares with the one that was read before is not read again.
    """

    def __init__(self, *, v1: bool) -> None:
        self._v1 = v1
        self._proposals: Tree = NOTHING
        self._known: dict[str, tuple[Tree, GroupSettings]] = {}

    def read(self, tree: Tree) -> dict[str, GroupSettings]:
        """Groups of an effective configuration by name; without an id they cannot serve anyone."""
        server = lookup(tree, "security", "group-vpn", "server")
        proposals = lookup(server, "ipsec", "proposal") or NOTHING
        known = self._known if proposals is self._proposals else {}
        found: dict[str, tuple[Tree, GroupSettings]] = {}
        for name, group in server.get("group", NOTHING).items():
            before = known.get(name)
            if before is not None and before[0] is group:
                found[name] = before
            elif "group-id" in group:
                found[name] = (group, self._settings(name, group, proposals))
        self._known, self._proposals = found, proposals
        return {name: settings for name, (_, settings) in found.items()}

    def _settings(self, name: str, group: Tree, proposals: Tree) -> GroupSettings:
        v1 = self._v1
        return GroupSettings(
            name,
            int(group["group-id"]),
            frozenset(group.get("ike-gateway", {})),
            int(group["member-threshold"]) if "member-threshold" in group else None,
            int(group.get("activation-time-delay", DEFAULT_ACTIVATION_DELAY)),
            group.get("anti-replay-time-window"),
            group.get("server-address"),
            _kek(group.get("server-member-communication"), v1),
            tuple(
                _tek(association, body, proposal)
                for association, body in group.get("ipsec-sa", {}).items()
                # Keys for no traffic would be refused with all others beside them.
                if body.get("match-policy")
                and (proposal := _whole(proposals.get(body.get("proposal"), {}), v1)) is not None
            ),
        )


def _kek(block: Tree | None, heartbeats: bool) -> KekSettings | None:
    if block is None or "encryption-algorithm" not in block or "sig-hash-algorithm" not in block:
        return None

    def number(leaf: str, default: int) -> int:
        return int(block.get(leaf, default))

    return KekSettings(
        block.get("communication-type", "unicast"),
        JUNOS_CIPHERS[block["encryption-algorithm"]],
        SIG_HASHES[block["sig-hash-algorithm"]],
        block.get("certificate"),
        number("lifetime-seconds", DEFAULT_KEK_LIFETIME),
        number("heartbeat", DEFAULT_HEARTBEAT) if heartbeats else None,
        number("number-of-retransmission", DEFAULT_RETRANSMISSIONS),
        number("retransmission-period", DEFAULT_RETRANSMISSION_PERIOD),
        block.get("multicast-group"),
        block.get("multicast-outgoing-interface"),
    )


def _whole(proposal: Tree, v1: bool) -> Tree | None:
    """A proposal with everything that an association needs; None when something is missing."""
    whole = {**(_V1_PROPOSAL if v1 else {}), **proposal}
    return whole if _V1_PROPOSAL.keys() <= whole.keys() else None


def _tek(name: str, body: Tree, proposal: Tree) -> TekSettings:
    return TekSettings(
        name,
        JUNOS_CIPHERS[proposal["encryption-algorithm"]],
        ESP_INTEGRITY[proposal["authentication-algorithm"]],
        int(proposal.get("lifetime-seconds", DEFAULT_TEK_LIFETIME)),
        tuple(
            MatchPolicy(
                policy,
                selector.get("source", "0.0.0.0/0"),
                selector.get("destination", "0.0.0.0/0"),
                int(selector.get("source-port", 0)),
                int(selector.get("destination-port", 0)),
                int(selector.get("protocol", 0)),
            )
            for policy, selector in body.get("match-policy", {}).items()
        ),
    )
