# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every worker needs that logs in to a device.

A task that logs in nowhere does not import it: the smaller the main process is, the less does a
fork cost. (A package, as the one around it.)
"""

from __future__ import annotations

import gc

# isort: split
# What is imported stays: to look for garbage in it again and again while it grows would be a tenth
# of what the imports cost.
gc.disable()

from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template

from ....plugin_utils.netconf import libraries, transports

CONNECTION = "groupvpn.junos.netconf"

if not libraries.MISSING:
    transports.warm_up()

# The connection with its option definitions: each worker would parse them again.
connection_loader.get(CONNECTION, class_only=True)

# So would each that meets a template make what reads templates.
Templar().template(trust_as_template("{{ 0 }}"))

gc.freeze()
gc.enable()
