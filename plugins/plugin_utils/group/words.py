# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which words the parts of a description take: those of the tables of both modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from ..engine.schema import Branch, Container, Kind, Leaf, List, Statement
from ..resources import member, server

Words = Mapping[str, Kind | None]
"""Option to the kind of its value; None where it is no single value."""


def children(branch: Branch) -> Iterator[Statement]:
    """What options stand in a branch: those of inline containers are its own."""
    for child in branch.children:
        if isinstance(child, Container) and child.inline:
            yield from children(child)
        else:
            yield child


def _words(root: Branch, *options: str) -> Words:
    """The options of the branch that a path of options leads to."""
    here = root
    for option in options:
        found = next(child for child in children(here) if child.option == option)
        if not isinstance(found, Branch):
            raise TypeError(f"{option} holds one value")
        here = found
    named = {key.option: key.kind for key in here.keys} if isinstance(here, List) else {}
    own = {c.option: c.kind if isinstance(c, Leaf) else None for c in children(here)}
    return {**named, **own}


def _unnamed(words: Words) -> Words:
    """Of an entry whose name the role gives."""
    return {option: kind for option, kind in words.items() if option != "name"}


_SERVER, _MEMBER = server.RESOURCE.root, member.RESOURCE.root
OF_GROUP: Mapping[str, Words] = {
    "ike_proposal": _unnamed(_words(_MEMBER, "ike", "proposals")),
    "ipsec_proposal": _unnamed(_words(_SERVER, "ipsec", "proposals")),
    "server_member_communication": _words(_SERVER, "groups", "server_member_communication"),
    "match_policies": _words(_SERVER, "groups", "ipsec_sas", "match_policies"),
    "exclude_rules": _words(_MEMBER, "ipsec", "vpns", "exclude_rules"),
    "fail_open_rules": _words(_MEMBER, "ipsec", "vpns", "fail_open_rules"),
}
"""Of a group's mappings, and of each entry of its lists."""
OF_HOST: Mapping[str, Words] = {
    "dynamic": _words(_SERVER, "ike", "gateways", "dynamic"),
}
"""The same of a host."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one may have been meant for."""
    found = get_close_matches(name, known, 1)
    return found[0] if found else None
