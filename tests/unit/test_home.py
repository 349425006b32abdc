# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A home directory that cannot be looked into, or that nobody has: containers have both."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.lab import COLLECTIONS

ASK = """
import os, pwd
{before}
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import (
    known_hosts, openssh_command, ssh_files, transports)
{after}
target = transports.Target("192.0.2.1", 830, "netops")
ssh_files.SYSTEM = ssh_files.Path("/nowhere")
print(transports.ssh_is_configured(), [one.keys for one in known_hosts.known_keys(target)])
print(openssh_command.control_path(target))
"""
# root may look into everything.
OTHER_USER = "os.getuid() or os.setuid(65534)"
NO_HOME = "pwd.getpwuid = lambda number: {}[number]"


@pytest.mark.parametrize(
    ("home", "before", "after"),
    [("closed", "", OTHER_USER), (None, NO_HOME, "")],
    ids=["a home that is closed", "no home"],
)
def test_a_login_is_prepared_without_a_home_directory(tmp_path, home, before, after):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS), "TMPDIR": "/tmp"}
    environment.pop("HOME", None)
    if home:
        environment["HOME"] = str(closed)
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(before=before, after=after)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    configured, path = done.stdout.splitlines()
    assert configured == "False [(), ()]"
    # Logins are shared below the directory for temporary files.
    assert "/groupvpn-" in path
    assert [file.name for file in tmp_path.iterdir()] == ["closed"]
