# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase 1 of the key server against IKE implementations that are not ours.

ike-scan proposes, and its psk-crack recomputes HASH_R from what it saw; strongSwan's daemon goes
all the way, with pre-shared keys and with RSA signatures.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.certificates import Authority, write_pem
from tests.lab import PSK, LabDirectory, hub_config
from tests.processes import free_ports

CHARON = Path("/usr/lib/ipsec/charon")
_RUNNING = Path("/var/run/charon.pid")
_SERVER = "set security group-vpn server"

needs_ike_scan = pytest.mark.skipif(
    shutil.which("ike-scan") is None, reason="ike-scan is not installed"
)
needs_strongswan = pytest.mark.skipif(
    not CHARON.exists() or shutil.which("swanctl") is None or os.geteuid() != 0,
    reason="strongSwan is not installed, or the tests do not run as root",
)


_PEER = {"gm-1": "127.0.0.1"}


def _v1_hub(lab: LabDirectory, *extra: str, peers: dict[str, str] = _PEER, **more: object) -> int:
    """A v1 key server for these peers; the port of its GDOI."""
    lines = tuple(f"{_SERVER} {line}" for line in extra)
    config = hub_config("hub-1", "v1", peers, extra=lines)
    gdoi = lab.add_device("hub-1", "v1", config, **more)["gdoi"]
    gdoi.update(aggressive=True, accept_doi=[1, 2])
    return int(gdoi["port"])


# ike-scan


def _scan(port: int, *options: str) -> str:
    command = ["ike-scan", "--doi=2", "--situation=0", f"--dport={port}", "--sport=0", *options]
    return subprocess.run(
        [*command, "127.0.0.1"], capture_output=True, text=True, check=True, timeout=60
    ).stdout


_OURS = "--trans=(1=5,2=2,3=1,4=2,11=1,12=600)"


@needs_ike_scan
def test_ike_scan_reads_what_was_chosen_and_why_it_was_refused(lab):
    port = _v1_hub(lab)
    server = lab.serve()
    try:
        handshake = _scan(port, _OURS)
        assert "Main Mode Handshake returned" in handshake
        assert "Enc=3DES Hash=SHA1 Auth=PSK Group=2:modp1024" in handshake
        # AES-256 with group 14 is not what the IKE proposal says.
        assert "NO-PROPOSAL-CHOSEN" in _scan(port, "--trans=(1=7,14=256,2=4,3=1,4=14)")
    finally:
        server.stop()


@needs_ike_scan
def test_psk_crack_finds_the_pre_shared_key_behind_hash_r(lab):
    port = _v1_hub(lab)
    server = lab.serve()
    try:
        seen, words = lab.path / "seen", lab.path / "words"
        identity = ("--idtype=1", "--id=0x7f000001")
        _scan(port, "--aggressive", "--dhgroup=2", *identity, _OURS, f"--pskcrack={seen}")
        words.write_text(f"wrong\n{PSK}\nother\n")
        cracked = subprocess.run(
            ["psk-crack", "-d", str(words), str(seen)], capture_output=True, text=True, check=True
        ).stdout
        assert f'key "{PSK}" matches SHA1 hash' in cracked
    finally:
        server.stop()


# strongSwan

_DAEMON = """charon {{
  load_modular = no
  load = random nonce aes des sha1 sha2 md5 hmac pem pkcs1 pkcs8 pubkey x509 constraints \
revocation gmp openssl kernel-netlink socket-default vici
  port = {port}
  port_nat_t = {nat_port}
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{ vici {{ socket = unix://{directory}/vici }} }}
}}
swanctl {{ load = pem pkcs1 x509 pubkey openssl random }}
"""
_CONNECTION = """connections {{ hub {{
  version = 1
  local_addrs = 127.0.0.1
  local_port = {nat_port}
  remote_addrs = 127.0.0.1
  remote_port = {remote_port}
  aggressive = {aggressive}
  proposals = {proposal}
  local {{ {local}
  }}
  remote {{ {remote}
  }}
}} }}
secrets {{ ike-1 {{ secret = "{psk}" }} }}
"""


class _Daemon:
    """A strongSwan of our own, with everything it reads in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.configuration = directory / "swanctl"
        for name in ("x509", "x509ca", "private"):
            (self.configuration / name).mkdir(parents=True)
        self._environment = {
            **os.environ,
            "STRONGSWAN_CONF": str(directory / "strongswan.conf"),
            "SWANCTL_DIR": str(self.configuration),
        }

    @contextmanager
    def running(self, **connection: object) -> Iterator[None]:
        port, nat_port = free_ports(2, socket.SOCK_DGRAM)
        (self.directory / "strongswan.conf").write_text(
            _DAEMON.format(port=port, nat_port=nat_port, directory=self.directory)
        )
        (self.configuration / "swanctl.conf").write_text(
            _CONNECTION.format(nat_port=nat_port, psk=PSK, **connection)
        )
        daemon = subprocess.Popen(
            [str(CHARON)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait(time.monotonic() + 60)
            yield
        finally:
            daemon.terminate()
            daemon.wait(60)

    def _wait(self, end: float) -> None:
        """Until it takes commands: that its socket is there does not mean that it listens."""
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.directory / "vici"))
                return
            except OSError:
                assert time.monotonic() < end, "strongSwan does not start"
                time.sleep(0.05)

    def control(self, *words: str) -> str:
        done = subprocess.run(
            ["swanctl", *words, "--uri", f"unix://{self.directory}/vici"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@needs_strongswan
@pytest.mark.parametrize("authentication", ["pre-shared key", "signatures"])
@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_strongswan_establishes_phase_1(lab, mode, authentication):
    if _RUNNING.exists() and Path(f"/proc/{_RUNNING.read_text().strip()}").exists():
        pytest.skip("another strongSwan runs on this machine")
    daemon = _Daemon(lab.path / "strongswan")
    if authentication == "signatures":
        proposal, local = "aes128-sha1-modp2048", "auth = pubkey\n certs = site.pem"
        local += "\n id = site.example.net"
        remote = "auth = pubkey\n id = 127.0.0.1"
        port = _signing_hub(lab, daemon.configuration)
    else:
        proposal, local = "3des-sha1-modp1024", "auth = psk\n id = 127.0.0.1"
        remote, port = local, _v1_hub(lab)
    server = lab.serve()
    try:
        with daemon.running(
            remote_port=port,
            aggressive="yes" if mode == "aggressive" else "no",
            proposal=proposal,
            local=local,
            remote=remote,
        ):
            daemon.control("--load-all", "--noprompt")
            daemon.control("--initiate", "--ike", "hub", "--timeout", "60")
            assert "ESTABLISHED, IKEv1" in daemon.control("--list-sas")
    finally:
        server.stop()


def _signing_hub(lab: LabDirectory, configuration: Path) -> int:
    """A key server that knows the peer by its certificate alone; both ends' files."""
    authority = Authority(time.time())
    own = authority.certificate.public_bytes(serialization.Encoding.PEM)
    (lab.path / "ca.pem").write_bytes(own)
    (configuration / "x509ca" / "ca.pem").write_bytes(own)
    write_pem(lab.path, "site", authority.credentials("site.example.net"))
    (lab.path / "site.pem").rename(configuration / "x509" / "site.pem")
    (lab.path / "site.key").rename(configuration / "private" / "site.key")
    return _v1_hub(
        lab,
        "ike proposal rsa authentication-method rsa-signatures",
        "ike proposal rsa dh-group group14",
        "ike proposal rsa authentication-algorithm sha1",
        "ike proposal rsa encryption-algorithm aes-128-cbc",
        "ike policy signed proposals rsa",
        "ike policy signed certificate local-certificate hub",
        "ike gateway away ike-policy signed",
        "ike gateway away dynamic hostname site.example.net",
        "group G1 ike-gateway away",
        peers={},
        trusted_ca=["ca.pem"],
        certificates={"hub": write_pem(lab.path, "hub", authority.credentials("127.0.0.1"))},
    )
