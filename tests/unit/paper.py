# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device that only answers what its configuration is: enough for whatever is planned."""

from __future__ import annotations

from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import (
    State,
    UpdatePassword,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from lxml import etree

RELEASES = {"v1": "12.3X48-D70.4", "v2": "22.4R1.10"}


class Paper:
    """An Rpc to a device with this configuration, given as XML below ``<configuration>``."""

    def __init__(self, inside: str = "", generation: str = "v2") -> None:
        self.asked: list[etree._Element] = []
        self._reply = (
            f'<rpc-reply xmlns:junos="http://xml.juniper.net/junos/{RELEASES[generation]}/junos">'
            f"<configuration>{inside}</configuration></rpc-reply>"
        )

    def call(self, step, operation, then=()):
        assert operation.tag == "get-configuration", "a plan only reads"
        self.asked.append(operation)
        return etree.fromstring(self._reply)


def planned(resource, inside, config, state, generation="v2", **more):
    """What a task in check mode says that it would do."""
    kind = Generation(generation)
    request = Request(
        resource,
        wanted_tree(resource, config, kind),
        State(state),
        secrets=UpdatePassword(more.pop("update_password", "always")),
        check=True,
        **more,
    )
    return apply(Paper(inside, generation), request)


def inside_of(xml):
    """What stands in the ``<configuration>`` of a change's XML, as a configuration again."""
    return "".join(etree.tostring(part, encoding="unicode") for part in etree.fromstring(xml))
