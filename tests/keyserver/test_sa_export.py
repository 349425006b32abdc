# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What members installed, in other tools' words: one member's SA encrypts, another's decrypts.

The ESP is scapy's: an implementation that shares nothing with ours. It gets its keys from the
`ip xfrm` commands, as an operator would.
"""

from __future__ import annotations

import dataclasses
import errno
import itertools
import os
import re
import shlex
import stat
from io import FileIO

import pytest
from cryptography.exceptions import InvalidSignature
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, IPSecIntegrityError, SecurityAssociation

from keyserver.capture.keylog import KeyLog, read_keks
from keyserver.capture.private_file import PrivateLog, open_private
from keyserver.capture.sa_export import everybody_else, wireshark_table, xfrm_commands
from keyserver.capture.sa_log import Holder, SaLog, UnreadableLog, read_sa_log
from keyserver.edge.held import held_associations
from keyserver.gdoi.payloads import Selector
from keyserver.member.associations import TrafficKeys, traffic_sa
from keyserver.member.traffic import Arrival, GrantedTek, Traffic
from keyserver.srx import Surroundings
from tests.keyserver.test_associations import sat
from tests.keyserver.world import GM, V1_SMC, World

OTHER = "192.0.2.12"
BLOCK = V1_SMC + "encryption-algorithm aes-256-cbc sig-hash-algorithm sha-256"
V1_BLOCK = V1_SMC + "encryption-algorithm 3des-cbc sig-hash-algorithm sha1"
V1_SUITES = list(
    itertools.product(
        ("des-cbc", "3des-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc"),
        ("hmac-md5-96", "hmac-sha1-96"),
    )
)
V2_SUITES = [(c, "hmac-sha-256-128") for c in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc")]
SCAPY_CIPHERS = {"cbc(des)": "DES", "cbc(des3_ede)": "3DES", "cbc(aes)": "AES-CBC"}
SCAPY_INTEGRITIES = {
    "hmac(md5)": "HMAC-MD5-96",
    "hmac(sha1)": "HMAC-SHA1-96",
    "hmac(sha256)": "SHA2-256-128",
}


def group(signing_key, tmp_path, generation="v2", suite=None, **more):
    """A world of two members that log what they install."""
    cipher, integrity = suite or ("aes-256-cbc", "hmac-sha-256-128")
    proposal = "set security group-vpn server ipsec proposal esp "
    lines = (
        V1_BLOCK if generation == "v1" else BLOCK,
        f"{proposal}encryption-algorithm {cipher}",
        f"{proposal}authentication-algorithm {integrity}",
    )
    world = World(signing_key, generation, extra=lines, members=2)
    log = SaLog(tmp_path / "sa.log")
    for name, address in (("site-1", GM), ("site-2", OTHER)):
        member = world.member(address, **more)
        world.run(member, address)
        look(log, name, address, member, world)
    return world, log


def look(log, name, address, member, world):
    holder, traffic = Holder(name, 1), member.keys.traffic
    held = held_associations(holder, address, traffic)
    log.look(holder, held, traffic.sends_with, world.now)


def history(log):
    return read_sa_log(log.path.read_text().splitlines())


def states(commands):
    """(source, destination): scapy's association, of `ip xfrm state` commands."""
    found = {}
    for command in commands:
        words = shlex.split(command)
        if words[2] != "state":
            continue
        value = dict(itertools.pairwise(words))
        auth = words[words.index("auth-trunc") + 1 :]
        enc = words[words.index("enc") + 1 :]
        found[value["src"], value["dst"]] = SecurityAssociation(
            ESP,
            spi=int(value["spi"], 16),
            crypt_algo=SCAPY_CIPHERS[enc[0]],
            crypt_key=bytes.fromhex(enc[1][2:]),
            auth_algo=SCAPY_INTEGRITIES[auth[0]],
            auth_key=bytes.fromhex(auth[1][2:]),
            tunnel_header=IP(src=value["src"], dst=value["dst"]),
        )
    return found


@pytest.mark.parametrize(
    ("generation", "suite"),
    [("v1", suite) for suite in V1_SUITES] + [("v2", suite) for suite in V2_SUITES],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_one_member_encrypts_another_decrypts(signing_key, tmp_path, generation, suite):
    _, log = group(signing_key, tmp_path, generation, suite)
    told = history(log)
    one = states(xfrm_commands(told, "site-1", [OTHER]))
    two = states(xfrm_commands(told, "site-2", [GM]))
    packet = IP(src="198.51.100.1", dst="203.0.113.1") / UDP(sport=1000, dport=2000) / b"hello"
    sealed = one[GM, OTHER].encrypt(packet)
    assert b"hello" not in bytes(sealed)
    opened = two["0.0.0.0", OTHER].decrypt(IP(bytes(sealed)))
    assert bytes(opened[UDP].payload) == b"hello"
    assert (opened.src, opened.dst) == ("198.51.100.1", "203.0.113.1")
    damaged = bytearray(bytes(sealed))
    damaged[-20] ^= 1
    with pytest.raises((IPSecIntegrityError, InvalidSignature)):
        two["0.0.0.0", OTHER].decrypt(IP(bytes(damaged)))


def test_commands_name_algorithms_lengths_mode_direction_and_traffic(signing_key, tmp_path):
    _, log = group(signing_key, tmp_path)
    commands = list(xfrm_commands(history(log), "site-1", [OTHER]))
    state, inward, forward, sender, outward = commands
    assert re.fullmatch(
        rf"ip xfrm state add src 0\.0\.0\.0 dst {GM} proto esp spi 0x[0-9a-f]{{8}} mode tunnel "
        r"replay-window 0 auth-trunc 'hmac\(sha256\)' 0x[0-9a-f]{64} 128 "
        r"enc 'cbc\(aes\)' 0x[0-9a-f]{64}",
        state,
    )
    traffic = "src 198.51.100.0/24 dst 203.0.113.0/24"
    assert inward.startswith(f"ip xfrm policy update {traffic} dir in tmpl src 0.0.0.0 dst {GM} ")
    assert forward == inward.replace(" dir in ", " dir fwd ")
    assert f"src {GM} dst {OTHER} proto esp spi" in sender
    spi = re.search(r"spi (0x\w+)", sender).group(1)
    assert outward.endswith(f"src {GM} dst {OTHER} proto esp spi {spi} mode tunnel")
    assert everybody_else(history(log), "site-1") == [OTHER]


def test_a_rekey_is_sent_with_when_the_member_does_and_the_old_key_goes(signing_key, tmp_path):
    world, log = group(signing_key, tmp_path)
    member = world.members[GM]

    def sending():
        commands = xfrm_commands(history(log), "site-1", [OTHER])
        return [c for c in commands if c.startswith(f"ip xfrm state add src {GM}")]

    def receiving():
        commands = xfrm_commands(history(log), "site-1", [OTHER])
        return [c for c in commands if c.startswith("ip xfrm state add src 0.0.0.0")]

    first = sending()
    world.pass_time(3600 - 60 + 1)
    look(log, "site-1", GM, member, world)
    assert sending() == first
    assert len(receiving()) == 2
    world.pass_time(30)
    look(log, "site-1", GM, member, world)
    assert len(sending()) == 1
    assert sending() != first
    world.pass_time(15)
    look(log, "site-1", GM, member, world)
    assert len(receiving()) == 1
    # A capture holds packets under all of them.
    assert len(list(wireshark_table(history(log)))) == 2


def test_a_run_that_appends_to_an_earlier_ones_log_begins_with_nothing(signing_key, tmp_path):
    group(signing_key, tmp_path)
    _, log = group(signing_key, tmp_path)
    told = history(log)
    assert len(told.installed) == 4
    assert len(told.held) == 2
    assert len(states(xfrm_commands(told, "site-1", [OTHER]))) == 2


def test_the_log_is_for_its_owner_alone_and_keys_are_in_no_repr(signing_key, tmp_path):
    _, log = group(signing_key, tmp_path)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    (sa, *_) = history(log).installed
    assert sa.encryption_key not in repr(history(log))
    assert sa.integrity_key not in repr(history(log))


@pytest.mark.parametrize("opened", [SaLog, KeyLog, open_private])
def test_keys_are_written_to_no_file_that_others_read(tmp_path, opened):
    shared = tmp_path / "shared"
    shared.write_text("")
    shared.chmod(0o640)
    with pytest.raises(OSError, match="has mode 0640"):
        opened(shared)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        opened(link)
    os.mkfifo(tmp_path / "pipe", 0o600)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="plain files"):
            opened(tmp_path / "pipe")
    finally:
        os.close(reader)


@pytest.mark.parametrize("opened", [SaLog, KeyLog])
@pytest.mark.parametrize(
    "mine", ["devices: []\n", "# A lab\n", "{}\n", '{"a": 1}\n', "\n", "set system\n", "beef\n"]
)
def test_keys_are_appended_to_no_file_that_is_something_else(tmp_path, opened, mine):
    """As easily named as the lab file itself, which a strict umask makes for its owner alone."""
    file = tmp_path / "mine"
    file.write_text(mine)
    file.chmod(0o600)
    with pytest.raises(OSError, match=r"something else; .*name another"):
        opened(file)
    assert file.read_text() == mine


def test_a_log_of_before_goes_on(tmp_path):
    for log in (KeyLog(tmp_path / "keys.log"), KeyLog(tmp_path / "keys.log")):
        log.phase1(bytes(8), bytes(16))
        log.close()
    SaLog(tmp_path / "sa.log").look(Holder("a", 1), set(), (), 0.0)
    with pytest.raises(OSError, match="holds something else"):
        KeyLog(tmp_path / "sa.log")
    SaLog(tmp_path / "sa.log").look(Holder("b", 1), set(), (), 0.0)
    assert len((tmp_path / "sa.log").read_text().splitlines()) == 4


# As a stranger says them: their types are the numbers of RFC 2407 §4.6.2.1.
V6 = Selector(6, 0, bytes.fromhex("20010db8" + "00" * 12 + "ff" * 6 + "00" * 10))
V6_HOST = Selector(5, 0, bytes.fromhex("20010db8" + "00" * 11 + "07"))
ANY_V4, ANY_V6 = Selector(4, 0, b""), Selector(5, 0, b"")
RANGE = Selector(7, 0, bytes([198, 51, 100, 1, 198, 51, 100, 4]))
V6_RANGE = Selector(8, 0, V6_HOST.data + bytes.fromhex("20010db8" + "00" * 11 + "08"))
NET = Selector.prefix("203.0.113.0/24", 0)
FOREIGN = [
    (0, RANGE, NET, ["198.51.100.1/32", "198.51.100.2/31", "198.51.100.4/32"], ["203.0.113.0/24"]),
    (0, Selector(0, 0, b""), ANY_V4, ["0.0.0.0/0"], ["0.0.0.0/0"]),
    (0, V6, V6_HOST, ["2001:db8::/48"], ["2001:db8::7"]),
    (58, Selector(0, 0, b""), V6_RANGE, ["::/0"], ["2001:db8::7/128", "2001:db8::8/128"]),
    (0, ANY_V6, V6, ["::/0"], ["2001:db8::/48"]),
]


def foreign(log, protocol, source, destination):
    """What a log tells of a member of a server that has such traffic selectors; the commands."""
    policy = dataclasses.replace(
        sat(source=source), protocol=protocol, source=source, destination=destination
    )
    association = traffic_sa(policy)
    traffic = Traffic()
    keys = TrafficKeys(bytes(32), bytes(32))
    traffic.add([GrantedTek(association, keys)], Arrival.PUSH, 0.0)
    traffic.settle(0.0)
    holder = Holder("site-1", 1)
    log.look(holder, held_associations(holder, GM, traffic), traffic.sends_with, 0.0)
    return list(xfrm_commands(history(log), "site-1", [OTHER]))


@pytest.mark.parametrize(("protocol", "source", "destination", "sources", "destinations"), FOREIGN)
def test_a_strangers_selectors_are_prefixes_that_ip_understands(
    tmp_path, protocol, source, destination, sources, destinations
):
    log = SaLog(tmp_path / "sa.log")
    commands = foreign(log, protocol, source, destination)
    policies = [line.split() for line in commands if " policy " in line]
    for direction in ("in", "fwd", "out"):
        found = [(w[5], w[7]) for w in policies if w[w.index("dir") + 1] == direction]
        assert found == list(itertools.product(sources, destinations))
    versions = [row.split(",")[0] for row in wireshark_table(history(log))]
    # Addresses of IPv6 stay outside where the policy preserves them.
    assert versions == (['"IPv4"', '"IPv6"'] if ":" in sources[0] else ['"IPv4"'])


@pytest.mark.parametrize(
    ("protocol", "said"), [(0, True), (1, True), (136, True), (6, False), (17, False)]
)
def test_ports_that_ip_has_no_word_for_are_told_of(tmp_path, protocol, said):
    source = Selector.prefix("198.51.100.0/24", 80)
    commands = foreign(SaLog(tmp_path / "sa.log"), protocol, source, NET)
    assert any("is for certain ports alone" in line for line in commands) == said
    assert any(" sport 80 " in line for line in commands) != said


class Disk:
    """Takes ``room`` octets, and then no more until it is given more."""

    room = 1_000_000


@pytest.fixture
def disk(monkeypatch):
    full = Disk()

    class Limited(FileIO):
        def write(self, octets):
            taken = octets[: full.room]
            if not taken:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            full.room -= len(taken)
            return super().write(taken)

    monkeypatch.setattr("keyserver.capture.private_file.FileIO", Limited)
    return full


def test_a_full_disk_stops_nobody_and_what_is_missing_follows(signing_key, tmp_path, caplog, disk):
    world, log = group(signing_key, tmp_path)
    told = []
    log.complain, disk.room = told.append, 300
    member = world.members[GM]
    for _ in range(3):
        world.pass_time(1800)
        look(log, "site-1", GM, member, world)
    assert len(told) == 1
    assert "sa.log: No space left on device; what is missing there" in told[0]
    # A process that ends now leaves half a line behind; the next one begins behind that.
    cut_off = log.path.read_text()
    assert not cut_off.endswith("\n")
    assert len(history(log).held) == 2
    disk.room = 1_000_000
    look(log, "site-1", GM, member, world)
    held = {sa.spi for sa in history(log).held if sa.member == "site-1"}
    assert held == set(member.held().receives_with)
    log.path.write_text(cut_off)
    SaLog(log.path).look(Holder("site-1", 1), set(), (), world.now)
    assert [sa.member for sa in history(log).held] == ["site-2"]


def test_a_key_log_on_a_full_disk_stops_no_rekey(signing_key, tmp_path, disk):
    log, disk.room = KeyLog(tmp_path / "keys.log"), 0
    world = World(signing_key, extra=(BLOCK,), around=Surroundings(log))
    (member,) = world.joined(1)
    first = member.keys.current_kek
    world.pass_time(3600)
    assert member.keys.current_kek != first
    disk.room = 1_000_000
    log.phase1(b"cookie", b"key")
    assert {first, member.keys.current_kek} <= set(read_keks(log.path.read_text()))


def test_what_is_lost_since_too_much_waits_is_told_once(tmp_path, disk):
    log, told, disk.room = PrivateLog(tmp_path / "sa.log", most_waiting=8), [], 0
    log.complain = told.append
    for line in ("first", "second", "third"):
        log.append((line,))
    assert [text.partition(": ")[2] for text in told] == [
        "No space left on device; what is missing there follows when there is room",
        "too much waits for room there; from now on lines are lost",
    ]
    disk.room = 1_000_000
    log.append(())
    assert log.path.read_text() == "first\n"


@pytest.mark.parametrize("line", ["", '{"ti', '{"time": 1', '{"time": 1, "event": "go'])
def test_a_line_that_was_cut_off_tells_nothing(line):
    assert read_sa_log([f"{line}\n"]).held == []


@pytest.mark.parametrize("line", ['{"time": x, "event": "gone"}', '{"time": 1 "event": "gone"}'])
def test_a_line_that_is_damaged_is_not_taken_for_one_that_was_cut_off(line):
    with pytest.raises(UnreadableLog, match="line 1"):
        read_sa_log([f"{line}\n"])


def test_what_is_no_log_is_refused_with_its_line():
    for text in (
        "hello",
        "{}",
        '{"event": "installed", "time": 1}',
        "[1]",
        "1",
        '"x"',
        "null",
        '{"event":"x","time":1}',
        "[" * 100_000,
    ):
        with pytest.raises(UnreadableLog, match="line 1"):
            read_sa_log([text])
