# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where on a device the keys are kept that a Group VPN command asks for."""

from __future__ import annotations

from ...arguments import Argument, number, one_of

PLACE = (
    Argument("fpc", number(0, 0)),
    Argument("pic", number(0, 0)),
    Argument("kmd-instance", one_of("all", "kmd1")),
)
"""Where the key daemon runs: the emulator has one, on the first PIC."""
