# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Choosing what carries a NETCONF session, opening it, and saying why that failed."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ..errors import TransportFailure
from . import libssh, login_values, shelf, ssh_config, ssh_files
from .known_hosts import known_keys
from .libraries import complaint
from .openssh import OpenSshSession
from .openssh_command import control_name, last_words, ssh_command
from .paramiko import paramiko_session, warm_up_login
from .session import NetconfSession, Target, client_hello
from .trouble import explain
from .xml import parse_document


def warm_up() -> None:
    """Pay now, in the process that forks the workers, what each of them would pay at first use.

    That is making a parser, asking ssh for its version, reading what SSH's files say, importing
    what a usual login is made by, and OpenSSL looking up its algorithms. The shelf that tasks share
    is made here because only what is there before the fork is shared.
    """
    parse_document(client_hello()[0].encode())
    if has_ssh():
        last_words()
    ssh_is_configured()
    with contextlib.suppress(OSError):
        shelf.shared()
    # No paramiko, or an OpenSSL that is forbidden these algorithms: whoever needs them will say so.
    with contextlib.suppress(Exception):
        usual = choose_transport("auto", Target("localhost", password=""))
        if usual == "libssh":
            libssh.warm_up()
        elif usual == "paramiko":
            paramiko_session()
            warm_up_login()


def choose_transport(wanted: str, target: Target) -> str:
    """For ``auto`` the cheapest one that can do what is asked.

    A login with a password costs libssh a tenth and paramiko half of what it costs an ssh process,
    but an ssh process can leave it open for the tasks that follow. Keys (agents, hardware,
    passphrases), jump hosts and whatever an SSH configuration says are OpenSSH's.
    """
    if wanted != "auto":
        return wanted
    ours = "libssh" if target.has_password_alone and libssh.is_there() else "paramiko"
    if not has_ssh():
        return ours
    if not target.has_password_alone:
        return "openssh"
    if target.ssh_common_args or ssh_is_configured():
        return "openssh"
    if target.host_key_checking and any(known.authority for known in known_keys(target)):
        return "openssh"
    shared = target.persist > 0 and (target.several_tasks or _met_before(target))
    return "openssh" if shared or not ssh_config.is_followed(target) else ours


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
def has_ssh() -> bool:
    """Whether there is an OpenSSH client."""
    return shutil.which("ssh") is not None


@cache
def ssh_is_configured() -> bool:
    """Whether the SSH client's configuration may say how hosts are reached."""
    if os.path.exists(ssh_files.own("config")):
        return True
    system = ssh_files.SYSTEM / "ssh_config"
    files = [system, *system.with_suffix(".d").glob("*.conf")]
    lines: list[str] = []
    for path in files:
        with contextlib.suppress(OSError):
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.lstrip().lower().startswith("proxy") for line in lines)


def open_session(
    target: Target, transport: str = "auto", tell: Callable[[str], None] | None = None
) -> NetconfSession:
    """A session that has exchanged hellos; ``tell`` is told how, before it is tried.

    Raises TransportFailure that names host, step and remedy.
    """
    chosen = _chosen(target, transport)
    try:
        return _opened(target, chosen, tell)
    except libssh.BeyondLibssh as beyond:
        if transport != "auto":
            raise _failure(target, None, beyond) from None
    # It knows older algorithms, and starts a proxy.
    return _opened(target, "paramiko", tell)


def _opened(target: Target, chosen: str, tell: Callable[[str], None] | None) -> NetconfSession:
    session: NetconfSession | None = None
    try:
        _require_key(target)
        session = _CARRIERS[chosen](target)
        if tell is not None:
            tell(_way(chosen, target))
        session.open()
    except (TransportFailure, libssh.BeyondLibssh):
        # Nothing was opened: what an SSH configuration says was refused, or there is another way.
        if session is not None:
            session.close()
        raise
    except Exception as error:
        raise _failure(target, session, error) from None
    return session


def _over_paramiko(target: Target) -> NetconfSession:
    return paramiko_session()(target)


_CARRIERS: dict[str, Callable[[Target], NetconfSession]] = {
    "openssh": OpenSshSession,
    "libssh": libssh.LibsshSession,
    "paramiko": _over_paramiko,
}


def _chosen(target: Target, transport: str) -> str:
    missing = complaint() or (libssh.complaint() if transport == "libssh" else None)
    if missing is not None:
        raise TransportFailure(missing)
    # Choosing looks into the files that are named, which takes a name that can be one.
    login_values.check(target, transport)
    chosen = choose_transport(transport, target)
    login_values.check(target, chosen)
    return chosen


def _failure(target: Target, session: NetconfSession | None, error: Exception) -> TransportFailure:
    """Why there is no session; what there is of it is closed."""
    step, said = "connect", ""
    if session is not None:
        step, said = session.step, session.complaint()
        with contextlib.suppress(Exception):
            session.close()
    return TransportFailure(explain(str(target), step, error, said))


def _way(chosen: str, target: Target) -> str:
    """What somebody types to try the same; a password is in none of it."""
    if chosen == "openssh":
        return shlex.join(ssh_command(target))
    return f"{chosen} to {target} as {target.user or 'whoever runs this'}"


def _require_key(target: Target) -> None:
    """ssh goes on without a key that is not there, and the device refuses what is left."""
    if target.private_key_file is None:
        return
    path = target.private_key_file
    # The private half may be an agent's or a token's.
    if not os.path.exists(path) and not os.path.exists(f"{path}.pub"):
        raise FileNotFoundError(f"there is no private key at {path}")
