# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decoders against damaged octets: hypothesis always, atheris for a while where it has a wheel."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyserver.ike.numbers import Exchange, PayloadType
from keyserver.ike.wire import HEADER_LENGTH, Header, decode_chain
from tests.fuzz.configurations import CONFIGURATION_TARGETS
from tests.fuzz.sessions import SESSION_TARGETS
from tests.fuzz.targets import TARGETS, corpus, feed
from tests.keyserver.test_rekey import V2_BLOCK
from tests.keyserver.world import V1_SMC, World
from tests.lab import ROOT

CPU_SECONDS = 5
"""Of its own, for one input: how long it takes says how busy the machine is."""


@st.composite
def damaged(draw, seeds):
    """A kept input with octets changed, cut out, repeated or put in."""
    octets = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(octets)))
        length = draw(st.integers(0, 8))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.just(bytes(octets[position : position + length]) * 2),
                st.sampled_from([b"\0\0", b"\xff\xff", b"\0\4", b"\0\3", b"\x7f\xff"]),
            )
        )
        octets[position : position + length] = piece
    return bytes(octets)


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_octets_are_decoded_or_refused(target):
    seeds = corpus(target)
    assert seeds, f"tests/fuzz/corpus has nothing for {target}"

    @settings(max_examples=150)
    @given(st.one_of(damaged(seeds), st.binary(max_size=300)))
    def check(octets):
        begun = time.thread_time()
        feed(target, octets)
        assert time.thread_time() - begun < CPU_SECONDS

    check()


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_once_stays_found(target):
    for octets in corpus(target):
        feed(target, octets)


@pytest.mark.parametrize("target", TARGETS)
def test_large_inputs_take_memory_in_proportion(target):
    seed = max(corpus(target), key=len)
    big = (seed * (65507 // max(1, len(seed)) + 1))[:65507]
    tracemalloc.start()
    feed(target, big)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Configurations are also shown and read again in every format.
    shown = target in CONFIGURATION_TARGETS or target in SESSION_TARGETS
    assert peak < (40 if shown else 20) * len(big)


def test_the_corpus_holds_real_messages(signing_key):
    """A registration and a rekey: their payloads decode, so the corpus is not just noise."""
    world = World(signing_key, extra=(V2_BLOCK,))
    sent = world.run(world.member())
    world.commit(V2_BLOCK, V1_SMC + "encryption-algorithm aes-128-cbc")
    header = Header.decode(sent[0])
    assert header.exchange == Exchange.IDENTITY_PROTECTION
    payloads, _ = decode_chain(header.next_payload, sent[0][HEADER_LENGTH:])
    assert payloads[0].type == PayloadType.SA
    TARGETS["phase1-sa"](payloads[0].body)
    for target in ("phase1-sa", "group-sa", "kd", "push", "ack", "sak", "sat", "kek"):
        TARGETS[target](corpus(target)[0])


def test_atheris_finds_nothing_in_a_short_run():
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "-max_total_time=10", "-seed=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
