# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protected traffic: nothing is taken twice, and no policy takes nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from ..description import Contradiction, Description, Group, Options, some
from ..prefixes import covered, overlapping, same_way
from .places import Found, in_group, place


def shown(policy: Options) -> str:
    """A match policy for a person."""
    return f"{policy.get('name')} ({policy.get('source')} to {policy.get('destination')})"


def between_groups(description: Description) -> Found:
    """Traffic that two groups would protect, each with other keys."""
    for one, other in combinations(description.groups, 2):
        if one.isolated and other.isolated and not set(one.members) & set(other.members):
            continue
        pair = next(overlapping(one.match_policies, other.match_policies), None)
        if pair is not None:
            yield Contradiction(
                tuple(dict.fromkeys((*one.servers, *other.servers))),
                place(one, "match_policies"),
                shown(pair[0]),
                f"overlaps {shown(pair[1])} of group {other.name}, which has other keys",
                "narrow one of them, or set 'isolated: true' in both groups when their networks "
                "never meet and no member is in both",
            )


def within(_description: Description, group: Group) -> Found:
    """Traffic that two policies of a group take."""
    for one, other in combinations(group.match_policies, 2):
        if same_way(one, other):
            why = f"takes traffic that {shown(one)} takes, too, and each has keys of its own"
            remedy = "leave one out, or narrow it"
            yield in_group(group, "match_policies", shown(other), why, remedy)


def excluded(_description: Description, group: Group) -> Found:
    """Policies that exclude rules leave nothing of."""
    for policy in group.match_policies:
        rules = covered(policy, group.setting("exclude_rules", ()))
        if rules:
            names = some(str(rule.get("name")) for rule in rules)
            take = "takes" if len(rules) == 1 else "together take"
            why = f"{take} all traffic of {shown(policy)} out: nothing of it would be protected"
            remedy = "narrow the rule" if len(rules) == 1 else "narrow one of them"
            found = in_group(group, "exclude_rules", names, why, remedy)
            # Members get them, and servers do not.
            yield replace(found, hosts=group.members)
