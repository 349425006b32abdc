# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One emulated SRX put together, for the edge and for tests; its store is all that it opens."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from .capture.keylog import KeySink, NoKeyLog
from .config.conform import conformed
from .config.database import ConfigurationDatabase
from .config.edit import LoadError, MalformedConfiguration
from .config.files import read_file
from .config.junos_schema import Generation, junos_schema
from .config.store import Store
from .config.tree import Tree, lookup
from .features import FEATURES
from .gdoi.arrival import Event
from .groups.durable import Forgetful
from .groups.plane import GroupKeys, KeyPlane, SigningKeys
from .groups.pushes import Outgoing
from .groups.safe import Begin, KeySafe
from .ike.nat import Address
from .key_server import KeyServer
from .lab.specs import DeviceSpec
from .netconf.dispatch import perform
from .netconf.reply import Dialect
from .netconf.rpcs.operational import operational_rpcs
from .netconf.rpcs.platform import Identity, OperationalRpc
from .netconf.session import Content, NetconfSession, Request
from .netconf.work import Steps

_MODELS = {
    Generation.V1: ("srx240h2", "srx240h2", "12.3X48-D105"),
    Generation.V2: ("vSRX", "vsrx", "22.4R1"),
}
_BLANK = re.compile(
    r"[\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180F\u2800\u3164\uFE00-\uFE0F\uFFA0"
    r"\U0001D159\U000E0100-\U000E01EF]"
)
"""Of these letters and marks nothing is seen, though Python calls them printable."""


@dataclass(frozen=True)
class ConnectionLimits:
    """SSH connections at once and new ones a minute; None where none is configured."""

    at_once: int | None
    a_minute: int | None


@dataclass(frozen=True)
class Patience:
    """How long a silent client is waited for, in seconds; None where nothing is configured.

    ``idle``: without a request; 0 for ever. ``alive``: until it is asked for a sign of life, 0 for
    never, and ``signs``: how many of these may be left out.
    """

    idle: int | None
    alive: int | None
    signs: int | None


@dataclass(frozen=True)
class _Management:
    """An effective configuration, its netconf services, and who it says the device is."""

    tree: Tree
    netconf: Tree
    identity: Identity


class LabConfigurationError(Exception):
    """A device's initial configuration that Junos would refuse."""


def read_initial(spec: DeviceSpec, text: str) -> Tree:
    """The configuration of a lab's ``config`` file. Raises LabConfigurationError.

    Everything that Junos would refuse is named, a line for each.
    """
    tree, problems = read_leniently(spec, text)
    if problems:
        raise LabConfigurationError("\n".join(f"{spec.name}: {p}" for p in problems))
    return tree


def read_leniently(spec: DeviceSpec, text: str) -> tuple[Tree, list[str]]:
    """What is understood of a ``config`` file, and a sentence on each thing that is not."""
    try:
        tree, problems = read_file(junos_schema(spec.generation), text)
    except MalformedConfiguration as error:
        raise LabConfigurationError(f"{spec.name}: {error}") from None
    return tree, list(map(_sentence, problems))


@dataclass(frozen=True)
class Surroundings:
    """Whom a device tells, and what its packets reach; of itself nobody and nothing.

    ``on_activity`` is called when there is something to send or a deadline may have changed,
    ``on_trouble`` with a sentence when something was not written that nobody is told of;
    ``internet`` takes an IPv4 packet and now, and gives the answers; ``begin`` begins to make a key
    of which it is known that it will be asked for.
    """

    key_sink: KeySink = field(default_factory=NoKeyLog)
    on_activity: Callable[[], None] = lambda: None
    on_trouble: Callable[[str], None] = lambda text: None
    internet: Callable[[bytes, float], list[bytes]] = lambda packet, now: []
    begin: Begin = lambda making: making


_NOTHING = Surroundings()


def _sentence(problem: LoadError) -> str:
    place = f"line {problem.line}: " if problem.line is not None else ""
    return legible(f"{place}{problem.path}: {problem.message} ({problem.bad_element})")


def legible(text: str) -> str:
    """Text of a file or a device as a terminal may show it: what nobody sees there, as escapes."""
    return "".join(c if c.isprintable() and not _BLANK.match(c) else ascii(c)[1:-1] for c in text)


@cache
def _rpcs(generation: str) -> dict[str, OperationalRpc]:
    known = dict(operational_rpcs(generation))
    for feature in FEATURES:
        known |= feature.rpcs(generation)
    return known


def key_plane(
    spec: DeviceSpec, signing_keys: SigningKeys, sink: KeySink, safe: KeySafe
) -> KeyPlane:
    """How a device of the lab file speaks GDOI."""
    return KeyPlane(
        (spec.gdoi.host, spec.gdoi.port) if spec.gdoi else ("192.0.2.1", 848),
        signing_keys,
        spec.profile,
        spec.accept_doi,
        spec.acknowledgement,
        heartbeats=spec.generation is Generation.V1,
        any_aggressive=spec.aggressive,
        credentials=spec.certificates,
        floating_port=spec.floating_port,
        push_port=spec.push_port,
        key_store=safe if spec.group_keys is GroupKeys.DURABLE else Forgetful(),
        on_kek=sink.kek,
        foresee=safe.foresee,
    )


class Device:
    """An SRX key server without its sockets."""

    def __init__(
        self,
        spec: DeviceSpec,
        initial: Tree | Callable[[], Tree],
        now: float,
        around: Surroundings = _NOTHING,
        signing_keys: SigningKeys | None = None,
    ) -> None:
        """Put it together.

        ``initial`` is what a new store begins with; a function is not asked for another one.
        ``signing_keys`` take the place of the store's.
        """
        self.spec = spec
        self.on_deadline_changed, self.internet = around.on_activity, around.internet
        self.started, self.commit_seconds = now, spec.commit_seconds
        self.rpcs: Mapping[str, OperationalRpc] = _rpcs(spec.generation.value)
        self.sessions: dict[int, NetconfSession] = {}
        self._next_session = 1000
        self._managed: _Management | None = None
        self._store = Store(spec.state, partial(conformed, junos_schema(spec.generation)))
        self.safe = KeySafe(self._store, spec.certificates, around.on_trouble, around.begin)
        self.database = self._loaded(
            initial if callable(initial) else lambda: initial, now, around.on_trouble
        )
        self.key_server = self._serving(around.key_sink, signing_keys)
        self.groups, self.endpoint = self.key_server.groups, self.key_server.endpoint
        self.companions: Sequence[object] = self.key_server.companions
        self.key_server.configure(self.database.effective.tree, now)
        self.database.effective.followers.append(self.key_server.follow)

    def _serving(self, sink: KeySink, signing_keys: SigningKeys | None) -> KeyServer:
        plane = key_plane(self.spec, signing_keys or self.safe.signing_key, sink, self.safe)
        companions = [feature.companion for feature in FEATURES]
        return KeyServer(plane, companions, self.on_deadline_changed, sink.phase1)

    def _loaded(
        self, begin: Callable[[], Tree], now: float, on_trouble: Callable[[str], None]
    ) -> ConfigurationDatabase:
        """What the store holds; it is closed where that cannot be had."""
        spec = self.spec
        try:
            return ConfigurationDatabase(
                spec.generation,
                self._store,
                begin,
                now,
                strict=spec.strict,
                on_trouble=on_trouble,
            )
        except BaseException:
            self._store.close()
            raise

    def rest(self) -> None:
        """Everything was read that a start needs."""
        self._store.rest()

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def host_keys(self) -> tuple[bytes, bytes]:
        """The device's SSH host keys, private keys in PEM; as durable as its store."""
        return self.safe.host_keys()

    # Key plane

    def datagram(
        self, data: bytes, source: Address, now: float, floated: bool = False
    ) -> tuple[bytes | None, tuple[Event, ...]]:
        """A GDOI datagram came in."""
        return self.key_server.receive(data, source, now, floated)

    def take(self, now: float) -> tuple[list[Outgoing], list[object]]:
        """What is to be sent, which the caller does, and what happened since the last call."""
        return self.key_server.take(now)

    # Management plane

    def open_session(self, user: str, now: float) -> NetconfSession:
        """A NETCONF session for an authenticated user."""
        self._next_session += 1
        session = NetconfSession(self, self._next_session, user, now)
        self.sessions[self._next_session] = session
        return session

    def session_ended(self, session: NetconfSession, now: float) -> None:
        """What the session held goes with it."""
        self.sessions.pop(session.holder.session_id, None)
        before = self.database.deadline
        self.database.session_ended(session.holder, now)
        if self.database.deadline != before:
            self.on_deadline_changed()

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        due = (self.database.deadline, self.safe.deadline, self.key_server.deadline())
        return min((d for d in due if d is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due: take an unconfirmed commit back, rekey, repeat, show a sign of life."""
        self.database.expire(now)
        self.safe.expire(now)
        self.key_server.expire(now)

    def _netconf(self) -> Tree:
        return self._management().netconf

    def _management(self) -> _Management:
        """What every session asks of the configuration, read once a commit."""
        tree = self.database.effective.tree
        if self._managed is None or self._managed.tree is not tree:
            netconf = lookup(tree, "system", "services", "netconf")
            self._managed = _Management(tree, netconf, self._identity(tree))
        return self._managed

    def dialect(self) -> Dialect:
        """How replies are written, as the committed configuration says."""
        modes = self._netconf()
        return Dialect(self.identity().release, "rfc-compliant" in modes, "yang-compliant" in modes)

    def chunks_offered(self) -> bool:
        """base:1.1 is offered only in rfc-compliant mode with version-1.1."""
        return {"rfc-compliant", "version-1.1"} <= set(self._netconf())

    def connection_limits(self) -> ConnectionLimits:
        """What ``system services netconf ssh`` allows."""
        ssh = lookup(self._netconf(), "ssh")
        at_once, a_minute = ssh.get("connection-limit"), ssh.get("rate-limit")
        return ConnectionLimits(
            int(at_once) if at_once is not None else None,
            int(a_minute) if a_minute is not None else None,
        )

    def patience(self, user: str) -> Patience:
        """What ``system login`` and ``system services netconf ssh`` say of a silent client."""
        login = lookup(self.database.effective.tree, "system", "login")
        ssh = lookup(self._netconf(), "ssh")
        role = lookup(login, "user", user).get("class", "")
        minutes = lookup(login, "class", role).get("idle-timeout", login.get("idle-timeout"))
        alive, signs = ssh.get("client-alive-interval"), ssh.get("client-alive-count-max")
        return Patience(
            int(minutes) * 60 if minutes is not None else None,
            int(alive) if alive is not None else None,
            int(signs) if signs is not None else None,
        )

    def terse_results(self) -> bool:
        """Old releases answer a commit with a bare ``ok``."""
        return not self.identity().commit_results

    def identity(self) -> Identity:
        """What the device says it is."""
        return self._management().identity

    def _identity(self, tree: Tree) -> Identity:
        model, product, release = _MODELS[self.spec.generation]
        hostname = lookup(tree, "system").get("host-name", self.spec.name)
        return Identity(
            hostname,
            self.spec.model or model,
            self.spec.model or product,
            self.spec.release or release,
            f"EM{zlib.crc32(self.spec.name.encode()):010}",
            self.spec.generation.value,
            self.spec.cluster_node,
        )

    def perform(self, request: Request) -> Steps[Content]:
        """Carry out one RPC."""
        return perform(self, request)
