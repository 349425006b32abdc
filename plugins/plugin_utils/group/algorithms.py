# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Algorithms of traffic keys, whichever way a device or a description writes them.

Devices write ``aes-256/`` or ``aes-cbc-256`` with ``sha256`` where a proposal has ``aes-256-cbc``
and ``hmac-sha-256-128``. What cannot be told from a text is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

_CIPHERS = {
    "3des": re.compile("3-?des"),
    "des": re.compile("(?<!3)(?<!3-)des"),
    **{f"aes-{bits}": re.compile(rf"aes\D{{0,6}}{bits}") for bits in (128, 192, 256)},
}
_HASHES = {
    "md5": re.compile("md5"),
    "sha-1": re.compile(r"sha-?1(?!\d)"),
    "sha-256": re.compile("sha-?256"),
}


def algorithms(texts: Iterable[str]) -> frozenset[str]:
    """Those that texts name."""
    known = {**_CIPHERS, **_HASHES}.items()
    return frozenset(n for text in texts for n, form in known if form.search(text.lower()))


def are_others(shown: Set[str], wanted: Set[str]) -> bool:
    """Whether of one kind other algorithms are shown than wanted; not where either is unknown."""
    pairs = ((shown & kind.keys(), wanted & kind.keys()) for kind in (_CIPHERS, _HASHES))
    return any(one and other and one != other for one, other in pairs)
