# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RSA signatures and certificates in phase 1 (RFC 2409 §5.1), both modes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from keyserver.ike.authentication import X509_SIGNATURE, check_proof
from keyserver.ike.numbers import OakleyAuthentication
from keyserver.ike.payloads import Identification
from keyserver.ike.refusal import Refused
from keyserver.member.registrations import MemberState
from tests.certificates import DAYS, Authority
from tests.keyserver.world import GM, SERVER, V1_SMC, World

NOW = 1_800_000_000.0
SITE = "site-1.example.net"
MODES = ("main", "aggressive")
BLOCK = (f"{V1_SMC}encryption-algorithm aes-128-cbc", f"{V1_SMC}sig-hash-algorithm sha1")


@pytest.fixture(scope="module")
def authority():
    return Authority(NOW)


@pytest.fixture(scope="module")
def hub(authority):
    return authority.credentials(SERVER)


@pytest.fixture(scope="module")
def site(authority):
    return authority.credentials(SITE, GM, "ops@example.net")


def _world(signing_key, hub, mode: str, remote: str) -> World:
    server = "set security group-vpn server"
    gateway = f"{server} ike gateway signed"
    lines = (
        f"{server} ike proposal rsa authentication-method rsa-signatures",
        f"{server} ike proposal rsa dh-group group2",
        f"{server} ike proposal rsa authentication-algorithm sha1",
        f"{server} ike proposal rsa encryption-algorithm 3des-cbc",
        f"{server} ike policy certified mode {mode}",
        f"{server} ike policy certified proposals rsa",
        f"{server} ike policy certified certificate local-certificate hub",
        f"{gateway} ike-policy certified",
        f"{gateway} {remote}",
        f"{server} group G1 ike-gateway signed",
        *BLOCK,
    )
    world = World(signing_key, "v1", extra=lines, members=0, certificates={"hub": hub})
    assert world.now == NOW
    return world


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("remote", "identity"),
    [
        (f"address {GM}", None),
        (f"dynamic hostname {SITE}", SITE),
        ("dynamic user-at-hostname ops@example.net", "ops@example.net"),
    ],
)
def test_a_member_registers_with_its_certificate(signing_key, hub, site, mode, remote, identity):
    world = _world(signing_key, hub, mode, remote)
    member = world.member(mode=mode, credentials=site, identity=identity)
    world.run(member)
    assert member.state is MemberState.REGISTERED
    assert world.listed()[0] == [GM]
    (view,) = world.endpoint.associations(world.now)
    assert (view.gateway, view.mode, view.authentication) == ("signed", mode, "rsa-signatures")


@pytest.mark.parametrize("message", [1, 2])
@pytest.mark.parametrize("algorithm", ["sha1", "md5"])
def test_a_commit_amid_main_mode_leaves_a_dynamic_gateway_alone_that_it_does_not_change(
    signing_key, hub, site, algorithm, message
):
    world = _world(signing_key, hub, "main", f"dynamic hostname {SITE}")
    server = "set security group-vpn server ike"
    lines = (
        f"{server} proposal rsa authentication-algorithm {algorithm}",
        f"{server} proposal more authentication-method rsa-signatures",
        f"{server} proposal more encryption-algorithm aes-128-cbc",
        f"{server} policy more proposals more",
        f"{server} policy more certificate local-certificate hub",
        f"{server} gateway more ike-policy more",
        f"{server} gateway more dynamic hostname other.example.net",
    )
    member = _interrupted(world, site, message, lines)
    # What was agreed is agreed no more where its own proposal is another one.
    assert (member.state is MemberState.REGISTERED) is (algorithm == "sha1")


def _interrupted(world: World, site, message: int, lines):
    """A member of a dynamic gateway, and a commit before its message of that number."""
    member = world.member(credentials=site, identity=SITE)
    queue = member.start(world.now)
    for number in range(5):
        if queue:
            if number == message:
                world.commit(*lines)
            answer, _ = world.endpoint.receive(queue.pop(0), (GM, 848), world.now)
            queue += member.receive(answer, world.now) if answer is not None else []
    return member


@pytest.mark.parametrize("message", [1, 2])
def test_a_commit_amid_main_mode_takes_a_dynamic_gateway_away(signing_key, hub, site, message):
    """Who it is comes last: it is looked for among those who may come then."""
    world = _world(signing_key, hub, "main", f"dynamic hostname {SITE}")
    gateway = "set security group-vpn server ike gateway signed"
    member = _interrupted(world, site, message, [f"{gateway} dynamic hostname other.example.net"])
    assert member.state is not MemberState.REGISTERED
    assert world.listed()[0] == []


@pytest.mark.parametrize("mode", MODES)
def test_an_issuer_between_is_sent_along(signing_key, authority, hub, mode):
    between = Authority(NOW, "Made-up issuer", issuer=authority)
    world = _world(signing_key, hub, mode, f"address {GM}")
    member = world.member(mode=mode, credentials=between.credentials(GM))
    world.run(member)
    assert member.state is MemberState.REGISTERED


@pytest.mark.parametrize("mode", MODES)
def test_certificates_come_in_any_order(signing_key, authority, mode):
    """RFC 2409 §5: the one that counts is that which names the identity."""
    between = Authority(NOW, "Made-up issuer", issuer=authority)

    def turned(*names):
        own = between.credentials(*names, trusted=(authority,))
        return replace(own, certificates=own.certificates[::-1])

    world = _world(signing_key, turned(SERVER), mode, f"address {GM}")
    member = world.member(mode=mode, credentials=turned(GM))
    world.run(member)
    assert member.state is MemberState.REGISTERED


def _refused(world: World, member) -> str:
    world.run(member)
    assert member.state is not MemberState.REGISTERED
    assert world.listed()[0] == []
    return " ".join(getattr(event, "reason", "") for event in [*world.events, *member.events])


@pytest.mark.parametrize("mode", MODES)
def test_who_is_not_certified_is_refused(signing_key, authority, hub, site, mode):
    def meets(remote=f"address {GM}", **more) -> str:
        world = _world(signing_key, hub, mode, remote)
        return _refused(world, world.member(mode=mode, **more))

    stranger = Authority(NOW, "Another CA").credentials(GM, trusted=(authority,))
    assert "not trusted" in meets(credentials=stranger)
    # Right CA, somebody else's certificate.
    other = authority.credentials("192.0.2.99")
    assert "does not name" in meets(credentials=other)
    # A certificate that names it, but another gateway's identity.
    assert "is not" in meets(credentials=site, identity=SITE)
    # A member must not issue certificates with its own.
    forger = Authority(NOW, SITE, key=site.private_key, issuer=authority)
    forger.certificate = site.certificates[0]
    assert "not trusted" in meets(credentials=forger.credentials(GM))
    assert "no offered proposal" in meets(psk="made-up-key-1")


@pytest.mark.parametrize("mode", MODES)
def test_a_certificate_that_is_over_is_refused(signing_key, hub, site, mode):
    world = _world(signing_key, hub, mode, f"address {GM}")
    world.now += (DAYS + 1) * 86400
    assert "not trusted" in _refused(world, world.member(mode=mode, credentials=site))


@pytest.mark.parametrize("mode", MODES)
def test_a_member_refuses_a_key_server_that_is_not_certified(signing_key, authority, site, mode):
    for credentials, reason in (
        (Authority(NOW, "Another CA").credentials(SERVER, trusted=(authority,)), "not trusted"),
        (authority.credentials("192.0.2.2"), "does not name"),
    ):
        world = _world(signing_key, credentials, mode, f"address {GM}")
        assert reason in _refused(world, world.member(mode=mode, credentials=site))


@pytest.mark.parametrize("mode", MODES)
def test_a_signature_by_another_key_than_the_certificates_is_refused(
    signing_key, authority, hub, site, mode
):
    world = _world(signing_key, hub, mode, f"address {GM}")
    borrowed = replace(site, private_key=authority.credentials("192.0.2.98").private_key)
    member = world.member(mode=mode, credentials=borrowed)
    assert "signature of HASH_I does not match" in _refused(world, member)


def test_a_signature_of_more_than_the_bare_hash_is_refused(hub, site):
    """RFC 2409 §5.1: a block that only ends as it should proves nothing."""
    digest = hashlib.sha256(b"what HASH_I covers").digest()
    certificate = bytes([X509_SIGNATURE]) + site.certificates[0].public_bytes(Encoding.DER)

    def check(algorithm):
        signed = site.private_key.sign(digest, padding.PKCS1v15(), algorithm)
        kind, own = OakleyAuthentication.RSA_SIGNATURES, Identification.address(GM)
        check_proof(kind, hub, signed, digest, own, [certificate], NOW, "HASH_I")

    check(NoDigestInfo())
    with pytest.raises(Refused, match="the signature of HASH_I does not match"):
        check(Prehashed(hashes.SHA256()))


def test_main_mode_with_a_pre_shared_key_takes_no_unknown_address(signing_key, hub, site):
    world = _world(signing_key, hub, "main", f"dynamic hostname {SITE}")
    member = world.member(address="192.0.2.77", psk="made-up-key-1")
    world.run(member, "192.0.2.77")
    assert world.listed()[0] == []
    unknown = world.member(address="192.0.2.77", credentials=site, identity="ops@example.net")
    assert "no IKE gateway is known as ops@example.net" in _refused(world, unknown)


@pytest.mark.parametrize("encoding", [7, 8])
def test_revocation_lists_stand_beside_a_certificate_and_for_none(hub, site, encoding):
    """RFC 2408 §3.9."""
    digest = hashlib.sha256(b"what HASH_I covers").digest()
    signed = site.private_key.sign(digest, padding.PKCS1v15(), NoDigestInfo())
    kind, own = OakleyAuthentication.RSA_SIGNATURES, Identification.address(GM)
    certificate = bytes([X509_SIGNATURE]) + site.certificates[0].public_bytes(Encoding.DER)
    listed = bytes([encoding]) + b"\x30\x00"

    def check(*told):
        check_proof(kind, hub, signed, digest, own, told, NOW, "HASH_I")

    check(listed, certificate, listed)
    for told in ((listed,), (certificate,) * 9):
        with pytest.raises(Refused, match="certificates, 1 to 8 expected"):
            check(*told)
