# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine, on tables and data that nobody wrote by hand."""

from __future__ import annotations

import json

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.change import (
    change_xml,
    edits,
    headed,
    set_lines,
    to_string,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.compare import difference
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State, plan
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import wanted_tree
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.resource import Resource
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.schema import (
    Branch,
    Leaf,
    List,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.secret import Secret
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.shape import Given, as_config
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import (
    Configuration,
    Reading,
    active,
    tidied,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.words import quote
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import (
    RESOURCE as MEMBER,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import (
    RESOURCE as SERVER,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.keyserver.steps import Steps
from tests.unit.tables import tables, trees

V2 = Generation.V2
PREFIX = ("security", "group-vpn", "root")


def resource_of(root):
    return Resource("generated", PREFIX, root, tuple(root.by_name))


@st.composite
def readings(draw, root, tree):
    """A configuration of a tree, with some of it inactive."""
    paths = list(_paths(root, tree, ()))
    inactive = draw(st.lists(st.sampled_from(paths), unique=True, max_size=2)) if paths else []
    return Reading(Configuration(tree, frozenset(inactive)))


def _paths(node, tree, path):
    for name, value in tree.items():
        child, here = node.by_name[name], (*path, name)
        if isinstance(child, List):
            for key, entry in value.items():
                yield (*here, key)
                yield from _paths(child, entry, (*here, key))
        elif isinstance(child, Branch):
            yield here
            yield from _paths(child, value, here)
        elif isinstance(child, Leaf) and child.many:
            yield from ((*here, item) for item in value)
        else:
            yield here


# The other direction, written for the tests alone


def curly(node, tree, marks, path=(), depth=0):
    """Curly-brace text of a tree."""
    lines = []
    for name, value in tree.items():
        child, here = node.by_name[name], (*path, name)
        entries = value.items() if isinstance(child, List) else [(None, value)]
        for key, inside in entries:
            place = here if key is None else (*here, key)
            mark = "inactive: " if place in marks else ""
            head = mark + headed(child, key)
            if isinstance(child, Branch):
                body = curly(child, inside, marks, place, depth + 1)
                lines += [f"{head} {{", *body, "}"] if body else [f"{head};"]
            elif child.many and any((*here, item) in marks for item in inside):
                about = {item: "inactive: " * ((*here, item) in marks) for item in inside}
                lines += [f"{mark}{name} {quote(item)};" for item, mark in about.items()]
            elif child.many:
                lines.append(f"{name} [ {' '.join(quote(item) for item in inside)} ];")
            else:
                lines.append(f"{head};" if inside is True else f"{head} {quote(_plain(inside))};")
    return lines


def as_json(node, tree, marks, arrays, path=()):
    """Junos' JSON of a tree, with arrays everywhere or only where they are needed."""
    found = {}
    for name, value in tree.items():
        child, here = node.by_name[name], (*path, name)
        if isinstance(child, List):
            found[name] = []
            for key, entry in value.items():
                inside = as_json(child, entry, marks, arrays, (*here, key))
                mark = {"@": {"inactive": True}} if (*here, key) in marks else {}
                found[name].append({"name": key, **mark, **inside})
        elif isinstance(child, Branch):
            mark = {"@": {"inactive": True}} if here in marks else {}
            inside = {**mark, **as_json(child, value, marks, arrays, here)}
            found[name] = [inside] if arrays else inside
        elif child.many:
            found[name] = list(value)
            about = [{"inactive": True} if (*here, i) in marks else None for i in value]
            if any(about):
                found[f"@{name}"] = about
        else:
            found[name] = [None] if value is True else _plain(value)
            if here in marks:
                found[f"@{name}"] = {"inactive": True}
    return found


def _plain(value):
    return value.reveal() if isinstance(value, Secret) else str(value)


def rendered(root, configuration):
    """A configuration as a device would send it: XML with its marks."""
    change = edits(root, Configuration(), configuration, V2)
    element = change_xml(PREFIX, change, reveal=True)
    for path in configuration.inactive:
        _find(root, element.find("/".join(PREFIX)), path).set("inactive", "inactive")
    return element


def _find(node, element, path):
    steps = list(path)
    while steps:
        name = steps.pop(0)
        child = node.by_name[name]
        found = element.findall(name)
        if isinstance(child, List):
            key = steps.pop(0)
            element = next(e for e in found if e.findtext("name") == key)
        elif isinstance(child, Leaf) and child.many:
            key = steps.pop(0)
            element = next(e for e in found if (e.text or "") == key)
        else:
            (element,) = found
        node = child
    return element


def enclosed(lines):
    return "\n".join(["security { group-vpn { root {", *lines, "} } }"])


@settings(max_examples=80, deadline=None)
@given(root=tables(), data=st.data())
def test_what_was_rendered_reads_back_the_same_in_every_form(root, data):
    tree = data.draw(trees(root))
    before = data.draw(readings(root, tree)).explicit
    resource, marks = resource_of(root), before.inactive
    deactivate = [f"deactivate {' '.join(PREFIX)} {_words(root, path)}" for path in marks]
    lines = set_lines(PREFIX, edits(root, Configuration(), before, V2)) + deactivate
    texts = [etree.tostring(rendered(root, before), encoding="unicode")]
    texts.append(enclosed(curly(root, tree, marks)))
    texts.append("\n".join(lines) or "set security group-vpn root")
    for arrays in (False, True):
        document = {"root": as_json(root, tree, marks, arrays)}
        document = {"configuration": {"security": {"group-vpn": document}}}
        texts.append(json.dumps(document))
    for text in texts:
        found = resource.parse(text)
        assert found.explicit == before, text
        assert found.in_force(root) == active(root, before)
        assert not found.notes


def _words(node, path):
    words, steps = [], list(path)
    while steps:
        child = node.by_name[steps[0]]
        words.append(steps.pop(0))
        if (isinstance(child, List) or (isinstance(child, Leaf) and child.many)) and steps:
            words.append(quote(steps.pop(0)))
        node = child
    return " ".join(words)


@settings(max_examples=120, deadline=None)
@given(root=tables(), state=st.sampled_from([*State]), data=st.data())
def test_a_change_leads_where_the_plan_says_and_a_second_plan_is_empty(root, state, data):
    have = data.draw(readings(root, data.draw(trees(root))))
    want = data.draw(trees(root))
    after = plan(root, have, want, state)
    change = edits(root, have.explicit, after, V2)
    # Set lines: taken in after those of what is there, as the CLI would.
    there = set_lines(PREFIX, edits(root, Configuration(), have.explicit, V2))
    there += [f"deactivate {' '.join(PREFIX)} {_words(root, p)}" for p in have.explicit.inactive]
    script = there + set_lines(PREFIX, change)
    reached = resource_of(root).parse("\n".join(script) or "set security group-vpn root")
    assert _same(root, reached.explicit, after)
    # XML says what the set lines say.
    element = change_xml(PREFIX, change, reveal=True)
    assert _same(root, _loaded(root, have.explicit, element), after)
    again = plan(root, Reading(after), want, state)
    assert not edits(root, after, again, V2)
    assert bool(change) == bool(difference(PREFIX, root, have.explicit, after, V2))


def _same(root, one, other):
    """Equal, the order of entries included where the user decides it."""
    return one == other and _orders(root, one.tree) == _orders(root, other.tree)


def _orders(node, tree):
    found = []
    for child in node.children:
        value = tree.get(child.name)
        if value is None or not isinstance(child, Branch):
            continue
        if isinstance(child, List):
            keys = list(value) if child.user_ordered else sorted(value)
            found.append((keys, [_orders(child, value[key]) for key in keys]))
        else:
            found.append(_orders(child, value))
    return found


def _loaded(root, before, element):
    """``load merge`` of a change, as Junos documents the attributes."""
    tree = json_free_copy(before.tree)
    inactive = set(before.inactive)
    _load(root, tree, inactive, element.find("/".join(PREFIX)), ())
    return Configuration(tree, frozenset(inactive))


def json_free_copy(value):
    return {k: json_free_copy(v) for k, v in value.items()} if isinstance(value, dict) else value


def _load(node, tree, inactive, element, path):
    for part in element:
        if part.tag == "name" and "name" not in node.by_name:
            continue
        child = node.by_name[part.tag]
        owner, name, here = tree, part.tag, (*path, part.tag)
        if isinstance(child, List) and part.findtext("name") is not None:
            owner, name = tree.setdefault(part.tag, {}), part.findtext("name")
            here = (*here, name)
        if part.get("active"):
            inactive.discard((*here, part.text) if _many(child) and part.text else here)
        if part.get("delete"):
            _remove(owner, name, part.text if _many(child) else None)
            gone = (*here, part.text) if _many(child) else here
            inactive -= {p for p in inactive if p[: len(gone)] == gone}
            if isinstance(child, List) and not owner:
                del tree[part.tag]
        elif isinstance(child, Branch):
            _load(child, owner.setdefault(name, {}), inactive, part, here)
            _place(tree, part, name)
        elif _many(child):
            if part.text is not None:
                owner[name] = tuple(dict.fromkeys((*owner.get(name, ()), part.text)))
        else:
            owner[name] = _read(child, part.text)


def _many(child):
    return isinstance(child, Leaf) and child.many


def _remove(owner, name, item):
    if item is None:
        del owner[name]
        return
    left = tuple(i for i in owner[name] if i != item)
    if left:
        owner[name] = left
    else:
        del owner[name]


def _place(tree, part, name):
    if part.get("insert"):
        order = [key for key in tree[part.tag] if key != name]
        at = 0 if part.get("insert") == "first" else order.index(part.get("name")) + 1
        order.insert(at, name)
        tree[part.tag] = {key: tree[part.tag][key] for key in order}


def _read(leaf, text):
    return {"FLAG": lambda: True, "INTEGER": lambda: int(text)}.get(leaf.kind.name, lambda: text)()


@settings(max_examples=50, deadline=None)
@given(root=tables(), data=st.data())
def test_options_are_the_tree_in_another_shape(root, data):
    resource = resource_of(root)
    tree = data.draw(trees(root))
    given_back = Given(resource, as_config(resource, tree))
    assert not given_back.objections
    assert given_back.tree == tree


@pytest.mark.parametrize("resource", [SERVER, MEMBER], ids=lambda resource: resource.name)
@settings(max_examples=12, deadline=None)
@given(generation=st.sampled_from(Generation), data=st.data())
def test_what_is_gathered_beside_what_is_inactive_overrides_without_a_change(
    resource, generation, data
):
    root = resource.root
    have = data.draw(readings(root, tidied(root, data.draw(trees(root, generation)))))
    config = as_config(resource, have.in_force(root), secrets=True)
    want = resource.rules.fitted(Given(resource, config).tree, have, generation)
    after = plan(root, have, want, State.OVERRIDDEN)
    assert not edits(root, have.explicit, after, generation)


@settings(max_examples=100, deadline=None)
@given(generation=st.sampled_from(Generation), data=st.data())
def test_overridden_puts_in_force_what_is_given_whatever_sleeps_there(generation, data):
    root = SERVER.root
    have = data.draw(readings(root, tidied(root, data.draw(trees(root, generation)))))
    want = tidied(root, data.draw(trees(root, generation)))
    after = plan(root, have, want, State.OVERRIDDEN)
    assert as_config(SERVER, active(root, after)) == as_config(SERVER, want)


@pytest.mark.parametrize("resource", [SERVER, MEMBER], ids=lambda resource: resource.name)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_real_table_reads_back_what_it_renders_in_every_form(resource, data):
    root, prefix = resource.root, resource.prefix
    for generation in Generation:
        before = Configuration(tidied(root, data.draw(trees(root, generation))))
        change = edits(root, Configuration(), before, generation)
        lines = "\n".join(set_lines(prefix, change))
        masked = resource.parse(lines or f"set {' '.join(prefix)}")
        body = "\n".join(curly(root, before.tree, frozenset()))
        for text in (
            to_string(change_xml(prefix, change, reveal=True)),
            f"{' { '.join(prefix)} {{\n{body}\n{'}' * len(prefix)}",
        ):
            found = resource.parse(text)
            assert found.explicit == before
            shown = as_config(resource, found.explicit.tree)
            assert shown == as_config(resource, masked.explicit.tree)


def gateways_planned(count):
    """How much is done to find that a server of so many gateways is as described."""
    gateways = "".join(
        f"<gateway><name>gw-{n}</name><ike-policy>p</ike-policy><address>192.0.2.1</address></gateway>"
        for n in range(count)
    )
    policy = "<policy><name>p</name></policy>"
    groups = "".join(
        f"<group><name>G{n}</name><group-id>{n + 1}</group-id>"
        + "".join(f"<ike-gateway><name>gw-{g}</name></ike-gateway>" for g in range(n, count, 50))
        + "</group>"
        for n in range(50)
    )
    inside = f"<server><ike>{policy}{gateways}</ike>{groups}</server>"
    inside = f"<configuration><security><group-vpn>{inside}</group-vpn></security></configuration>"
    reply = etree.fromstring(f"<rpc-reply>{inside}</rpc-reply>")
    with Steps() as counted:
        have = SERVER.read(reply)
        config = as_config(SERVER, have.in_force(SERVER.root))
        want = wanted_tree(SERVER, config, V2)
        wanted = plan(SERVER.root, have, want, State.OVERRIDDEN)
        assert not edits(SERVER.root, have.explicit, wanted, V2)
    return counted.count


def test_what_a_server_of_many_gateways_costs_to_plan_grows_with_them():
    steps = gateways_planned(1000)
    assert steps < 2.2 * gateways_planned(500)
    assert steps < 1_000_000
