# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers of ISAKMP, IKEv1 and GDOI, by their registry names."""

from __future__ import annotations

from enum import IntEnum, IntFlag

GDOI_DOI = 2
"""RFC 6407 §5.1: the Domain of Interpretation of every GDOI SA payload."""


class Exchange(IntEnum):
    """ISAKMP exchange types (RFC 2408 §3.1, RFC 6407 §3.2.1 and §4.2, RFC 8263 §3.1)."""

    IDENTITY_PROTECTION = 2
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    GROUPKEY_PULL = 32
    GROUPKEY_PUSH = 33
    GROUPKEY_PUSH_ACK = 35
    # Ours, from the private range: between the servers of a cluster.
    CLUSTER_INIT = 240
    CLUSTER_UPDATE = 241


class Flags(IntFlag):
    """ISAKMP header flags (RFC 2408 §3.1)."""

    NONE = 0
    ENCRYPTION = 1
    COMMIT = 2
    AUTHENTICATION_ONLY = 4


class PayloadType(IntEnum):
    """ISAKMP payload types (RFC 2408 §3.1, RFC 6407 §5)."""

    NONE = 0
    SA = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KE = 4
    ID = 5
    CERT = 6
    CR = 7
    HASH = 8
    SIG = 9
    NONCE = 10
    NOTIFICATION = 11
    DELETE = 12
    VENDOR_ID = 13
    SAK = 15
    SAT = 16
    KD = 17
    SEQ = 18
    GAP = 22


class IdType(IntEnum):
    """Identification types (RFC 2407 §4.6.2.1)."""

    IPV4_ADDR = 1
    FQDN = 2
    USER_FQDN = 3
    IPV4_ADDR_SUBNET = 4
    IPV6_ADDR = 5
    IPV6_ADDR_SUBNET = 6
    IPV4_ADDR_RANGE = 7
    IPV6_ADDR_RANGE = 8
    DER_ASN1_DN = 9
    KEY_ID = 11


class OakleyAttribute(IntEnum):
    """Phase 1 transform attributes (RFC 2409 Appendix A)."""

    ENCRYPTION_ALGORITHM = 1
    HASH_ALGORITHM = 2
    AUTHENTICATION_METHOD = 3
    GROUP_DESCRIPTION = 4
    LIFE_TYPE = 11
    LIFE_DURATION = 12
    KEY_LENGTH = 14


class OakleyCipher(IntEnum):
    """Phase 1 encryption algorithms (RFC 2409 Appendix A, RFC 3602)."""

    DES_CBC = 1
    TRIPLE_DES_CBC = 5
    AES_CBC = 7


class OakleyHash(IntEnum):
    """Phase 1 hash algorithms (RFC 2409 Appendix A, RFC 4868)."""

    MD5 = 1
    SHA1 = 2
    SHA2_256 = 4
    SHA2_384 = 5
    SHA2_512 = 6


class OakleyAuthentication(IntEnum):
    """Phase 1 authentication methods (RFC 2409 Appendix A)."""

    PRE_SHARED_KEY = 1
    RSA_SIGNATURES = 3


class NotifyType(IntEnum):
    """Notification types (RFC 2408 §3.14.1, RFC 3706 §5.3); 8192 is ours, of the private range."""

    INVALID_EXCHANGE_TYPE = 7
    INVALID_MESSAGE_ID = 9
    NO_PROPOSAL_CHOSEN = 14
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_CERT_ENCODING = 19
    INVALID_CERTIFICATE = 20
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    INVALID_SIGNATURE = 25
    MEMBER_THRESHOLD_EXCEEDED = 8192
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137


class KekAttribute(IntEnum):
    """SAK attributes (RFC 6407 §5.3, RFC 8263 §4)."""

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

KEK_PROTOCOL = 17
"""SAK protocol: the IP protocol of the push datagrams (UDP)."""


class EspTransform(IntEnum):
    """ESP transform ids (RFC 2407 §4.4.4, RFC 3602)."""

    DES = 2
    TRIPLE_DES = 3
    AES_CBC = 12


class IpsecAttribute(IntEnum):
    """IPsec DOI attributes in a SAT (RFC 2407 §4.5, RFC 4304, RFC 6407 §5.5.1.1)."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
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


LIFE_TYPE_SECONDS = 1
ENCAPSULATION_TUNNEL = 1


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
