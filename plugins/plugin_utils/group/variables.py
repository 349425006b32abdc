# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of the inventory that belong to whole Group VPNs: all that begin with ``group_vpn_``.

One that nothing reads is a misspelt one: without a word its value would be missed on the devices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from .description import Contradiction
from .reading import HOST_VARIABLES
from .words import nearest

PREFIX = "group_vpn_"
_OF_PLAYS = (
    *("groups", "exclusive", "confirm_minutes", "timeout", "poll", "comment", "outcome"),
    # Of the collection's playbooks.
    *("hosts", "report", "audited_servers"),
)
KNOWN = tuple(f"{PREFIX}{name}" for name in (*HOST_VARIABLES, *_OF_PLAYS))


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_BY_LETTERS = {_letters(name): name for name in KNOWN}


def unknown(names: Mapping[str, Iterable[str]]) -> Iterator[Contradiction]:
    """Host to all of its variables: those that look like ours, and that nothing reads."""
    hosts = defaultdict(list)
    for host, there in names.items():
        for name in there:
            if name not in KNOWN and (name.startswith(PREFIX) or _letters(name) in _BY_LETTERS):
                hosts[name].append(host)
    for name, where in hosts.items():
        meant = _BY_LETTERS.get(_letters(name)) or nearest(name, KNOWN)
        question = f"did you mean '{meant}'? if not, " if meant else ""
        yield Contradiction(
            tuple(where),
            name,
            None,
            "the collection reads no variable of this name",
            f"{question}give it a name that does not begin with '{PREFIX}'",
        )


def unreadable(host: str, name: str, why: str) -> Contradiction:
    """A variable whose value cannot be had."""
    return Contradiction((host,), name, None, why, "define what it refers to for this host")
