# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``serve`` and files with what it does not understand: refused by line, or left out by name."""

from __future__ import annotations

import pytest

from tests.lab import ask
from tests.processes import Process

CONFIG = """\
set system host-name hub-1
set system frob 1
set security group-vpn server group G1 group-id 7
set security group-vpn server group G1 group-id frob
set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24
"""
LEFT_OUT = ("line 2: ", "line 4: ")


@pytest.fixture
def written(lab):
    lab.add_device("hub-1", "v2", CONFIG, strict=False)
    lab.write()
    return lab


def test_a_server_does_not_start_with_what_it_does_not_understand_and_names_all_of_it(written):
    process = Process("serve", written.file)
    try:
        for place in LEFT_OUT:
            process.wait_for(place)
        assert process.ended(60) == 2
        assert not any("Traceback" in line or "ready:" in line for line in process.output)
    finally:
        process.stop()


def test_a_lenient_server_starts_without_it_and_names_it(written):
    process = Process("serve", written.file, "--lenient")
    try:
        process.wait_for("ready:")
        named = [line for line in process.output if "left out: " in line]
        assert len(named) == len(LEFT_OUT)
        for place, line in zip(LEFT_OUT, named, strict=True):
            assert place in line
            assert "hub-1.conf" in line
        kept = ask(written, "hub-1", "get-configuration")
        assert "<host-name>hub-1</host-name>" in kept
        assert "<group-id>7</group-id>" in kept
        assert "192.0.2.1/24" in kept
        assert "frob" not in kept
    finally:
        process.stop()


def test_a_lenient_server_does_not_start_with_what_is_no_configuration(written):
    (written.path / "hub-1.conf").write_text("<configuration><system>")
    process = Process("serve", written.file, "--lenient")
    try:
        process.wait_for("keyserver: ")
        assert process.ended(60) == 2
        assert not any("Traceback" in line for line in process.output)
    finally:
        process.stop()
