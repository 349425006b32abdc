# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Site-to-site VPNs, policies, zones, address books that are whole, and what breaks each rule."""

from __future__ import annotations

_I, _V, _Z, _B = (
    f"set security {words}"
    for words in ("ike", "ipsec", "zones security-zone", "address-book global")
)
_GATEWAY, _VPN = f"{_I} gateway g", f"{_V} vpn v"
_POLICY = "set security policies from-zone LAN to-zone WAN policy p"
_GLOBAL = "set security policies global policy q"
SITE_TO_SITE = f"""
{_I} proposal p authentication-method pre-shared-keys
{_I} policy pol proposals p
{_I} policy pol pre-shared-key ascii-text secret
{_I} policy seeded proposals p
{_I} policy seeded seeded-pre-shared-key ascii-text secret
{_GATEWAY} ike-policy pol
{_GATEWAY} address 192.0.2.9
{_GATEWAY} external-interface ge-0/0/0.0
{_GATEWAY} version v2-only
{_GATEWAY} fragmentation size 576
{_I} gateway old ike-policy pol
{_I} gateway old address 192.0.2.10
{_I} gateway old external-interface ge-0/0/0
{_V} proposal p protocol esp
{_V} policy pol proposals p
{_VPN} bind-interface st0.1
{_VPN} ike gateway g
{_VPN} ike ipsec-policy pol
{_VPN} traffic-selector t local-ip 192.0.2.0/24
{_VPN} traffic-selector t remote-ip 198.51.100.0/24
{_VPN} establish-tunnels immediately
{_V} vpn by-policy ike gateway old
{_V} vpn by-policy ike ipsec-policy pol
{_V} security-association s manual direction bidirectional spi 300
set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.11/24
set interfaces st0 unit 1 family inet
set schedulers scheduler nights daily start-time 20:00 stop-time 23:00
set access profile people client c firewall-user password secret
set security screen ids-option flood icmp flood threshold 100
{_Z} LAN screen flood
{_Z} LAN host-inbound-traffic system-services all
{_Z} LAN host-inbound-traffic system-services ftp except
{_Z} LAN interfaces ge-0/0/0.0 host-inbound-traffic protocols all
{_Z} LAN interfaces ge-0/0/0.0 host-inbound-traffic protocols ospf except
{_Z} WAN
{_B} address a 192.0.2.1/32
{_B} address-set inner address a
{_B} address-set outer address-set inner
set security address-book own address b 192.0.2.2/32
set security address-book own attach zone LAN
{_POLICY} match source-address any destination-address any application any
{_POLICY} then permit tunnel ipsec-vpn by-policy
{_POLICY} scheduler-name nights
{_GLOBAL} match source-address any destination-address any application any
{_GLOBAL} then permit application-services utm-policy junos-av-policy
"""
_NO_PROPOSAL = "Referenced proposal is not defined"
_NO_INTERFACE = "Referenced interface must be configured under [edit interfaces] hierarchy"
_NO_RULE = "'except'' statement can be included only along with 'system-services all' statement"
_NO_ADDRESS = "referenced address must be defined under address-book"
_BOTH_NAMES = "Security address and address-set cannot have same name"
_DYNAMIC = f"{_I} gateway d ike-policy pol\n{_I} gateway d dynamic hostname h"
_RULES = {
    f"{_I} traceoptions no-remote-trace": (
        "'no-remote-trace' is valid only when [system tracing] is configured"
    ),
    f"{_I} policy none proposals p": (
        "IKE policy must have either local certificate or pre-shared key configured"
    ),
    f"{_I} policy pol proposals x": _NO_PROPOSAL,
    f"{_I} policy pol certificate trusted-ca ca-profile x": (
        "Referenced profile must be defined under [edit security pki ca-profile]"
    ),
    f"{_I} policy pol certificate trusted-ca trusted-ca-group x": (
        "Referenced group must be defined under [edit security pki trusted-ca-group]"
    ),
    f"{_GATEWAY} ike-policy x": (
        "Referenced IKE policy must be defined under [edit security ike policy]"
    ),
    f"{_DYNAMIC}\n{_I} policy pol mode main": (
        "Main mode for dynamic peer with Preshared key based authentication is not allowed"
    ),
    f"{_DYNAMIC}\n{_I} gateway d dynamic ike-user-type group-ike-id\n"
    f"{_I} gateway d version v2-only": (
        "When dynamic ike-user-type is configured, IKEv2 with authentication-method pre-shared-key "
        "is not allowed"
    ),
    f"{_DYNAMIC}\n{_I} gateway d aaa access-profile people\n{_I} policy pol reauth-frequency 5": (
        "Reauth is not allowed with AAA access profile."
    ),
    "set interfaces ge-0/0/0 unit 0 family bridge": (
        "Bridge interface is not allowed as external-interface"
    ),
    f"{_GATEWAY} external-interface ge-0/0/7.0": _NO_INTERFACE,
    f"{_VPN} bind-interface st0.7": _NO_INTERFACE,
    f"{_DYNAMIC}\n{_I} gateway d remote-identity hostname h": (
        "Since the remote gateway is dynamic, Define remote identity under dynamic"
    ),
    f"{_DYNAMIC}\n{_I} gateway d xauth access-profile people\n"
    f"{_I} gateway d aaa access-profile people": "Keyword aaa is a replacement to xauth.",
    f"{_GATEWAY} aaa access-profile people": (
        "For site-to-site tunnels, aaa access-profile configuration is not allowed"
    ),
    f"{_DYNAMIC}\n{_I} gateway d aaa access-profile people\n{_I} gateway d aaa client username u": (
        "Cannot configure a gateway to be XAUTH/AAA server and client at the same time."
    ),
    f"{_DYNAMIC}\n{_I} gateway d xauth access-profile people\n"
    f"{_I} gateway d xauth client username u": (
        "Cannot configure a gateway to be xauth server and client at the same time."
    ),
    f"{_GATEWAY} aaa client password secret": "Username must be defined",
    f"{_GATEWAY} xauth client password secret": "username must be defined",
    f"{_DYNAMIC}\n{_I} gateway d aaa access-profile x": "Access profile needs to be configured",
    f"{_DYNAMIC}\n{_I} gateway d xauth access-profile x": "access profile needs to be configured",
    f"{_GATEWAY} general-ikeid\n{_GATEWAY} remote-identity hostname h": (
        "general-ikeid option is not allowed when remote-identity is configured"
    ),
    f"{_DYNAMIC}\n{_I} gateway d general-ikeid": (
        "general-ikd-id option is not available for dynamic peer."
    ),
    f"{_I} gateway old fragmentation size 576": "IKEv2 must be configured to use fragementation.",
    f"{_GATEWAY} tcp-encap-profile x": "Referenced tcp-encap profile must be defined",
    f"{_V} policy pol proposals x": _NO_PROPOSAL,
    f"{_VPN} ike gateway x": (
        "Referenced IKE gateway must be defined under [edit security ike gateway]"
    ),
    f"{_VPN} ike ipsec-policy x": (
        "Referenced IPSec policy must be defined under [edit security ipsec policy]"
    ),
    f"{_V} vpn by-policy ike gateway g": (
        "IKEv2 requires bind-interface configuration as only route-based is supported"
    ),
    f"{_VPN} ike proxy-identity service any": (
        "Proxy-identity must not be configured with traffic-selector"
    ),
    f"{_V} vpn by-policy traffic-selector t local-ip 192.0.2.0/24": (
        "Bind-interface must be configured under [edit security ipsec vpn] hierarchy"
    ),
    f"{_VPN} vpn-monitor optimized": "vpn-monitor with traffic selector is not supported",
    f"{_V} vpn by-policy vpn-monitor optimized\n"
    f"{_V} vpn by-policy multi-sa forwarding-class best-effort": (
        "vpn-monitor with multi-sa is not supported"
    ),
    f"{_V} vpn new establish-tunnels immediately": (
        "VPN must be IKE-keyed to define establish-tunnel method"
    ),
    f"{_V} security-association x description y": "Type must be defined for security-association",
    "set security policies from-zone X to-zone LAN policy p then deny": (
        "Security zone must be defined"
    ),
    f"{_POLICY} match dynamic-application any": (
        "Tunnel and dynamic-application can't be applied to same policy"
    ),
    f"{_POLICY} then permit tunnel ipsec-vpn x": "Security VPN must be defined",
    f"{_POLICY} then permit tunnel ipsec-vpn v": (
        "Route based ipsec-vpn cannot be referenced for policy"
    ),
    f"{_GLOBAL} then permit tunnel ipsec-group-vpn x": "Security group VPN must be defined",
    f"{_GLOBAL} scheduler-name x": "scheduler must be defined",
    f"{_Z} WAN screen x": (
        "referenced ids-object must be defined under [security screen ids-option]"
    ),
    f"{_Z} WAN address-book address a 192.0.2.1/32": (
        "Zone specific address books are not allowed when there are global address books defined"
    ),
    f"{_Z} WAN host-inbound-traffic system-services ftp except": _NO_RULE,
    f"{_Z} WAN interfaces st0.1 host-inbound-traffic protocols ospf except": _NO_RULE,
    f"{_B} address-set a address a": _BOTH_NAMES,
    f"{_B} address-set outer address x": _NO_ADDRESS,
    f"{_B} address-set outer address-set x": _NO_ADDRESS,
    "set security address-book other attach zone LAN": (
        "Security zone must be unique in address books"
    ),
    "set security address-book other attach zone X": "Security zone must be defined",
}
PROPOSALS = f"""
{_I} proposal gcm encryption-algorithm aes-256-gcm
{_I} policy suite proposal-set suiteb-gcm-256
{_I} policy suite certificate local-certificate own
{_V} proposal gcm encryption-algorithm aes-256-gcm
{_V} proposal ah protocol ah
{_V} policy standard proposal-set standard
{_Z} ANY host-inbound-traffic system-services any-service
{_Z} ANY interfaces ge-0/0/0.0 host-inbound-traffic system-services any-service
"""
_RULES_OF_PROPOSALS = {
    f"{_I} policy suite proposals gcm": (
        "IKE policy must not have both proposals and proposal-set configured"
    ),
    f"{_I} policy new proposal-set suiteb-gcm-128\n{_I} policy new pre-shared-key ascii-text x": (
        "Suite B proposal-sets require certificate-based authentication."
    ),
    f"{_I} policy new proposal-set prime-256\n{_I} policy new pre-shared-key ascii-text x": (
        "PRIME proposal-sets require certificate-based authentication."
    ),
    f"{_I} proposal gcm authentication-algorithm sha-256": (
        "When using aes-gcm for Encryption the Authentication Algorithm must not be set."
    ),
    f"{_V} policy standard proposals gcm": (
        "IPSec policy must not have both proposals and proposal-set configured"
    ),
    f"{_V} proposal gcm authentication-algorithm hmac-sha-256-128": (
        "HMAC Authentication is not compatible with AES-GCM"
    ),
    f"{_V} proposal ah encryption-algorithm aes-256-cbc": (
        "Encryption algorithm must not be defined for AH"
    ),
    f"{_Z} ANY host-inbound-traffic system-services ssh": (
        "If `any` is set other services are disallowed"
    ),
    f"{_Z} ANY interfaces ge-0/0/0.0 host-inbound-traffic system-services ssh": (
        "If `any` is set other services are disallowed"
    ),
    f"{_B} attach zone ANY": (
        "It is not allowed to attach the global address book to any particular interface, zone or "
        "routing-instance."
    ),
}
_SERVICES = {
    "utm-policy": "utm-policy must be defined",
    "gtp-profile": "gtp profile must be defined",
    "sctp-profile": "sctp profile must be defined",
    "icap-redirect": "icap-redirect profile must be defined",
    "ssl-proxy profile-name": "Referenced SSL proxy profile is not defined",
    "application-firewall rule-set": "rule set must be defined",
    "application-traffic-control rule-set": "rule-set must be defined",
    "security-intelligence-policy": "security-intelligence policy must be defined",
    "advanced-anti-malware-policy": "advanced-anti-malware policy must be defined",
    "anti-virus-policy": "anti-virus policy must be defined",
}
SECURITY_CASES = [
    *((SITE_TO_SITE, more, message) for more, message in _RULES.items()),
    *((PROPOSALS, more, message) for more, message in _RULES_OF_PROPOSALS.items()),
    *(
        (SITE_TO_SITE, f"{policy} then permit application-services {words} x", message)
        for policy in (_POLICY, _GLOBAL)
        for words, message in _SERVICES.items()
    ),
]
