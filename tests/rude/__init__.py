# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rude NETCONF server: SSH that works, a configuration kept honestly, and manners by script.

The reference key server is polite. Here every answer can be an error, a warning, both, silence,
late, cut off, garbled or somebody else's, as :class:`Fault` says; :class:`Box` keeps what such a
device would really have committed, who holds its lock and what awaits confirmation, so that a test
can ask. The faults are those of public bug reports.
"""

from tests.rude.device import PASSWORD, USER, Box, Commit, box, set_lines
from tests.rude.manners import Fault, Manner, Stage
from tests.rude.operations import BASE, rpc_error
from tests.rude.server import END, RudeServer, hello

__all__ = [
    "BASE",
    "END",
    "PASSWORD",
    "USER",
    "Box",
    "Commit",
    "Fault",
    "Manner",
    "RudeServer",
    "Stage",
    "box",
    "hello",
    "rpc_error",
    "set_lines",
]
