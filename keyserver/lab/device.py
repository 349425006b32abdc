# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device of a lab file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..config.junos_schema import Generation
from ..gdoi.payloads import Profile
from ..groups.plane import Acknowledgement, GroupKeys
from . import values
from .certificates import read_certificates
from .section import Section, items
from .specs import FLOATING_PORT, GDOI_PORT, NETCONF_PORT, DeviceSpec, Endpoint, LabError, User


def read_device(where: str, entry: Any, base: Path) -> DeviceSpec:
    """One entry of ``devices``; its files are relative to ``base``."""
    section = Section(where, entry)
    key_plane = section.take("gdoi", lambda v: v)
    spec = DeviceSpec(
        name=section.need("name", values.line),
        generation=section.take("generation", Generation, Generation.V2),
        netconf=section.take("netconf", lambda v: _netconf(f"{where}: netconf", v)),
        users=tuple(
            _user(f"{where}: users[{n}]", user)
            for n, user in enumerate(items(f"{where}: users", section.take("users", lambda v: v)))
        ),
        config=section.take("config", partial(values.path, base)),
        state=section.take("state", partial(values.path, base)),
        strict=section.take("strict", values.flag, True),
        interfaces=section.take("interfaces", values.names, {}),
        certificates=read_certificates(where, section, base),
        model=section.take("model", values.line),
        release=section.take("release", values.line),
        cluster_node=section.take("cluster_node", values.line),
        commit_seconds=section.take("commit_seconds", values.seconds, 0),
        **(_key_plane(f"{where}: gdoi", key_plane) if key_plane is not None else {}),
    )
    section.done()
    return spec


def _key_plane(where: str, entry: Any) -> dict[str, Any]:
    """How it speaks GDOI, as fields of its spec."""
    section = Section(where, entry)
    endpoint = _endpoint(section, GDOI_PORT, values.gdoi_address)
    fields = {
        "gdoi": endpoint,
        "aggressive": section.take("aggressive", values.flag, False),
        "accept_doi": section.take("accept_doi", values.dois, (2,)),
        "group_keys": section.take("group_keys", GroupKeys, GroupKeys.DURABLE),
        **_dialect(section),
        **_further_ports(where, section, endpoint.port),
    }
    section.done()
    return fields


def _dialect(section: Section) -> dict[str, Any]:
    profile = section.take("profile", Profile, Profile.RFC6407)
    # Cisco's implementation knows no acknowledgement; its members would be dropped as silent.
    silent = profile is Profile.CISCO_REFERENCE
    usual = Acknowledgement.NONE if silent else Acknowledgement.RFC8263
    acknowledgement = section.take("acknowledgement", Acknowledgement, usual)
    return {"profile": profile, "acknowledgement": acknowledgement}


def _further_ports(where: str, section: Section, port: int) -> dict[str, Any]:
    """Where it takes those behind a translator, and where pushes go out from."""
    usual = FLOATING_PORT if port == GDOI_PORT else None
    floating = section.take("nat_port", values.port_or_none, usual)
    push = section.take("push_port", values.port)
    named = [one for one in (port, floating, push) if one is not None]
    if len(set(named)) < len(named):
        shown = ", ".join("none" if one is None else str(one) for one in (port, floating, push))
        raise LabError(f"{where}: port, nat_port, push_port {shown}: two are the same; change one")
    return {"floating_port": floating, "push_port": push}


def _netconf(where: str, value: Any) -> Endpoint:
    section = Section(where, value)
    endpoint = _endpoint(section, NETCONF_PORT, values.address)
    section.done()
    return endpoint


def _endpoint(section: Section, default_port: int, address: Callable[[Any], str]) -> Endpoint:
    return Endpoint(
        section.take("address", address, "127.0.0.1"),
        section.take("port", values.port, default_port),
    )


def _user(where: str, entry: Any) -> User:
    section = Section(where, entry)
    user = User(
        section.need("name", values.line),
        section.take("password", values.text),
        section.take("authorized_key", values.text),
    )
    section.done()
    if user.password is None and user.authorized_key is None:
        raise LabError(f"{where}: password or authorized_key is missing; give one")
    return user
