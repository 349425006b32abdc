# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys that another server of a cluster made: taken over, and told to our own members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from ..gdoi.pull import Grant
from ..groups.adoption import delay_of_grant, kek_of_grant, teks_of_grant
from ..groups.contents import tek_deletion
from ..groups.group import Group
from ..groups.keys import GroupKek, GroupTek
from ..groups.plane import SigningKeys
from ..groups.succession import Succession


def follow(group: Group, state: Grant | None, signing_keys: SigningKeys, now: float) -> None:
    """Take over another server's keys, and push to our members what is new to them.

    Keys that do not fit our own configuration are left out: both servers need the same one.
    Raises MalformedPayload.
    """
    kek = kek_of_grant(state, group.settings.kek, signing_keys, now)
    keyring = group.keyring
    known = {tek.spi: tek for tek in keyring.teks.good(now)}
    teks = [*_in_step(teks_of_grant(state, group.settings.teks, now), known.keys())]
    keyring.leads = False
    if state is None:
        return
    # Who has changed the delay already or not yet: all members change to these keys together.
    keyring.delays.tell(delay_of_grant(state), now)
    wanted = {tek.spi for tek in teks}
    fresh = [tek for tek in teks if tek.spi not in known]
    over = _over(known.values(), wanted)
    gone = [tek for tek in known.values() if tek.spi not in wanted and tek not in over]
    gone += _adopted(group, {policy.spi for policy in state.sa.teks}, bool(fresh), now)
    for settings in group.settings.teks:
        own = Succession(tek for tek in (*teks, *over) if tek.settings.name == settings.name)
        keyring.teks.follow(settings.name, own, now)
    _follow_kek(group, kek, fresh, gone, now)


def _in_step(told: Iterable[GroupTek], known: Set[bytes]) -> Iterator[GroupTek]:
    """Of those that we are told, newest first, the ones that are known or newer than these.

    An older one went when all had changed to what is known. A root whose clock was put back gives
    it out again: our members would take it for the newest.
    """
    met = set()
    for tek in told:
        if tek.spi in known:
            met.add(tek.settings.name)
        if tek.spi in known or tek.settings.name not in met:
            yield tek


def _over(known: Iterable[GroupTek], wanted: set[bytes]) -> list[GroupTek]:
    """Of those that are known, newest first, the ones that members are about to drop themselves.

    The other server gives them to nobody new any more, but the one behind them: told to delete
    them now, our members could not read who changes late.
    """
    found, followed = [], set()
    for tek in known:
        if tek.spi in wanted:
            followed.add(tek.settings.name)
        elif tek.settings.name in followed:
            found.append(tek)
    return found


def _adopted(group: Group, told: set[bytes], replaced: bool, now: float) -> list[GroupTek]:
    """Which of the orphans are over: what replaces them is there, or nothing will.

    ``told``: the SPIs that the other server still gives out.
    """
    over = [tek for tek in group.orphans if replaced or tek.spi not in told]
    group.orphans = [tek for tek in group.orphans if tek not in over]
    return [tek for tek in over if tek.expires > now]


def _follow_kek(
    group: Group, kek: GroupKek | None, fresh: list[GroupTek], gone: list[GroupTek], now: float
) -> None:
    current = group.keyring.kek
    if current is None:
        if kek is not None:
            group.keyring.take_over(kek)
        return
    rolled = kek if kek is not None and current.kek.spi != kek.kek.spi else None
    if kek is not None and rolled is None:
        # The root rolls it by its own clock, which may have stood still for a while.
        current.created = kek.expires - current.settings.lifetime
    if rolled or fresh or gone:
        group.push.send("rekey", now, kek=rolled, teks=fresh, deletes=tek_deletion(gone))
    if rolled is not None:
        # Each server counts what it pushes itself: a gap would tell members that they missed some.
        rolled.sequence = 0
        group.keyring.take_over(rolled)
