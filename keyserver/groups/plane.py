# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a device speaks GDOI, whatever its groups are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import rsa

from ..gdoi.payloads import Profile
from ..gdoi.push import Kek
from ..ike.authentication import Credentials
from ..ike.nat import Address
from .durable import Forgetful, KeyStore

SigningKeys = Callable[[str], rsa.RSAPrivateKey]
"""Gives the durable signing key of a certificate name, or of the device for ''."""


class Acknowledgement(Enum):
    """Whether members are asked to acknowledge a unicast push."""

    RFC8263 = "rfc8263"
    NONE = "none"


class GroupKeys(Enum):
    """Whether a group's keys outlive the server's process."""

    DURABLE = "durable"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class KeyPlane:
    """What the lab file says about a device's GDOI.

    ``local`` is the address and port of its socket; ``heartbeats`` is false for Group VPNv2, which
    keeps the statement but has deprecated it; ``any_aggressive`` lets gateways whose IKE policy
    says main mode use aggressive mode too; ``credentials`` are the device's certificates by name;
    ``floating_port`` is where peers behind a translator come to (RFC 3947), None: nowhere;
    ``push_port`` is where pushes come from, None: from where all comes from;
    ``key_store`` keeps the groups' keys across a restart; ``foresee`` is told which certificate's
    signing key will be asked for soon.
    """

    local: Address
    signing_keys: SigningKeys
    profile: Profile = Profile.RFC6407
    accepted_dois: tuple[int, ...] = (2,)
    acknowledgement: Acknowledgement = Acknowledgement.RFC8263
    heartbeats: bool = True
    any_aggressive: bool = False
    credentials: Mapping[str, Credentials] = field(default_factory=dict)
    floating_port: int | None = None
    push_port: int | None = None
    key_store: KeyStore = field(default_factory=Forgetful)
    on_kek: Callable[[Kek], None] = lambda kek: None
    foresee: Callable[[str], None] = lambda certificate: None

    @property
    def push_source(self) -> Address:
        """Where pushes come from, as the SA KEK payload says; a multicast one goes to that port."""
        return self.local[0], self.push_port or self.local[1]

    @property
    def unicast_push_port(self) -> int | None:
        """Which port of another's member unicast pushes go to; None: where it registered from.

        The reference implementation listens for them where the SA KEK payload says, and cannot
        listen there while its GDOI has the same port.
        """
        return self.push_port if self.profile is Profile.CISCO_REFERENCE else None
