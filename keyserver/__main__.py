# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``groupvpn-keyserver`` and ``python -m keyserver``: what must hold before the imports."""

from __future__ import annotations

import signal
import sys

_OLDEST = (3, 11)
_INTERRUPTED = 128 + signal.SIGINT


def _say(text: str) -> int:
    print(f"groupvpn-keyserver: {text}", file=sys.stderr)
    return 2


def _interrupts_end_it() -> None:
    """An interrupt ends the process without a word; one that is ignored stays ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> int:
    """Run the command that the arguments name; the exit status.

    While modules are imported, and while the interpreter ends, the traceback of an interrupt would
    tell of a place that is none of the user's.
    """
    if sys.version_info < _OLDEST:
        return _say(f"Python {sys.version.split()[0]}: 3.11 or newer is needed")
    interrupt = signal.getsignal(signal.SIGINT)
    _interrupts_end_it()
    try:
        from .cli import main as command

        signal.signal(signal.SIGINT, interrupt)
        return command()
    except ModuleNotFoundError as missing:
        # Also what only one command needs, and imports when it begins.
        return _say(f"{missing.name} is not installed: pip install groupvpn-keyserver brings it")
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        _interrupts_end_it()


if __name__ == "__main__":
    sys.exit(main())
