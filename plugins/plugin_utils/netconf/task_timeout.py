# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible's own time limit of a task (``timeout``, ``ANSIBLE_TASK_TIMEOUT``).

It is an alarm whose handler raises in whatever runs: in the middle of a request on a session that
holds a lock, or behind a commit that was accepted, and the task's result says then that nothing has
changed.
"""

from __future__ import annotations

import signal

_ANSIBLE = "ansible."


def no_longer_ends_the_task() -> None:
    """Take the limit away: from here on a device is changed, and its own timeouts are the limits.

    Alarms that are not Ansible's stay.
    """
    handler = signal.getsignal(signal.SIGALRM)
    if str(getattr(handler, "__module__", "")).startswith(_ANSIBLE):
        signal.alarm(0)
