# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phase 1 SAs of a key server: those that are being made, and those that are established."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ..ike.aggressive_mode import AggressiveModeResponder
from ..ike.exchange import Phase1Sa
from ..ike.main_mode import MainModeResponder
from ..ike.phase1 import State
from ..ike.wire import COOKIE_LENGTH
from .arrival import Address, Arrival, Peer
from .authority import Registration
from .pull import PullResponder

HALF_OPEN_SECONDS = 30.0
HALF_OPEN_LIMIT = 2000
ASSOCIATION_SECONDS = 3600.0
ASSOCIATION_LIMIT = 100_000
PULLS_PER_ASSOCIATION = 8


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
        return Peer(
            self.responder.policy.name, self.source, self.marked, self.responder.peer_is_extended
        )

    def keep(self, message_id: int, pull: Pull) -> None:
        """Remember a pull; the oldest gives way when there are many."""
        while message_id not in self.pulls and len(self.pulls) >= PULLS_PER_ASSOCIATION:
            self.pulls.popitem(last=False)
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
    """Everything by its cookies; both tables are bounded and lose their oldest."""

    def __init__(self) -> None:
        self._half_open: OrderedDict[bytes, Association] = OrderedDict()
        # Cookies by what a first message is recognised by when it is repeated.
        self._firsts: dict[tuple[Address, bytes], bytes] = {}
        self._established: OrderedDict[bytes, Association] = OrderedDict()

    @property
    def half_open(self) -> int:
        """How many are being made."""
        return len(self._half_open)

    def clear(self) -> None:
        """Forget all of them."""
        self._half_open.clear()
        self._firsts.clear()
        self._established.clear()

    def begun_by(self, arrival: Arrival) -> Association | None:
        """What an earlier copy of a first message began."""
        first = (arrival.source, arrival.header.initiator_cookie)
        known = self._half_open.get(self._firsts.get(first, b""))
        return known if known is not None and known.last_in == arrival.message else None

    def of(self, arrival: Arrival) -> Association | None:
        """What a message of phase 1 belongs to."""
        found = self._half_open.get(arrival.cookies) or self._established.get(arrival.cookies)
        return found if found is not None and found.source[0] == arrival.source[0] else None

    def established_for(self, arrival: Arrival) -> Association | None:
        """The established one that a message is under."""
        found = self._established.get(arrival.cookies)
        return found if found is not None and found.source[0] == arrival.source[0] else None

    def begin(self, association: Association) -> None:
        """Its first message was answered."""
        while len(self._half_open) >= HALF_OPEN_LIMIT:
            self._drop_oldest()
        cookies = association.cookies
        self._half_open[cookies] = association
        self._firsts[association.source, cookies[:COOKIE_LENGTH]] = cookies

    def establish(self, association: Association) -> None:
        """It has come to its end well."""
        cookies = association.cookies
        del self._half_open[cookies]
        self._firsts.pop((association.source, cookies[:COOKIE_LENGTH]), None)
        while len(self._established) >= ASSOCIATION_LIMIT:
            self._established.popitem(last=False)
        self._established[cookies] = association

    def forget(self, cookies: bytes) -> None:
        """The other end has given it up."""
        self._established.pop(cookies, None)

    def expire(self, now: float) -> None:
        """Drop what is over."""
        while self._half_open:
            oldest = next(iter(self._half_open.values()))
            if now - oldest.since <= HALF_OPEN_SECONDS:
                break
            self._drop_oldest()
        while self._established:
            oldest = next(iter(self._established.values()))
            if now - oldest.since <= ASSOCIATION_SECONDS:
                break
            self._established.popitem(last=False)

    def _drop_oldest(self) -> None:
        cookies, association = self._half_open.popitem(last=False)
        self._firsts.pop((association.source, cookies[:COOKIE_LENGTH]), None)

    def views(self, now: float) -> list[AssociationView]:
        """Those that are established."""
        self.expire(now)
        return [_view(one, now) for one in self._established.values()]


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
        max(0, int(association.since + ASSOCIATION_SECONDS - now)),
    )
