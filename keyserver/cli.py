# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m keyserver``: serve a lab, run its members, show its state."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .keylog import KeyLog, read_keks
from .lab import Lab, LabError, read_lab
from .member.machine import MemberEvent
from .member.runner import MemberFleet, event_line
from .serve import LabServer, lab_clock
from .status import lab_status
from .wireshark import readable_capture


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m keyserver",
        description="Reference Group VPN key server: emulated SRX devices and group members.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("serve", "run the lab's key servers until interrupted"),
        ("members", "run the lab's group members until interrupted"),
        ("status", "ask the running key servers for their groups, keys and members"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("lab", type=Path, help="lab file (YAML)")
        command.add_argument("-v", "--verbose", action="store_true", help="log every event")
        if name == "serve":
            command.add_argument(
                "--keylog",
                type=Path,
                metavar="FILE",
                help="append every key that Wireshark needs to FILE; for a lab only",
            )
        if name == "members":
            command.add_argument(
                "--events", action="store_true", help="print one JSON line per event"
            )
    shark = commands.add_parser(
        "wireshark",
        help="make a capture readable for Wireshark",
        description="Copy the GDOI messages of a pcap file so that Wireshark decrypts them.",
    )
    shark.add_argument("capture", type=Path, help="pcap file, as tcpdump -w makes it")
    shark.add_argument("keylog", type=Path, help="file that serve --keylog wrote")
    shark.add_argument("output", type=Path, help="pcap file to write")
    return parser


def _wireshark(options: argparse.Namespace) -> int:
    try:
        keks = read_keks(options.keylog.read_text(encoding="ascii"))
        options.output.write_bytes(readable_capture(options.capture.read_bytes(), keks))
    except (OSError, ValueError) as error:
        print(f"keyserver: {error}", file=sys.stderr)
        return 2
    return 0


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


async def _serve(lab: Lab, keylog: Path | None) -> None:
    try:
        sink = KeyLog(keylog) if keylog is not None else None
    except OSError as error:
        raise LabError(f"{keylog}: {error.strerror}") from None
    server = LabServer(lab, key_sink=sink)
    await server.start()
    try:
        for device in server.devices:
            spec = device.spec
            places = [
                f"{plane} {endpoint.host}:{endpoint.port}"
                for plane, endpoint in (("NETCONF", spec.netconf), ("GDOI", spec.gdoi))
                if endpoint is not None
            ]
            print(f"{spec.name} ({spec.generation.value}): {', '.join(places)}", flush=True)
        print(f"ready: {len(server.devices)} key servers", flush=True)
        await _until_stopped()
    finally:
        server.stop()
        if sink is not None:
            sink.close()


async def _members(lab: Lab, events: bool) -> None:
    registered: set[str] = set()

    def observe(event: MemberEvent) -> None:
        if events:
            print(event_line(event), flush=True)
            return
        if event.event == "registered":
            registered.add(event.member)
            if len(registered) == len(lab.members):
                print(f"all {len(registered)} members registered", flush=True)
        elif event.event == "refused":
            print(f"{event.member}: refused: {event.reason}", file=sys.stderr, flush=True)

    fleet = MemberFleet(lab.members, lab_clock(lab.speed), lab.speed, observe)
    try:
        await fleet.start()
        await _until_stopped()
    finally:
        fleet.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if getattr(options, "verbose", False) else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    if options.command == "wireshark":
        return _wireshark(options)
    try:
        lab = read_lab(options.lab)
        with contextlib.suppress(KeyboardInterrupt):
            if options.command == "serve":
                asyncio.run(_serve(lab, options.keylog))
            elif options.command == "members":
                asyncio.run(_members(lab, options.events))
            else:
                return asyncio.run(lab_status(lab, sys.stdout))
    except LabError as error:
        print(f"keyserver: {error}", file=sys.stderr)
        return 2
    return 0
