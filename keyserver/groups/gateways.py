# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the committed configuration says about IKE gateways, in the protocol's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from ..config.schema import InvalidValue, ipv4_address
from ..config.secret import is_obscured, reveal
from ..config.tree import NOTHING, Tree, continues, differing, lookup
from ..ike.authentication import Credentials
from ..ike.crypto import JUNOS_CIPHERS
from ..ike.numbers import IdType, OakleyAuthentication
from ..ike.payloads import Identification
from ..ike.proposal import Mode, PeerPolicy, Phase1Proposal
from .hosts import addresses_of, host_mapping

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
_V1_PROPOSAL = {
    "encryption-algorithm": "3des-cbc",
    "authentication-algorithm": "sha1",
    "dh-group": "group2",
}
"""What a v1 proposal leaves unsaid. v2 has none of these: what it leaves unsaid is missing."""
LONGEST_LIFETIME = 86400
"""Seconds: a server's proposals have no lifetime of their own, so that what is offered decides."""


@dataclass(frozen=True)
class Peers:
    """IKE gateways that can be met: by address, or, with a dynamic address, by identity.

    Several have one address when they are behind one translator: key and identity tell them apart.
    ``anonymous``: what may be agreed in main mode with a dynamic gateway, whose identity comes
    last; only signatures, for a pre-shared key must be chosen before.
    """

    by_address: dict[str, tuple[PeerPolicy, ...]]
    by_identity: dict[tuple[int, bytes], PeerPolicy]
    anonymous: PeerPolicy | None

    def at(self, address: str) -> tuple[PeerPolicy, ...]:
        """The policies of the gateways with that address."""
        return self.by_address.get(address, ())

    def dynamic(self, identity: Identification) -> PeerPolicy | None:
        """The policy of a gateway with a dynamic address."""
        return self.by_identity.get((identity.type, identity.data))

    def of(self, gateway: str) -> tuple[PeerPolicy, ...]:
        """The policies of a gateway: one for each of its addresses, or that for its identity."""
        return tuple(self._by_name.get(gateway, ()))

    @cached_property
    def _by_name(self) -> Mapping[str, list[PeerPolicy]]:
        anonymous = (self.anonymous,) if self.anonymous is not None else ()
        at_addresses = chain.from_iterable(self.by_address.values())
        found: dict[str, list[PeerPolicy]] = {}
        for policy in (*anonymous, *self.by_identity.values(), *at_addresses):
            found.setdefault(policy.name, []).append(policy)
        return found


@dataclass(frozen=True)
class _Offer:
    """What an IKE policy allows: the same for every gateway that names it."""

    key: bytes | None
    own: Credentials | None
    proposals: tuple[Phase1Proposal, ...]
    modes: frozenset[Mode]


@dataclass(frozen=True, slots=True)
class _Met:
    """A gateway as it was read: its policy's name, and how it is met at each of its addresses.

    None in an address's place: it is known by its dynamic identity.
    """

    policy: str
    peers: Mapping[str | None, PeerPolicy]


class PeerReader:
    """Reads how IKE gateways are met.

    ``certificates``: the device's own, by the names that ``local-certificate`` takes. What a
    configuration shares with the one that was read before is not read again.
    """

    def __init__(
        self,
        local_address: str,
        accepted_dois: tuple[int, ...],
        any_aggressive: bool,
        certificates: Mapping[str, Credentials],
        *,
        v1: bool,
    ) -> None:
        self._local_address, self._accepted_dois = local_address, accepted_dois
        self._any_aggressive, self._certificates, self._v1 = any_aggressive, certificates, v1
        self._ike = self._hosts = NOTHING
        self._offers: dict[str, _Offer] = {}
        self._met: dict[str, _Met] = {}
        self._peers = Peers({}, {}, None)

    def read(self, tree: Tree) -> Peers:
        """Every IKE gateway with an address or dynamic identity, a policy and a usable key.

        A gateway whose address is an unknown host's name is not met. What is returned is the same
        object as before where no gateway differs.
        """
        ike = lookup(tree, "security", "group-vpn", "server", "ike") or NOTHING
        hosts = host_mapping(tree)
        if ike is self._ike and hosts is self._hosts:
            return self._peers
        again = self._to_be_read(ike) | self._moved(hosts)
        self._hosts = hosts
        self._met = self._meet_again(ike, again)
        self._ike, found = ike, _peers(self._met.values())
        self._peers = self._peers if found == self._peers else found
        return self._peers

    def _meet_again(self, ike: Tree, again: set[str]) -> dict[str, _Met]:
        """Of the gateways with one address the first that fits counts: their order stays."""
        gateways = ike.get("gateway", NOTHING)
        same = continues(gateways, self._met)
        met = dict(self._met) if same else {}
        for name in gateways:
            if name in again:
                met[name] = self._meet(ike, name, gateways[name])
            elif not same:
                met[name] = self._met[name]
        return met

    def _to_be_read(self, ike: Tree) -> set[str]:
        """The gateways that are not as they were, nor what their policies allow."""
        again = set(differing(ike.get("gateway", NOTHING), self._ike.get("gateway", NOTHING)))
        gone = set()
        for policy in self._rewritten(ike):
            if self._offer(ike, policy) != self._offers[policy]:
                del self._offers[policy]
                gone.add(policy)
        return again | {name for name, one in self._met.items() if one.policy in gone}

    def _rewritten(self, ike: Tree) -> list[str]:
        """The policies of offers that are not as they were, or may be about other proposals."""
        if ike.get("proposal") is not self._ike.get("proposal"):
            return list(self._offers)
        now, before = ike.get("policy", NOTHING), self._ike.get("policy", NOTHING)
        return [name for name in self._offers if now.get(name) is not before.get(name)]

    def _moved(self, hosts: Tree) -> set[str]:
        """The gateways whose names may stand for other addresses than before."""
        if hosts is self._hosts:
            return set()
        gateways = self._ike.get("gateway", NOTHING)
        return {name for name, one in gateways.items() if not _is_address(one.get("address", ""))}

    def _offer(self, ike: Tree, name: str) -> _Offer:
        policy = lookup(ike, "policy", name)
        key = pre_shared_key(policy.get("pre-shared-key", {}))
        own = self._certificates.get(lookup(policy, "certificate").get("local-certificate", ""))
        usable = {
            OakleyAuthentication.PRE_SHARED_KEY: key,
            OakleyAuthentication.RSA_SIGNATURES: own,
        }
        defined = lookup(ike, "proposal")
        modes = {Mode(policy.get("mode", "main"))}
        if self._any_aggressive:
            modes.add(Mode.AGGRESSIVE)
        return _Offer(
            key,
            own,
            tuple(
                proposal
                for proposal in proposals_of(policy, defined, self._v1)
                if usable[proposal.authentication] is not None
            ),
            frozenset(modes),
        )

    def _meet(self, ike: Tree, name: str, gateway: Tree) -> _Met:
        policy = gateway.get("ike-policy", "")
        if policy not in self._offers:
            self._offers[policy] = self._offer(ike, policy)
        offer = self._offers[policy]
        own = identity(gateway.get("local-identity")) or Identification.address(
            gateway.get("local-address", self._local_address)
        )
        peers = {
            address: PeerPolicy(
                name,
                offer.key,
                offer.proposals,
                own,
                theirs,
                self._accepted_dois,
                offer.modes,
                offer.own,
                LONGEST_LIFETIME,
            )
            for address, theirs in (self._known_by(gateway) if offer.proposals else {}).items()
        }
        return _Met(policy, peers)

    def _known_by(self, gateway: Tree) -> dict[str | None, Identification]:
        """The identity that is expected at each address, or, where it is dynamic, at any (None)."""
        dynamic = _dynamic_identity(gateway.get("dynamic"))
        if dynamic is not None:
            return {None: dynamic}
        theirs = identity(gateway.get("remote-identity"))
        addresses = addresses_of(self._hosts, gateway.get("address", ""))
        return {address: theirs or Identification.address(address) for address in addresses}


def _peers(met: Collection[_Met]) -> Peers:
    by_address: dict[str, tuple[PeerPolicy, ...]] = {}
    by_identity: dict[tuple[int, bytes], PeerPolicy] = {}
    for one in met:
        for address, peer in one.peers.items():
            if address is not None:
                by_address[address] = (*by_address.get(address, ()), peer)
            else:
                own = peer.remote_identity
                by_identity[own.type, own.data] = peer
    return Peers(by_address, by_identity, _anonymous(by_identity.values()))


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


def pre_shared_key(block: Tree) -> bytes | None:
    """The key of a ``pre-shared-key``, as text or hexadecimal; None where there is none."""
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


def _is_address(word: str) -> bool:
    return addresses_of(NOTHING, word) != ()


_WORDS = ("encryption-algorithm", "authentication-algorithm", "dh-group")


def proposals_of(policy: Tree, defined: Tree, v1: bool) -> tuple[Phase1Proposal, ...]:
    """The proposals of an IKE policy; those that leave open what has no default are left out."""
    unsaid = _V1_PROPOSAL if v1 else {}
    whole = [{**unsaid, **defined.get(name, {})} for name in policy.get("proposals", [])]
    named = [
        (
            *(proposal[word] for word in _WORDS),
            proposal.get("authentication-method", "pre-shared-keys"),
        )
        for proposal in whole
        if all(word in proposal for word in _WORDS)
    ]
    named += [
        (*words, "pre-shared-keys")
        for words in _PROPOSAL_SETS.get(policy.get("proposal-set", ""), ())
    ]
    return tuple(phase1_proposal(*words) for words in named)


PHASE1_WORDS: dict[str, Mapping[str, object]] = {
    "encryption_algorithm": JUNOS_CIPHERS,
    "authentication_algorithm": _HASHES,
    "dh_group": _DH_GROUPS,
}
"""The words of a phase 1 proposal, in the order in which it takes them."""


def phase1_proposal(
    encryption: str, authentication: str, dh_group: str, method: str = "pre-shared-keys"
) -> Phase1Proposal:
    """A phase 1 proposal from Junos' words. KeyError for a word that Junos does not have."""
    return Phase1Proposal(
        JUNOS_CIPHERS[encryption],
        _HASHES[authentication],
        _DH_GROUPS[dh_group],
        _AUTHENTICATION[method],
    )


def identity(block: Tree | None) -> Identification | None:
    """A ``local-identity`` or ``remote-identity``; None where there is none."""
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
