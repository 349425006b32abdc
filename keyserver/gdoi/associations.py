# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase 1 SAs of a key server: those that are being made, and those that are established."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TypeVar

from ..ike.aggressive_mode import AggressiveModeResponder
from ..ike.exchange import Phase1Sa
from ..ike.main_mode import MainModeResponder
from ..ike.nat import Address
from ..ike.phase1 import State
from ..ike.proposal import Mode
from ..ike.wire import COOKIE_LENGTH
from .arrival import Arrival, Peer
from .authority import Registration
from .pull import PullResponder

K = TypeVar("K")

# Main mode's three answers, each repeated for as long as a patient initiator does.
HALF_OPEN_SECONDS = 60.0
# Room for a large group that comes at once after an outage.
HALF_OPEN_LIMIT = 8192
# Of one address, which may be forged: what comes of it pushes out nobody else.
HALF_OPEN_OF_ONE = 6144
# Seconds after which the last message of aggressive mode's responder is said again.
REPEATS = (2.0, 4.0, 8.0)
ASSOCIATION_LIMIT = 100_000
# Of a gateway at one address, which may stand for many behind a translator.
ASSOCIATIONS_OF_ONE = 1024
_FEW_TIMERS = 100
PULLS_PER_ASSOCIATION = 64
"""A server has 50 groups at most, and a member may ask for all of them at once."""


@dataclass
class Pull:
    """A GROUPKEY-PULL under a phase 1 SA; the last messages tell a repetition."""

    responder: PullResponder
    registration: Registration | None = None
    done: bool = False
    last_in: bytes = b""
    last_out: bytes = b""


@dataclass
class Association:
    """A phase 1 with one peer, and what goes on under it."""

    responder: MainModeResponder | AggressiveModeResponder
    source: Address
    since: float
    marked: bool
    floated: bool = False
    first_source: Address = ("", 0)
    known_as: tuple[str, str] = ("", "")
    expires: float = 0.0
    repeats: int = 0
    speaks_otherwise: bool = False
    last_in: bytes = b""
    last_out: bytes = b""
    pulls: OrderedDict[int, Pull] = field(default_factory=OrderedDict)

    @property
    def established(self) -> bool:
        """True when both ends are proved."""
        return self.responder.state is State.ESTABLISHED

    @property
    def cookies(self) -> bytes:
        """Both cookies, by which it is known."""
        return b"".join(self.responder.cookies)

    @property
    def sa(self) -> Phase1Sa:
        """What exchanges under it begin with."""
        return self.responder.sa

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""
        responder = self.responder
        return Peer(
            responder.policy.name,
            self.source,
            self.marked,
            responder.peer_is_extended,
            str(responder.policy.remote_identity),
            responder.peer_behind_nat,
            self.floated,
        )

    def heard_from(self, arrival: Arrival) -> None:
        """Its other end is there now: a translator may have given it another port."""
        self.source, self.marked = arrival.source, arrival.marked
        self.floated = arrival.floated

    def keep(self, message_id: int, pull: Pull) -> None:
        """Remember a pull; of many the oldest gives way, first of those that are done."""
        if message_id not in self.pulls and len(self.pulls) >= PULLS_PER_ASSOCIATION:
            done = (one for one, known in self.pulls.items() if known.done)
            del self.pulls[next(done, next(iter(self.pulls)))]
        self.pulls[message_id] = pull


@dataclass(frozen=True, slots=True)
class AssociationView:
    """A phase 1 SA without its keys."""

    gateway: str
    address: str
    port: int
    initiator_cookie: str
    responder_cookie: str
    mode: str
    authentication: str
    hash_name: str
    cipher: str
    key_bits: int
    dh_group: int
    life_remaining: int


class Associations:
    """Everything by its cookies; both tables are bounded, each peer's share too: oldest first."""

    def __init__(self) -> None:
        self._half_open: OrderedDict[bytes, Association] = OrderedDict()
        # Their cookies by the address that they came from, oldest first.
        self._begun: dict[str, dict[bytes, None]] = {}
        # Cookies by what a first message is recognised by when it is repeated.
        self._firsts: dict[tuple[Address, bytes], bytes] = {}
        self._established: OrderedDict[bytes, Association] = OrderedDict()
        # Cookies of the established ones by who is at the other end, oldest first.
        self._peers: dict[tuple[str, str], dict[bytes, None]] = {}
        # What is to be looked at when; those that are gone by then are passed over.
        self._timers: list[tuple[float, bytes]] = []

    @property
    def half_open(self) -> int:
        """How many are being made."""
        return len(self._half_open)

    def retain(self, keep: Callable[[Association], bool]) -> list[Association]:
        """Forget all others; the established ones among them."""
        for cookies in [c for c, one in self._half_open.items() if not keep(one)]:
            self._drop(cookies)
        gone = [one for one in self._established.values() if not keep(one)]
        for association in gone:
            self.forget(association.cookies)
        return gone

    def begun_by(self, arrival: Arrival) -> Association | None:
        """What an earlier copy of a first message began."""
        first = (arrival.source, arrival.header.initiator_cookie)
        known = self._half_open.get(self._firsts.get(first, b""))
        return known if known is not None and known.last_in == arrival.message else None

    def of(self, arrival: Arrival) -> Association | None:
        """What a message of phase 1 belongs to."""
        found = self._half_open.get(arrival.header.spi) or self._established.get(arrival.header.spi)
        return found if found is not None and found.source[0] == arrival.source[0] else None

    def established_for(self, arrival: Arrival) -> Association | None:
        """The established one that a message is under."""
        found = self._established.get(arrival.header.spi)
        return found if found is not None and found.source[0] == arrival.source[0] else None

    def begin(self, association: Association) -> None:
        """Its first message was answered."""
        begun = self._begun.get(association.source[0], {})
        while len(begun) >= HALF_OPEN_OF_ONE:
            self._drop(next(iter(begun)))
        while len(self._half_open) >= HALF_OPEN_LIMIT:
            self._drop(next(iter(self._half_open)))
        cookies = association.cookies
        association.first_source = association.source
        self._begun.setdefault(association.source[0], {})[cookies] = None
        self._half_open[cookies] = association
        self._firsts[association.source, cookies[:COOKIE_LENGTH]] = cookies
        self._at(association.since + HALF_OPEN_SECONDS, cookies)
        if association.responder.mode is Mode.AGGRESSIVE:
            self._at(association.since + REPEATS[0], cookies)

    def establish(self, association: Association, now: float) -> None:
        """It has come to its end well."""
        cookies = association.cookies
        self._drop(cookies)
        # Behind one translator there may be several: the gateway tells them apart.
        association.known_as = association.source[0], association.responder.policy.name
        same = self._peers.get(association.known_as, {})
        while len(same) >= ASSOCIATIONS_OF_ONE:
            self.forget(next(iter(same)))
        while len(self._established) >= ASSOCIATION_LIMIT:
            self.forget(next(iter(self._established)))
        self._peers.setdefault(association.known_as, {})[cookies] = None
        association.expires = now + association.responder.lifetime
        self._established[cookies] = association
        self._at(association.expires, cookies)

    def replace_all(self, association: Association) -> None:
        """Its peer has begun anew: forget the others that were agreed with that one."""
        same = self._peers.get(association.known_as, {})
        for cookies in same.keys() - {association.cookies}:
            self.forget(cookies)

    def forget(self, cookies: bytes) -> None:
        """It was given up."""
        gone = self._established.pop(cookies, None)
        if gone is not None:
            _take_from(self._peers, gone.known_as, cookies)

    def _drop(self, cookies: bytes) -> None:
        association = self._half_open.pop(cookies)
        self._firsts.pop((association.first_source, cookies[:COOKIE_LENGTH]), None)
        _take_from(self._begun, association.first_source[0], cookies)

    # Time

    def _at(self, when: float, cookies: bytes) -> None:
        heappush(self._timers, (when, cookies))
        if len(self._timers) > _FEW_TIMERS + 3 * (len(self._half_open) + len(self._established)):
            # A flood leaves timers of what was dropped: they must not pile up.
            self._timers = [timer for timer in self._timers if self._is_known(timer[1])]
            heapify(self._timers)

    def _is_known(self, cookies: bytes) -> bool:
        return cookies in self._half_open or cookies in self._established

    def deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        while self._timers:
            when, cookies = self._timers[0]
            if self._is_known(cookies):
                return when
            heappop(self._timers)
        return None

    def expire(self, now: float) -> tuple[list[Association], list[Association]]:
        """(those whose life is over, those whose last message is to be said again)."""
        over: list[Association] = []
        again: list[Association] = []
        while self._timers and self._timers[0][0] <= now:
            _, cookies = heappop(self._timers)
            known = self._established.get(cookies)
            if known is not None and known.expires <= now:
                self.forget(cookies)
                over.append(known)
            elif cookies in self._half_open:
                again += self._half_open_due(cookies, now)
        return over, again

    def _half_open_due(self, cookies: bytes, now: float) -> list[Association]:
        association = self._half_open[cookies]
        if now >= association.since + HALF_OPEN_SECONDS:
            self._drop(cookies)
            return []
        association.repeats += 1
        if association.repeats < len(REPEATS):
            self._at(now + REPEATS[association.repeats], cookies)
        return [association]

    def views(self, now: float) -> list[AssociationView]:
        """Those that are established."""
        return [_view(one, now) for one in self._established.values() if one.expires > now]


def _take_from(shares: dict[K, dict[bytes, None]], peer: K, cookies: bytes) -> None:
    """One less of a peer's; of who has none nothing is kept."""
    del shares[peer][cookies]
    if not shares[peer]:
        del shares[peer]


def _view(association: Association, now: float) -> AssociationView:
    responder = association.responder
    proposal = responder.proposal
    assert proposal is not None
    initiator, own = responder.cookies
    return AssociationView(
        responder.policy.name,
        association.source[0],
        association.source[1],
        initiator.hex(),
        own.hex(),
        responder.mode.value,
        proposal.authentication.name.lower().replace("_", "-"),
        proposal.hash_name,
        proposal.cipher.name,
        proposal.cipher.key_length * 8,
        proposal.dh_group,
        max(0, int(association.expires - now)),
    )
