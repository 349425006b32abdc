# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pre-shared keys: looked for in everything that a play leaves behind, in every form of them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.secret import read_secret

from keyserver.config.secret import obscure
from tests.lab import PASSWORD, USER, ansible_environment
from tests.rude import PASSWORD as RUDE_PASSWORD
from tests.rude import USER as RUDE_USER
from tests.rude import Fault, Manner, RudeServer, Stage, box

KEYS = ("Zebra-7-keep-me-out", "Okapi-8-keep-me-out")
AROUND = "set system host-name hub-1\nset interfaces ge-0/0/1 unit 0 family inet\n"
SECONDS = 120


def forms(key):
    """Ways in which a key may be written."""
    octets = key.encode()
    encoded = {base64.b64encode(b"x" * pad + octets).decode()[4:-4] for pad in range(3)}
    return {key, octets.hex(), octets.hex().upper(), *encoded}


def found(text):
    """What of the keys a text holds, in whatever form."""
    plain = [form for key in KEYS for form in forms(key) if form in text]
    scrambled = [t for t in re.findall(r"\$9\$[A-Za-z0-9./-]+", text) if _means(t)]
    return plain + scrambled


def _means(text):
    return read_secret(text).reveal() in KEYS


def test_each_form_of_a_key_would_be_found():
    key = KEYS[0]
    for text in (
        f"set pre-shared-key ascii-text {key}",
        f'"{obscure(key)}"',
        base64.b64encode(f"a key: {key}".encode()).decode(),
        key.encode().hex(),
    ):
        assert found(text), text
    assert not found("set pre-shared-key ascii-text ********")


def config(side, key, **more):
    policy = {"name": "p", "proposals": ["x"], "pre_shared_key": key, **more}
    proposal = {
        "name": "x",
        "authentication_method": "pre-shared-keys",
        "dh_group": "group14",
        "authentication_algorithm": "sha-256",
        "encryption_algorithm": "aes-256-cbc",
    }
    return {"ike": {"proposals": [proposal], "policies": [policy]}}


def tasks(side):
    """Everything that a module can do with a key: well, badly, twice, and without a device."""
    module = f"groupvpn.junos.{side}"
    one, other = "{{ psks[0] }}", "{{ psks[1] }}"
    listed = [
        {module: {"config": config(side, one)}, "check_mode": True},
        {module: {"config": config(side, one), "validate_on_device": True}, "check_mode": True},
        {module: {"config": config(side, one)}},
        {module: {"config": config(side, {"ascii_text": other})}, "check_mode": True},
        {module: {"config": config(side, {"ascii_text": other}), "commit_confirmed": 5}},
        {module: {"config": config(side, one, mode="shy")}},
        {module: {"config": config(side, one + "\u00fc")}},
        {module: {"config": config(side, {"hexadecimal": one})}},
        {module: {"config": config(side, {"ascii_txt": one})}},
        {module: {"config": config(side, one, proposals=["nothing"])}},
        {module: {"config": config(side, [one])}},
        {module: {"config": config(side, one), "state": "rendered"}},
        {module: {"state": "gathered"}, "register": "there"},
        {module: {"running_config": "{{ text }}", "state": "parsed"}},
        {module: {"config": config(side, one), "state": "replaced"}},
        {module: {"config": config(side, other), "state": "overridden"}},
        {module: {"all": True, "state": "deleted"}},
        {"ansible.builtin.debug": {"var": "there"}},
    ]
    return [{**task, "ignore_errors": True} for task in listed]


def watched(lab, host, book, *options):
    """Everything that a play shows: output, log, files, and all that processes were called."""
    server = "set security group-vpn server ike policy p pre-shared-key ascii-text"
    (lab.path / "keys.yml").write_text(
        yaml.safe_dump({"psks": [*KEYS], "text": f'{server} "{KEYS[0]}"'})
    )
    inventory = {"all": {"hosts": {"hub-1": host}}}
    (lab.path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (lab.path / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": book}])
    )
    log = lab.path / "ansible.log"
    seen: set[str] = set()
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml"]
    with (lab.path / "shown").open("w") as shown:
        process = subprocess.Popen(
            [*command, "-e", "@keys.yml", *options, "play.yml"],
            cwd=lab.path,
            env=ansible_environment(ANSIBLE_LOG_PATH=str(log)),
            stdout=shown,
            stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            seen.update(_called(process.pid))
            time.sleep(0.02)
        process.kill()
        process.wait()
    text = (lab.path / "shown").read_text()
    assert process.returncode == 0, text[-3000:]
    return {"output": text, "log": log.read_text(), "processes": "\n".join(seen)}


def _called(pid):
    """Arguments and environment of a process and those that it started."""
    pids, parents = [pid], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for one in pids:
        pids += [child for child, parent in parents.items() if parent == one]
    for one in pids:
        for name in ("cmdline", "environ"):
            try:
                yield Path(f"/proc/{one}/{name}").read_bytes().decode(errors="replace")
            except OSError:
                continue


def nowhere(everything):
    for where, text in everything.items():
        assert text, where
        assert not found(text), (where, found(text))


@pytest.mark.parametrize(("side", "loud"), [("server", "-vvvvv"), ("member", "-vvv")])
def test_a_key_is_nowhere_in_what_a_play_leaves_behind(lab, side, loud):
    lab.add_device("hub-1", "v2", AROUND)
    process = lab.serve()
    try:
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": lab.port("hub-1"),
            "ansible_user": USER,
            "ansible_password": PASSWORD,
            "ansible_connection": "groupvpn.junos.netconf",
            "ansible_known_hosts_file": str(lab.path / "known_hosts"),
            "ansible_python_interpreter": sys.executable,
        }
        everything = watched(lab, host, tasks(side), "--diff", loud)
    finally:
        process.stop()
    document = everything["output"]
    document = json.JSONDecoder().raw_decode(document[document.index("{\n") :])[0]
    results = [task["hosts"]["hub-1"] for task in document["plays"][0]["tasks"]]
    done = [result["changed"] for result in results[:5]]
    assert done == [True] * 5
    assert [bool(result.get("failed")) for result in results[5:11]] == [True] * 6
    assert [result["changed"] for result in results[14:17]] == [True, True, True]
    assert "********" in json.dumps(results)
    nowhere(everything)
    nowhere({"the device's messages": "\n".join(process.output)})


@pytest.mark.parametrize(
    ("stage", "manner"),
    [
        (Stage.LOAD, Manner.ERROR),
        (Stage.COMMIT, Manner.ERROR),
        (Stage.COMMIT, Manner.WARNING),
        (Stage.UNLOCK, Manner.ERROR),
    ],
)
def test_a_device_that_repeats_the_key_in_its_own_words_is_not_quoted(lab, stage, manner):
    message = f"invalid value '{KEYS[0]}' in ascii-text \"$9$LbHX-wg4Z\" of policy p"
    fault = Fault(stage, manner, message, nth=0)
    with RudeServer(box("G1"), fault) as device:
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": device.port,
            "ansible_user": RUDE_USER,
            "ansible_password": RUDE_PASSWORD,
            "ansible_host_key_checking": False,
            "ansible_connection": "groupvpn.junos.netconf",
            "ansible_python_interpreter": sys.executable,
        }
        task = {
            "groupvpn.junos.server": {"config": config("server", "{{ psks[0] }}")},
            "ignore_errors": True,
        }
        book = [
            {**task, "check_mode": True, "vars": {}},
            task,
        ]
        book[0]["groupvpn.junos.server"] = {
            **task["groupvpn.junos.server"],
            "validate_on_device": True,
        }
        everything = watched(lab, host, book, "--diff", "-vvv")
    nowhere(everything)
    assert "$9$LbHX-wg4Z" not in everything["output"]
    assert "in ascii-text" in everything["output"]
    # How the device is reached is shown, as the page on logins says.
    assert f"<127.0.0.1> ssh -s -T -p {device.port}" in everything["output"]
