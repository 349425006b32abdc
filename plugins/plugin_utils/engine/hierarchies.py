# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The top of a Junos configuration, as far as it tells a configuration from other text."""

from __future__ import annotations

TOP = frozenset(
    (
        "access",
        "access-profile",
        "accounting-options",
        "applications",
        "apply-groups",
        "bridge-domains",
        "chassis",
        "class-of-service",
        "diameter",
        "dynamic-profiles",
        "ethernet-switching-options",
        "event-options",
        "fabric",
        "firewall",
        "forwarding-options",
        "groups",
        "interfaces",
        "isdn",
        "jsrc",
        "logical-systems",
        "multi-chassis",
        "multicast-snooping-options",
        "poe",
        "policy-options",
        "protocols",
        "rcsid",
        "routing-instances",
        "routing-options",
        "schedulers",
        "security",
        "services",
        "session-limit-group",
        "smtp",
        "snmp",
        "switch-options",
        "system",
        "tenants",
        "unified-edge",
        "version",
        "virtual-chassis",
        "vlans",
        "vmhost",
        "wlan",
    )
)
