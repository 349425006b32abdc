# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choosing what carries a NETCONF session, opening it, and saying why that failed."""

from __future__ import annotations

import contextlib
import re
import shutil
from functools import cache
from pathlib import Path

from ..errors import TransportFailure
from .libraries import complaint
from .openssh import OpenSshSession, control_name
from .paramiko import SSH_CONFIG, paramiko_session, warm_up_algorithms
from .session import NetconfSession, Target, client_hello

_SYSTEM_SSH_CONFIG = Path("/etc/ssh/ssh_config")


def warm_up() -> None:
    """Pay now, in the process that forks the workers, what each of them would pay at first use.

    That is importing paramiko, and OpenSSL looking up the algorithms of a usual login.
    """
    client_hello()
    _has_ssh()
    _ssh_is_configured()
    # No paramiko, or an OpenSSL that is forbidden these algorithms: whoever needs them will say so.
    with contextlib.suppress(Exception):
        paramiko_session()
        warm_up_algorithms()


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
    mark = Path(target.run_directory) / f"{control_name(target)}.met"
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
    if SSH_CONFIG.exists():
        return True
    files = [_SYSTEM_SSH_CONFIG, *_SYSTEM_SSH_CONFIG.with_suffix(".d").glob("*.conf")]
    lines: list[str] = []
    for path in files:
        with contextlib.suppress(OSError):
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.lstrip().lower().startswith("proxy") for line in lines)


def open_session(target: Target, transport: str = "auto") -> NetconfSession:
    """A session that has exchanged hellos.

    Raises TransportFailure that names host, step and remedy.
    """
    missing = complaint()
    if missing is not None:
        raise TransportFailure(missing)
    chosen = choose_transport(transport, target)
    session: NetconfSession | None = None
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
    return session


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
