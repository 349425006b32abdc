# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments that are a variable's own value: to name one alone, no template need be compiled.

To compile and run a template costs a worker a millisecond, and the first one three more, because it
touches so much of the memory that workers share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.template import is_trusted_as_template

_NAME = re.compile(r"\{\{ ?(?!(?:true|false|none|self)\b)([a-z_]\w*) ?\}\}", re.ASCII | re.I)
"""What means a variable to Jinja, whatever it is called."""


def named(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value with numbers and words in place of the variables that are named for them.

    Whatever else a template may be, or lead to, is left to Ansible.
    """
    if isinstance(value, str):
        return _own(value, variables)
    if isinstance(value, dict):
        return {key: named(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [named(part, variables) for part in value]
    return value


def _own(text: str, variables: Mapping[str, Any]) -> Any:
    name = _NAME.fullmatch(text)
    if name is None or not is_trusted_as_template(text):
        return text
    found = variables.get(name[1])
    return found if isinstance(found, str | int | float) else text
