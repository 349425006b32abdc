# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""As AWX runs it: ansible-runner's three steps, and the definition of an execution environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.test_secrets import KEYS, found
from tests.lab import COLLECTIONS, ROOT, ansible_environment, hub_config
from tests.whole import ROLE, WholeLab

BIN = Path(sys.executable).parent


def test_transmit_worker_and_process_run_the_audit(lab, tmp_path):
    pytest.importorskip("ansible_runner", reason="ansible-runner is not installed")
    for number, generation in enumerate(("v1", "v2"), 1):
        name = f"hub-{number}"
        lab.add_device(name, generation, hub_config(name, generation, {"gm-1": "127.0.1.1"}))
    server = lab.serve()
    private = tmp_path / "private"
    (private / "project").mkdir(parents=True)
    (private / "inventory").mkdir()
    (private / "inventory" / "hosts.yml").write_text((lab.path / "inventory.yml").read_text())
    report = tmp_path / "report"
    book = [
        {
            "name": "Audit",
            "hosts": "all",
            "gather_facts": False,
            "roles": [
                {
                    "role": "groupvpn.junos.membership_audit",
                    "vars": {
                        "membership_audit_directory": str(report),
                        "membership_audit_expected": {"G1": ["127.0.1.1"]},
                    },
                }
            ],
        }
    ]
    (private / "project" / "audit.yml").write_text(yaml.safe_dump(book))
    runner = BIN / "ansible-runner"
    environment = ansible_environment(PATH=f"{BIN}:{os.environ['PATH']}")
    environment.pop("ANSIBLE_STDOUT_CALLBACK")
    try:
        stream = b""
        for step in (
            ["transmit", str(private), "-p", "audit.yml"],
            ["worker", "--private-data-dir", str(tmp_path / "worker")],
            ["process", str(tmp_path / "processed")],
        ):
            done = subprocess.run(
                [str(runner), *step],
                input=stream,
                env=environment,
                capture_output=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]
            stream = done.stdout
        assert b"fleet: 2 hosts (0 not reached)" in stream
        document = json.loads((report / "audit.json").read_text())
        assert set(document["hosts"]) == {"hub-1", "hub-2"}
        assert document["summary"]["by_kind"]["missing"] == 2
    finally:
        server.stop()


def artefacts(private, tasks, *options):
    """What ansible-runner leaves behind of a play, file by file, and what it prints."""
    book = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (private / "project").mkdir()
    (private / "project" / "site.yml").write_text(yaml.safe_dump(book))
    (private / "env").mkdir()
    (private / "env" / "cmdline").write_text(" ".join(options))
    environment = ansible_environment(PATH=f"{BIN}:{os.environ['PATH']}")
    environment.pop("ANSIBLE_STDOUT_CALLBACK")
    environment |= {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.posix.profile_tasks",
        "JUNIT_OUTPUT_DIR": str(private / "artifacts" / "junit"),
    }
    done = subprocess.run(
        [str(BIN / "ansible-runner"), "run", str(private), "-p", "site.yml", "-i", "one"],
        env=environment,
        capture_output=True,
        timeout=180,
        check=False,
        text=True,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    files = (path for path in (private / "artifacts").rglob("*") if path.is_file())
    return {
        "printed": done.stdout + done.stderr,
        **{str(path.relative_to(private)): path.read_text(errors="replace") for path in files},
    }


def test_a_key_is_in_no_artefact_of_a_runner(lab, tmp_path):
    """Events, cached facts, what is printed, and the report of a callback."""
    pytest.importorskip("ansible_runner", reason="ansible-runner is not installed")
    whole = WholeLab(lab)
    hubs, sites = whole.hubs(1), whole.sites(2)
    for host in (*hubs, *sites):
        whole.variables[host]["group_vpn_pre_shared_key"] = KEYS[host in hubs]
    whole.group("BRANCHES", 7, hubs)
    whole.start()
    private = tmp_path / "private"
    (private / "inventory").mkdir(parents=True)
    (private / "inventory" / "hosts.yml").write_text((lab.path / "inventory.yml").read_text())
    gather = [
        {f"groupvpn.junos.{side}": {"state": "gathered"}, "register": side}
        for side in ("server", "member")
    ]
    cached = {"server": "{{ server.gathered }}", "member": "{{ member.gathered }}"}
    described = {"msg": "{{ {inventory_hostname: side} | groupvpn.junos.describe }}"}
    tasks = [
        ROLE,
        *gather,
        {"ansible.builtin.set_fact": {"side": cached, "cacheable": True}},
        {"ansible.builtin.debug": described},
    ]
    try:
        left = artefacts(private, tasks, "-vvvvv", "--diff")
    finally:
        whole.stop()
    there = " ".join(left)
    assert all(word in there for word in ("job_events", "fact_cache", "stdout", "junit"))
    assert {name: found(text) for name, text in left.items() if found(text)} == {}


def test_the_execution_environment_can_be_defined(tmp_path):
    pytest.importorskip("ansible_builder", reason="ansible-builder is not installed")
    definition = {
        "version": 3,
        "images": {"base_image": {"name": "registry.example.net/python:3.13"}},
        "dependencies": {
            "ansible_core": {"package_pip": "ansible-core>=2.19"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "galaxy": {"collections": [{"name": "groupvpn.junos"}]},
        },
    }
    file = tmp_path / "ee.yml"
    file.write_text(yaml.safe_dump(definition))
    builder = [sys.executable, "-m", "ansible_builder"]
    made = subprocess.run(
        [*builder, "create", "-f", str(file), "-c", str(tmp_path / "context")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    context = {path.name for path in (tmp_path / "context").iterdir()}
    assert context & {"Containerfile", "Dockerfile"}
    asked = subprocess.run(
        [*builder, "introspect", str(COLLECTIONS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    needs = " ".join(asked.stdout.split())
    wanted = (ROOT / "meta" / "ee-requirements.txt").read_text().splitlines()
    for requirement in (line for line in wanted if not line.startswith("#")):
        assert requirement in needs
    assert "openssh-client" in needs
