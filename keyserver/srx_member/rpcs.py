# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an SRX shows of its own membership, and what clears it.

Elements are those of Junos' published models (the KEK's of the EX family, the only ones that are);
the words of ``gvpn-policy-type`` are ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from lxml import etree

from ..member.keys import InstalledKek
from ..member.traffic import InstalledTek
from ..netconf.arguments import Argument, address, number, text_of
from ..netconf.reply import xml_text
from ..netconf.rpcs.group_vpn.level import LEVEL, LEVELS, PLACE, is_detail
from ..netconf.rpcs.platform import Elements, OperationalRpc, Platform, takes
from ..netconf.session import Request
from .ping import PING_RPCS
from .site import Site
from .sites import SrxMembers

_SHOW, _CLEAR = "show security group-vpn member", "clear security group-vpn member"
_INDEX_ARGUMENT = "show-gvpn-index-ipsec-security-association"
_STATISTICS_ARGUMENT = "show-gvpn-index-ipsec-statistics"
# As an index: Juniper's models have it as the value of one that is not given.
_ALL = 0
_EVERYTHING = "0.0.0.0/0"
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


def _members(device: Platform) -> SrxMembers:
    return next(one for one in device.companions if isinstance(one, SrxMembers))


def _chosen(device: Platform, request: Request) -> list[tuple[int, Site]]:
    """(tunnel index, VPN) of those that the arguments pick."""
    vpn, group = request.text("vpn"), request.text("group-id")
    index, peer = _tunnel_of(request), request.text("peer-address")
    return [
        (position, site)
        for position, site in enumerate(_members(device).sites.values(), 1)
        if vpn in (None, site.settings.name)
        and (group is None or int(group) == site.settings.group)
        and index in (_ALL, position)
        and peer in (None, site.keys_from)
    ]


def _indexed(
    device: Platform, request: Request, index: Callable[[int, Site], int | None]
) -> list[Site]:
    """Those of the chosen VPNs whose ``index`` is the one that is asked for."""
    wanted = int(request.text("index") or _ALL)
    chosen = _chosen(device, request)
    return [site for position, site in chosen if wanted in (_ALL, index(position, site))]


def _tunnel_index(position: int, _site: Site) -> int:
    return position


def _tunnel_of(request: Request) -> int:
    given = (request.text(name) for name in (_INDEX_ARGUMENT, _STATISTICS_ARGUMENT))
    return next((int(text) for text in given if text is not None), _ALL)


def _left(when: float, now: float) -> str:
    return str(max(0, int(when - now)))


# IPsec


def _ipsec(device: Platform, request: Request, root_name: str) -> Elements:
    own, detail = request.dialect.own, is_detail(request)
    blocks = [(n, site) for n, site in _chosen(device, request) if site.is_up]
    entries = [[*_entries(request, n, site, detail)] for n, site in blocks]
    root = request.dialect.styled(own(root_name), style="detail" if detail else "brief")
    root.append(own("total-active-tunnels", str(len(blocks))))
    root.append(own("total-ipsec-sas", str(sum(map(len, entries)))))
    for (_, site), found in zip(blocks, entries, strict=True):
        block = own("ipsec-gvpn-security-associations-block", None, *found)
        block.extend(_identity(request, site) if detail else [])
        root.append(block)
    return [root]


def _v2_ipsec(device: Platform, request: Request) -> Elements:
    return _ipsec(device, request, "ipsec-security-associations-information")


def _v1_ipsec(device: Platform, request: Request) -> Elements:
    return _ipsec(device, request, "security-associations-information")


def _entries(request: Request, position: int, site: Site, detail: bool) -> Iterator[etree._Element]:
    assert site.member is not None
    traffic = site.member.keys.traffic
    shown: set[tuple[str, bytes]] = set()
    for selector, teks in traffic.selectors.items():
        for tek in teks:
            ways = [("inbound", tek.receives), ("outbound", traffic.sending_for(selector) is tek)]
            for way, there in ways:
                if there and (way, tek.spi) not in shown:
                    shown.add((way, tek.spi))
                    yield _entry(request, position, site, tek, way, detail)


def _entry(
    request: Request, position: int, site: Site, tek: InstalledTek, way: str, detail: bool
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
        own("sa-tunnel-index", str(position)),
        own("sa-gvpn-server", site.keys_from),
        own("sa-port", "848"),
        own("sa-protocol", sa.protocol.name),
        own("sa-esp-encryption-algorithm", cipher),
        own("sa-hmac-algorithm", sa.integrity.name if sa.integrity is not None else "none"),
        own("sa-spi", tek.spi.hex()),
        own("sa-hard-lifetime", _left(tek.expires, now)),
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
                own("sa-activate-lifetime", _left(tek.activates, now)),
                own("sa-anti-replay-service", "disabled"),
            )
        )
    return entry


def _identity(request: Request, site: Site) -> list[etree._Element]:
    own, settings = request.dialect.own, site.settings
    enrolment, member = settings.enrolment, site.member
    assert enrolment is not None
    assert member is not None
    policy = enrolment.policies[member.granted_by or 0]
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


def _inactive(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    down = [(n, site) for n, site in _chosen(device, request) if not site.is_up]
    root = own("ipsec-unestablished-tunnel-information")
    root.append(own("total-inactive-tunnels", str(len(down))))
    root.append(own("total-inactive-tunnels-with-establish-immediately", "0"))
    for _, site in down:
        reason = site.settings.missing or site.last_failure or "registration is not complete"
        root.append(
            own(
                "ipsec-gvpn-inactive-tunnel-info-block",
                None,
                own("sa-gvpn-server", site.server),
                own("sa-port", "848"),
                own("sa-gvpn-groupid", str(site.settings.group)),
                own("sa-virtual-system", "root"),
                own("sa-down-reason", xml_text(reason)),
                own("sa-vpn-name", xml_text(site.settings.name)),
            )
        )
    return [root]


def _statistics(device: Platform, request: Request) -> Elements:
    own = request.dialect.own
    counted: Counter[str] = sum((s.counted for _, s in _chosen(device, request)), Counter())
    root = own("usp-ipsec-total-statistics-information")
    for container, counters in _STATISTICS.items():
        shown = (own(name, str(counted[name])) for name in counters)
        root.append(own(container, None, *shown))
    return [root]


# Policy


def _policies(device: Platform, request: Request) -> Elements:
    root = request.dialect.own("gvpn-policy-information")
    for position, site in _chosen(device, request):
        for kind, source, destination in _in_force(site):
            root.append(_policy(request, position, site, kind, source, destination))
    return [root]


def _in_force(site: Site) -> Iterator[tuple[str, str, str]]:
    """(kind, source, destination), first match first: what happens to traffic just now."""
    settings = site.settings
    for rule in settings.exclude:
        yield "exclude", rule.source, rule.destination
    if site.is_up and site.member is not None:
        for _, _, source, destination in site.member.keys.teks:
            yield "dynamic", str(source), str(destination)
    else:
        for rule in settings.fail_open:
            yield "fail-open", rule.source, rule.destination
    yield "fail-close", _EVERYTHING, _EVERYTHING


def _policy(
    request: Request, position: int, site: Site, kind: str, source: str, destination: str
) -> etree._Element:
    own, settings = request.dialect.own, site.settings
    entry = own(
        "gvpn-policy",
        None,
        own("sa-vpn-name", xml_text(settings.name)),
        own("sa-gvpn-groupid", str(settings.group)),
        own("sa-tunnel-id", str(position)),
        own("gvpn-policy-type", kind),
        own("sa-policy-source-prefix", source),
        own("sa-policy-dest-prefix", destination),
    )
    if settings.zones is not None:
        zones = zip(("from-zone", "to-zone"), settings.zones, strict=True)
        pair = (own(name, xml_text(zone)) for name, zone in zones)
        entry.append(own("ipsec-gvpn-sa-zone-pair", None, *pair))
    return entry


# IKE and KEK


def _ike(device: Platform, request: Request) -> Elements:
    own, detail = request.dialect.own, is_detail(request)
    style = "detail" if detail else "brief"
    root = request.dialect.styled(own("ike-security-associations-information"), style=style)
    for site in _indexed(device, request, _ike_index):
        established = site.member.established if site.member is not None else None
        if established is None:
            continue
        initiator, responder = (cookie.hex() for cookie in established.sa.cookies)
        entry = own(
            "ike-security-associations-block" if detail else "ike-security-associations",
            None,
            own("ike-sa-index", str(_cookie_index(established.sa.cookies[1]))),
            own("ike-sa-remote-address", site.keys_from),
            own("ike-sa-state", "UP"),
            own("ike-sa-initiator-cookie", initiator),
            own("ike-sa-responder-cookie", responder),
            own("ike-sa-exchange-type", established.mode.value.capitalize()),
        )
        if detail:
            entry.append(own("ike-sa-lifetime", _left(established.ends, request.now)))
            entry.append(own("ike-gateway-name", xml_text(site.settings.gateway)))
        root.append(entry)
    return [root]


def _kek(device: Platform, request: Request) -> Elements:
    own, detail = request.dialect.own, is_detail(request)
    style = "detail" if detail else "brief"
    root = request.dialect.styled(own("ike-security-associations-information"), style=style)
    for site in _indexed(device, request, _kek_index):
        kek = _kek_of(site)
        if kek is not None:
            shape = _kek_block if detail else _kek_line
            root.append(shape(request, site, kek))
    return [root]


def _ike_index(_position: int, site: Site) -> int | None:
    established = site.member.established if site.member is not None else None
    return _cookie_index(established.sa.cookies[1]) if established is not None else None


def _kek_index(_position: int, site: Site) -> int | None:
    kek = _kek_of(site)
    return _cookie_index(kek.kek.spi) if kek is not None else None


def _cookie_index(cookie: bytes) -> int:
    return int.from_bytes(cookie[:3])


def _kek_of(site: Site) -> InstalledKek | None:
    return site.member.keys.kek if site.member is not None else None


def _kek_line(request: Request, site: Site, kek: InstalledKek) -> etree._Element:
    own, spi = request.dialect.own, kek.kek.spi.hex()
    return own(
        "kek-security-associations",
        None,
        own("security-association-index", str(_cookie_index(kek.kek.spi))),
        own("server-address", site.keys_from),
        own("life-remaining", _left(kek.expires, request.now)),
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
        own("lifetime-remaining", f"Expires in {_left(kek.expires, request.now)} seconds"),
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


# Clear


def _clear_group(device: Platform, request: Request) -> Elements:
    for _, site in _chosen(device, request):
        _members(device).renew(site, request.now)
    return []


def _clear_ipsec(device: Platform, request: Request) -> Elements:
    for site in _indexed(device, request, _tunnel_index):
        _members(device).forget(site, request.now)
    return []


def _clear_ike(device: Platform, request: Request) -> Elements:
    for site in _indexed(device, request, _ike_index):
        _members(device).end_phase1(site)
    return []


def _clear_kek(device: Platform, request: Request) -> Elements:
    for site in _indexed(device, request, _kek_index):
        if _kek_of(site) is not None:
            _members(device).forget_kek(site, request.now)
    return []


def _clear_statistics(device: Platform, request: Request) -> Elements:
    for site in _indexed(device, request, _tunnel_index):
        site.counted.clear()
    return []


_GROUP_ID = Argument("group-id", number(1, 2**32 - 1))
_VPN = Argument("vpn", text_of(63))
_PEER = Argument("peer-address", address)
_INDEX = Argument("index", number(0, 2**32 - 1))
_TUNNEL = Argument(_INDEX_ARGUMENT, number(0, 2**32 - 1), "index")
_COUNTED = Argument(_STATISTICS_ARGUMENT, number(0, 2**32 - 1), "index")
_FPC, _PIC, _ = PLACE
_ONE = frozenset({"group-id", "vpn"})
_COMMON = {
    "get-gvpn-ipsec-statistics-information": OperationalRpc(
        _statistics, takes(_FPC, _PIC, _COUNTED), f"{_SHOW} ipsec statistics"
    ),
    "clear-gvpn-ipsec-statistics": OperationalRpc(
        _clear_statistics, takes(_FPC, _PIC, _INDEX), f"{_CLEAR} ipsec statistics"
    ),
    "clear-gvpn-ipsec-security-association-statistics": OperationalRpc(
        _clear_statistics, takes(_GROUP_ID), f"{_CLEAR} ipsec security-associations statistics"
    ),
    "get-gvpn-ike-security-associations-information": OperationalRpc(
        _ike,
        takes(*LEVEL, _PEER, _INDEX, *PLACE, alternatives=(LEVELS,)),
        f"{_SHOW} ike security-associations",
    ),
    "get-gvpn-kek-security-associations-information": OperationalRpc(
        _kek,
        takes(*LEVEL, _PEER, _INDEX, _GROUP_ID, _VPN, *PLACE, alternatives=(LEVELS, _ONE)),
        f"{_SHOW} kek security-associations",
    ),
    "clear-gvpn-ipsec-security-association": OperationalRpc(
        _clear_ipsec, takes(_INDEX, _GROUP_ID, *PLACE), f"{_CLEAR} ipsec security-associations"
    ),
    "clear-group-vpn-ike-security-associations": OperationalRpc(
        _clear_ike, takes(_PEER, _INDEX, *PLACE), f"{_CLEAR} ike security-associations"
    ),
}
_IPSEC_NAME = "get-gvpn-security-associations-information"
_IPSEC = (
    takes(*LEVEL, _TUNNEL, _GROUP_ID, *PLACE, alternatives=(LEVELS,)),
    f"{_SHOW} ipsec security-associations",
)
_RPCS = {
    "v1": {
        _IPSEC_NAME: OperationalRpc(_v1_ipsec, *_IPSEC),
        **_COMMON,
        "clear-group-vpn-kek-security-associations": OperationalRpc(
            _clear_kek, takes(_INDEX, *PLACE), f"{_CLEAR} kek security-associations"
        ),
    },
    "v2": {
        _IPSEC_NAME: OperationalRpc(_v2_ipsec, *_IPSEC),
        **_COMMON,
        "get-gvpn-inactive-tunnels": OperationalRpc(
            _inactive,
            takes(*LEVEL, _GROUP_ID, alternatives=(LEVELS,)),
            f"{_SHOW} ipsec inactive-tunnels",
        ),
        "get-gvpn-policy-information": OperationalRpc(
            _policies, takes(_GROUP_ID, _VPN, alternatives=(_ONE,)), f"{_SHOW} policy"
        ),
        "clear-gvpn-group-information": OperationalRpc(
            _clear_group, takes(_GROUP_ID, _VPN, alternatives=(_ONE,)), f"{_CLEAR} group"
        ),
    },
}


def member_rpcs(generation: str) -> dict[str, OperationalRpc]:
    """What a generation's members show and clear, and ``ping``."""
    return {**_RPCS[generation], **PING_RPCS}
