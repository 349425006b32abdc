# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ncclient sessions without its polling loop, over the OpenSSH client or paramiko.

ncclient looks every 0.1 s whether there is something to send; each RPC waits for that. Here a
request is written at once and its reply read at once, in the caller's thread; manager, device
handler, hello, framing and error classes stay ncclient's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from .errors import MalformedReply, TransportFailure
from .libraries import (
    END_DELIM,
    MSG_DELIM,
    HelloHandler,
    JunosDeviceHandler,
    Manager,
    NetconfBase,
    RaiseMode,
    Session,
    SessionCloseError,
    TransportError,
    complaint,
)
from .ssh_mux import MuxUnavailable, open_subsystem

_READ_SIZE = 256 * 1024
LARGEST_REPLY = 256 * 1024 * 1024
# Made once in Ansible's main process and inherited by its workers: tasks of one play share a
# master connection, another run (another password, another key) never does.
_RUN_SALT = secrets.token_bytes(16)


@dataclass(frozen=True)
class Target:
    """Where and how to connect; times in seconds.

    ``several_tasks``: more tasks of the play will connect there. ``run_directory``: where this
    run of Ansible keeps what it removes at its end.
    """

    host: str
    port: int = 830
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    private_key_file: str | None = None
    host_key_checking: bool = True
    known_hosts_file: str | None = None
    ssh_common_args: tuple[str, ...] = ()
    persist: int = 60
    connect_timeout: float = 10.0
    rpc_timeout: float = 60.0
    several_tasks: bool = False
    run_directory: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def known_as(self) -> str:
        """The host as known_hosts names it at its port."""
        return f"[{self.host}]:{self.port}"


class _Deadline:
    """How long one step may still take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.001, self._end - time.monotonic())

    def check(self, what: str) -> None:
        if time.monotonic() >= self._end:
            raise TimeoutError(f"no {what} within {self._seconds:g} s")


class _Handler(JunosDeviceHandler):
    """Junos as ncclient knows it, less the rewriting of every reply."""

    def transform_reply(self) -> None:
        return None


@cache
def _client_hello() -> str:
    handler = _Handler({"name": "junos"})
    hello: str = HelloHandler.build(handler.get_capabilities(), handler)
    return hello


def _refuse_entities(raw: str) -> None:
    if "<!DOCTYPE" in raw or "<!ENTITY" in raw:
        raise MalformedReply("XML with a document type or entities is refused")


class _DirectMixin(Session):
    """Write at once, block on reads. Sits in front of an ncclient Session class."""

    target: Target
    step = "connect"
    held = b""

    def _greet(self) -> None:
        """Exchange hellos (RFC 6241 §8.1)."""
        deadline = _Deadline(self.target.connect_timeout)
        self.step = "NETCONF hello"
        self._write(_client_hello())
        raw = self._message(deadline, "hello")
        _refuse_entities(raw)
        self._id, self._server_capabilities = HelloHandler.parse(raw)
        if not self._server_capabilities:
            raise MalformedReply("the device does not begin with a NETCONF hello")
        base_1_1 = "urn:ietf:params:netconf:base:1.1"
        if base_1_1 in self._server_capabilities and base_1_1 in self._client_capabilities:
            self._base = NetconfBase.BASE_11

    def _write(self, message: str) -> None:
        data = message.encode()
        if self._base == NetconfBase.BASE_11:
            data = b"\n#%d\n%b%b" % (len(data), data, END_DELIM)
        else:
            data += MSG_DELIM
        while data:
            sent = self._transport_write(data)
            if sent <= 0:
                raise SessionCloseError("", None)
            data = data[sent:]

    def _read(self, deadline: _Deadline, what: str) -> bytes:
        deadline.check(what)
        self._set_timeout(deadline.left())
        try:
            data = self._transport_read()
        except TimeoutError:
            deadline.check(what)
            raise TimeoutError(f"no {what} within its time") from None
        if not data:
            raise SessionCloseError("", None)
        return bytes(data)

    def send(self, message: str) -> None:
        """Send a request and read until its reply has been dispatched."""
        if not self.connected:
            raise TransportError("the session is closed")
        deadline = _Deadline(self.target.rpc_timeout)
        try:
            self._write(message)
            self._dispatch_message(self._message(deadline, "reply"))
        except Exception:
            # Whatever is half read is of no use to a later request.
            self._connected = False
            raise

    def _message(self, deadline: _Deadline, what: str) -> str:
        """One whole message; decoded at once, so that no read can split a character."""
        pieces, size = [], 0
        for piece in _unframed(self, deadline, what):
            size += len(piece)
            if size > LARGEST_REPLY:
                raise MalformedReply(f"reply larger than {LARGEST_REPLY} octets")
            pieces.append(piece)
        return b"".join(pieces).decode("utf-8", "replace").strip()

    def _dispatch_message(self, raw: str) -> None:
        _refuse_entities(raw)
        super()._dispatch_message(raw)

    def stream(self, message: str) -> Iterator[bytes]:
        """Send a request and give its reply as raw pieces, without keeping them."""
        deadline = _Deadline(self.target.rpc_timeout)
        whole = False
        try:
            self._write(message)
            yield from _unframed(self, deadline, "reply")
            whole = True
        finally:
            if not whole:
                self._connected = False

    def _set_timeout(self, seconds: float) -> None:
        raise NotImplementedError


def _unframed(session: _DirectMixin, deadline: _Deadline, what: str) -> Iterator[bytes]:
    """One message's octets, framing removed as it comes; what follows stays in ``held``."""
    chunked = session._base == NetconfBase.BASE_11
    return (_chunks if chunked else _delimited)(session, deadline, what)


def _delimited(session: _DirectMixin, deadline: _Deadline, what: str) -> Iterator[bytes]:
    keep = len(MSG_DELIM) - 1
    while (end := session.held.find(MSG_DELIM)) < 0:
        if len(session.held) > keep:
            piece, session.held = session.held[:-keep], session.held[-keep:]
            yield piece
        session.held += session._read(deadline, what)
    last, session.held = session.held[:end], session.held[end + len(MSG_DELIM) :]
    yield last


_CHUNK = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|(#))\n")
_LONGEST_HEADER = 14


def _chunks(session: _DirectMixin, deadline: _Deadline, what: str) -> Iterator[bytes]:
    while True:
        match = _CHUNK.match(session.held)
        if match is None:
            if len(session.held) > _LONGEST_HEADER:
                raise MalformedReply("broken chunked framing")
            session.held += session._read(deadline, what)
            continue
        session.held = session.held[match.end() :]
        if match[2]:
            return
        left = int(match[1])
        while left:
            if not session.held:
                session.held = session._read(deadline, what)
            piece, session.held = session.held[:left], session.held[left:]
            left -= len(piece)
            yield piece


# OpenSSH


class OpenSshSession(_DirectMixin):
    """NETCONF over ``ssh -s HOST netconf``: configuration, agents, jump hosts are OpenSSH's."""

    def __init__(self, target: Target) -> None:
        self._device_handler = _Handler({"name": "junos"})
        super().__init__(self._device_handler.get_capabilities())
        self._device_handler = _Handler({"name": "junos"})
        self.target = target
        self._process: subprocess.Popen[bytes] | None = None
        self._socket, self._theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the session
        self._askpass: _AskPass | None = None
        self._control: socket.socket | None = None

    def open(self) -> None:
        """Begin a session, of an open login where there is one, and exchange hellos."""
        if not self._join_master():
            self._start_ssh()
        self._connected = True
        try:
            self._greet()
        finally:
            if self._askpass is not None:
                self._askpass.close()

    def _join_master(self) -> bool:
        if self.target.persist <= 0:
            return False
        theirs = self._theirs.fileno()
        try:
            self._control = open_subsystem(
                _control_path(self.target),
                "netconf",
                (theirs, theirs, self._errors.fileno()),
                self.target.connect_timeout,
            )
        except MuxUnavailable:
            return False
        self._theirs.close()
        return True

    def _start_ssh(self) -> None:
        environment = dict(os.environ, LC_ALL="C")
        if self.target.password is not None:
            self._askpass = _AskPass(self.target.password)
            environment.update(self._askpass.environment)
        try:
            self._process = subprocess.Popen(
                _ssh_command(self.target),
                stdin=self._theirs.fileno(),
                stdout=self._theirs.fileno(),
                stderr=self._errors,
                env=environment,
                start_new_session=True,
            )
        finally:
            self._theirs.close()

    def complaint(self) -> str:
        """What ssh itself said."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._errors.seek(0)
        return self._errors.read(8192).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Close the pipe and let ssh end."""
        self._connected = False
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
        return self._socket.recv(_READ_SIZE)

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
        options["ControlPath"] = str(_control_path(target))
    command = ["ssh", "-s", "-T", "-p", str(target.port)]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    if target.user is not None:
        command += ["-l", target.user]
    if target.private_key_file is not None:
        command += ["-i", target.private_key_file, "-o", "IdentitiesOnly=yes"]
    return [*command, *target.ssh_common_args, "--", target.host, "netconf"]


def _control_path(target: Target) -> Path:
    directory = Path.home() / ".ansible" / "cp"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    same = replace(target, several_tasks=False, run_directory=None)
    secret = repr((same, target.password)).encode()
    return directory / f"gv-{sha256(_RUN_SALT + secret).hexdigest()[:24]}"


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


# paramiko


_SSH_CONFIG = Path.home() / ".ssh" / "config"
_SYSTEM_SSH_CONFIG = Path("/etc/ssh/ssh_config")
_KNOWN_HOSTS = Path.home() / ".ssh" / "known_hosts"


@cache
def paramiko_session() -> type[_DirectMixin]:
    """The session class over paramiko, which is imported only for those who use it."""
    from ncclient.transport.errors import SSHError, SSHUnknownHostError
    from ncclient.transport.ssh import SSHSession
    from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

    # Its failures reach the user as one message, not as a logged traceback beside it.
    logging.getLogger("ncclient.transport.ssh").setLevel(logging.CRITICAL)

    class ParamikoSession(_DirectMixin, SSHSession):
        """NETCONF over ncclient's own paramiko transport."""

        _channel: Any

        def __init__(self, target: Target) -> None:
            SSHSession.__init__(self, _Handler({"name": "junos"}))
            self.target = target

        def open(self) -> None:
            target = self.target
            if target.host_key_checking:
                self._load_host_keys()
            # paramiko waits 15 s for the other end's banner, whatever it is told: whoever does
            # not even say that is given as long as the connection may take.
            guard = threading.Timer(target.connect_timeout, self._give_up)
            guard.daemon = True
            guard.start()
            try:
                self.connect(
                    host=target.host,
                    port=target.port,
                    timeout=target.connect_timeout,
                    username=target.user or _local_user(),
                    password=target.password,
                    key_filename=target.private_key_file,
                    hostkey_verify=target.host_key_checking,
                    allow_agent=target.password is None,
                    look_for_keys=target.password is None and target.private_key_file is None,
                    **_way(target),
                )
            except SSHUnknownHostError:
                if len(self._host_keys):
                    raise SSHError(f"host key for {target} does not match known_hosts") from None
                raise
            except Exception:
                if self._gave_up:
                    raise TimeoutError(
                        f"no SSH session within {target.connect_timeout:g} s"
                    ) from None
                raise
            finally:
                guard.cancel()

        _gave_up = False

        def _give_up(self) -> None:
            self._gave_up = True
            if self._transport is not None:
                self._transport.close()

        def _load_host_keys(self) -> None:
            """The known keys that may be this host's: a fleet's file has one for each host."""
            path = Path(self.target.known_hosts_file or _KNOWN_HOSTS)
            try:
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                return
            for number, line in enumerate(lines, 1):
                names = line.lstrip().partition(" ")[0]
                hashed = names.startswith("|")
                if not hashed and not _is_named(names, self.target):
                    continue
                with contextlib.suppress(InvalidHostKey):
                    entry = HostKeyEntry.from_line(line, number)
                    if entry is None:
                        continue
                    if not hashed:
                        # paramiko knows no patterns.
                        entry.hostnames = [self.target.known_as]
                    self._host_keys._entries.append(entry)

        def load_known_hosts(self, filename: str | None = None) -> None:
            """What ncclient would add to the keys that were asked for: nothing."""

        def _post_connect(self, timeout: float = 60) -> None:
            self._greet()

        def complaint(self) -> str:
            return ""

        def _set_timeout(self, seconds: float) -> None:
            self._channel.settimeout(seconds)

        def _transport_read(self) -> bytes:
            return bytes(self._channel.recv(_READ_SIZE))

        def close(self) -> None:
            self._connected = False
            if self._transport is not None:
                self._transport.close()
            self._channel = None

    return ParamikoSession


def _way(target: Target) -> dict[str, Any]:
    """ncclient's arguments for how the host is reached: its SSH configuration, or a socket."""
    if _SSH_CONFIG.exists():
        return {"ssh_config": str(_SSH_CONFIG)}
    reached = socket.create_connection((target.host, target.port), target.connect_timeout)
    # Neither paramiko nor ncclient does: each small packet of the login would wait for the
    # delayed acknowledgement of the one before.
    reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return {"sock": reached}


def _is_named(names: str, target: Target) -> bool:
    """Whether the names of a known_hosts line are a host's (sshd(8), SSH_KNOWN_HOSTS)."""
    own = (target.host, target.known_as)
    if not any(mark in names for mark in "*?!"):
        return not set(own).isdisjoint(names.split(","))
    found = False
    for pattern in names.split(","):
        plain = re.escape(pattern.removeprefix("!"))
        expression = plain.replace(r"\*", ".*").replace(r"\?", ".")
        if any(re.fullmatch(expression, name) for name in own):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def warm_up() -> None:
    """Pay now, in the process that forks the workers, what each of them would pay at first use.

    That is importing paramiko, and OpenSSL looking up the algorithms of a usual login.
    """
    _client_hello()
    _has_ssh()
    _ssh_is_configured()
    # No paramiko, or an OpenSSL that is forbidden these algorithms: whoever needs them will say so.
    with contextlib.suppress(Exception):
        paramiko_session()
        _warm_up_algorithms()


def _warm_up_algorithms() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    exchange, signing = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    exchange.exchange(exchange.public_key())
    signing.public_key().verify(signing.sign(b""), b"")
    for length in (16, 32):
        Cipher(AES(bytes(length)), modes.CTR(bytes(16))).encryptor().update(b"")
        AESGCM(bytes(length)).encrypt(bytes(12), b"", b"")


def _local_user() -> str:
    import getpass

    return getpass.getuser()


# Choosing and opening


def choose_transport(wanted: str, target: Target) -> str:
    """``openssh`` or ``paramiko`` for ``auto``: the cheaper one that can do what is asked.

    A login with a password costs paramiko half of what it costs an ssh process, but an ssh
    process can leave it open for the tasks that follow. Keys (agents, hardware, passphrases), jump
    hosts and whatever an SSH configuration says are OpenSSH's.
    """
    if wanted != "auto":
        return wanted
    if not _has_ssh():
        return "paramiko"
    if target.password is None or target.private_key_file is not None:
        return "openssh"
    if target.ssh_common_args or _ssh_is_configured():
        return "openssh"
    shared = target.persist > 0 and (target.several_tasks or _met_before(target))
    return "openssh" if shared else "paramiko"


def _met_before(target: Target) -> bool:
    """Whether this run of Ansible has connected to the target already, in another play perhaps."""
    if target.run_directory is None:
        return False
    mark = Path(target.run_directory) / f"{_control_path(target).name}.met"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return True
    except OSError:
        return False
    return False


@cache
def _has_ssh() -> bool:
    return shutil.which("ssh") is not None


@cache
def _ssh_is_configured() -> bool:
    """Whether the SSH client's configuration may say how hosts are reached."""
    if _SSH_CONFIG.exists():
        return True
    files = [_SYSTEM_SSH_CONFIG, *_SYSTEM_SSH_CONFIG.with_suffix(".d").glob("*.conf")]
    lines: list[str] = []
    for path in files:
        with contextlib.suppress(OSError):
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.lstrip().lower().startswith("proxy") for line in lines)


def open_manager(target: Target, transport: str = "auto") -> Manager:
    """A connected ncclient manager that raises nothing by itself.

    Raises TransportFailure that names host, step and remedy.
    """
    missing = complaint()
    if missing is not None:
        raise TransportFailure(missing)
    chosen = choose_transport(transport, target)
    session: Any = None
    try:
        session = OpenSshSession(target) if chosen == "openssh" else paramiko_session()(target)
        session.open()
    except Exception as error:
        said = session.complaint() if session is not None else ""
        step = session.step if session is not None else "connect"
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()
        raise TransportFailure(explain(target, step, error, said)) from None
    manager = Manager(session, session._device_handler, timeout=int(target.rpc_timeout) + 1)
    manager.raise_mode = RaiseMode.NONE
    manager.huge_tree = True
    return manager


_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* does not match|BadHostKey",
        "the host key has changed",
        "find out why; if the change is right, replace the key in known_hosts",
    ),
    (
        r"Host key verification failed|host key is known|Unknown host key|HostKey|not known",
        "the host key is not known",
        "add it to known_hosts, or set host_key_checking to false for a lab",
    ),
    (
        r"Permission denied|[Aa]uthentication failed|Authentication(Error|Exception)|Too many auth",
        "authentication failed",
        "check ansible_user and ansible_password or ansible_private_key_file",
    ),
    (
        r"Connection refused|ConnectionRefused|Unable to connect|Could not open socket",
        "nothing listens there",
        "check ansible_host and ansible_port, and 'set system services netconf ssh'",
    ),
    (r"Could not resolve|Name or service|getaddrinfo", "the name is unknown", "check ansible_host"),
    (
        r"subsystem request failed",
        "the device offers no NETCONF subsystem",
        "configure 'set system services netconf ssh'",
    ),
    (
        r"[Tt]imed? ?out|no (hello|reply)|within|protocol banner",
        "it did not answer in time",
        "check reachability, or raise connect_timeout or rpc_timeout",
    ),
)


def explain(target: Target, step: str, error: Exception, said: str) -> str:
    """One sentence about a failed connection: host, step, cause, remedy."""
    detail = said.splitlines()[-1] if said else str(error) or type(error).__name__
    for pattern, cause, remedy in _EXPLANATIONS:
        if re.search(pattern, f"{said}\n{type(error).__name__}: {error}"):
            return f"{target}: {step}: {cause} ({detail}); {remedy}"
    return f"{target}: {step}: the connection failed ({detail})"
