# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of a list while a load moves and renames its entries, thousands of them maybe."""

from __future__ import annotations

from .edit import Place
from .tree import Tree


class Ordering:
    """Who comes behind whom in one list; None is its end, and what comes before its start.

    What is moved or renamed costs the same however long the list is. The list itself has its new
    order when :meth:`write` is called; meanwhile entries may come to its end, and go.
    """

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree, self._name, self._held = tree, name, tree[name]
        keys: list[str] = list(self._held)
        self._following: dict[str | None, str | None] = dict(
            zip([None, *keys], [*keys, None], strict=True)
        )
        self._before = {following: key for key, following in self._following.items()}

    def is_of(self, tree: Tree, name: str) -> bool:
        """Whether this is about a list, which is still the same one."""
        return self._tree is tree and self._name == name and tree.get(name) is self._held

    def __contains__(self, key: str) -> bool:
        return key in self._before

    def forget(self, key: str) -> None:
        """An entry goes."""
        if key in self._before:
            before, following = self._before.pop(key), self._following.pop(key)
            self._following[before], self._before[following] = following, before

    def move(self, key: str, place: Place) -> None:
        """Put an entry somewhere else, or one that has just come."""
        self.forget(key)
        if place.before:
            self._put(key, self._following[None] if place.key is None else place.key)
        else:
            self._put(key, None if place.key is None else self._following[place.key])

    def rename(self, key: str, new: str) -> None:
        """Call an entry otherwise."""
        following = self._following[key]
        self.forget(key)
        self._put(new, following)

    def _put(self, key: str, following: str | None) -> None:
        before = self._before[following]
        self._following[before] = self._before[following] = key
        self._following[key], self._before[key] = following, before

    def write(self) -> None:
        """Give the list this order; what has come to it since stands at its end."""
        order: dict[str, None] = {}
        key = self._following[None]
        while key is not None:
            order[key] = None
            key = self._following[key]
        content = {key: self._held[key] for key in [*order, *self._held] if key in self._held}
        self._held.clear()
        self._held.update(content)
