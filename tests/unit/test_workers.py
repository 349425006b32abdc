# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who runs which test: what shares something stays together, all else goes to who is free."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from tests.lab import ROOT
from tests.processes import free_ports
from tests.workers import scheduled, scope

# One shares an audit, one has a lab for each test, one is quick.
SHARING, APART, QUICK = (
    "tests/integration/test_audit.py",
    "tests/integration/test_gate.py",
    "tests/unit/test_gate.py",
)


class Worker:
    """One that has been told what to run and has not run any of it."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.told: list[int] = []

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.told += numbers

    def shutdown(self) -> None:
        self.shutting_down = True


@pytest.mark.parametrize("file", [SHARING, QUICK])
def test_a_file_that_shares_something_or_is_quick_stays_with_one_worker(file):
    assert scope(f"{file}::test_a[x::y]") == scope(f"{file}::test_b") == file


def test_a_test_with_a_lab_of_its_own_goes_to_any_worker():
    assert scope(f"{APART}::test_a[x::y]") == f"{APART}::test_a[x::y]"


def test_nothing_that_lives_longer_than_a_test_is_made_once_for_each_worker():
    """What is made for a class or a package is not looked for."""
    for file in (ROOT / "tests" / "integration").glob("test_*.py"):
        text = file.read_text("utf-8")
        assert not any(f'scope="{kind}"' in text for kind in ("class", "package", "session")), file


def test_workers_share_out_what_a_file_does_not_keep_together():
    tests = [f"{APART}::test_{n}" for n in range(6)] + [f"{SHARING}::test_{n}" for n in range(6)]
    config = SimpleNamespace(
        getvalue=lambda _name: ["2*popen"], option=SimpleNamespace(loadscopereorder=False)
    )
    workers = [Worker("gw0"), Worker("gw1")]
    scheduler = scheduled(config, None)
    for worker in workers:
        scheduler.add_node(worker)
    for worker in workers:
        scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    ran: list[set[str]] = [set(), set()]
    while any(worker.told for worker in workers):
        for worker, files in zip(workers, ran, strict=True):
            if worker.told:
                number = worker.told.pop(0)
                files.add(tests[number].partition("::")[0])
                scheduler.mark_test_complete(worker, number)
    assert scheduler.tests_finished
    assert sum(APART in files for files in ran) == 2
    assert sum(SHARING in files for files in ran) == 1


def test_a_port_that_somebody_has_at_another_address_of_loopback_is_not_free():
    one, two = free_ports(2, socket.SOCK_DGRAM)
    due = two + (two - one)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind(("127.0.9.99", due))
        assert free_ports(1, socket.SOCK_DGRAM) != [due]
