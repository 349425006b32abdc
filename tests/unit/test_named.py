# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments that name a variable alone: they mean what Ansible's templates would have made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.template import Templar, trust_as_template
from ansible_collections.groupvpn.junos.plugins.action.named import named

_VARIABLES: dict[str, Any] = {
    "number": 600,
    "fraction": 1.5,
    "flag": True,
    "off": False,
    "word": "aes-256-cbc",
    "empty": "",
    "nothing": None,
    "Größe": "a name that is not ASCII",
    "lines": "one\ntwo\n",
    "octal": "0600",
    "braced": "a { b",
    "jinja": "{{ number }}",
    "leads_on": trust_as_template("{{ word }}-{{ number }}"),
    "list": [1, trust_as_template("{{ word }}")],
    "mapping": {"a": trust_as_template("{{ flag }}")},
    "round": trust_as_template("{{ round }}"),
    "true": "not this",
    "none": "nor this",
    "self": "nor this",
    "_private": "x",
    "lookup": "a variable, not the function",
}
_NAMES = [*_VARIABLES, "undefined", "range", "omit", "no-name", "number + 1", "word | upper"]
_FORMS = ["{{ %s }}", "{{%s}}", "{{  %s  }}", "{{- %s -}}", "{{ %s }}\n", "a {{ %s }}", "%s"]


def _outcome(value: Any, before: Any = lambda value: value) -> Any:
    templar = Templar(variables=_VARIABLES)
    try:
        return templar.template(before(value))
    except AnsibleError as error:
        return type(error), str(error).split(":")[0]


@pytest.mark.parametrize("form", _FORMS)
def test_an_argument_is_what_ansible_makes_of_it(form):
    for name in _NAMES:
        text = form % name
        for value in (text, trust_as_template(text)):
            config = [{"a": value, "b": [value], "c": {"d": value}}]
            ours = _outcome(config, lambda value: named(value, _VARIABLES))
            theirs = _outcome(config)
            assert (repr(ours), type(ours)) == (repr(theirs), type(theirs)), (text, value)


def test_what_names_a_number_or_a_word_is_no_template_any_more():
    given = {"a": trust_as_template("{{ number }}"), "b": [trust_as_template("{{word}}")]}
    assert named(given, _VARIABLES) == {"a": 600, "b": ["aes-256-cbc"]}


def test_every_action_has_its_arguments_looked_up_so():
    from ansible_collections.groupvpn.junos.plugins.action.member import ActionModule

    templar = SimpleNamespace(available_variables=_VARIABLES, template=lambda value: value)
    given = [{"lifetime": trust_as_template("{{ number }}")}]
    assert ActionModule.finalize_task_arg("config", given, templar, None) == [{"lifetime": 600}]
