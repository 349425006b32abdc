# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ssh command for a target, and where a login listens for those who share it."""

from __future__ import annotations

import os
import re
import secrets
import stat
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from .session import Target

# Made once in Ansible's main process and inherited by its workers: tasks of one play share a
# login and a session, another run (another password, another key) never does.
_RUN_SALT = secrets.token_bytes(16)
_LONGEST_SOCKET_PATH = 103
"""What a Unix socket's path may have everywhere (unix(7), and BSD's 104 with its last 0)."""
_SSH_SUFFIX = 17
"""What ssh appends while it makes its socket."""
_VERSION = re.compile(r"OpenSSH_\D*(\d+)\.(\d+)")
_LAST_WORDS = "packet.c:sshpkt_vfatal*,channels.c:channel_input_open_failure*"
"""Where ssh says why it gave up: at a level of its own at which it shows banners as well."""


def ssh_command(target: Target) -> list[str]:
    """``ssh`` as it carries NETCONF to a target."""
    options = {
        "StrictHostKeyChecking": "yes" if target.host_key_checking else "no",
        "ConnectTimeout": str(max(1, int(target.connect_timeout))),
        "ServerAliveInterval": "15",
        "NumberOfPasswordPrompts": "1",
        "ForwardX11": "no",
        "ForwardAgent": "no",
        "LogLevel": "ERROR",
        **last_words(),
        **_authentication(target),
        **_known_hosts(target),
    }
    path = control_path(target)
    if path is not None:
        options["ControlMaster"] = "auto"
        options["ControlPersist"] = str(target.persist)
        options["ControlPath"] = quoted(str(path))
    command = ["ssh", "-s", "-T", "-p", str(target.port)]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    if target.user is not None:
        command += ["-l", target.user]
    if target.private_key_file is not None:
        identity = target.private_key_file.replace("%", "%%")
        command += ["-i", identity, "-o", "IdentitiesOnly=yes"]
    return [*command, *target.ssh_common_args, "--", target.host, "netconf"]


def has_way(target: Target) -> bool:
    """Whether ssh goes through a jump host or a proxy, also where only its configuration says so.

    Asks ssh itself, which includes and matches files; for after a failure.
    """
    program, *rest = ssh_command(target)
    try:
        said = subprocess.run(
            [program, "-G", *rest],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=target.connect_timeout,
            check=False,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return False
    ways = [line.split(None, 1) for line in said.splitlines() if line.startswith("proxy")]
    return any(way[0] in {"proxyjump", "proxycommand"} and way[-1] != "none" for way in ways)


@cache
def last_words() -> dict[str, str]:
    """Have ssh say why it gave up, where it can be told to (OpenSSH 8.5)."""
    try:
        said = subprocess.run(
            ["ssh", "-V"], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False
        ).stderr.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return {}
    version = _VERSION.match(said)
    knows = version is not None and (int(version[1]), int(version[2])) >= (8, 5)
    return {"LogVerbose": _LAST_WORDS} if knows else {}


def _authentication(target: Target) -> dict[str, str]:
    if target.password is None:
        return {"BatchMode": "yes"}
    methods = "password,keyboard-interactive"
    if target.private_key_file:
        methods = f"publickey,{methods}"
    return {"PreferredAuthentications": methods}


def _known_hosts(target: Target) -> dict[str, str]:
    # Without checking, ssh must not see an old key: it would refuse password logins then.
    file = target.known_hosts_file if target.host_key_checking else "/dev/null"
    if file is None:
        return {}
    return {"UserKnownHostsFile": quoted(file), "GlobalKnownHostsFile": "/dev/null"}


def quoted(path: str) -> str:
    """A path as a value of ssh's configuration: one word, in which ``%`` stands for itself."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def control_path(target: Target) -> Path | None:
    """Where the login to a target listens; None when it is not to be kept, or cannot be."""
    if target.persist <= 0:
        return None
    directory = _control_directory(target.control_directory)
    return None if directory is None else directory / control_name(target)


@cache
def control_name(target: Target) -> str:
    """What the tasks of a run find a target's login and session by: all that makes them its own."""
    identity = repr((target, target.password)).encode()
    return f"gv-{sha256(_RUN_SALT + identity).hexdigest()[:24]}"


@cache
def _control_directory(wanted: str | None) -> Path | None:
    """A directory of ours alone that a socket's path may name: as wanted, or a short one."""
    preferred = Path(os.path.expanduser(wanted or "~/.ansible/cp"))
    short = Path(tempfile.gettempdir()) / f"groupvpn-{os.getuid()}"
    return next((d for d in (preferred, short) if _fits(d) and _is_ours(d)), None)


def _fits(directory: Path) -> bool:
    # No home directory of somebody who has none; ssh takes ${ for a variable of the environment.
    if not directory.is_absolute() or "${" in str(directory):
        return False
    name = f"/gv-{'0' * 24}"
    return len(os.fsencode(directory)) + len(name) + _SSH_SUFFIX <= _LONGEST_SOCKET_PATH


def _is_ours(directory: Path) -> bool:
    """Whether it is there, made if need be, writable for us, and for nobody else."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.lstat()
    except OSError:
        return False
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not others
    return ours and os.access(directory, os.W_OK | os.X_OK)
