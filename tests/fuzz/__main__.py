# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m tests.fuzz [libFuzzer options]``: coverage-guided fuzzing with atheris.

The first octet of an input picks the target. Findings are left in ``build/fuzz``; they are to be
added to ``corpus``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

_INSTRUMENTED = ["cluster", "config", "gdoi", "ike", "netconf"]
with atheris.instrument_imports(include=[f"keyserver.{room}" for room in _INSTRUMENTED]):
    from tests.fuzz.targets import TARGETS, corpus, feed

_NAMES = list(TARGETS)


def one(octets: bytes) -> None:
    """One input."""
    if octets:
        feed(_NAMES[octets[0] % len(_NAMES)], octets[1:])


FINDINGS = Path(__file__).parents[2] / "build" / "fuzz"
FINDINGS.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as directory:
    for number, name in enumerate(_NAMES):
        for index, seed in enumerate(corpus(name)):
            (Path(directory) / f"{name}-{index}").write_bytes(bytes([number]) + seed)
    atheris.Setup([*sys.argv, f"-artifact_prefix={FINDINGS}/", directory], one)
    atheris.Fuzz()
