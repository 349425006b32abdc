# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is fuzzed: every decoder that takes octets from outside, by name.

A target takes any octets and either decodes them, so that they encode to the same again where it
has an encoder, or raises MalformedPayload or Refused. Anything else is a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from keyserver.cluster.messages import read_state
from keyserver.config.edit import MalformedConfiguration
from keyserver.gdoi.acknowledgement import decode_ack
from keyserver.gdoi.numbers import SigHashAlgorithm
from keyserver.gdoi.payloads import (
    GroupAssociatedPolicy,
    GroupSa,
    KeyDownload,
    Profile,
    SaKek,
    SaTek,
    Sequence,
)
from keyserver.gdoi.push import Kek, kek_of, open_push
from keyserver.ike.aggressive_mode import initial_identity
from keyserver.ike.authentication import decode_certificate, read_certificate
from keyserver.ike.crypto import AES_128
from keyserver.ike.payloads import Delete, Identification, Notification, SaPayload
from keyserver.ike.refusal import Refused
from keyserver.ike.wire import (
    HEADER_LENGTH,
    Header,
    MalformedPayload,
    decode_attributes,
    decode_chain,
    encode_attributes,
    encode_chain,
)
from tests.fuzz.configurations import CONFIGURATION_TARGETS
from tests.fuzz.sessions import SESSION_TARGETS

CORPUS = Path(__file__).parent / "corpus"
REFUSALS = (MalformedPayload, Refused, MalformedConfiguration)
_KEK = Kek(bytes(range(16)), AES_128, bytes(16), bytes(16), SigHashAlgorithm.SHA256)


def _again(octets: bytes, encoded: bytes) -> None:
    if encoded != octets:
        raise AssertionError(f"{octets.hex()} was decoded, but encodes to {encoded.hex()}")


def _chain(octets: bytes) -> None:
    first, data = (octets or b"\1")[0], octets[1:]
    payloads, rest = decode_chain(first, data)
    # The next payload of the last one is 0 by definition of its being the last.
    _again(data, encode_chain(payloads) + rest)


def _push(octets: bytes) -> None:
    body = octets[1:] + bytes(-len(octets[1:]) % 16)
    header = Header(_KEK.spi[:8], _KEK.spi[8:], (octets or b"\0")[0], 33, 1, 0)
    sealed = _KEK.cipher.encrypt(_KEK.key, _KEK.iv, body)
    open_push(header, bytes(HEADER_LENGTH) + sealed, _KEK)


def _ack(octets: bytes) -> None:
    decode_ack(Header(bytes(8), bytes(8), 8, 35), bytes(HEADER_LENGTH) + octets)


def _first_identity(octets: bytes) -> None:
    initial_identity(Header(bytes(8), bytes(8), 1, 4), bytes(HEADER_LENGTH) + octets)


def _keys(octets: bytes) -> None:
    size = int.from_bytes(octets[:2], "big")
    policy = SaKek.decode(octets[2 : 2 + size])
    download = KeyDownload.decode(octets[2 + size :])
    for packet in download.packets:
        kek_of(policy, packet)


def _cluster_state(octets: bytes) -> None:
    payloads, _ = decode_chain(5, octets)
    read_state(payloads)


def _certificate(octets: bytes) -> None:
    read_certificate(decode_certificate(octets))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "header": lambda o: _again(o[:HEADER_LENGTH], Header.decode(o).encode()),
    "chain": _chain,
    "attributes": lambda o: _again(o, encode_attributes(decode_attributes(o, "fuzz"))),
    "phase1-sa": lambda o: _again(o, SaPayload.decode(o).encode()),
    "identification": lambda o: _again(o, Identification.decode(o).encode()),
    "notification": lambda o: _again(o, Notification.decode(o).encode()),
    "delete": lambda o: Delete.decode(o).encode() and None,
    "group-sa": lambda o: _again(o, GroupSa.decode(o).encode()),
    "group-sa-cisco": lambda o: _again(o, GroupSa.decode(o, Profile.CISCO_REFERENCE).encode()),
    "sak": lambda o: _again(o, SaKek.decode(o).encode()),
    "sat": lambda o: _again(o, SaTek.decode(o).encode()),
    "gap": lambda o: _again(o, GroupAssociatedPolicy.decode(o).encode()),
    "kd": lambda o: _again(o, KeyDownload.decode(o).encode()),
    "seq": lambda o: _again(o, Sequence.decode(o).encode()),
    "push": _push,
    "ack": _ack,
    "first-identity": _first_identity,
    "kek": _keys,
    "cluster-state": _cluster_state,
    "certificate": _certificate,
    **CONFIGURATION_TARGETS,
    **SESSION_TARGETS,
}


def corpus(target: str) -> list[bytes]:
    """Kept inputs of a target, one in hex on each line."""
    path = CORPUS / f"{target}.hex"
    if not path.exists():
        return []
    return [bytes.fromhex(line) for line in path.read_text().split()]


def feed(target: str, octets: bytes) -> None:
    """Run one input; only findings get out."""
    try:
        TARGETS[target](octets)
    except REFUSALS:
        return
