# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a large configuration costs the controller: reading, planning, rendering."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lxml import etree

from tests.benchmarks.limits import at_most
from tests.lab import COLLECTIONS

sys.path.insert(0, str(COLLECTIONS))
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.change import to_string
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.server import RESOURCE

GROUPS, GATEWAYS, REPEATS = 50, 1000, 5
_JUNOS = "http://xml.juniper.net/junos/22.4R1.10/junos"


def large() -> str:
    """A server's configuration with everything in use, as XML below ``<configuration>``."""
    gateways = "".join(
        f"<gateway><name>gw-{n}</name><ike-policy>p</ike-policy>"
        f"<address>198.51.100.{n % 250 + 1}</address></gateway>"
        for n in range(GATEWAYS)
    )
    groups = "".join(
        f"<group><name>G{n}</name><group-id>{n + 1}</group-id>"
        + "".join(
            f"<ike-gateway><name>gw-{g}</name></ike-gateway>" for g in range(n, GATEWAYS, GROUPS)
        )
        + "<ipsec-sa><name>s</name><proposal>e</proposal></ipsec-sa></group>"
        for n in range(GROUPS)
    )
    ike = f"<ike><policy><name>p</name></policy>{gateways}</ike>"
    server = f"{ike}<ipsec><proposal><name>e</name></proposal></ipsec>{groups}"
    return f"<security><group-vpn><server>{server}</server></group-vpn></security>"


class _Device:
    """Answers with its configuration; what carries it costs nothing here."""

    def __init__(self, inside: str) -> None:
        self._reply = (
            f'<rpc-reply xmlns:junos="{_JUNOS}"><configuration>{inside}</configuration></rpc-reply>'
        )

    def call(
        self, step: str, operation: etree._Element, then: Sequence[etree._Element] = ()
    ) -> etree._Element:
        return etree.fromstring(self._reply)


def _cpu(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def large_server() -> Iterator[str]:
    """One task on a server with 50 groups and 1,000 gateways."""
    device, generation = _Device(large()), Generation.V2
    config = views.gather(RESOURCE, device)["gathered"]  # type: ignore[arg-type]

    def task(config: Any, **more: Any) -> Callable[[], Any]:
        def run() -> Any:
            want = wanted_tree(RESOURCE, config, generation)
            request = Request(RESOURCE, want, State.OVERRIDDEN, check=True, **more)
            return apply(device, request)  # type: ignore[arg-type]

        return run

    changed = {**config, "groups": config["groups"][1:]}
    rows = {
        "everything given again, nothing to do": task(config),
        "one group taken away, with the difference": task(changed, diff=True),
        "rendered from nothing": lambda: views.render(
            RESOURCE, wanted_tree(RESOURCE, config, generation), generation
        ),
        "gathered": lambda: views.gather(RESOURCE, device),  # type: ignore[arg-type]
    }
    size = len(to_string(etree.fromstring(large()))) / 1e6
    yield f"### `server` with {GROUPS} groups and {GATEWAYS:,} gateways ({size:.1f} MB of XML)"
    yield ""
    yield "| task, without Ansible and SSH | CPU s |"
    yield "|---|---|"
    costs = {
        name: statistics.median(_cpu(work) for _ in range(REPEATS)) for name, work in rows.items()
    }
    for name, cost in costs.items():
        yield f"| {name} | {cost:.2f} |"
    yield ""
    yield at_most("a large server, reading and planning, CPU", 0.5, max(costs.values()), " s")
    yield ""


SECTIONS = {"server": large_server}
