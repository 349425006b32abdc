# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables inside a description that cannot be had are named by where they stand."""

from __future__ import annotations

import pickle

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.groupvpn.junos.plugins.action.rendered import rendered, unread
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.contradictions import refusals
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read

from tests.unit.descriptions import group_of, hosts_of

WHOLE = "{{ group_vpn_groups }}"


def _refused(groups, **variables):
    value = trust_as_template(groups) if isinstance(groups, str) else groups
    templar = Templar(
        loader=DataLoader(), variables={"group_vpn_groups": value, **variables, "seconds": 3600}
    )
    wrong = []
    # As a worker's answer takes it back to the main process.
    found = pickle.loads(pickle.dumps(rendered(trust_as_template(WHOLE), templar)))
    given = unread(found, wrong)
    return refusals(read(given, hosts_of(), wrong)) if wrong else given


def _template(name):
    return trust_as_template(f"{{{{ {name} }}}}")


OTHER = {"name": "legacy-1", "address": "198.51.100.9", "pre_shared_key": _template("vault_1")}


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"unmanaged_members": [OTHER]}, "unmanaged_members[legacy-1].pre_shared_key"),
        ({"group_id": _template("vault_1")}, "group_id"),
        ({"members": ["site-1", "site-2", _template("vault_1")]}, "members[2]"),
        ({"members": [_template("vault_1")]}, "members[0]"),
        ({"match_policies": _template("vault_1")}, "match_policies"),
        ({"ipsec_proposal": {"lifetime_seconds": _template("vault_1")}}, None),
    ],
)
def test_one_that_is_not_defined_is_one_line_with_its_place(more, where):
    where = where or "ipsec_proposal.lifetime_seconds"
    (line,) = _refused([group_of(**more)])
    assert line.startswith(f"description: group_vpn_groups[{group_of()['name']}].{where}: ")
    assert line.endswith("'vault_1' is undefined; define what it refers to")


def test_a_group_whose_name_is_not_defined_is_called_by_its_place():
    (line,) = _refused([group_of(name=_template("vault_1"))])
    assert line.startswith("description: group_vpn_groups[0].name: 'vault_1' is undefined")


def test_what_stands_in_another_variable_is_found_there():
    part = [group_of(group_id=_template("first"), members=_template("second"))]
    lines = _refused(WHOLE.replace("group_vpn_groups", "elsewhere"), elsewhere=part)
    assert [line.partition(": ")[2].partition(";")[0] for line in lines] == [
        f"group_vpn_groups[{group_of()['name']}].group_id: 'first' is undefined",
        f"group_vpn_groups[{group_of()['name']}].members: 'second' is undefined",
    ]


def test_a_whole_description_that_cannot_be_had_is_one_line():
    for value in ("{{ nobody }}", "{{ nobody + [] }}", "{{ group_vpn_groups }}"):
        (line,) = _refused(value)
        assert line.startswith("description: group_vpn_groups: ")
    (line,) = _refused([_template("nobody")])
    assert line.startswith("description: group_vpn_groups[0]: 'nobody' is undefined")


def test_a_description_that_nobody_has_given_is_asked_for():
    wrong = []
    templar = Templar(loader=DataLoader(), variables={})
    assert unread(rendered(trust_as_template(WHOLE), templar), wrong) is None
    (line,) = refusals(read(None, hosts_of(), wrong))
    assert line.startswith(
        "description: group_vpn_groups: 'group_vpn_groups' is undefined; give it to the play, "
    )


def test_what_cannot_be_had_for_another_reason_repeats_no_value():
    (line,) = _refused([group_of(group_id=trust_as_template("{{ 'made-up-secret' | nothing }}"))])
    assert "its value can be neither rendered nor decrypted" in line
    assert "made-up-secret" not in line


def test_what_can_be_had_is_what_ansible_makes_of_it():
    found = _refused([group_of(group_id=_template("seconds"))])
    assert found == [group_of(group_id=3600)]
