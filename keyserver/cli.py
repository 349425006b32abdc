# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command ``groupvpn-keyserver``: write a lab, serve it, run its members, show its state."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from . import __version__
from .capture.keylog import read_keks
from .capture.sa_export import exported
from .capture.sa_log import read_sa_log
from .capture.wireshark import readable_capture
from .lab.reading import read_lab
from .lab.specs import Lab, LabError
from .lab.writing import NO_ROOM, writing
from .starter import write_starter

PROGRAM = "groupvpn-keyserver"
DEFAULT_LAB = Path("lab.yml")
_UNHEARD = 128 + signal.SIGPIPE
"""What a shell says of a program that went on writing to nobody."""
_INTERRUPTED = 128 + signal.SIGINT


class _Unusable(Exception):
    """What was given cannot be worked with; in one sentence."""


# What each command takes


class _CommandParser(argparse.ArgumentParser):
    """What a command does not know is told with the usage of that command."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def _path(text: str) -> Path:
    """A path; nothing at all, as of a shell's variable that is not set, is not the directory."""
    if not text:
        raise argparse.ArgumentTypeError("a path is expected, and this one is empty")
    return Path(text)


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: an IPv4 address is expected") from None


def _lab_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "lab",
        type=_path,
        nargs="?",
        default=DEFAULT_LAB,
        metavar="LAB",
        help=f"lab file (YAML); default: {DEFAULT_LAB}",
    )
    command.add_argument("-v", "--verbose", action="store_true", help="log every event")


def _sa_log_argument(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--sa-log",
        type=_path,
        metavar="FILE",
        help="append members' associations with their keys to FILE; for a lab only",
    )


def _serve_arguments(command: argparse.ArgumentParser) -> None:
    _lab_arguments(command)
    command.add_argument(
        "--keylog",
        type=_path,
        metavar="FILE",
        help="append every key that Wireshark needs to FILE; for a lab only",
    )
    command.add_argument(
        "--lenient",
        action="store_true",
        help="start with what is understood of the configuration files, name the rest",
    )
    _sa_log_argument(command)
    command.add_argument(
        "--events",
        action="store_true",
        help="print one JSON line per event of devices that are members",
    )


def _members_arguments(command: argparse.ArgumentParser) -> None:
    _lab_arguments(command)
    _sa_log_argument(command)
    command.add_argument("--events", action="store_true", help="print one JSON line per event")


def _init_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "directory", type=_path, nargs="?", default=Path(), help="default: the current directory"
    )


def _wireshark_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("capture", type=_path, help="pcap file, as tcpdump -w makes it")
    command.add_argument("keylog", type=_path, help="file that serve --keylog wrote")
    command.add_argument("output", type=_path, help="pcap file to write")


def _sa_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("sa_log", type=_path, help="file that --sa-log wrote")
    command.add_argument(
        "--format", choices=("xfrm", "wireshark"), default="xfrm", help="default: xfrm"
    )
    command.add_argument(
        "--member", help="xfrm: this member's alone; default: all, each under its name"
    )
    command.add_argument(
        "--peer",
        action="append",
        type=_address,
        metavar="ADDRESS",
        help="xfrm: a host to send to; may be repeated; default: the other members in the log",
    )


# What each command does: options in, exit status out


def _init(options: argparse.Namespace) -> int:
    for file in write_starter(options.directory):
        print(file)
    print(f"next: {PROGRAM} serve{_as_typed(options.directory)}")
    return 0


def _as_typed(directory: Path) -> str:
    """How a shell is told of the lab in a directory; nothing where it is the default."""
    if directory == Path():
        return ""
    lab = str(directory / DEFAULT_LAB)
    return f" {shlex.quote(f'./{lab}' if lab.startswith('-') else lab)}"


def _lab_of(options: argparse.Namespace) -> Lab:
    if options.lab == DEFAULT_LAB and not options.lab.exists():
        raise LabError(f"there is no {DEFAULT_LAB} here: name one, or write one with init")
    return read_lab(options.lab)


def _serve(options: argparse.Namespace) -> int:
    if options.keylog and options.sa_log and _same(options.keylog, options.sa_log):
        raise _Unusable(f"{options.sa_log}: both logs would be in it; name another file for one")
    # What serves takes longer to import than --help and --version to answer.
    from .edge import run

    chosen = run.ServeOptions(options.keylog, options.sa_log, options.lenient, options.events)
    run.serve(_lab_of(options), chosen)
    return 0


def _members(options: argparse.Namespace) -> int:
    from .edge import run

    run.members(_lab_of(options), options.events, options.sa_log)
    return 0


def _status(options: argparse.Namespace) -> int:
    from .edge.status import status

    return status(_lab_of(options))


def _same(one: Path, other: Path) -> bool:
    """True where both are one file, or would be."""
    return one.resolve() == other.resolve() or (
        one.exists() and other.exists() and one.samefile(other)
    )


def _wireshark(options: argparse.Namespace) -> int:
    output = options.output
    for source in (options.keylog, options.capture):
        if _same(output, source):
            raise _Unusable(f"{output}: is the file that is read; name another one to write")
    with _blamed(options.keylog):
        keks = read_keks(options.keylog.read_text(encoding="ascii"))
    with _blamed(options.capture):
        readable = readable_capture(options.capture.read_bytes(), keks)
    with writing(output):
        output.write_bytes(readable)
    return 0


def _associations(options: argparse.Namespace) -> int:
    if options.format == "wireshark" and (options.member or options.peer):
        raise _Unusable(
            "--format wireshark exports every member's associations; leave --member and --peer out"
        )
    with _blamed(options.sa_log), options.sa_log.open(encoding="ascii") as lines:
        history = read_sa_log(lines)
        for line in exported(history, options.format, options.member, options.peer):
            print(line)
    return 0


@contextlib.contextmanager
def _blamed(file: Path) -> Iterator[None]:
    """What is wrong with a file's contents is said with its name."""
    try:
        yield
    except UnicodeDecodeError:
        raise _Unusable(f"{file}: text is expected") from None
    except ValueError as error:
        raise _Unusable(f"{file}: {error}") from None


@dataclass(frozen=True)
class _Command:
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    perform: Callable[[argparse.Namespace], int]


_COMMANDS = {
    "init": _Command("write a lab to start from", _init_arguments, _init),
    "serve": _Command("run the lab's key servers until interrupted", _serve_arguments, _serve),
    "members": _Command(
        "run the lab's group members until interrupted", _members_arguments, _members
    ),
    "status": _Command(
        "ask the running key servers for their groups, keys and members", _lab_arguments, _status
    ),
    "sa": _Command(
        "what members installed, as ip xfrm commands or Wireshark's ESP SA table",
        _sa_arguments,
        _associations,
    ),
    "wireshark": _Command(
        "make a capture readable for Wireshark", _wireshark_arguments, _wireshark
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Emulated SRX devices and group members of a Group VPN. "
        f"The same without the script: python -m {__package__}.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser
    )
    for name, command in _COMMANDS.items():
        command.arguments(
            commands.add_parser(name, help=command.summary, description=command.summary)
        )
    return parser


def _say_no_more() -> None:
    """Nobody reads the output: what is still buffered must not fail when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _have_streams() -> None:
    """A stream that was closed goes to nobody; its number must not become that of a store."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (until the process ends)


def _perform(options: argparse.Namespace) -> int:
    status = _COMMANDS[options.command].perform(options)
    sys.stdout.flush()
    return status


def _understood(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for, with logging as asked; help and version are printed here, and end it."""
    printed = io.StringIO()
    try:
        # argparse itself would take a full disk for a success.
        with contextlib.redirect_stdout(printed):
            options = _parser().parse_args(arguments)
    except SystemExit:
        print(printed.getvalue(), end="", flush=True)
        raise
    logging.basicConfig(
        level=logging.INFO if getattr(options, "verbose", False) else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    return options


def _where(error: OSError) -> str:
    """The file that it is about: all that are written are named, but for the output itself."""
    nameless = "standard output: " if error.errno in NO_ROOM else ""
    return f"{error.filename}: " if error.filename else nameless


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    _have_streams()
    try:
        return _perform(_understood(arguments))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _say_no_more()
        return _UNHEARD
    except OSError as error:
        _say_no_more()
        print(f"{PROGRAM}: {_where(error)}{error.strerror or error}", file=sys.stderr)
    except (LabError, _Unusable) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
    return 2
