# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The benchmarks' limits: what a table's sentences say stands at the page's head."""

from __future__ import annotations

import pytest

from tests.benchmarks.limits import at_least, at_most, summary


@pytest.mark.parametrize(
    ("sentence", "row"),
    [
        (at_most("a start, CPU", 2, 1.5, " s"), "| a start, CPU | at most 2 s | 1.50 s | kept |"),
        (at_most("a play", 1.1, 1.11), "| a play | at most 1.1 x | 1.11 x | **missed** |"),
        (
            at_most("1,000 devices", 250, 250, " MB"),
            "| 1,000 devices | at most 250 MB | 250.00 MB | kept |",
        ),
        (at_least("a share", 65, 64.9, " %"), "| a share | at least 65 % | 64.90 % | **missed** |"),
        (at_least("a peer", 10, 10.9), "| a peer | at least 10 x | 10.90 x | kept |"),
    ],
)
def test_what_is_asked_stands_at_the_head_with_what_was_measured(sentence, row):
    table = (
        f"### A table\n\n| run | wall s |\n|---|---|\n| ours | 1.0 |\n\n{sentence}\n\nMeasured.\n"
    )
    assert list(summary([table]))[2:] == [row]


def test_tables_of_which_nothing_is_asked_add_nothing_to_the_head():
    assert not list(summary(["### A table\n\n| run |\n|---|\n| ours |\n"]))
