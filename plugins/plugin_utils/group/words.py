# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which words the parts of a description take: those of the tables of both modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from ..engine.schema import Branch, Container, Kind, Leaf, List, Statement
from ..resources import member, server

Words = Mapping[str, Kind | None]
"""Option to the kind of its value; None where it is not a single value."""


def children(branch: Branch) -> Iterator[Statement]:
    """What options stand in a branch: those of inline containers are its own."""
    for child in branch.children:
        if isinstance(child, Container) and child.inline:
            yield from children(child)
        else:
            yield child


def statements(root: Branch, *options: str) -> Mapping[str, Statement]:
    """By option what stands in the branch that a path of options leads to, names of entries too."""
    here = root
    for option in options:
        found = next(child for child in children(here) if child.option == option)
        if not isinstance(found, Branch):
            raise TypeError(f"{option} holds one value")
        here = found
    named = {key.option: key for key in here.keys} if isinstance(here, List) else {}
    return {**named, **{child.option: child for child in children(here)}}


def _unnamed(found: Mapping[str, Statement]) -> Mapping[str, Statement]:
    """Of an entry whose name the role gives."""
    return {option: statement for option, statement in found.items() if option != "name"}


def _words(found: Mapping[str, Statement]) -> Words:
    return {o: one.kind if isinstance(one, Leaf) else None for o, one in found.items()}


_SERVER, _MEMBER = server.RESOURCE.root, member.RESOURCE.root
STATEMENTS: Mapping[str, Mapping[str, Statement]] = {
    "ike_proposal": _unnamed(statements(_MEMBER, "ike", "proposals")),
    "ipsec_proposal": _unnamed(statements(_SERVER, "ipsec", "proposals")),
    "server_member_communication": statements(_SERVER, "groups", "server_member_communication"),
    "match_policies": statements(_SERVER, "groups", "ipsec_sas", "match_policies"),
    "exclude_rules": statements(_MEMBER, "ipsec", "vpns", "exclude_rules"),
    "fail_open_rules": statements(_MEMBER, "ipsec", "vpns", "fail_open_rules"),
}
"""What stands in a group's mappings, and in each entry of its lists."""
OF_GROUP: Mapping[str, Words] = {part: _words(found) for part, found in STATEMENTS.items()}
"""Their words."""
OF_HOST: Mapping[str, Words] = {
    "dynamic": _words(statements(_SERVER, "ike", "gateways", "dynamic")),
}
"""The same of a host."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one may have been meant for."""
    found = get_close_matches(name, known, 1)
    return found[0] if found else None
