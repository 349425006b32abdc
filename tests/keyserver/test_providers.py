# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Key exchange and legacy ciphers do not hang on one library: both providers give the same."""

from __future__ import annotations

import itertools
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyserver.ike import crypto, dh
from keyserver.ike.crypto import AES_256, DES, LIBRARY, TRIPLE_DES, Own
from keyserver.ike.dh import DH_GROUPS, IntegerSecret, InvalidPublicValue, OpenSslSecret
from keyserver.member.registrations import MemberState
from tests.keyserver.world import World

PROVIDERS = (IntegerSecret, OpenSslSecret)


@pytest.mark.parametrize("number", [n for n, group in DH_GROUPS.items() if group.named])
@pytest.mark.parametrize("ends", list(itertools.product(PROVIDERS, repeat=2)))
def test_two_ends_agree_whatever_computes(number, ends):
    group = DH_GROUPS[number]
    (one, public), (other, public_of_other) = (group.key_pair(provider) for provider in ends)
    secret = group.shared_secret(one, public_of_other)
    assert secret == group.shared_secret(other, public)
    assert len(secret) == len(public) == group.size


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("value", [0, 1, -1, 0xFF])
def test_public_values_that_give_the_secret_away_are_refused_by_both(provider, value):
    group = DH_GROUPS[14]
    secret, _ = group.key_pair(provider)
    number = {0: 0, 1: 1, -1: group.prime - 1, 0xFF: group.prime}[value]
    with pytest.raises(InvalidPublicValue):
        group.shared_secret(secret, number.to_bytes(group.size, "big"))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("value", [2, 3, 0xABCDEF])
def test_public_values_of_small_subgroups_are_refused_by_both(provider, value):
    group = DH_GROUPS[24]
    secret, public = group.key_pair(provider)
    assert group.shared_secret(secret, public)
    small = pow(value, group.order, group.prime)
    for number in (value, small):
        with pytest.raises(InvalidPublicValue):
            group.shared_secret(secret, number.to_bytes(group.size, "big"))


def test_nothing_is_said_of_what_the_library_will_drop():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        secret, public = DH_GROUPS[14].key_pair(OpenSslSecret)
        DH_GROUPS[14].shared_secret(secret, public)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([DES, TRIPLE_DES, AES_256]), st.data())
def test_ciphers_give_the_same_octets_with_and_without_the_library(cipher, data):
    key = data.draw(st.binary(min_size=cipher.key_length, max_size=cipher.key_length))
    iv = data.draw(st.binary(min_size=cipher.block, max_size=cipher.block))
    plain = data.draw(st.binary(min_size=1, max_size=60))
    sealed = cipher.encrypt(key, iv, plain, LIBRARY)
    assert cipher.encrypt(key, iv, plain, Own()) == sealed
    opened = [cipher.decrypt(key, iv, sealed, provider) for provider in (LIBRARY, Own())]
    assert opened[0] == opened[1]
    assert opened[0].startswith(plain)


@pytest.mark.parametrize("phase1", [("group2", "sha1", "3des-cbc"), ("group14", "md5", "des-cbc")])
def test_members_register_without_what_the_library_will_drop(signing_key, phase1, monkeypatch):
    monkeypatch.setattr(dh, "openssl_dh", None)
    monkeypatch.setattr(crypto, "FASTEST", Own())
    world = World(signing_key, "v1", phase1)
    member = world.member()
    world.run(member)
    assert member.state is MemberState.REGISTERED
