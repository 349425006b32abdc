# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Host keys over both carriers: what OpenSSH makes of known_hosts, paramiko makes of it as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import asyncssh
import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import TransportFailure
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session
from paramiko.hostkeys import HostKeys

from tests.integration.test_rude import TRANSPORTS, target
from tests.rude import RudeServer, box

KNOWN, NEW, CHANGED, REVOKED = "known", "is not known", "has changed", "is revoked"


@pytest.fixture(scope="module")
def server() -> Iterator[RudeServer]:
    with RudeServer(box("G1")) as one:
        yield one


def _key(kind: str = "ssh-ed25519") -> str:
    return " ".join(asyncssh.generate_private_key(kind).export_public_key().decode().split()[:2])


OTHER, RSA = _key(), _key("ssh-rsa")
# {at} is the host at its port, {key} what it shows.
LINES: dict[str, tuple[str, str]] = {
    "at its port": ("{at} {key}", KNOWN),
    "without its port": ("127.0.0.1 {key}", KNOWN),
    "another at its port": ("{at} {other}\n127.0.0.1 {key}", CHANGED),
    "another kind at its port": ("{at} {rsa}\n127.0.0.1 {key}", CHANGED),
    "another without its port": ("127.0.0.1 {other}", NEW),
    "revoked without its port, known with it": ("@revoked 127.0.0.1 {key}\n{at} {key}", KNOWN),
    "revoked at its port, known without it": ("@revoked {at} {key}\n127.0.0.1 {key}", REVOKED),
    "revoked and known without its port": ("@revoked 127.0.0.1 {key}\n127.0.0.1 {key}", REVOKED),
    "revoked alone": ("@revoked * {key}", REVOKED),
    "all but its name without a port": ("*,!127.0.0.1 {key}", KNOWN),
    "all but its name at its port": ("*,!{at} {key}", KNOWN),
    "all but both of its names": ("*,!{at},!127.0.0.1 {key}", NEW),
    "a hash": ("{hash} {key}", KNOWN),
    "a hash and a name": ("{hash},{at} {key}", NEW),
    "a key that is cut short": ("{at} ssh-ed25519 AAAA", NEW),
    "a key of another type than it says": ("{at} ssh-rsa {blob}", NEW),
    "options before the key": ("{at} no-pty {key}", NEW),
    "a mark that nobody knows": ("@odd {at} {key}", NEW),
    "indented and tabulated": (" \t{at}\t{key}", KNOWN),
    "lines of another system": ("# \r\n{at} {key}\r\n", KNOWN),
    "a comment with a form feed": ("# moved\x0c{at} {key}", NEW),
    "a comment with a separator of lines": ("# moved\u2028{at} {key}", NEW),
    "a name in capitals": ("[LOCALHOST]:{port} {key}", KNOWN),
    "revoked in capitals": ("@revoked [LOCALHOST]:{port} {key}\n{at} {key}", REVOKED),
    "the hash of the name in small letters": ("{small} {key}", KNOWN),
}


def _written(text: str, host: str, server: RudeServer) -> str:
    at = f"[{host}]:{server.port}"
    return text.format(
        at=at,
        port=server.port,
        key=server.host_key,
        blob=server.host_key.split()[1],
        other=OTHER,
        rsa=RSA,
        hash=HostKeys.hash_host(at),
        small=HostKeys.hash_host(at.lower()),
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("lines", LINES)
def test_a_host_key_is_judged_alike_by_both_carriers(server, tmp_path, lines, transport):
    text, wanted = LINES[lines]
    named = "capitals" in lines or "small" in lines
    host = "LocalHost" if named else "127.0.0.1"
    known = tmp_path / "known_hosts"
    known.write_text(_written(text, host, server) + "\n", encoding="utf-8")
    where = target(server, host_key_checking=True, known_hosts_file=str(known))
    try:
        open_session(replace(where, host=host), transport).close()
        found = KNOWN
    except TransportFailure as failure:
        found = str(failure)
    assert wanted in found
