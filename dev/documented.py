# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The documentation of a module, with that of the fragments that it extends."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import yaml

from tests.lab import COLLECTIONS

_PLUGINS = "ansible_collections.groupvpn.junos.plugins"


def documented(module: str) -> dict[str, Any]:
    """``DOCUMENTATION`` with what its fragments say of options; the module says it last."""
    if str(COLLECTIONS) not in sys.path:
        sys.path.insert(0, str(COLLECTIONS))
    source = importlib.import_module(f"{_PLUGINS}.modules.{module}")
    said: dict[str, Any] = yaml.safe_load(source.DOCUMENTATION)
    options = dict(said.get("options") or {})
    for fragment in said.get("extends_documentation_fragment", ()):
        for name, more in _fragment(*fragment.removeprefix("groupvpn.junos.").split(".")).items():
            options[name] = {**more, **options.get(name, {})}
    return {**said, "options": options}


def _fragment(name: str, part: str = "documentation") -> dict[str, Any]:
    source = importlib.import_module(f"{_PLUGINS}.doc_fragments.{name}").ModuleDocFragment
    options: dict[str, Any] = yaml.safe_load(getattr(source, part.upper())).get("options") or {}
    return options
