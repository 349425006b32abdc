# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every task that a page or a plugin shows is one that the collection takes."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.handler import Handler
from ansible.template import Templar, trust_as_template

from dev.module_pages import MODULES, ROLES
from tests.lab import ROOT

ACTIONS = "ansible_collections.groupvpn.junos.plugins.action"
OURS = "groupvpn.junos."
KEYWORDS = {*Handler.fattributes, "block", "rescue", "always"}
PLACES = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
INCLUDES = tuple(f"ansible.builtin.{verb}_role" for verb in ("import", "include"))
PAGES = ("*.md", "docs/**/*.md", "roles/*/README.md")
BOOKS = ("playbooks/*.yml", "playbooks/tasks/*.yml", "roles/*/tasks/*.yml", "extensions/**/*.yml")
PLUGINS = ("plugins/*/*.py", "extensions/eda/**/*.py")
# What a template stands for, by the type of its option.
STAND_INS = {"int": 1, "float": 1.0, "bool": True, "dict": {}, "list": [], "raw": {}}
_FENCED = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_WRITTEN = re.compile(r"^cat > \S+\.yml <<'(\w+)'\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_EXAMPLES = re.compile(r'^EXAMPLES = r?"""\n(.*?)"""', re.DOTALL | re.MULTILINE)


def texts() -> Iterator[tuple[str, str]]:
    """(where, YAML) of pages' blocks and files, plugins' examples, our own playbooks and roles."""
    for file in (file for pattern in (*PAGES, *BOOKS, *PLUGINS) for file in ROOT.glob(pattern)):
        text, where = file.read_text("utf-8"), str(file.relative_to(ROOT))
        if file.suffix == ".yml":
            yield where, text
        for body in _EXAMPLES.findall(text) if file.suffix == ".py" else ():
            yield where, body
        for _, body in _FENCED.findall(text) if file.suffix == ".md" else ():
            # `...` for what a page leaves out.
            yield where, textwrap.dedent(body).replace("...}", "}")
        for _, body in _WRITTEN.findall(text) if file.suffix == ".md" else ():
            yield where, body


def tasks(document: Any) -> Iterator[dict[str, Any]]:
    """What a list of tasks or plays has, however deep in blocks; blocks, too."""
    for one in document if isinstance(document, list) else ():
        if "hosts" not in one:
            yield one
        for place in PLACES:
            yield from tasks(one.get(place))


def plays(document: Any) -> Iterator[dict[str, Any]]:
    yield from (one for one in document if "hosts" in one) if isinstance(document, list) else ()


def action_of(task: dict[str, Any]) -> list[str]:
    """What a task has besides Ansible's keywords: the action, and whatever is misspelt."""
    return [key for key in task if key not in KEYWORDS and not re.match(r"with_\w", key)]


TEXTS = list(texts())
DOCUMENTS = [(where, yaml.safe_load(text)) for where, text in TEXTS]
TASKS = [(where, task) for where, document in DOCUMENTS for task in tasks(document)]


def filled(value: Any, option: dict[str, Any]) -> Any:
    """A value as the option may have it when its templates are filled in."""
    inside = option.get("options", {})
    if isinstance(value, str) and "{{" in value:
        first = (option.get("choices") or ["text"])[0]
        return STAND_INS.get(option.get("type", "str"), first)
    if isinstance(value, dict) and inside:
        kept = {key: one for key, one in value.items() if "omit" not in str(one)}
        return {key: filled(one, inside.get(key, {})) for key, one in kept.items()}
    if isinstance(value, list):
        element = {**option, "type": option.get("elements", "str")}
        return [filled(one, element) for one in value]
    return value


def objections(module: str, given: dict[str, Any]) -> list[str]:
    action = importlib.import_module(f"{ACTIONS}.{module}").ActionModule
    spec = {"options": action.options.get("argument_spec", {})}
    return action.check(filled(given or {}, spec))[1]


def test_every_task_that_is_shown_is_one_action_by_its_full_name():
    assert len(TASKS) > 150
    wrong = [
        (where, names)
        for where, task in TASKS
        if len(names := action_of(task)) != ("block" not in task)
        or not all(re.fullmatch(r"\w+\.\w+\.\w+", name) for name in names)
    ]
    assert wrong == []


def test_every_play_and_task_that_is_shown_has_a_name():
    """As ansible-lint wants it of whoever copies one."""
    shown = [*TASKS, *((where, play) for where, document in DOCUMENTS for play in plays(document))]
    assert [(where, list(one)[:2]) for where, one in shown if not one.get("name")] == []


def test_every_task_of_ours_that_is_shown_has_the_options_of_its_module():
    # What the collection's own roles leave out by a template, those who run them find.
    ours = [
        (where, name.removeprefix(OURS), task[name])
        for where, task in TASKS
        for name in action_of(task)
        if name.startswith(OURS) and "/tasks/" not in where
    ]
    assert {module for _, module, _ in ours} == set(MODULES)
    checked = [(where, module, objections(module, given)) for where, module, given in ours]
    assert [one for one in checked if one[2]] == []


def roles_shown() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(where, role, variables) of each use of a role of ours."""
    for where, task in TASKS:
        for verb in INCLUDES:
            if verb in task:
                yield where, task[verb]["name"], task.get("vars", {})
    for where, document in DOCUMENTS:
        for role in (role for play in plays(document) for role in play.get("roles", ())):
            yield where, role["role"], role.get("vars", {})


def test_every_use_of_a_role_that_is_shown_has_variables_of_the_role():
    uses = [use for use in roles_shown() if use[1].startswith(OURS)]
    assert {name.removeprefix(OURS) for _, name, _ in uses} == set(ROLES)
    wrong = []
    for where, name, given in uses:
        known = _variables(name.removeprefix(OURS))
        wrong += [(where, name, variable) for variable in given if variable not in known]
    assert wrong == []


def _variables(role: str) -> set[str]:
    file = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    specs = yaml.safe_load(file.read_text("utf-8"))["argument_specs"]
    return {option for entry in specs.values() for option in entry.get("options", {})}


@pytest.mark.parametrize(
    ("sources", "beside"),
    [
        (["/fleet/inventory.yml"], "/fleet"),
        (["/fleet/inventory"], "/fleet"),
        (["hub-1,hub-2,", "/fleet/more"], "/fleet"),
        (["hub-1,"], "."),
    ],
)
def test_the_report_of_an_audit_lies_beside_the_inventory(sources, beside):
    (where,) = (
        play["vars"]["audit_beside"]
        for file, document in DOCUMENTS
        for play in (plays(document) if file == "playbooks/audit.yml" else ())
        if "audit_beside" in play.get("vars", {})
    )
    templar = Templar(loader=DataLoader(), variables={"ansible_inventory_sources": sources})
    assert templar.template(trust_as_template(where)) == beside


def test_every_filter_and_module_of_ours_that_is_named_is_there():
    there = {
        file.stem for kind in ("filter", "modules") for file in ROOT.glob(f"plugins/{kind}/*.py")
    }
    there |= {*ROLES, "netconf", "registered_members"}
    there |= {file.stem for file in ROOT.glob("playbooks/*.yml")}
    named = {
        (where, name)
        for where, text in TEXTS
        for name in re.findall(r"groupvpn\.junos\.(\w+)", text)
    }
    assert {one for one in named if one[1] not in there} == set()
