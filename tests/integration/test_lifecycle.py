# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The collection's playbooks, as the page on a Group VPN's life runs them, on emulated devices."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import ANSIBLE_PLAYBOOK, ROOT, ansible_environment
from tests.processes import Process, ended, free_ports

PAGE = ROOT / "docs" / "howto" / "lifecycle.md"
EXAMPLE = ROOT / "playbooks" / "example"
MARK = "=== step "
PLAYBOOKS = sorted(f"groupvpn.junos.{file.stem}" for file in (ROOT / "playbooks").glob("*.yml"))


def _blocks(kind: str, language: str) -> dict[str, str]:
    text = PAGE.read_text("utf-8")
    found = re.findall(rf"<!-- {kind}: (\w+) -->\n```{language}\n(.*?)```", text, re.DOTALL)
    return dict(found)


def _other_ports(directory: Path) -> None:
    """The lab and its inventory at ports that nobody uses."""
    files = [directory / "lab.yml", directory / "inventory" / "hosts.yml"]
    netconf = sorted(set(re.findall(r"\b83\d\d\b", files[0].read_text())))
    (gdoi,) = free_ports(1, socket.SOCK_DGRAM)
    ports = dict(zip(netconf, map(str, free_ports(len(netconf))), strict=True))
    ports["8480"] = str(gdoi)
    for file in files:
        file.write_text(re.sub("|".join(ports), lambda m: ports[m[0]], file.read_text()))


def _shell(script: str, where: Path) -> tuple[int, str]:
    """Exit status and output; whatever it has started ends with it."""
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=where,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=900)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("lifecycle") / "example"
    shutil.copytree(EXAMPLE, place)
    _other_ports(place)
    return place


def test_the_page_names_every_playbook():
    named = set(re.findall(r"`(groupvpn\.junos\.\w+)`", PAGE.read_text()))
    assert sorted(named) == PLAYBOOKS


def _commands(example: Path) -> Iterator[str]:
    """Every step in one shell; only the ports and the directory are other ones."""
    for name, step in _blocks("step", "sh").items():
        yield f"echo '{MARK}{name}'\n" + step.replace("make env\n", "").replace(
            "mkdir -p build && cp -R playbooks/example build/lifecycle && cd build/lifecycle",
            f"cd '{example}'",
        ).replace("../..", str(ROOT)).replace(
            '"$PWD/.venv/bin:$PATH"', f'"{Path(sys.executable).parent}:$PATH"'
        )


def test_a_group_vpn_lives_as_the_page_says(example):
    code, output = _shell("\n".join(_commands(example)), ROOT)
    assert code == 0, output[-4000:]
    said = {part.partition("\n")[0]: part.partition("\n")[2] for part in output.split(MARK)[1:]}
    for name, text in _blocks("shown", "text").items():
        left = said[name]
        for line in text.splitlines():
            _before, found, left = left.partition(line)
            assert found, f"step {name} does not say, in this place: {line}\n{said[name]}"
    assert "made-up-key" not in output


# What the guards refuse; whoever reaches a device in these says so.


@pytest.fixture
def devices(example) -> Iterator[Path]:
    shutil.rmtree(example / "state", ignore_errors=True)
    for file in ("members.yml", "group_vars/all/description.yml", "group_vars/all/keys.yml"):
        shutil.copy(EXAMPLE / "inventory" / file, example / "inventory" / file)
    process = Process("serve", example / "lab.yml")
    try:
        process.wait_for("ready:", 60)
        yield example
    finally:
        process.stop()


def _playbook(name: str, where: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**ansible_environment(), "ANSIBLE_STDOUT_CALLBACK": "default"}
    command = [ANSIBLE_PLAYBOOK, f"groupvpn.junos.{name}", *options]
    return ended(command, cwd=where, env=environment)


@pytest.mark.parametrize(
    ("name", "how", "given"),
    [
        ("add_site", "-e site=NAME", ()),
        ("remove_site", "-e site=NAME", ("-e", "site=")),
        ("rotate_keys", """-e '{"sites": ["NAME"]}'""", ()),
    ],
)
def test_a_playbook_that_is_for_somebody_says_so_before_it_asks_a_device(example, name, how, given):
    done = _playbook(name, example, *given)
    assert done.returncode != 0
    said = " ".join(done.stdout.split()).replace('\\"', '"')
    assert f"Whom it is for is not given: run it with {how}; nothing was touched." in said
    assert "UNREACHABLE" not in said


def test_an_audit_without_any_server_is_no_success(example):
    done = _playbook("audit", example, "--limit", "site-1")
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert re.search(
        r"Nobody would be audited: hub-\S+, .* of the description: not in the play", said
    )
    assert "UNREACHABLE" not in said


def test_a_playbook_stops_before_it_does_more_than_it_is_for(devices):
    assert _playbook("build", devices).returncode == 0
    members = devices / "inventory" / "members.yml"
    text = members.read_text()
    none_such = _playbook("add_site", devices, "-e", "site=site-4")
    assert none_such.returncode != 0
    assert "site-4 should be a member and is not" in none_such.stdout
    still_there = _playbook("remove_site", devices, "-e", "site=site-3")
    assert still_there.returncode != 0
    assert "site-3 should not be a member and is" in still_there.stdout
    one_name = _playbook("rotate_keys", devices, "-e", "sites=site-9")
    assert "site-9 should be a member and is not" in " ".join(one_name.stdout.split())
    # One joins, and another would leave with it.
    members.write_text(text.replace("# site-4", "site-4").replace("    site-3:", ""))
    both = _playbook("add_site", devices, "-e", "site=site-4")
    assert both.returncode != 0
    assert "that leave: site-3" in " ".join(both.stdout.split())
    for other in ("rotate_keys", "raise_algorithms", "rekey_settings", "replace_server"):
        refused = _playbook(other, devices, "-e", '{"sites": ["site-1"]}')
        assert refused.returncode != 0, other
        assert "asks for more than this playbook is for" in refused.stdout
    drifted = _playbook("audit", devices)
    assert drifted.returncode != 0
    assert "The devices are not as described" in drifted.stdout
    members.write_text(text)
    outside = {"rotate_keys": "hub-1", "add_site": "site-1"}
    for other, limit in outside.items():
        left_out = _playbook(
            other, devices, "-e", "sites=site-1", "-e", "site=site-1", "--limit", limit
        )
        assert left_out.returncode != 0, other
        said = " ".join(left_out.stdout.split())
        assert "Nothing would come of it: " in said
        assert ("site-1: not in the play" in said) is (limit == "hub-1")
        assert ("because hub-1 was not looked at" in said) is (limit == "site-1")
    # None of them has touched a device.
    assert "plan: nothing to change" in _playbook("build", devices).stdout
