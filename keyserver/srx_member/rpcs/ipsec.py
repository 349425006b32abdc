# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member shows of IPsec: its associations, VPNs that are down, counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lxml import etree

from ...member.traffic import InstalledTek
from ...netconf.reply import xml_text
from ...netconf.rpcs.level import is_detail
from ...netconf.rpcs.platform import Elements, Platform
from ...netconf.session import Request
from ..site import Site
from .chosen import chosen, left

# Counters of ``ipsec statistics`` by container. No traffic of others passes an emulated device;
# its own is what ``ping`` sends and what members try their keys with.
_STATISTICS = {
    "esp-statistics": (
        "esp-encrypted-bytes",
        "esp-decrypted-bytes",
        "esp-encrypted-packets",
        "esp-decrypted-packets",
    ),
    "ah-statistics": ("ah-input-bytes", "ah-output-bytes", "ah-input-packets", "ah-output-packets"),
    "error-statistics": (
        "ah-authentication-failures",
        "replay-errors",
        "esp-authentication-failures",
        "esp-decryption-failures",
        "bad-headers",
        "bad-trailers",
        "invalid-spi-errors",
        "ts-check-fail-errors",
        "exceeds-tunnel-mtu",
        "discard-errors",
    ),
    "exclude-statistics": ("exclude-created-sess", "exclude-invalidated-sess"),
    "dynamic-policy-statistics": (
        "dynamic-policy-created-sess",
        "dynamic-policy-invalidated-sess",
    ),
    "failopen-statistics": ("failopen-created-sess", "failopen-invalidated-sess"),
    "failclose-statistics": ("failclose-dropped-pkts",),
}


def _ipsec(device: Platform, request: Request, root_name: str) -> Elements:
    own, detail = request.dialect.own, is_detail(request)
    blocks = [site for site in chosen(device, request) if site.is_up]
    entries = [[*_entries(request, site, detail)] for site in blocks]
    root = request.dialect.styled(own(root_name), style="detail" if detail else "brief")
    root.append(own("total-active-tunnels", str(len(blocks))))
    root.append(own("total-ipsec-sas", str(sum(map(len, entries)))))
    for site, found in zip(blocks, entries, strict=True):
        block = own("ipsec-gvpn-security-associations-block", None, *found)
        block.extend(_identity(request, site) if detail else [])
        root.append(block)
    return [root]


def v2_ipsec(device: Platform, request: Request) -> Elements:
    """What a v2 member has in force."""
    return _ipsec(device, request, "ipsec-security-associations-information")


def v1_ipsec(device: Platform, request: Request) -> Elements:
    """What a v1 member has in force, under its reply's other name."""
    return _ipsec(device, request, "security-associations-information")


def _entries(request: Request, site: Site, detail: bool) -> Iterator[etree._Element]:
    assert site.member is not None
    traffic = site.member.keys.traffic
    shown: set[tuple[str, bytes]] = set()
    for selector, teks in traffic.selectors.items():
        for tek in teks:
            ways = [("inbound", tek.receives), ("outbound", traffic.sending_for(selector) is tek)]
            for way, there in ways:
                if there and (way, tek.spi) not in shown:
                    shown.add((way, tek.spi))
                    yield _entry(request, site, tek, way, detail)


def _entry(
    request: Request, site: Site, tek: InstalledTek, way: str, detail: bool
) -> etree._Element:
    own, now, sa = request.dialect.own, request.now, tek.sa
    cipher = sa.cipher.name if sa.cipher is not None else "none"
    if cipher == "aes-cbc":
        cipher = f"aes-{sa.key_length * 8}-cbc"
    size = "Unlimited" if sa.kilobytes is None else str(sa.kilobytes)
    entry = own(
        "ipsec-security-associations",
        None,
        own("sa-direction", way),
        own("sa-tunnel-index", str(site.index)),
        own("sa-gvpn-server", site.keys_from),
        own("sa-port", "848"),
        own("sa-protocol", sa.protocol.name),
        own("sa-esp-encryption-algorithm", cipher),
        own("sa-hmac-algorithm", sa.integrity.name if sa.integrity is not None else "none"),
        own("sa-spi", tek.spi.hex()),
        own("sa-hard-lifetime", left(tek.expires, now)),
        own("sa-lifesize-remaining", size),
        own("sa-gvpn-groupid", str(site.settings.group)),
        own("sa-virtual-system", "root"),
    )
    if detail:
        sending = way == "outbound"
        entry.extend(
            (
                own("sa-mode", sa.mode.name.capitalize()),
                own("sa-type", "dynamic"),
                own("sa-state", "active" if sending or tek.activates <= now else "pending"),
                own("sa-activate-lifetime", left(tek.activates, now)),
                own("sa-anti-replay-service", "disabled"),
            )
        )
    return entry


def _identity(request: Request, site: Site) -> list[etree._Element]:
    own, settings = request.dialect.own, site.settings
    enrolment, member = settings.enrolment, site.member
    assert enrolment is not None
    assert member is not None
    policy = enrolment.policies[member.registrations.granted_by or 0]
    return [
        own("sa-virtual-system", "root"),
        own("sa-vpn-name", xml_text(settings.name)),
        own("sa-local-gateway", enrolment.local_address),
        own("sa-remote-gateway", site.keys_from),
        own("sa-local-identity", xml_text(str(policy.local_identity))),
        own("sa-remote-identity", xml_text(str(policy.remote_identity))),
        own("sa-gvpn-groupid", str(settings.group)),
        own("sa-recovery-probe", str(int(settings.manners.recovery_probe))),
        own("sa-df-bit-policy-name", None, own("sa-df-bit", settings.df_bit)),
    ]


def inactive(device: Platform, request: Request) -> Elements:
    """VPNs that are down, and why."""
    own = request.dialect.own
    down = [site for site in chosen(device, request) if not site.is_up]
    root = own("ipsec-unestablished-tunnel-information")
    root.append(own("total-inactive-tunnels", str(len(down))))
    root.append(own("total-inactive-tunnels-with-establish-immediately", "0"))
    for site in down:
        root.append(_down(request, site))
    return [root]


def _down(request: Request, site: Site) -> etree._Element:
    own = request.dialect.own
    reason = site.settings.missing or site.last_failure or "registration is not complete"
    block = own(
        "ipsec-gvpn-inactive-tunnel-info-block",
        None,
        own("sa-gvpn-server", site.server),
        own("sa-port", "848"),
        own("sa-gvpn-groupid", str(site.settings.group)),
        own("sa-virtual-system", "root"),
        own("sa-down-reason", xml_text(reason)),
        own("sa-vpn-name", xml_text(site.settings.name)),
    )
    if is_detail(request):
        block.extend(_ends(request, site))
    return block


def _ends(request: Request, site: Site) -> list[etree._Element]:
    """Between whom a VPN that is down would be; nothing while it cannot register."""
    own, enrolment = request.dialect.own, site.settings.enrolment
    if enrolment is None or site.member is None:
        return []
    policy = enrolment.policies[site.member.registrations.server]
    return [
        own("sa-local-gateway", enrolment.local_address),
        own("sa-remote-gateway", site.server),
        own("sa-local-identity", xml_text(str(policy.local_identity))),
        own("sa-remote-identity", xml_text(str(policy.remote_identity))),
        own("sa-recovery-probe", str(int(site.settings.manners.recovery_probe))),
    ]


def statistics(device: Platform, request: Request) -> Elements:
    """Counters, summed over the VPNs that are asked for."""
    own = request.dialect.own
    counted: Counter[str] = sum((s.counted for s in chosen(device, request)), Counter())
    root = own("usp-ipsec-total-statistics-information")
    for container, counters in _STATISTICS.items():
        shown = (own(name, str(counted[name])) for name in counters)
        root.append(own(container, None, *shown))
    return [root]
