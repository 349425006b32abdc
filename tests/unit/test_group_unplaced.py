# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What devices have beyond a description is named by where it stands, in each of their lists."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.unplaced import unplaced

LISTS = [
    ("server", ("ike", "proposals")),
    ("server", ("ike", "policies")),
    ("server", ("ike", "gateways")),
    ("server", ("ipsec", "proposals")),
    ("server", ("groups",)),
    ("member", ("ike", "proposals")),
    ("member", ("ike", "policies")),
    ("member", ("ike", "gateways")),
    ("member", ("ipsec", "vpns")),
]


def sides(side, place, entry):
    config = [entry]
    for part in reversed(place):
        config = {part: config}
    return {"server": {}, "member": {}} | {side: config}


@pytest.mark.parametrize(("side", "place"), LISTS)
def test_an_option_without_a_place_is_named_with_the_entry_that_has_it(side, place):
    entry = {"name": "one", "shoe_size": 47}
    assert list(unplaced("ny", sides(side, place, entry))) == [
        f"ny: {side} {' '.join(place)} one shoe_size: no place in a description"
    ]
    assert list(unplaced("ny", sides(side, place, {"name": "one"}))) == []


@pytest.mark.parametrize("side", ["server", "member"])
@pytest.mark.parametrize("config", [{"traceoptions": {}}, {"ike": {"traceoptions": {}}}])
def test_tracing_is_named_where_it_stands(side, config):
    where = " ike" if "ike" in config else ""
    (line,) = unplaced("ny", {"server": {}, "member": {}} | {side: config})
    assert line == f"ny: {side}{where} traceoptions: no place in a description"
