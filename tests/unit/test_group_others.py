# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Members that Ansible does not reach: what two lists of a server prove of them."""

from __future__ import annotations

import pytest
from ansible_collections.groupvpn.junos.plugins.plugin_utils.audit.expectations import (
    read_expected,
)
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.expected import registrations
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.reading import read
from ansible_collections.groupvpn.junos.plugins.plugin_utils.group.running.others import (
    Start,
    unverified,
)

from tests.unit.descriptions import group_of, hosts_of

OTHER = {"name": "other", "address": "203.0.113.9", "pre_shared_key": "made-up-key-of-other"}
EARLY, COMMIT, LATE = (f"2026-01-02 10:00:{second} UTC" for second in ("00", "05", "09"))
SILENT = "listed in BRANCHES, but not heard of in this run"


def listed(heard, **counted):
    """A list that has the member, heard of at that time; ``None`` for a list without it."""
    one = {"gateway": "other", "address": "203.0.113.9", "last_update": heard, **counted}
    return {"BRANCHES": [one] if heard else []}


def counted(sent, acknowledged=None):
    """A list that counts rekeys to the member, of which it has acknowledged all or some."""
    done = sent if acknowledged is None else acknowledged
    return listed(EARLY, push_sent=sent, push_acknowledged=done, push_unacknowledged=0)


@pytest.mark.parametrize(
    ("start", "now", "why"),
    [
        pytest.param(Start(listed(EARLY)), listed(LATE), None, id="nothing was changed"),
        pytest.param(Start(listed(EARLY)), listed(EARLY), SILENT, id="listed as before"),
        pytest.param(Start(listed(EARLY), COMMIT, listed(EARLY)), listed(LATE), None, id="later"),
        pytest.param(
            Start(listed(EARLY), COMMIT, listed(EARLY)),
            listed(COMMIT),
            None,
            id="in the second of the commit, and not yet in the list just after it",
        ),
        pytest.param(
            Start(listed(EARLY), COMMIT, listed(None)),
            listed(COMMIT),
            None,
            id="in the second of the commit, and in no list just after it",
        ),
        pytest.param(
            Start(listed(EARLY), COMMIT, listed(COMMIT)),
            listed(COMMIT),
            SILENT,
            id="in the second of the commit, before it or after",
        ),
        pytest.param(
            Start(listed(None), "", listed("soon")),
            listed("soon"),
            SILENT,
            id="at a time that nobody understands",
        ),
        pytest.param(
            Start(listed(EARLY), "", listed(LATE)),
            listed(LATE),
            SILENT,
            id="registered before a commit of which the device does not tell when it was",
        ),
        pytest.param(
            Start(listed(EARLY), "", listed(EARLY)),
            listed(LATE),
            None,
            id="registered behind a commit of which the device does not tell when it was",
        ),
        pytest.param(
            Start(listed(EARLY), ""),
            listed(LATE),
            SILENT,
            id="registered before the commit or after it, where nobody could look in between",
        ),
        pytest.param(
            Start(counted(1), COMMIT, counted(2)), counted(2), None, id="acknowledged the change"
        ),
        pytest.param(
            Start(counted(1), COMMIT, counted(3, 2)),
            counted(3, 2),
            SILENT,
            id="acknowledged a rekey before the change, and not that of the change",
        ),
        pytest.param(
            Start(counted(1), COMMIT, counted(3, 2)), counted(3), None, id="acknowledged both"
        ),
        pytest.param(
            Start(counted(1), COMMIT),
            counted(2),
            SILENT,
            id="acknowledged one of the two, where nobody could look in between",
        ),
        pytest.param(
            Start(listed(EARLY)),
            listed(None),
            "no server lists it as a member of BRANCHES",
            id="gone",
        ),
    ],
)
def test_who_cannot_be_asked_is_judged_by_signs_of_life(start, now, why):
    description = read([group_of(unmanaged_members=[OTHER])], hosts_of())
    assert unverified(description, {"hub-1": start}, {"hub-1": now}).get("other") == why


NAMED = {**OTHER, "address": "other.example.net"}


def test_who_is_described_by_a_host_name_is_found_and_expected_by_its_gateway():
    """Wherever the name leads, or has led."""
    description = read([group_of(unmanaged_members=[NAMED])], hosts_of())
    before, now = listed(EARLY), listed(LATE)
    now["BRANCHES"].insert(0, {**before["BRANCHES"][0], "address": "203.0.113.7"})
    found = unverified(description, {"hub-1": Start(before)}, {"hub-1": now})
    assert "other" not in found
    expected = registrations(description)
    assert expected[0]["members"][-1] == {"gateway": "other"}
    assert read_expected(expected)["BRANCHES"]


def test_a_server_that_was_not_asked_is_not_said_to_list_nobody():
    group = group_of(servers=["hub-1", "hub-2"], unmanaged_members=[OTHER])
    found = unverified(
        read([group], hosts_of()), {"hub-1": Start(listed(EARLY))}, {"hub-1": listed(None)}
    )
    assert found["other"] == "no server lists it as a member of BRANCHES; not asked: hub-2"
