# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's NETCONF sessions against the reference key server over real SSH."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    MalformedReply,
    TransportFailure,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import read as members_info
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import (
    libssh,
    openssh_command,
    ssh_files,
    transports,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import (
    openssh as openssh_session,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.openssh_mux import (
    MuxUnavailable,
    open_subsystem,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import SessionRpc
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import (
    Target,
    open_session,
)
from lxml import etree

from keyserver.edge.serve import LabServer
from keyserver.edge.ssh import host_keys
from keyserver.gdoi.arrival import Peer
from keyserver.lab.specs import DeviceSpec, Endpoint, Lab, User
from tests.lab import PASSWORD, USER, hub_config
from tests.processes import free_ports

OURS = ("libssh", "paramiko")
TRANSPORTS = ("openssh", *OURS)


def answer_always(session, reply: bytes) -> None:
    """Make a device's session give the same reply to whatever comes."""
    turn = session.turn

    def said(now):
        steps = turn(now)
        return None if steps is None else _returning(reply)

    session.turn = said


def _returning(reply: bytes):
    yield from ()
    return reply


class Served:
    """A lab of one device in this process, its loop in a thread."""

    def __init__(self, config, *users: User) -> None:
        (self.port,) = free_ports(1)
        spec = DeviceSpec(
            "hub-1", netconf=Endpoint("127.0.0.1", self.port), users=users, config=config
        )
        self.server = LabServer(Lab((spec,), ()))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(60)

    @property
    def device(self):
        return self.server.devices[0]

    def host_key(self) -> str:
        """Type and key as known_hosts has them."""

        async def ask() -> str:
            return host_keys(self.device)[0].export_public_key().decode()

        asked = asyncio.run_coroutine_threadsafe(ask(), self._loop)
        return " ".join(asked.result(60).split()[:2])

    def register(self, gateway: str, addresses: Iterable[str]) -> None:
        """Enter members as if they had registered, in the loop that owns the device."""

        async def enter() -> None:
            for address in addresses:
                peer, when = Peer(gateway, (address, 848)), 1_800_000_000.0
                self.device.groups.begin(peer, 1, when).complete(peer, when)

        asyncio.run_coroutine_threadsafe(enter(), self._loop).result(60)

    def end_session(self, number: int) -> None:
        """What a device does that restarts its NETCONF service."""
        self._loop.call_soon_threadsafe(self.device.sessions[number].terminate)

    def silence(self) -> None:
        """The device answers nothing any more in the sessions that there are."""
        for session in self.device.sessions.values():
            answer_always(session, b"")

    def target(self, **more) -> Target:
        options = {"user": USER, "password": PASSWORD, "host_key_checking": False, "persist": 0}
        return Target("127.0.0.1", self.port, **{**options, **more})

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self.server.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "hub-1.conf"
    path.write_text(hub_config("hub-1", "v2", {"gm-1": "192.0.2.11"}))
    return path


@pytest.fixture
def served(config) -> Iterator[Served]:
    one = Served(config, User(USER, PASSWORD))
    yield one
    one.stop()


def _use(target: Target, transport: str):
    session = open_session(target, transport)
    return SessionRpc(session), session


@pytest.mark.parametrize("transport", ["openssh", "paramiko"])
def test_a_key_logs_in_and_another_key_does_not(config, tmp_path, monkeypatch, transport):
    # As documents name keys; ssh alone would look into the home of the password file.
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    for number, key in enumerate(keys):
        path = tmp_path / f"key-{number}"
        path.write_bytes(key.export_private_key())
        path.chmod(0o600)
    authorized = keys[0].export_public_key().decode()
    one = Served(config, User(USER, None, authorized))
    try:
        good = one.target(password=None, private_key_file="~/key-0")
        rpc, session = _use(good, transport)
        assert members_info.read(rpc)["groups"][0]["member_count"] == 0
        session.close()
        with pytest.raises(TransportFailure, match="authentication failed"):
            open_session(one.target(password=None, private_key_file="~/key-1"), transport)
    finally:
        one.stop()


@pytest.mark.parametrize("transport", OURS)
@pytest.mark.parametrize("line", ["plain", "with others", "hashed", "pattern"])
def test_the_key_is_found_however_known_hosts_names_the_host(served, tmp_path, line, transport):
    from paramiko.hostkeys import HostKeys

    host = f"[127.0.0.1]:{served.port}"
    names = {
        "plain": host,
        "with others": f"192.0.2.1,{host}",
        "hashed": HostKeys.hash_host(host),
        "pattern": "![127.0.0.2]:*,[127.0.0.?]:*",
    }[line]
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    known = tmp_path / "known_hosts"
    known.write_text(f"# a fleet\n\n192.0.2.7 {other}\nbroken line\n{names} {served.host_key()}\n")
    target = served.target(host_key_checking=True, known_hosts_file=str(known))
    _, session = _use(target, transport)
    session.close()


@pytest.mark.parametrize("transport", OURS)
def test_they_go_where_the_ssh_configuration_leads_and_trust_whom_it_names(
    served, monkeypatch, tmp_path, transport
):
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path / "none")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{served.port} {served.host_key()}\n")
    (tmp_path / "fleet").write_text(f"fleet {served.host_key()}\nstale {other}\n")
    leads = "Host hub stale\n HostName 127.0.0.1\n UserKnownHostsFile {}\n User {}\n"
    (tmp_path / "config").write_text(
        "Host hub\n HostKeyAlias fleet\nHost stale\n HostKeyAlias stale\n"
        + leads.format(tmp_path / "fleet", USER)
    )
    target = replace(served.target(host_key_checking=True, user=None), host="hub")
    open_session(target, transport).close()
    with pytest.raises(TransportFailure, match="the host key has changed"):
        open_session(replace(target, host="stale"), transport)
    (tmp_path / "config").write_text("ProxyJump jump\n")
    with pytest.raises(TransportFailure, match="says ProxyJump jump for it, which OpenSSH alone"):
        open_session(target, transport)


@pytest.mark.parametrize(("there", "ours"), [(True, "libssh"), (False, "paramiko")])
def test_the_cheapest_transport_is_taken_that_can_do_what_is_asked(
    served, monkeypatch, tmp_path, there, ours
):
    monkeypatch.setattr(libssh, "is_there", lambda: there)
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path)

    def chosen(**more) -> str:
        transports.ssh_is_configured.cache_clear()
        return transports.choose_transport("auto", served.target(**more))

    (tmp_path / "ssh_config").write_text("# ProxyJump is commented out\nHost *\n")
    assert chosen() == ours
    assert chosen(several_tasks=True, persist=60) == "openssh"
    assert chosen(several_tasks=True, persist=0) == ours
    # Keys may be an agent's or a token's, arguments and configurations are for ssh.
    assert chosen(password=None) == "openssh"
    assert chosen(private_key_file="id_ed25519_sk") == "openssh"
    assert chosen(ssh_common_args=("-J", "jump")) == "openssh"
    (tmp_path / "ssh_config").write_text("Host *\n  ProxyJump jump\n")
    assert chosen() == "openssh"
    # What the others would not follow is left to ssh as well.
    (tmp_path / "ssh_config").write_text("RevokedHostKeys /etc/ssh/revoked\n")
    assert chosen() == "openssh"
    (tmp_path / "ssh_config").unlink()
    (tmp_path / "config").write_text("Host hub-*\n  User somebody\n")
    assert chosen() == "openssh"
    monkeypatch.setattr(transports, "has_ssh", lambda: False)
    assert chosen(password=None) == "paramiko"
    assert chosen() == ours


@pytest.mark.parametrize(("transport", "clocks"), [("libssh", 0), ("paramiko", 1)])
def test_one_clock_at_most_runs_beside_a_login(served, transport, clocks):
    started: set[threading.Thread] = set()
    threading.setprofile(lambda *_event: started.add(threading.current_thread()))
    try:
        open_session(served.target(), transport).close()
    finally:
        threading.setprofile(None)
    assert sum(isinstance(thread, threading.Timer) for thread in started) == clocks


def test_one_login_is_made_for_the_tasks_that_follow_the_first(served, monkeypatch, tmp_path):
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path)
    transports.ssh_is_configured.cache_clear()
    target = served.target(persist=60, run_directory=str(tmp_path))
    used = []
    for _ in range(4):
        session = open_session(target)
        assert members_info.read(SessionRpc(session))["groups"]
        process = getattr(session, "_process", None)
        used.append((type(session).__name__, process is not None))
        session.close()
    assert used == [
        ("LibsshSession" if libssh.is_there() else "ParamikoSession", False),
        ("OpenSshSession", True),
        ("OpenSshSession", False),
        ("OpenSshSession", False),
    ]
    assert Path(openssh_command.control_path(target)).exists()
    # Another password never gets into a login that is open.
    with pytest.raises(TransportFailure, match="authentication failed"):
        open_session(served.target(persist=60, password="wrong"), "openssh")


@pytest.fixture
def kept(served) -> Target:
    """A target whose session a task has used and left."""
    return _left(served.target(persist=60))


def _left(target: Target) -> Target:
    session = open_session(target, "openssh")
    assert members_info.read(SessionRpc(session))["groups"]
    assert session.keep()
    assert not session.connected
    return target


def test_a_session_that_was_left_is_used_again(served, kept):
    (number,) = served.device.sessions
    for last in (False, True):
        session = open_session(kept, "openssh")
        assert list(served.device.sessions) == [number]
        assert members_info.read(SessionRpc(session))["groups"]
        if last:
            session.close()
        else:
            assert session.keep()
    _until(lambda: not served.device.sessions)
    # A session belongs to one task at a time.
    two = [open_session(kept, "openssh") for _ in range(2)]
    assert len(served.device.sessions) == 2
    for session in two:
        assert session.keep()
    again = [open_session(kept, "openssh") for _ in range(2)]
    assert len(served.device.sessions) == 2
    for session in again:
        session.close()
    _until(lambda: not served.device.sessions)


def test_a_session_that_ended_meanwhile_is_passed_over(served, kept):
    (ended,) = served.device.sessions
    served.end_session(ended)
    _until(lambda: not served.device.sessions)
    # Whether the client has noticed by now is open: either way the reading succeeds.
    rpc = SessionRpc(open_session(kept, "openssh"), lambda: open_session(kept, "openssh"))
    assert members_info.read(rpc)["groups"]
    assert list(served.device.sessions) != [ended]
    rpc.end()


def test_only_a_session_in_order_is_left(served):
    target = served.target(persist=5, rpc_timeout=1.0)
    session = open_session(target, "openssh")
    served.silence()
    with pytest.raises(TransportFailure, match="no reply within 1"):
        members_info.read(SessionRpc(session))
    assert not session.keep()
    session.close()
    for other in (served.target(persist=0), served.target(persist=5)):
        session = open_session(other, "openssh")
        assert session.keep() is (other.persist > 0)
        session.close()


def test_resetting_ends_what_was_left(served):
    # By itself it would be there for longer than is waited below.
    kept = _left(served.target(persist=60))
    login = Path(openssh_command.control_path(kept))
    assert login.exists()
    openssh_session.end_login(kept)
    _until(lambda: not served.device.sessions and not login.exists())
    openssh_session.end_login(kept)


def _until(holds, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\4abcd", b"\xff\xff\xff\xff", None])
def test_a_control_socket_that_is_no_masters_is_passed_over(served, answer):
    target = served.target(persist=1, connect_timeout=5.0)
    path = Path(openssh_command.control_path(target))
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        if answer is not None:
            listener.listen()
            threading.Thread(target=lambda: _say(listener, answer), daemon=True).start()
        with pytest.raises(MuxUnavailable):
            open_subsystem(str(path), "netconf", (0, 1, 2), 2)
    # Nobody listens there now; ssh says what it thinks of that, and a session comes about.
    path.unlink()
    _, session = _use(target, "openssh")
    session.close()


def _say(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(answer)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reply_of_a_hundred_thousand_members_is_read(served, transport):
    served.register("gm-1", (f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)))
    rpc, session = _use(served.target(rpc_timeout=600), transport)
    (group,) = members_info.read(rpc)["groups"]
    session.close()
    assert group["member_count"] == 100_000
    assert group["members"][-1]["gateway"] == "gm-1"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_characters_beyond_ascii_and_both_framings_work(served, transport):
    text = "".join(
        f"set security group-vpn server group G1 description {'é' * 70}\n"
        "set system services netconf rfc-compliant\nset system services netconf version-1.1\n"
    )
    for chunked in (False, True):
        rpc, session = _use(served.target(), transport)
        assert session.framing.chunked is chunked
        load = etree.Element("load-configuration", action="set", format="text")
        etree.SubElement(load, "configuration-set").text = text
        rpc.call("load", load)
        rpc.call("commit", etree.Element("commit-configuration"))
        reply = rpc.call("read", etree.Element("get-configuration", format="xml"))
        assert next(reply.iter("{*}description")).text == "é" * 70
        assert members_info.read(rpc)["groups"][0]["name"] == "G1"
        session.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reply_that_does_not_come_ends_in_its_time_and_says_so(served, transport):
    rpc, session = _use(served.target(rpc_timeout=1.0), transport)
    served.silence()
    with pytest.raises(
        TransportFailure, match=rf"127.0.0.1:{served.port}: read.*no reply within 1"
    ):
        rpc.call("read", etree.Element("get-software-information"))
    session.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reply_with_entities_is_refused(served, transport):
    rpc, session = _use(served.target(), transport)
    device_session = next(iter(served.device.sessions.values()))
    bomb = b'<!DOCTYPE r [<!ENTITY a "b">]><rpc-reply>&a;</rpc-reply>]]>]]>'
    answer_always(device_session, bomb)
    with pytest.raises(MalformedReply, match="entities"):
        rpc.call("read", etree.Element("get-software-information"))
    session.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_answer_to_another_request_is_refused(served, transport):
    rpc, session = _use(served.target(), transport)
    device_session = next(iter(served.device.sessions.values()))
    answer_always(device_session, b'<rpc-reply message-id="urn:old"/>]]>]]>')
    with pytest.raises(MalformedReply, match="answers another request"):
        rpc.call("read", etree.Element("get-software-information"))
    assert not session.connected


def test_the_password_is_in_no_argument_and_no_environment(served):
    import subprocess

    seen = []
    original = subprocess.Popen

    def watch(command, **options):
        seen.append((command, options.get("env")))
        return original(command, **options)

    openssh_session.subprocess.Popen = watch
    try:
        _, session = _use(served.target(), "openssh")
        session.close()
    finally:
        openssh_session.subprocess.Popen = original
    assert seen
    assert PASSWORD not in repr(seen)
    assert PASSWORD not in repr(served.target())
