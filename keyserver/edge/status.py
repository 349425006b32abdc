# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command ``status``: asks the running devices over NETCONF, as anyone could."""

from __future__ import annotations

import sys
from typing import TextIO

import asyncssh
from lxml import etree

from ..lab.specs import DeviceSpec, Lab
from ..netconf.framing import END_OF_MESSAGE
from ..netconf.xml import parse
from ..srx import legible
from .counting import counted
from .looping import run_loop

_HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>'
    b"urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>" + END_OF_MESSAGE
)
_QUESTIONS = (
    "get-security-group-vpn-server-registered-members",
    "get-security-group-vpn-server-kek-sa",
)
CONNECT_SECONDS = 10


def status(lab: Lab) -> int:
    """Print what the running key servers say; exit status 1 when one is unreachable."""
    return run_loop(_status(lab, sys.stdout))


async def _status(lab: Lab, out: TextIO) -> int:
    failures = 0
    for spec in lab.devices:
        if spec.netconf is None:
            continue
        try:
            members, keks = await _ask(spec)
        except (OSError, asyncssh.Error, EOFError, ValueError) as error:
            print(f"{spec.name}: {_place(spec)} is not reachable: {_why(error)}", file=out)
            failures += 1
            continue
        print(f"{spec.name} ({spec.generation.value})", file=out)
        _print_groups(members, keks, out)
    return 1 if failures else 0


def _place(spec: DeviceSpec) -> str:
    assert spec.netconf is not None
    return f"{spec.netconf.host}:{spec.netconf.port}"


def _why(error: Exception) -> str:
    # asyncio puts the address into words of its own.
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens; is serve running?"
    return str(error) or type(error).__name__


async def _ask(spec: DeviceSpec) -> list[etree._Element]:
    assert spec.netconf is not None
    user = next((u for u in spec.users if u.password is not None), None)
    if user is None:
        raise ValueError("no user of the lab file has a password; give one to log in with")
    # The lab's own loopback devices; their host keys are made when they first start.
    async with asyncssh.connect(
        spec.netconf.host,
        spec.netconf.port,
        username=user.name,
        password=user.password,
        known_hosts=None,
        client_keys=None,
        agent_path=None,
        config=None,
        # Nor anything else of a home directory, which may be one that cannot be looked into.
        x509_trusted_certs=None,
        x509_trusted_cert_paths=None,
        connect_timeout=CONNECT_SECONDS,
    ) as connection:
        process = await connection.create_process(subsystem="netconf", encoding=None)
        process.stdin.write(_HELLO)
        await process.stdout.readuntil(END_OF_MESSAGE)
        answers = []
        for question in _QUESTIONS:
            rpc = etree.Element("rpc", {"message-id": "1"})
            etree.SubElement(rpc, question)
            process.stdin.write(etree.tostring(rpc) + END_OF_MESSAGE)
            reply = await process.stdout.readuntil(END_OF_MESSAGE)
            answers.append(parse(reply.removesuffix(END_OF_MESSAGE)))
        return answers


def _text(element: etree._Element, name: str) -> str:
    found = element.find(".//{*}" + name)
    return "-" if found is None else legible((found.text or "").strip())


def _print_groups(members: etree._Element, keks: etree._Element, out: TextIO) -> None:
    spis = {
        _text(sa, "group-id"): (
            f"{_text(sa, 'initiator-cookie')}{_text(sa, 'responder-cookie')}, "
            f"{_text(sa, 'life-remaining')} s left"
        )
        for sa in keks.iter("{*}gvpn-server-kek-security-associations")
    }
    for block in members.iter("{*}group-vpn-registered-members"):
        number = _text(block, "group-vpn-group-id")
        listed = list(block.iter("{*}group-vpn-member"))
        print(
            f"  group {_text(block, 'group-vpn-group-name')} (id {number}): "
            f"{counted(len(listed), 'member')}, KEK {spis.get(number, 'none')}",
            file=out,
        )
        for member in listed:
            fields = ("gateway", "address", "last-update")
            words = (_text(member, f"group-vpn-member-{field}") for field in fields)
            print("    " + "  ".join(words), file=out)
