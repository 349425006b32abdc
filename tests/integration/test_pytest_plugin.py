# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pytest plugin, as somebody else's test suite uses it: real clients against its devices."""

from __future__ import annotations

import re
import textwrap

import pytest

from tests.lab import PSK, ROOT, LabDirectory, hub_config

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run test code as a suite of its own; its result."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(code: str, *options: str):
        pytester.makepyfile("from ncclient import manager\n\n" + textwrap.dedent(code))
        plugin = ("-p", "keyserver.pytest_plugin", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess(*plugin, "--strict-markers", *options, timeout=60)

    return run


def test_a_client_configures_the_device_and_the_test_sees_what_was_committed(suite):
    done = suite(
        """
        def test_it(srx):
            with manager.connect(**srx.ncclient()) as session:
                session.load_configuration(action="set", config=["set system host-name edge-7"])
                session.commit()
            assert "set system host-name edge-7" in srx.configuration("set")
            assert "host-name edge-7;" in srx.configuration()
        """
    )
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize("page", ["docs/reference-key-server.md", "keyserver/README.md"])
def test_the_examples_of_the_documents_pass(suite, page):
    examples = "".join(re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL))
    # As it is called where it is installed.
    code = examples.replace("groupvpn_keyserver.", "keyserver.")
    suite(code).assert_outcomes(passed=code.count("def test_"))


def test_two_labs_of_one_file_run_at_once_in_directories_that_are_not_there_yet(suite, pytester):
    lab = LabDirectory(pytester.path)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {}))
    lab.write()
    done = suite(
        """
        from keyserver.testing import running_lab

        def test_it():
            with running_lab("lab.yml", "one") as one, running_lab("lab.yml", "a/b") as other:
                assert one["hub-1"].port != other["hub-1"].port
                for lab in (one, other):
                    with manager.connect(**lab["hub-1"].ncclient()) as session:
                        assert session.connected
        """
    )
    done.assert_outcomes(passed=1)


def test_every_test_has_a_device_of_its_own(suite):
    done = suite(
        """
        import pytest

        @pytest.mark.parametrize("name", ["first", "second"])
        def test_it(srx, name):
            assert "host-name srx;" in srx.configuration()
            with manager.connect(**srx.ncclient()) as session:
                session.load_configuration(action="set", config=[f"set system host-name {name}"])
                session.commit()
        """
    )
    done.assert_outcomes(passed=2)


def test_a_marker_says_how_the_device_begins(suite):
    done = suite(
        """
        import pytest

        @pytest.mark.srx(
            config="system { host-name old; }", generation="v1", release="12.3X48-D105"
        )
        def test_it(srx):
            with manager.connect(**srx.ncclient()) as session:
                answer = str(session.command("show version", format="xml"))
            assert "12.3X48-D105" in answer
            assert "<host-name>old</host-name>" in answer
        """
    )
    done.assert_outcomes(passed=1)


def test_several_devices_each_with_a_known_hosts_file(suite):
    done = suite(
        """
        import subprocess

        def test_it(srx_factory):
            one, other = srx_factory("one"), srx_factory("other")
            assert one.port != other.port
            for device in (one, other):
                scan = ["ssh-keyscan", "-p", str(device.port), "-t", "ed25519,ecdsa", device.host]
                found = subprocess.run(scan, capture_output=True, text=True).stdout.splitlines()
                assert set(device.known_hosts.read_text().splitlines()) <= set(found)
                assert f"[{device.host}]:{device.port} ecdsa" in "".join(found)
        """
    )
    done.assert_outcomes(passed=1)


def test_a_lab_file_is_served_with_its_members_and_left_as_it_was(suite, pytester):
    lab = LabDirectory(pytester.path)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    lab.add_member("gm-1", "hub-1", "127.0.1.1")
    lab.write()
    done = suite(
        """
        import pytest
        from ncclient.xml_ import new_ele

        @pytest.mark.srx_lab("lab.yml")
        def test_it(srx_lab):
            srx_lab.start_members()
            with manager.connect(**srx_lab["hub-1"].ncclient()) as session:
                question = new_ele("get-security-group-vpn-server-registered-members")
                assert "127.0.1.1" in str(session.rpc(question))
        """
    )
    done.assert_outcomes(passed=1)
    assert not (pytester.path / "state").exists()


def test_members_that_do_not_register_are_named(suite, pytester):
    lab = LabDirectory(pytester.path)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    lab.add_member("gm-1", "hub-1", "127.0.1.1", psk="not " + PSK)
    lab.write()
    done = suite(
        """
        import pytest

        @pytest.mark.srx_lab("lab.yml")
        def test_it(srx_lab):
            srx_lab.start_members(seconds=1)
        """
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*TimeoutError: not registered after 1 s: gm-1; compare their psk*"])


def test_what_cannot_be_had_is_an_error_that_says_why(suite, pytester):
    lab = LabDirectory(pytester.path)
    lab.add_device("hub-1", "v2", "system { host-name hub-1; }")
    lab.write()
    done = suite(
        """
        from pathlib import Path

        import pytest

        def test_no_file(srx_lab): pass

        @pytest.mark.srx_lab("nowhere.yml")
        def test_no_such_file(srx_lab): pass

        @pytest.mark.srx(generation="v3")
        def test_no_such_generation(srx): pass

        @pytest.mark.srx(config="set sistem x")
        def test_no_such_statement(srx): pass

        @pytest.mark.srx(colour="red")
        def test_no_such_option(srx): pass

        @pytest.mark.srx("system { host-name edge-7; }")
        def test_nothing_that_is_named(srx): pass

        def test_no_such_form(srx):
            srx.configuration("xml")

        @pytest.mark.srx_lab("lab.yml")
        def test_no_such_device(srx_lab):
            srx_lab["hub-2"]

        def test_no_name_of_a_host(srx_factory):
            srx_factory("../edge")

        @pytest.mark.srx_lab(5)
        def test_no_name_of_a_file(srx_lab): pass

        @pytest.mark.srx(config=b"set system host-name a")
        def test_no_text(srx): pass

        @pytest.mark.srx(user=None)
        def test_nobody(srx): pass

        @pytest.mark.srx(user="")
        def test_without_a_name(srx): pass

        @pytest.mark.srx(config="edge.conf")
        def test_a_file_as_text(srx): pass

        @pytest.mark.srx(config=Path("edge.conf"))
        def test_no_file_beside_the_test(srx): pass

        @pytest.mark.srx(config='{"configuration":{"system":{"host-name":"edge-7"}}}')
        def test_one_word_of_json(srx):
            assert "host-name edge-7;" in srx.configuration()

        @pytest.mark.srx_lab(file="lab.yml")
        def test_by_the_name_that_markers_shows(srx_lab):
            assert list(srx_lab.devices) == ['hub-1']
        """
    )
    done.assert_outcomes(errors=12, failed=3, passed=2)
    for told in (
        "*name the lab file*",
        "*nowhere.yml: No such file*",
        "*generation 'v3': v1 or v2 is expected*",
        "*sistem*",
        "*colour*",
        "*srx: 'system { host-name edge-7; }': say what it is: config=...*",
        "*form 'xml': text or set is expected*",
        "*hub-2: devices of this lab with a login: hub-1*",
        "*Must be a string of alphanumericals, dashes or underscores (host-name)*",
        "*LabError: config: b'set system host-name a': text, or the path of a file, is expected",
        "*LabError: user: None: text is expected",
        "*LabError: user: '': text is expected",
        "*LabError: config: 'edge.conf': statements are expected; *given as Path('edge.conf')",
        f"*LabError: {pytester.path}/edge.conf: No such file or directory",
    ):
        done.stdout.fnmatch_lines([told])
    # Why is told where it is asked for, without the way there.
    done.stdout.no_fnmatch_line("*background.py*")


def test_no_thread_and_no_socket_is_left(suite, pytester):
    """Also where members were asked for twice, and where a client has not hung up."""
    lab = LabDirectory(pytester.path)
    lab.add_device("hub-1", "v2", hub_config("hub-1", "v2", {"gm-1": "127.0.1.1"}))
    lab.add_member("gm-1", "hub-1", "127.0.1.1")
    lab.write()
    done = suite(
        """
        import gc, socket, threading

        import pytest

        left = []

        @pytest.mark.srx_lab("lab.yml")
        def test_it(srx_lab):
            srx_lab.start_members()
            srx_lab.start_members()
            hub = srx_lab["hub-1"]
            session = manager.connect(**hub.ncclient())
            # A client that says nothing more, not even that it goes.
            left.append(socket.create_connection((hub.host, hub.port)))
            session.close_session()

        def test_after():
            assert [t.name for t in threading.enumerate() if t.name == "lab"] == []
            gc.collect()
            left[0].settimeout(10)
            with left[0] as heard:
                while heard.recv(100):
                    pass
        """,
        "-W",
        "error",
    )
    done.assert_outcomes(passed=2)


def test_a_run_without_these_fixtures_does_not_pay_for_them(suite):
    done = suite(
        """
        import sys

        def test_it():
            assert "asyncssh" not in sys.modules
            assert "keyserver.edge" not in sys.modules
        """
    )
    done.assert_outcomes(passed=1)
