# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person sees: the plan before, the outcome after; one screen each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..description import Description, Group, some
from ..look import Holdings, Keys
from ..plan import Plan
from ..steps import Apart, Step
from .fate import Outcome


def announced(made: Plan) -> list[str]:
    """The steps of a plan, who is apart during each, and what is left as it is."""
    lines = [f"not touched: {line}" for line in made.left]
    if not made.steps:
        return [*lines, "plan: nothing to change"]
    for number, step in enumerate(made.steps, 1):
        lines.append(f"{number}. {step.kind.value}{_where(step)}")
        lines += [f"   {line}" for line in map(_apart, step.apart)]
    return [*lines, *map("cut off: {}".format, made.unserved)]


def _where(step: Step) -> str:
    if step.hosts:
        return f": {some(step.hosts)}"
    return f": {some(step.groups)}" if step.groups else ""


def _apart(one: Apart) -> str:
    return f"{one.group}: {some(one.members)} cannot talk to the others until {one.until}"


def summary(description: Description, outcome: Outcome) -> list[str]:
    """One screen: groups with who is in them, who came, went, was rekeyed, and what failed."""
    lines: list[str] = []
    fates, broken = outcome.hosts, outcome.broken
    for group in description.groups:
        lines += _group(description, group, outcome.before, outcome.after)
        if group.name in broken:
            lines.append(f"  stopped: {broken[group.name]}")
    lines += _unverified(outcome.unverified)
    lines += map("  cut off: {}".format, outcome.unserved)
    for host, fate in fates.items():
        for why in dict.fromkeys(fate.failures):
            lines.append(f"  {host}: {why}{_until(description, host, outcome)}")
    changed = [host for host, fate in fates.items() if fate.changed]
    failed = [host for host, fate in fates.items() if fate.failures]
    lines.append(f"changed: {some(changed) or 'nobody'}; failed: {some(failed) or 'nobody'}")
    return lines


def _unverified(told: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason: what is not known is often the same of all members."""
    for why in dict.fromkeys(told.values()):
        whom = some(host for host, reason in told.items() if reason == why)
        yield f"  not verified: {whom}: {why}"


def _group(
    description: Description,
    group: Group,
    before: Mapping[str, Holdings],
    after: Mapping[str, Holdings],
) -> Iterator[str]:
    asked = [host for host in group.servers if host in after]
    silent = [host for host in group.servers if host not in after]
    title = f"{group.name} (group {group.group_id}): "
    if not asked:
        yield f"{title}who is registered is not known, because {some(silent)} did not answer"
        return
    # Who was there before may have been listed by a server that is one no more.
    known = [host for host in before if host not in silent]
    was, now = _listed(group, known, before), _listed(group, asked, after)
    wanted = {description.devices[host].name for host in group.members}
    unknown = f"; of {some(silent)} nothing is known" if silent else ""
    yield (
        f"{title}{len(now & wanted)} of {len(group.members)} members "
        f"registered at {some(asked)}{unknown}"
    )
    missing = "not registered there" if silent else "not registered"
    for what, names in (("added", now - was), ("removed", was - now), (missing, wanted - now)):
        if names:
            yield f"  {what}: {_hosts(description, names)}"
    known_teks = _teks(group, asked, before)
    if known_teks and _teks(group, asked, after) - known_teks:
        yield "  rekeyed: the group has new traffic keys"


def _hosts(description: Description, names: Iterable[str]) -> str:
    """Devices by what the inventory calls them."""
    hosts = {device.name: host for host, device in description.devices.items()}
    return some(hosts.get(name, name) for name in sorted(names))


def _listed(group: Group, servers: Iterable[str], held: Mapping[str, Holdings]) -> set[str]:
    known = (held[host] for host in servers if host in held)
    return {name for one in known for name in one.listed.get(group.name, ())}


def _teks(group: Group, servers: Iterable[str], held: Mapping[str, Holdings]) -> set[str]:
    known = (held[host] for host in servers if host in held)
    return {spi for one in known for spi in one.of(group.group_id).teks}


def _until(description: Description, host: str, outcome: Outcome) -> str:
    """Until when a member that failed goes on with the keys that it has."""
    groups = list(description.of_member(host))
    held = outcome.after.get(host, outcome.before.get(host))
    if not groups:
        return ""
    stale = [g for g in groups if held and not _has_what_others_have(g, held, outcome)]
    if held is None or (stale and _registered_since(description, host, stale, outcome)):
        longest = max(int(g.ipsec_proposal.get("lifetime_seconds") or 3600) for g in groups)
        return f"; cut off when its keys end, in {longest} s at the latest, unless it registers"
    had = outcome.before.get(host, held)
    if any(had.of(g.group_id).teks and not held.of(g.group_id).teks for g in groups):
        return "; cut off until it registers, since its keys are gone"
    if stale:
        names = some(group.name for group in stale)
        return f"; cut off until it registers, since it had none of the keys that {names} has now"
    lives = [left for g in groups if (left := held.left(g.group_id, outcome.at)) is not None]
    if lives and min(lives) < 1:
        return "; cut off until it registers, since its keys have ended"
    return (
        f"; cut off in {int(min(lives))} s, when its keys end, unless it registers" if lives else ""
    )


def _has_what_others_have(group: Group, held: Holdings, outcome: Outcome) -> bool:
    """Whether a member has keys that the group uses by now; where that is not known, it has."""
    own = held.of(group.group_id)
    if own == Keys():
        return bool(held.unclear)
    then, now = (_teks(group, group.servers, one) for one in (outcome.before, outcome.after))
    # Who shows keys in other words than the servers could not be compared before.
    return not now or not own.teks.keys() & then or bool(own.teks.keys() & now)


def _registered_since(
    description: Description, host: str, groups: Iterable[Group], outcome: Outcome
) -> bool:
    """Whether a member that was asked for the last time before may have new keys by now."""
    name = description.devices[host].name
    lists = (_listed(group, group.servers, outcome.after) for group in groups)
    return host not in outcome.after and any(name in listed for listed in lists)
