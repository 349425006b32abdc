# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Passwords, paths and known hosts over real SSH, and what is said when a login fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import asyncssh
import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import TransportFailure
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import (
    libssh,
    paramiko,
    rehearsal,
    ssh_files,
    transports,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.askpass import (
    AskPass,
    as_asker,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.openssh_command import (
    control_path,
    last_words,
    ssh_command,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session
from paramiko.hostkeys import HostKeys

from tests.integration.test_rude import (
    CHANGE_LINE,
    SILENCE,
    TRANSPORTS,
    Client,
    change,
    gathered,
    target,
)
from tests.lab import COLLECTIONS, play
from tests.processes import free_ports
from tests.rude import PASSWORD, USER, Fault, Manner, RudeServer, Stage, box

MODULE = "groupvpn.junos.server_member_communication"


def fails(where, transport: str) -> str:
    with pytest.raises(TransportFailure) as raised:
        open_session(where, transport)
    return str(raised.value)


# The password


def test_a_jump_host_that_asks_for_a_password_is_not_told_the_devices():
    with RudeServer(box("G1")) as jump, RudeServer(box("G1")) as server:
        quiet = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -W %h:%p"
        proxy = f"ProxyCommand={quiet} -p {jump.port} {USER}@127.0.0.1"
        message = fails(target(server, ssh_common_args=("-o", proxy)), "openssh")
        assert PASSWORD not in jump.passwords
        assert server.passwords == []
    assert "the jump host refused the login" in message


def test_a_jump_host_of_the_ssh_configuration_alone_is_not_taken_for_the_device(
    tmp_path, monkeypatch
):
    # ssh hands the name on to itself, in a line for a shell and as it is.
    monkeypatch.chdir(tmp_path)
    config = Path("config")
    with RudeServer(box("G1")) as jump, RudeServer(box("G1")) as server:
        config.write_text(
            "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
            f'Match host 127.0.0.1 exec "test %p = {server.port}"\n'
            f"  ProxyJump {USER}@127.0.0.1:{jump.port}\n"
        )
        message = fails(target(server, ssh_common_args=("-F", str(config))), "openssh")
        assert PASSWORD not in jump.passwords
        assert server.passwords == []
    assert "the jump host refused the login" in message


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_password_is_tried_once_and_nothing_else_after_it(transport):
    with RudeServer(box("G1")) as server:
        message = fails(target(server, password="wrong"), transport)
        assert server.passwords == ["wrong"]
    assert "authentication failed" in message


def test_a_device_that_wants_a_new_password_is_not_given_the_old_one_for_it(tmp_path):
    helper = AskPass("s3cret")
    try:
        ask = '"$SSH_ASKPASS" "$0" || echo none'

        def asked(prompt: str, *before: str) -> str:
            command = as_asker(["sh", "-c", ask, prompt])
            done = subprocess.run(
                [*before, *command],
                env={**os.environ, **helper.environment},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            return done.stdout.strip()

        # Without a key's passphrase, or its confirmation, ssh goes on without that key.
        assert asked("Enter passphrase for key '/k': ") == "none"
        confirming = ["env", "SSH_ASKPASS_PROMPT=confirm"]
        assert asked("Allow use of password: ", *confirming) == "none"
        # Asked for anything else it would send an empty answer: it is ended.
        for prompt in ("New password: ", "Verification code: ", "Enter netops's new\npassword:"):
            assert asked(prompt) == ""
        # Somebody whom the ssh that logs in has started.
        other = as_asker(["sh", "-c", f"sh -c '{ask}; :' \"$0\"", "u@h's password: "])
        done = subprocess.run(
            other,
            env={**os.environ, **helper.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.strip() == "none"
        assert asked("u@h's password: ") == "s3cret"
        # Who asks again is ended, and answers nothing.
        assert asked("u@h's password: ") == ""
    finally:
        helper.close()


QUESTIONS = {
    "its password": (["Password:"], 1, None),
    "its password in capitals": (["(netops@hub) PASSWORD: "], 1, None),
    "nothing, and then its password": (["", "Password:"], 1, None),
    "its password twice": (["Password:", "Password:"], 1, "the password was refused"),
    "a code": (["Verification code:"], 0, "something else than the password"),
    "a code after the password": (["Password:", "Code:"], 1, "something else than the password"),
    "a new password": (["New password:"], 0, "wants a new password"),
    "a new password after the old": (["password: ", "New Password: "], 1, "wants a new password"),
    "a code beside the password": (["Password:|Code:"], 0, "something else than the password"),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_device_that_only_asks_is_told_its_password_once_and_nothing_else(transport, kind):
    rounds, times, words = QUESTIONS[kind]
    with RudeServer(box("G1")) as server:
        server.questions = [[p for p in one.split("|") if p] for one in rounds]
        if words is None:
            open_session(target(server), transport).close()
        else:
            assert words in fails(target(server), transport)
        told = [answer for answers in server.answers for answer in answers]
    assert told == [PASSWORD] * times
    # A C library that writes into a constant of Python's changes it for everybody.
    assert [list(letter) for letter in (b" ", b"\0", b"")] == [[32], [0], []]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_that_refuses_what_it_was_answered_has_refused_the_login(transport):
    with RudeServer(box("G1")) as server:
        server.questions, server.lets_in = [["Password:"]], False
        message = fails(target(server), transport)
        assert server.answers == [[PASSWORD]]
    assert "authentication failed" in message


@pytest.mark.parametrize("password", [" pä$s`\"'\\\\n%s! ", "-n", "x" * 900, "\\c", "東京"])
def test_a_password_comes_through_as_it_is(password):
    helper = AskPass(password)
    try:
        done = subprocess.run(
            as_asker(["sh", "-c", '"$SSH_ASKPASS" "$0"', "u@h's password: "]),
            env={**os.environ, **helper.environment, "LC_ALL": "C"},
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        helper.close()
    assert done.stdout == f"{password}\n".encode()


def test_an_ssh_configuration_that_includes_and_matches_is_sshs_own_business(tmp_path):
    """The host is an alias, which only a file that another file includes knows."""
    included = tmp_path / "fleet hosts"
    included.write_text("Match host hub-alias\n  HostName 127.0.0.1\n  HostKeyAlias hub-alias\n")
    config = tmp_path / "config"
    config.write_text(f'Include "{included}"\n')
    with RudeServer(box("G1")) as server:
        where = replace(target(server), host="hub-alias", ssh_common_args=("-F", str(config)))
        with Client(where, "openssh") as client:
            assert change(client.rpc())["changed"]


# Paths

HOMES = {
    "long": "x" * 120,
    "blank": "a home",
    "percent": "100%h",
    "quote": 'a"b',
    "unicode": "Büro 東京",
    "variable": "${HOME}",
    "plain": "home",
}


@pytest.mark.parametrize("home", HOMES)
def test_logins_are_shared_whatever_the_home_is_called(tmp_path, home):
    directory = tmp_path / HOMES[home]
    directory.mkdir()
    with RudeServer(box("G1")) as server:
        where = target(server, persist=60, control_directory=str(directory / "cp"))
        path = control_path(where)
        assert path is not None
        fits = len(str(directory)) < 50 and home != "variable"
        assert (path.parent == directory / "cp") is fits
        _used_twice(where)
        assert path.exists()


def _used_twice(where) -> None:
    processes = []
    for _ in range(2):
        with Client(where, "openssh") as client:
            assert change(client.rpc()) is not None
            processes.append(client.sessions[0]._process is not None)
    assert processes == [True, False]


def test_a_home_that_cannot_be_written_costs_no_login(tmp_path):
    (tmp_path / "home").write_text("a file where a directory is wanted")
    with RudeServer(box("G1")) as server:
        where = target(server, persist=60, control_directory=str(tmp_path / "home" / "cp"))
        _used_twice(where)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["known hosts", "100%h", "known_hosts", "bekannte Höste"])
def test_known_hosts_is_read_whatever_it_is_called(tmp_path, transport, name):
    with RudeServer(box("G1")) as server:
        known = tmp_path / name
        known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
        where = target(server, host_key_checking=True, known_hosts_file=str(known))
        with Client(where, transport) as client:
            assert change(client.rpc())["changed"]


@pytest.mark.parametrize("option", ["known_hosts_file", "private_key_file"])
def test_a_path_that_ssh_would_read_otherwise_is_refused(tmp_path, option):
    path = tmp_path / "${HOME}"
    path.write_text("")
    with RudeServer(box("G1")) as server:
        where = target(server, **{option: str(path)})
        assert f"ansible_{option}: {path} holds '${{'" in fails(where, "openssh")
        assert server.passwords == []
        # The other client takes it for the name that it is.
        with Client(where, "paramiko") as client:
            assert change(client.rpc())["changed"]


@pytest.fixture
def short():
    """A directory in which the sockets of logins have names that are short enough."""
    with tempfile.TemporaryDirectory(prefix="gv", dir="/tmp") as directory:
        yield Path(directory)


@pytest.mark.parametrize(
    ("variable", "below"), [("ANSIBLE_HOME", "cp"), ("ANSIBLE_SSH_CONTROL_PATH_DIR", "")]
)
@pytest.mark.parametrize("name", ["a b", "100%h", "x" * 120])
def test_ansibles_own_directories_are_honoured_where_sockets_can_be(
    lab, short, monkeypatch, variable, below, name
):
    wanted = short / name
    monkeypatch.setenv(variable, str(wanted))
    with RudeServer(box("G1")) as server:
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": server.port,
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_connection": "groupvpn.junos.netconf",
            "ansible_netconf_transport": "openssh",
            "ansible_host_key_checking": False,
            "ansible_netconf_persist": 60,
            "ansible_python_interpreter": sys.executable,
        }
        inventory = lab.path / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"hub-1": host}}}))
        result = play(lab, [{MODULE: {"state": "gathered"}}] * 2)
        assert result.code == 0, result.output[-2000:]
        # The login is kept open, and its server has not ended.
        assert bool(list((wanted / below).glob("gv-*"))) is (len(name) < 100)


# Known hosts


def _keys() -> tuple[str, str]:
    return tuple(
        " ".join(
            asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2]
        )
        for _ in range(2)
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("names", ["{host}", "*", "{hashed}", "[127.0.0.?]:*"])
def test_a_revoked_key_is_refused_even_if_it_is_known(tmp_path, transport, names):
    with RudeServer(box("G1")) as server:
        host = f"[127.0.0.1]:{server.port}"
        shown = names.format(host=host, hashed=HostKeys.hash_host(host))
        known = tmp_path / "known_hosts"
        known.write_text(
            f"{host} {server.host_key}\n@revoked {shown} {server.host_key} compromised\n"
        )
        where = target(server, host_key_checking=True, known_hosts_file=str(known))
        message = fails(where, transport)
        assert "the host key is revoked" in message
        assert server.passwords == []
        # Another host's revocation, or another key's, is no matter here.
        other, _ = _keys()
        known.write_text(
            f"@revoked 192.0.2.1 {server.host_key}\n@revoked * {other}\n{host} {server.host_key}\n"
        )
        open_session(where, transport).close()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_a_key_is_known_also_beside_another_of_its_kind(tmp_path, transport, kind):
    key = asyncssh.generate_private_key(kind)
    with RudeServer(box("G1"), key=key) as server:
        host, (other, _) = f"[127.0.0.1]:{server.port}", _keys()
        known = tmp_path / "known_hosts"
        known.write_text(
            f"{host} {other} the one before\n{host} {kind} AAAA\n{host} {server.host_key} now\n"
        )
        open_session(
            target(server, host_key_checking=True, known_hosts_file=str(known)), transport
        ).close()


@pytest.mark.parametrize("transport", ["libssh"])
def test_the_fingerprint_of_a_key_that_is_not_known_is_told(tmp_path, transport):
    """By it a person finds out whether the key is the device's."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    with RudeServer(box("G1"), key=key) as server:
        known = tmp_path / "known_hosts"
        known.write_text("")
        where = target(server, host_key_checking=True, known_hosts_file=str(known))
        message = fails(where, transport)
        assert server.passwords == []
    assert "the host key is not known" in message
    assert f"[{key.get_fingerprint()}]" in message


def test_what_only_a_certificate_authority_vouches_for_is_left_to_openssh(tmp_path):
    with RudeServer(box("G1")) as server:
        authority, _ = _keys()
        known = tmp_path / "known_hosts"
        known.write_text(f"@cert-authority * {authority}\n")
        where = target(server, host_key_checking=True, known_hosts_file=str(known))
        assert transports.choose_transport("auto", where) == "openssh"
        message = fails(where, "paramiko")
        assert "@cert-authority" in message
        assert "openssh" in message
        assert "the host key is not known" in fails(where, "openssh")
        assert server.passwords == []
        # A key that is known besides is known.
        known.write_text(
            f"@cert-authority * {authority}\n[127.0.0.1]:{server.port} {server.host_key}\n"
        )
        open_session(where, "paramiko").close()


# libssh


@pytest.mark.parametrize("transport", ["libssh"])
def test_a_device_beyond_its_algorithms_is_reached_by_paramiko(monkeypatch, tmp_path, transport):
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path)
    transports.ssh_is_configured.cache_clear()
    with RudeServer(box("G1"), kex_algs=["mlkem768x25519-sha256"]) as server:
        message = fails(target(server), transport)
        assert "the two have no algorithm in common" in message
        assert server.passwords == []
        assert transports.choose_transport("auto", target(server)) == transport
        told: list[str] = []
        with Client(target(server), "auto") as client:
            assert gathered(client.rpc()) == []
        open_session(target(server), "auto", told.append).close()
    assert [line.partition(" ")[0] for line in told] == [transport, "paramiko"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_that_takes_little_at_a_time_gets_all_of_a_request(transport):
    with RudeServer(box("G1"), window=300) as server, Client(target(server), transport) as client:
        assert change(client.rpc())["changed"]
    assert CHANGE_LINE in "\n".join(server.box.lines)


@pytest.mark.parametrize("transport", ["libssh"])
def test_a_device_that_takes_no_more_is_waited_for_as_long_as_for_a_reply(transport):
    with RudeServer(box("G1"), window=300) as server:
        with Client(target(server, rpc_timeout=SILENCE), transport) as client:
            rpc = client.rpc()
            for channel in server.channels.values():
                channel.channel.pause_reading()
            with pytest.raises(
                TransportFailure, match=f"no room for the request within {SILENCE:g} s"
            ):
                change(rpc)
        assert server.settled()


# Nobody is told when what is done before the fork fails: each login then costs what it did.


@pytest.mark.parametrize("transport", ["libssh"])
def test_a_rehearsal_fails_at_its_end_for_want_of_a_signature(transport):
    session = libssh.library.Session()
    session.options_set(libssh.options.HOST, "nobody")
    with pytest.raises(libssh.exceptions.SSHError, match="verify server hostkey signature"):
        rehearsal.rehearse(session, AssertionError)


def test_a_usual_login_of_paramiko_can_be_made_ready():
    assert isinstance(paramiko.paramiko_session(), type)
    paramiko.warm_up_login()


# None, and one that is older than what it is told.
@pytest.mark.parametrize("library", [None, SimpleNamespace(Session=object)])
def test_who_asks_for_libssh_where_it_is_not_is_told_what_to_install(monkeypatch, library):
    monkeypatch.setattr(libssh, "library", library)
    with pytest.raises(TransportFailure, match=r"pip install 'ssh-python>=1\.2'"):
        open_session(Target("192.0.2.1", password="made-up"), "libssh")
    assert transports.choose_transport("auto", Target("192.0.2.1", password="made-up")) != "libssh"


@pytest.mark.parametrize("head", ["import gone", "class session: pass", "raise ImportError"])
def test_whatever_else_is_called_ssh_the_other_carriers_stay(tmp_path, head):
    (tmp_path / "ssh").mkdir()
    (tmp_path / "ssh" / "__init__.py").write_text(f"{head}\n")
    package = "ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf"
    program = (
        f"from {package} import transports\nfrom {package}.session import Target\n"
        "print(transports.choose_transport('auto', Target('192.0.2.1', password='x', persist=0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(COLLECTIONS)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout in ("paramiko\n", "openssh\n"), done.stderr


def test_a_connection_ends_with_its_failure_however_long_that_is_kept():
    with RudeServer(box("G1")) as server:
        kept = []
        for _ in range(3):
            with pytest.raises(TransportFailure) as raised:
                open_session(target(server, password="wrong"), "libssh")
            kept.append(raised.value)
        assert server.left(30)


@pytest.mark.parametrize("transport", ["libssh", "paramiko"])
@pytest.mark.parametrize("name", ["srx_1", "_srx.example", "srx-"])
def test_a_name_that_leads_somewhere_is_a_hosts_whatever_is_in_it(monkeypatch, transport, name):
    """Where there is no DNS for tests, the name is made to lead to the server."""
    looked_up = socket.getaddrinfo

    def leads(host, *rest, **more):
        return looked_up("127.0.0.1" if host == name else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", leads)
    with RudeServer(box("G1")) as server:
        open_session(replace(target(server), host=name), transport).close()


# What is imported at first use has been, before a home is closed to whoever asks.
AS_NOBODY = """
import os
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import open_session
where = Target("127.0.0.1", {}, {!r}, {!r}, host_key_checking=False)
open_session(where, {!r}).close()
os.setuid(54321)
open_session(where, {!r}).close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming an account without a name takes root")
@pytest.mark.parametrize("transport", ["libssh", "paramiko"])
def test_an_account_without_a_name_logs_in_as_who_it_is_told(transport):
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    environment.pop("HOME", None)
    with RudeServer(box("G1")) as server:
        program = AS_NOBODY.format(server.port, USER, PASSWORD, transport, transport)
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_time_that_ssh_takes_is_no_matter_to_any_carrier(transport):
    with RudeServer(box("G1")) as server:
        where = target(server, rpc_timeout=2.0**31 - 1, connect_timeout=2.0**31 - 1)
        with Client(where, transport) as client:
            assert change(client.rpc())["changed"]


# What is said


def says(text: bytes, port: int | None = None):
    """A device that says something where SSH begins; behind it are those of a port, or nobody."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(text)
            if port is not None:
                with socket.create_connection(("127.0.0.1", port)) as behind:
                    there = threading.Thread(target=carry, args=(self.request, behind))
                    there.start()
                    carry(behind, self.request)
                    there.join(60)

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)


def carry(this: socket.socket, that: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := this.recv(4096):
            that.sendall(data)
        that.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def served(server: socketserver.ThreadingTCPServer):
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    with server:
        yield replace(target(SimpleNamespace(port=server.server_address[1])))
        server.shutdown()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "words", [b"", b"Exceeded MaxStartups\r\n", b"Not allowed at this time\r\n"]
)
def test_a_device_that_has_too_many_connections_has_not_been_slow(transport, words):
    """As OpenSSH says it, and as inetd does."""
    with served(says(words)) as where:
        message = fails(where, transport)
    assert "the device ended the connection" in message
    assert "connection-limit" in message


def test_lines_before_ssh_that_are_too_long_for_libssh_are_not_for_paramiko(monkeypatch, tmp_path):
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path)
    transports.ssh_is_configured.cache_clear()
    with RudeServer(box("G1")) as server, served(says(b"x" * 300 + b"\r\n", server.port)) as where:
        told: list[str] = []
        with Client(where, "auto") as client:
            assert gathered(client.rpc()) == []
        open_session(where, "auto", told.append).close()
    assert [line.partition(" ")[0] for line in told] == ["libssh", "paramiko"]


BYE = asyncssh.DisconnectError(asyncssh.DISC_BY_APPLICATION, "made up: come back later")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("asked", ["password", "session", "subsystem"])
def test_a_device_that_hangs_up_in_a_login_has_not_refused_it(transport, asked):
    with RudeServer(box("G1")) as server:
        server.hangs_up[asked] = BYE
        message = fails(target(server), transport)
    assert "the device ended the connection (" in message
    assert "made up: come back later" in message
    assert "b'" not in message


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_with_algorithms_of_yesterday_has_not_ended_the_connection(transport):
    with RudeServer(box("G1"), kex_algs=["diffie-hellman-group1-sha1"]) as server:
        message = fails(target(server), transport)
    assert "the two have no algorithm in common (" in message
    assert ".c:" not in message


def test_what_stands_in_a_banner_is_no_cause():
    def lets_in(connection):
        connection.send_auth_banner("Permission denied to all but us: too many have tried.\n")
        return True

    with RudeServer(box("G1")) as server:
        server.judges, server.hangs_up["session"] = lets_in, BYE
        message = fails(target(server), "openssh")
    assert "the device ended the connection (" in message
    assert "made up: come back later" in message


@pytest.mark.parametrize(
    ("version", "knows"),
    [("OpenSSH_8.4p1", False), ("OpenSSH_for_X_8.5", True), ("OpenSSH_10.0p2", True), ("x", False)],
)
def test_ssh_is_told_nothing_that_it_does_not_know(monkeypatch, tmp_path, version, knows):
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\necho '{version}, LibreSSL' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    last_words.cache_clear()
    try:
        told = " ".join(ssh_command(Target("192.0.2.1")))
    finally:
        last_words.cache_clear()
    assert ("LogVerbose" in told) == knows


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_too_many_failed_logins_are_failed_logins(transport):
    why = "Too many authentication failures"
    with RudeServer(box("G1")) as server:
        server.hangs_up["password"] = asyncssh.DisconnectError(asyncssh.DISC_PROTOCOL_ERROR, why)
        assert "authentication failed" in fails(target(server), transport)


@pytest.mark.parametrize("transport", ["libssh", "paramiko"])
def test_a_device_that_drops_the_connection_in_a_login_has_not_refused_it(transport):
    with RudeServer(box("G1")) as server:
        server.hangs_up["password"] = ConnectionError("gone")
        assert "the device ended the connection (" in fails(target(server), transport)


def wants_more(connection):
    """The password was good, and is not all (RFC 4252 §5.1)."""
    connection.send_userauth_failure(True)
    return asyncio.get_running_loop().create_future()


def loses_its_way(connection):
    """Octets that are no packet, and not the end either."""
    connection._transport.write(b"\xff" * 4096)
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("transport", ["libssh", "paramiko"])
def test_a_device_that_wants_more_than_the_password_is_not_waited_for(transport):
    with RudeServer(box("G1")) as server:
        server.judges = wants_more
        message = fails(target(server), transport)
    assert "the device asks for something else than the password" in message


def test_octets_that_are_none_of_sshs_end_a_login_at_once():
    with RudeServer(box("G1")) as server:
        server.judges = loses_its_way
        message = fails(target(server), "libssh")
    assert "the connection failed (" in message
    assert "authentication" not in message


@pytest.mark.parametrize("transport", ["libssh", "openssh"])
def test_what_a_device_says_beside_netconf_holds_up_no_answer(transport):
    """It has the window of the answers, which is full one day."""
    with RudeServer(box("G1")) as server, Client(target(server), transport) as client:
        rpc = client.rpc()
        for number in server.channels:
            server.aside(number, b"made up: a disk is full\n" * 200_000)
        assert gathered(rpc) == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_that_opens_no_session_is_said_to(transport):
    full = asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "full")
    with RudeServer(box("G1")) as server:
        server.hangs_up["session"] = full
        assert "the device opens no session (" in fails(target(server), transport)


def test_a_device_that_opens_no_session_over_a_login_that_is_there_is_said_to(tmp_path):
    """ssh asks over the login first, and says so before it says anything of the device's."""
    full = asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "full")
    with RudeServer(box("G1")) as server:
        server.hangs_up["session"] = full
        where = target(server, persist=60, control_directory=str(tmp_path / "cp"))
        for _login in ("is made", "is there"):
            message = fails(where, "openssh")
            assert "the device opens no session (" in message
            assert ".c:" not in message


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_a_device_says_when_it_ends_a_session_is_told(transport):
    with RudeServer(box("G1")) as server, Client(target(server), transport) as client:
        server.hangs_up["request"] = BYE
        with pytest.raises(TransportFailure, match=r"the connection broke .*made up: come back"):
            gathered(client.rpc())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("This account is not available.\n", "This account is not available."),
        ("error: made up: too many users\n", "made up: too many users"),
    ],
)
def test_what_a_device_says_instead_of_a_hello_is_told(transport, words, told):
    with RudeServer(box("G1"), Fault(Stage.HELLO, Manner.CUT_AFTER)) as server:
        server.before_hello = words.encode()
        assert told in fails(target(server), transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_mistyped_name_is_said_to_be_unknown(transport):
    with RudeServer(box("G1")) as server:
        message = fails(replace(target(server), host="no-such-host.invalid"), transport)
    assert "the name is unknown" in message
    assert "ansible_host" in message
    assert "host_key_checking" not in message


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_login_that_is_cut_short_has_a_cause_and_a_remedy(transport):
    with RudeServer(box("G1"), Fault(Stage.HELLO, Manner.CUT_BEFORE)) as server:
        message = fails(target(server), transport)
    assert "the device ended the connection" in message
    assert "login class" in message


@pytest.mark.parametrize("transport", ["openssh", "paramiko"])
def test_a_key_file_that_is_none_is_named(tmp_path, transport):
    key = tmp_path / "id_none"
    key.write_text("no key\n")
    key.chmod(0o600)
    with RudeServer(box("G1")) as server:
        for path in (key, tmp_path / "absent"):
            where = target(server, password=None, private_key_file=str(path))
            message = fails(where, transport)
            assert "the private key cannot be used" in message


def test_ssh_arguments_that_ssh_refuses_are_named():
    with RudeServer(box("G1")) as server:
        where = target(server, ssh_common_args=tuple(shlex.split("-o NoSuchOption=1")))
        message = fails(where, "openssh")
    assert "the SSH client refuses its configuration" in message
    assert "nosuchoption" in message.lower()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_port_of_something_else_is_no_mystery(transport):
    (port,) = free_ports(1)
    with RudeServer(box("G1")) as server:
        assert "nothing listens there" in fails(replace(target(server), port=port), transport)


def test_importing_the_connection_opens_nothing():
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        # Ansible's own libraries may keep one open.
        "import ansible.plugins.connection, ansible.utils.display\n"
        "before = set(os.listdir('/proc/self/fd'))\n"
        "import ansible_collections.groupvpn.junos.plugins.connection.netconf\n"
        "import ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports\n"
        "print(len(set(os.listdir('/proc/self/fd')) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(COLLECTIONS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path("/"),
    )
    assert done.stdout.strip() == "0", done.stderr
