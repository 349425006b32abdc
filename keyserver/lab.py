# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading a lab file: which devices and members there are. Errors name the file and the key."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .config.junos_schema import Generation
from .gdoi.payloads import Profile
from .groups.plane import Acknowledgement, GroupKeys
from .ike.authentication import Credentials
from .ike.proposal import Mode


class LabError(Exception):
    """A lab file that cannot be used."""


DEFAULT_HEARTBEAT_THRESHOLD = 3
LARGEST_FILE = 64 * 1024 * 1024
"""Octets; ten times the longest configuration that was ever tried."""
_GDOI, _FLOATING = 848, 4500
DEFAULT_PHASE_1_SECONDS = 28800


class Timing(Enum):
    """Whose rules a member follows when it changes keys."""

    JUNOS = "junos"
    RFC6407 = "rfc6407"


@dataclass(frozen=True)
class Faults:
    """What is wrong with a member's link, for tests; shares from 0 to 1, times in seconds.

    ``stop_after``: the member plays dead that long after it has registered.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    stop_after: float | None = None


@dataclass(frozen=True)
class Endpoint:
    """A local address and port."""

    host: str
    port: int


@dataclass(frozen=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str | None = field(default=None, repr=False)
    authorized_key: str | None = None


@dataclass(frozen=True)
class DeviceSpec:
    """One emulated SRX."""

    name: str
    generation: Generation = Generation.V2
    netconf: Endpoint | None = None
    gdoi: Endpoint | None = None
    floating_port: int | None = None
    push_port: int | None = None
    group_keys: GroupKeys = GroupKeys.DURABLE
    users: tuple[User, ...] = ()
    config: Path | None = None
    state: Path | None = None
    strict: bool = True
    profile: Profile = Profile.RFC6407
    accept_doi: tuple[int, ...] = (2,)
    acknowledgement: Acknowledgement = Acknowledgement.RFC8263
    aggressive: bool = False
    interfaces: dict[str, str] = field(default_factory=dict)
    certificates: dict[str, Credentials] = field(default_factory=dict)
    model: str | None = None
    release: str | None = None
    cluster_node: str | None = None


@dataclass(frozen=True)
class MemberSpec:
    """One reference member. ``server`` is a device's name or ``ADDRESS:PORT``."""

    name: str
    server: Endpoint
    server_name: str
    group: int
    address: str
    psk: str | None = field(repr=False)
    credentials: Credentials | None = None
    identity: str | None = None
    server_identity: str | None = None
    generation: Generation | None = None
    proposals: tuple[tuple[str, str, str], ...] = ()
    profile: Profile = Profile.RFC6407
    port: int = 0
    mode: Mode = Mode.MAIN
    interface: str | None = None
    server_nat_port: int | None = None
    heartbeat_threshold: int = DEFAULT_HEARTBEAT_THRESHOLD
    lifetime: int = DEFAULT_PHASE_1_SECONDS
    recovery_probe: bool = False
    timing: Timing = Timing.JUNOS
    faults: Faults = Faults()


@dataclass(frozen=True)
class Lab:
    """A whole lab file."""

    devices: tuple[DeviceSpec, ...]
    members: tuple[MemberSpec, ...]
    speed: float = 1.0
    known_hosts: Path | None = None


class _Section:
    """One mapping of the file, with error messages that say where."""

    def __init__(self, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise LabError(f"{where}: a mapping is expected")
        self.where = where
        self._left = dict(value)

    def take(self, key: str, convert: Callable[[Any], Any], default: Any = None) -> Any:
        if key not in self._left or self._left[key] is None:
            self._left.pop(key, None)
            return default
        value = self._left.pop(key)
        try:
            return convert(value)
        except LabError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            why = _expected(convert, error)
            raise LabError(f"{self.where}: {key}: {value!r} is not accepted ({why})") from None

    def need(self, key: str, convert: Callable[[Any], Any]) -> Any:
        if self._left.get(key) is None:
            raise LabError(f"{self.where}: {key} is missing")
        return self.take(key, convert)

    def done(self) -> None:
        if self._left:
            raise LabError(f"{self.where}: unknown key {next(iter(self._left))!r}")


def _expected(convert: Callable[[Any], Any], error: Exception) -> str:
    """What is expected, where there is a choice; else what was wrong."""
    if isinstance(convert, type) and issubclass(convert, Enum):
        return f"{' or '.join(str(one.value) for one in convert)} is expected"
    return str(error)


def _address(value: Any) -> str:
    return str(ipaddress.ip_address(str(value)))


def _port(value: Any) -> int:
    number = int(value)
    if not 1 <= number <= 65535:
        raise ValueError("a port is 1 to 65535")
    return number


def _port_or_none(value: Any) -> int | None:
    """``false`` switches it off."""
    return None if value is False else _port(value)


def _positive(value: Any) -> float:
    number = float(value)
    if not 0 < number <= 100_000:
        raise ValueError("a speed is above 0 and at most 100000")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _dois(value: Any) -> tuple[int, ...]:
    numbers = tuple(int(n) for n in value)
    if not numbers or set(numbers) - {1, 2}:
        raise ValueError("[2] or [1, 2]")
    return numbers


def _names(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("a mapping of Junos interface names to host interfaces")
    return {str(name): host for name, host in value.items()}


def _share(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError("a share is 0 to 1")
    return number


def _seconds(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 86400:
        raise ValueError("0 to 86400 seconds")
    return number


def _threshold(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= 10:
        raise ValueError("0 to 10; 0 is off")
    return number


def _phase1_seconds(value: Any) -> int:
    number = int(value)
    if not 180 <= number <= 86400:
        raise ValueError("180 to 86400 seconds")
    return number


def _items(where: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise LabError(f"{where}: a list is expected")
    return value


def read_text(path: Path) -> str:
    """A file of a lab. Raises LabError, also for what would fill the memory."""
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_FILE + 1)
        text = octets.decode()
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise LabError(f"{path}: octet {error.start}: UTF-8 is expected") from None
    if len(octets) > LARGEST_FILE:
        raise LabError(f"{path}: larger than {LARGEST_FILE} octets; is it the right file?")
    return text


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's own, where it is there: ten times faster with a thousand devices."""
_MOST_OPENINGS = 10_000
"""It descends on the system's stack, whose end, at some 25,000 levels, is that of the process."""


def _document(text: str) -> Any:
    """What a text in YAML says. Raises YAMLError.

    A key that is there twice is refused: PyYAML itself keeps the last and drops the others.
    """
    openings = sum(map(text.count, ("[", "{", "- ", "? ")))
    loader = (_LOADER if openings <= _MOST_OPENINGS else yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _insist_on_single_keys(node, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _insist_on_single_keys(node: yaml.Node, seen: set[int]) -> None:
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    keys: set[str] = set()
    for entry in node.value:
        key, value = entry if isinstance(node, yaml.MappingNode) else (None, entry)
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is there twice", problem_mark=key.start_mark
                )
            keys.add(key.value)
        _insist_on_single_keys(value, seen)


def read_lab(path: Path) -> Lab:
    """Read and check a lab file; paths inside are relative to it."""
    try:
        document = _document(read_text(path))
    except yaml.YAMLError as error:
        # PyYAML says what and where on lines of their own.
        raise LabError(f"{path}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise LabError(f"{path}: nested too deep; is it the right file?") from None
    top = _Section(str(path), document)
    base = path.resolve().parent
    devices = [
        _device(f"{path}: devices[{number}]", entry, base)
        for number, entry in enumerate(_items(f"{path}: devices", top.take("devices", lambda v: v)))
    ]
    by_name = {device.name: device for device in devices}
    if len(by_name) != len(devices):
        raise LabError(f"{path}: two devices have the same name")
    members = tuple(
        _member(f"{path}: members[{number}]", entry, by_name, base)
        for number, entry in enumerate(_items(f"{path}: members", top.take("members", lambda v: v)))
    )
    if len({member.name for member in members}) != len(members):
        raise LabError(f"{path}: two members have the same name")
    if not devices and not members:
        raise LabError(f"{path}: devices: there are none, and no members; name at least one")
    clock = _Section(f"{path}: clock", top.take("clock", lambda v: v, {}))
    speed = clock.take("speed", _positive, 1.0)
    known_hosts = top.take("known_hosts", lambda v: base / str(v))
    clock.done()
    top.done()
    return Lab(tuple(devices), members, speed, known_hosts)


def _endpoint(where: str, value: Any, default_port: int) -> Endpoint:
    section = _Section(where, value)
    endpoint = Endpoint(
        section.take("address", _address, "127.0.0.1"), section.take("port", _port, default_port)
    )
    section.done()
    return endpoint


def _device(where: str, entry: Any, base: Path) -> DeviceSpec:
    section = _Section(where, entry)
    gdoi = section.take("gdoi", dict)
    profile, accepted = Profile.RFC6407, (2,)
    floating, push_port, group_keys = None, None, GroupKeys.DURABLE
    acknowledgement, aggressive = Acknowledgement.RFC8263, False
    if gdoi is not None:
        key_plane = _Section(f"{where}: gdoi", gdoi)
        aggressive = key_plane.take("aggressive", _flag, aggressive)
        profile = key_plane.take("profile", Profile, profile)
        if profile is Profile.CISCO_REFERENCE:
            # That implementation knows no acknowledgement; its members would be dropped as silent.
            acknowledgement = Acknowledgement.NONE
        acknowledgement = key_plane.take("acknowledgement", Acknowledgement, acknowledgement)
        accepted = key_plane.take("accept_doi", _dois, accepted)
        host, port = (
            key_plane.take("address", _address, "127.0.0.1"),
            key_plane.take("port", _port, _GDOI),
        )
        floating = key_plane.take("nat_port", _port_or_none, _FLOATING if port == _GDOI else None)
        push_port = key_plane.take("push_port", _port)
        group_keys = key_plane.take("group_keys", GroupKeys, group_keys)
        if len({port, floating, push_port} - {None}) < 3 - [floating, push_port].count(None):
            raise LabError(f"{where}: gdoi: port, nat_port and push_port must differ")
        key_plane.done()
        gdoi = Endpoint(host, port)
    spec = DeviceSpec(
        name=section.need("name", str),
        generation=section.take("generation", Generation, Generation.V2),
        netconf=section.take("netconf", lambda v: _endpoint(f"{where}: netconf", v, 830)),
        gdoi=gdoi,
        floating_port=floating,
        push_port=push_port,
        group_keys=group_keys,
        users=tuple(
            _user(f"{where}: users[{n}]", user)
            for n, user in enumerate(_items(f"{where}: users", section.take("users", lambda v: v)))
        ),
        config=section.take("config", lambda v: base / str(v)),
        state=section.take("state", lambda v: base / str(v)),
        strict=section.take("strict", _flag, True),
        profile=profile,
        accept_doi=accepted,
        acknowledgement=acknowledgement,
        aggressive=aggressive,
        interfaces=section.take("interfaces", _names, {}),
        certificates=_certificates(where, section, base),
        model=section.take("model", str),
        release=section.take("release", str),
        cluster_node=section.take("cluster_node", str),
    )
    section.done()
    return spec


def _user(where: str, entry: Any) -> User:
    section = _Section(where, entry)
    user = User(
        section.need("name", str),
        section.take("password", str),
        section.take("authorized_key", str),
    )
    section.done()
    if user.password is None and user.authorized_key is None:
        raise LabError(f"{where}: password or authorized_key is missing")
    return user


def _proposal(value: Any) -> tuple[str, str, str]:
    section = _Section("proposal", value)
    encryption = section.need("encryption_algorithm", str)
    authentication = section.need("authentication_algorithm", str)
    group = section.need("dh_group", str)
    section.done()
    return encryption, authentication, group


def _member(where: str, entry: Any, devices: dict[str, DeviceSpec], base: Path) -> MemberSpec:
    section = _Section(where, entry)
    server_name = section.need("server", str)
    device = devices.get(server_name)
    if device is not None and device.gdoi is not None:
        server = device.gdoi
    else:
        host, _, port = server_name.rpartition(":")
        try:
            server = Endpoint(_address(host), _port(port))
        except ValueError:
            raise LabError(
                f"{where}: server: {server_name!r}: "
                "a device with gdoi, or ADDRESS:PORT, is expected"
            ) from None
    spec = MemberSpec(
        name=section.need("name", str),
        server=server,
        server_name=server_name,
        group=section.need("group", int),
        address=section.take("address", _address, "127.0.0.1"),
        psk=section.take("psk", str),
        credentials=_own_certificate(where, section, base),
        identity=section.take("identity", str),
        server_identity=section.take("server_identity", str),
        generation=section.take("generation", Generation, device.generation if device else None),
        proposals=section.take("proposals", lambda v: tuple(_proposal(p) for p in v), ()),
        profile=section.take("profile", Profile, device.profile if device else Profile.RFC6407),
        port=section.take("port", _port, 0),
        mode=section.take("mode", Mode, Mode.MAIN),
        interface=section.take("interface", str),
        server_nat_port=_nat_port(device, server),
        heartbeat_threshold=section.take(
            "heartbeat_threshold", _threshold, DEFAULT_HEARTBEAT_THRESHOLD
        ),
        lifetime=section.take("lifetime_seconds", _phase1_seconds, DEFAULT_PHASE_1_SECONDS),
        recovery_probe=section.take("recovery_probe", _flag, False),
        timing=section.take("timing", Timing, Timing.JUNOS),
        faults=section.take("faults", lambda v: _faults(f"{where}: faults", v), Faults()),
    )
    section.done()
    if spec.psk is None and spec.credentials is None:
        raise LabError(f"{where}: psk or certificate is missing")
    return spec


def _nat_port(device: DeviceSpec | None, server: Endpoint) -> int | None:
    """Where a server of this lab, or another, takes those behind a translator."""
    if device is not None:
        return device.floating_port
    return _FLOATING if server.port == _GDOI else None


def _authorities(section: _Section, base: Path) -> tuple[x509.Certificate, ...]:
    files = section.take("trusted_ca", lambda v: [base / str(one) for one in v], [])
    return tuple(authority for file in files for authority in _pem_certificates(file))


def _pem_certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LabError(f"{path}: PEM certificates are expected ({error})") from None


def _pem_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise LabError(
            f"{path}: a PEM private key without a passphrase is expected ({error})"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise LabError(f"{path}: an RSA key is expected")
    return key


def _credentials(
    where: str, certificate: Path, key: Path, trusted: tuple[x509.Certificate, ...]
) -> Credentials:
    chain, private = tuple(_pem_certificates(certificate)), _pem_key(key)
    if chain[0].public_key() != private.public_key():
        raise LabError(f"{where}: {key} is not the key of {certificate}")
    return Credentials(private, chain, trusted)


def _certificates(where: str, section: _Section, base: Path) -> dict[str, Credentials]:
    """A device's local certificates by name."""
    trusted = _authorities(section, base)
    found = {}
    for name, entry in section.take("certificates", dict, {}).items():
        inner = f"{where}: certificates: {name}"
        files = _Section(inner, entry)
        certificate, key = (
            base / str(files.need(kind, str)) for kind in ("certificate", "private_key")
        )
        files.done()
        found[str(name)] = _credentials(inner, certificate, key, trusted)
    return found


def _own_certificate(where: str, section: _Section, base: Path) -> Credentials | None:
    """A member's certificate."""
    trusted = _authorities(section, base)
    certificate = section.take("certificate", str)
    if certificate is None:
        return None
    return _credentials(where, base / certificate, base / section.need("private_key", str), trusted)


def _faults(where: str, value: Any) -> Faults:
    section = _Section(where, value)
    faults = Faults(
        section.take("drop", _share, 0.0),
        section.take("duplicate", _share, 0.0),
        section.take("reorder", _share, 0.0),
        section.take("delay", _seconds, 0.0),
        section.take("stop_after", _seconds),
    )
    section.done()
    return faults
