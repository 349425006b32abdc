# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible's time limit of a task: it ends readings, and nothing that is being changed."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running import work
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.clearing import (
    Request as Clear,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.clearing import clear
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import Rpc

from tests.integration.test_rude import RESOURCE, Client, change, target
from tests.rude import RudeServer, box

FOR_EVER = 10_000
BLOCK = {"encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
LIST = "<multi-routing-engine-results/><security-group-vpn-server-registered-members/>"
STATISTICS = (
    "<security-group-vpn-server-stats><group-vpn-group-name>G1</group-vpn-group-name>"
    "<group-vpn-pull-sent>7</group-vpn-pull-sent></security-group-vpn-server-stats>"
)


def _clear(rpc: Rpc) -> None:
    clear(rpc, Clear(statistics=True))


CHANGES: dict[str, Callable[[Rpc], object]] = {
    "a change": lambda rpc: change(rpc, block={"group": "G1", **BLOCK}),
    "a clear": _clear,
    "new keys": lambda rpc: work.new_keys(rpc, "G1"),
    "a registration": lambda rpc: work.renew(rpc, Generation.V2, [1]),
}
READINGS: dict[str, Callable[[Rpc], object]] = {
    "a reading": lambda rpc: views.gather(RESOURCE, rpc),
    "a check of a clear": lambda rpc: clear(rpc, Clear(statistics=True, check=True)),
}


def _raise(_signal: int, _frame: object) -> None:
    raise AssertionError("the alarm is hours away")


_raise.__module__ = "ansible._internal"


@pytest.fixture
def alarm():
    """An alarm as Ansible sets it; how much of it is left."""
    before = signal.signal(signal.SIGALRM, _raise)
    signal.alarm(FOR_EVER)
    yield lambda: signal.getitimer(signal.ITIMER_REAL)[0]
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


ANSWERS = {
    "get-security-group-vpn-server-stats": STATISTICS,
    "get-security-group-vpn-server-registered-members": LIST,
    **dict.fromkeys(
        (
            "clear-security-group-vpn-server",
            "clear-security-group-vpn-server-statistics",
            "clear-gvpn-group-information",
        ),
        "",
    ),
}


@pytest.fixture
def client():
    with RudeServer(box("G1")) as server, Client(target(server), "paramiko") as client:
        server.box.answers = ANSWERS
        yield client


@pytest.mark.parametrize("job", CHANGES)
def test_who_changes_something_is_no_longer_ended(alarm, client, job):
    CHANGES[job](client.rpc())
    assert not alarm()


@pytest.mark.parametrize("job", READINGS)
def test_who_reads_may_be_ended(alarm, client, job):
    READINGS[job](client.rpc())
    assert alarm()


def test_somebody_elses_alarm_stays(alarm, client):
    signal.signal(signal.SIGALRM, lambda *_: None)
    CHANGES["a change"](client.rpc())
    assert alarm()
