# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Emulated SRX devices inside a program's own tests; for pytest there are fixtures.

Everything runs in a thread of the test process, at free ports of the loopback address, and nothing
is kept: each SRX begins with the configuration that it was given.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .config.junos_schema import Generation
from .config.show import to_set, to_text
from .edge.background import BackgroundLab
from .lab.reading import read_lab
from .lab.specs import DeviceSpec, Endpoint, Lab, LabError, User
from .lab.writing import writing
from .srx import Device

__all__ = ["LabError", "Srx", "SrxLab", "running_lab", "running_srx"]

USER, PASSWORD = "netops", "lab-Passw0rd"
_LOOPBACK = "127.0.0.1"
# The real ports are chosen when the lab starts.
_ANY = 0


@dataclass(frozen=True)
class Srx:
    """One running SRX, as its clients see it."""

    name: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    known_hosts: Path
    """A file in OpenSSH's format with the device's host key."""
    _device: Device = field(repr=False, compare=False)
    _lab: BackgroundLab = field(repr=False, compare=False)

    def ncclient(self) -> dict[str, Any]:
        """Keyword arguments for ``ncclient.manager.connect``."""
        return {
            "host": self.host,
            "port": self.port,
            "username": self.user,
            "password": self.password,
            "device_params": {"name": "junos"},
            "hostkey_verify": False,
            "allow_agent": False,
            "look_for_keys": False,
        }

    def inventory(self) -> dict[str, Any]:
        """Host variables for an Ansible inventory, with the connection of groupvpn.junos."""
        return {
            "ansible_host": self.host,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_password": self.password,
            "ansible_connection": "groupvpn.junos.netconf",
            "ansible_known_hosts_file": str(self.known_hosts),
        }

    def configuration(self, form: Literal["text", "set"] = "text") -> str:
        """The committed configuration, as ``show configuration`` prints it (``| display set``).

        Raises ValueError for another form.
        """
        if form not in ("text", "set"):
            raise ValueError(f"form {form!r}: text or set is expected; ask over NETCONF for others")
        return self._lab.call(lambda: self._shown(form))

    def _shown(self, form: str) -> str:
        database = self._device.database
        if form == "set":
            return "".join(f"{line}\n" for line in to_set(database.schema, database.committed))
        return to_text(database.schema, database.committed)


@dataclass(frozen=True)
class SrxLab:
    """The running devices of a lab file."""

    devices: dict[str, Srx]
    _lab: BackgroundLab = field(repr=False, compare=False)

    def __getitem__(self, name: str) -> Srx:
        """The device of that name. Raises KeyError that names those with a login."""
        try:
            return self.devices[name]
        except KeyError:
            there = ", ".join(self.devices) or "none"
            raise KeyError(f"{name}: devices of this lab with a login: {there}") from None

    def start_members(self, seconds: float = 30) -> None:
        """Start the members of the lab file, unless they run, and wait until all have registered.

        Raises TimeoutError that names who has not after ``seconds``.
        """
        self._lab.start_members(seconds)


@contextlib.contextmanager
def running_lab(
    file: str | os.PathLike[str], directory: str | os.PathLike[str]
) -> Iterator[SrxLab]:
    """The lab of a file; ``directory`` is for what is written meanwhile. Raises LabError."""
    with _running(read_lab(Path(file)), _made(directory)) as lab:
        yield lab


@contextlib.contextmanager
def running_srx(
    directory: str | os.PathLike[str],
    name: str = "srx",
    *,
    config: str | os.PathLike[str] | None = None,
    generation: str = "v2",
    user: str = USER,
    password: str | None = PASSWORD,
    authorized_key: str | None = None,
    model: str | None = None,
    release: str | None = None,
) -> Iterator[Srx]:
    """One SRX; ``directory`` is for what is written meanwhile. Raises LabError.

    ``config``: text in any of Junos' formats, or the path of a file with it;
    ``generation``: of Group VPN, ``v1`` or ``v2``;
    ``authorized_key``: a public key that may log in;
    ``model``, ``release``: what the device says that it is.
    """
    _refuse_others(name=name, user=user)
    _refuse_others(
        str | None, password=password, authorized_key=authorized_key, model=model, release=release
    )
    _refuse_others(str | os.PathLike | None, config=config)
    if config is None:
        config = f"set system host-name {name}\nset system services netconf ssh\n"
    place = _made(directory)
    if isinstance(config, str):
        _refuse_a_name(config)
        file = place / "initial.conf"
        with writing(file):
            file.write_text(config, encoding="utf-8")
        config = file
    spec = DeviceSpec(
        name=name,
        generation=_generation(generation),
        netconf=Endpoint(_LOOPBACK, _ANY),
        gdoi=Endpoint(_LOOPBACK, _ANY),
        users=(User(user, password, authorized_key),),
        config=Path(config),
        model=model,
        release=release,
    )
    with _running(Lab((spec,), ()), place) as lab:
        yield lab[name]


def _refuse_others(kind: Any = str, **arguments: object) -> None:
    """Raises LabError for an argument of another kind: a mark in a test has no types."""
    for name, value in arguments.items():
        if not isinstance(value, kind) or (kind is str and not value):
            wanted = "text" if name != "config" else "text, or the path of a file,"
            raise LabError(f"{name}: {value!r}: {wanted} is expected")


def _refuse_a_name(config: str) -> None:
    """Text of one word is a file's name: a statement has more, and other formats have marks."""
    if len(config.split()) == 1 and not set(config) & set("{<"):
        raise LabError(
            f"config: {config!r}: statements are expected; a file is given as Path({config!r})"
        )


def _made(directory: str | os.PathLike[str]) -> Path:
    place = Path(directory)
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    return place


def _generation(word: str) -> Generation:
    try:
        return Generation(word)
    except ValueError:
        choice = " or ".join(one.value for one in Generation)
        raise LabError(f"generation {word!r}: {choice} is expected") from None


@contextlib.contextmanager
def _running(lab: Lab, directory: Path) -> Iterator[SrxLab]:
    known_hosts = directory / "known_hosts"
    background = BackgroundLab(replace(lab, known_hosts=known_hosts))
    background.start()
    try:
        devices = background.devices()
        clients = (_client(device, known_hosts, background) for device in devices)
        yield SrxLab({one.name: one for one in clients if one is not None}, background)
    finally:
        background.stop()


def _client(device: Device, known_hosts: Path, background: BackgroundLab) -> Srx | None:
    spec = device.spec
    if spec.netconf is None or not spec.users:
        return None
    user = next((one for one in spec.users if one.password is not None), spec.users[0])
    return Srx(
        name=spec.name,
        host=spec.netconf.host,
        port=spec.netconf.port,
        user=user.name,
        password=user.password,
        known_hosts=known_hosts,
        _device=device,
        _lab=background,
    )
