# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What known_hosts says of one host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), for paramiko.

paramiko reads neither patterns nor markers: a key marked ``@revoked`` is a known one to it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .session import Target

_AUTHORITY, _REVOKED = "@cert-authority", "@revoked"


class KnownKeys(NamedTuple):
    """The lines of one host: its keys as ``type base64``; revoked ones; whether a CA vouches."""

    keys: tuple[str, ...]
    revoked: frozenset[str]
    authority: bool


def known_keys(target: Target) -> KnownKeys:
    """What the target's known_hosts says of it; a file that cannot be read says nothing."""
    path = Path(target.known_hosts_file or os.path.expanduser("~/.ssh/known_hosts"))
    try:
        state = path.stat()
        return _keys_in(path, state.st_mtime_ns, state.st_size, (target.known_as, target.host))
    except OSError:
        return KnownKeys((), frozenset(), False)


@lru_cache(maxsize=1)
def _keys_in(path: Path, changed: int, size: int, own: tuple[str, ...]) -> KnownKeys:
    """What a file says of a host; asked twice for each login, read again when it has changed."""
    text = path.read_text(encoding="utf-8", errors="replace")
    keys, revoked, authority = [], set(), False
    for marker, key in _lines(text, own):
        if marker == _REVOKED:
            revoked.update(key.split()[1:2])
        elif marker == _AUTHORITY:
            authority = True
        elif not marker:
            keys.append(key)
    return KnownKeys(tuple(keys), frozenset(revoked), authority)


def _lines(text: str, own: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Marker and key of the lines whose names are the host's: a fleet's file has one for each."""
    for line in text.splitlines():
        if not _may_name(line, own[-1]):
            continue
        words = line.split(None, 1)
        marker = words[0] if words and words[0].startswith("@") else ""
        if marker:
            words = words[1].split(None, 1) if len(words) == 2 else []
        if len(words) == 2 and not words[0].startswith("#") and _is_named(words[0], own):
            yield marker, words[1]


def _may_name(line: str, host: str) -> bool:
    """Whether a line is worth a closer look: it has the host's name, a hash, or a pattern."""
    return host in line or "|" in line or "*" in line or "?" in line


def _is_named(names: str, own: tuple[str, ...]) -> bool:
    """Whether the names of a line are a host's."""
    if names.startswith("|1|"):
        return any(_is_hash_of(names, name) for name in own)
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


def _is_hash_of(names: str, name: str) -> bool:
    salt, *digest = names.split("|")[2:]
    try:
        key, wanted = base64.b64decode(salt), base64.b64decode("".join(digest))
    except binascii.Error:
        return False
    return hmac.compare_digest(hmac.digest(key, name.encode(), "sha1"), wanted)
