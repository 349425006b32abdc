# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sessions that processes leave to one another."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.shelf import Kept, Shelf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def leave(shelf: Shelf, name: str, seconds: float = 60, chunked: bool = False) -> socket.socket:
    """Lay a connection down as a task does that ends; the device's side of it."""
    ours, theirs = socket.socketpair()
    with ours:
        assert shelf.put(name, Kept((ours.fileno(),), chunked), seconds)
    theirs.settimeout(5)
    return theirs


def greeting_of(kept: Kept | None) -> bytes:
    """Use the session: its device hears this."""
    assert kept is not None
    with socket.socket(fileno=kept.descriptors[0]) as session:
        session.sendall(b"hello")
    return b"hello"


def test_what_is_left_is_found_by_its_name_once(shelf):
    names = [f"hub-{n}" for n in range(200)]
    devices = {name: leave(shelf, name, chunked=name.endswith("7")) for name in names}
    assert shelf.take("hub-200") is None
    for name in reversed(names):
        kept = shelf.take(name)
        assert kept.chunked is name.endswith("7")
        assert greeting_of(kept) == devices[name].recv(5)
        assert devices[name].recv(5) == b""
        assert shelf.take(name) is None


def test_a_process_finds_what_another_left_before_it_ended(shelf):
    ours, device = socket.socketpair()
    device.settimeout(5)
    child = os.fork()
    if not child:
        left = shelf.put("hub-1", Kept((ours.fileno(),), False), 60)
        os._exit(0 if left else 1)
    ours.close()
    assert os.waitpid(child, 0)[1] == 0
    assert greeting_of(shelf.take("hub-1")) == device.recv(5)


def test_what_died_or_waited_too_long_is_not_given_out(shelf):
    dead = leave(shelf, "hub-1")
    dead.close()
    said_something = leave(shelf, "hub-1")
    said_something.sendall(b"what nobody asked for")
    late = leave(shelf, "hub-1", seconds=0)
    alive = leave(shelf, "hub-1")
    assert greeting_of(shelf.take("hub-1")) == alive.recv(5)
    assert shelf.take("hub-1") is None
    assert late.recv(1) == b""
    # It was closed with what it had said unread.
    with pytest.raises(ConnectionResetError):
        said_something.recv(1)


def test_a_shelf_that_is_full_says_so_and_loses_nothing(shelf):
    devices = []
    while True:
        ours, theirs = socket.socketpair()
        with ours:
            if not shelf.put("hub-1", Kept((ours.fileno(),), False), 60):
                break
        devices.append(theirs)
        assert len(devices) < 10_000
    for device in devices:
        assert greeting_of(shelf.take("hub-1")) == device.recv(5)
    assert shelf.take("hub-1") is None


def test_with_the_shelf_every_session_ends():
    device = leave(Shelf(), "hub-1")
    assert device.recv(1) == b""
