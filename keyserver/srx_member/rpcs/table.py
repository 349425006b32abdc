# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A member's RPCs by generation: who answers, which arguments they take, how the CLI says it."""

from __future__ import annotations

from ...netconf.arguments import Argument, Arguments, address, number, text_of
from ...netconf.rpcs.group_vpn.place import PLACE
from ...netconf.rpcs.level import LEVEL, LEVELS, TOGGLES
from ...netconf.rpcs.platform import Handler, OperationalRpc, takes
from ..ping import PING_RPCS
from .associations import ike_associations, kek_associations
from .chosen import INDEX_ARGUMENT, STATISTICS_ARGUMENT
from .clear import clear_group, clear_ike, clear_ipsec, clear_kek, clear_statistics
from .ipsec import inactive, statistics, v1_ipsec, v2_ipsec
from .policy import policies

_SHOW, _CLEAR = "show security group-vpn member", "clear security group-vpn member"
_GROUP_ID = Argument("group-id", number(1, 2**32 - 1))
_VPN = Argument("vpn", text_of(32))
_PEER = Argument("peer-address", address)
_INDEX = Argument("index", number(0, 2**32 - 1))
_TUNNEL = Argument(INDEX_ARGUMENT, number(0, 2**32 - 1), "index")
_COUNTED = Argument(STATISTICS_ARGUMENT, number(0, 2**32 - 1), "index")
_FPC, _PIC, _ = PLACE
_ONE = frozenset({"group-id", "vpn"})


def _common(
    ipsec: Handler, levels: Arguments, group: Arguments = (), vpn: Arguments = ()
) -> dict[str, OperationalRpc]:
    """What both generations have; v1 knows neither ``group`` nor ``vpn``."""
    return {
        "get-gvpn-ipsec-statistics-information": OperationalRpc(
            statistics, takes(_FPC, _PIC, _COUNTED), f"{_SHOW} ipsec statistics"
        ),
        "clear-gvpn-ipsec-statistics": OperationalRpc(
            clear_statistics, takes(_FPC, _PIC, _INDEX), f"{_CLEAR} ipsec statistics"
        ),
        "get-gvpn-ike-security-associations-information": OperationalRpc(
            ike_associations,
            takes(*levels, _PEER, _INDEX, *PLACE, alternatives=(LEVELS,)),
            f"{_SHOW} ike security-associations",
        ),
        "get-gvpn-kek-security-associations-information": OperationalRpc(
            kek_associations,
            takes(*levels, _PEER, _INDEX, *group, *vpn, *PLACE, alternatives=(LEVELS, _ONE)),
            f"{_SHOW} kek security-associations",
        ),
        "get-gvpn-security-associations-information": OperationalRpc(
            ipsec,
            takes(*levels, _TUNNEL, *group, *PLACE, alternatives=(LEVELS,)),
            f"{_SHOW} ipsec security-associations",
        ),
        "clear-gvpn-ipsec-security-association": OperationalRpc(
            clear_ipsec, takes(_INDEX, *group, *PLACE), f"{_CLEAR} ipsec security-associations"
        ),
        "clear-group-vpn-ike-security-associations": OperationalRpc(
            clear_ike, takes(_PEER, _INDEX, *PLACE), f"{_CLEAR} ike security-associations"
        ),
    }


def _v1() -> dict[str, OperationalRpc]:
    return {
        **_common(v1_ipsec, TOGGLES),
        "clear-group-vpn-kek-security-associations": OperationalRpc(
            clear_kek, takes(_INDEX, *PLACE), f"{_CLEAR} kek security-associations"
        ),
    }


def _v2() -> dict[str, OperationalRpc]:
    return {
        **_common(v2_ipsec, LEVEL, (_GROUP_ID,), (_VPN,)),
        "clear-gvpn-ipsec-security-association-statistics": OperationalRpc(
            clear_statistics, takes(_GROUP_ID), f"{_CLEAR} ipsec security-associations statistics"
        ),
        "get-gvpn-inactive-tunnels": OperationalRpc(
            inactive,
            takes(*LEVEL, _GROUP_ID, alternatives=(LEVELS,)),
            f"{_SHOW} ipsec inactive-tunnels",
        ),
        "get-gvpn-policy-information": OperationalRpc(
            policies, takes(_GROUP_ID, _VPN, alternatives=(_ONE,)), f"{_SHOW} policy"
        ),
        "clear-gvpn-group-information": OperationalRpc(
            clear_group, takes(_GROUP_ID, _VPN), f"{_CLEAR} group"
        ),
    }


def member_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """What a generation's members show and clear (v1: 12.3R4's RPC table), and ``ping``."""
    return {**(_v1() if generation == "v1" else _v2()), **PING_RPCS}
