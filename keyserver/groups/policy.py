# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the committed configuration says about peers and groups, in the protocol's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum

from ..config.schema import InvalidValue, ipv4_address
from ..config.secret import is_obscured, reveal
from ..config.tree import Tree, lookup
from ..gdoi.authentication import Credentials
from ..gdoi.crypto import JUNOS_CIPHERS, CbcCipher
from ..gdoi.numbers import (
    EspTransform,
    IdType,
    IpsecAuthentication,
    OakleyAuthentication,
    SigHashAlgorithm,
)
from ..gdoi.payloads import Identification
from ..gdoi.phase1 import Mode, PeerPolicy, Phase1Proposal

DEFAULT_KEK_LIFETIME = 3600
DEFAULT_TEK_LIFETIME = 3600
DEFAULT_HEARTBEAT = 300
DEFAULT_RETRANSMISSIONS = 2
DEFAULT_RETRANSMISSION_PERIOD = 10
DEFAULT_ACTIVATION_DELAY = 15
DEFAULT_DPD_INTERVAL = 10
DEFAULT_DPD_THRESHOLD = 5

_HASHES = {"md5": "md5", "sha1": "sha1", "sha-256": "sha256", "sha-384": "sha384"}
_DH_GROUPS = {"group1": 1, "group2": 2, "group5": 5, "group14": 14, "group24": 24}
_AUTHENTICATION = {
    "pre-shared-keys": OakleyAuthentication.PRE_SHARED_KEY,
    "rsa-signatures": OakleyAuthentication.RSA_SIGNATURES,
}
# (encryption, hash, group) that Junos' named proposal sets stand for.
_PROPOSAL_SETS = {
    "basic": (("des-cbc", "sha1", "group1"), ("des-cbc", "md5", "group1")),
    "compatible": (
        ("3des-cbc", "sha1", "group2"),
        ("3des-cbc", "md5", "group2"),
        ("des-cbc", "sha1", "group2"),
        ("des-cbc", "md5", "group2"),
    ),
    "standard": (("3des-cbc", "sha1", "group2"), ("aes-128-cbc", "sha1", "group2")),
}
_DEFAULT_PROPOSAL = ("3des-cbc", "sha1", "group2")


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
class TrafficSelector:
    """One match-policy."""

    name: str
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int


@dataclass(frozen=True, slots=True)
class TekSettings:
    """One ipsec-sa of a group; ``lifetime`` in seconds."""

    name: str
    cipher: CbcCipher
    integrity: IntegrityAlgorithm
    lifetime: int
    selectors: tuple[TrafficSelector, ...]


class ServerRole(Enum):
    """``server-role`` of a server-cluster."""

    ROOT = "root-server"
    SUB = "sub-server"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """``server-cluster`` of a group; ``retransmission_period`` in seconds."""

    role: ServerRole
    gateways: tuple[str, ...]
    retransmission_period: int


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """A group as configured."""

    name: str
    group_id: int
    gateways: frozenset[str]
    member_threshold: int | None
    activation_delay: int
    replay_window: str | None
    server_address: str | None
    kek: KekSettings | None
    teks: tuple[TekSettings, ...]
    cluster: ClusterSettings | None = None


def group_settings(tree: Tree, heartbeats: bool = True) -> dict[str, GroupSettings]:
    """Groups of an effective configuration by name; those without an id cannot serve anyone."""
    server = lookup(tree, "security", "group-vpn", "server")
    proposals = lookup(server, "ipsec", "proposal")
    return {
        name: GroupSettings(
            name,
            int(group["group-id"]),
            frozenset(group.get("ike-gateway", {})),
            int(group["member-threshold"]) if "member-threshold" in group else None,
            int(group.get("activation-time-delay", DEFAULT_ACTIVATION_DELAY)),
            group.get("anti-replay-time-window"),
            group.get("server-address"),
            _kek(group.get("server-member-communication"), heartbeats),
            tuple(
                _tek(association, body, proposals.get(body.get("proposal"), {}))
                for association, body in group.get("ipsec-sa", {}).items()
            ),
            _cluster(group.get("server-cluster")),
        )
        for name, group in server.get("group", {}).items()
        if "group-id" in group
    }


def _cluster(block: Tree | None) -> ClusterSettings | None:
    if block is None or "server-role" not in block:
        return None
    return ClusterSettings(
        ServerRole(block["server-role"]),
        tuple(block.get("ike-gateway", {})),
        int(block.get("retransmission-period", DEFAULT_RETRANSMISSION_PERIOD)),
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


def _tek(name: str, body: Tree, proposal: Tree) -> TekSettings:
    default_integrity = "hmac-sha1-96"
    return TekSettings(
        name,
        JUNOS_CIPHERS[proposal.get("encryption-algorithm", "3des-cbc")],
        ESP_INTEGRITY[proposal.get("authentication-algorithm", default_integrity)],
        int(proposal.get("lifetime-seconds", DEFAULT_TEK_LIFETIME)),
        tuple(
            TrafficSelector(
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


@dataclass(frozen=True, slots=True)
class Peers:
    """IKE gateways that can be met: by address, or, with a dynamic address, by identity.

    ``anonymous``: what may be agreed in main mode with a dynamic gateway, whose identity comes
    last; only signatures, for a pre-shared key must be chosen before.
    """

    by_address: dict[str, PeerPolicy]
    by_identity: dict[tuple[int, bytes], PeerPolicy]
    anonymous: PeerPolicy | None


_NO_CREDENTIALS: Mapping[str, Credentials] = {}


def peer_policies(
    tree: Tree,
    local_address: str,
    accepted_dois: tuple[int, ...],
    any_aggressive: bool = False,
    certificates: Mapping[str, Credentials] = _NO_CREDENTIALS,
) -> Peers:
    """Every IKE gateway with an address or dynamic identity, a policy and a usable key.

    ``certificates``: the device's own, by the names that ``local-certificate`` takes.
    """
    ike = lookup(tree, "security", "group-vpn", "server", "ike")
    by_address: dict[str, PeerPolicy] = {}
    by_identity: dict[tuple[int, bytes], PeerPolicy] = {}
    for name, gateway in ike.get("gateway", {}).items():
        policy = lookup(ike, "policy", gateway.get("ike-policy", ""))
        key = _pre_shared_key(policy.get("pre-shared-key", {}))
        own = certificates.get(lookup(policy, "certificate").get("local-certificate", ""))
        address, dynamic = gateway.get("address"), _dynamic_identity(gateway.get("dynamic"))
        usable = {
            OakleyAuthentication.PRE_SHARED_KEY: key,
            OakleyAuthentication.RSA_SIGNATURES: own,
        }
        proposals = tuple(
            proposal
            for proposal in _proposals(policy, lookup(ike, "proposal"))
            if usable[proposal.authentication] is not None
        )
        if not proposals or (address is None and dynamic is None):
            continue
        modes = {Mode(policy.get("mode", "main"))}
        if any_aggressive:
            modes.add(Mode.AGGRESSIVE)
        peer = PeerPolicy(
            name,
            key,
            proposals,
            _identity(gateway.get("local-identity"))
            or Identification.address(gateway.get("local-address", local_address)),
            dynamic or _identity(gateway.get("remote-identity")) or Identification.address(address),
            accepted_dois,
            frozenset(modes),
            own,
        )
        if dynamic is not None:
            by_identity[dynamic.type, dynamic.data] = peer
        else:
            by_address[address] = peer
    return Peers(by_address, by_identity, _anonymous(by_identity.values()))


@dataclass(frozen=True, slots=True)
class ClusterPeer:
    """Another server of a group's cluster, and how it is probed; times in seconds."""

    policy: PeerPolicy
    address: str
    own_role: ServerRole
    retransmission_period: int
    dpd_interval: int
    dpd_threshold: int


def cluster_peers(
    tree: Tree, groups: Mapping[str, GroupSettings], peers: Peers
) -> dict[str, tuple[ClusterPeer, ...]]:
    """The other servers of each group's cluster that can be reached."""
    gateways = lookup(tree, "security", "group-vpn", "server", "ike", "gateway")
    found: dict[str, tuple[ClusterPeer, ...]] = {}
    for name, group in groups.items():
        cluster = group.cluster
        if cluster is None:
            continue
        members = []
        for gateway in cluster.gateways:
            body = gateways.get(gateway, {})
            address, probing = body.get("address", ""), body.get("dead-peer-detection", {})
            policy = peers.by_address.get(address)
            if policy is not None and policy.name == gateway:
                members.append(
                    ClusterPeer(
                        policy,
                        address,
                        cluster.role,
                        cluster.retransmission_period,
                        int(probing.get("interval", DEFAULT_DPD_INTERVAL)),
                        int(probing.get("threshold", DEFAULT_DPD_THRESHOLD)),
                    )
                )
        found[name] = tuple(members)
    return found


def _anonymous(peers: Iterable[PeerPolicy]) -> PeerPolicy | None:
    met = [peer for peer in peers if Mode.MAIN in peer.modes]
    signed = OakleyAuthentication.RSA_SIGNATURES
    proposals = dict.fromkeys(
        proposal for peer in met for proposal in peer.proposals if proposal.authentication is signed
    )
    if not proposals:
        return None
    return replace(
        met[0], name="a dynamic gateway", pre_shared_key=None, proposals=tuple(proposals)
    )


def _dynamic_identity(block: Tree | None) -> Identification | None:
    for leaf, number in (
        ("inet", IdType.IPV4_ADDR),
        ("hostname", IdType.FQDN),
        ("user-at-hostname", IdType.USER_FQDN),
    ):
        value = (block or {}).get(leaf)
        if value:
            return identity_of(value, number)
    return None


def _pre_shared_key(block: Tree) -> bytes | None:
    for leaf, decode in (
        ("ascii-text", lambda text: text.encode("latin-1")),
        ("hexadecimal", bytes.fromhex),
    ):
        text = block.get(leaf)
        if text is not None:
            try:
                return decode(reveal(text) if is_obscured(text) else text)
            except ValueError:
                return None
    return None


def _proposals(policy: Tree, defined: Tree) -> tuple[Phase1Proposal, ...]:
    named = [
        (
            proposal.get("encryption-algorithm", _DEFAULT_PROPOSAL[0]),
            proposal.get("authentication-algorithm", _DEFAULT_PROPOSAL[1]),
            proposal.get("dh-group", _DEFAULT_PROPOSAL[2]),
            proposal.get("authentication-method", "pre-shared-keys"),
        )
        for proposal in (defined.get(name, {}) for name in policy.get("proposals", []))
    ]
    named += [
        (*words, "pre-shared-keys")
        for words in _PROPOSAL_SETS.get(policy.get("proposal-set", ""), ())
    ]
    return tuple(phase1_proposal(*words) for words in named)


def phase1_proposal(
    encryption: str, authentication: str, dh_group: str, method: str = "pre-shared-keys"
) -> Phase1Proposal:
    """A phase 1 proposal from Junos' words. KeyError for a word that is none."""
    return Phase1Proposal(
        JUNOS_CIPHERS[encryption],
        _HASHES[authentication],
        _DH_GROUPS[dh_group],
        _AUTHENTICATION[method],
    )


def _identity(block: Tree | None) -> Identification | None:
    for kind, leaf, number in (
        ("inet", "identity-ipv4", IdType.IPV4_ADDR),
        ("hostname", "identity-hostname", IdType.FQDN),
        ("user-at-hostname", "identity-user", IdType.USER_FQDN),
    ):
        value = lookup(block or {}, kind).get(leaf)
        if value:
            return identity_of(value, number)
    return None


def identity_of(text: str, kind: IdType | None = None) -> Identification:
    """An identity from text: an address, ``user@host`` or a host name."""
    try:
        if kind in (None, IdType.IPV4_ADDR):
            return Identification.address(ipv4_address(text))
    except InvalidValue:
        if kind is IdType.IPV4_ADDR:
            raise
    guessed = IdType.USER_FQDN if "@" in text else IdType.FQDN
    return Identification(kind or guessed, text.encode())
