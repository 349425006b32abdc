# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the command ``groupvpn-keyserver`` makes of its arguments; nothing is started."""

from __future__ import annotations

import errno
import io
import os
import struct
import sys
from pathlib import Path

import pytest

from keyserver.cli import main
from keyserver.lab.writing import writing
from keyserver.starter import FILES, write_starter
from tests.keyserver.console import full_disk

# A capture of nothing: magic, version, zone, accuracy, longest packet, Ethernet.
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


@pytest.fixture
def said(tmp_path, monkeypatch, capfd):
    """Run the command in a directory of its own: (exit status, what stands on standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[object, str]:
        try:
            status: object = main(arguments)
        except SystemExit as end:
            status = end.code
        return status, capfd.readouterr().err

    return run


@pytest.mark.parametrize("command", ["init", "serve", "members", "status", "sa", "wireshark"])
def test_an_option_that_a_command_does_not_know_is_told_with_the_commands_own_usage(said, command):
    arguments = {"sa": ["a"], "wireshark": ["a", "b", "c"]}.get(command, [])
    status, text = said(command, *arguments, "--colour")
    assert status == 2
    assert text.startswith(f"usage: groupvpn-keyserver {command} ")
    assert f"groupvpn-keyserver {command}: error: unrecognized arguments: --colour" in text


@pytest.mark.parametrize("word", ["hub-1", "192.0.2.256", "192.0.2.0/24", "2001:db8::1", ""])
def test_a_peer_is_an_address(said, tmp_path, word):
    (tmp_path / "sa.log").touch()
    status, text = said("sa", "sa.log", "--peer", word)
    assert status == 2
    assert f"argument --peer: {word!r}: an IPv4 address is expected" in text


@pytest.mark.parametrize("option", [("--peer", "192.0.2.1"), ("--member", "site-01")])
def test_an_option_that_would_do_nothing_is_refused(said, tmp_path, option):
    (tmp_path / "sa.log").touch()
    assert said("sa", "sa.log", "--format", "wireshark", *option) == (
        2,
        "groupvpn-keyserver: --format wireshark exports every member's associations; "
        "leave --member and --peer out\n",
    )


@pytest.mark.parametrize("command", ["init", "serve", "members", "status", "sa"])
def test_an_empty_path_is_not_the_directory_that_one_stands_in(said, tmp_path, command):
    status, text = said(command, "")
    assert status == 2
    assert "a path is expected, and this one is empty" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", ["keys.log", "./keys.log", "sub/../keys.log"])
def test_two_logs_are_two_files(said, tmp_path, other):
    (tmp_path / "sub").mkdir()
    assert said("init", "lab")[0] == 0
    status, text = said("serve", "lab/lab.yml", "--keylog", "keys.log", "--sa-log", other)
    assert status == 2
    assert "both logs would be in it; name another file for one" in text
    assert not (tmp_path / "keys.log").exists()


def test_a_member_that_holds_nothing_is_told_with_those_who_do(said, tmp_path):
    (tmp_path / "sa.log").touch()
    assert said("sa", "sa.log", "--member", "site-9") == (
        2,
        "groupvpn-keyserver: sa.log: member 'site-9' holds no associations at its end; "
        "who does: nobody has any\n",
    )


def test_a_lab_is_written_into_a_directory_and_beside_whatever_else_is_there(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(NotADirectoryError, match="is no directory; name one"):
        write_starter(notes)
    write_starter(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"notes.txt", *FILES}
    with pytest.raises(FileExistsError, match="nothing was written: name another directory"):
        write_starter(tmp_path)


def test_a_lab_that_has_no_room_is_named_and_not_in_the_way_of_the_next(said, tmp_path):
    told = f"{Path('a') / FILES[0]}: File too large; make room there, or name another"
    with full_disk(700):
        assert said("init", "a") == said("init", "a") == (2, f"groupvpn-keyserver: {told}\n")
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("command", ["--help", "--version", "sa --help"])
def test_help_that_nobody_could_read_is_no_success(said, monkeypatch, command):
    """argparse itself passes over a write that fails, as each does without a buffer."""
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(full, write_through=True))
        told = "groupvpn-keyserver: standard output: No space left on device\n"
        assert said(*command.split()) == (2, told)


def test_what_is_written_into_no_room_is_named(said, tmp_path):
    """Whoever writes to a file that is open is told nothing of its name by the system."""
    (tmp_path / "keys.log").touch()
    (tmp_path / "in.pcap").write_bytes(PCAP)
    (tmp_path / "out.pcap").symlink_to("/dev/full")
    told = "out.pcap: No space left on device; make room there, or name another"
    assert said("wireshark", "in.pcap", "keys.log", "out.pcap") == (
        2,
        f"groupvpn-keyserver: {told}\n",
    )


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "a: Permission denied; see who may write there, or name another"),
        (errno.EROFS, "a: Read-only file system; name another"),
    ],
)
def test_who_may_not_write_is_told_what_helps(number, told):
    with pytest.raises(OSError, match="name another") as refused, writing(Path("a")):
        raise OSError(number, os.strerror(number))
    assert f"{refused.value.filename}: {refused.value.strerror}" == told
