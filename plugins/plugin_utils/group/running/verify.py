# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a group is as it should be: who is listed, and that all hold the same keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain

from ..algorithms import algorithms, are_others
from ..description import Description, Group, some
from ..look import Holdings, Keys

_DELAYS_TO_ARRIVE = 6
"""Activation delays after which members have a new key: pushed and repeated, or asked for."""
SILENT = "does not answer any more"


@dataclass(frozen=True)
class Fault:
    """What is wrong with some hosts of a group."""

    hosts: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return f"{', '.join(self.hosts)}: {self.why}"


def shared(group: Group, held: Mapping[str, Holdings]) -> list[Fault]:
    """What keeps the group's servers from having the same keys."""
    keys = {host: held[host].of(group.group_id) for host in group.servers if host in held}
    wrong = [Fault((host,), SILENT) for host in group.servers if host not in held]
    needs_kek = group.communication is not None
    for host, one in keys.items():
        if needs_kek and not one.kek:
            wrong.append(Fault((host,), f"shows no key for rekeying of {group.name}"))
    if len({frozenset(one.kek) for one in keys.values()}) > 1:
        wrong.append(Fault((*keys,), f"servers have different keys for rekeying of {group.name}"))
    newest = {host: frozenset(_newest(group, held, one)) for host, one in keys.items()}
    if len(set(newest.values())) > 1:
        end = _first_end(keys, newest)
        wrong.append(Fault((*keys,), f"servers have different traffic keys of {group.name}{end}"))
    return wrong


def _first_end(keys: Mapping[str, Keys], newest: Mapping[str, frozenset[str]]) -> str:
    """Whose keys end first, and when: there they are made anew."""
    ends = {h: max(map(keys[h].teks.__getitem__, spis), default=0) for h, spis in newest.items()}
    left, host = min(((left, host) for host, left in ends.items() if left), default=(0, ""))
    return f" (those of {host} end in {left} s)" if left else ""


def newest_keys(group: Group, held: Mapping[str, Holdings]) -> set[str]:
    """The traffic keys that a group's servers hand out now."""
    servers = [held[h].of(group.group_id) for h in group.servers if h in held]
    return {spi for one in servers for spi in _newest(group, held, one)}


def undecided(group: Group, held: Mapping[str, Holdings]) -> int:
    """Seconds until it is seen which traffic keys of a group's servers are new."""
    servers = (held[h].of(group.group_id) for h in group.servers if h in held)
    return max((one.undecided(*_used(group, held)) for one in servers), default=0)


def due(group: Group, held: Mapping[str, Holdings]) -> dict[str, int]:
    """Members that ask for what is new by themselves, since theirs ends; seconds until then.

    No push tells them of it, and some are earlier than others.
    """
    if group.communication is not None:
        return {}
    own = {h: held[h].of(group.group_id).teks for h in group.members if h in held}
    newest, soon = newest_keys(group, held), _DELAYS_TO_ARRIVE * group.activation_delay
    left = {h: max(teks.values()) for h, teks in own.items() if teks and not newest <= teks.keys()}
    return {host: seconds for host, seconds in left.items() if 0 < seconds <= soon}


def _newest(group: Group, held: Mapping[str, Holdings], one: Keys) -> set[str]:
    return one.newest(*_used(group, held))


def _used(group: Group, held: Mapping[str, Holdings]) -> tuple[set[str], int]:
    """Traffic keys that members have, and seconds after which they have a new one."""
    members = (held[host].of(group.group_id).teks for host in group.members if host in held)
    return {spi for teks in members for spi in teks}, _DELAYS_TO_ARRIVE * group.activation_delay


def uncleared(
    group: Group, held: Mapping[str, Holdings], before: Mapping[str, Holdings]
) -> dict[str, str]:
    """Servers that have nothing but keys of ``before``, which were to go, and what that says."""
    had = [before[host].of(group.group_id) for host in group.servers if host in before]
    keks = {spi for one in had for spi in one.kek}
    teks = {spi for one in had for spi in one.teks}
    there = {host: held[host].of(group.group_id) for host in group.servers if host in held}
    return {
        host: f"has accepted to be cleared, and goes on with the keys of {group.name} from before"
        for host, one in there.items()
        if any(
            new and new <= old for new, old in ((one.kek, keks), (_newest(group, held, one), teks))
        )
    }


def unmade(
    group: Group, held: Mapping[str, Holdings], before: Mapping[str, Holdings]
) -> dict[str, str]:
    """Servers whose traffic keys may not be of the group's algorithms, and what that says.

    Either a device shows other ones, or they hand out a key of ``before`` that was to be replaced.
    """
    had = {spi for h in group.servers if h in before for spi in before[h].of(group.group_id).teks}
    there = {
        h: _newest(group, held, held[h].of(group.group_id)) for h in group.servers if h in held
    }
    others = _of_other_algorithms(group, held)
    end = (
        ": whether it makes one of the new algorithms before that ends is not known; clear_members "
        "with 'now' has it made"
    )
    which = f"hands out a traffic key of {group.name}"
    seen = {h: f"{which} of other algorithms{end}" for h, spis in there.items() if spis & others}
    old = {h: f"{which} from before the change{end}" for h, s in there.items() if s and s <= had}
    return {**old, **seen}


def _of_other_algorithms(group: Group, held: Mapping[str, Holdings]) -> set[str]:
    """Traffic keys that any device shows with other algorithms than the group has."""
    proposal = group.ipsec_proposal.items()
    wanted = algorithms(str(value) for word, value in proposal if word.endswith("_algorithm"))
    there = (held[h].of(group.group_id) for h in (*group.servers, *group.members) if h in held)
    return {
        spi for one in there for spi, shown in one.algorithms.items() if are_others(shown, wanted)
    }


def parted(group: Group, held: Mapping[str, Holdings]) -> dict[str, str]:
    """Members that may send with an older key than the newest, which not all have, and that."""
    own = {h: held[h].of(group.group_id).teks.keys() for h in group.members if h in held}
    there = {host: set(keys) for host, keys in own.items() if keys}
    known = newest_keys(group, held).union(set.intersection(*there.values()) if there else ())
    why = f"may go on for a moment with a traffic key of {group.name} that not all members have"
    return {host: why for host, keys in there.items() if keys - known}


def uncompared(
    group: Group, held: Mapping[str, Holdings], before: Mapping[str, Holdings]
) -> dict[str, str]:
    """Members of which it is not known whether they hold the keys of their servers, and why.

    Where no member shows what servers show, the two may show it in different ways, unless one has
    shown it ``before``.
    """
    own = {
        h: keys for h in group.members if h in held and (keys := held[h].of(group.group_id)).teks
    }
    newest, keks = newest_keys(group, held), _keks(group, held)
    if not newest and not _equal(group, before, lambda keys: keys.teks.keys()):
        why = f"its servers show no traffic keys of {group.name} to compare its own with"
    elif (
        group.communication is not None
        and newest
        and not _equal(group, before, lambda keys: keys.kek)
        and all(
            one.kek and not one.kek & keks and newest <= one.teks.keys() for one in own.values()
        )
    ):
        why = (
            f"no member shows a key for rekeying of {group.name} as its servers show theirs; "
            "have one register anew to see whether that is because all have an older one"
        )
    else:
        return {}
    return dict.fromkeys(own, f"whether it holds the keys of {group.name} is not known: {why}")


def _equal(group: Group, held: Mapping[str, Holdings], shown: Callable[[Keys], Set[str]]) -> bool:
    """Whether any member shows something of what any server shows."""
    keys = {host: shown(one.of(group.group_id)) for host, one in held.items()}
    there = {spi for host in group.servers for spi in keys.get(host, ())}
    return any(spi in there for host in group.members for spi in keys.get(host, ()))


def _keks(group: Group, held: Mapping[str, Holdings]) -> set[str]:
    servers = [held[h].of(group.group_id) for h in group.servers if h in held]
    return {spi for one in servers for spi in one.kek}


def together(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Host to all that is told of it, in one line."""
    found: dict[str, dict[str, None]] = {}
    for host, why in told:
        found.setdefault(host, {})[why] = None
    return {host: "; ".join(whys) for host, whys in found.items()}


def faults(
    description: Description,
    group: Group,
    held: Mapping[str, Holdings],
    there: Iterable[str],
    doubted: Collection[str] = (),
) -> dict[str, str]:
    """Host to what is wrong with it in a group, of its servers and of the members ``there``.

    ``doubted``: members whose keys cannot be compared.
    """
    names = {h: description.devices[h].name for h in group.members}
    listed = {h: held[h].listed.get(group.name, ()) for h in group.servers if h in held}
    there = [host for host in there if host in names]
    everywhere, newest = set(chain(*listed.values())), newest_keys(group, held)
    keys = {host: None if host in doubted else newest for host in there}
    members = (
        (h, _member(group, held, h, names[h] in everywhere, spis)) for h, spis in keys.items()
    )
    return together(
        [
            *((host, fault.why) for fault in shared(group, held) for host in fault.hosts),
            *_strangers(group, listed, set(names.values())),
            *((host, why) for host, why in members if why is not None),
        ]
    )


def _strangers(
    group: Group, listed: Mapping[str, Collection[str]], names: set[str]
) -> Iterator[tuple[str, str]]:
    """Servers that list who is not a member, and whom."""
    for host, there in listed.items():
        if extra := sorted(set(there) - names):
            yield host, f"lists members that {group.name} does not have: {some(extra)}"


def _member(
    group: Group, held: Mapping[str, Holdings], host: str, is_listed: bool, newest: set[str] | None
) -> str | None:
    """``newest``: None where keys cannot be compared."""
    if host not in held:
        return SILENT
    own = held[host].of(group.group_id)
    if not is_listed:
        return f"no server lists it as a member of {group.name}"
    if newest is None:
        return None
    if group.communication is not None and not own.kek & _keks(group, held):
        return f"holds no key for rekeying of {group.name} that its servers have"
    if not newest or not newest <= own.teks.keys():
        return f"does not hold the newest traffic keys of {group.name} that its servers have"
    return None
