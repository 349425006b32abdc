# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role that keeps a lab running on a host: as processes, and as units of a real systemd."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import warm
from tests.lab import PASSWORD, PSK, ROOT, USER, LabDirectory, hub_config, play
from tests.processes import Process, free_ports

SITES = {"gm-1": "127.0.1.1"}
SYSTEMD = Path("/usr/lib/systemd/systemd")


def lab_document() -> dict[str, Any]:
    (netconf,), (gdoi,) = free_ports(1), free_ports(1, socket.SOCK_DGRAM)
    device = {
        "name": "hub-1",
        "netconf": {"address": "127.0.0.1", "port": netconf},
        "gdoi": {"address": "127.0.0.1", "port": gdoi},
        "users": [{"name": USER, "password": PASSWORD}],
        "config": "hub-1.conf",
    }
    member = {
        "name": "gm-1",
        "server": "hub-1",
        "group": 1,
        "address": SITES["gm-1"],
        "psk": PSK,
    }
    return {"devices": [device], "members": [member]}


class Host:
    """The role's host, which is this one."""

    def __init__(self, path: Path) -> None:
        self.lab = LabDirectory(path)
        self.directory = path / "a lab"
        self.variables: dict[str, Any] = {
            "reference_key_server_directory": str(self.directory),
            "reference_key_server_python": sys.executable,
            "reference_key_server_working_directory": str(ROOT),
            "reference_key_server_members": True,
            "reference_key_server_configs": {"hub-1.conf": hub_config("hub-1", "v2", SITES)},
            "reference_key_server_lab": lab_document(),
        }
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"hosts": {"box": local}}}
        (path / "inventory.yml").write_text(yaml.safe_dump(inventory))

    def _task(self, state: str, **more: Any) -> dict[str, Any]:
        include = {"ansible.builtin.include_role": {"name": "groupvpn.junos.reference_key_server"}}
        named = {f"reference_key_server_{name}": value for name, value in more.items()}
        return {
            **include,
            "vars": {**self.variables, **named, "reference_key_server_state": state},
        }

    def attempt(self, state: str, *options: str, **more: Any):
        return play(self.lab, [self._task(state, **more)], *options)

    def refused(self, state: str, *given: dict[str, Any]) -> list[str]:
        """What the role says, in one play, of each set of variables that it cannot take."""
        told = [
            {"block": [self._task(state, **one)], "rescue": [{"ansible.builtin.meta": "noop"}]}
            for one in given
        ]
        done = play(self.lab, told)
        failed = [o for task in done.tasks for o in task.values() if o.get("failed")]
        assert len(failed) == len(given), done.output[-3000:]
        return [one["msg"].replace("\n", " ") for one in failed]

    def run(self, state: str, **more: Any) -> bool:
        """Apply the role; whether it changed something."""
        result = self.attempt(state, **more)
        assert result.code == 0, result.output[-3000:]
        return any(o.get("changed") for task in result.tasks for o in task.values())

    def says(self, text: str) -> None:
        status = Process("status", self.directory / "lab.yml")
        status.wait_for(text)
        status.stop()

    def pid(self, command: str) -> int:
        return int((self.directory / f"{command}.pid").read_text())


@pytest.fixture
def host(tmp_path, monkeypatch) -> Iterator[Host]:
    one = Host(tmp_path)
    yield one
    if list(one.directory.glob("*.pid")):
        one.run("absent")
        assert not one.directory.exists()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with a lab."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_lab_starts_stays_changes_and_stops(host, stranger):
    """One life of a lab, for each run of the role costs seconds."""
    assert host.run("started")
    assert not host.run("started")
    host.says("group G1 (id 1)")
    # A number that went to a stranger does not count as running.
    os.kill(host.pid("serve"), signal.SIGKILL)
    (host.directory / "serve.pid").write_text(f"{stranger.pid}\n")
    assert host.run("started")
    host.says("group G1 (id 1)")
    before = host.pid("serve")
    # What stands there when a run is ended between writing the files and starting.
    (host.directory / ".groupvpn-lab").write_text("-")
    assert host.run("started")
    restarted = host.pid("serve")
    assert restarted != before
    document = host.variables["reference_key_server_lab"]
    document["devices"][0]["model"] = "srx345"
    assert host.run("started", members=False)
    assert host.pid("serve") != restarted
    assert not (host.directory / "members.pid").exists()
    assert host.run("stopped")
    host.says("is not reachable: nobody listens")
    # Nor is a stranger killed.
    (host.directory / "serve.pid").write_text(f"{stranger.pid}\n")
    assert not host.run("stopped")
    assert stranger.poll() is None
    assert host.run("absent")
    assert not host.directory.exists()
    assert not host.run("absent")


def test_a_lab_that_cannot_start_says_why(host):
    document = host.variables["reference_key_server_lab"]
    document["devices"][0]["config"] = "other.conf"
    result = host.attempt("started")
    assert result.code != 0
    assert "serve did not become ready" in result.output
    assert "other.conf" in result.output


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [("echo ready: 1", 0, "running\n"), ("exit 1", 1, "serve did not become ready; ")],
)
def test_a_lab_that_runs_is_not_taken_for_one_that_is_ready(tmp_path, end, code, said):
    """Who started it was ended before it knew, and now it is asked again."""
    program, going = tmp_path / "program", tmp_path / "go"
    waits = f"until [ -e '{going}' ]; do sleep 0.1; done"
    program.write_text(f"#!/bin/sh\n{waits}\n{end}\nuntil [ ! -e '{going}' ]; do sleep 0.1; done\n")
    program.chmod(0o700)
    variables = {"LAB": str(tmp_path), "COMMAND": "serve", "PYTHON": str(program), "MODULE": "-"}
    script = ROOT / "roles" / "reference_key_server" / "files" / "process.sh"
    command = [["sh", str(script), word] for word in ("start", "stop")]
    how: dict[str, Any] = {"env": {**os.environ, **variables}, "text": True}
    with subprocess.Popen(command[0], **how) as first:
        pid = tmp_path / "serve.pid"
        while not pid.exists() or b"lab.yml" not in _command_line(pid.read_text()):
            assert first.poll() is None
        first.kill()
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command[0], **how, **output) as second:
        with contextlib.suppress(subprocess.TimeoutExpired):
            second.wait(1)
        going.touch()
        told, _ = second.communicate(timeout=60)
    assert (second.returncode, told[: len(said)]) == (code, said)
    going.unlink()
    assert subprocess.run(command[1], **how, check=True).returncode == 0


def _command_line(pid: str) -> bytes:
    return Path(f"/proc/{pid.strip()}/cmdline").read_bytes() if pid.strip() else b""


def test_an_interpreter_without_the_package_is_told_what_to_give_it(host, tmp_path):
    result = host.attempt("started", working_directory=str(tmp_path))
    assert result.code != 0
    assert "has no groupvpn_keyserver: say what pip installs" in result.output


@pytest.mark.parametrize("state", ["started", "absent"])
def test_what_the_role_has_not_made_is_neither_used_nor_removed(host, tmp_path, state):
    """A file of the name lab.yml does not make a directory the role's."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "lab.yml").write_text("precious")
    directories = (str(tmp_path / "theirs"), "~", "/", "a-lab")
    for said in host.refused(state, *({"directory": one} for one in directories)):
        assert "a lab is removed with its directory" in said
    assert (tmp_path / "theirs" / "lab.yml").read_text() == "precious"


CANNOT_TAKE = [
    ({"configs": {"../hub-1.conf": "", "hub-1.conf": ""}}, "configs: ../hub-1.conf: a"),
    ({"configs": {".groupvpn-lab": "", "lab.yml": ""}}, "configs: .groupvpn-lab, lab.yml: a"),
    ({"name": "a lab"}, "name: a lab: units are called after it"),
    ({"lab": None}, "lab: is not given"),
]


def test_what_the_role_cannot_take_is_refused_before_anything_is_written(host):
    told = host.refused("started", *(given for given, _ in CANNOT_TAKE))
    for said, (_, words) in zip(told, CANNOT_TAKE, strict=True):
        assert f"reference_key_server_{words}" in said
    assert not host.directory.exists()


def test_check_mode_tells_what_a_first_run_would_do_and_does_nothing(host):
    result = host.attempt("started", "--check")
    assert result.code == 0, result.output[-3000:]
    assert not host.directory.exists()


# systemd runs as a user's manager in a mount namespace of its own, where /run and the home are
# empty; what it starts sees the same network as the rest.
_USERS_SYSTEMD = """
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR" "$HOME"
chmod 700 "$XDG_RUNTIME_DIR"
mount -t tmpfs tmpfs /var/lib/systemd
mkdir -p /var/lib/systemd/linger && touch "/var/lib/systemd/linger/$(id -un)"
"$SYSTEMD" --user >/dev/null 2>&1 &
manager=$!
end() {
    systemctl --user stop "*-serve.service" "*-members.service"
    kill $manager
    wait $manager
}
trap end EXIT
n=0
until systemctl --user show-environment >/dev/null 2>&1; do
    n=$((n + 1)); [ "$n" -lt 100 ] || exit 77; sleep 0.1
done
"$@"
"""
_NO_SYSTEMD = not SYSTEMD.exists() or os.geteuid() != 0 or shutil.which("unshare") is None


@pytest.mark.skipif(_NO_SYSTEMD, reason="a private systemd needs systemd, unshare and root")
def test_where_systemd_is_the_lab_is_units_of_it(tmp_path):
    """The steps run inside the namespace: this file, as a program."""
    environment = {
        **os.environ,
        "SYSTEMD": str(SYSTEMD),
        "HOME": str(tmp_path / "home"),
        "XDG_RUNTIME_DIR": "/run/user/of-the-test",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("XDG_CONFIG_HOME", None)
    steps = [sys.executable, "-m", "tests.integration.test_lab_role", str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _USERS_SYSTEMD, "sh", *steps],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode == 77:
        pytest.skip("systemd does not run as a user's manager in this container")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all steps taken"


def _shown(unit: str, what: str) -> str:
    command = ["systemctl", "--user", "show", "--value", "-p", what, unit]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _steps(path: Path) -> None:
    host = Host(path)
    host.directory = path / "100% a $lab"
    host.variables["reference_key_server_directory"] = str(host.directory)
    server, members = "100-a-lab-serve.service", "100-a-lab-members.service"
    host.variables["reference_key_server_name"] = "100-a-lab"
    # First without, then with the service manager: the process makes room for the unit.
    assert host.run("started", service="process", members=False)
    process = host.pid("serve")
    assert host.run("started")
    assert not Path(f"/proc/{process}").exists()
    for state in ("started", "absent"):
        other = host.attempt(state, directory=str(path / "another"))
        assert other.code != 0
        assert f"{server} runs another lab than {path / 'another'}" in other.output
    assert not host.run("started")
    assert [_shown(unit, "ActiveState") for unit in (server, members)] == ["active"] * 2
    host.says("group G1 (id 1)")
    verified = subprocess.run(
        ["systemd-analyze", "--user", "verify", _shown(server, "FragmentPath")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    before = _shown(server, "MainPID")
    document = host.variables["reference_key_server_lab"]
    document["devices"][0]["model"] = "srx345"
    assert host.run("started", members=False)
    assert _shown(server, "MainPID") not in (before, "0")
    assert _shown(members, "ActiveState") == "inactive"
    assert host.run("absent")
    assert _shown(server, "LoadState") == "not-found"
    assert not host.directory.exists()
    print("all steps taken")


if __name__ == "__main__":
    warm.wanted = True
    _steps(Path(sys.argv[1]))
