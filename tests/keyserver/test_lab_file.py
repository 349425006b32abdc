# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab file that cannot be used is one sentence that names the file, the place and what helps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from keyserver.edge.background import BackgroundLab
from keyserver.lab import text
from keyserver.lab.known_hosts import with_keys
from keyserver.lab.reading import read_lab
from keyserver.lab.specs import LabError

HUB = "name: hub-1, netconf: {port: 8301}, users: [{name: netops, password: made-up}]"
SITE = "server: '192.0.2.1:848', group: 1, psk: made-up"

REFUSED = {
    "": "a lab file is expected: devices, members or both",
    "set system host-name hub-1": "a lab file is expected: devices, members or both",
    "Devices: []": "unknown key 'Devices'; known are clock, devices, known_hosts, members",
    f"devices: {'[' * 3000}{']' * 3000}": "nested too deep",
    "devices: " + "[" * 100_000: "nested too deep",
    "devices:\n  " + "- " * 100_000 + "a": "nested too deep",
    "devices:\n- name: a\n   port: 1": "line 3, column 8: mapping values are not allowed",
    "devices: []": "devices: there are none, and no members",
    "members: []\nclock: {speed: 2}": "devices: there are none, and no members",
    f"devices: [{{{HUB}, generation: v3}}]": "'v3' is not accepted (v1 or v2 is expected)",
    f"devices: [{{{HUB}, gdoi: {{profile: x}}}}]": "(rfc6407 or cisco-reference is expected)",
    f"members: [{{name: a, {SITE}, mode: x}}]": "(main or aggressive is expected)",
    f"devices: [{{{HUB}}}]\nmembers: []\ndevices: []": "line 3, column 1: 'devices' is there twice",
    f"devices: [{{{HUB}, netconf: {{port: 8302}}}}]": "'netconf' is there twice",
    f"devices: [{{{HUB}}}]\nknown_hosts: ~/.ssh/known_hosts": "(no '~' is expected; write the home",
    "devices: [{name: b, gdoi: {address: 0.0.0.0}}]\n"
    "members: [{name: a, server: b, group: 1, psk: x}]": (
        "members[0]: server: 'b' is at any address; give one, ADDRESS:PORT, and server_identity: 0"
    ),
    f"devices: [{{{HUB}}}, {{{HUB}}}]": "devices: hub-1: two have this name; rename one",
    f"members: [{{name: a, {SITE}}}, {{name: a, {SITE}}}]": "members: a: two have this name",
}
OF_A_DEVICE = {
    "name: [a]": "name: ['a'] is not accepted (text is expected)",
    "name: ''": "name: '' is not accepted (text is expected)",
    'name: "a\\nb"': "(printable characters in one line are expected)",
    'name: "a\\eb"': "name: 'a\\x1bb' is not accepted (printable characters in one line are expec",
    'name: "\\u202Ea"': "name: '\\u202ea' is not accepted (printable characters in one line are ex",
    'name: a, cluster_node: "0\\n"': "cluster_node: '0\\n' is not accepted (printable characters",
    "name: a, netconf: {address: 224.0.0.1}": "'224.0.0.1' is not accepted (the address of a sin",
    "name: a, netconf: {address: 'ff02::1'}": "'ff02::1' is not accepted (the address of a single",
    "name: a, gdoi: {address: 255.255.255.255}": "(the address of a single host is expected)",
    'name: a, users: [{name: "a\\nb", password: x}]': "users[0]: name: 'a\\nb' is not accepted (p",
    "name: yes": "name: True is not accepted (text is expected, and a word that YAML takes f",
    "name: a, state: ~/hub.db": "state: '~/hub.db' is not accepted (no '~' is expected; write the",
    "name: a, trusted_ca: [~/ca.pem]": "trusted_ca: ['~/ca.pem'] is not accepted (no '~' is expec",
    "name: a, certificates: {c: {certificate: ~/c, private_key: k}}": "certificate: '~/c' is not",
    "name: a, config: {}": "config: {} is not accepted (text is expected)",
    "name: a, netconf: {port: x}": "port: 'x' is not accepted (a port is a whole number)",
    "name: a, netconf: {port: true}": "port: True is not accepted (a port is a whole number)",
    "name: a, netconf: {port: 5.5}": "port: '5.5' is not accepted (a port is a whole number)",
    "name: a, netconf: {prot: 1}": "netconf: unknown key 'prot'; known are address, port",
    "name: a, netconf: {address: hub}": "'hub' is not accepted (an IPv4 or IPv6 address is expec",
    "name: a, gdoi: x": "devices[0]: gdoi: a mapping is expected",
    "name: a, gdoi: {address: '::1'}": "'::1' is not accepted (an IPv4 address is expected; Group",
    "name: a, gdoi: []": "devices[0]: gdoi: a mapping is expected",
    "name: a, gdoi: {accept_doi: 5}": "([2] or [1, 2] is expected)",
    "name: a, trusted_ca: ca.pem": "'ca.pem' is not accepted (a list is expected, as in",
    "name: a, certificates: 5": "certificates: a mapping of names to files is expected",
    "name: a, users: [{name: x, password: [made-up]}]": "password: its value is not accepted",
}
OF_A_MEMBER = {
    "server: hub, group: 1, psk: x": "server: 'hub': a device with gdoi, or a host's ADDRESS",
    "server: '0.0.0.0:848', group: 1, psk: x": "server: '0.0.0.0:848': a device with gdoi, or a ho",
    "server: '233.252.0.1:848', group: 1, psk: x": "a device with gdoi, or a host's ADDRESS:PORT",
    f"{SITE}, address: 233.252.0.1": "address: '233.252.0.1' is not accepted (the address of a sin",
    f"{SITE}, address: 0.0.0.0": "members[0]: address 0.0.0.0: it is what a server is told; give",
    "server: '192.0.2.1:848', group: -1": "a group's number is 1 to 4294967295",
    "server: '192.0.2.1:848', group: x": "group: 'x' is not accepted (a group's number is a whole",
    f"{SITE}, address: '2001:db8::1'": "(an IPv4 address is expected; Group VPN knows no others)",
    "server: '[::1]:848', group: 1, psk: x": "a device with gdoi, or a host's ADDRESS:PORT",
    f"{SITE}, proposals: 5": "members[0]: proposals: a list is expected",
    f"{SITE}, proposals: [5]": "members[0]: proposals[0]: a mapping is expected",
    f"{SITE}, proposals: [{{encryption_algorithm: aes}}]": (
        "proposals[0]: encryption_algorithm: 'aes' is not accepted (one of des-cbc, "
    ),
    f"{SITE}, proposals: [{{encryption_algorithm: [aes]}}]": "(one of des-cbc, ",
    f"{SITE}, faults: {{drop: x}}": "drop: 'x' is not accepted (a share is a number)",
}
REFUSED |= {f"devices: [{{{words}}}]": told for words, told in OF_A_DEVICE.items()}
REFUSED |= {f"members: [{{name: a, {words}}}]": told for words, told in OF_A_MEMBER.items()}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, text):
    file = tmp_path / "lab.yml"
    file.write_text(text)
    with pytest.raises(LabError) as refused:
        read_lab(file)
    sentence = str(refused.value)
    assert sentence.startswith(f"{file}: ")
    assert REFUSED[text] in sentence
    assert "\n" not in sentence
    # What helps: in so many words, or what is expected in the place of what is there.
    assert re.search(
        r"; |expected| is a (whole )?number| is 1 to |known are|line \d+, column", sentence
    )


def test_a_number_in_the_place_of_text_is_what_is_written(tmp_path):
    """YAML makes 83 of 0123, 22.4 of 22.40, and of a date a date."""
    file = tmp_path / "lab.yml"
    file.write_text(
        "devices: [{name: 007, release: 22.40, users: [{name: 1_0, password: 0123}]}]\n"
        "members: [{name: 2026-11-26, server: '192.0.2.1:848', group: 010, psk: 1e5}]\n"
    )
    read = read_lab(file)
    (device,), (member,) = read.devices, read.members
    (user,) = device.users
    assert (device.name, device.release, user.name, user.password) == (
        "007",
        "22.40",
        "1_0",
        "0123",
    )
    assert (member.name, member.group, member.psk) == ("2026-11-26", 10, "1e5")


def test_all_zeros_are_a_wildcard_where_one_is_meant(tmp_path):
    file = tmp_path / "lab.yml"
    anywhere = "{address: 0.0.0.0}"
    file.write_text(
        f"devices: [{{name: a, netconf: {anywhere}, gdoi: {anywhere}}}]\n"
        f"members: [{{name: a, {SITE}, address: 0.0.0.0, identity: site.example.net}}]\n"
    )
    assert read_lab(file).members[0].address == "0.0.0.0"


def test_anchors_and_merges_are_no_repetition(tmp_path):
    file = tmp_path / "lab.yml"
    file.write_text(
        f"members:\n- &a {{name: a, {SITE}}}\n- &b {{<<: *a, name: b}}\n- {{<<: *b, name: c}}\n"
    )
    assert [member.name for member in read_lab(file).members] == ["a", "b", "c"]


@pytest.mark.parametrize("which", [read_lab, lambda lab: BackgroundLab(read_lab(lab)).start()])
def test_a_file_without_an_end_is_read_no_further_than_a_configuration_goes(
    tmp_path, monkeypatch, which
):
    endless = Path("/dev/zero")
    monkeypatch.setattr(text, "LARGEST_FILE", 1000)
    file = tmp_path / "lab.yml"
    file.write_text(f"devices: [{{{HUB}, config: {endless}}}]")
    with pytest.raises(LabError, match=r"^/dev/zero: larger than 1000 octets"):
        which(endless if which is read_lab else file)


def test_a_key_that_is_none_keeps_nobody_out_in_silence(tmp_path):
    file = tmp_path / "lab.yml"
    file.write_text(f"devices: [{{{HUB.replace('password', 'authorized_key')}}}]")
    with pytest.raises(LabError, match=r"^hub-1: user netops: authorized_key: a public key"):
        BackgroundLab(read_lab(file)).start()


OTHERS = "# mine\n\nhub.example.net,192.0.2.1 ssh-ed25519 AAAAmade-up me\n|1|a=|b= ssh-rsa AAAAx\n"


@pytest.mark.parametrize("before", ["", OTHERS, OTHERS + "[127.0.0.1]:8301 ssh-rsa AAAAold\n"])
def test_a_known_hosts_file_keeps_the_keys_of_others(tmp_path, before):
    two = ["ssh-ed25519 AAAAnew", "ecdsa-sha2-nistp256 AAAAnew"]
    keys = {"[127.0.0.1]:8301": two, "[127.0.0.1]:8302": ["ssh-ed25519 AAAAb"]}
    once = with_keys(tmp_path, before, keys)
    ours = "".join(f"{host} {key}\n" for host in keys for key in keys[host])
    assert once == with_keys(tmp_path, once, keys) == (OTHERS if before else "") + ours


@pytest.mark.parametrize("text", ["system {\n}\n", "set system host-name hub-1\n", "devices: []\n"])
def test_a_file_that_is_something_else_does_not_become_the_known_hosts_file(tmp_path, text):
    file, mine = tmp_path / "lab.yml", tmp_path / "mine"
    mine.write_text(text)
    file.write_text("devices: [{name: hub-1}]\nknown_hosts: mine")
    with pytest.raises(LabError, match=rf"^{mine}: line 1: the key of a host is expected; name "):
        BackgroundLab(read_lab(file)).start()
    assert mine.read_text() == text


def test_a_members_proposals_are_those_that_its_lab_file_names(tmp_path):
    lab = tmp_path / "lab.yml"
    words = {
        "encryption_algorithm": "aes-256-cbc",
        "authentication_algorithm": "sha-256",
        "dh_group": "group14",
    }
    lab.write_text(f"members: [{{name: a, {SITE}, proposals: [{words}]}}]")
    (member,) = read_lab(lab).members
    assert member.proposals == (("aes-256-cbc", "sha-256", "group14"),)
