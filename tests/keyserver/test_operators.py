# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever operators do in whatever order, the group comes together again."""

from __future__ import annotations

import pytest

from keyserver.groups.plane import GroupKeys
from tests.keyserver.lossy import LossyGroup, faults_of
from tests.keyserver.operators import Operators

STEPS, MEMBERS = 12, 6


@pytest.mark.parametrize("keys", GroupKeys, ids=lambda keys: keys.value)
@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize(("loss", "seed"), [(0.0, 1), (0.0, 2), (0.1, 3), (0.1, 4)])
def test_after_any_operations_everybody_reads_everybody(
    signing_key, tmp_path, generation, keys, loss, seed
):
    group = LossyGroup(
        MEMBERS,
        faults_of(loss),
        seed,
        generation,
        state=tmp_path / "hub.db",
        signing_keys=signing_key,
        group_keys=keys,
    )
    group.settle()
    operators = Operators(group, generation, seed)
    operators.work(STEPS)
    report = operators.outcome()
    assert (report.apart, report.without_tek) == (0, 0), operators.done
    assert group.registered == MEMBERS, operators.done
    if not loss:
        # Who loses every copy of a push leaves the list until it registers again.
        assert report.unlisted == 0, operators.done
