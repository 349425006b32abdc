# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the SSH client's configuration says of one host (ssh_config(5)), where ssh is not asked.

ncclient takes a host's address and proxy from it, and nothing of whose key is trusted. Here what
decides where a login goes, as whom, and whose key it trusts is followed, or the login is refused.
"""

from __future__ import annotations

import glob
import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import TransportFailure
from . import known_hosts, ssh_files
from .session import Target

_DEEPEST = 16
"""How deep OpenSSH lets files include others."""
_INCLUDE = re.compile(r"include(?:\s*=\s*|\s+)(?P<paths>.+)", re.IGNORECASE)
_WORD = re.compile(r'"([^"]*)"|(\S+)')
_QUOTED_OR_COMMENT = re.compile(r'("[^"]*")|(?:^|\s)#.*')
_QUOTED_KEYWORD = re.compile(r'"(\w+)"')
_TAKEN_WHOLE = re.compile(r"(?:proxycommand|proxyjump|knownhostscommand)\b", re.IGNORECASE)
"""What OpenSSH takes to the end of its line, with what looks like a comment."""
_BLOCK = re.compile(r"(?:host|match)[\s=]", re.IGNORECASE)
_ALL, _FINAL = "Match all", "Match final"
_FOR_ALL = re.compile(r"host\s+\*|match\s+all", re.IGNORECASE)
_MATCH = re.compile(r"match\b(.*)", re.IGNORECASE)
_CONDITION = re.compile(
    r"\s+(?:all|!?(?:host|originalhost|user|localuser)\s+(?:\"[^\"]*\"|\S+))",
    re.IGNORECASE,
)
"""What paramiko matches by. It takes any other word for one that is met, and a program that it
asks for one reads the input of Ansible.
"""
_OF_HOST = re.compile(r"\b(?:host|originalhost)\s+(\S+)", re.IGNORECASE)
_NOT_FOLLOWED = ("ProxyJump", "KnownHostsCommand", "RevokedHostKeys")
"""What would lead elsewhere, or change whose key is trusted."""
_FILES = {
    "UserKnownHostsFile": known_hosts.USERS,
    "GlobalKnownHostsFile": known_hosts.EVERYBODYS,
}
_FOLLOWED = ("Host", "Match", "HostName", "User", "Port", "HostKeyAlias", "ProxyCommand", *_FILES)
_TELLING = re.compile(
    rf"(?:{'|'.join([*_FOLLOWED, *_NOT_FOLLOWED])}|Identit(?:yFile|iesOnly)|Canonical\w+)\b",
    re.IGNORECASE,
)
_MARKS = ("%", "${")
"""What stands for something else in a name of a file."""
_REMEDY = "set ansible_netconf_transport to openssh"


class Way(NamedTuple):
    """How a host is reached, and whose key it must show.

    ``target``: the host under its own name, with the files that know its key. ``alias``: the name
    that known_hosts has for it instead. ``identities``: private keys to try.
    """

    target: Target
    alias: str | None = None
    files: known_hosts.Files = MappingProxyType({})
    identities: tuple[str, ...] = ()
    identities_only: bool = False
    proxy: str | None = None


def way_to(target: Target) -> Way:
    """What is said of a target. Raises TransportFailure for what only OpenSSH can follow."""
    lines = [line for line in _all_lines(target) if _TELLING.match(line)]
    # Most say nothing but how a terminal behaves, and to ask paramiko is dear.
    if all(map(_BLOCK.match, lines)):
        return Way(target)
    said = _looked_up(target, lines)
    for name in _NOT_FOLLOWED:
        if said.get(name, "none").lower() not in ("none", "no"):
            raise _refused(target, f"{name} {said[name]}")
    return Way(
        replace(target, host=said["HostName"], user=target.user or said.get("User")),
        said.get("HostKeyAlias"),
        {key: _paths(target, said[name], name) for name, key in _FILES.items() if name in said},
        tuple(path for path in said.get("IdentityFile", ()) if os.path.exists(path)),
        said.get("IdentitiesOnly", "no").lower() == "yes",
        said.get("ProxyCommand"),
    )


def is_followed(target: Target) -> bool:
    """Whether others than ssh can go where the SSH client's configuration leads."""
    try:
        way_to(target)
    except TransportFailure:
        return False
    return True


class _Said(dict[str, Any]):
    """Values by the names that ssh_config(5) has for them; paramiko keeps them in small letters."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def _refused(target: Target, what: str) -> TransportFailure:
    return TransportFailure(
        f"{target}: the SSH configuration says {what} for it, which OpenSSH alone can follow; "
        f"{_REMEDY}"
    )


def _looked_up(target: Target, lines: list[str]) -> _Said:
    from paramiko import SSHConfig

    config = SSHConfig()
    # As on a command line, which comes first: matches and placeholders go by these.
    first = [f"Port {target.port}", *([f"User {target.user}"] if target.user else [])]
    try:
        config.parse(io.StringIO("\n".join(first)))
        config.parse(io.StringIO("\n".join(lines)))
        return _Said(config.lookup(target.host))
    except Exception as error:
        # paramiko raises whatever a line makes of it.
        raise _refused(target, f"what cannot be read ({error})") from None


def _paths(target: Target, value: str, name: str) -> tuple[str, ...]:
    whole = os.path.expanduser(value)
    paths = (whole,) if os.path.exists(whole) else tuple(map(os.path.expanduser, value.split()))
    if any(mark in value for mark in (*_MARKS, '"', "\\")):
        raise _refused(target, f"{name} {value}")
    return () if value.lower() == "none" else paths


def _all_lines(target: Target) -> Iterator[str]:
    """The account's configuration, then the system's: of two values the first one counts."""
    for directory, name in ((ssh_files.directory(), "config"), (ssh_files.SYSTEM, "ssh_config")):
        yield from _lines(target, directory / name, directory, 0)
        yield _ALL


def _lines(target: Target, path: Path, directory: Path, depth: int) -> Iterator[str]:
    """Lines of a file, with those of the files that it includes in their place."""
    block = _ALL
    for line in _read(path):
        include = _INCLUDE.match(line)
        if include is None:
            block = _block(target, line) or block
            yield block if _BLOCK.match(line) else line
        elif depth < _DEEPEST:
            if any(mark in line for mark in _MARKS):
                raise _refused(target, line)
            files = _included(include["paths"], directory)
            inside = [list(_lines(target, file, directory, depth + 1)) for file in files]
            # A block in another counts where both do, for which paramiko has no words.
            if any(map(_BLOCK.match, chain(*inside))) and not _FOR_ALL.fullmatch(block):
                raise _refused(target, line)
            # A file's last block ends with the file.
            yield from chain(*((*lines, block) for lines in inside))
        else:
            raise _refused(target, line)


def _block(target: Target, line: str) -> str:
    """The line that begins a block as paramiko takes it; '' for another line."""
    if not _BLOCK.match(line):
        return ""
    conditions = _MATCH.match(line)
    if re.fullmatch(r"match\s+final\s+all", line, re.IGNORECASE):
        return _FINAL
    if conditions and _CONDITION.sub("", conditions[1]).strip():
        raise _refused(target, line)
    hosts = _OF_HOST.findall(line) if conditions else ()
    # To OpenSSH capitals are small letters here, and not behind Host.
    if hosts and any(name != name.lower() for name in (target.host, *hosts)):
        raise _refused(target, line)
    return line


def _included(paths: str, directory: Path) -> Iterator[Path]:
    for quoted, plain in _WORD.findall(paths):
        # What is not absolute is below the directory of its kind.
        for found in sorted(glob.glob(str(directory / os.path.expanduser(quoted or plain)))):
            yield Path(found)


def _read(path: Path) -> tuple[str, ...]:
    try:
        return _statements(ssh_files.text(path))
    except OSError:
        return ()


@lru_cache(maxsize=16)
def _statements(text: str) -> tuple[str, ...]:
    """What a file says, line by line; asked for twice at each login, of the same few files."""
    return tuple(said for line in text.splitlines() if (said := _said(line.strip())))


def _said(line: str) -> str:
    """A line without quotes around its keyword, and without a comment."""
    line = _QUOTED_KEYWORD.sub(r"\1 ", line, count=1) if line.startswith('"') else line
    return line if _TAKEN_WHOLE.match(line) else _QUOTED_OR_COMMENT.sub(r"\1", line).strip()
