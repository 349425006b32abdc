# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures that more than one kind of test needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, settings

from tests import warm
from tests.lab import COLLECTIONS, LabDirectory, hub_config
from tests.processes import Process
from tests.referees import left_out
from tests.workers import scheduled

if str(COLLECTIONS) not in sys.path:
    sys.path.insert(0, str(COLLECTIONS))

warm.wanted = hasattr(os, "pidfd_open") and not os.environ.get("COLD")
# How long an example takes, to be run or to be made, says how busy the machine is, and nothing
# about the code.
_untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("groupvpn", _untimed)
# A gate says the same of the same tree twice; every other run looks at examples of its own.
settings.register_profile("gate", _untimed, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "groupvpn")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what is about the transport libssh where there is none."""
    values = getattr(item, "callspec", None)
    if values and "libssh" in values.params.values() and find_spec("ssh") is None:
        pytest.skip("ssh-python is not installed")


@pytest.fixture
def lab(tmp_path: Path) -> LabDirectory:
    """An empty lab directory."""
    return LabDirectory(tmp_path)


@pytest.fixture
def hub(lab: LabDirectory) -> Iterator[Process]:
    """One v2 key server, ``hub-1``, with the groups G1 and G2 and two gateways, running."""
    members = {"gm-1": "127.0.1.1", "gm-2": "127.0.1.2"}
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", members, ("G1", "G2")))
    process = lab.serve()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def signing_key():
    """One small RSA key for all certificate names: making keys is slow."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return lambda name: key


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal with ``--dist loadfile``: what a file does not share, any worker takes."""
    return scheduled(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped, and how to have it."""
    skipped = terminalreporter.stats.get("skipped", [])
    lines = left_out(r.longrepr[2] for r in skipped if isinstance(r.longrepr, tuple))
    if lines:
        terminalreporter.section("left out here")
    for line in lines:
        terminalreporter.line(line)
