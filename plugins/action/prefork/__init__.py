# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is done once in Ansible's main process, before it forks a worker for each host.

Ansible loads an action's file there, so whatever is imported or looked up now is paid once for the
play and not once for each host. This is the only module of the collection that acts when it is
imported. (A package, because each file in this folder would need a module of its name.)
"""

from __future__ import annotations

import gc

# isort: split
# What is imported stays: to look for garbage in it again and again while it grows would be a tenth
# of what the imports cost.
gc.disable()

from .. import bytecode

bytecode.keep()

# isort: split

import contextlib
from pathlib import Path

from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template

from ...plugin_utils.netconf import libraries, transports

CONNECTION = "groupvpn.junos.netconf"
_TIMER_SLACK = Path("/proc/self/timerslack_ns")

if not libraries.MISSING:
    transports.warm_up()

# While all forks are busy, Ansible looks for a free one every 0.1 ms, and that takes the processor
# from those it waits for. Linux may let a sleep be 3 ms longer (proc(5)), which no user notices
# beside a login; other systems have no such file.
with contextlib.suppress(OSError):
    _TIMER_SLACK.write_text("3000000")

# The connection with its option definitions: each worker would parse them again.
connection_loader.get(CONNECTION, class_only=True)

# So would each that meets a template make what reads templates.
Templar().template(trust_as_template("{{ 0 }}"))

# A worker that collects garbage writes to every object that it inherited, and so copies the
# memory that it shares with the main process: a tenth of what a task costs.
gc.freeze()
gc.enable()
