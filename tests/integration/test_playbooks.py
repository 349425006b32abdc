# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Playbooks against the reference key server, over real SSH and real UDP."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from ncclient import manager

from tests.lab import PASSWORD, LabDirectory, by_ncclient, hub_config, play
from tests.processes import Process, free_ports

MODULE = "groupvpn.junos.server_member_communication"
INFO = "groupvpn.junos.registered_members_info"
BLOCK = {"group": "G1", "encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}


def one(result, number=0, host="hub-1"):
    return result.tasks[number][host]


def test_all_seven_states(lab, hub):
    lifetime = {**BLOCK, "lifetime_seconds": 900}
    other = {**BLOCK, "group": "G2"}
    result = play(
        lab,
        [
            {MODULE: {"config": [lifetime, other]}},
            {MODULE: {"config": [lifetime, other]}},
            {MODULE: {"config": [BLOCK], "state": "replaced"}},
            {MODULE: {"config": [lifetime], "state": "overridden"}},
            {MODULE: {"state": "gathered"}},
            {MODULE: {"state": "deleted", "all": True}},
            {MODULE: {"state": "deleted", "all": True}},
            {MODULE: {"config": [lifetime], "state": "rendered"}, "register": "rendered"},
            {MODULE: {"running_config": "{{ rendered.rendered }}", "state": "parsed"}},
        ],
    )
    assert result.code == 0, result.output[-3000:]
    changed = [one(result, n)["changed"] for n in range(9)]
    assert changed == [True, False, True, True, False, True, False, False, False]
    assert one(result)["membership_reset"] == ["G1", "G2"]
    assert one(result, 2)["commands"] == [
        "delete security group-vpn server group G1 server-member-communication lifetime-seconds"
    ]
    assert one(result, 3)["after"] == [lifetime]
    assert one(result, 4)["gathered"] == [lifetime]
    assert one(result, 5)["after"] == []
    assert one(result, 8)["parsed"] == [lifetime]


def test_check_mode_predicts_exactly_what_the_change_does(lab, hub):
    task = [{MODULE: {"config": [BLOCK]}}]
    predicted = one(play(lab, task, "--check", "--diff"))
    validated = one(
        play(lab, [{MODULE: {"config": [BLOCK], "validate_on_device": True}}], "--check", "--diff")
    )
    made = one(play(lab, task, "--diff"))
    assert predicted["diff"] == validated["diff"] == made["diff"]
    assert predicted["changed"]
    assert made["changed"]
    assert not one(play(lab, task, "--diff"))["changed"]


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_members_register_and_are_read_back(lab, transport):
    members = {f"gm-{n}": f"127.0.1.{n}" for n in (1, 2, 3)}
    for generation in ("v1", "v2"):
        name = f"hub-{generation}"
        lab.add_device(name, generation, hub_config(name, generation, members))
        for gateway, address in members.items():
            lab.add_member(f"{name}-{gateway}", name, address)
    server = lab.serve()
    fleet = Process("members", lab.file, "--events")
    try:
        fleet.wait_for('"registered"', count=6)
        v1 = {
            "group": "G1",
            "encryption_algorithm": "3des-cbc",
            "sig_hash_algorithm": "sha1",
            "communication_type": "multicast",
            "multicast_group": "233.252.0.1",
            "multicast_outgoing_interface": "ge-0/0/1.0",
        }
        result = play(
            lab,
            [
                {INFO: {"detail": True}},
                {
                    MODULE: {"config": ["{{ block }}"]},
                    "vars": {"block": "{{ v1 if 'v1' in inventory_hostname else v2 }}"},
                },
                {INFO: {"group": "G1"}},
            ],
            vars={"ansible_netconf_transport": transport, "v1": v1, "v2": BLOCK},
        )
        assert result.code == 0, result.output[-3000:]
        for host, means in (("hub-v1", "registered_since_configured"), ("hub-v2", "active")):
            (group,) = one(result, 0, host)["groups"]
            assert group["list_shows"] == "registered"
            assert sorted(m["address"] for m in group["members"]) == sorted(members.values())
            # Group VPNv1 has no detail to ask for: what it does not show is unknown.
            pulls = {"hub-v1": None, "hub-v2": 1}[host]
            assert [m["pull_succeeded"] for m in group["members"]] == [pulls] * len(members)
            (after,) = one(result, 2, host)["groups"]
            assert (after["list_shows"], after["member_count"]) == (means, 0)
    finally:
        fleet.stop()
        server.stop()


def _fails(lab: LabDirectory, *words: str, **variables):
    result = play(lab, [{MODULE: {"config": [BLOCK]}}], vars=variables)
    outcome = one(result)
    assert outcome.get("failed") or outcome.get("unreachable"), outcome
    message = outcome["msg"]
    for word in ("hub-1", *words):
        assert word in message, message
    assert PASSWORD not in result.output
    assert "Traceback" not in result.output
    return message


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_a_wrong_password_is_named(lab, hub, transport):
    _fails(
        lab,
        "authentication failed",
        "ansible_password",
        ansible_password="wrong",
        ansible_netconf_transport=transport,
    )


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_a_changed_host_key_is_refused(lab, hub, transport):
    from asyncssh import generate_private_key

    other = generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    port = lab.port("hub-1")
    (lab.path / "known_hosts").write_text(f"[127.0.0.1]:{port} {other}\n")
    _fails(lab, "the host key has changed", ansible_netconf_transport=transport)
    result = play(
        lab,
        [{INFO: {}}],
        vars={"ansible_host_key_checking": False, "ansible_netconf_transport": transport},
    )
    assert result.code == 0, result.output[-2000:]


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_an_unknown_host_key_is_refused(lab, hub, transport):
    (lab.path / "known_hosts").write_text("")
    _fails(lab, "host key is not known", "known_hosts", ansible_netconf_transport=transport)


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_a_port_where_nothing_listens_is_named(lab, hub, transport):
    (port,) = free_ports(1)
    _fails(
        lab, str(port), "nothing listens", ansible_port=port, ansible_netconf_transport=transport
    )


@pytest.mark.parametrize("transport", ["openssh", "libssh", "paramiko"])
def test_a_server_that_accepts_and_says_nothing_ends_in_a_timeout(lab, hub, transport):
    silent = socket.create_server(("127.0.0.1", 0))
    held: list[float] = []

    def hold() -> None:
        connection, _ = silent.accept()
        begin = time.monotonic()
        with connection:
            while connection.recv(4096):
                pass
        held.append(time.monotonic() - begin)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    try:
        _fails(
            lab,
            "in time",
            ansible_port=silent.getsockname()[1],
            ansible_connect_timeout=2,
            ansible_netconf_transport=transport,
            ansible_host_key_checking=False,
        )
    finally:
        silent.close()
    thread.join(60)
    # From the connection to its end: how long Ansible itself takes does not count. paramiko alone
    # would wait 15 s for the banner.
    assert held[0] < 14


def test_refusals_name_host_statement_value_and_remedy(lab, hub):
    result = play(
        lab,
        [
            {MODULE: {"config": [{**BLOCK, "lifetime_seconds": 299}]}, "ignore_errors": True},
            {MODULE: {"config": [{"group": 'no<such>"group'}]}, "ignore_errors": True},
            {MODULE: {"config": [{"group": "x" * 33}]}, "ignore_errors": True},
            {MODULE: {"config": [BLOCK], "generation": "v1"}, "ignore_errors": True},
            {MODULE: {"config": [BLOCK], "commit_confirmed": 0}, "ignore_errors": True},
            {MODULE: {"config": [{"group": "G1", "no_such_option": 1}]}, "ignore_errors": True},
            {MODULE: {"state": "gathered"}},
        ],
    )
    expected = [
        "lifetime-seconds 299",
        "no such group",
        "33 characters",
        "sha-256",
        "commit_confirmed 0",
        "no_such_option",
    ]
    for number, word in enumerate(expected):
        message = one(result, number)["msg"]
        assert word in message, message
        assert "hub-1" in message, message
    assert one(result, 6)["gathered"] == []


def test_what_cannot_be_asked_about_members_is_named(lab, hub):
    asked = [
        {"group": "nope"},
        {"group": "a b"},
        {"peer_address": "192.0.2"},
        {"group_id": 0},
        {"group": "G1", "group_id": 1},
    ]
    result = play(lab, [{INFO: options, "ignore_errors": True} for options in asked])
    for number, words in enumerate(
        (
            ("[edit security group-vpn server group nope]", "no such group", "G1, G2"),
            ("group a b]", "no such group"),
            ("peer_address '192.0.2'", "correct 'peer_address'"),
            ("group_id 0", "1 to 4294967295"),
            ("mutually exclusive",),
        )
    ):
        message = one(result, number)["msg"]
        assert message.startswith("hub-1: ")
        assert all(word in message for word in words), message


def _session_number(lab: LabDirectory) -> int:
    """The device counts its sessions: this one's number."""
    with manager.connect(**by_ncclient(lab, "hub-1")) as session:
        return int(session.session_id)


FIRST, SECOND = {MODULE: {"config": [BLOCK]}}, {MODULE: {"config": [{**BLOCK, "heartbeat": 70}]}}
LOOP = {INFO: {"group": "{{ item }}"}}


@pytest.mark.parametrize(
    ("tasks", "sessions"),
    [
        ([FIRST, SECOND, {INFO: {}}], 1),
        ([FIRST, {"block": [{"block": [SECOND], "always": [{INFO: {}}]}]}], 1),
        ([FIRST, {"meta": "reset_connection"}, SECOND, {INFO: {}}], 2),
        # Whatever a failed task left behind ends with its session.
        ([FIRST, {INFO: {"group": "absent"}, "ignore_errors": True}, SECOND], 2),
        ([FIRST, {**LOOP, "loop": ["G1", "G2"]}, SECOND], 1),
        ([FIRST, {**LOOP, "loop": ["G1", "absent"], "ignore_errors": True}, SECOND], 2),
        ([FIRST, {**LOOP, "loop": ["absent", "G1"], "ignore_errors": True}, SECOND], 2),
    ],
    ids=[
        "one by one",
        "in blocks",
        "a reset between",
        "a failure between",
        "a loop",
        "a loop that ends badly",
        "a loop that begins badly",
    ],
)
def test_the_tasks_of_a_play_share_a_session(lab, hub, tasks, sessions):
    before = _session_number(lab)
    result = play(lab, tasks)
    assert result.code == 0, result.output[-3000:]
    assert _session_number(lab) - before - 1 == sessions


@pytest.mark.parametrize("strategy", ["ansible.builtin.free", "ansible.builtin.host_pinned"])
def test_every_strategy_keeps_hosts_apart(lab, strategy):
    names = [f"hub-{number}" for number in range(1, 6)]
    for name in names:
        lab.add_device(name, "v2", hub_config(name, "v2", {f"gm-of-{name}": "127.0.1.1"}))
    server = lab.serve()
    try:
        tasks = [FIRST, SECOND, {"ansible.builtin.meta": "noop"}, {MODULE: {"state": "gathered"}}]
        result = play(lab, [*tasks, {INFO: {}}], strategy=strategy)
        assert result.code == 0, result.output[-3000:]
        for name in names:
            gathered = [t[name]["gathered"] for t in result.tasks if "gathered" in t.get(name, {})]
            assert gathered == [[{**BLOCK, "heartbeat": 70}]]
    finally:
        server.stop()


def test_offline_states_need_no_device(lab, hub):
    hub.stop()
    result = play(
        lab,
        [
            {MODULE: {"config": [BLOCK], "state": "rendered"}},
            {
                MODULE: {
                    "running_config": "set security group-vpn server group A "
                    "server-member-communication heartbeat 99",
                    "state": "parsed",
                }
            },
        ],
    )
    assert result.code == 0, result.output[-2000:]
    assert one(result)["commands"][0].endswith("encryption-algorithm aes-256-cbc")
    assert one(result, 1)["parsed"] == [{"group": "A", "heartbeat": 99}]


def test_the_list_is_empty_after_a_restart_and_members_are_not_lost(lab):
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    lab.add_member("site-1", "hub-1", "127.0.1.1")
    server, fleet = lab.serve(), None
    try:
        fleet = Process("members", lab.file, "--events")
        fleet.wait_for('"registered"')
        assert one(play(lab, [{INFO: {}}]))["groups"][0]["member_count"] == 1
        server.kill()
        server = Process("serve", lab.file)
        server.wait_for("ready:")
        assert one(play(lab, [{INFO: {}}]))["groups"][0]["member_count"] == 0
        fleet.stop()
        fleet = Process("members", lab.file, "--events")
        fleet.wait_for('"registered"')
        assert one(play(lab, [{INFO: {}}]))["groups"][0]["member_count"] == 1
    finally:
        server.stop()
        if fleet is not None:
            fleet.stop()
