# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done once in Ansible's main process, before it forks a worker for each host.

Ansible loads an action's file there, so whatever is imported or looked up now is paid once for the
play and not once for each host. This is the only module of the collection that acts when it is
imported. (A package, because each file in this folder would need a module of its name.)
"""

from __future__ import annotations

import gc

# isort: split
# What is imported stays: to look for garbage in it again and again while it grows would be a tenth
# of what the imports cost.
gc.disable()

import sys
from collections.abc import Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template

CONNECTION = "groupvpn.junos.netconf"


_PLUGINS = __name__.rpartition(".action.")[0]


class _WithBytecode(MetaPathFinder):
    """Finds what the actions are made of as Python finds what is installed: compiled once.

    Ansible's own finder compiles every file of a collection anew in every run, which is half of
    what importing them costs.
    """

    _OURS = (f"{_PLUGINS}.plugin_utils.", f"{_PLUGINS}.action.")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(self._OURS):
            return None
        found = (_finder(place).find_spec(fullname, target) for place in path or ())
        return next((spec for spec in found if spec is not None), None)


@cache
def _finder(place: str) -> FileFinder:
    return FileFinder(place, (SourceFileLoader, SOURCE_SUFFIXES))


sys.meta_path.insert(0, _WithBytecode())

from ...plugin_utils.netconf import libraries, transports

if not libraries.MISSING:
    transports.warm_up()

# The connection with its option definitions: each worker would parse them again.
connection_loader.get(CONNECTION, class_only=True)

# So would each that meets a template make what reads templates.
Templar().template(trust_as_template("{{ 0 }}"))

# A worker that collects garbage writes to every object that it inherited, and so copies the
# memory that it shares with the main process: a tenth of what a task costs.
gc.freeze()
gc.enable()
