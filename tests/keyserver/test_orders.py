# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sessions that edit, lock, commit, are killed and end, restarts and full disks, in every order.

Against a model of what is in force, what awaits confirmation, and what each session's candidate is.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from lxml import etree

from keyserver.config.tree import lookup
from keyserver.srx import Device
from tests.keyserver.console import Console, errors

LEAVES = {
    "system host-name": ("system", "host-name"),
    "snmp contact": ("snmp", "contact"),
    "snmp location": ("snmp", "location"),
}
SESSIONS = 2
WHO = st.integers(0, SESSIONS - 1)
FORMS = {
    "junos": "<commit-configuration/>",
    "junos confirmed": (
        "<commit-configuration><confirmed/><confirm-timeout>{minutes}</confirm-timeout>"
        "</commit-configuration>"
    ),
    "rfc": "<commit/>",
    "rfc confirmed": ("<commit><confirmed/><confirm-timeout>{minutes}0</confirm-timeout></commit>"),
}
SECONDS = {"junos confirmed": 60, "rfc confirmed": 10}
Values = dict[str, str | None]


def values(tree: dict) -> Values:
    """What a configuration has of the leaves that are played with."""
    return {words: lookup(tree, *path) or None for words, path in LEAVES.items()}


def refusals(reply: etree._Element) -> list[str]:
    """The errors of a reply that are no warnings."""
    return [
        one.findtext("error-message").strip()
        for one in reply.iter("rpc-error")
        if one.findtext("error-severity") != "warning"
    ]


@dataclass
class Private:
    """A session's own copy, and what it was made of."""

    base: Values
    mine: Values

    def onto(self, running: Values) -> Values | None:
        """What it makes of the running configuration; None when both changed the same."""
        changed = {leaf for leaf in LEAVES if self.mine[leaf] != self.base[leaf]}
        theirs = {
            leaf for leaf in LEAVES if running[leaf] not in (self.base[leaf], self.mine[leaf])
        }
        if changed & theirs:
            return None
        return {leaf: (self.mine if leaf in changed else running)[leaf] for leaf in LEAVES}


@dataclass
class Model:
    """What holds, by the rules that Junos' guides and RFC 6241 give."""

    running: Values
    shared: Values = field(default_factory=dict)
    awaited: tuple[float, Values, int | None] | None = None
    editor: int | None = None
    lock: int | None = None
    private: dict[int, Private] = field(default_factory=dict)
    opened: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.discard()

    @property
    def modified(self) -> bool:
        return self.shared != self.running

    def discard(self) -> None:
        self.shared, self.editor = dict(self.running), None

    def candidate(self, who: int) -> Values:
        return self.private[who].mine if who in self.private else self.shared

    def may_write(self, who: int) -> bool:
        return who in self.private or (self.lock in (None, who) and not self.private)

    def take_back(self) -> None:
        kept = self.lock is not None and self.modified
        self.running, self.awaited = self.awaited[1], None
        if not kept:
            self.discard()

    def unlock(self) -> None:
        self.lock = None
        self.discard()

    def forget(self, who: int) -> None:
        """The session has ended."""
        self.private.pop(who, None)
        self.opened.pop(who, None)
        if self.lock == who:
            self.unlock()
        elif self.editor == who and self.lock is None:
            self.discard()
        if self.awaited is not None and self.awaited[2] == who:
            self.take_back()

    def close(self, who: int) -> None:
        if self.private.pop(who, None) is None:
            if self.opened.pop(who) and self.lock == who:
                self.unlock()
            elif self.editor == who and self.lock is None:
                self.discard()

    def committable(self, who: int, form: str) -> Values | None:
        """What a commit of a session would put in force; None when it is refused."""
        if who in self.private:
            return None if form in SECONDS else self._brought_up(who)
        if self.lock not in (None, who) or (self.modified and self.private):
            return None
        return self.shared

    def _brought_up(self, who: int) -> Values | None:
        merged = self.private[who].onto(self.running)
        if merged is not None:
            self.private[who] = Private(dict(self.running), merged)
        return merged

    def bound_to_another(self, who: int, form: str) -> bool:
        bound = self.awaited[2] if self.awaited is not None else None
        return form.startswith("rfc") and bound not in (None, who)

    def commit(
        self, who: int, wanted: Values, confirmation: tuple[float, int | None] | None
    ) -> None:
        others = self.modified and who in self.private
        before = self.awaited[1] if self.awaited is not None else self.running
        self.running, self.awaited = dict(wanted), None
        if confirmation is not None:
            self.awaited = (confirmation[0], before, confirmation[1])
        if who in self.private:
            self.private[who] = Private(dict(wanted), dict(wanted))
        if not others:
            self.discard()


class Orders(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.full = False
        self.console = Console(state=self.folder / "hub.db")
        self.sessions = [self.console.session() for _ in range(SESSIONS)]
        self.model = Model(values(self.console.device.database.committed))
        self.count = 0

    def teardown(self):
        self._disk(full=False)
        self.console.device.close()
        shutil.rmtree(self.folder)

    def _disk(self, *, full: bool) -> None:
        self.full = full
        hard = self.limits[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard) if full else self.limits)

    def _ask(self, who: int, operation: str) -> list[str]:
        return refusals(self.sessions[who].rpc(operation))

    @rule(who=WHO, leaf=st.sampled_from(list(LEAVES)))
    def edit(self, who, leaf):
        self.count += 1
        refused = errors(self.sessions[who].set(f"set {leaf} v{self.count}"))
        assert bool(refused) is not self.model.may_write(who)
        if not refused:
            self.model.candidate(who)[leaf] = f"v{self.count}"
            self.model.editor = self.model.editor if who in self.model.private else who

    @rule(who=WHO, form=st.sampled_from(list(FORMS)), minutes=st.integers(1, 5))
    def commit(self, who, form, minutes):
        refused = self._ask(who, FORMS[form].format(minutes=minutes))
        wanted = self.model.committable(who, form)
        if wanted is None or self.model.bound_to_another(who, form):
            assert refused
        elif refused:
            assert self.full, refused
        else:
            until = self.console.now + SECONDS.get(form, 0) * minutes
            bound = who if form == "rfc confirmed" else None
            self.model.commit(who, wanted, (until, bound) if form in SECONDS else None)

    @rule(who=WHO, leaf=st.sampled_from(list(LEAVES)), form=st.sampled_from(list(FORMS)))
    def change(self, who, leaf, form):
        self.edit(who, leaf)
        self.commit(who, form, 5)

    @rule(
        who=WHO, operation=st.sampled_from(["discard-changes", 'load-configuration rollback="0"'])
    )
    def give_up(self, who, operation):
        refused = self._ask(who, f"<{operation}/>")
        assert bool(refused) is not self.model.may_write(who)
        if refused:
            return
        if who in self.model.private:
            self.model.private[who].mine = dict(self.model.running)
        if who not in self.model.private:
            self.model.discard()
        elif operation == "discard-changes":
            self.model.private[who].base = dict(self.model.running)

    @rule(who=WHO, politely=st.booleans())
    def end(self, who, politely):
        if politely:
            self.sessions[who].raw(b'<rpc message-id="1"><close-session/></rpc>')
        self._over(who)

    @rule(who=WHO, other=WHO)
    def kill(self, who, other):
        number = self.sessions[other].netconf.holder.session_id
        asked = f"<kill-session><session-id>{number}</session-id></kill-session>"
        assert bool(self._ask(who, asked)) == (who == other)
        if who != other:
            self._over(other)

    def _over(self, who: int) -> None:
        self.sessions[who].end()
        self.model.forget(who)
        self.sessions[who] = self.console.session()

    @rule(seconds=st.integers(1, 200))
    def time_passes(self, seconds):
        self.console.pass_time(seconds)
        if self.model.awaited is not None and self.console.now >= self.model.awaited[0]:
            self.model.take_back()

    @rule()
    def disk_is_full_or_not(self):
        self._disk(full=not self.full)

    @rule()
    def restart(self):
        self._disk(full=False)
        self.console.device.close()
        self.console.device = Device(self.console.spec, lambda: {}, self.console.now)
        self.sessions = [self.console.session() for _ in range(SESSIONS)]
        awaited, running = self.model.awaited, self.model.running
        gone = awaited is not None and awaited[2] is not None
        self.model = Model(awaited[1] if gone else running, awaited=None if gone else awaited)

    @rule(who=WHO, mode=st.sampled_from(["<exclusive/>", "<private/>", "", None]))
    def begin(self, who, mode):
        model = self.model
        asked = f"<open-configuration>{mode}</open-configuration>"
        asked = asked if mode is not None else "<lock><target><candidate/></target></lock>"
        refused = self._ask(who, asked)
        alone = model.lock is None and not model.modified
        may = {"<private/>": alone, "": model.may_write(who)}.get(mode, alone and not model.private)
        known = who in model.private or who in model.opened
        assert bool(refused) is not (may and (mode is None or not known))
        if refused:
            return
        if mode == "<private/>":
            model.private[who] = Private(dict(model.running), dict(model.running))
        elif mode is not None:
            model.opened[who] = mode == "<exclusive/>"
        model.lock = who if mode in (None, "<exclusive/>") else model.lock

    @rule(who=WHO, unlock=st.booleans())
    def leave_off(self, who, unlock):
        model = self.model
        asked = "<unlock><target><candidate/></target></unlock>"
        refused = self._ask(who, asked if unlock else "<close-configuration/>")
        may = model.lock == who if unlock else who in model.private or who in model.opened
        assert bool(refused) is not may
        if not refused:
            model.unlock() if unlock else model.close(who)

    @invariant()
    def what_is_in_force_is_what_was_promised(self):
        database = self.console.device.database
        assert values(database.committed) == self.model.running
        assert (database.confirmed.pending is None) == (self.model.awaited is None)
        assert self.console.hostname() == self.model.running["system host-name"]

    @invariant()
    def everybody_sees_what_he_edits(self):
        workspace = self.console.device.database.workspace
        for who, session in enumerate(self.sessions):
            seen = workspace.candidate(session.netconf.holder).tree
            assert values(seen) == self.model.candidate(who)


TestOrders = Orders.TestCase
TestOrders.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
