# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A key server's process is killed in the middle of things; its members are processes of their own.

The observer reads what members print, over real UDP on loopback: who can read whom.
"""

from __future__ import annotations

import json
import re
import socket
import time

from ncclient import manager

from tests.keyserver.observer import Observer
from tests.keyserver.test_srx_member import BLOCKS, SMC
from tests.lab import ask, by_ncclient, hub_config
from tests.processes import Process, free_ports

SITES = {f"gm-{n}": f"127.0.1.{n}" for n in range(1, 7)}
SECONDS = 60
SERVER = "set security group-vpn server"
ESP = f"{SERVER} ipsec proposal esp"
# What is committed, and how many seconds behind it the server is killed.
KILLS = (
    (f"{ESP} lifetime-seconds 7200", 0.0),
    (f"{SMC}encryption-algorithm aes-128-cbc", 0.03),
    (f"{ESP} encryption-algorithm aes-192-cbc", 0.3),
)


class Watch:
    """The members' process, and what an observer makes of its lines."""

    def __init__(self, lab):
        self.process = Process("members", lab.file, "--events")
        self.observer = Observer()
        self.receives: dict[str, set[str]] = {}
        self._seen = 0

    def look(self, seconds=0.0):
        """Read what came."""
        self.process.read(seconds)
        lines, self._seen = self.process.output[self._seen :], len(self.process.output)
        for event in (json.loads(line) for line in lines if line.startswith("{")):
            self.observer.told(event)
            if "receives_with" in event:
                self.receives[event["member"]] = set(event["receives_with"])

    def until(self, wanted):
        """Look until that is so."""
        end = time.monotonic() + SECONDS
        while not wanted():
            assert time.monotonic() < end, self.process.output[-20:]
            self.look(0.2)

    def all_read(self, spis):
        """True when every member can read what is sent under any of these."""
        return len(self.receives) == len(SITES) and all(
            spis <= held for held in self.receives.values()
        )


def given(lab):
    """The SPI of the TEK that whoever registers now sends with."""
    shown = ask(lab, "hub-1", "get-security-group-vpn-server-security-information")
    (newest, *_) = re.findall("<sa-spi>([0-9a-f]+)</sa-spi>", shown)
    return {newest}


def lab_of(lab, keys):
    """A hub and its sites, written."""
    (port,) = free_ports(1, socket.SOCK_DGRAM)
    hub = hub_config("hub-1", "v2", SITES, extra=(SMC + BLOCKS["v2"],))
    gdoi = {"address": "127.0.0.1", "port": port, "group_keys": keys}
    lab.add_device("hub-1", "v2", hub, gdoi=gdoi)
    for name, address in SITES.items():
        lab.add_member(name, "hub-1", address)


def killed(lab, server, line, seconds):
    """Commit that, and kill the server so soon behind it; the one that takes its place."""
    # Its session ends with the server: there is nobody left who would answer when it is closed.
    session = manager.connect(**by_ncclient(lab, "hub-1"))
    session.load_configuration(action="set", config=[line])
    session.commit()
    time.sleep(seconds)
    server.kill()
    again = Process("serve", lab.file)
    again.wait_for("ready:")
    return again


def test_a_server_that_is_killed_takes_nobody_apart(lab):
    lab_of(lab, "durable")
    server = lab.serve()
    try:
        watch = Watch(lab)
        watch.until(lambda: watch.receives)
        server.kill()
        server = Process("serve", lab.file)
        server.wait_for("ready:")
        # Whoever was in the middle of registering begins anew, and gets what the others have.
        watch.until(lambda: watch.all_read(given(lab)))
        watch.process.stop()
        for line, seconds in KILLS:
            # A server that was started lists nobody: they come anew.
            watch = Watch(lab)
            watch.until(lambda now=watch: now.all_read(given(lab)))
            watch.observer.begin(time.time())
            server = killed(lab, server, line, seconds)
            # Whom it had not told yet it tells now; what nobody was told of is not given either.
            watch.until(lambda now=watch: now.all_read(given(lab)))
            report = watch.observer.report(time.time())
            assert (report.apart, report.without_tek) == (0, 0), line
            watch.process.stop()
    finally:
        watch.process.stop()
        server.stop()


def test_a_server_that_forgets_its_keys_takes_nobody_apart_who_has_them(lab):
    lab_of(lab, "forgotten")
    server = lab.serve()
    watch = Watch(lab)
    try:
        watch.until(lambda: watch.all_read(set()))
        watch.observer.begin(time.time())
        server = killed(lab, server, *KILLS[0])
        # It does not know them, and they do not know of that.
        watch.look(1.0)
        assert watch.observer.unreadable() == {}
        report = watch.observer.report(time.time())
        assert (report.apart, report.without_tek) == (0, 0)
    finally:
        watch.process.stop()
        server.stop()
