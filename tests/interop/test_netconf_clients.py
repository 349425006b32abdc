# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NETCONF clients that know nothing of Junos, unmodified: everything that they can ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import PASSWORD, ROOT, USER, LabDirectory, hub_config

SYSTEM = "<configuration><system>{}</system></configuration>"
CHANGE = SYSTEM.format("<domain-name>example.com</domain-name>")
WRONG = SYSTEM.format("<frob/>")
RFC = ("set system services netconf rfc-compliant", "set system services netconf version-1.1")


@pytest.fixture(params=["1.0", "1.1"])
def base(request) -> str:
    """Of the framing: Junos' default, and what it offers when it is told to."""
    return str(request.param)


@pytest.fixture
def port(lab: LabDirectory, base: str) -> Iterator[int]:
    """A device that speaks that base version."""
    extra = RFC if base == "1.1" else ()
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}, extra=extra))
    process = lab.serve()
    yield lab.port("hub-1")
    process.stop()


@pytest.mark.parametrize("transport", ["bin", "ssh2"])
def test_scrapli_2_does_its_whole_work(port, base, transport):
    """Once of three times: on a busy machine this release takes the echo of its request for the
    reply (bin), or sees none for ten seconds (ssh2)."""
    pytest.importorskip("scrapli.netconf", reason="scrapli 2 is not installed")
    for more in (True, True, False):
        try:
            _scrapli_2s_work(port, base, transport)
            break
        except Exception as failure:
            if not (more and any(word in str(failure) for word in _SCRAPLI_2S_OWN)):
                raise


# It gave up waiting; or what it gives as the reply is the request.
_SCRAPLI_2S_OWN = ("operation timeout exceeded", "in '<rpc xmlns")


def _scrapli_2s_work(port: int, base: str, transport: str) -> None:
    netconf = pytest.importorskip("scrapli.netconf")
    auth, transports = (pytest.importorskip(f"scrapli.{name}") for name in ("auth", "transport"))
    ways = {"bin": transports.BinOptions, "ssh2": transports.Ssh2Options}
    client = netconf.Netconf(
        "127.0.0.1",
        port=port,
        auth_options=auth.Options(username=USER, password=PASSWORD),
        transport_options=ways[transport](),
        # The session ends below. Its own end would ask for the end again, on a channel that is
        # closed: with libssh2 it then waits ten seconds for an answer, one time in forty.
        options=netconf.Options(close_force=True),
    )
    candidate = netconf.DatastoreType.CANDIDATE
    with client:
        assert client.session_id > 0
        assert f"urn:ietf:params:netconf:base:{base}" in client.get_capabilities()
        read = client.get_config(filter_=SYSTEM.format("<host-name/>"))
        assert "hub-1</host-name>" in read.result
        assert "group-vpn" not in read.result
        assert "group-vpn" in client.get().result
        for step in (
            lambda: client.lock(target=candidate),
            lambda: client.edit_config(
                config=CHANGE,
                target=candidate,
                default_operation=netconf.DefaultOperation.MERGE,
                test_option=netconf.TestOption.TEST_THEN_SET,
                error_option=netconf.ErrorOption.ROLLBACK_ON_ERROR,
            ),
            lambda: client.validate(source=candidate),
            client.commit,
            lambda: client.delete_config(target=candidate),
            lambda: client.copy_config(source=netconf.DatastoreType.RUNNING, target=candidate),
            client.discard,
            lambda: client.unlock(target=candidate),
        ):
            done = step()
            assert not done.failed, done.rpc_errors
            assert "ok/>" in done.result
        assert "example.com" in client.get_config().result
        assert "frob" in client.edit_config(config=WRONG, target=candidate).rpc_errors
        raw = client.raw_rpc(payload='<command format="text">show version</command>')
        assert "Hostname: hub-1" in raw.result
        for refused in (
            client.cancel_commit,
            lambda: client.get_schema(identifier="ietf-netconf"),
            client.get_data,
            lambda: client.kill_session(session_id=1),
        ):
            assert refused().failed
        assert not client.close_session().failed


# Not into our own environment: version 1 of scrapli has another package of the same name.
_SCRAPLI_1 = ROOT / "build" / "venv-scrapli-1" / "bin" / "python"
_SCRAPLI_1_WORK = """
import json, sys
from scrapli_netconf.driver import NetconfDriver
port, transport, change, wrong = int(sys.argv[1]), *sys.argv[2:5]
client = NetconfDriver(
    "127.0.0.1", port=port, auth_username=sys.argv[5], auth_password=sys.argv[6],
    auth_strict_key=False, transport=transport,
)
client.open()
config = f"<config>{change}</config>"
answers = {
    "version": client.netconf_version.value,
    "stores": client.writeable_datastores,
    "read": client.get_config(filter_="<configuration><system/></configuration>").result,
    "get": client.get("<configuration><system/></configuration>").result,
    "lock": client.lock("candidate").result,
    "edit": client.edit_config(config, target="candidate").result,
    "validate": client.validate("candidate").result,
    "commit": client.commit().result,
    "confirmed": client.commit(confirmed=True, timeout=600).result,
    "confirming": client.commit().result,
    "wrong": client.edit_config(f"<config>{wrong}</config>", target="candidate").result,
    "delete": client.delete_config("candidate").result,
    "copy": client.copy_config("running", "candidate").result,
    "discard": client.discard().result,
    "unlock": client.unlock("candidate").result,
    "rpc": client.rpc("<get-software-information/>").result,
    "after": client.get_config().result,
}
client.close()
print(json.dumps(answers))
"""


@pytest.mark.skipif(not _SCRAPLI_1.exists(), reason="make clients installs scrapli 1")
@pytest.mark.parametrize("transport", ["system", "paramiko"])
def test_scrapli_1_does_its_whole_work(port, base, transport):
    done = subprocess.run(
        [_SCRAPLI_1, "-c", _SCRAPLI_1_WORK, str(port), transport, CHANGE, WRONG, USER, PASSWORD],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    assert answers["version"] == base
    assert answers["stores"] == ["candidate"]
    for name in ("read", "get", "rpc"):
        assert "hub-1</host-name>" in answers[name]
    accepted = "lock edit validate commit confirmed confirming delete copy discard unlock"
    for name in accepted.split():
        assert "ok/>" in answers[name], (name, answers[name])
        assert "rpc-error" not in answers[name]
    assert "frob" in answers["wrong"]
    assert "example.com" in answers["after"]


# ncclient reads in one thread and writes in another, on one libssh session that is made for one:
# one in sixteen of its processes waits for a reply that its writing thread took. Its descriptors
# are closed twice, too: in our process, somebody else's.
_LIBSSH = ROOT / "build" / "venv-libssh" / "bin" / "python"
_LIBSSH_WORK = """
import json, os, sys
from lxml import etree
from ncclient import manager
from ncclient.operations import RPCError
client = manager.connect(
    timeout=10, host="127.0.0.1", port=int(sys.argv[1]), username=sys.argv[4], password=sys.argv[5],
    device_params={"name": "junos"}, hostkey_verify=False, allow_agent=False, use_libssh=True,
)

def load(config):
    (part,) = etree.fromstring(config)
    return client.load_configuration(format="xml", config=part)

def refusal(config):
    try:
        return load(config)
    except RPCError as error:
        return error.message

lines = "\\n".join(f"set groups g{n} system login message {'x' * 200}" for n in range(2000))
answers = {
    "lock": client.lock(),
    "xml": load(sys.argv[2]),
    "text": client.load_configuration(format="text", config="system { time-zone UTC; }"),
    "set": client.load_configuration(action="set", config=lines),
    "difference": client.compare_configuration(),
    "validate": client.validate(),
    "commit": client.commit(comment="over libssh"),
    "wrong": refusal(sys.argv[3]),
    "discard": client.discard_changes(),
    "unlock": client.unlock(),
    "shown": client.get_configuration(format="set"),
    "version": client.command("show version", format="text"),
    "large": client.get_configuration(format="xml"),
}
print(json.dumps({name: str(answer) for name, answer in answers.items()}), flush=True)
os._exit(0)  # Its end may wait for ever.
"""


def by_libssh(port: int) -> dict[str, str]:
    """The answers of the first of five processes that missed none."""
    for attempt in range(5):
        change = SYSTEM.format(f"<domain-name>try-{attempt}.example.com</domain-name>")
        done = subprocess.run(
            [_LIBSSH, "-c", _LIBSSH_WORK, str(port), change, WRONG, USER, PASSWORD],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
        assert "TimeoutExpiredError" in done.stderr, done.stderr[-3000:]
    raise AssertionError(f"a reply is missing each time: {done.stderr[-3000:]}")


@pytest.mark.skipif(not _LIBSSH.exists(), reason="make clients installs ncclient with libssh")
def test_ncclient_over_libssh_does_its_whole_work(port):
    answers = by_libssh(port)
    for name in ("lock", "xml", "text", "set", "validate", "commit", "discard", "unlock"):
        assert "ok/>" in answers[name], (name, answers[name])
    assert ".example.com;" in answers["difference"]
    assert answers["wrong"] == "syntax error"
    assert "set system time-zone UTC" in answers["shown"]
    assert "Hostname: hub-1" in answers["version"]
    assert answers["large"].count("x" * 200) == 2000


@pytest.mark.parametrize("base", ["1.1"], indirect=True)
def test_netconf_client_does_its_whole_work(port, base):
    connect = pytest.importorskip("netconf_client.connect", reason="netconf-client is not there")
    ncclient = pytest.importorskip("netconf_client.ncclient")
    errors = pytest.importorskip("netconf_client.error")
    session = connect.connect_ssh("127.0.0.1", port, USER, PASSWORD)
    with ncclient.Manager(session, timeout=30) as manager:
        wanted = f"<filter>{SYSTEM.format('<host-name/>')}</filter>"
        assert b"hub-1</host-name>" in manager.get_config(filter=wanted).data_xml
        assert b"group-vpn" in manager.get().data_xml
        manager.lock("candidate")
        manager.edit_config(
            f"<config>{CHANGE}</config>",
            target="candidate",
            default_operation="merge",
            test_option="test-then-set",
            error_option="rollback-on-error",
        )
        manager.validate("candidate")
        manager.commit(confirmed=True, confirm_timeout=600)
        manager.commit()
        manager.delete_config("candidate")
        manager.copy_config("candidate", "running")
        manager.discard_changes()
        manager.unlock("candidate")
        assert b"example.com" in manager.get_config().data_xml
        with pytest.raises(errors.RpcError, match="syntax error"):
            manager.edit_config(f"<config>{WRONG}</config>", target="candidate")
        for refused in (
            lambda: manager.commit(confirmed=True, persist="token"),
            manager.cancel_commit,
            lambda: manager.kill_session(1),
            manager.create_subscription,
        ):
            with pytest.raises(errors.RpcError):
                refused()
        manager.close_session()


def console(port: int, version: str, *commands: str, text: str = "") -> str:
    """What netconf-console2 prints."""
    pytest.importorskip("netconf_console", reason="netconf-console2 is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from netconf_console.ncc import main; import sys; sys.exit(main())",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--user={USER}",
            f"--password={PASSWORD}",
            f"--version={version}",
            *commands,
        ],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stdout


def test_netconf_console_does_its_whole_work(port, base, tmp_path):
    change = tmp_path / "change.xml"
    change.write_text(CHANGE)
    read = tmp_path / "rpc.xml"
    read.write_text("<get-software-information/>")
    assert f"base:{base}" in console(port, base, "--hello")
    assert "hub-1</host-name>" in console(port, base, "--get-config")
    assert "group-vpn" in console(port, base, "--get")
    edited = console(
        port,
        base,
        "--db=candidate",
        "--lock",
        f"--edit-config={change}",
        "--validate=candidate",
        "--commit",
        "--discard-changes",
        "--unlock",
    )
    assert "rpc-error" not in edited
    assert "example.com" in console(port, base, "--get-config")
    assert "hub-1</host-name>" in console(port, base, f"--rpc={read}")
