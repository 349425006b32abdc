# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over libssh, by ssh-python: SSH in C, with no thread and no process beside the caller's.

For logins with a password: what a user's keys and agents decide is left to OpenSSH. The library is
never let wait. Waiting is done here, so that limits hold whatever a device sends, and a signal (of
Ansible's, that the task's time is over) is heard at once.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from .askpass import Answers
from .known_hosts import KnownKeys, known_keys, objection, preferred, whole_key
from .rehearsal import rehearse
from .session import Deadline, NetconfSession, Target
from .ssh_config import way_to
from .tcp import dial, user_of

try:
    from ssh import error_codes, exceptions, options
    from ssh import session as library
except ImportError:
    # Who asks for it by name is told. Any other package may be called ssh.
    library = None

_READ_SIZE = 64 * 1024
"""The library's binding takes so much memory for each look, whatever has come."""
_SLICE_MS = 100
"""For how long the library may send by itself, which is how long a signal may wait."""
_PASSWORD, _INTERACTIVE = 0x2, 0x10
"""Ways to log in (``SSH_AUTH_METHOD_*`` of libssh)."""
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_LIMITS = ("no match", "too large banner")
"""In what the library says of itself: older algorithms, and long lines before SSH begins."""
_NO_FILE, _NOBODY = "/dev/null", "nobody"
_MOST_TAKEN = 1000
_LONGEST_WAIT = 3600.0
"""Seconds; the system waits for no more than 24 days at once."""


def is_there() -> bool:
    """Whether ssh-python is installed where Ansible runs, and can be told to read no file."""
    return hasattr(getattr(library, "Session", None), "options_set_int_val")


def complaint() -> str | None:
    """What to tell who asks for it where it is not."""
    if is_there():
        return None
    return (
        "ansible_netconf_transport: libssh needs ssh-python 1.2 or newer, which this Ansible does "
        "not have; install it where Ansible runs: pip install 'ssh-python>=1.2'"
    )


def warm_up() -> None:
    """Have the algorithms of a usual login looked up, for those who are forked from here."""
    rehearse(_bare(), exceptions.BaseSSHError)


class BeyondLibssh(Exception):
    """What another carrier may be able to do; the device has not been told who logs in yet."""


class LibsshSession(NetconfSession):
    """NETCONF over one channel of libssh."""

    _socket: Any = None
    _library: Any = None
    _channel: Any = None
    _last_words = ""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._deadline, self._awaited = Deadline(target.connect_timeout), "SSH session"
        self._held = b""

    def open(self) -> None:
        """Connect, log in and exchange hellos. Raises BeyondLibssh; SSHError and its kin."""
        from ncclient.transport.errors import SSHError

        try:
            self._open()
        except exceptions.BaseSSHError as error:
            raise SSHError(_words(error)) from None

    def _open(self) -> None:
        self._deadline = Deadline(self.target.connect_timeout)
        way = way_to(self.target)
        if way.proxy is not None:
            raise BeyondLibssh("the SSH configuration says ProxyCommand, which libssh is not given")
        known = known_keys(way.target, way.alias, way.files)
        self._socket = dial(way.target)
        self._library = _prepared(self._socket, known)
        self._shake_hands()
        if self.target.host_key_checking:
            _judge(self._library.get_server_publickey(), known, self.target)
        self._log_in(user_of(way.target), self.target.password or "")
        self._enter()
        self._connected = True
        self._greet()

    # Waiting

    def _until(self, call: Callable[[], int]) -> int:
        """What a call returns once it need not be called again."""
        again = (error_codes.SSH_AGAIN, library.SSH_AUTH_AGAIN)
        while (code := call()) in again:
            self._wait()
        # Who asks faster than it is answered is never waited for.
        self._deadline.check(self._awaited)
        return code

    def _wait(self) -> None:
        """Until the device has sent something, or takes what it is to be sent."""
        if self._library.get_status() & library.SSH_CLOSED_ERROR:
            # Octets that are none of SSH's: the library would be asked again for ever.
            raise exceptions.SSHError(self._library.get_error())
        pending = self._library.get_poll_flags() & library.SSH_WRITE_PENDING
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if pending else 0))
        poll.poll(1000 * min(self._deadline.left(), _LONGEST_WAIT))
        self._deadline.check(self._awaited)

    # Logging in

    def _shake_hands(self) -> None:
        try:
            self._until(self._library.connect)
        except exceptions.BaseSSHError as error:
            if any(limit in _words(error) for limit in _LIMITS):
                raise BeyondLibssh(_words(error)) from None
            raise

    def _log_in(self, user: str, password: str) -> None:
        from ncclient.transport.errors import AuthenticationError

        try:
            self._offer(user, password)
        except exceptions.AuthenticationPartial:
            why = "the device asks for something else than the password"
            raise AuthenticationError(why) from None
        except exceptions.AuthenticationDenied:
            # So it is called as well when a device hangs up before it has judged.
            if not self._library.is_connected():
                raise
            raise AuthenticationError("authentication failed") from None

    def _offer(self, user: str, password: str) -> None:
        """The password, or an answer where a device takes none without having asked."""
        try:
            self._until(partial(self._library.userauth_password, user, password))
        except exceptions.AuthenticationDenied:
            if not self._library.is_connected():
                raise
            ways = self._library.userauth_list()
            if ways & _PASSWORD or not ways & _INTERACTIVE:
                raise
            self._answer(user, password)

    def _answer(self, user: str, password: str) -> None:
        """Log in where a device only asks interactively (RFC 4256)."""
        answers = Answers(password)
        asking = partial(self._library.userauth_kbdint, user, "")
        while self._until(asking) == library.SSH_AUTH_INFO:
            for number in range(self._library.userauth_kbdint_getnprompts()):
                # The library writes here whether the answer may be seen. A constant of one letter
                # may be the one that all of Python has for it.
                prompt = self._library.userauth_kbdint_getprompt(number, bytes(8))
                answer = answers.to(prompt.decode("utf-8", "replace"))
                self._library.userauth_kbdint_setanswer(number, answer.encode())

    def _enter(self) -> None:
        """A channel with the device's NETCONF in it (RFC 6242)."""
        from ncclient.transport.errors import SSHError

        channel = self._library.channel_new()
        self._until(channel.open_session)
        try:
            self._until(partial(channel.request_subsystem, "netconf"))
        except exceptions.SSHError as error:
            if not self._library.is_connected():
                raise
            raise SSHError(f"subsystem request failed: {_words(error)}") from None
        self._channel = channel

    # Octets

    def _set_timeout(self, seconds: float) -> None:
        self._deadline = Deadline(seconds)

    def _transport_read(self) -> bytes:
        while not self._held:
            if not self._take():
                return b""
            if not self._held:
                self._wait()
        data, self._held = self._held, b""
        return data

    def _take(self) -> bool:
        """Add what has come to what is held; False when nothing will come any more."""
        try:
            self._aside()
            _count, data = self._channel.read_nonblocking(_READ_SIZE)
        except exceptions.EOF:
            return False
        except exceptions.BaseSSHError as error:
            self._last_words = _words(error)
            return False
        self._held += data
        return True

    def _aside(self) -> None:
        """Take what a device says beside NETCONF: it has the same window, which would be full."""
        with contextlib.suppress(exceptions.EOF):
            _count, said = self._channel.read_nonblocking(_READ_SIZE, True)
            if said:
                self._last_words = said.decode("utf-8", "replace").strip()

    def _transport_write(self, data: bytes) -> int:
        self._deadline, self._awaited = Deadline(self.target.rpc_timeout), "room for the request"
        try:
            room = self._room()
            sent = int(self._channel.write(data[:room])[1]) if room else 0
            while self._library.blocking_flush(_SLICE_MS) == error_codes.SSH_AGAIN:
                self._deadline.check(self._awaited)
        except exceptions.BaseSSHError as error:
            self._last_words = _words(error)
            return 0
        return sent

    def _room(self) -> int:
        """How many octets the device takes now, once it takes any; 0 when it never will.

        The library would ask for ever whether a window that is closed has been opened.
        """
        while not (room := int(self._channel.window_size())):
            if not self._take():
                return 0
            if not self._channel.window_size():
                self._wait()
        return room

    def is_alive(self) -> bool:
        """See :class:`.session.NetconfSession`. Whether we are there is answered here, too."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        # Who never stops talking is alive.
        return all(self._take() for _ready in islice(iter(partial(poll.poll, 0), []), _MOST_TAKEN))

    def complaint(self) -> str:
        """What the device said last, beside NETCONF or when it hung up, or why the library did."""
        return self._last_words

    def close(self) -> None:
        """End the session with the connection."""
        self._connected = False
        self._channel = self._library = None
        if self._socket is not None:
            # The library's descriptor stays open for as long as anything refers to it.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()


def _words(error: Exception) -> str:
    """What the library says; it has texts in octets, some behind a number."""
    said = error.args[-1] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _bare() -> Any:
    """A session of the library that reads no file, and looks up nobody.

    A socket leads to the device, and the login has its user. The library's own look refuses names
    that do lead somewhere (``srx_1``), and fails for an account without a name, as in a container.
    """
    session = library.Session()
    session.options_set_int_val(options.PROCESS_CONFIG, 0)
    for option in (options.HOST, options.USER):
        session.options_set(option, _NOBODY)
    for option in (options.SSH_DIR, options.KNOWNHOSTS, options.GLOBAL_KNOWNHOSTS):
        session.options_set(option, _NO_FILE)
    return session


def _prepared(connected: socket.socket, known: Sequence[KnownKeys]) -> Any:
    """A session of the library with a descriptor of its own, by which known keys come first."""
    session = _bare()
    session.options_set(options.HOSTKEYS, ",".join(preferred(_HOST_KEYS, known)))
    session.set_blocking(0)
    # The library closes what it was given.
    session.set_socket(connected.dup().detach())
    return session


def _judge(key: Any, known: Sequence[KnownKeys], target: Target) -> None:
    """Raises SSHError for a key of a host that known_hosts does not have for it."""
    from ncclient.transport.errors import SSHError, SSHUnknownHostError

    blob = base64.b64decode(key.export_pubkey_base64())
    why = objection(known, whole_key(blob), str(target))
    if why == "":
        seen = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        raise SSHUnknownHostError(target.host, f"SHA256:{seen}")
    if why:
        raise SSHError(why)
