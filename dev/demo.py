# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make demo``: a whole Group VPN from one description, built, changed, observed, audited."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab import ROOT, LabDirectory, PlayResult
from tests.processes import stop_everything
from tests.whole import UNICAST, WholeLab

SITES = 40
_STARTED = time.monotonic()
MULTICAST = {
    "communication_type": "multicast",
    "multicast_group": "233.252.0.1",
    "multicast_outgoing_interface": "ge-0/0/1.0",
    "encryption_algorithm": "aes-128-cbc",
    "sig_hash_algorithm": "sha1",
}
OLD_TRAFFIC = {"encryption_algorithm": "3des-cbc", "authentication_algorithm": "hmac-sha1-96"}
ROTATED = 10
# Outside the directory of the demonstration, which goes when it ends.
REPORT = ROOT / "build" / "demo-report"
MEANING = {
    "registered": "all that registered, active or not",
    "active": "active members",
    "registered_since_configured": "registered since configured, alive or not",
}


def say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {text}", flush=True)


class Story:
    """The devices, their description, and who was apart from whom."""

    def __init__(self, path: Path) -> None:
        self.whole = WholeLab(LabDirectory(path))
        self.wrong: list[str] = []
        self._seen = 0

    def describe(self) -> None:
        """Two groups of few, one for each other kind of list, and one of many."""
        whole = self.whole
        hubs, (plain,), (old,) = whole.hubs(2), whole.hubs(1, first=3), whole.hubs(1, "v1", 4)
        whole.sites(SITES + 1)
        kiosks = whole.sites(2, first=61)
        depots = whole.sites(2, "v1", first=71)
        whole.branches = [f"site-{n:02}" for n in range(1, SITES + 1)]
        whole.group("BRANCHES", 70000, hubs, server_member_communication=dict(UNICAST))
        traffic = [
            [{"name": "all", "source": prefix, "destination": prefix}]
            for prefix in ("172.16.0.0/16", "172.17.0.0/16")
        ]
        whole.group("KIOSKS", 2, [plain], members=kiosks, match_policies=traffic[0])
        whole.group(
            "DEPOTS",
            3,
            [old],
            members=depots,
            match_policies=traffic[1],
            ipsec_proposal=OLD_TRAFFIC,
            server_member_communication=MULTICAST,
        )

    def run(self, *options: str) -> dict[str, Any]:
        """The role; what it returned. The plan, and who was apart, are told."""
        result = self.whole.run(*options, "--forks", "10")
        outcome = _outcome(result)
        for line in result.output[result.output.rfind("\n}\n") + 3 :].splitlines():
            if not line.endswith(" ..."):
                print(f"  {line}")
        if not options:
            self._observe(outcome)
        return {**outcome, "changed_hosts": _changed(result)}

    def _observe(self, outcome: dict[str, Any]) -> None:
        """Nobody is apart but whom the plan has named."""
        apart = self.whole.apart(self._seen)
        self._seen = len(self.whole.events())
        named = {m for s in outcome["steps"] for a in s["apart"] for m in a["members"]}
        members = self._members()
        pairs = {pair for pair in apart if members.get(pair[0]) == members.get(pair[1])}
        missed = {pair for pair in pairs if not set(pair) & named}
        self.wrong += [f"{a} could not read {b}, and no plan said so" for a, b in sorted(missed)]
        print(
            f"  observed: {len(pairs)} pairs apart for a moment, {len(missed)} of them unannounced"
        )

    def _members(self) -> dict[str, str]:
        """Member to its group."""
        own = dict.fromkeys(self.whole.branches, "BRANCHES")
        return own | {m: g["name"] for g in self.whole.groups[1:] for m in g["members"]}

    def expected(self) -> list[dict[str, Any]]:
        """Who is to be registered where, for the audit."""
        address = self.whole.variables
        return [
            {
                "group": group["name"],
                "host": group["servers"],
                "members": [
                    {"gateway": m, "address": address[m]["group_vpn_address"]}
                    for m, of in self._members().items()
                    if of == group["name"]
                ],
            }
            for group in self.whole.groups
        ]

    def show(self) -> int:
        """The three kinds of list; how many members there are in all."""
        result = _good(
            self.whole.play([{"groupvpn.junos.registered_members_info": {}}], hosts="hub-*")
        )
        print(f"\n{'host':<6} {'group':<9} {'rekeys':<10} {'the list shows':<42} members")
        count = 0
        for host, outcome in sorted(result.tasks[0].items()):
            for group in outcome["groups"]:
                first = "".join(f": {m['gateway']} {m['address']}" for m in group["members"][:1])
                count += group["member_count"]
                more = group["member_count"] - 1
                print(
                    f"{host:<6} {group['name']:<9} {group['communication']:<10} "
                    f"{MEANING[group['list_shows']]:<42} {group['member_count']}{first}"
                    f"{f' and {more} more' if more > 0 else ''}"
                )
        print()
        return count

    def audit(self) -> dict[str, Any]:
        """The report of the fleet."""
        role = {
            "ansible.builtin.include_role": {"name": "groupvpn.junos.membership_audit"},
            "vars": {
                "membership_audit_directory": str(REPORT),
                "membership_audit_expected": self.expected(),
                "membership_audit_settle_seconds": 1,
            },
        }
        result = _good(self.whole.play([role], hosts="hub-*"))
        return next(o for task in result.tasks for o in task.values() if "screen" in o)


def _good(result: PlayResult) -> PlayResult:
    if result.code != 0:
        raise SystemExit(f"the playbook failed:\n{result.output}")
    return result


def _outcome(result: PlayResult) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(_good(result).tasks[-2].values()))
    return found


def _changed(result: PlayResult) -> int:
    return sum(bool(one.get("changed")) for one in result.tasks[-1].values())


def run(path: Path) -> int:
    """The whole demonstration in a directory; the exit status."""
    story = Story(path)
    try:
        wrong = [f"not so: {name}" for name, good in told(story) if not good]
        for line in (*story.wrong, *wrong):
            print(f"  {line}")
        say("NOT as it should be" if wrong else "done: everything as it should be")
        return 1 if wrong else 0
    finally:
        story.whole.stop()


def told(story: Story) -> Iterator[tuple[str, bool]]:
    """Scene by scene what happens, and whether it came out right."""
    yield from _built(story, SITES + 4)
    yield from _over_time(story)
    say("auditing who is in the groups")
    audited = story.audit()
    for line in audited["screen"]:
        print(f"  {line}")
    yield "audited", not {"missing", "unexpected"} & set(audited["summary"]["by_kind"])
    yield "observed", not story.wrong


def _built(story: Story, total: int) -> Iterator[tuple[str, bool]]:
    """From empty devices to groups of ``total`` members."""
    whole = story.whole
    story.describe()
    say(f"starting {len(whole.variables)} emulated SRX: four key servers, the rest members")
    whole.start()
    say("one description, three groups; the plan first, touching nothing")
    yield "planned", len(story.run("--check")["steps"]) == 4
    say("building it from empty devices")
    yield "built", story.run()["changed_hosts"] == total + 4
    say("running the same playbook again")
    yield "again", story.run()["changed_hosts"] == 0
    say(f"{total} members registered over GDOI; reading them back over NETCONF")
    yield "listed", story.show() == total


def _over_time(story: Story) -> Iterator[tuple[str, bool]]:
    """Somebody comes, somebody goes, keys are replaced."""
    whole = story.whole
    say("a site is added")
    whole.branches.append(f"site-{SITES + 1}")
    yield "added", "added: site-41" in _screen(story.run())
    say("another is removed: the rest registers for keys that it cannot read")
    whole.branches.remove("site-07")
    yield "removed", "removed: site-07" in _screen(story.run())
    say(f"pre-shared keys of {ROTATED} sites are rotated")
    for site in whole.branches[-ROTATED:]:
        whole.variables[site]["group_vpn_pre_shared_key"] = f"rotated-key-of-{site}"
    yield "rotated", story.run()["changed_hosts"] == ROTATED + 2


def _screen(outcome: dict[str, Any]) -> str:
    return "\n".join(outcome["screen"])


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
