# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replies that several threads read: libxml2's dictionaries of names are for one at a time."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.xml import parse_document
from lxml import etree

from tests.keyserver.test_parsing import document


def wrong(seed: int) -> int:
    """How many of some replies are not what was sent; a list is read in pieces, as it comes."""
    rng, found = random.Random(seed), 0
    parse_document(b"<hello/>")
    for _ in range(12):
        octets, names = document(rng)
        fed = etree.XMLParser()
        fed.feed(octets)
        found += [one.tag for one in fed.close()] != names
        assert parse_document(b"<ok/>").tag == "ok"
    return found


def test_replies_that_are_read_at_the_same_time_keep_their_names():
    parse_document(b"<hello/>")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wrong, range(8))) == 0
