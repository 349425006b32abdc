# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bytecode is kept of this collection's modules as Python keeps it of all others.

Ansible reads a plugin's file as Python reads any, but compiles whatever a plugin imports of its
collection, in each run again: half of what the imports cost.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

from ansible.utils.collection_loader import AnsibleCollectionConfig

_OURS = __name__.removesuffix("action.bytecode")


@cache
def _folder(path: str) -> FileFinder:
    return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))


class _Finder:
    """Finds this collection's modules where Ansible would, for Python's own loader."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not name.startswith(_OURS):
            return None
        found = filter(None, (_folder(folder).find_spec(name) for folder in path))
        # A folder without a file of its own is Ansible's to make a package of.
        return next((spec for spec in found if spec.loader is not None), None)


def keep() -> None:
    """Be asked before Ansible's own finder, where that is the one that is asked."""
    theirs = AnsibleCollectionConfig.collection_finder
    if theirs in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(theirs), _Finder)
