# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every action of the collection does: check options, work, shape failures.

What is no action is a package here: each file beside the actions would need a module of its name.
"""

from __future__ import annotations

# First: whatever is imported of the collection is to be kept as bytecode.
from . import prefork  # noqa: F401

# isort: split

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ..plugin_utils.engine.objections import (
    path_objections,
    shape_objections,
    value_objections,
)
from ..plugin_utils.errors import GroupVpnError, Refused, all_legible
from .named import named


def plain(value: Any) -> Any:
    """Options without Ansible's tags, whose copying costs more than the validation itself."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


_READ = ("msg", "warnings", "diff", "screen", "verdict")
"""What of a result is for people: Ansible shows it on a terminal as it is."""


def named_of(host: str, message: str) -> str:
    return f"{host}: {message.removeprefix(f'{host}: ')}"


def _complaints(checked: ValidationResult) -> list[str]:
    """What is wrong with the options; Ansible's words for an unknown one lack their head."""
    return [
        f"Unsupported parameters: {error.msg}" if isinstance(error, UnsupportedError) else error.msg
        for error in checked.errors
    ]


class Action(ActionBase):
    """Base of the collection's action plugins."""

    _supports_check_mode = True
    _supports_async = False
    options: dict[str, Any] = {"argument_spec": {}}
    _validator: ArgumentSpecValidator

    def __init_subclass__(cls) -> None:
        # Building a validator costs as much as validating: once in the main process is enough.
        cls._validator = ArgumentSpecValidator(**cls.options)

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, context: Any) -> Any:
        """A task's argument as it is meant."""
        known = named(value, templar.available_variables)
        return super().finalize_task_arg(name, known, templar, context)

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the options, do the work, turn failures into one clear message."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        result.update(self._judged(plain(self._task.args)))
        # Ansible prints equal warnings once for all hosts.
        result["warnings"] = [self.told(line) for line in result.get("warnings", [])]
        result.update({name: all_legible(result[name]) for name in _READ if name in result})
        return result

    def _judged(self, given: dict[str, Any]) -> dict[str, Any]:
        """The result of the work, or why none was begun."""
        checked, objections = self.check(given)
        if objections:
            return {"failed": True, "msg": f"{self._host}: {'; '.join(objections)}"}
        return self._worked(checked)

    def _worked(self, options: dict[str, Any]) -> dict[str, Any]:
        """The result of the work, or of how it failed."""
        try:
            done = self.work(options)
            self._end_well()
        except GroupVpnError as error:
            lines = error.objections if isinstance(error, Refused) else [str(error)]
            return {
                "failed": True,
                "msg": "\n".join(map(self.told, lines)),
                # What may have been done is not reported as not done.
                "changed": error.may_have_changed,
                "warnings": list(error.warnings),
            }
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": named_of(self._host, str(error))}
        return done

    def _end_well(self) -> None:
        """What is to be done behind work that nothing has interrupted."""

    @classmethod
    def check(cls, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The options with their defaults, and what is wrong with them."""
        spec = cls.options["argument_spec"]
        judges = (shape_objections, value_objections, path_objections)
        objections = [objection for judge in judges for objection in judge(spec, given)]
        if objections:
            # Ansible's own check ends with a traceback on some of that.
            return {}, objections
        checked = cls._validator.validate(given)
        return checked.validated_parameters, _complaints(checked)

    def told(self, line: str) -> str:
        """A line of a failure or a warning, with who it is about."""
        return named_of(self._host, line)

    @property
    def _host(self) -> str:
        """Who is asked, as the inventory calls it: a task may be delegated to another device."""
        return str(self._task.delegate_to or self._task_vars.get("inventory_hostname", ""))

    @property
    def _asked(self) -> list[str]:
        """Whose answer this is: the play's host that runs the task, and whom it is delegated to."""
        return list(dict.fromkeys([str(self._task_vars.get("inventory_hostname", "")), self._host]))

    def _say(self, line: str) -> None:
        # Beside what a callback prints on standard output, which programs may read.
        self._display.display(all_legible(line), stderr=True)

    def work(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do what the module is for; its return values."""
        raise NotImplementedError
