# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device's console, and a session on it."""

from __future__ import annotations

import pytest

from tests.keyserver.console import Console


@pytest.fixture
def console():
    return Console()


@pytest.fixture
def session(console):
    return console.session()
