# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What known_hosts says of one host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

For libssh, which is given no file, and for paramiko, which reads neither patterns nor markers: a
key marked ``@revoked`` is a known one to it. What is read here, and what follows from it, is what
OpenSSH's client reads and does.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from . import ssh_files
from .session import Target

USERS, EVERYBODYS = "userknownhostsfile", "globalknownhostsfile"
Files = Mapping[str, Sequence[str | Path]]
"""Files of known keys, by whose they are."""

SIGNED_BY = dict.fromkeys(("rsa-sha2-256", "rsa-sha2-512"), "ssh-rsa")
"""Signatures that are named otherwise than the key that makes them (RFC 8332)."""
_AUTHORITY, _REVOKED = "@cert-authority", "@revoked"
_SPACE = re.compile(r"[ \t]+")
_SSH_PORT = 22


class Verdict(Enum):
    """What is known of a key that a host shows."""

    KNOWN = auto()
    NEW = auto()
    CHANGED = auto()
    REVOKED = auto()


_REFUSED = {
    Verdict.REVOKED: "the host key of {} is revoked",
    Verdict.CHANGED: "host key for {} does not match known_hosts",
}
_UNJUDGED = (
    "known_hosts vouches for {} by @cert-authority, and neither libssh nor paramiko is asked to "
    "judge host certificates"
)


class KnownKeys(NamedTuple):
    """The lines of one name: its keys as ``type base64``; revoked ones; whether a CA vouches."""

    keys: tuple[str, ...]
    revoked: frozenset[str]
    authority: bool

    @property
    def kinds(self) -> frozenset[str]:
        """Of which kinds the known keys are."""
        return frozenset(key.partition(" ")[0] for key in self.keys)

    def verdict(self, key: str) -> Verdict:
        """What is known of a key, which is given as ``type base64``."""
        if key.split()[1] in self.revoked:
            return Verdict.REVOKED
        if key in self.keys:
            return Verdict.KNOWN
        return Verdict.CHANGED if self.keys else Verdict.NEW


def known_keys(
    target: Target, alias: str | None = None, configured: Files | None = None
) -> tuple[KnownKeys, ...]:
    """What the target's known_hosts say of each of its names; the name with its port is first.

    ``alias`` and ``configured``: the name and the files that the SSH client's configuration has
    for it instead. Files that cannot be read say nothing.
    """
    own = (target.host,) if target.port == _SSH_PORT else (target.known_as, target.host)
    files = _files(target, configured or {})
    names = (alias,) if alias else own
    return tuple(_together(_said(path, name.lower()) for path in files) for name in names)


def verdict(names: Iterable[KnownKeys], key: str) -> Verdict:
    """What is known of a key that a host shows.

    A name without its port is looked at only for a host that the one with it does not have, and
    says nothing but that the key is known, or revoked.
    """
    found = Verdict.NEW
    for place, known in enumerate(names):
        found = known.verdict(key)
        if found is not Verdict.NEW:
            return Verdict.NEW if place and found is Verdict.CHANGED else found
    return found


def objection(names: Sequence[KnownKeys], key: str, where: str) -> str | None:
    """Why a key that a host shows is not taken, '' for one that nobody knows; None for a known one.

    A certificate authority's word cannot be judged by who reads no host certificates.
    """
    found = verdict(names, key)
    vouched = found is not Verdict.REVOKED and any(known.authority for known in names)
    if found is Verdict.KNOWN:
        return None
    return (_UNJUDGED if vouched else _REFUSED.get(found, "")).format(where)


def preferred(kinds: Iterable[str], names: Iterable[KnownKeys]) -> list[str]:
    """Kinds of host keys, or of their signatures, those of known keys first.

    Those of the first name that has any count.
    """
    known = next((one.kinds for one in names if one.keys), frozenset())
    return sorted(kinds, key=lambda kind: SIGNED_BY.get(kind, kind) not in known)


def whole_key(blob: bytes) -> str:
    """A public key (RFC 4253 §6.6) as ``type base64``."""
    length = int.from_bytes(blob[:4], "big")
    kind = blob[4 : 4 + length].decode("ascii", "replace")
    return f"{kind} {base64.b64encode(blob).decode()}"


def _files(target: Target, configured: Files) -> tuple[Path, ...]:
    if target.known_hosts_file:
        return (Path(target.known_hosts_file),)
    names = ("known_hosts", "known_hosts2")
    usual = {
        USERS: [ssh_files.own(name) for name in names],
        EVERYBODYS: [ssh_files.SYSTEM / f"ssh_{name}" for name in names],
    }
    return tuple(Path(path) for kind in usual for path in configured.get(kind, usual[kind]))


def _together(files: Iterable[KnownKeys]) -> KnownKeys:
    found = KnownKeys((), frozenset(), False)
    for one in files:
        keys, revoked = (*found.keys, *one.keys), found.revoked | one.revoked
        found = KnownKeys(keys, revoked, found.authority or one.authority)
    return found


def _said(path: Path, name: str) -> KnownKeys:
    try:
        return _keys_in(ssh_files.text(path), name)
    except OSError:
        return KnownKeys((), frozenset(), False)


@lru_cache(maxsize=64)
def _keys_in(text: str, name: str) -> KnownKeys:
    """What a file says of a name; asked twice for each login, of which many are at work at once."""
    keys, revoked, authority = [], set(), False
    for marker, key in _lines(text, name):
        if marker == _REVOKED:
            revoked.update(key.split()[1:2])
        elif marker == _AUTHORITY:
            authority = True
        elif not marker and (whole := _key_in(key)):
            keys.append(whole)
    return KnownKeys(tuple(keys), frozenset(revoked), authority)


def _lines(text: str, name: str) -> Iterator[tuple[str, str]]:
    """Marker and key of the lines whose names are the host's: a fleet's file has one for each."""
    host = name.removeprefix("[").partition("]")[0]
    # Not splitlines, to which other characters end a line as well.
    for line in text.split("\n"):
        if not _may_name(line, host):
            continue
        words = _SPACE.split(line.strip(" \t\r"), maxsplit=1)
        marker = words[0] if words[0].startswith("@") else ""
        if marker:
            words = _SPACE.split(words[1], maxsplit=1) if len(words) == 2 else []
        if len(words) == 2 and not words[0].startswith("#") and _is_named(words[0], name):
            yield marker, words[1]


def _may_name(line: str, host: str) -> bool:
    """Whether a line is worth a closer look: it has the host's name, a hash, or a pattern."""
    return "|" in line or "*" in line or "?" in line or host in line.lower()


def _key_in(text: str) -> str:
    """A key as ``type base64``; '' for one that is none, or of another type than it says."""
    words = text.split()[:2]
    if len(words) < 2:
        return ""
    try:
        blob = base64.b64decode(words[1])
    except ValueError:
        return ""
    kind = words[0].encode()
    is_one = blob.startswith(len(kind).to_bytes(4, "big") + kind) and len(blob) > 4 + len(kind)
    return " ".join(words) if is_one else ""


def _is_named(names: str, own: str) -> bool:
    """Whether the names of a line are a host's."""
    if names.startswith("|"):
        return _is_hash_of(names, own)
    names = names.lower()
    if not any(mark in names for mark in "*?!"):
        return own in names.split(",")
    found = False
    for pattern in names.split(","):
        plain = re.escape(pattern.removeprefix("!"))
        if re.fullmatch(plain.replace(r"\*", ".*").replace(r"\?", "."), own):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _is_hash_of(names: str, name: str) -> bool:
    kind, *parts = names.removeprefix("|").split("|")
    if kind != "1" or len(parts) != 2:
        return False
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts)
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), wanted)
