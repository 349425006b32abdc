# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers of GDOI and of the IPsec DOI as GDOI uses them, by their registry names."""

from __future__ import annotations

from enum import IntEnum


class GdoiExchange(IntEnum):
    """GDOI exchange types (RFC 6407 §3.2.1 and §4.2, RFC 8263 §3.1)."""

    GROUPKEY_PULL = 32
    GROUPKEY_PUSH = 33
    GROUPKEY_PUSH_ACK = 35


class KekAttribute(IntEnum):
    """SAK attributes (RFC 6407 §5.3, RFC 8263 §2)."""

    MANAGEMENT_ALGORITHM = 1
    ALGORITHM = 2
    KEY_LENGTH = 3
    KEY_LIFETIME = 4
    SIG_HASH_ALGORITHM = 5
    SIG_ALGORITHM = 6
    SIG_KEY_LENGTH = 7
    KE_OAKLEY_GROUP = 8
    ACK_REQUESTED = 9


class KekAlgorithm(IntEnum):
    """KEK_ALGORITHM (RFC 6407 §5.3.3)."""

    DES = 1
    TRIPLE_DES = 2
    AES = 3


class SigHashAlgorithm(IntEnum):
    """SIG_HASH_ALGORITHM (RFC 6407 §5.3.6)."""

    MD5 = 1
    SHA1 = 2
    SHA256 = 3
    SHA384 = 4
    SHA512 = 5


class SigAlgorithm(IntEnum):
    """SIG_ALGORITHM (RFC 6407 §5.3.7)."""

    RSA = 1


class GapAttribute(IntEnum):
    """Group Associated Policy attributes (RFC 6407 §5.4.1)."""

    ACTIVATION_TIME_DELAY = 1
    DEACTIVATION_TIME_DELAY = 2
    SENDER_ID_REQUEST = 3
    # Ours, from the private range: seconds between heartbeats; only for peers that sent VENDOR_ID.
    HEARTBEAT_INTERVAL = 128


class TekProtocol(IntEnum):
    """SAT protocol ids (RFC 6407 §5.5)."""

    ESP = 1
    AH = 2


KEK_DELETE_PROTOCOL = 0
"""Protocol of a KEK in a delete payload (RFC 6407 §5.9)."""


LAST_SEQUENCE = 2**32 - 1
"""No push can follow this one under its KEK (RFC 6407 §5.7)."""


KEK_PROTOCOL = 17
"""SAK protocol: the IP protocol of the push datagrams (UDP)."""


class EspTransform(IntEnum):
    """ESP transform ids (RFC 2407 §4.4.4, RFC 3602)."""

    DES = 2
    TRIPLE_DES = 3
    AES_CBC = 12


class IpsecAttribute(IntEnum):
    """IPsec DOI attributes in a SAT (RFC 2407 §4.5, RFC 4304, RFC 6407 §5.5.1.1).

    That of a Diffie-Hellman group must not be there, and says nothing where it is (§5.5.1).
    """

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP_DESCRIPTION = 3
    ENCAPSULATION_MODE = 4
    AUTHENTICATION_ALGORITHM = 5
    KEY_LENGTH = 6
    EXTENDED_SEQUENCE_NUMBER = 11
    ADDRESS_PRESERVATION = 14
    SA_DIRECTION = 15


class IpsecAuthentication(IntEnum):
    """Authentication Algorithm (RFC 2407 §4.5, RFC 4868)."""

    HMAC_MD5 = 1
    HMAC_SHA1 = 2
    HMAC_SHA2_256 = 5


class EncapsulationMode(IntEnum):
    """Encapsulation Mode (RFC 2407 §4.5)."""

    TUNNEL = 1
    TRANSPORT = 2


class SaDirection(IntEnum):
    """SA Direction (RFC 6407 §5.5.1.1)."""

    SENDER_ONLY = 1
    RECEIVER_ONLY = 2
    SYMMETRIC = 3


class AddressPreservation(IntEnum):
    """Address Preservation (RFC 6407 §5.5.1.1)."""

    NONE = 1
    SOURCE_ONLY = 2
    DESTINATION_ONLY = 3
    SOURCE_AND_DESTINATION = 4


class ExtendedSequence(IntEnum):
    """Extended (64-bit) Sequence Number (RFC 4304 §4)."""

    SIXTY_FOUR_BITS = 1


class LifeType(IntEnum):
    """SA Life Type (RFC 2407 §4.5)."""

    SECONDS = 1
    KILOBYTES = 2


FIRST_PRIVATE_IPSEC_ATTRIBUTE = 32001
FIRST_PRIVATE_LIFE_TYPE = 61440
"""From there on a number is for private use (RFC 2407 §4.5 and §4.5.1)."""

LOWEST_TEK_SPI = 256
"""Those below are reserved (RFC 4303 §2.1)."""

AH_TRANSFORMS = {
    2: IpsecAuthentication.HMAC_MD5,
    3: IpsecAuthentication.HMAC_SHA1,
    5: IpsecAuthentication.HMAC_SHA2_256,
}
"""AH transforms (RFC 2407 §4.4.3, RFC 4868) by the authentication that must go with them."""


class KeyPacketType(IntEnum):
    """KD key packet types (RFC 6407 §5.6)."""

    TEK = 1
    KEK = 2
    LKH = 3
    SID = 4


class TekKeyAttribute(IntEnum):
    """TEK key packet attributes (RFC 6407 §5.6.1)."""

    ALGORITHM_KEY = 1
    INTEGRITY_KEY = 2
    SOURCE_AUTH_KEY = 3


class KekKeyAttribute(IntEnum):
    """KEK key packet attributes (RFC 6407 §5.6.2)."""

    ALGORITHM_KEY = 1
    SIG_ALGORITHM_KEY = 2


class SidAttribute(IntEnum):
    """SID key packet attributes (RFC 6407 §5.6.4)."""

    NUMBER_OF_BITS = 1
    VALUE = 2
