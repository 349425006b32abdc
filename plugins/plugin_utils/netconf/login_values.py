# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of a login that no SSH client can take as they stand: refused before one is asked.

A client would cut a password at its line break, take a host that begins with ``-`` for an option,
or end with words that sound as if the device had spoken.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import TransportFailure
from .session import Target

_TEXTS = (
    ("ansible_host", "host"),
    ("ansible_user", "user"),
    ("ansible_password", "password"),
    ("ansible_private_key_file", "private_key_file"),
    ("ansible_known_hosts_file", "known_hosts_file"),
)

_PATHS = _TEXTS[3:]

_LONGEST_TIME = 2**31 - 1
"""Seconds; what OpenSSH's options take."""


def _is_host(host: str) -> bool:
    return bool(host) and not host.startswith("-") and not any(c.isspace() for c in host)


_VALUES: tuple[tuple[str, str, Callable[[Any], bool], str], ...] = (
    ("ansible_host", "host", _is_host, "is not a name or address of a host"),
    ("ansible_port", "port", lambda n: 0 < n < 65536, "is not a TCP port; give 1 to 65535"),
    (
        "ansible_connect_timeout",
        "connect_timeout",
        lambda n: 0 < n <= _LONGEST_TIME,
        "is not a time to wait; give seconds, 1 or more",
    ),
    (
        "ansible_rpc_timeout",
        "rpc_timeout",
        lambda n: 0 < n <= _LONGEST_TIME,
        "is not a time to wait; give seconds, 1 or more",
    ),
    (
        "ansible_netconf_persist",
        "persist",
        lambda n: 0 <= n <= _LONGEST_TIME,
        "is not a time to keep a login; give seconds, 0 for none",
    ),
)


def text(variable: str, value: Any) -> str | None:
    """A text, or a number that was written without quotes; None for nothing.

    Raises TransportFailure for a list, a mapping, or ``yes`` without quotes; the value is not
    shown, it may be a password.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        kind = type(value).__name__.removeprefix("_AnsibleTagged").lower()
        raise TransportFailure(f"{variable} is a {kind}; give one text, in quotes")
    return str(value)


def arguments(variable: str, value: Any) -> tuple[str, ...]:
    """Arguments as a shell would split them. Raises TransportFailure for an open quotation."""
    try:
        return tuple(shlex.split(text(variable, value) or ""))
    except ValueError as error:
        raise TransportFailure(
            f"{variable} cannot be split into arguments: {error}; check its quotes"
        ) from None


def check(target: Target, transport: str) -> None:
    """Raises TransportFailure that names each variable and the remedy."""
    objections = list(_objections(target, transport))
    if objections:
        raise TransportFailure(f"{target}: {'; '.join(objections)}")


def _objections(target: Target, transport: str) -> Iterator[str]:
    for variable, name in _TEXTS:
        if not _is_printable(getattr(target, name) or ""):
            yield (
                f"{variable} holds a line break or another control character; check how it is made "
                "(a vault string of a whole file ends with a line break)"
            )
    for variable, name in _PATHS if transport == "openssh" else ():
        if "${" in (getattr(target, name) or ""):
            yield (
                f"{variable}: {getattr(target, name)} holds '${{', which the SSH client takes for "
                "an environment variable; call the file otherwise"
            )
    for variable, name, is_good, why in _VALUES:
        value = getattr(target, name)
        if not is_good(value):
            yield f"{variable}: {value} {why}"
    if transport == "libssh" and not target.has_password_alone:
        yield "libssh logs in with a password alone; set ansible_netconf_transport to openssh"
    if transport in ("libssh", "paramiko") and _names_a_way(target.ssh_common_args):
        yield (
            f"ansible_ssh_common_args names a jump host or a proxy, which {transport} does not "
            "take; "
            "set ansible_netconf_transport to openssh"
        )


def _is_printable(value: str) -> bool:
    return not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value)


def _names_a_way(given: tuple[str, ...]) -> bool:
    return any(word.startswith(("-J", "-W")) or "proxy" in word.lower() for word in given)
