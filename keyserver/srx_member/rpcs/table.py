# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's RPCs by generation: who answers, which arguments they take, how the CLI says it."""

from __future__ import annotations

from ...netconf.arguments import Argument, address, number, text_of
from ...netconf.rpcs.group_vpn.place import PLACE
from ...netconf.rpcs.level import LEVEL, LEVELS
from ...netconf.rpcs.platform import OperationalRpc, takes
from ..ping import PING_RPCS
from .associations import ike_associations, kek_associations
from .chosen import INDEX_ARGUMENT, STATISTICS_ARGUMENT
from .clear import clear_group, clear_ike, clear_ipsec, clear_kek, clear_statistics
from .ipsec import inactive, statistics, v1_ipsec, v2_ipsec
from .policy import policies

_SHOW, _CLEAR = "show security group-vpn member", "clear security group-vpn member"
_GROUP_ID = Argument("group-id", number(1, 2**32 - 1))
_VPN = Argument("vpn", text_of(63))
_PEER = Argument("peer-address", address)
_INDEX = Argument("index", number(0, 2**32 - 1))
_TUNNEL = Argument(INDEX_ARGUMENT, number(0, 2**32 - 1), "index")
_COUNTED = Argument(STATISTICS_ARGUMENT, number(0, 2**32 - 1), "index")
_FPC, _PIC, _ = PLACE
_ONE = frozenset({"group-id", "vpn"})
_COMMON = {
    "get-gvpn-ipsec-statistics-information": OperationalRpc(
        statistics, takes(_FPC, _PIC, _COUNTED), f"{_SHOW} ipsec statistics"
    ),
    "clear-gvpn-ipsec-statistics": OperationalRpc(
        clear_statistics, takes(_FPC, _PIC, _INDEX), f"{_CLEAR} ipsec statistics"
    ),
    "clear-gvpn-ipsec-security-association-statistics": OperationalRpc(
        clear_statistics, takes(_GROUP_ID), f"{_CLEAR} ipsec security-associations statistics"
    ),
    "get-gvpn-ike-security-associations-information": OperationalRpc(
        ike_associations,
        takes(*LEVEL, _PEER, _INDEX, *PLACE, alternatives=(LEVELS,)),
        f"{_SHOW} ike security-associations",
    ),
    "get-gvpn-kek-security-associations-information": OperationalRpc(
        kek_associations,
        takes(*LEVEL, _PEER, _INDEX, _GROUP_ID, _VPN, *PLACE, alternatives=(LEVELS, _ONE)),
        f"{_SHOW} kek security-associations",
    ),
    "clear-gvpn-ipsec-security-association": OperationalRpc(
        clear_ipsec, takes(_INDEX, _GROUP_ID, *PLACE), f"{_CLEAR} ipsec security-associations"
    ),
    "clear-group-vpn-ike-security-associations": OperationalRpc(
        clear_ike, takes(_PEER, _INDEX, *PLACE), f"{_CLEAR} ike security-associations"
    ),
}
_IPSEC_NAME = "get-gvpn-security-associations-information"
_IPSEC = (
    takes(*LEVEL, _TUNNEL, _GROUP_ID, *PLACE, alternatives=(LEVELS,)),
    f"{_SHOW} ipsec security-associations",
)
_RPCS = {
    "v1": {
        _IPSEC_NAME: OperationalRpc(v1_ipsec, *_IPSEC),
        **_COMMON,
        "clear-group-vpn-kek-security-associations": OperationalRpc(
            clear_kek, takes(_INDEX, *PLACE), f"{_CLEAR} kek security-associations"
        ),
    },
    "v2": {
        _IPSEC_NAME: OperationalRpc(v2_ipsec, *_IPSEC),
        **_COMMON,
        "get-gvpn-inactive-tunnels": OperationalRpc(
            inactive,
            takes(*LEVEL, _GROUP_ID, alternatives=(LEVELS,)),
            f"{_SHOW} ipsec inactive-tunnels",
        ),
        "get-gvpn-policy-information": OperationalRpc(
            policies, takes(_GROUP_ID, _VPN, alternatives=(_ONE,)), f"{_SHOW} policy"
        ),
        "clear-gvpn-group-information": OperationalRpc(
            clear_group, takes(_GROUP_ID, _VPN, alternatives=(_ONE,)), f"{_CLEAR} group"
        ),
    },
}


def member_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """What a generation's members show and clear, and ``ping``."""
    return {**_RPCS[generation], **PING_RPCS}
