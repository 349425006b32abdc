# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""tshark reads a registration as our codec does (Debian package ``tshark``).

tshark learns phase 1 algorithms only from an SA with DOI 1 and knows UDP port 848 only when told;
so the capture is a copy with DOI 1 in the phase 1 SA. It checks phase 1 framing, key expansion,
IV chaining, and the layout of ID, NONCE, SA, SAK, SEQ and KD; it never verifies hashes and
misreads SAT. What is compared: exchange types, message ids, payload types of every decrypted
message, and the KEK SPI and sequence number.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess

import pytest

from keyserver.capture.keylog import KeyLog
from keyserver.cli import main
from keyserver.srx import Surroundings
from tests.keyserver.world import V1_SMC, World

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def _frame(datagram: bytes, from_member: bool) -> bytes:
    ends = (bytes([192, 0, 2, 11]), bytes([192, 0, 2, 1]))
    source, target = ends if from_member else ends[::-1]
    udp = struct.pack("!HHHH", 848, 848, 8 + len(datagram), 0) + datagram
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + source + target
    return head + udp


def _capture(path, datagrams: list[bytes]) -> None:
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    for number, datagram in enumerate(datagrams):
        if number < 2:
            # DOI of the phase 1 SA: header 28, generic header 4.
            datagram = datagram[:32] + (1).to_bytes(4, "big") + datagram[36:]
        frame = _frame(datagram, number % 2 == 0)
        out += struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame
    path.write_bytes(out)


def _dissect(path, cookie: bytes, key: bytes) -> list[dict]:
    done = subprocess.run(
        [
            "tshark",
            "-r",
            str(path),
            "-d",
            "udp.port==848,isakmp",
            "-T",
            "json",
            "--no-duplicate-keys",
            "-o",
            f"uat:ikev1_decryption_table:{cookie.hex()},{key.hex()}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def _values(tree, name: str) -> list[str]:
    found = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                found += value if isinstance(value, list) else [value]
            else:
                found += _values(value, name)
    elif isinstance(tree, list):
        for value in tree:
            found += _values(value, name)
    return found


CASES = [
    ("v2", ("group14", "sha-256", "aes-128-cbc")),
    ("v2", ("group14", "sha-384", "aes-256-cbc")),
    ("v1", ("group2", "sha1", "3des-cbc")),
    ("v1", ("group1", "md5", "des-cbc")),
]


@pytest.mark.parametrize(("generation", "phase1"), CASES, ids=lambda c: str(c))
def test_tshark_decrypts_and_reads_the_registration(signing_key, tmp_path, generation, phase1):
    world = World(signing_key, generation, phase1)
    algorithms = ("3des-cbc", "sha1") if generation == "v1" else ("aes-256-cbc", "sha-256")
    world.commit(V1_SMC + "encryption-algorithm {} sig-hash-algorithm {}".format(*algorithms))
    member = world.member()
    sent = world.run(member)
    phase1_keys = member.registrations.way.sa.keys
    path = tmp_path / "registration.pcap"
    _capture(path, sent)
    packets = _dissect(path, sent[0][:8], phase1_keys.encryption_key)
    assert len(packets) == 10
    assert not any(_values(p, "_ws.malformed") for p in packets)
    exchanges = [_values(p, "isakmp.exchangetype")[0] for p in packets]
    assert exchanges == ["2"] * 6 + ["32"] * 4
    assert len({_values(p, "isakmp.messageid")[0] for p in packets[6:]}) == 1
    read = [_values(p, "isakmp.typepayload") for p in packets]
    for number, kinds in {4: ["5", "8"], 5: ["5", "8"], 6: ["8", "10", "5"], 8: ["8"]}.items():
        assert read[number][: len(kinds)] == kinds, (number, read[number])
    assert read[7][:3] == ["8", "10", "1"]
    assert read[9][:3] == ["8", "18", "17"]
    spi = member.keys.kek.kek.spi.hex()
    spis = [v.replace(":", "") for v in _values(packets[7], "isakmp.sak.spi")]
    assert spis == [spi]
    assert _values(packets[9], "isakmp.seq.seq") == ["0"]


def test_another_key_does_not_decrypt(signing_key, tmp_path):
    world = World(signing_key)
    sent = world.run(world.member())
    path = tmp_path / "registration.pcap"
    _capture(path, sent)
    packets = _dissect(path, sent[0][:8], bytes(32))
    assert "17" not in _values(packets[9], "isakmp.typepayload")[1:3]


REKEYS = [
    ("v1", "des-cbc", "md5"),
    ("v1", "3des-cbc", "sha1"),
    ("v2", "aes-128-cbc", "sha-256"),
    ("v2", "aes-192-cbc", "sha-384"),
    ("v2", "aes-256-cbc", "sha-256"),
]


@pytest.mark.parametrize(("generation", "cipher", "sig_hash"), REKEYS)
def test_tshark_decrypts_and_reads_rekeys(signing_key, tmp_path, generation, cipher, sig_hash):
    """Checked: exchange, SEQ, D, the SAK's SPI, KD types and SPIs, the size of SIG; no SAT."""
    log = tmp_path / "keys"
    sink = KeyLog(log)
    block = f"encryption-algorithm {cipher} sig-hash-algorithm {sig_hash}"
    world = World(signing_key, generation, around=Surroundings(sink))
    world.commit(V1_SMC + block)
    sent = world.run(world.member())
    world.commit(V1_SMC + block, V1_SMC + "certificate another")
    # The next one is held back until the member has acknowledged this.
    world.pass_time(2)
    world.commit()
    assert len(world.pushed) == 2
    plain = tmp_path / "plain.pcap"
    _capture(plain, [*sent, *world.pushed])
    readable = tmp_path / "readable.pcap"
    assert main(["wireshark", str(plain), str(log), str(readable)]) == 0
    done = subprocess.run(
        ["tshark", "-r", str(readable), "-T", "json", "--no-duplicate-keys"]
        + [
            f"-ouat:ikev1_decryption_table:{line}"
            for line in log.read_text().split("\n")
            if line and not line.startswith("#")
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    everything = json.loads(done.stdout)
    assert not any(_values(p, "_ws.malformed") for p in everything)
    packets = [p for p in everything if _values(p, "isakmp.exchangetype")[:1] == ["33"]]
    assert len(packets) == 2
    rekey, deletion = packets
    assert _values(rekey, "isakmp.typepayload")[:3] == ["18", "1", "17"]
    assert _values(rekey, "isakmp.seq.seq") == ["1"]
    spis = [v.replace(":", "") for v in _values(rekey, "isakmp.sak.spi")]
    kek = world.pushed[1][:16].hex()
    assert spis == [kek]
    assert _values(deletion, "isakmp.typepayload")[:3] == ["18", "12", "9"]
    assert [len(v.replace(":", "")) // 2 for v in _values(deletion, "isakmp.sig")] in ([], [128])


def test_a_capture_that_is_none_is_refused(tmp_path, capsys):
    noise, log = tmp_path / "noise", tmp_path / "keys"
    noise.write_bytes(b"no capture")
    log.write_text("")
    assert main(["wireshark", str(noise), str(log), str(tmp_path / "out")]) == 2
    assert "a pcap file is expected" in capsys.readouterr().err
