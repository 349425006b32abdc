# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member shows of its phase 1 SA and of its KEK."""

from __future__ import annotations

from lxml import etree

from ...member.keys import InstalledKek
from ...netconf.reply import xml_text
from ...netconf.rpcs.level import is_detail
from ...netconf.rpcs.platform import Elements, Platform
from ...netconf.session import Request
from ..site import Site
from .chosen import indexed, left, server


def ike_associations(device: Platform, request: Request) -> Elements:
    """The phase 1 SAs that stand."""
    own, detail = request.dialect.own, is_detail(request)
    style = "detail" if detail else "brief"
    root = request.dialect.styled(own("ike-security-associations-information"), style=style)
    for site in indexed(device, request, ike_index, server):
        established = site.member.registrations.way.established if site.member is not None else None
        if established is None:
            continue
        initiator, responder = (cookie.hex() for cookie in established.sa.cookies)
        entry = own(
            "ike-security-associations-block" if detail else "ike-security-associations",
            None,
            own("ike-sa-index", str(_cookie_index(established.sa.cookies[1]))),
            own("ike-sa-remote-address", server(site)),
            own("ike-sa-state", "UP"),
            own("ike-sa-initiator-cookie", initiator),
            own("ike-sa-responder-cookie", responder),
            own("ike-sa-exchange-type", established.mode.value.capitalize()),
        )
        if detail:
            entry.append(own("ike-sa-lifetime", left(established.ends, request.now)))
            entry.append(own("ike-gateway-name", xml_text(site.settings.gateway)))
        root.append(entry)
    return [root]


def kek_associations(device: Platform, request: Request) -> Elements:
    """What pushes are read with."""
    own, detail = request.dialect.own, is_detail(request)
    style = "detail" if detail else "brief"
    root = request.dialect.styled(own("ike-security-associations-information"), style=style)
    for site in indexed(device, request, kek_index):
        kek = kek_of(site)
        if kek is not None:
            shape = _kek_block if detail else _kek_line
            root.append(shape(request, site, kek))
    return [root]


def ike_index(site: Site) -> int | None:
    """What names a VPN in the RPCs on phase 1; None without one."""
    established = site.member.registrations.way.established if site.member is not None else None
    return _cookie_index(established.sa.cookies[1]) if established is not None else None


def kek_index(site: Site) -> int | None:
    """What names a VPN in the RPCs on KEKs; None without one."""
    kek = kek_of(site)
    return _cookie_index(kek.kek.spi) if kek is not None else None


def _cookie_index(cookie: bytes) -> int:
    return int.from_bytes(cookie[:3])


def kek_of(site: Site) -> InstalledKek | None:
    """The KEK that a VPN holds, if any."""
    return site.member.keys.kek if site.member is not None else None


def _kek_line(request: Request, site: Site, kek: InstalledKek) -> etree._Element:
    own, spi = request.dialect.own, kek.kek.spi.hex()
    return own(
        "kek-security-associations",
        None,
        own("security-association-index", str(_cookie_index(kek.kek.spi))),
        own("server-address", site.keys_from),
        own("life-remaining", left(kek.expires, request.now)),
        own("initiator-cookie", spi[:16]),
        own("responder-cookie", spi[16:]),
        own("group-id", str(site.settings.group)),
    )


def _kek_block(request: Request, site: Site, kek: InstalledKek) -> etree._Element:
    own, spi, cipher = request.dialect.own, kek.kek.spi.hex(), kek.kek.cipher
    assert site.member is not None
    keys, manners = site.member.keys, site.settings.manners
    name = cipher.name if cipher.name != "aes" else f"aes-{cipher.key_length * 8}"
    information = own(
        "kek-sa-group-info",
        None,
        own("kek-sa-group-heartbeat-interval", str(keys.heartbeat or 0)),
        own("kek-sa-group-heartbeat-threshold", str(manners.heartbeat_threshold)),
        own("kek-sa-group-activation-delay", str(keys.activation_delay)),
        own("kek-sa-group-multicast-group", kek.multicast[0] if kek.multicast else "Unicast"),
    )
    return own(
        "kek-security-associations-block",
        None,
        information,
        own("security-association-index", str(_cookie_index(kek.kek.spi))),
        own("group-id", str(site.settings.group)),
        own("group-vpn-name", xml_text(site.settings.name)),
        own("local-address", site.member.address or ""),
        own("server-address", site.keys_from),
        own("initiator-cookie", spi[:16]),
        own("responder-cookie", spi[16:]),
        own("lifetime-remaining", f"Expires in {left(kek.expires, request.now)} seconds"),
        own("push-sequence-number", str(kek.sequence)),
        own(
            "kek-sa-algorithms",
            None,
            own("kek-sa-authentication-algorithm", f"sig-hash-{kek.kek.sig_hash.name.lower()}"),
            own("kek-sa-encryption-algorithm", f"{name}-cbc"),
        ),
        own("kek-sa-misc", None, own("kek-sa-sequence-number", str(kek.sequence))),
        own("kek-sa-negotiations", None, own("kek-sa-num-of-negotiations", str(site.pushes))),
    )
