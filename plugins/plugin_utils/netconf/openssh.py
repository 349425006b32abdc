# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over the OpenSSH client."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO

from .openssh_mux import MuxUnavailable, open_subsystem
from .session import READ_SIZE, NetconfSession, Target
from .shelf import Kept, Shelf

# Made once in Ansible's main process and inherited by its workers: tasks of one play share a
# login and a session, another run (another password, another key) never does.
_RUN_SALT = secrets.token_bytes(16)
_SHELF = Shelf()
_CONTROL_DIRECTORY = Path.home() / ".ansible" / "cp"


class OpenSshSession(NetconfSession):
    """NETCONF over ``ssh -s HOST netconf``: configuration, agents, jump hosts are OpenSSH's."""

    _socket: socket.socket

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._process: subprocess.Popen[bytes] | None = None
        self._askpass: _AskPass | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] | None = None

    def open(self) -> None:
        """Go on with a session that an earlier task left, or begin one and exchange hellos."""
        if self._resume():
            return
        self._socket, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the session
        with theirs:
            ends = (theirs.fileno(), theirs.fileno(), self._errors.fileno())
            if not self._join_master(ends):
                self._start_ssh(ends)
        self._connected = True
        try:
            self._greet()
        finally:
            if self._askpass is not None:
                self._askpass.close()

    def _resume(self) -> bool:
        if self.target.persist <= 0:
            return False
        kept = _SHELF.take(control_name(self.target))
        if kept is None:
            return False
        session, errors, *control = kept.descriptors
        self._socket = socket.socket(fileno=session)
        self._errors = os.fdopen(errors, "r+b")
        self._control = socket.socket(fileno=control[0]) if control else None
        self.chunked = kept.chunked
        self._connected = True
        return True

    def keep(self) -> bool:
        """Leave the session to the play's next task; False when it is to be closed instead."""
        if not self.connected or self.held or self.target.persist <= 0:
            return False
        ends = [end for end in (self._socket, self._errors, self._control) if end is not None]
        kept = Kept(tuple(end.fileno() for end in ends), self.chunked)
        if not _SHELF.put(control_name(self.target), kept, self.target.persist):
            return False
        self._connected = False
        for end in ends:
            end.close()
        return True

    def _join_master(self, ends: tuple[int, int, int]) -> bool:
        if self.target.persist <= 0:
            return False
        path, timeout = control_path(self.target), self.target.connect_timeout
        try:
            self._control = open_subsystem(path, "netconf", ends, timeout)
        except MuxUnavailable:
            return False
        return True

    def _start_ssh(self, ends: tuple[int, int, int]) -> None:
        environment = dict(os.environ, LC_ALL="C")
        if self.target.persist > 0:
            _CONTROL_DIRECTORY.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.target.password is not None:
            self._askpass = _AskPass(self.target.password)
            environment.update(self._askpass.environment)
        self._process = subprocess.Popen(
            _ssh_command(self.target),
            stdin=ends[0],
            stdout=ends[1],
            stderr=ends[2],
            env=environment,
            start_new_session=True,
        )

    def complaint(self) -> str:
        """What ssh itself said, or with what it ended when it said nothing."""
        status: int | None = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(1)
        said = ""
        if self._errors is not None and not self._errors.closed:
            self._errors.seek(0)
            said = self._errors.read(8192).decode("utf-8", "replace").strip()
        return said or ("" if status is None else f"ssh ended with status {status}")

    def close(self) -> None:
        """Close the pipe and let ssh end."""
        self._connected = False
        if self._errors is None:
            return
        self._socket.close()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(2)
        self._errors.close()

    def _set_timeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def _transport_read(self) -> bytes:
        return self._socket.recv(READ_SIZE)

    def _transport_write(self, data: bytes) -> int:
        self._socket.settimeout(self.target.rpc_timeout)
        return self._socket.send(data)


def _ssh_command(target: Target) -> list[str]:
    checking = "yes" if target.host_key_checking else "no"
    options = {
        "StrictHostKeyChecking": checking,
        "ConnectTimeout": str(max(1, int(target.connect_timeout))),
        "ServerAliveInterval": "15",
        "NumberOfPasswordPrompts": "1",
        "ForwardX11": "no",
        "ForwardAgent": "no",
        "LogLevel": "ERROR",
    }
    if target.password is None:
        options["BatchMode"] = "yes"
    else:
        options["PreferredAuthentications"] = (
            "publickey,password,keyboard-interactive"
            if target.private_key_file
            else "password,keyboard-interactive"
        )
    # Without checking, ssh must not see an old key: it would refuse password logins then.
    known_hosts = target.known_hosts_file if target.host_key_checking else "/dev/null"
    if known_hosts is not None:
        options["UserKnownHostsFile"] = known_hosts
        options["GlobalKnownHostsFile"] = "/dev/null"
    if target.persist > 0:
        options["ControlMaster"] = "auto"
        options["ControlPersist"] = str(target.persist)
        options["ControlPath"] = control_path(target)
    command = ["ssh", "-s", "-T", "-p", str(target.port)]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    if target.user is not None:
        command += ["-l", target.user]
    if target.private_key_file is not None:
        command += ["-i", target.private_key_file, "-o", "IdentitiesOnly=yes"]
    return [*command, *target.ssh_common_args, "--", target.host, "netconf"]


def end_login(target: Target) -> None:
    """Close the session that an earlier task left, and the login, if there are any."""
    kept = _SHELF.take(control_name(target))
    if kept is not None:
        kept.close()
    if os.path.exists(control_path(target)):
        command = ["ssh", "-O", "exit", "-o", f"ControlPath={control_path(target)}", target.host]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                command, check=False, capture_output=True, timeout=target.connect_timeout
            )


def control_path(target: Target) -> str:
    """Where the login to a target listens."""
    return str(_CONTROL_DIRECTORY / control_name(target))


@cache
def control_name(target: Target) -> str:
    """What the tasks of a run find a target's login and session by: all that makes them its own."""
    identity = repr((target, target.password)).encode()
    return f"gv-{sha256(_RUN_SALT + identity).hexdigest()[:24]}"


_ASKPASS = b"""#!/bin/sh
case "$1" in
*assword*)
    IFS= read -r line <"$GROUPVPN_ASKPASS"
    printf '%s\\n' "$line"
    exit 0 ;;
esac
exit 1
"""


class _AskPass:
    """Hands a password to ssh through a named pipe: in no argument, variable or file."""

    def __init__(self, password: str) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="groupvpn-"))
        self._pipe = self._directory / "pipe"
        os.mkfifo(self._pipe, 0o600)
        script = self._directory / "askpass"
        script.write_bytes(_ASKPASS)
        script.chmod(stat.S_IRWXU)
        self.environment = {
            "SSH_ASKPASS": str(script),
            "SSH_ASKPASS_REQUIRE": "force",
            "GROUPVPN_ASKPASS": str(self._pipe),
            "DISPLAY": os.environ.get("DISPLAY", ":0"),
        }
        self._password = password
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # ssh may ask once for each method that the device offers.
        while not self._closing:
            with contextlib.suppress(OSError), open(self._pipe, "wb", buffering=0) as pipe:
                pipe.write(self._password.encode() + b"\n")

    def close(self) -> None:
        """Remove the pipe; the writer that waits for a reader is released first."""
        self._closing = True
        with contextlib.suppress(OSError):
            os.close(os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK))
        shutil.rmtree(self._directory, ignore_errors=True)
        self._thread.join(1)
