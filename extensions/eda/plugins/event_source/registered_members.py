# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Event source ``groupvpn.junos.registered_members`` for Event-Driven Ansible."""

from __future__ import annotations

import asyncio
import reprlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
short_description: Events from the member lists of Group VPN key servers
description:
  - Reads the registered members of several Junos devices again and again, and says what happened
    between two readings.
  - C(member_lost) and C(member_joined) name C(group), C(gateway), C(address), and in C(list_shows)
    what that list shows; with C(registered_since_configured) a member that is listed may be dead.
  - C(unacknowledged) says how many more C(pushes) a listed member did not acknowledge;
    C(list_cleared) who was in a list that is empty now, where they were several or the group is
    configured otherwise; C(configuration_drift) what of a group's configuration was C(before) and
    is C(after).
  - C(unreachable) and C(unknown) say, once, C(why) a device's lists could not be read, and
    C(read_again) that they could; with C(group), that of a group which is configured and of which
    the device shows no list. Nobody is lost because a list was not read.
  - The first reading of a device makes no event.
options:
  devices:
    description:
      - The devices. C(host) is needed; C(name) is what events call it, by default the host.
        C(port), C(user), C(password), C(private_key_file), C(known_hosts_file),
        C(host_key_checking), C(connect_timeout), C(rpc_timeout), C(transport) are as the connection
        M(groupvpn.junos.netconf) has them.
    type: list
    elements: dict
    required: true
  interval:
    description: Seconds between two readings of a device.
    type: float
    default: 60
"""

EXAMPLES = r"""
- name: Members of the group VPN
  hosts: all
  sources:
    - groupvpn.junos.registered_members:
        interval: 60
        devices:
          - name: hub-1
            host: 192.0.2.1
            user: netops
            private_key_file: ~/.ssh/id_ed25519
  rules:
    - name: A site has left
      condition: event.event == "member_lost"
      action:
        run_playbook:
          name: look-at-site.yml
"""

MOST_AT_ONCE = 32
_ARGUMENTS = ("devices", "interval")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
_TRANSPORTS = ("auto", "openssh", "paramiko")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text is expected")
    return value


def _path(value: Any) -> str:
    try:
        return str(Path(_text(value)).expanduser())
    except RuntimeError:
        raise ValueError("whose home that is, is not known here") from None


def _number(value: Any) -> float:
    try:
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 < number < float("inf"):
        raise ValueError("a number above 0 is expected")
    return number


def _port(value: Any) -> int:
    number = _number(value)
    if number != int(number) or number > 65535:
        raise ValueError("a port, 1 to 65535, is expected")
    return int(number)


def _truth(value: Any) -> bool:
    found = value if isinstance(value, bool) else _TRUTHS.get(str(value).lower())
    if found is None:
        raise ValueError("true or false is expected")
    return found


def _transport(value: Any) -> str:
    if value not in _TRANSPORTS:
        raise ValueError(f"it is one of {', '.join(_TRANSPORTS)}")
    return str(value)


_OF_DEVICE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("name", "host", "user", "password"), _text),
    **dict.fromkeys(("private_key_file", "known_hosts_file"), _path),
    "port": _port,
    **dict.fromkeys(("connect_timeout", "rpc_timeout"), _number),
    "host_key_checking": _truth,
    "transport": _transport,
}
"""Option of a device to what makes its value of what was written; raises ValueError."""


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Put events into the queue until cancelled. Raises ValueError for arguments that are wrong."""
    _check_names(args)
    devices, interval = _devices(args), _interval(args)
    _find_collection()
    with ThreadPoolExecutor(min(len(devices), MOST_AT_ONCE)) as pool:
        await asyncio.gather(*(_watch(queue, device, interval, pool) for device in devices))


def _check_names(args: Any) -> None:
    """Raises ValueError for arguments that nobody reads."""
    if not isinstance(args, dict):
        raise ValueError("registered_members: a mapping with 'devices' is expected; give one")
    # What begins with eda_ a rulebook puts there itself.
    names = (str(name) for name in args if name not in _ARGUMENTS)
    unknown = sorted(name for name in names if not name.startswith("eda_"))
    if unknown:
        raise ValueError(
            f"registered_members: {', '.join(unknown)}: unknown; known are {', '.join(_ARGUMENTS)}"
        )


def _devices(args: dict[str, Any]) -> list[dict[str, Any]]:
    given = args.get("devices")
    if not isinstance(given, list) or not given:
        raise ValueError(
            "registered_members: 'devices': a list is expected; name at least one device"
        )
    devices = [_device(number, device) for number, device in enumerate(given, 1)]
    names = [str(device.get("name", device["host"])) for device in devices]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"registered_members: {', '.join(twice)}: several devices are called so in events; "
            "give each a 'name' of its own"
        )
    return devices


def _device(number: int, device: Any) -> dict[str, Any]:
    """A device's options, each as what it has to be."""
    if not isinstance(device, dict) or not device.get("host"):
        raise ValueError(f"registered_members: device {number} has no 'host'; give one")
    where = f"registered_members: device {device['host']}"
    unknown = sorted(set(map(str, device)) - set(_OF_DEVICE))
    if unknown:
        raise ValueError(
            f"{where}: {', '.join(unknown)}: unknown; known are {', '.join(sorted(_OF_DEVICE))}"
        )
    found = {}
    for option, value in device.items():
        try:
            found[option] = _OF_DEVICE[option](value)
        except ValueError as error:
            said = "" if option == "password" else f" {reprlib.repr(value)}"
            raise ValueError(f"{where}: {option}{said}: {error}; correct it") from None
    return found


def _interval(args: dict[str, Any]) -> float:
    value = args.get("interval", 60)
    try:
        return _number(value)
    except ValueError as error:
        said = f"interval {reprlib.repr(value)}: {error}"
        raise ValueError(f"registered_members: {said}; give seconds") from None


def _find_collection() -> None:
    """Rulebooks run this file by its path: what it is made of lies in the collections beside it."""
    root = next((p.parent for p in Path(__file__).parents if p.name == "ansible_collections"), None)
    if root is not None and str(root) not in sys.path:
        sys.path.insert(0, str(root))


async def _watch(
    queue: asyncio.Queue[Any], device: dict[str, Any], interval: float, pool: ThreadPoolExecutor
) -> None:
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.watch import Watch

    watch = Watch(str(device.get("name") or device["host"]))
    loop = asyncio.get_running_loop()
    while True:
        happened = await loop.run_in_executor(pool, _reading, device)
        for event in happened(watch):
            await queue.put(event)
        await asyncio.sleep(interval)


def _reading(device: dict[str, Any]) -> Callable[[Any], list[dict[str, Any]]]:
    """Read a device's lists; what a watch is to be told of that."""
    from ansible_collections.groupvpn.junos.plugins.plugin_utils import errors
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.watch import Happened

    try:
        groups, unlisted = _lists(device)
    except errors.TransportFailure as error:
        why = str(error)
        return lambda watch: watch.failed(Happened.UNREACHABLE, why)
    except errors.GroupVpnError as error:
        why = str(error)
        return lambda watch: watch.failed(Happened.UNKNOWN, why)
    return lambda watch: watch.read(groups, unlisted)


def _lists(device: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """The groups' lists, and the groups that have none."""
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.members.read import read_lists
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.rpc import SessionRpc
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.session import Target
    from ansible_collections.groupvpn.junos.plugins.plugin_utils.netconf.transports import (
        open_session,
    )

    how = {key: value for key, value in device.items() if key not in ("name", "transport")}
    session = open_session(Target(**how, persist=0), str(device.get("transport", "auto")))
    try:
        found = read_lists(SessionRpc(session), detail=True)
        return found.groups, found.unlisted
    finally:
        session.close()
