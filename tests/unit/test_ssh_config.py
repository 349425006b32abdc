# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an SSH configuration says of a host is followed over paramiko as ssh does, or refused."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import TransportFailure
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import ssh_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.known_hosts import known_keys
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.paramiko import (
    paramiko_session,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.ssh_config import Way, way_to

HUB = Target("hub", user="netops")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Writes files of an account's ``.ssh`` and of the system; gives their directory."""
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path)
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path / "all")
    (tmp_path / "all" / "ssh_config.d").mkdir(parents=True)

    def write(files):
        for name, text in files.items():
            (tmp_path / name).write_text(text.replace("HOME", str(tmp_path)))
        return tmp_path

    return write


FOLLOWED = {
    "a block of its own": "Host hub\n HostName 192.0.2.1\n HostKeyAlias hub.example\n",
    "the first one counts": "Host hub\n HostName 192.0.2.1\nHost *\n HostName 192.0.2.9\n",
    "a block of others": "Host spoke !hub\n HostName 192.0.2.1\n",
    "a placeholder": "Host h*\n HostName %h.example.net\n",
    "another file of keys": "UserKnownHostsFile HOME/mine HOME/yours\nGlobalKnownHostsFile none\n",
    "by user": "Match user netops\n HostKeyAlias one\nMatch user root\n HostKeyAlias two\n",
    "by the name that was given": "Match originalhost hub\n HostKeyAlias one\n",
    "another file": "Include HOME/more\nHost hub\n HostName 192.0.2.7\n",
    "another file, last": "Host spoke\n HostName 192.0.2.7\nMatch all\n Include HOME/more\n",
    "what follows another file": "Host hub\n Include HOME/flat\n HostKeyAlias behind\n",
    "several files, each with its own blocks": "Include HOME/1-spoke HOME/2-all\n",
    "files by a pattern": "Host *\n Include HOME/[12]-*\n",
    "a file with a blank in its name": 'Host hub\n Include "HOME/one more"\n',
    "comments": (
        "Host hub # the hub\n HostName 192.0.2.1 # here\n HostKeyAlias one\t#two\n"
        'UserKnownHostsFile "HOME/#mine"\n'
    ),
    "what is no comment": "Host hub\n HostKeyAlias h#1\n ProxyCommand nc %h %p # %h\n",
    "a keyword in quotes": '"Host" hub\n "HostName" 192.0.2.1\n',
    "in the end": "Match final all\n HostKeyAlias end\nHost *\n HostKeyAlias before\n",
    "several conditions": "Match host hub !user root\n HostKeyAlias several\n",
    "a private key": "IdentityFile HOME/key\nIdentityFile HOME/none\nIdentitiesOnly yes\n",
    "a proxy": "ProxyCommand nc %h %p\n",
    "no proxy": "Host hub\n ProxyJump none\n ProxyCommand none\n",
}


def as_ssh_says(config, target):
    """What ssh itself makes of a file."""
    told = ["-p", str(target.port), *(["-l", target.user] if target.user else [])]
    said = subprocess.run(
        ["ssh", "-G", "-F", str(config), *told, target.host],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line.partition(" ")[::2] for line in said.splitlines()]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="the referee is OpenSSH's client")
@pytest.mark.parametrize("config", FOLLOWED)
@pytest.mark.parametrize("user", ["netops", None])
def test_what_decides_whom_a_login_trusts_is_followed_as_ssh_does(home, config, user):
    more = "Host *\n HostKeyAlias more\n Port 22\nHost spoke\n User other\n"
    parts = {
        "1-spoke": "Host spoke\n HostName 192.0.2.8\n",
        "2-all": "HostKeyAlias all\nHost hub\n HostName 192.0.2.9\n",
    }
    flat = {"flat": "User flat\n", "one more": "HostKeyAlias one-more\n", "key": ""}
    place = home({"config": FOLLOWED[config], "more": more, **flat, **parts})
    target = Target("hub", user=user)
    way = way_to(target)
    ssh = dict(as_ssh_says(place / "config", target))
    found = [path for key, path in as_ssh_says(place / "config", target) if key == "identityfile"]
    assert way.target.host == ssh["hostname"]
    assert (way.target.port, ssh["port"]) == (830, "830")
    assert way.alias == ssh.get("hostkeyalias")
    if way.target.user is not None:
        assert way.target.user == ssh["user"]
    for key, paths in way.files.items():
        assert (" ".join(map(str, paths)) or "none") == ssh[key]
    assert list(way.identities) == [path for path in found if os.path.exists(path)]
    assert way.identities_only == (ssh["identitiesonly"] == "yes")
    assert way.proxy == ssh.get("proxycommand", "").replace("%h", "hub").replace("%p", "830") or (
        way.proxy is None and "proxycommand" not in ssh
    )


REFUSED = {
    "a jump host": ("ProxyJump jump.example", "ProxyJump jump.example"),
    "a program that knows keys": (
        "KnownHostsCommand /usr/bin/keys %H",
        "KnownHostsCommand /usr/bin/keys %H",
    ),
    "revoked keys": ("RevokedHostKeys /etc/ssh/revoked", "RevokedHostKeys /etc/ssh/revoked"),
    "a file by a placeholder": ("UserKnownHostsFile ~/%k", "UserKnownHostsFile ~/%k"),
    "a file by a variable": ("GlobalKnownHostsFile ${X}/k", "GlobalKnownHostsFile ${X}/k"),
    "two quoted files": (
        'UserKnownHostsFile "/a b" "/c d"',
        'UserKnownHostsFile /a b" "/c d',
    ),
    "a file with an escaped blank": (r"UserKnownHostsFile /a\ b", r"UserKnownHostsFile /a\ b"),
    "another file by a variable": ("Include ${X}/more", "Include ${X}/more"),
    "a jump host that is no comment": ("ProxyJump none # jump", "ProxyJump none # jump"),
    "capitals that mean nothing": ("Match host HUB\n User x", "Match host HUB"),
    "in the end, of one host": ("Match final host hub\n User x", "Match final host hub"),
    "a name that is made whole": ("Match canonical all\n User x", "Match canonical all"),
    "a block in a block": ("Host h*\n Include HOME/more", "Include HOME/more"),
    "a block in the last one": ("Match final all\n Include HOME/more", "Include HOME/more"),
    "a file that includes itself": ("Include HOME/config", "Include HOME/config"),
    "a condition that paramiko lacks": ("Match tagged lab\n User x", "Match tagged lab"),
    "a condition that runs a program": ('Match exec "true"', 'Match exec "true"'),
    "a line without a value": ("HostKeyAlias", "what cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_paramiko_cannot_follow_is_refused_by_name(home, case):
    config, words = REFUSED[case]
    place = home({"config": config, "more": "Host hub\n HostKeyAlias other\n"})
    with pytest.raises(TransportFailure) as raised:
        way_to(HUB)
    message = str(raised.value).replace(str(place), "HOME")
    assert message.startswith("hub:830: the SSH configuration says ")
    assert words in message
    assert message.endswith("; set ansible_netconf_transport to openssh")


def test_what_is_said_of_another_host_is_no_reason_to_refuse(home):
    home({"config": "Host spoke\n ProxyJump jump.example\n"})
    assert way_to(HUB) == Way(HUB, None, {}, (), False, None)


def test_without_a_configuration_a_host_is_what_it_was_called(home):
    home({"config": "\n# Host hub\n"})
    assert way_to(HUB) == Way(HUB)


def test_the_systems_configuration_follows_the_accounts(home):
    home(
        {
            "config": "Host hub\n HostKeyAlias mine\n",
            "all/ssh_config": "Include ssh_config.d/*.conf\nHost *\n HostKeyAlias last\n",
            "all/ssh_config.d/10.conf": "Match final all\n Include HOME/flat\nUser all\n",
            "flat": "UserKnownHostsFile /somewhere\n",
        }
    )
    way = way_to(Target("hub"))
    assert (way.alias, way.target.user) == ("mine", "all")
    assert way.files == {"userknownhostsfile": ("/somewhere",)}


KEY, OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB=="


def test_keys_are_looked_for_by_the_alias_and_in_the_files_that_are_configured(home):
    place = home(
        {
            "known_hosts": f"[hub]:830 {OTHER}\nfleet {OTHER}\n",
            "fleet": f"fleet {KEY}\n[fleet]:830 {OTHER}\nhub {OTHER}\n",
            "config": "HostKeyAlias fleet\nUserKnownHostsFile HOME/fleet\n",
        }
    )
    way = way_to(HUB)
    assert [one.keys for one in known_keys(way.target, way.alias, way.files)] == [(KEY,)]
    own = Target("hub", known_hosts_file=str(place / "known_hosts"))
    assert [one.keys for one in known_keys(own, way.alias, way.files)] == [(OTHER,)]


NAMED = "IdentityFile HOME/key\n"


@pytest.mark.parametrize(
    ("config", "login", "asked"),
    [
        ("", {}, (None, True, True)),
        (NAMED, {}, (["key"], True, False)),
        (NAMED + "IdentitiesOnly yes\n", {}, (["key"], False, False)),
        # A password alone is offered alone, as ssh is told to.
        (NAMED, {"password": "made-up"}, (None, False, False)),
        (NAMED, {"private_key_file": "own"}, ("own", True, False)),
    ],
)
def test_the_keys_that_are_offered_are_those_that_ssh_would_offer(home, config, login, asked):
    place = home({"config": config, "key": ""})
    told = {}
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target("127.0.0.1", server.getsockname()[1], **login)
        session = paramiko_session()(target)
        session.connect = lambda **arguments: told.update(arguments)
        session.open()
        told["sock"].close()
    keys = told["key_filename"]
    keys = [Path(key).relative_to(place).name for key in keys] if isinstance(keys, list) else keys
    assert (keys, told["allow_agent"], told["look_for_keys"]) == asked
