# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make faults``: the table of stages and faults that ``tests/integration/test_rude.py`` walks."""

from __future__ import annotations

import sys

from tests.lab import COLLECTIONS


def main() -> None:
    """Walk the table and print it as Markdown: the device, its lock, what the task reports."""
    sys.path.insert(0, str(COLLECTIONS))
    from tests.integration import test_rude

    sys.stdout.write(test_rude.markdown(test_rude.walk()) + "\n")


if __name__ == "__main__":
    main()
