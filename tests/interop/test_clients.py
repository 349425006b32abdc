# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unmodified third-party clients do their real work against the reference key server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from lxml import etree

from tests.lab import PASSWORD, USER, LabDirectory, by_ncclient, hub_config, play
from tests.processes import Process

SMC = "security group-vpn server group G1 server-member-communication"
ALGORITHMS = [
    f"set {SMC} encryption-algorithm aes-256-cbc",
    f"set {SMC} sig-hash-algorithm sha-256",
]


@pytest.fixture
def manager(lab, hub):
    from ncclient import manager as ncclient

    connected = ncclient.connect(**by_ncclient(lab, "hub-1"))
    yield connected
    connected.close_session()


def test_ncclient_configures_in_every_format(manager):
    manager.lock()
    manager.load_configuration(action="set", config=ALGORITHMS)
    manager.load_configuration(
        format="text",
        config="""
        security { group-vpn { server { group G1 { server-member-communication {
        heartbeat 120; } } } } }""",
    )
    manager.load_configuration(
        format="xml",
        config=etree.fromstring(
            "<security><group-vpn><server><group><name>G1</name><server-member-communication>"
            "<lifetime-seconds>900</lifetime-seconds></server-member-communication></group></server>"
            "</group-vpn></security>"
        ),
    )
    difference = manager.compare_configuration().xpath("//configuration-output")[0].text
    assert "\n+          lifetime-seconds 900;" in difference
    manager.validate()
    manager.commit(comment="from ncclient")
    manager.unlock()
    shown = manager.get_configuration(format="set").xpath("//configuration-set")[0].text
    for line in (*ALGORITHMS, f"set {SMC} heartbeat 120", f"set {SMC} lifetime-seconds 900"):
        assert line in shown
    manager.load_configuration(action="set", config=f"delete {SMC}")
    manager.commit()
    manager.rollback(1)
    manager.commit()
    assert SMC in manager.get_configuration(format="set").xpath("//configuration-set")[0].text


def test_ncclient_sees_errors_as_junos_reports_them(manager):
    from ncclient.operations import RPCError

    cases = {
        f"set {SMC} lifetime-seconds 299": "Value 299 is not within range (300..86400)",
        f"set {SMC} lifetime-seconds wat": "Invalid numeric value: 'wat'",
        f"set {SMC} sig-hash-algorithm md5": "syntax error",
        f"set {SMC} certificate {'x' * 33}": "Must be string of 32 characters or less",
        f"delete {SMC} heartbeat": "statement not found",
    }
    for line, message in cases.items():
        with pytest.raises(RPCError, match=re.escape(message)):
            manager.load_configuration(action="set", config=line)
    manager.discard_changes()
    manager.load_configuration(
        action="set", config="set security group-vpn server group G2 group-id 1"
    )
    with pytest.raises(RPCError, match="Group id must be unique among groups"):
        manager.commit()
    manager.discard_changes()


def cut_off(client):
    """End a client's connection without close-session: its SSH transport goes away."""
    client._session.transport.close()


def locked_within(client, seconds):
    """Take the lock as soon as the key server has noticed that its holder is gone."""
    from ncclient.operations import RPCError

    end = time.monotonic() + seconds
    while True:
        try:
            return client.lock()
        except RPCError:
            assert time.monotonic() < end, f"still locked after {seconds} s"


def test_a_lock_holds_across_sessions_and_ends_with_its_session(lab, manager):
    from ncclient import manager as ncclient
    from ncclient.operations import RPCError

    other = ncclient.connect(**by_ncclient(lab, "hub-1"))
    other.lock()
    other.load_configuration(action="set", config=ALGORITHMS)
    with pytest.raises(RPCError, match="locked by"):
        manager.lock()
    with pytest.raises(RPCError, match="locked by"):
        manager.load_configuration(action="set", config=ALGORITHMS)
    cut_off(other)
    locked_within(manager, seconds=60)
    assert manager.compare_configuration().xpath("//configuration-output")[0].text.strip() == ""


def _ssh(lab: LabDirectory, text: str, tmp_path) -> str:
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
    askpass.chmod(0o700)
    done = subprocess.run(
        [
            "ssh",
            "-s",
            "-p",
            str(lab.port("hub-1")),
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            f"UserKnownHostsFile={lab.path / 'known_hosts'}",
            "-l",
            USER,
            "127.0.0.1",
            "netconf",
        ],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"},
    )
    return done.stdout


def test_openssh_by_hand(lab, hub, tmp_path):
    end = "]]>]]>"
    answer = _ssh(
        lab,
        f"<hello><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
        f"</capabilities></hello>{end}\n<rpc><get-software-information/></rpc>{end}\n"
        f"<rpc><no-such-thing/></rpc>{end}<rpc><close-session/></rpc>{end}",
        tmp_path,
    )
    assert answer.startswith("<!-- No zombies")
    assert "<product-model>vSRX</product-model>" in answer
    assert "<bad-element>no-such-thing</bad-element>" in answer
    assert "<!-- session end at" in answer


def test_entities_and_garbage_are_refused_and_the_session_lives(lab, hub, tmp_path):
    end = "]]>]]>"
    answer = _ssh(
        lab,
        f"<hello><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>"
        f"</capabilities></hello>{end}"
        f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><rpc><a>&x;</a></rpc>{end}'
        f"<rpc><unclosed></rpc>{end}<rpc><close-session/></rpc>{end}",
        tmp_path,
    )
    assert answer.count("malformed-message") == 2
    assert "root:" not in answer
    assert "session end at" in answer


@pytest.fixture
def pyez(lab, hub):
    from jnpr.junos import Device

    with Device(
        host="127.0.0.1",
        port=lab.port("hub-1"),
        user=USER,
        passwd=PASSWORD,
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
    ) as device:
        yield device


def test_pyez_configures_and_reads_facts(pyez):
    from jnpr.junos.utils.config import Config

    assert pyez.facts["hostname"] == "hub-1"
    with Config(pyez, mode="exclusive") as config:
        config.load("\n".join(ALGORITHMS), format="set")
        assert "aes-256-cbc" in config.diff()
        assert config.commit_check()
        config.commit(comment="from PyEZ")
        assert config.diff() is None
        assert config.rescue("get") is None
        assert config.rescue("save")
        config.load(f"set {SMC} heartbeat 70", format="set")
        config.commit()
        saved = config.rescue("get")
        assert "encryption-algorithm" in saved
        assert "heartbeat" not in saved
        assert config.rescue("get", format="xml").findtext(".//host-name") == "hub-1"
        assert config.rescue("reload") is not None
        assert "heartbeat 70" in config.diff()
        config.commit()
        change = config.diff(rb_id=1)
        assert "heartbeat 70" in change
        config.rollback(1)
        assert config.diff() is not None
        config.load(change, format="text", patch=True)
        assert config.diff() is None
        assert config.rescue("delete")
        assert config.rescue("get") is None
    reply = pyez.rpc.get_security_group_vpn_server_registered_members(detail=True)
    assert reply.tag == "security-group-vpn-server-registered-members"


def test_pyez_gathers_every_fact(pyez):
    facts = dict(pyez.facts)
    assert facts["hostname"] == "hub-1"
    assert facts["model"] == "VSRX"
    assert facts["version"] == "22.4R1"
    assert facts["version_info"].major == (22, 4)
    assert facts["serialnumber"].startswith("EM")
    assert facts["master"] == "RE0"
    assert facts["RE0"]["mastership_state"] == "master"
    assert facts["RE0"]["status"] == "OK"
    assert facts["HOME"] == f"/var/home/{USER}"
    assert facts["2RE"] is False


def test_pyez_shows_what_the_cli_shows(pyez):
    assert "Hostname: hub-1" in pyez.cli("show version", warning=False)
    shown = pyez.cli("show configuration security group-vpn server group G1", warning=False)
    assert "group-id 1;" in shown
    lines = pyez.cli("show configuration | display set | match group-id", warning=False)
    assert [line.split()[-1] for line in lines.split("\n") if line] == ["1", "2"]
    count = pyez.cli("show configuration | display set | match group-id | count", warning=False)
    assert count.strip() == "Count: 2 lines"
    assert pyez.cli("show interfaces terse", warning=False).split()[-3:] == ["lo0", "up", "up"]
    assert "System booted: " in pyez.cli("show system uptime | no-more", warning=False)
    assert pyez.cli("show system rollback compare 0 0", warning=False).strip() == ""
    assert pyez.display_xml_rpc("show version").tag == "get-software-information"
    rpc = pyez.display_xml_rpc("show security group-vpn server registered-members group G1 detail")
    assert etree.tostring(rpc) == (
        b"<get-security-group-vpn-server-registered-members><group>G1</group><detail/>"
        b"</get-security-group-vpn-server-registered-members>"
    )
    assert "invalid command" in pyez.display_xml_rpc("show frob")
    information = pyez.cli("show version", format="xml", warning=False)
    assert information.findtext("product-model") == "vSRX"
    uptime = pyez.rpc.get_system_uptime_information({"format": "json"})
    assert "system-booted-time" in uptime["system-uptime-information"][0]


def test_pyez_confirms_what_was_to_be_confirmed(lab, pyez):
    from jnpr.junos.utils.config import Config

    with Config(pyez) as config:
        config.load("set system domain-name example.com", format="set")
        assert config.commit(confirm=5)
        history = pyez.rpc.get_commit_information()
        assert history.findtext("commit-history/commit-confirmed") == "rollback pending"
        config.lock()
        assert config.commit()
        config.unlock()
        history = pyez.rpc.get_commit_information()
        assert history.find("commit-history/commit-confirmed") is None
        config.load("delete system domain-name", format="set")
        config.commit()


def _netcommon(lab: LabDirectory, tasks, **more):
    return play(
        lab,
        tasks,
        vars={
            "ansible_connection": "ansible.netcommon.netconf",
            "ansible_network_os": "junipernetworks.junos.junos",
            "ansible_host_key_checking": False,
            **more,
        },
    )


def _netcommon_imports() -> bool:
    """netcommon 8.2 (in ansible 12) needs a function that ansible-core 2.21 no longer has."""
    import ansible.vars.clean

    return hasattr(ansible.vars.clean, "remove_internal_keys")


@pytest.mark.skipif(
    not _netcommon_imports(),
    reason="the ansible.netcommon that is installed does not run junos_config on this ansible-core",
)
def test_ansibles_own_junos_modules_work(lab, hub):
    xml = lab.path / "change.xml"
    xml.write_text(
        "<configuration><security><group-vpn><server><group><name>G1</name>"
        "<server-member-communication><lifetime-seconds>900</lifetime-seconds>"
        "</server-member-communication></group></server></group-vpn></security></configuration>"
    )
    config, rpc = "junipernetworks.junos.junos_config", "junipernetworks.junos.junos_rpc"
    result = _netcommon(
        lab,
        [
            {config: {"lines": ALGORITHMS, "comment": "lines"}},
            {config: {"lines": ALGORITHMS}},
            {config: {"src": str(xml), "src_format": "xml", "update": "merge"}},
            {rpc: {"rpc": "get-security-group-vpn-server-registered-members"}},
            {config: {"lines": [f"set {SMC} heartbeat 1"]}, "ignore_errors": True},
            {config: {"rollback": 1}},
            {config: {"lines": [f"set {SMC} heartbeat 70"]}, "check_mode": True},
            {config: {"lines": [f"set {SMC} heartbeat 70"]}},
        ],
    )
    assert result.code == 0, result.output[-3000:]
    changed = [task["hub-1"].get("changed") for task in result.tasks]
    assert changed == [True, False, True, False, False, True, True, True]
    assert result.tasks[4]["hub-1"]["failed"]


@pytest.mark.skipif(
    not _netcommon_imports(),
    reason="the installed ansible.netcommon does not run junos modules on this ansible-core",
)
def test_ansibles_own_junos_modules_read_facts_and_commands(lab, hub):
    command, facts = "junipernetworks.junos.junos_command", "junipernetworks.junos.junos_facts"
    shown = "show configuration system"
    result = _netcommon(
        lab,
        [
            {command: {"commands": ["show version", shown]}},
            {command: {"commands": [f"{shown} | display set"]}},
            {command: {"commands": ["show version | display json"]}},
            {command: {"commands": ["show version"], "display": "xml"}},
            {command: {"commands": ["show frob"]}, "ignore_errors": True},
            {command: {"rpcs": ["get-configuration"], "display": "set"}},
            {facts: {"gather_subset": ["default", "hardware", "interfaces"]}},
            {facts: {"gather_subset": ["config"], "config_format": "set"}},
        ],
    )
    assert result.code == 0, result.output[-3000:]
    answers = [task["hub-1"] for task in result.tasks]
    version, system = answers[0]["stdout"]
    assert "Hostname: hub-1" in version
    assert system == "host-name hub-1;"
    assert answers[1]["stdout"] == ["set system host-name hub-1"]
    software = answers[2]["stdout"][0]["software-information"][0]
    assert software["host-name"] == [{"data": "hub-1"}]
    assert "<product-model>vSRX</product-model>" in answers[3]["stdout"][0]
    assert "syntax error" in str(answers[4])
    assert "set system host-name hub-1" in answers[5]["stdout"][0]
    found = answers[6]["ansible_facts"]
    assert found["ansible_net_hostname"] == "hub-1"
    assert found["ansible_net_serialnum"].startswith("EM")
    assert found["ansible_net_has_2RE"] is False
    assert found["ansible_net_interfaces"]["lo0"]["oper-status"] == "up"
    assert "set system host-name hub-1" in answers[7]["ansible_facts"]["ansible_net_config"]


def test_our_modules_work_over_ansibles_own_connection(lab, hub):
    block = {"group": "G1", "encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}
    module = "groupvpn.junos.server_member_communication"
    result = _netcommon(
        lab,
        [
            {module: {"config": [block]}},
            {module: {"config": [block]}},
            {module: {"config": [{**block, "heartbeat": 59}]}, "ignore_errors": True},
            {"groupvpn.junos.registered_members_info": {"detail": True}},
        ],
    )
    assert result.code == 0, result.output[-3000:]
    assert [t["hub-1"].get("changed") for t in result.tasks] == [True, False, False, False]
    assert "60 to 3600 seconds" in result.tasks[2]["hub-1"]["msg"]
    assert result.tasks[3]["hub-1"]["groups"][0]["list_shows"] == "active"


def test_what_was_committed_survives_a_kill(lab):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    process = lab.serve()
    try:
        block = {
            "group": "G1",
            "encryption_algorithm": "aes-256-cbc",
            "sig_hash_algorithm": "sha-256",
        }
        module = "groupvpn.junos.server_member_communication"
        assert play(lab, [{module: {"config": [block]}}]).tasks[0]["hub-1"]["changed"]
        process.kill()
        process = Process("serve", lab.file)
        process.wait_for("ready:")
        result = play(lab, [{module: {"config": [block]}}])
        assert result.code == 0, result.output[-2000:]
        assert result.tasks[0]["hub-1"]["changed"] is False
    finally:
        process.stop()


_COMMITTER = """
import itertools, sys
from pathlib import Path
from keyserver.config.store import CommitEntry, CommitRecord, Store
store = Store(Path(sys.argv[1]))
start = store.history()[0].sequence if store.history() else 0
for n in itertools.count(start + 1):
    tree = {"system": {"host-name": f"h{n}", "domain-name": "x" * 30000}}
    store.commit(CommitRecord(CommitEntry(n, float(n), "u", "netconf", ""), tree), None)
    print(n, flush=True)
"""


def test_a_kill_in_the_middle_of_a_commit_leaves_the_old_or_the_new_configuration(tmp_path):
    from keyserver.config.store import Store

    path = tmp_path / "hub.db"
    for round_number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMITTER, str(path)], stdout=subprocess.PIPE, text=True
        )
        acknowledged = 0
        assert process.stdout is not None
        for _ in range(5 + round_number):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        acknowledged = int((process.stdout.read().split() or [acknowledged])[-1])
        process.wait()
        process.stdout.close()
        store = Store(path)
        newest = store.history()[0]
        tree = store.tree(newest.sequence)
        store.close()
        assert newest.sequence in (acknowledged, acknowledged + 1)
        assert tree["system"]["host-name"] == f"h{newest.sequence}"
