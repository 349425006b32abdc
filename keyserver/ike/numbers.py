# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers of ISAKMP and IKEv1, by their registry names."""

from __future__ import annotations

from enum import IntEnum

GDOI_DOI = 2
"""RFC 6407 §5.1: the Domain of Interpretation of every GDOI SA payload."""


class Exchange(IntEnum):
    """ISAKMP exchange types (RFC 2408 §3.1)."""

    IDENTITY_PROTECTION = 2
    AGGRESSIVE = 4
    INFORMATIONAL = 5


class Flags(IntEnum):
    """ISAKMP header flags (RFC 2408 §3.1), to be combined as plain numbers."""

    NONE = 0
    ENCRYPTION = 1
    COMMIT = 2
    AUTHENTICATION_ONLY = 4


class PayloadType(IntEnum):
    """ISAKMP payload types (RFC 2408 §3.1, RFC 3947 §3.2, RFC 6407 §5)."""

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
    NAT_D = 20
    NAT_OA = 21
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


FIRST_STATUS = 16384
"""Notifications from here on tell of a status, those below of an error (RFC 2408 §3.14.1)."""


class NotifyType(IntEnum):
    """Notification types (RFC 2408 §3.14.1, RFC 2407 §4.6.3, RFC 3706 §5.3).

    We say few of them; whoever reads a log wants to know what others say. 8192 is ours, of the
    private range.
    """

    INVALID_PAYLOAD_TYPE = 1
    DOI_NOT_SUPPORTED = 2
    SITUATION_NOT_SUPPORTED = 3
    INVALID_COOKIE = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_MINOR_VERSION = 6
    INVALID_EXCHANGE_TYPE = 7
    INVALID_FLAGS = 8
    INVALID_MESSAGE_ID = 9
    INVALID_PROTOCOL_ID = 10
    INVALID_SPI = 11
    INVALID_TRANSFORM_ID = 12
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    BAD_PROPOSAL_SYNTAX = 15
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_CERT_ENCODING = 19
    INVALID_CERTIFICATE = 20
    CERT_TYPE_UNSUPPORTED = 21
    INVALID_CERT_AUTHORITY = 22
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    INVALID_SIGNATURE = 25
    ADDRESS_NOTIFICATION = 26
    NOTIFY_SA_LIFETIME = 27
    CERTIFICATE_UNAVAILABLE = 28
    UNSUPPORTED_EXCHANGE_TYPE = 29
    UNEQUAL_PAYLOAD_LENGTHS = 30
    MEMBER_THRESHOLD_EXCEEDED = 8192
    INITIAL_CONTACT = 24578
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137


LIFE_TYPE_SECONDS = 1
DEFAULT_LIFE_SECONDS = 28800
"""What holds where no life is named (RFC 2407 §4.5 and §4.5.4)."""
