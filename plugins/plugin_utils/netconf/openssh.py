# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over the OpenSSH client."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import tempfile
from typing import IO

from .askpass import AskPass, as_asker
from .framing import Framing
from .openssh_command import control_name, control_path, has_way, quoted, ssh_command
from .openssh_mux import MuxUnavailable, open_subsystem
from .session import READ_SIZE, NetconfSession, Target
from .shelf import Kept, shared

_TAG = re.compile(r"(?m)^(?:debug\d: )?\w+\.c:\w+\(\):\d+ \(pid=\d+\): ")
"""Where in ssh a line is from that it is told to say."""


class OpenSshSession(NetconfSession):
    """NETCONF over ``ssh -s HOST netconf``: configuration, agents, jump hosts are OpenSSH's."""

    _socket: socket.socket

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._process: subprocess.Popen[bytes] | None = None
        self._askpass: AskPass | None = None
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
        kept = shared().take(control_name(self.target))
        if kept is None:
            return False
        session, errors, *control = kept.descriptors
        self._socket = socket.socket(fileno=session)
        self._errors = os.fdopen(errors, "r+b")
        self._control = socket.socket(fileno=control[0]) if control else None
        self.framing = Framing(kept.chunked)
        self._connected = self.resumed = True
        return True

    def is_alive(self) -> bool:
        """See :class:`.session.NetconfSession`."""
        self._socket.setblocking(False)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def keep(self) -> bool:
        """Leave the session to the play's next task; False when it is to be closed instead."""
        if not self.connected or self.framing.held or self.target.persist <= 0:
            return False
        ends = [end for end in (self._socket, self._errors, self._control) if end is not None]
        kept = Kept(tuple(end.fileno() for end in ends), self.framing.chunked)
        if not shared().put(control_name(self.target), kept, self.target.persist):
            return False
        self._connected = False
        for end in ends:
            end.close()
        return True

    def _join_master(self, ends: tuple[int, int, int]) -> bool:
        path, timeout = control_path(self.target), self.target.connect_timeout
        if path is None:
            return False
        try:
            self._control = open_subsystem(str(path), "netconf", ends, timeout)
        except MuxUnavailable:
            return False
        return True

    def _start_ssh(self, ends: tuple[int, int, int]) -> None:
        environment = dict(os.environ, LC_ALL="C")
        command = ssh_command(self.target)
        if self.target.password is not None:
            self._askpass = AskPass(self.target.password)
            environment.update(self._askpass.environment)
            command = as_asker(command)
        self._process = subprocess.Popen(
            command,
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
            said = _TAG.sub("", self._errors.read(8192).decode("utf-8", "replace")).strip()
        if "Permission denied" in said and self._is_jump_hosts():
            return f"{said.splitlines()[-1]} It was not the device that asked for a password."
        return said or ("" if status is None else f"ssh ended with status {status}")

    def _is_jump_hosts(self) -> bool:
        """Whether a refusal is a jump host's: there is one, and the device asked for nothing."""
        return self._askpass is not None and not self._askpass.asked and has_way(self.target)

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


def end_login(target: Target) -> None:
    """Close the session that an earlier task left, and the login, if there are any."""
    kept = shared().take(control_name(target))
    if kept is not None:
        kept.close()
    path = control_path(target)
    if path is not None and os.path.exists(path):
        command = ["ssh", "-O", "exit", "-o", f"ControlPath={quoted(str(path))}", target.host]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                command, check=False, capture_output=True, timeout=target.connect_timeout
            )
