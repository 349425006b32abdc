# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF over ncclient's paramiko transport."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .askpass import Answers
from .known_hosts import known_keys, objection, preferred
from .libraries import JunosDeviceHandler
from .session import READ_SIZE, NetconfSession, Target
from .ssh_config import Way, way_to
from .tcp import dial, user_of


def _import_paramiko() -> None:
    """Import paramiko, and ``invoke`` not before something of it is used.

    paramiko wants that for one keyword of SSH configurations (``Match exec``), and importing it
    costs as much as all the rest.
    """
    name = "invoke"
    if {name, "paramiko"} & sys.modules.keys():
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)
    # An import statement would load the lazy module; paramiko is content to find none.
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        config = importlib.import_module("paramiko.config")
    finally:
        sys.modules[name] = lazy
    config.invoke = lazy  # type: ignore[attr-defined]


@cache
def paramiko_session() -> type[NetconfSession]:
    """The session class over paramiko, which is imported only for those who use it."""
    _import_paramiko()
    from ncclient.transport.ssh import SSHSession

    # Its failures reach the user as one message, not as a logged traceback beside it.
    logging.getLogger("ncclient.transport.ssh").setLevel(logging.CRITICAL)

    class ParamikoSession(_OverParamiko, SSHSession):
        """NETCONF over ncclient's own paramiko transport."""

        def __init__(self, target: Target) -> None:
            SSHSession.__init__(self, JunosDeviceHandler({"name": "junos"}))
            _OverParamiko.__init__(self, target)

    return ParamikoSession


class _HostKeys:
    """Known keys, and those that no host may have, by their texts.

    What ncclient asks of paramiko's ``HostKeys``, which parses every key, and for every question
    makes a class.
    """

    def __init__(self, way: Way) -> None:
        self._names = known_keys(way.target, way.alias, way.files)
        self._where = str(way.target)

    def preferred(self, kinds: Sequence[str]) -> list[str]:
        """Kinds of host keys, those of known keys first."""
        return preferred(kinds, self._names)

    def lookup(self, hostname: str) -> None:
        """The keys whose kinds ncclient would allow alone; :func:`_prefer` has said what to."""

    def check(self, hostname: str, key: Any) -> bool:
        """Whether a key is known, whatever name ncclient asks by. Raises SSHError."""
        from ncclient.transport.errors import SSHError

        why = objection(self._names, f"{key.get_name()} {key.get_base64()}", self._where)
        if why:
            raise SSHError(why)
        return why is None


def _prefer(transport: Any, host_keys: Any) -> None:
    """Ask for the known kinds of host keys first, and for ciphers that need no MAC beside them.

    paramiko compares MACs octet by octet, which is a tenth of a login. RSA keys sign in several
    ways (RFC 8332), and the oldest is off where OpenSSH is new.
    """
    options = transport.get_security_options()
    options.ciphers = sorted(options.ciphers, key=lambda name: "gcm" not in name)
    if isinstance(host_keys, _HostKeys):
        options.key_types = host_keys.preferred(options.key_types)


def _answer_for_the_password_alone(transport: Any) -> None:
    """Where a device only asks interactively: its password once, and nothing to anything else.

    paramiko would give the password to every question, for a code or a new password as well.
    """
    by_password = transport.auth_password

    def log_in(user: str, password: str) -> None:
        from paramiko import BadAuthenticationType, SSHException

        try:
            more = by_password(user, password, fallback=False)
        except BadAuthenticationType as refused:
            if "keyboard-interactive" not in refused.allowed_types:
                raise
            more = transport.auth_interactive(user, Answers(password))
        # ncclient would go on as if it were let in, which no device answers.
        if more:
            raise SSHException(f"the device asks for something else than the password ({more[0]})")

    transport.auth_password = log_in


def _leave_time_to_us(transport: Any) -> None:
    """No second clock for the handshake: :meth:`_OverParamiko.open` has one for all of a login.

    paramiko's is a thread of its own, which is a twentieth of what a change costs, and gives up
    after 15 s, whatever it is told. That for the other end's first line has the same words for a
    time that is over and for a device that hangs up.
    """
    transport.packetizer.start_handshake = lambda seconds: None
    read = transport.packetizer.readline
    transport.packetizer.readline = lambda seconds: read(math.inf)


def _hear_last_words(transport: Any, hear: Callable[[str], None]) -> None:
    """Have somebody told what a device says when it hangs up, which paramiko only logs."""

    def told(message: Any) -> None:
        code, words = message.get_int(), message.get_binary()
        hear(f"Received disconnect: {code}:{words.decode('utf-8', 'replace')}")

    transport._parse_disconnect = told


class _OverParamiko(NetconfSession):
    """What :class:`NetconfSession` needs, by what ncclient's ``SSHSession`` has."""

    connect: Any
    _channel: Any
    _host_keys: Any
    _carrier: Any = None
    _gave_up = False
    _last_words = ""

    @property
    def _transport(self) -> Any:
        """What ncclient makes and starts at once: in between it is told what we want."""
        return self._carrier

    @_transport.setter
    def _transport(self, made: Any) -> None:
        self._carrier = made
        if made is not None:
            _prefer(made, self._host_keys)
            _answer_for_the_password_alone(made)
            _leave_time_to_us(made)
            _hear_last_words(made, self._hear)

    def _hear(self, words: str) -> None:
        self._last_words = words

    def is_alive(self) -> bool:
        ended = self._channel.closed or self._channel.eof_received
        return bool(self._transport.is_active() and not ended)

    def complaint(self) -> str:
        """What the device said when it hung up."""
        return self._last_words

    def open(self) -> None:
        target = self.target
        way = way_to(target)
        if target.host_key_checking:
            self._host_keys = _HostKeys(way)
        # paramiko waits 15 s for the other end's banner, whatever it is told: whoever does not
        # even say that, or does not come to an end with the handshake, is given as long as the
        # connection may take.
        guard = threading.Timer(target.connect_timeout, self._give_up)
        guard.daemon = True
        guard.start()
        try:
            self._connect(way)
        except Exception:
            if self._gave_up:
                raise TimeoutError(f"no SSH session within {target.connect_timeout:g} s") from None
            raise
        finally:
            guard.cancel()

    def _connect(self, way: Way) -> None:
        target = way.target
        # As ssh does: a password alone, the keys that are named, or those that are usual.
        own = None if target.has_password_alone else list(way.identities) or None
        named = target.private_key_file or own
        self.connect(
            host=target.host,
            port=target.port,
            timeout=target.connect_timeout,
            username=user_of(target),
            password=target.password,
            key_filename=named,
            hostkey_verify=target.host_key_checking,
            allow_agent=target.password is None and not way.identities_only,
            look_for_keys=target.password is None and named is None,
            sock=_reached(way),
        )

    def _give_up(self) -> None:
        self._gave_up = True
        if self._transport is not None:
            self._transport.close()

    def load_known_hosts(self, filename: str | None = None) -> None:
        """What ncclient would add to the keys that were asked for: nothing."""

    def _post_connect(self, timeout: float = 60) -> None:
        self._greet()

    def _set_timeout(self, seconds: float) -> None:
        self._channel.settimeout(seconds)

    def _transport_read(self) -> bytes:
        return bytes(self._channel.recv(READ_SIZE))

    def _transport_write(self, data: bytes) -> int:
        return int(self._channel.send(data))

    def close(self) -> None:
        self._connected = False
        if self._transport is not None:
            self._transport.close()
        self._channel = None


def _reached(way: Way) -> Any:
    """What leads to the host: the proxy that the SSH configuration has for it, or a socket."""
    if way.proxy is not None:
        from paramiko import ProxyCommand

        return ProxyCommand(os.path.expanduser(way.proxy))
    return dial(way.target)


def warm_up_login() -> None:
    """Make what a usual login needs; OpenSSL looks up its algorithms."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from paramiko import Ed25519Key

    exchange, signing = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    exchange.exchange(exchange.public_key())
    # paramiko has another library check what a host's key has signed.
    shown = _message("ssh-ed25519", signing.public_key().public_bytes_raw())
    Ed25519Key(data=shown.asbytes()).verify_ssh_sig(b"", _message("ssh-ed25519", signing.sign(b"")))
    for length in (16, 32):
        Cipher(AES(bytes(length)), modes.CTR(bytes(16))).encryptor().update(b"")
        AESGCM(bytes(length)).encrypt(bytes(12), b"", b"")
    _warm_up_hybrid()


def _message(*parts: str | bytes) -> Any:
    """Strings as SSH sends them, to be read."""
    from paramiko import Message

    message = Message()
    for part in parts:
        message.add_string(part)
    return Message(message.asbytes())


def _warm_up_hybrid() -> None:
    """Make the newer half of ``mlkem768x25519-sha256``, which both ends prefer where they have it.

    Raises ImportError where cryptography is older than that.
    """
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    key = MLKEM768PrivateKey.generate()
    _secret, sealed = key.public_key().encapsulate()
    key.decapsulate(sealed)
