# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pictures of messages show what the key server and its members do."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from dev.ladders import IMAGES, LADDERS, drawn


@pytest.mark.parametrize("name", LADDERS)
def test_a_ladder_is_the_run_that_it_shows(name, signing_key):
    title, run = LADDERS[name]
    picture = drawn(run(signing_key), title)
    assert (IMAGES / f"{name}.svg").read_text("utf-8") == picture, "run python -m dev.ladders"


@pytest.mark.parametrize("name", LADDERS)
def test_nothing_of_a_ladder_stands_outside_the_picture(name):
    root = etree.parse(str(IMAGES / f"{name}.svg")).getroot()
    width, height = map(int, root.get("viewBox").split()[2:])
    for box in root.findall("{*}rect")[1:]:
        left, wide = int(box.get("x")), int(box.get("width"))
        assert 0 <= left <= left + wide <= width
    for text in root.findall("{*}text"):
        assert 0 <= int(text.get("y")) <= height


def test_the_page_shows_every_ladder():
    page = (IMAGES.parent / "messages.md").read_text("utf-8")
    assert re.findall(r"!\[.+\]\(images/(\w+)\.svg\)", page) == list(LADDERS)
