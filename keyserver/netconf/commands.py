# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CLI commands (``<command>``) as the RPCs behind them."""

from __future__ import annotations

import re

from lxml import etree

from ..config.schema import Kind, Statement

_SHOW = "show security group-vpn server"
COMMANDS: dict[str, str] = {
    "show version": "get-software-information",
    "show system information": "get-system-information",
    "show chassis hardware": "get-chassis-inventory",
    "show chassis routing-engine": "get-route-engine-information",
    f"{_SHOW} registered-members": "get-security-group-vpn-server-registered-members",
    f"{_SHOW} kek security-associations": "get-security-group-vpn-server-kek-sa",
    f"{_SHOW} ipsec security-associations": "get-security-group-vpn-server-security-information",
    f"{_SHOW} ike security-associations": (
        "get-security-group-vpn-server-ike-security-associations-information"
    ),
    f"{_SHOW} statistics": "get-security-group-vpn-server-stats",
    f"{_SHOW} server-cluster": "get-security-group-vpn-svr-svr-cluster-info",
    "clear security group-vpn server server-cluster statistics": (
        "clear-security-group-vpn-svr-svr-cluster-stats"
    ),
    "clear security group-vpn server server-cluster": (
        "clear-security-group-vpn-server-server-cluster"
    ),
    "clear security group-vpn server statistics": "clear-security-group-vpn-server-statistics",
    "clear security group-vpn server": "clear-security-group-vpn-server",
    "show configuration": "get-configuration",
    "show system commit": "get-commit-information",
    "show system configuration rescue": "get-rescue-information",
    "request system configuration rescue save": "request-save-rescue-configuration",
    "request system configuration rescue delete": "request-delete-rescue-configuration",
}
_FLAGS = ("detail", "brief", "now")
_ARGUMENTS = ("group", "group-id", "peer-address", "peer-gateway", "index")


def command_operation(line: str, schema: Statement) -> etree._Element | None:
    """The RPC behind a CLI command; None for commands that the device does not know."""
    line, *pipes = (part.strip() for part in line.split("|"))
    words = line.split()
    for count in range(len(words), 0, -1):
        rpc = COMMANDS.get(" ".join(words[:count]))
        if rpc is None:
            continue
        operation, rest = etree.Element(rpc), words[count:]
        if rpc == "get-configuration":
            return _show_configuration(operation, rest, pipes, schema)
        while rest:
            word = rest.pop(0)
            if word in _FLAGS:
                etree.SubElement(operation, word)
            elif rest and word in _ARGUMENTS:
                etree.SubElement(operation, word).text = rest.pop(0)
            else:
                return None
        return operation
    return None


_PIPES = re.compile(
    r"display (?P<format>set|xml|json|text)|(?P<compare>compare)( rollback (?P<n>\d+))?"
)


def _show_configuration(
    operation: etree._Element, path: list[str], pipes: list[str], schema: Statement
) -> etree._Element | None:
    """``show configuration PATH | display FORMAT | compare rollback N``."""
    operation.set("database", "committed")
    operation.set("format", "text")
    for pipe in pipes:
        known = _PIPES.fullmatch(pipe)
        if known is None and pipe != "no-more":
            return None
        if known is not None and known["format"]:
            operation.set("format", known["format"])
        elif known is not None:
            operation.set("compare", "rollback")
            operation.set("rollback", known["n"] or "1")
    node = etree.SubElement(operation, "configuration") if path else operation
    here, words = schema, list(path)
    while words:
        word = words.pop(0)
        child = here.children.get(word)
        if child is None and here.positional is not None:
            # Junos leaves some keywords out: the word is the entry's name already.
            child, words = here.children[here.positional], [word, *words]
        if child is None:
            return None
        node, here = etree.SubElement(node, child.name), child
        if child.kind is Kind.LIST and words:
            etree.SubElement(node, child.key).text = words.pop(0).strip('"')
    return operation
