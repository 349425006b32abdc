# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The password for ssh: answered once, to the ssh that logs in to the target, and to no other.

ssh asks a program that it starts for passwords, passphrases and confirmations alike, and so does
the ssh that it starts itself for a jump host, in the same environment. The program knows by its
parent who asks, and by the prompt what for. An ssh that is asked a second time, by another method,
or for something else (a code, a new password) is ended: it would send an empty answer, which is one
more failed login on the way to a locked account.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

# ssh goes on without a key that it gets no passphrase for, and says so where it only wants to show
# or confirm something.
_PROGRAM = b"""#!/bin/sh
end() {
    mkdir "$GROUPVPN_ASKPASS.ended" 2>/dev/null
    echo "Permission denied: $1" >&2
    kill "$PPID"
    exit 1
}
[ "$PPID" = "$GROUPVPN_ASKER" ] && [ -z "$SSH_ASKPASS_PROMPT" ] || exit 1
prompt=$(printf '%s' "$1" | tr '[:cntrl:]' ' ' | cut -c1-80)
lower=" $(printf '%s' "$1" | tr '[:cntrl:]' ' ' | tr '[:upper:]' '[:lower:]')"
renew() {
    end "the device wants a new password ($prompt)"
}
case $lower in
*passphrase\\ for*|*pin\\ for*) exit 1 ;;
*password*expired*|*expired*password*) renew ;;
*password\\ again*|*[!a-z0-9_.@-]change\\ password*|*[!a-z0-9_.@-]confirm\\ password*) renew ;;
*\\ change\\ your\\ password*|*\\ confirm\\ your\\ password*) renew ;;
esac
for word in new old current retype repeat; do
    case $lower in
    *[!a-z0-9_.@-]${word}[\\ \\)]*password*) renew ;;
    *[!a-z0-9_.@-]${word}[_-]password*|*[!a-z0-9_.@-]${word}password*) renew ;;
    esac
done
case $lower in
*password:*|*password\\ for*) ;;
*) end "the device asks for something else than the password ($prompt)" ;;
esac
mkdir "$GROUPVPN_ASKPASS.asked" 2>/dev/null || end "the password was refused"
IFS= read -r line <"$GROUPVPN_ASKPASS"
printf '%s\\n' "$line"
"""


# Not within a name: ssh's own prompt holds the user's and the device's.
_NEW = re.compile(
    r"(?is)(?<![\w.@-])(?:new|old|current|retype|repeat)(?:[\s)].*|[_-]?)password"
    r"|(?<![\w.@-])(?:change|confirm)\s(?:your\s)?password|password\sagain"
    r"|password.*expired|expired.*password"
)
_OWN = re.compile("(?i)password(:| for)")


def complaint(prompt: str) -> str:
    """Why a device's question gets no password; '' for the one that does. As the program has it."""
    shown = " ".join(prompt.split())[:80]
    if _NEW.search(prompt):
        return f"the device wants a new password ({shown})"
    if not _OWN.search(prompt):
        return f"the device asks for something else than the password ({shown})"
    return ""


class Answers:
    """Answers to what a device asks interactively. A question that has none ends the login."""

    def __init__(self, password: str) -> None:
        self._left = [password]

    def __call__(self, title: str, said: str, fields: Sequence[tuple[str, bool]]) -> list[str]:
        """As paramiko asks for them."""
        return [self.to(prompt) for prompt, _echoed in fields]

    def to(self, prompt: str) -> str:
        """The password, once. Raises ncclient's AuthenticationError for any other question."""
        from ncclient.transport.errors import AuthenticationError

        why = complaint(prompt.strip())
        if not why and self._left:
            return self._left.pop()
        raise AuthenticationError(why or "the password was refused")


def as_asker(command: Sequence[str]) -> list[str]:
    """A command whose process is the one that will be answered."""
    # exec keeps the process's number, which is known only once there is one.
    return ["/bin/sh", "-c", 'GROUPVPN_ASKER=$$ exec "$@"', "sh", *command]


class AskPass:
    """Hands a password to ssh through a named pipe: in no argument, variable or file."""

    def __init__(self, password: str) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="groupvpn-"))
        self._pipe = self._directory / "pipe"
        os.mkfifo(self._pipe, 0o600)
        program = self._directory / "askpass"
        program.write_bytes(_PROGRAM)
        program.chmod(stat.S_IRWXU)
        self.environment = {
            "SSH_ASKPASS": str(program),
            "SSH_ASKPASS_REQUIRE": "force",
            "GROUPVPN_ASKPASS": str(self._pipe),
            "DISPLAY": os.environ.get("DISPLAY", ":0"),
        }
        self.asked = False
        """Whether the ssh that logs in has asked; known once this is closed."""
        self._password = password
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), open(self._pipe, "wb", buffering=0) as pipe:
            pipe.write(self._password.encode() + b"\n")

    def close(self) -> None:
        """Remove the pipe; a writer that waits for a reader is released first."""
        marks = (self._pipe.with_name(f"{self._pipe.name}.{how}") for how in ("asked", "ended"))
        self.asked = any(mark.exists() for mark in marks)
        with contextlib.suppress(OSError):
            os.close(os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK))
        shutil.rmtree(self._directory, ignore_errors=True)
        self._thread.join(1)
