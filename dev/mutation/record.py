# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of mutants, kept from run to run: who was killed by a test that is still there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from dev.mutation.mutants import Mutant
from dev.mutation.reach import digest


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "killed by its time"
    SURVIVED = "survived"
    UNREACHED = "survived, no test reaches it"

    @property
    def alive(self) -> bool:
        """Whether no test noticed."""
        return self in (Outcome.SURVIVED, Outcome.UNREACHED)


@dataclass(frozen=True)
class Result:
    """An outcome, and the test that noticed ('' for none, or for a module that did not load)."""

    outcome: Outcome
    killer: str = ""


@dataclass(frozen=True)
class _Entry:
    """A result as it is kept: with digests of what it depends on."""

    outcome: str
    killer: str
    source: str
    test: str


class Record:
    """Results by name of mutant, as a file."""

    def __init__(self, place: Path, copy: Path) -> None:
        self._place, self._copy = place, copy
        kept = json.loads(place.read_text()) if place.exists() else {}
        self._entries = {name: _Entry(**entry) for name, entry in kept.items()}

    def killer(self, mutant: Mutant) -> str:
        """The test that noticed the last time, if any did."""
        entry = self._entries.get(mutant.name)
        return entry.killer if entry else ""

    def still(self, mutant: Mutant) -> Result | None:
        """The result, where a run would say the same: killed, and nothing has changed since."""
        entry = self._entries.get(mutant.name)
        if entry is None:
            return None
        result = Result(Outcome(entry.outcome), entry.killer)
        same = entry == self._entry(mutant, result)
        return result if same and not result.outcome.alive else None

    def keep(self, mutant: Mutant, result: Result) -> None:
        """Write a result down."""
        self._entries[mutant.name] = self._entry(mutant, result)
        entries = {name: asdict(entry) for name, entry in self._entries.items()}
        self._place.write_text(json.dumps(entries, indent=1, sort_keys=True))

    def _entry(self, mutant: Mutant, result: Result) -> _Entry:
        test = self._copy / result.killer.partition("::")[0] if result.killer else None
        return _Entry(
            result.outcome,
            result.killer,
            digest(self._copy / mutant.file),
            digest(test) if test else "",
        )
