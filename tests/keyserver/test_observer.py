# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The observer itself: what it adds up is right, or nothing that it says of others is."""

from __future__ import annotations

import random

from tests.keyserver.observer import Observer, Standing


def standing(sends_with, *receives_with):
    return Standing(sends_with, frozenset(receives_with))


def observed(*members):
    observer = Observer()
    for number, one in enumerate(members):
        observer.saw(f"m{number}", one, 0.0)
    observer.begin(0.0)
    return observer


def test_members_with_the_same_key_understand_each_other():
    report = observed(*[standing("a", "a")] * 5).report(10.0)
    assert (report.together, report.apart, report.gaps) == (5 * 4 * 10, 0, 0)


def test_each_pair_is_counted_in_both_directions():
    # The second receives with both keys already, the first with the old one only.
    report = observed(standing("a", "a"), standing("b", "a", "b")).report(3.0)
    assert report.apart == 3.0
    report = observed(standing("a", "a"), standing("b", "b")).report(3.0)
    assert report.apart == 6.0


def test_a_member_without_a_key_is_apart_from_everybody_and_its_time_is_told():
    observer = observed(standing("a", "a"), standing("a", "a"), standing(None))
    observer.saw("m2", standing("a", "a"), 4.0)
    report = observer.report(10.0)
    assert (report.apart, report.without_tek, report.longest_without_tek) == (16.0, 4.0, 4.0)
    assert report.gaps == 1


def test_a_gap_is_counted_once_however_many_changes_it_sees():
    observer = observed(standing("a", "a"), standing("a", "a"), standing("a", "a"))
    observer.saw("m0", standing("b", "a", "b"), 1.0)
    observer.saw("m1", standing("b", "a", "b"), 2.0)
    observer.saw("m2", standing("b", "a", "b"), 3.0)
    report = observer.report(9.0)
    assert (report.gaps, report.apart) == (1, 2.0 + 2.0)


def test_listed_but_deaf_and_alive_but_unlisted_are_told_apart():
    observer = observed(standing("b", "a", "b"), standing("b", "a", "b"), standing("a", "a"))
    observer.lists(["m0", "m2"], 0.0)
    report = observer.report(5.0)
    assert (report.deaf, report.unlisted) == (5.0, 5.0)
    assert observer.unreadable() == {"m2": {"b"}}


def test_who_is_switched_off_is_not_missed():
    observer = observed(standing("a", "a"), standing("a", "a"), standing("b", "b"))
    observer.gone("m2", 0.0)
    assert observer.report(5.0).apart == 0.0


def test_counting_by_changes_agrees_with_counting_pairs():
    chance = random.Random(11)
    observer, members = Observer(), {}
    for step in range(400):
        name = f"m{chance.randrange(8)}"
        sends = chance.choice([None, "a", "b", "c"])
        members[name] = standing(sends, *chance.sample("abc", chance.randrange(4)))
        observer.saw(name, members[name], float(step))
        observer.begin(float(step))
        apart = sum(
            one.sends_with not in other.receives_with
            for a, one in members.items()
            for b, other in members.items()
            if a != b
        )
        assert observer.report(step + 0.5).apart == apart * 0.5
