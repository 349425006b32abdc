# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make demo``: three key servers, twelve members, playbooks, a rekey, an audit."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.lab import (
    ROOT,
    LabDirectory,
    PlayResult,
    Process,
    hub_config,
    play,
    stop_everything,
)

MEMBERS_PER_HUB = 4
_STARTED = time.monotonic()
# host: (generation, settings of group G1; None leaves server-member-communication out)
HUBS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "hub-1": ("v2", None),
    "hub-2": (
        "v2",
        {
            "communication_type": "unicast",
            "encryption_algorithm": "aes-256-cbc",
            "sig_hash_algorithm": "sha-256",
            "lifetime_seconds": 7200,
            "number_of_retransmission": 1,
            "retransmission_period": 2,
        },
    ),
    "hub-3": (
        "v1",
        {
            "communication_type": "multicast",
            "multicast_group": "233.252.0.1",
            "multicast_outgoing_interface": "ge-0/0/1.0",
            "encryption_algorithm": "aes-128-cbc",
            "sig_hash_algorithm": "sha1",
        },
    ),
}
NEW_ALGORITHM = "aes-192-cbc"
STOPPED = "hub-2-gm-4"
# Outside the directory of the demonstration, which goes when it ends.
REPORT = ROOT / "build" / "demo-report"
MEANING = {
    "registered": "all that registered, active or not",
    "active": "active members",
    "registered_since_configured": "registered since configured, alive or not",
}


def say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {text}", flush=True)


def _lab(path: Path) -> LabDirectory:
    lab = LabDirectory(path)
    for number, (name, (generation, _)) in enumerate(HUBS.items(), 1):
        sites = {f"gm-{n}": f"127.0.{number}.{10 + n}" for n in range(1, MEMBERS_PER_HUB + 1)}
        lab.add_device(name, generation, hub_config(name, generation, sites))
        for gateway, address in sites.items():
            lab.add_member(f"{name}-{gateway}", name, address)
    return lab


def _configure(lab: LabDirectory, **change: Any) -> PlayResult:
    wanted = {
        name: [{"group": "G1", **settings, **change}] if settings else []
        for name, (_, settings) in HUBS.items()
    }
    task = {
        "name": "Configure server-member-communication",
        "groupvpn.junos.server_member_communication": {
            "config": "{{ wanted[inventory_hostname] or omit }}",
            "state": "{{ 'overridden' if wanted[inventory_hostname] else 'deleted' }}",
            "all": "{{ omit if wanted[inventory_hostname] else true }}",
            "commit_comment": "make demo",
        },
    }
    result = play(lab, [task], "--diff", vars={"wanted": wanted})
    if result.code != 0:
        raise SystemExit(f"the playbook failed:\n{result.output}")
    return result


def _changed(result: PlayResult) -> dict[str, bool]:
    return {host: bool(outcome["changed"]) for host, outcome in result.tasks[0].items()}


def _show(groups_of: dict[str, list[dict[str, Any]]]) -> None:
    print(f"\n{'host':<7} {'group':<6} {'rekeys':<10} {'the list shows':<42} members")
    for host, groups in sorted(groups_of.items()):
        for group in groups:
            members = ", ".join(f"{m['gateway']} {m['address']}" for m in group["members"][:2])
            more = len(group["members"]) - 2
            shown = f"{group['member_count']}: {members}" + (
                f" and {more} more" if more > 0 else ""
            )
            print(
                f"{host:<7} {group['name']:<6} {group['communication']:<10} "
                f"{MEANING[group['list_shows']]:<42} {shown}"
            )
    print()


def _wait_for_silence(lab: LabDirectory) -> None:
    """Until the key server has given up on the site that is off."""
    end = time.monotonic() + 20
    while True:
        (result,) = play(lab, [{"groupvpn.junos.registered_members_info": {}}], hosts="hub-2").tasks
        if result["hub-2"]["groups"][0]["member_count"] == MEMBERS_PER_HUB - 1:
            return
        if time.monotonic() > end:
            raise AssertionError("the site that is off stays listed")


def _audit(lab: LabDirectory) -> dict[str, Any]:
    expected = {
        name: [
            {
                "group": "G1",
                "members": [
                    {"gateway": f"gm-{n}", "address": f"127.0.{number}.{10 + n}"}
                    for n in range(1, MEMBERS_PER_HUB + 1)
                ],
            }
        ]
        for number, name in enumerate(HUBS, 1)
    }
    role = {
        "ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"},
        "vars": {
            "membership_audit_directory": str(REPORT),
            "membership_audit_expected": "{{ expected[inventory_hostname] }}",
            "membership_audit_settle_seconds": 1,
        },
    }
    result = play(lab, [role], vars={"expected": expected})
    if result.code != 0:
        raise SystemExit(f"the audit failed:\n{result.output}")
    return next(
        outcome for task in result.tasks for outcome in task.values() if "screen" in outcome
    )


def run(path: Path) -> int:
    """The whole demonstration in a directory; the exit status."""
    running: list[Process] = []
    try:
        lab = _lab(path)
        say("starting three emulated SRX key servers (two Group VPNv2, one v1)")
        running.append(lab.serve())
        say("configuring them with a playbook")
        first = _configure(lab)
        for host, outcome in first.tasks[0].items():
            text = outcome.get("diff", {}).get("prepared") if outcome.get("diff") else None
            print(f"--- {host}\n{text or '(nothing to change)'}", end="\n" if not text else "")
        say("running the same playbook again")
        again = sum(_changed(_configure(lab)).values())
        say(f"changed={again}")
        total = len(lab.members)
        say(f"starting {total} reference members")
        fleet = Process("members", lab.file, "--events")
        running.append(fleet)
        fleet.wait_for('"registered"', count=total)
        say(f"{total} members registered over GDOI; reading them back over NETCONF")
        read = play(lab, [{"groupvpn.junos.registered_members_info": {}}])
        if read.code != 0:
            raise SystemExit(f"reading the members failed:\n{read.output}")
        groups_of = {host: outcome["groups"] for host, outcome in read.tasks[0].items()}
        _show(groups_of)
        counted = sum(g["member_count"] for groups in groups_of.values() for g in groups)
        say("changing the KEK's algorithm: who can be rekeyed, is")
        changed = sum(_changed(_configure(lab, encryption_algorithm=NEW_ALGORITHM)).values())
        rekeyable = MEMBERS_PER_HUB * sum(s is not None for _, s in HUBS.values())
        fleet.wait_for('"rekeyed"', count=rekeyable)
        rekeys = [json.loads(line) for line in fleet.output if '"rekeyed"' in line]
        for name, (_, settings) in HUBS.items():
            if settings is not None:
                ours = [e for e in rekeys if e["member"].startswith(name)]
                (spi,) = {e["kek_spi"] for e in ours}
                way = settings["communication_type"]
                print(f"{name}: {len(ours)} members took KEK {spi[:16]}... by {way} push")
        say("one site of hub-2 is switched off; after the next rekey it is off the list")
        fleet.stop()
        lab.members = [m for m in lab.members if m["name"] != STOPPED]
        lab.write()
        fleet = Process("members", lab.file, "--events")
        running.append(fleet)
        fleet.wait_for('"registered"', count=total - 1)
        _configure(lab, encryption_algorithm="aes-256-cbc")
        _wait_for_silence(lab)
        say("auditing who should be in the groups")
        audited = _audit(lab)
        for line in audited["screen"]:
            print(f"  {line}")
        kinds = audited["summary"]["by_kind"]
        good = (
            kinds.get("missing") == 1
            and kinds.get("unexpected") is None
            and changed == 2
            and again == 0
            and counted == total
            and _changed(first)
            == {host: settings is not None for host, (_, settings) in HUBS.items()}
        )
        say("done: everything as it should be" if good else "NOT as it should be")
        return 0 if good else 1
    finally:
        for process in reversed(running):
            process.stop()


def main() -> int:
    """Entry point; a signal stops what was started."""
    # Also where the parent had interrupts ignored, as shells do for background jobs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="groupvpn-demo-") as directory:
            return run(Path(directory))
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started is stopped", file=sys.stderr)
        return 130
    except AssertionError as error:
        print(f"the demonstration failed: {error}", file=sys.stderr)
        return 1
    finally:
        stop_everything()


if __name__ == "__main__":
    sys.exit(main())
