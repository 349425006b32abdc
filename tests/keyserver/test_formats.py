# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whole SRX configurations in every format: read, shown as a device shows them, read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from keyserver.config.apply import apply
from keyserver.config.edit import LoadError, Operation
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.read_json import read_json
from keyserver.config.read_set import read_set
from keyserver.config.read_text import read_text
from keyserver.config.read_xml import read_xml
from keyserver.config.show import to_json, to_set, to_text, to_xml
from keyserver.config.tree import COMMENTS

CONFIGURATIONS = sorted((Path(__file__).parent / "configurations").glob("*.conf"))
V2 = junos_schema(Generation.V2)
FORMATS = {
    "text": (
        lambda schema, tree: to_text(schema, tree),
        lambda schema, text: read_text(schema, text),
    ),
    "xml": (
        lambda schema, tree: etree.tostring(
            to_xml(schema, tree, etree.Element("configuration")), pretty_print=True
        ),
        lambda schema, text: read_xml(schema, etree.fromstring(text)),
    ),
    "json": (
        lambda schema, tree: json.dumps(to_json(schema, tree), indent=4),
        lambda schema, text: read_json(schema, text),
    ),
}


def from_edits(schema, edits, problems):
    tree = {}
    assert problems + apply(schema, tree, edits, Operation.MERGE) == []
    return tree


def from_set(schema, text):
    tree = {}
    for edit in read_set(schema, text):
        assert not isinstance(edit, LoadError), edit
        assert apply(schema, tree, [edit], Operation.MERGE) == []
    return tree


def without_comments(tree):
    return {
        name: without_comments(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name != COMMENTS
    }


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_whole_configuration_is_shown_line_for_line_as_it_was_written(path):
    text = path.read_text()
    assert to_text(V2, from_edits(V2, *read_text(V2, text))) == text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_what_a_format_shows_of_a_whole_configuration_it_also_reads(path, form):
    tree = from_edits(V2, *read_text(V2, path.read_text()))
    show, read = FORMATS[form]
    again = from_edits(V2, *read(V2, show(V2, tree)))
    assert again == tree
    assert to_text(V2, again) == to_text(V2, tree)  # the order of the user's lists, too


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_set_lines_say_everything_but_the_comments(path):
    tree = from_edits(V2, *read_text(V2, path.read_text()))
    again = from_set(V2, "\n".join(to_set(V2, tree)))
    assert without_comments(again) == without_comments(tree)
