# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m keyserver``: serve a lab, run its members, show its state."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from .capture.keylog import read_keks
from .capture.sa_export import exported
from .capture.sa_log import read_sa_log
from .capture.wireshark import readable_capture
from .edge import run
from .lab import LabError, read_lab


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
            command.add_argument(
                "--lenient",
                action="store_true",
                help="start with what is understood of the configuration files, name the rest",
            )
        if name != "status":
            command.add_argument(
                "--sa-log",
                type=Path,
                metavar="FILE",
                help="append members' associations with their keys to FILE; for a lab only",
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
    associations = commands.add_parser(
        "sa",
        help="what members installed, as ip xfrm commands or Wireshark's ESP SA table",
        description="Turn the log of --sa-log into what other tools read.",
    )
    associations.add_argument("sa_log", type=Path, help="file that --sa-log wrote")
    associations.add_argument(
        "--format", choices=("xfrm", "wireshark"), default="xfrm", help="default: xfrm"
    )
    associations.add_argument(
        "--member", help="xfrm: this member's alone; default: all, each under its name"
    )
    associations.add_argument(
        "--peer",
        action="append",
        metavar="ADDRESS",
        help="xfrm: a host to send to; may be repeated; default: the other members in the log",
    )
    return parser


def _associations(options: argparse.Namespace) -> int:
    try:
        with options.sa_log.open(encoding="ascii") as lines:
            history = read_sa_log(lines)
        for line in exported(history, options.format, options.member, options.peer):
            print(line)
    except OSError as error:
        print(f"keyserver: {options.sa_log}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"keyserver: {options.sa_log}: {error}", file=sys.stderr)
        return 2
    return 0


def _wireshark(options: argparse.Namespace) -> int:
    try:
        keks = read_keks(options.keylog.read_text(encoding="ascii"))
        options.output.write_bytes(readable_capture(options.capture.read_bytes(), keks))
    except (OSError, ValueError) as error:
        print(f"keyserver: {error}", file=sys.stderr)
        return 2
    return 0


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
    if options.command == "sa":
        return _associations(options)
    try:
        lab = read_lab(options.lab)
        with contextlib.suppress(KeyboardInterrupt):
            if options.command == "serve":
                run.serve(lab, options.keylog, options.lenient, options.sa_log)
            elif options.command == "members":
                run.members(lab, options.events, options.sa_log)
            else:
                return run.status(lab)
    except LabError as error:
        print(f"keyserver: {error}", file=sys.stderr)
        return 2
    return 0
