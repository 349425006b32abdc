# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Generated tables of statements, and generated data for any table."""

from __future__ import annotations

from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import values
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import (
    Container,
    Kind,
    Leaf,
    List,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.secret import Secret
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from hypothesis import strategies as st

WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"])
# Names with all that quoting is for.
NAMES = st.text(st.sampled_from('ab1-_. "\\;{}[]#<&>/*ä'), min_size=1, max_size=6).filter(
    lambda name: name == name.strip()
)
# Few, so that what refers to something often finds it; of no interest to rules of quoting.
FEW_NAMES = st.sampled_from(["a", "b-1"])
_SAMPLES = {
    values.ipv4_address: "192.0.2.1",
    values.ip_address: "2001:db8::1",
    values.ipv4_prefix: "192.0.2.0/24",
    values.multicast_address: "233.252.0.1",
    values.interface: "ge-0/0/1.0",
    values.identifier: "a-1",
    values.hexadecimal: "abcdef01",
    values.key_text: "made up key",
    values.file_name: "trace",
}


@st.composite
def leaves(draw, name):
    kind = draw(st.sampled_from(list(Kind)))
    both = dict.fromkeys(Generation)
    return Leaf(
        name=name,
        kind=kind,
        values=dict.fromkeys(both, ("one", "two", "three")) if kind is Kind.ENUMERATION else {},
        ranges=dict.fromkeys(both, (0, 99)) if kind is Kind.INTEGER else {},
        many=kind is Kind.TEXT and draw(st.booleans()),
    )


@st.composite
def branches(draw, name, depth):
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    children = tuple(draw(nodes(f"{child}-{depth}", depth - 1)) for child in names)
    exclusive = ()
    if len(children) > 1 and draw(st.booleans()):
        exclusive = ((children[0].name, children[1].name),)
    if draw(st.booleans()):
        return Container(
            name=name, children=children, exclusive=exclusive, presence=draw(st.booleans())
        )
    bare = draw(st.booleans())
    return List(
        name=name,
        key=Leaf(name="name"),
        children=() if bare else children,
        exclusive=() if bare else exclusive,
        user_ordered=draw(st.booleans()),
    )


def nodes(name, depth):
    return leaves(name) if depth <= 0 else st.one_of(leaves(name), branches(name, depth))


@st.composite
def tables(draw):
    """A root with a tree of statements below."""
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    return Container(name="root", children=tuple(draw(nodes(name, 2)) for name in names))


def leaf_values(leaf, generation, names):
    if leaf.kind is Kind.FLAG:
        return st.just(True)
    if leaf.kind is Kind.INTEGER:
        return st.integers(*leaf.ranges[generation])
    if leaf.kind is Kind.ENUMERATION:
        return st.sampled_from(leaf.values[generation])
    one = st.just(_SAMPLES[leaf.form]) if leaf.form in _SAMPLES else names
    if leaf.many:
        return st.lists(one, min_size=1, max_size=3, unique=True).map(tuple)
    return one.map(Secret) if leaf.secret else one


@st.composite
def trees(draw, node, generation=Generation.V2, names=NAMES):
    """Data for a table: any statements but rivals."""
    tree = {}
    for child in node.children:
        if not child.known_to(generation) or not draw(st.booleans()):
            continue
        if not tree.keys().isdisjoint(node.rivals(child.name)):
            continue
        value = draw(values_of(child, generation, names))
        if value != {} or getattr(child, "presence", False):
            tree[child.name] = value
    return tree


@st.composite
def values_of(draw, child, generation, names):
    if isinstance(child, List):
        called = st.tuples(*(leaf_values(leaf, generation, names) for leaf in child.keys))
        keys = draw(st.lists(called, min_size=1, max_size=3, unique=True))
        # A shell is nothing but what stands in it.
        entries = {
            child.joined([str(part) for part in key]): draw(trees(child, generation, names))
            for key in keys
        }
        return {key: entry for key, entry in entries.items() if entry or not child.shell}
    if isinstance(child, Container):
        return draw(trees(child, generation, names))
    return draw(leaf_values(child, generation, names))
