# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of both sides shows what the role makes of the description beside it."""

from __future__ import annotations

import pytest
from lxml import etree

from dev.sides import DOCS, PICTURE, Line, drawn, joined, sides


@pytest.fixture(scope="module")
def both():
    return sides()


def test_the_picture_is_what_the_role_makes_of_the_pages_description(both):
    assert PICTURE.read_text("utf-8") == drawn(*both), "run python -m dev.sides"
    assert "](images/sides.svg)" in (DOCS / "group-vpn.md").read_text("utf-8")


def test_everything_that_a_member_has_to_say_like_its_server_is_joined(both):
    ours, theirs = both
    said = [
        (ours[one].text.split()[0], theirs[other].text.split()[0]) for one, other in joined(*both)
    ]
    same = ("authentication-method", "dh-group", "authentication-algorithm", "encryption-algorithm")
    assert said == [
        *((word, word) for word in (*same, "mode", "pre-shared-key")),
        ("local-address", "server-address"),
        ("address", "local-address"),
        ("group-id", "group"),
    ]


def test_a_value_that_differs_joins_nothing():
    ours, theirs = [Line(1, "dh-group group14;")], [Line(1, "dh-group group24;")]
    assert joined(ours, theirs) == []
    assert joined(ours, ours) == [(0, 0)]


def test_nothing_of_it_stands_outside_the_picture():
    root = etree.parse(str(PICTURE)).getroot()
    width, height = map(int, root.get("viewBox").split()[2:])
    for text in root.findall("{*}text"):
        assert 0 <= int(text.get("y")) <= height
        assert int(text.get("x")) + 7.3 * len(text.text) <= width
