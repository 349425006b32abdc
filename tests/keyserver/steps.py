# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much is done, whatever else the machine has to do meanwhile."""

from __future__ import annotations

import sys


class Steps:
    """Counts the lines of Python, or its operations, that are gone through while it is entered."""

    def __init__(self, each: str = "line") -> None:
        self.count, self._each = 0, each

    def _line(self, frame, event, argument):
        self.count += event == self._each
        frame.f_trace_opcodes = self._each == "opcode"
        return self._line

    def __enter__(self) -> Steps:
        self._before = sys.gettrace()
        sys.settrace(self._line)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
