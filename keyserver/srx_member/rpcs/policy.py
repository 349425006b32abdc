# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a member does with traffic just now, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from ...netconf.reply import xml_text
from ...netconf.rpcs.platform import Elements, Platform
from ...netconf.session import Request
from ..site import Site
from .chosen import chosen

_EVERYTHING = "0.0.0.0/0"


def policies(device: Platform, request: Request) -> Elements:
    """Each VPN's rules, in the order in which they are tried."""
    root = request.dialect.own("gvpn-policy-information")
    for site in chosen(device, request):
        for kind, source, destination in _in_force(site):
            root.append(_policy(request, site, kind, source, destination))
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
    request: Request, site: Site, kind: str, source: str, destination: str
) -> etree._Element:
    own, settings = request.dialect.own, site.settings
    entry = own(
        "gvpn-policy",
        None,
        own("sa-vpn-name", xml_text(settings.name)),
        own("sa-gvpn-groupid", str(settings.group)),
        own("sa-tunnel-id", str(site.index)),
        own("gvpn-policy-type", kind),
        own("sa-policy-source-prefix", source),
        own("sa-policy-dest-prefix", destination),
    )
    if settings.zones is not None:
        zones = zip(("from-zone", "to-zone"), settings.zones, strict=True)
        pair = (own(name, xml_text(zone)) for name, zone in zones)
        entry.append(own("ipsec-gvpn-sa-zone-pair", None, *pair))
    return entry
