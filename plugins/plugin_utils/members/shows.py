# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What key servers and members show of keys and associations: commands, RPCs, and their words.

RPCs and their generations: Juniper's RPC model (v2), the RPC table of Junos 12.3 (v1). Elements:
the reply models of 23.4 and 24.4 where they are published; the server's IPsec, IKE and cluster
replies are not, and take the words of their neighbours. What no table has is returned as
``other``, and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..engine.values import Generation

_BOTH = frozenset(Generation)
_V2 = frozenset({Generation.V2})


class Show(NamedTuple):
    """One command.

    ``entries``: elements that are one entry each; ``blocks``: elements whose own values belong to
    every entry inside; ``first``: the leaf that begins an entry where entries have no element;
    ``lists``: lists inside an entry, with their option. ``levels``: whether it takes ``detail``.
    ``total``: the elements that say how many entries there are, in all or in their block.
    """

    command: str
    rpc: str
    roots: frozenset[str]
    known: frozenset[Generation] = _BOTH
    entries: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    first: str = ""
    lists: Mapping[str, str] = {}
    levels: bool = True
    total: frozenset[str] = frozenset()


_SERVER, _MEMBER = "show security group-vpn server", "show security group-vpn member"
_IKE_ENTRIES = frozenset(("ike-security-associations", "ike-security-associations-block"))

SERVER: Mapping[str, Show] = {
    "kek": Show(
        f"{_SERVER} kek security-associations",
        "get-security-group-vpn-server-kek-sa",
        frozenset(("security-group-vpn-server-kek-sa",)),
        entries=frozenset(
            (
                "gvpn-server-kek-security-associations",
                "gvpn-server-kek-security-associations-block",
                "kek-security-associations",
                "kek-security-associations-block",
            )
        ),
        lists={"kek-sa-phase2-information": "negotiations"},
    ),
    "ipsec": Show(
        f"{_SERVER} ipsec security-associations",
        "get-security-group-vpn-server-security-information",
        frozenset(("security-group-vpn-server-security-information",)),
        entries=frozenset(("ipsec-security-association", "ipsec-security-associations")),
        blocks=frozenset(
            (
                "group-vpn-ipsec-security-associations",
                "ipsec-gvpn-security-associations-block",
                "gvpn-server-ipsec-security-associations-block",
            )
        ),
        lists={"match-policy": "match_policies"},
        total=frozenset(("total-active-sa", "total-ipsec-sas")),
    ),
    "ike": Show(
        f"{_SERVER} ike security-associations",
        "get-security-group-vpn-server-ike-security-associations-information",
        frozenset(
            (
                "security-group-vpn-server-ike-security-associations-information",
                "ike-security-associations-information",
            )
        ),
        entries=_IKE_ENTRIES,
    ),
    "statistics": Show(
        f"{_SERVER} statistics",
        "get-security-group-vpn-server-stats",
        frozenset(("security-group-vpn-server-stats",)),
        known=_V2,
        first="group-vpn-group-name",
        levels=False,
    ),
    "server_cluster": Show(
        f"{_SERVER} server-cluster",
        "get-security-group-vpn-svr-svr-cluster-info",
        frozenset(("server-cluster-information",)),
        known=_V2,
        entries=frozenset(("server-cluster", "server-cluster-peer", "server-cluster-group-peer")),
        blocks=frozenset(("server-cluster-group", "group-vpn-server-cluster")),
        first="group-vpn-group-name",
    ),
}

MEMBER: Mapping[str, Show] = {
    "kek": Show(
        f"{_MEMBER} kek security-associations",
        "get-gvpn-kek-security-associations-information",
        frozenset(
            (
                "ike-security-associations-information",
                "gvpn-kek-security-associations-information",
            )
        ),
        entries=frozenset(("kek-security-associations", "kek-security-associations-block")),
        lists={"kek-sa-phase2-information": "negotiations"},
    ),
    "ipsec": Show(
        f"{_MEMBER} ipsec security-associations",
        "get-gvpn-security-associations-information",
        frozenset(("ipsec-security-associations-information", "security-associations-information")),
        entries=frozenset(("ipsec-security-associations",)),
        blocks=frozenset(("ipsec-gvpn-security-associations-block",)),
        lists={"sa-child-policy-list": "match_policies"},
        total=frozenset(("total-ipsec-sas",)),
    ),
    "ike": Show(
        f"{_MEMBER} ike security-associations",
        "get-gvpn-ike-security-associations-information",
        frozenset(("ike-security-associations-information",)),
        entries=_IKE_ENTRIES,
    ),
    "policy": Show(
        f"{_MEMBER} policy",
        "get-gvpn-policy-information",
        frozenset(("gvpn-policy-information",)),
        known=_V2,
        entries=frozenset(("gvpn-policy", "gvpn-policy-information-block")),
        first="sa-vpn-name",
        levels=False,
    ),
}

ASIDE = frozenset(
    (
        "total-active-tunnels",
        "sa-configuration-type",
        "group-vpn-stats",
        "sa-location",
    )
)
"""Words that say nothing about an association."""

SYSTEM = "virtual_system"
"""Whose an entry is, where it is not the device's own."""

IDENTITY = "group_id"
"""What entries of different answers are brought together by: a number, or not understood."""
NUMBERS: Mapping[str, str] = {
    "security-association-index": "index",
    "ike-sa-index": "index",
    "sa-tunnel-index": "index",
    "sa-tunnel-id": "index",
    "index": "index",
    "id": "index",
    "group-id": "group_id",
    "group-vpn-group-id": "group_id",
    "sa-gvpn-groupid": "group_id",
    "groupid": "group_id",
    "gid": "group_id",
    "life-remaining": "lifetime_remaining",
    "lifetime-remaining": "lifetime_remaining",
    "life-sec": "lifetime_remaining",
    "lifetime": "lifetime_remaining",
    "ike-sa-lifetime": "lifetime_remaining",
    "sa-hard-lifetime": "lifetime_remaining",
    "act-time-remaining": "activation_remaining",
    "sa-activate-lifetime": "activation_remaining",
    "rekey-time-remaining": "rekey_remaining",
    "sa-soft-lifetime": "rekey_remaining",
    "kek-sa-sequence-number": "sequence_number",
    "push-sequence-number": "push_sequence_number",
    "kek-sa-group-activation-delay": "activation_time_delay",
    "kek-sa-group-replay-window": "anti_replay_time_window",
    "kek-sa-group-heartbeat-interval": "heartbeat",
    "kek-sa-group-heartbeat-threshold": "heartbeat_threshold",
    "kek-sa-group-heartbeat-timeout-left": "heartbeat_remaining",
    "kek-sa-server-retrans-period": "retransmission_period",
    "kek-sa-server-retrans-number": "number_of_retransmission",
    "kek-sa-server-lifetime-secs": "lifetime_seconds",
    "kek-sa-num-of-negotiations": "pushes",
    "kek-sa-input-bytes": "input_bytes",
    "kek-sa-output-bytes": "output_bytes",
    "kek-sa-input-packets": "input_packets",
    "kek-sa-output-packets": "output_packets",
    "sa-port": "port",
    "ike-sa-remote-port": "port",
    "port": "port",
    "group-vpn-pull-succeeded": "pull_succeeded",
    "group-vpn-pull-failed": "pull_failed",
    "group-vpn-pull-exceed-member-threshold": "pull_exceed_member_threshold",
    "group-vpn-push-sent": "push_sent",
    "group-vpn-push-acknowledged": "push_acknowledged",
    "group-vpn-push-unacknowledged": "push_unacknowledged",
    "pull-succeeded": "pull_succeeded",
    "pull-failed": "pull_failed",
    "pull-exceed-member-threshold": "pull_exceed_member_threshold",
    "push-sent": "push_sent",
    "push-acknowledged": "push_acknowledged",
    "push-unacknowledged": "push_unacknowledged",
    "sa-recovery-probe": "recovery_probe",
    "kek-sa-msg-id": "message_id",
}
"""Values that are numbers, of seconds where they are times; by element or CLI label."""

TEXTS: Mapping[str, str] = {
    "group-name": "group",
    "group": "group",
    "group-vpn-group-name": "group",
    "kek-sa-group-name": "group",
    "group-vpn-name": "vpn",
    **dict.fromkeys(
        ("sa-virtual-system", "ike-sa-virtual-system", "virtual-system", "vsys"), SYSTEM
    ),
    "sa-vpn-name": "vpn",
    "vpn-name": "vpn",
    "ike-gateway-name": "gateway",
    "gateway-name": "gateway",
    "ipsec-sa-name": "name",
    "initiator-cookie": "initiator_cookie",
    "responder-cookie": "responder_cookie",
    "ike-sa-initiator-cookie": "initiator_cookie",
    "ike-sa-responder-cookie": "responder_cookie",
    "ike-sa-state": "state",
    "sa-state": "state",
    "state": "state",
    "ike-sa-exchange-type": "mode",
    "mode": "mode",
    "sa-mode": "mode",
    "sa-type": "type",
    "ike-sa-remote-address": "remote_address",
    "remote-address": "remote_address",
    "sa-remote-gateway": "remote_address",
    "server-address": "server_address",
    "sa-gvpn-server": "server_address",
    "server": "server_address",
    "local-address": "local_address",
    "ike-sa-local-address": "local_address",
    "sa-local-gateway": "local_address",
    "sa-local-identity": "local_identity",
    "sa-remote-identity": "remote_identity",
    "ike-sa-authentication-method": "authentication_method",
    "kek-sa-authentication-method": "authentication_method",
    "authentication-method": "authentication_method",
    "ike-sa-authentication-algorithm": "authentication_algorithm",
    "kek-sa-authentication-algorithm": "authentication_algorithm",
    "sa-authentication-algorithm": "authentication_algorithm",
    "sa-hmac-algorithm": "authentication_algorithm",
    "ike-sa-encryption-algorithm": "encryption_algorithm",
    "kek-sa-encryption-algorithm": "encryption_algorithm",
    "sa-esp-encryption-algorithm": "encryption_algorithm",
    "algorithm": "algorithm",
    "ike-sa-dhgroup": "dh_group",
    "kek-sa-group-multicast-group": "communication",
    "kek-sa-group-server-version": "server_version",
    "kek-sa-server-certificate": "certificate",
    "kek-sa-phase2-type": "type",
    "sa-direction": "direction",
    "sa-protocol": "protocol",
    "sa-spi": "spi",
    "spi": "spi",
    "sa-lifesize-remaining": "lifesize_remaining",
    "sa-installation-state": "installation",
    "sa-anti-replay-service": "anti_replay",
    "sa-df-bit": "df_bit",
    "sa-rekey-needed": "rekey_needed",
    "sa-source": "source",
    "sa-destination": "destination",
    "sa-policy-source-prefix": "source",
    "sa-policy-dest-prefix": "destination",
    "gvpn-policy-type": "type",
    "from-zone": "from_zone",
    "to-zone": "to_zone",
    "server-role": "server_role",
    "server-cluster-role": "server_role",
    "server-cluster-makes-keys": "makes_keys",
    "peer-gateway": "gateway",
    "peer-address": "remote_address",
    "peer-state": "state",
    "peer-status": "state",
}
"""Values that are text; by element or CLI label."""
