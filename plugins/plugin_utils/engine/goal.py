# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a request brings a device to, and whether the device has come there."""

from __future__ import annotations

from dataclasses import replace

from ..errors import CommitDiffers
from ..netconf.libraries import etree
from .change import Edit, change_xml, edits
from .device import Device
from .draft import Draft, drafted, foresee, read_device, target_of
from .outcome import lacking, told, visible
from .reply import same
from .request import Request, fitted
from .secret import MASK
from .tree import Reading

_UNSEEN = ", or does not show it to a user without the permission 'secret'"


class RequestGoal:
    """A request's wishes, against what a device has meanwhile; see :class:`.transaction.Goal`."""

    def __init__(self, device: Device, request: Request, first: Draft) -> None:
        self._device, self._request, self._first = device, request, first
        self.draft = first
        self._taken: etree._Element | None = None
        self._besides: list[Edit] = []
        self._found: Reading | None = None

    @property
    def selection(self) -> etree._Element:
        """What is read of the device."""
        return self._request.resource.read_filter(self._first.generation)

    def missing(self) -> etree._Element | None:
        """What is to be loaded; None: nothing."""
        # Somebody may have committed between our reading and our lock.
        self.draft = drafted(self._device, self._request, self._first)
        change = self.draft.change
        return change_xml(self._request.resource.prefix, change, reveal=True) if change else None

    def lacking(self, database: str = "committed") -> str:
        """What the device has not taken, and what it has made of that.

        Raises CommitDiffers when it has committed something else than that.
        """
        outlook, resource = self.draft.outlook, self._request.resource
        reply = read_device(self._device, resource, outlook.generation, database)
        if self._taken is not None and same(self._taken, reply):
            return ""
        have = resource.read(reply)
        if database == "candidate":
            self._heed_sleep(have)
            outlook = self.draft.outlook
        self._besides, self._found = [], have
        words = ""
        if edits(resource.root, have.explicit, outlook.target, outlook.generation):
            words = self._differing(have)
        if words and database == "committed" and have != outlook.have:
            raise CommitDiffers(
                "commit: the device has committed, and has left out some of the change or made "
                f"something else of it{self._or_others}: {words}; look at what it has now"
            )
        self._taken = None if words else reply
        return words

    def _heed_sleep(self, have: Reading) -> None:
        """Judge the change anew where what it stands in is inactive, which was not shown before.

        A device may leave out an inactive hierarchy that holds nothing of what it was asked for.
        Raises Refused.
        """
        outlook = self.draft.outlook
        was, generation = outlook.have, outlook.generation
        marks = was.explicit.inactive | have.explicit.inactive
        hidden = have.ancestor_inactive and not was.ancestor_inactive
        if generation is None or not (hidden or marks - was.explicit.inactive):
            return
        known = replace(
            was,
            explicit=replace(was.explicit, inactive=marks),
            notes=have.notes,
            ancestor_inactive=have.ancestor_inactive,
        )
        self.draft = foresee(self._request, known, generation)

    @property
    def _or_others(self) -> str:
        """Beside a private copy others may commit; under the lock nobody does."""
        private = self._request.commit.private
        return ", or somebody else has committed besides" if private else ""

    def _differing(self, have: Reading) -> str:
        """What is lacking on a device that has something else than what was planned."""
        request, outlook, resource = self._request, self.draft.outlook, self._request.resource
        generation = outlook.generation
        want = fitted(resource, request.want, have, generation)
        target = target_of(request, have, want, generation)
        still = edits(resource.root, have.explicit, target, generation)
        left = lacking(still, outlook.have.explicit.tree, have.explicit.tree)
        self._besides = edits(resource.root, outlook.target, have.explicit, generation)
        made = told(resource.prefix, self._besides)
        lacks = told(resource.prefix, left)
        unseen = _UNSEEN if MASK in lacks else ""
        return f"it lacks: {lacks} (it has made of it: {made}){unseen}" if left else ""

    def come(self) -> Draft:
        """The change as the device has made it, which it says when that is not what was planned."""
        found, outlook, resource = self._found, self.draft.outlook, self._request.resource
        if found is None:
            return self.draft
        after = found.in_force(resource.root)
        asleep = found.ancestor_inactive and not outlook.have.ancestor_inactive
        if shown := visible(self._besides):
            more = told(resource.prefix, shown)
            self._device.warn(
                f"the device has made by itself of the change{self._or_others}: {more}"
            )
        elif self._besides or asleep:
            # A secret is not shown, or somebody has deactivated it beside this change.
            for note in found.notes:
                self._device.warn(note)
        elif after != outlook.after:
            # A group's value is seen only where none stands above it.
            self._device.warn(
                "configuration groups bring in what this change uncovers: see 'after'"
            )
        return self.draft._replace(outlook=outlook._replace(after=after))
