# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expressions of clients: they find what Python's own find, and hold nobody up."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from keyserver.config.expressions import Expression, NoExpression
from keyserver.config.values import posix
from tests.keyserver.console import Console, errors

ATOMS = ("a", "b", "A", ".", "[ab]", "[^a]", r"\.", "^", "$", "x", "[[:digit:]]", "1", "{", "é")
TIMES = ("", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,1}", "{0}")
REPEATED = st.tuples(st.sampled_from(ATOMS), st.sampled_from(TIMES)).map("".join)
PATTERNS = st.recursive(
    REPEATED,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(st.just("("), inner, st.just(")"), st.sampled_from(TIMES)).map("".join),
        st.tuples(inner, st.just("|"), inner).map("".join),
    ),
    max_leaves=6,
)


@given(pattern=PATTERNS, texts=st.lists(st.text("abAB.x1é{", max_size=7), min_size=3, max_size=3))
def test_what_is_found_is_what_python_finds(pattern, texts):
    assume(pattern)
    try:
        known = re.compile(posix(pattern).pattern, re.IGNORECASE)
    except re.error:
        with pytest.raises(NoExpression):
            Expression(pattern)
        return
    ours = Expression(pattern)
    for text in texts:
        event(f"{known.search(text) is not None}")
        assert ours.found_in(text) is (known.search(text) is not None), text


@pytest.mark.parametrize(
    "pattern",
    ["a*a*b", "[a-z]*.*x*!", "(a|aa)+b", "(a+)+b", "a?" * 60 + "a" * 60 + "b", "(a|a)" * 40 + "b"],
)
def test_no_expression_takes_longer_than_the_text_is_long(pattern):
    # Python's own would not come to an end.
    assert not Expression(pattern).found_in("a" * 5000)


@pytest.mark.parametrize(
    "pattern", ["", "a" * 251, "a{1,999}", "(a{1,99}){1,99}", r"(a)\1", r"\ba", "(?=a)", "(", "*a"]
)
def test_what_is_no_posix_expression_or_too_long_is_refused(pattern):
    with pytest.raises(NoExpression):
        Expression(pattern)


def test_what_is_remembered_of_a_text_has_its_bounds():
    many = Expression("(a|b)*a(a|b){9}c")
    text = "".join(chr(200 + n % 3000) for n in range(50_000))
    assert not many.found_in(text)
    assert many.found_in(f"{text}ababababababc")


def test_lines_are_found_by_alternatives():
    session = Console().session()
    command = '<command format="text">show configuration | match "{}"</command>'
    reply = session.rpc(command.format("host-name|(gm|nobody)-1 [{]"))
    lines = reply.findtext(".//configuration-output").split("\n")
    assert [line.split()[0] for line in lines if line] == ["host-name", "gateway"]
    assert "invalid regular expression" in errors(session.rpc(command.format("a(b")))[0]
