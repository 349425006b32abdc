# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The picture of the house in docs/architecture.md is the house."""

from __future__ import annotations

import fnmatch
import re

import pytest

from dev.house.__main__ import floors
from tests.lab import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PICTURE = PAGE.partition("```text\n")[2].partition("```")[0]
CORE = ROOT / "plugins" / "plugin_utils"
# How it is started is not a room.
ENTRANCE = {"__main__"}


def core_drawn(picture: str = PICTURE) -> list[str]:
    """The rooms of the collection's core, from the top down."""
    drawn = picture.partition("plugins/plugin_utils/")[2].partition("plugins/connection")[0]
    return re.findall(r"^   (\w+)  ", drawn, re.M)


def key_server_drawn(picture: str = PICTURE) -> set[str]:
    """The rooms of the key server; a line may name several."""
    lines = re.findall(r"keyserver/(\w+(?:, \w+)*)  |keyserver/(\w+(?:, \w+)*)$", picture, re.M)
    return {name for line in lines for names in line for name in names.split(", ") if name}


def modules(room: str) -> list[str]:
    """Modules and folders of a room of the core."""
    inside = [path for path in (CORE / room).iterdir() if path.is_dir() or path.suffix == ".py"]
    return [path.stem for path in inside if not path.stem.startswith("__")]


def rooms(container: str) -> list[list[str]]:
    return dict(floors())[container]


def test_the_core_is_drawn_from_its_upper_floor_to_its_lowest():
    drawn = iter(core_drawn())
    for floor in rooms("plugins.plugin_utils"):
        assert {next(drawn) for _room in floor} == set(floor)
    assert list(drawn) == []


def test_every_room_of_the_key_server_is_drawn_and_no_other():
    built = {room for floor in rooms("keyserver") for room in floor} - ENTRANCE
    assert key_server_drawn() == built


@pytest.mark.parametrize("room", ["members", "cluster"])
def test_a_room_that_is_drawn_no_more_is_noticed(room):
    without = re.sub(rf"(?m)^.*\b{room}  .*\n", "", PICTURE)
    drawn, left = ({*core_drawn(p), *key_server_drawn(p)} for p in (PICTURE, without))
    assert drawn - left == {room}


@pytest.mark.parametrize("room", ["engine", "group", "members", "audit"])
def test_the_page_names_every_module_of_a_large_room_and_no_other(room):
    table = PAGE.partition(f"| what | module of `{room}/` |")[2].partition("\n\n")[0]
    rows = "".join(row.split("|")[-2] for row in table.splitlines()[2:])
    assert sorted(re.findall(r"`(\w+)`", rows)) == sorted(modules(room))


def test_the_picture_names_every_module_that_talks_and_no_other():
    drawn = PICTURE.partition("   netconf ")[2].partition("\n   errors")[0]
    named = re.findall(r"[\w*]+", " ".join(re.findall(r"\s{2,}([\w*, ]+): ", " " + drawn)))
    assert len(named) > len(rooms("plugins.plugin_utils"))
    there = modules("netconf")
    assert [name for name in named if not fnmatch.filter(there, name)] == []
    assert [one for one in there if not any(fnmatch.fnmatch(one, name) for name in named)] == []
