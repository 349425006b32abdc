# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m dev.schema [--write]``: compare the kept table with the YANG, or write it anew.

``JUNOS_YANG_DIR`` has Juniper's modules of 22.4R1, and in ``24.4R1`` (``conf-with-extensions`` of
the family ``junos-es`` in github.com/Juniper/yang) those of the release that marks how statements
are shown. What the earlier one has besides is taken, too, and what others had (``earlier.json.z``).
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path

from .adjust import whole_table, without_systems
from .earlier import earlier_releases, modules

RELEASE = "24.4R1"
KEPT = Path(__file__).parents[2] / "keyserver/config/statements.json.z"


def generated(folder: Path) -> bytes:
    """The table's JSON; the same modules always give the same octets."""
    before = modules(folder)
    besides = [(before, without_systems(before)), *earlier_releases()]
    table = whole_table(modules(folder / RELEASE), besides)
    return json.dumps(table, separators=(",", ":")).encode()


def main(arguments: list[str]) -> int:
    """0 when the kept table is the one that the modules give."""
    home = os.environ.get("JUNOS_YANG_DIR")
    if not home or not (Path(home) / RELEASE).is_dir():
        print(f"schema: JUNOS_YANG_DIR: {home}: {RELEASE} of github.com/Juniper/yang is expected")
        return 2
    made = generated(Path(home))
    if "--write" in arguments:
        KEPT.write_bytes(zlib.compress(made, 9))
        print(f"schema: {len(made)} octets of JSON, {KEPT.stat().st_size} kept in {KEPT.name}")
        return 0
    if zlib.decompress(KEPT.read_bytes()) != made:
        print(f"schema: {KEPT.name} is not what {RELEASE} gives; run python -m dev.schema --write")
        return 1
    print(f"schema: {KEPT.name} is what {RELEASE} gives")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
