# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``member`` against the emulated SRX in one process: the prediction comes true."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine import views
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.apply import apply
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.plan import State
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.request import (
    Request,
    wanted_tree,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.shape import as_config
from ansible_collections.groupvpn.junos.plugins.plugin_utils.engine.values import Generation
from ansible_collections.groupvpn.junos.plugins.plugin_utils.errors import DeviceError, Refused
from ansible_collections.groupvpn.junos.plugins.plugin_utils.resources.member import RESOURCE
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from keyserver.config.junos_schema import Generation as EmulatedGeneration
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device, read_initial
from tests.keyserver.wire import NOW, Wire, unkept
from tests.unit.tables import FEW_NAMES, trees
from tests.unit.test_member import example

# Somebody else's policies stand where the generated ones go, too.
AROUND = """
system { host-name gm-1; }
interfaces { ge-0/0/1 { unit 0 { family inet { address 198.51.100.1/24; } } } }
security {
    policies {
        from-zone a to-zone b-1 {
            policy web {
                match { source-address any; destination-address any; application any; }
                then { permit; }
            }
        }
        default-policy { deny-all; }
    }
    zones {
        security-zone a;
        security-zone b-1;
        security-zone LAN;
        security-zone WAN { interfaces { ge-0/0/1.0; } }
    }
}
"""


def device(generation):
    spec = DeviceSpec("gm-1", EmulatedGeneration(generation))
    return Device(spec, read_initial(spec, AROUND), NOW)


def run(rpc, state, config, **more):
    want = wanted_tree(RESOURCE, config, None)
    return apply(rpc, Request(RESOURCE, want, State(state), **more))


def members(generation):
    """Configurations of whole members."""
    drawn = trees(RESOURCE.root, generation, FEW_NAMES)
    return drawn.map(lambda tree: with_keys(as_config(RESOURCE, tree))).filter(bool)


def with_keys(config):
    """What the device asks of every policy: a key, and some proposal."""
    ike = config.get("ike", {})
    for policy in ike.get("policies", ()):
        policy["pre_shared_key"] = "made-up-key-1"
        policy.setdefault("proposals", [one["name"] for one in ike.get("proposals", ())])
    for proposal in ike.get("proposals", ()):
        proposal.setdefault("encryption_algorithm", "aes-256-cbc")
    return config


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_one_commit_builds_a_member_and_a_second_run_is_one_rpc(generation):
    target = device(generation)
    wire = Wire(target)
    config = example(generation)
    built = run(wire, "merged", config, diff=True)
    assert wire.names.count("commit-configuration") == 1
    wire.names.clear()
    assert not run(wire, "overridden", config)["changed"]
    assert wire.names == ["get-configuration"]
    gathered = views.gather(RESOURCE, wire)["gathered"]
    assert gathered == built["after"]
    assert not run(wire, "overridden", gathered)["changed"]
    run(wire, "deleted", None, everything=True)
    left = target.database.committed["security"]
    assert left == device(generation).database.committed["security"]


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(
    generation=st.sampled_from(["v1", "v2"]),
    state=st.sampled_from(["merged", "replaced", "overridden", "deleted"]),
    data=st.data(),
)
def test_what_is_predicted_for_a_whole_member_is_what_the_device_does(generation, state, data):
    target = device(generation)
    wire = Wire(target)
    for state_now in ("overridden", state):
        config = data.draw(members(Generation(generation)))
        try:
            predicted = run(wire, state_now, config, check=True)
        except Refused:
            continue
        old = target.database.committed
        try:
            done = run(wire, state_now, config, diff=True)
        except DeviceError as error:
            # What the device's own constraints refuse is left as it was.
            event(str(error))
            assert target.database.committed is old
            continue
        event("done")
        assert done["diff_text"] == predicted["diff_text"]
        assert predicted["after"] == done["after"]
        assert views.gather(RESOURCE, wire)["gathered"] == done["after"]
        assert unkept(wire, done) == []
        assert not run(wire, state_now, config)["changed"]
        web = target.database.committed["security"]["policies"]["policy"]
        assert any("web" in pair["policy"] for pair in web.values())
