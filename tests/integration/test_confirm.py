# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Confirmed commits, playbooks against the reference key server."""

from __future__ import annotations

from tests.lab import play

MODULE = "groupvpn.junos.server_member_communication"
CONFIRM = "groupvpn.junos.confirm_commit"
BLOCK = {"group": "G1", "encryption_algorithm": "aes-256-cbc", "sig_hash_algorithm": "sha-256"}


def test_a_play_that_is_repeated_confirms_what_the_first_run_left(lab, hub):
    made = {MODULE: {"config": [BLOCK], "commit_confirmed": 5, "commit_comment": "mine"}}
    first = play(lab, [{CONFIRM: {}}, made])
    assert first.code == 0, first.output[-2000:]
    nothing = first.tasks[0]["hub-1"]
    assert not nothing["changed"]
    assert nothing["msg"].startswith("nothing to confirm")
    book = [
        {**made, "register": "change"},
        {CONFIRM: {}, "check_mode": True},
        {CONFIRM: {"change": "{{ change }}"}, "when": "change is changed"},
        {CONFIRM: {}},
        made,
    ]
    again = play(lab, book)
    assert again.code == 0, again.output[-2000:]
    results = [task["hub-1"] for task in again.tasks]
    assert [result["changed"] for result in results] == [True, True, True, False, False]
    assert results[0]["pending_confirmation"]["comment"] == "mine"
    for result, said in zip(results[1:3], ("would be confirmed", "confirmed"), strict=True):
        assert result["msg"].startswith(f"{said}: the commit of netops by netconf at ")
        # Once it is confirmed, it awaits nothing any more.
        assert "awaits" not in result["msg"]
    # Nor is it said to be taken back, as the device does at the lock.
    assert not results[2].get("warnings")
