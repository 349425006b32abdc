# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values at their limits, names in known_hosts, what a choice hides, and words of a list."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.fleet import natural
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import checks, values, views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.confirmation import awaiting
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.device import Device
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.holds import (
    asleep,
    lacking,
    selection,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.tree import overlaid
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import (
    GroupVpnError,
    MalformedReply,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.look import holdings
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members import vocabulary
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.model import COUNTERS
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.shown import read_elements
from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.shows import SERVER
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf import askpass, ssh_files
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.known_hosts import known_keys
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.openssh_command import (
    control_path,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE
from lxml import etree

from tests.lab import COLLECTIONS

# What a confirmation looks for


def pair(zone, inner=""):
    keys = f"<from-zone-name>{zone}</from-zone-name><to-zone-name>z</to-zone-name>"
    return f"{keys}<policy><name>p</name>{inner}</policy>"


LEAF = "<match><x>1</x></match>"
ITEMS = "<list><name>a</name><item>1</item><item>2</item></list>"


@pytest.mark.parametrize(
    ("there", "change", "lacks"),
    [
        (f"<policy>{pair('a')}</policy><policy>{pair('b', LEAF)}</policy>", pair("b", LEAF), 0),
        (f"<policy>{pair('a', LEAF)}</policy><policy>{pair('b')}</policy>", pair("b", LEAF), 1),
        (f"<policy>{pair('a')}</policy>", None, 0),
        (f"<policy>{pair('b')}</policy>", None, 1),
        (ITEMS, '<list><name>a</name><item delete="delete">3</item></list>', 0),
        (ITEMS, '<list><name>a</name><item delete="delete">1</item></list>', 1),
        (ITEMS, '<list><name>a</name><item delete="delete"/></list>', 1),
        (ITEMS, '<list><name>a</name><item delete="delete">1</item><item>1</item></list>', 0),
        (ITEMS, '<list delete="delete"><name>b</name></list>', 0),
        (ITEMS, '<list delete="delete"><name>a</name></list>', 1),
        (ITEMS, "<list><name>a</name><item>3</item></list>", 1),
        (ITEMS, "<list><name>b</name></list>", 1),
        ("<key>$9$x</key>", "<list><key>plain</key></list>", 1),
        ("<list><key>$9$LbHX-wg4Z</key></list>", "<list><key>lc</key></list>", 0),
        ("<list><now>1</now></list>", "<list><now/></list>", 1),
    ],
)
def test_a_change_is_looked_for_where_it_was_made(there, change, lacks):
    whole = '<policy delete="delete"><from-zone-name>b</from-zone-name></policy>'
    if change is not None:
        whole = change if change.startswith("<list") else f"<policy>{change}</policy>"
    have, wanted = (etree.fromstring(f"<root>{text}</root>") for text in (there, whole))
    assert len(lacking(have, wanted)) == lacks


def test_a_change_of_twice_as_many_entries_costs_twice_as_much_to_look_for():
    def calls(count):
        entry = "<gateway><name>{0}</name><policy>p</policy></gateway><member>{0}</member>"
        there = "".join(map((entry + "<old><name>{0}</name></old>").format, range(count)))
        gone = "".join(map('<old delete="delete"><name>x{0}</name></old>'.format, range(count)))
        moved = "".join(
            f'<gateway insert="after" name="{n}"><name>{n + 1}</name></gateway>'
            for n in range(count - 1)
        )
        have, change = (etree.fromstring(f"<r>{t}</r>") for t in (there, there + gone + moved))
        found = []
        sys.setprofile(lambda _frame, event, _argument: event == "call" and found.append(1))
        try:
            assert lacking(have, change) == asleep(have, change) == []
        finally:
            sys.setprofile(None)
        return len(found)

    assert calls(80) < 2.1 * calls(40)


LC = "$9$LbHX-wg4Z"


@pytest.mark.parametrize(
    ("value", "wanted", "lacks"),
    [
        # A module's result masks its secrets; a device may scramble them so that nobody reads them.
        *((value, "********", 0) for value in (LC, "$8$aes256-gcm$x", "/* SECRET-DATA */", "lc")),
        *((value, "lc", 0) for value in (LC, "$8$aes256-gcm$x", "/* SECRET-DATA */", "lc")),
        (LC, LC, 0),
        (LC, "cl", 1),
        ("cl", "lc", 1),
    ],
)
def test_a_secret_that_a_change_has_set_is_there_unless_another_can_be_read(value, wanted, lacks):
    have, change = (etree.fromstring(f"<root><key>{text}</key></root>") for text in (value, wanted))
    assert len(lacking(have, change)) == lacks


def test_what_has_a_leaf_of_a_change_is_asked_for_as_a_whole():
    change = "<r><list><name>a</name><in><x>1</x></in>{}</list></r>"
    asked = [
        etree.tostring(selection(etree.fromstring(change.format(leaf))), encoding="unicode")
        for leaf in ("", "<item>1</item>", "<out delete='delete'/>")
    ]
    whole = "<r><list><name>a</name></list></r>"
    assert asked == ["<r><list><name>a</name><in/></list></r>", whole, whole]


# More digits than Python makes a number of

DIGITS = "9" * 5000
HISTORY = f"""<r><commit-information><commit-history><commit-confirmed/>
<comment>commit confirmed, rollback in {DIGITS}mins</comment></commit-history>
</commit-information></r>"""
KEK = f"""<r><security-group-vpn-server-kek-sa><kek-security-associations><group-id>1</group-id>
<life-remaining>{DIGITS}</life-remaining></kek-security-associations>
</security-group-vpn-server-kek-sa></r>"""
KEYS = f"""<r><x><group-id>{DIGITS}</group-id></x><x><sa-gvpn-groupid>1</sa-gvpn-groupid>
<sa-spi>a</sa-spi><life-remaining>{DIGITS}</life-remaining></x></r>"""
UP = f"edit security\nup {DIGITS}\nset security group-vpn server group G1 group-id 1\n"


class Said:
    """A device that answers everything with this."""

    patience = 0.0

    def __init__(self, text):
        self._reply = etree.fromstring(text)

    def call(self, step, operation, then=()):
        return self._reply


def test_a_number_that_is_none_is_no_traceback():
    assert awaiting(etree.fromstring(HISTORY)).minutes is None
    assert read_elements(SERVER["kek"], etree.fromstring(KEK)).entries[0]["group_id"] == 1
    held = holdings(
        Said(KEYS), {"server": {}, "member": {"ipsec": {"vpns": [{"name": "V"}]}}}, Generation.V2
    )
    assert held.keys[1].teks == {"0000000a": 0}
    assert natural(f"gm-{DIGITS}") > natural("gm-10") > natural("gm-09") > natural("gm-2")
    with pytest.raises(MalformedReply, match="line 2"):
        views.parse(RESOURCE, UP)
    device = Device(Said(f"<r><junos-version>{DIGITS}.1</junos-version></r>"))
    with pytest.raises(GroupVpnError, match="does not say its Junos release"):
        device.generation()


# Values


@pytest.mark.parametrize(
    ("form", "longest", "good", "bad"),
    [
        (values.name, 4, ["a", "a b;", "ääää"], ["", " ", "abcde", "a\x07", "a\nb"]),
        (values.identifier, 4, ["a", "0", "a-_9"], ["", "abcde", "-a", "_a", "a.b", "a b", "ä"]),
        (values.hexadecimal, 4, ["a", "09aF"], ["", "09aF0", "g", "0x1"]),
        (values.key_text, 4, ["a", "a b~"], ["", "abcde", "ä", "a\x7f"]),
        (values.file_name, 4, ["a", "a.b-"], ["", "abcde", "a/b", "a%", "a b", "a\x07"]),
        (values.interface, 12, ["ge-0/0/1.0", "lo0", "reth0.100"], ["ge-0/0/1.0.1", "0ge", "ge 0"]),
        (values.ipv4_address, 99, ["192.0.2.1"], ["192.0.2.256", "192.0.2", "2001:db8::1", ""]),
        (values.ip_address, 99, ["192.0.2.1", "2001:db8::1"], ["192.0.2.1/32", "host", ""]),
        (
            values.ipv4_prefix,
            99,
            ["192.0.2.0/24", "0.0.0.0/0"],
            ["192.0.2.0", "192.0.2.0/33", "", "10.0.0.0/255.0.0.0"],
        ),
        (values.entry, 32, ["a b", "<", "apply"], ["<*>", "apply-groups", "apply-macro", "a\n"]),
        (
            values.multicast_address,
            99,
            ["224.0.0.0", "239.255.255.255"],
            ["223.255.255.255", "240.0.0.0", "ff02::1", ""],
        ),
    ],
)
def test_a_value_is_taken_up_to_its_limits_and_refused_beyond(form, longest, good, bad):
    assert [form(text, longest) for text in good] == [None] * len(good)
    for text in bad:
        assert "expected" in (form(text, longest) or ""), text


def objections(count):
    policies = {f"p{n}": {"source": "192.0.2.0/24"} for n in range(count)}
    want = {"group": {"G1": {"ipsec-sa": {"sa": {"match-policy": policies}}}}}
    return checks.request_objections(RESOURCE, want, Generation.V2)


def test_ten_match_policies_are_taken_and_eleven_refused_with_their_place():
    assert objections(10) == []
    assert objections(11) == [
        "[edit security group-vpn server group G1 ipsec-sa sa match-policy]: 11 entries, and a "
        "device takes 10; shorten 'match_policies'"
    ]


def test_a_name_that_is_too_long_is_refused_with_its_place_and_option():
    want = {"group": {"x" * 33: {}}}
    assert checks.request_objections(RESOURCE, want, Generation.V2) == [
        "[edit security group-vpn server group]: group name of 33 characters: a name of 1 to 32 "
        "printable characters is expected; correct 'name'"
    ]


def test_what_excludes_each_other_is_refused_with_its_place_and_options():
    gateway = {"address": "192.0.2.1", "dynamic": {"hostname": "h"}}
    want = {"ike": {"gateway": {"g": gateway}}}
    assert checks.request_objections(RESOURCE, want, Generation.V2) == [
        "[edit security group-vpn server ike gateway g] address, dynamic: these exclude each "
        "other; give one of 'address', 'dynamic'"
    ]


# What configuration groups bring in


@pytest.mark.parametrize(
    ("below", "above", "both"),
    [
        ({}, {"address": "192.0.2.1"}, {"address": "192.0.2.1"}),
        ({"address": "192.0.2.1"}, {}, {"address": "192.0.2.1"}),
        ({"address": "192.0.2.9"}, {"address": "192.0.2.1"}, {"address": "192.0.2.1"}),
        ({"ike-policy": "p"}, {"address": "a"}, {"ike-policy": "p", "address": "a"}),
        # A choice that was made is not undone by what is inherited.
        ({"dynamic": {"hostname": "h"}}, {"address": "a"}, {"address": "a"}),
        (
            {"dynamic": {"inet": "i"}},
            {"dynamic": {"hostname": "h"}},
            {"dynamic": {"hostname": "h"}},
        ),
    ],
)
def test_what_is_inherited_gives_way_to_what_is_configured(below, above, both):
    gateway = RESOURCE.root.by_name["ike"].by_name["gateway"]
    assert overlaid(gateway, below, above) == both


def test_entries_and_values_of_both_are_there_once():
    below = {"policy": {"p": {"proposals": ("a", "b")}, "q": {"mode": "main"}}}
    above = {"policy": {"p": {"proposals": ("b", "c"), "mode": "main"}}}
    assert overlaid(RESOURCE.root.by_name["ike"], below, above) == {
        "policy": {"p": {"proposals": ("b", "c", "a"), "mode": "main"}, "q": {"mode": "main"}}
    }


# Words of a list


def test_every_word_of_a_list_has_a_place_that_there_is():
    fields = ("gateway", "address", "last_update", "vsys", *COUNTERS)
    places = {"group.name", "group.id", "group.count", *(f"member.{field}" for field in fields)}
    assert set(vocabulary.PLACES.values()) == places | {vocabulary.NODE, vocabulary.ASIDE}


@pytest.mark.parametrize(
    ("word", "holder", "place"),
    [
        ("group-vpn-group-name", "", "group.name"),
        ("groupId", "", "group.id"),
        ("Group ID", "", "group.id"),
        ("name", "group", "group.name"),
        ("name", "group-vpn-member", "member.gateway"),
        ("security-group-vpn-server-registered-members-count", "", "group.count"),
        ("gvpn-member-ip", "", "member.address"),
        ("re-name", "", "node"),
        ("frob", "", None),
    ],
)
def test_words_are_known_in_whatever_spelling_and_by_what_holds_them(word, holder, place):
    assert vocabulary.place_of(word, holder) == place


# known_hosts

BLOB = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x01k").decode()
KEY, OTHER = f"ssh-ed25519 {BLOB}", f"ssh-ed25519 {BLOB[:-4]}AWs="
HASHED = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg="


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ("192.0.2.61", True),
        ("[192.0.2.61]:830", True),
        ("hub,192.0.2.61", True),
        ("hub", False),
        ("192.0.2.6", False),
        ("192.0.2.*", True),
        ("192.0.2.6?", True),
        ("[192.0.2.6?]:*", True),
        ("192.0.2.??1", False),
        ("192.0.2.*,!192.0.2.61", False),
        ("!192.0.2.61,192.0.2.*", False),
        ("!192.0.2.9,192.0.2.*", True),
        ("!192.0.2.61", False),
        ("192a0b2c61", False),
        (HASHED, False),
        ("|1|not base64|x", False),
        ("|1|é|x", False),
    ],
)
def test_a_line_is_the_hosts_if_one_of_its_names_is(tmp_path, names, known):
    file = tmp_path / "known_hosts"
    file.write_text(f"# {names} {OTHER}\n\n{names} {KEY}\nelsewhere {OTHER}\n@revoked {names}\n")
    names_of_it = known_keys(Target("192.0.2.61", known_hosts_file=str(file)))
    assert [key for one in names_of_it for key in one.keys] == [KEY] * known
    assert not any(one.revoked or one.authority for one in names_of_it)


def test_a_hash_of_the_name_is_the_hosts(tmp_path):
    # Of "192.168.1.61", from sshd(8)'s own format.
    file = tmp_path / "known_hosts"
    file.write_text(f"{HASHED} {KEY}\n")
    hosts = ("192.168.1.61", "192.168.1.62")
    found = [known_keys(Target(host, 22, known_hosts_file=str(file)))[0].keys for host in hosts]
    assert found == [(KEY,), ()]


def test_marks_say_what_a_key_is_for(tmp_path):
    file = tmp_path / "known_hosts"
    lines = (
        f"@revoked hub {KEY}",
        f"@cert-authority hub {OTHER}",
        f"@odd hub {KEY}",
        f"hub {OTHER}",
    )
    file.write_text("\n".join(lines))
    (found,) = known_keys(Target("hub", 22, known_hosts_file=str(file)))
    assert found == ((OTHER,), frozenset({BLOB}), True)
    (none,) = known_keys(Target("hub", 22, known_hosts_file=str(tmp_path / "none")))
    assert none.keys == ()


@pytest.mark.parametrize("line", ["hub \x0b", "hub ssh-ed25519 é", "hub ssh-ed25519"])
def test_a_line_that_has_no_key_says_nothing(tmp_path, line):
    file = tmp_path / "known_hosts"
    file.write_text(f"{line}\nhub {KEY}\n")
    (found,) = known_keys(Target("hub", 22, known_hosts_file=str(file)))
    assert found.keys == (KEY,)


@pytest.mark.parametrize(
    "name", ["own/known_hosts", "own/known_hosts2", "all/ssh_known_hosts", "all/ssh_known_hosts2"]
)
def test_without_a_file_of_its_own_a_login_goes_by_those_of_the_ssh_client(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(ssh_files, "directory", lambda: tmp_path / "own")
    monkeypatch.setattr(ssh_files, "SYSTEM", tmp_path / "all")
    for place in ("own", "all"):
        (tmp_path / place).mkdir()
    (tmp_path / name).write_text(f"hub {KEY}\n@revoked hub {OTHER}\n")
    assert known_keys(Target("hub", 22)) == (((KEY,), {OTHER.split()[1]}, False),)


def test_the_ssh_clients_files_are_the_accounts_whatever_home_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh_files.directory.cache_clear()
    assert ssh_files.directory() == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh"


# Logins


@pytest.mark.parametrize("kind", ["link", "writable", "file", "another user's"])
def test_a_control_directory_that_others_could_change_is_not_used(monkeypatch, kind):
    # A long path is not used for its length: that of this directory is short.
    with tempfile.TemporaryDirectory() as short:
        wanted = Path(short) / "cp"
        wanted.mkdir(mode=0o755)
        ours = Path(short) / "ours"
        assert control_path(Target("hub", control_directory=str(ours))).parent == ours
        if kind == "link":
            wanted.rename(Path(short) / "real")
            wanted.symlink_to(Path(short) / "real")
        elif kind == "writable":
            wanted.chmod(0o777)
        elif kind == "file":
            wanted.rmdir()
            wanted.write_text("")
        else:
            somebody = os.getuid() + 1
            monkeypatch.setattr(os, "getuid", lambda: somebody)
        path = control_path(Target("hub", control_directory=str(wanted)))
        assert path is None or path.parent != wanted


ASKED = {
    "u@h's password: ": "",
    "newman@newyork-1's password: ": "",
    "old@new's password:": "",
    "(current@new) Password:": "",
    "(netops@hub.new.example.com) Password: ": "",
    "new-hub password:": "",
    "Password for renewal@oldtown:": "",
    "New password:": "new password",
    "(netops@hub) New Password: ": "new password",
    "Enter netops's new\npassword:": "new password",
    "NEW_PASSWORD:": "new password",
    "Enter new UNIX password: ": "new password",
    "Old password:": "new password",
    "(current) UNIX password:": "new password",
    "Current Password: ": "new password",
    "Your password has expired.\nPassword:": "new password",
    "Retype new password:": "new password",
    "Repeat password:": "new password",
    "Password again:": "new password",
    "Confirm password:": "new password",
    "Please change your password: ": "new password",
    "Last change: today, by netops@change\nPassword:": "",
    "(netops@confirm) Password:": "",
    "Verification code:": "something else",
    "Mot de passe :": "something else",
}


@pytest.mark.parametrize("prompt", ASKED)
def test_a_prompt_that_wants_a_new_password_is_told_from_one_whose_names_say_new(prompt):
    wanted = ASKED[prompt]
    helper = askpass.AskPass("made-up")
    try:
        done = subprocess.run(
            askpass.as_asker(["sh", "-c", '"$SSH_ASKPASS" "$0"; :', prompt]),
            env={**os.environ, **helper.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        helper.close()
    complaint = askpass.complaint(prompt)
    assert wanted in complaint
    assert bool(wanted) is bool(complaint)
    assert done.stdout == ("" if wanted else "made-up\n")
    assert complaint.rstrip(")") in done.stderr
    # Whom it refuses is the device's own ssh, too.
    assert helper.asked


def test_a_password_that_nobody_asks_for_keeps_no_process_alive():
    module = "ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.askpass"
    program = f"from {module} import AskPass; AskPass('made-up')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(COLLECTIONS), "PATH": "/usr/bin:/bin"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
