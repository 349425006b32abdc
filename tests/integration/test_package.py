# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key server as a package: built, installed where the repository is not, used."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ncclient import manager

from keyserver import __version__
from keyserver.config.junos_schema import Generation
from keyserver.lab.reading import read_lab
from keyserver.srx import read_leniently
from tests.lab import PASSWORD, ROOT, USER
from tests.processes import free_ports

GALAXY = Path(sys.executable).with_name("ansible-galaxy")
COMMANDS = ("init", "serve", "members", "status", "sa", "wireshark")


def run(*command: object, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, **more
    )


def files_of(folder: Path) -> set[str]:
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if "__pycache__" not in file.parts and file.is_file()
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """What a fresh clone has, so that what a build leaves behind is seen."""
    place = tmp_path_factory.mktemp("a checkout")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    assert listed.returncode == 0, listed.stderr
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> Path:
    place, before = tmp_path_factory.mktemp("wheel"), files_of(checkout)
    # With what is installed here: a test asks no index for a build backend.
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", place)
    built = run(sys.executable, "-m", "pip", "wheel", *options, checkout)
    assert built.returncode == 0, built.stdout + built.stderr
    assert files_of(checkout) == before
    (file,) = place.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The programs of an environment in which nothing but the wheel was installed."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python")
    done = run(*pip, "install", "--no-index", "--no-deps", wheel)
    assert done.returncode == 0, done.stderr
    # Libraries of this environment, but nothing that a path of the repository would bring.
    libraries = next(p for p in sys.path if p.endswith("site-packages"))
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return place / "bin"


@pytest.fixture
def alone(tmp_path, monkeypatch) -> Path:
    """A directory without the repository; no path leads there."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_wheel_holds_the_whole_package_under_a_name_of_its_own(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {name.partition("/")[2] for name in names if name.startswith("groupvpn_keyserver/")}
    assert package == files_of(ROOT / "keyserver") - {"README.md"}
    info = f"groupvpn_keyserver-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"groupvpn_keyserver", info}
    assert {"py.typed", "starter/lab.yml", "config/statements.json.z"} <= package
    assert f"{info}/licenses/LICENSE" in names


def test_imports_inside_the_package_do_not_know_its_name():
    for file in (ROOT / "keyserver").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) keyserver\b", file.read_text(), re.MULTILINE), file


def test_one_version_for_both_halves():
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == __version__


def test_the_command_says_its_version_and_its_commands(installed, alone):
    program = installed / "groupvpn-keyserver"
    assert run(program, "--version").stdout == f"groupvpn-keyserver {__version__}\n"
    help_text = run(program, "--help").stdout
    assert all(re.search(rf"^ +{command}\b", help_text, re.MULTILINE) for command in COMMANDS)
    assert "python -m groupvpn_keyserver" in help_text.replace("\n", " ")
    with_module = run(installed / "python", "-m", "groupvpn_keyserver", "--version")
    assert with_module.stdout == f"groupvpn-keyserver {__version__}\n"


@pytest.fixture
def own_lab(installed, alone) -> int:
    """The starter in the current directory, at free ports; that of NETCONF."""
    written = run(installed / "groupvpn-keyserver", "init")
    assert written.returncode == 0, written.stderr
    assert written.stdout.splitlines()[-1] == "next: groupvpn-keyserver serve"
    netconf, gdoi = *free_ports(1), *free_ports(1, socket.SOCK_DGRAM)
    for file in map(Path, ("lab.yml", "inventory.yml")):
        text = file.read_text()
        file.write_text(text.replace("8301", str(netconf)).replace("8481", str(gdoi)))
    return netconf


def _as_in_a_terminal() -> None:
    # nohup, and a shell's job in the background, ignore one of these, and their children with them.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def serving(
    program: Path, command: str = "serve", told: str = "ready:"
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [program, command], stdout=subprocess.PIPE, text=True, preexec_fn=_as_in_a_terminal
    ) as process:
        try:
            assert any(told in line for line in process.stdout)
            yield process
        finally:
            process.terminate()


def test_init_and_serve_make_a_device_that_clients_log_in_to(installed, own_lab):
    program = installed / "groupvpn-keyserver"
    with serving(program), serving(program, "members", "all 2 members registered"):
        with manager.connect(
            host="127.0.0.1",
            port=own_lab,
            username=USER,
            password=PASSWORD,
            hostkey_verify=False,
            allow_agent=False,
            look_for_keys=False,
            device_params={"name": "junos"},
        ) as session:
            assert "GRP-0001" in str(session.get_configuration())
        assert "(id 1): 2 members" in run(program, "status").stdout


def test_the_starter_is_loaded_without_a_complaint_and_its_playbook_parses(installed, alone):
    run(installed / "groupvpn-keyserver", "init", "a lab")
    (spec,) = read_lab(alone / "a lab" / "lab.yml").devices
    assert spec.generation is Generation.V2
    _, problems = read_leniently(spec, spec.config.read_text())
    assert problems == []
    inventory = yaml.safe_load((alone / "a lab" / "inventory.yml").read_text())
    hub = inventory["all"]["hosts"]["hub-1"]
    assert (hub["ansible_host"], hub["ansible_port"]) == (spec.netconf.host, spec.netconf.port)
    (user,) = spec.users
    assert inventory["all"]["vars"]["ansible_password"] == user.password


def test_init_overwrites_nothing(installed, alone):
    (alone / "rekeys.yml").write_text("mine")
    done = run(installed / "groupvpn-keyserver", "init")
    assert done.returncode == 2
    said = "is there already; nothing was written: name another directory"
    assert done.stderr == f"groupvpn-keyserver: rekeys.yml: {said}\n"
    assert [file.name for file in alone.iterdir()] == ["rekeys.yml"]


def test_without_a_lab_serve_says_how_to_get_one(installed, alone):
    done = run(installed / "groupvpn-keyserver", "serve")
    assert done.returncode == 2
    assert "write one with init" in done.stderr


def into_nothing(program: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose output nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [program, *command.split()],
            # Unbuffered, argparse itself keeps to itself that nobody reads its help.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize("command", ["serve", "--help", "--version", "serve --help"])
def test_a_reader_that_goes_ends_the_command_without_a_word(installed, own_lab, command):
    done = into_nothing(installed / "groupvpn-keyserver", command)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", ["status", "members --events"])
def test_so_it_does_where_devices_are_asked(installed, own_lab, command):
    program = installed / "groupvpn-keyserver"
    with serving(program):
        done = into_nothing(program, command)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("output", "status", "said"),
    [
        (">&-", 0, ""),
        (
            "> /dev/full",
            2,
            "groupvpn-keyserver: standard output: No space left on device\n",
        ),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(installed, own_lab, output, status, said):
    program = installed / "groupvpn-keyserver"
    with serving(program):
        done = run("sh", "-c", f'"$0" status {output}', program)
    assert (done.returncode, done.stderr) == (status, said)


def test_the_next_step_can_be_pasted_into_a_shell(installed, alone):
    program = installed / "groupvpn-keyserver"
    for directory in ("a lab", "-lab", "it's"):
        last = run(program, "init", "--", directory).stdout.splitlines()[-1]
        words = shlex.split(last.removeprefix("next: "))
        assert words[1:] == ["serve", words[2]]
        # Nothing serves there: that is said of this lab, and of no other.
        lab, (port,) = alone / directory / "lab.yml", free_ports(1)
        lab.write_text(lab.read_text().replace("8301", str(port)))
        asked = run(program, "status", *words[2:])
        assert asked.stdout == (
            f"hub-1: 127.0.0.1:{port} is not reachable: nobody listens; is serve running?\n"
        )


def test_a_capture_is_not_written_over(installed, alone):
    (alone / "lab.pcap").write_bytes(b"kept")
    (alone / "keys.log").write_text("")
    program = installed / "groupvpn-keyserver"
    done = run(program, "wireshark", "lab.pcap", "keys.log", "./lab.pcap")
    assert (done.returncode, (alone / "lab.pcap").read_bytes()) == (2, b"kept")
    assert "lab.pcap: is the file that is read; name another one to write" in done.stderr


@pytest.mark.parametrize(
    ("command", "blamed"),
    [
        ("wireshark empty odd out", "odd: text is expected"),
        ("wireshark empty cut out", "cut: line 2: a line of serve --keylog is expected"),
        ("wireshark empty empty out", "empty: a pcap file is expected"),
        ("sa odd", "odd: text is expected"),
        ("sa empty", None),
    ],
)
def test_a_file_of_another_kind_is_named(installed, alone, command, blamed):
    (alone / "odd").write_bytes(b"\xff\xfe")
    (alone / "cut").write_text("0123456789abcdef,00\n# kek 0123456789abcdef\n")
    (alone / "empty").touch()
    done = run(installed / "groupvpn-keyserver", *command.split())
    assert done.returncode == (0 if blamed is None else 2)
    assert done.stderr.startswith(f"groupvpn-keyserver: {blamed}" if blamed else "")
    assert not (alone / "out").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)
def test_who_is_told_to_stop_has_not_failed(installed, own_lab, number):
    program = installed / "groupvpn-keyserver"
    with serving(program) as server, serving(program, "members") as members:
        for process in (members, server):
            process.send_signal(number)
            assert process.wait(60) == 0


def test_a_service_manager_is_told_when_the_devices_listen(installed, own_lab):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("notify")
        manager.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(Path("notify").resolve())}
        program = installed / "groupvpn-keyserver"
        with subprocess.Popen([program, "serve"], env=environment) as server:
            try:
                assert manager.recv(100) == b"READY=1"
                socket.create_connection(("127.0.0.1", own_lab), 60).close()
            finally:
                server.terminate()


LITTER = ("venv/pyvenv.cfg", "lab/lab.yml", "serve.log", ".vscode/x.json", ".tox/log", ".env")
LITTER += ("dist/notes.md", "x.egg-info/PKG-INFO", "htmlcov/index.html", "site/index.html")


@pytest.fixture(scope="module")
def artefact(checkout, wheel, tmp_path_factory) -> Path:
    """The collection, packed from a checkout that the wheel was built in and somebody worked in."""
    for name in LITTER:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).touch()
    place = tmp_path_factory.mktemp("artefact")
    built = run(GALAXY, "collection", "build", "--output-path", place, checkout)
    assert built.returncode == 0, built.stderr
    (file,) = place.glob("*.tar.gz")
    return file


def test_the_collections_artefact_packs_the_collection_alone(artefact):
    with tarfile.open(artefact) as archive:
        packed = {member.name for member in archive if member.isfile()}
    assert {name.partition("/")[0] for name in packed} == {
        *("FILES.json", "MANIFEST.json", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
        *("SECURITY.md", "CODE_OF_CONDUCT.md"),
        *(".ansible-lint", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins"),
        *("roles", "tests"),
    }
    assert {name for name in packed if name.startswith("tests/")} == {"tests/config.yml"}


def tutorial() -> str:
    """Steps 2 to 8 as one script, at ports that are free."""
    text = (ROOT / "docs" / "tutorial.md").read_text()
    steps = re.findall(r"<!-- step: (\d) -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert [number for number, _ in steps] == list("12345678")
    netconf, gdoi = free_ports(2), free_ports(2, socket.SOCK_DGRAM)
    ports = dict(zip(("8301", "8302", "8481", "8482"), map(str, (*netconf, *gdoi)), strict=True))
    script = "\n".join(step for _, step in steps[1:])
    return re.sub("|".join(ports), lambda match: ports[match[0]], script)


def test_the_tutorial_works_as_written_without_the_repository(installed, artefact, alone):
    """Only the first step is another one: what it installs was built from this checkout."""
    # By force: where this checkout's own collection is on the path, there would be nothing to do.
    how = ("--offline", "--no-deps", "--force", "-p", alone)
    got = run(GALAXY, "collection", "install", *how, artefact)
    assert got.returncode == 0, got.stderr
    programs = os.pathsep.join([str(installed), str(GALAXY.parent), os.environ["PATH"]])
    script = f"trap 'kill $(jobs -p) 2>/dev/null' EXIT\n{tutorial()}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(alone),
            "PATH": programs,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown[-4000:]
    # Check, first run, rekey on two hosts each; the report is written once.
    assert shown.count("changed=1") == 7
    assert '"event": "rekeyed"' in shown
    assert "fleet: 2 hosts (0 not reached), 2 groups, 3 members; 0 errors" in shown
    report = {file.name for file in (alone / "report").iterdir()}
    assert report == {"audit.html", "audit.json", "audit.prom", "junit.xml", "members.csv"}


def ci_jobs() -> dict[str, str]:
    """The shell lines of the CI page's jobs, without those that install."""
    text = (ROOT / "docs" / "howto" / "ci.md").read_text()
    github, gitlab = map(
        yaml.safe_load, re.findall(r"<!-- parsed -->\n```yaml\n(.*?)```", text, re.S)
    )
    steps = [step["run"] for step in github["jobs"]["lab"]["steps"] if "run" in step]
    jobs = {"github": steps, "gitlab": gitlab["playbooks"]["script"]}
    return {
        name: "\n".join(line for line in lines if " install " not in line)
        for name, lines in jobs.items()
    }


@pytest.mark.parametrize("job", ["github", "gitlab"])
def test_the_ci_pages_jobs_run_as_written(installed, artefact, own_lab, alone, job):
    lab = alone / "lab"
    lab.mkdir()
    for file in [file for file in alone.iterdir() if file.is_file()]:
        file.rename(lab / file.name)
    (lab / "rekeys.yml").rename(alone / "site.yml")
    how = ("--offline", "--no-deps", "--force", "-p", alone)
    got = run(GALAXY, "collection", "install", *how, artefact)
    assert got.returncode == 0, got.stderr
    script = f"trap 'kill $(jobs -p) 2>/dev/null' EXIT\n{ci_jobs()[job]}"
    programs = os.pathsep.join([str(installed), str(GALAXY.parent), os.environ["PATH"]])
    done = run(
        *("bash", "-eo", "pipefail", "-c", script),
        env={
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(alone),
            "PATH": programs,
        },
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "changed=1" in done.stdout
    assert "changed=0" in (alone / "second.log").read_text()
