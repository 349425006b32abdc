# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A commit looks at what it changes, and says what looking at everything would say."""

from __future__ import annotations

import sqlite3
import zlib

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from keyserver.config.apply import apply
from keyserver.config.constraints import check
from keyserver.config.edit import LoadError, Operation, copy_tree
from keyserver.config.inherit import in_force
from keyserver.config.junos_schema import Generation, junos_schema
from keyserver.config.packing import pack_difference, patched
from keyserver.config.read_set import read_set
from keyserver.config.store import (
    CommitEntry,
    CommitRecord,
    PendingConfirmation,
    Store,
    StoreDamaged,
    StoreFailed,
)
from keyserver.edge.ssh import host_keys
from keyserver.lab.specs import DeviceSpec
from keyserver.srx import Device
from tests.keyserver.console import Console, errors
from tests.keyserver.generated import Maker
from tests.keyserver.security_cases import SITE_TO_SITE
from tests.keyserver.steps import Steps
from tests.keyserver.test_constraints import CASES, MEMBER, SERVER, M, S

V1_LINES = (f"{S} group G activation-time-delay 100", f"{S} ipsec proposal e lifetime-seconds 500")
GROUPS = f"""
set groups X security group-vpn server ike gateway <*> routing-instance VR
set groups X security group-vpn server group G ike-gateway other
set groups X system host-name inherited
set groups Y security group-vpn server group <*> ike-gateway nobody
set apply-groups X
set security apply-groups Y
set security group-vpn server apply-groups-except X
set routing-instances VR instance-type virtual-router
set interfaces ge-0/0/0 unit 0 family bridge
set system tracing destination-override syslog host 192.0.2.9
set {S.removeprefix("set ")} traceoptions no-remote-trace
set applications application a protocol tcp
{M} ipsec vpn v exclude rule r application a
"""
SETS = [
    line.strip()
    for text in (SERVER, MEMBER, GROUPS, "\n".join(V1_LINES), *(more for _, more, _ in CASES))
    for line in text.splitlines()
    if line.strip()
]


def commands(line: str) -> list[str]:
    """A set line, and what undoes it in several ways, at every level."""
    words = line.split()[1:]
    ways = [f"{verb} {' '.join(words)}" for verb in ("delete", "deactivate", "activate")]
    above = [
        f"{verb} {' '.join(words[:n])}" for verb in ("delete", "deactivate") for n in (4, 5, 6)
    ]
    return [line, line, line, *ways, *above]


COMMANDS = st.sampled_from(sorted({one for line in SETS for one in commands(line)}))


def loaded(schema, tree, lines):
    """The tree after those of the commands that can be carried out."""
    new = copy_tree(tree)
    edits = [one for one in read_set(schema, "\n".join(lines)) if not isinstance(one, LoadError)]
    apply(schema, new, edits, Operation.MERGE)
    return new


@pytest.mark.parametrize("generation", Generation, ids=lambda g: g.value)
@given(commits=st.lists(st.lists(COMMANDS, min_size=1, max_size=6), min_size=1, max_size=8))
@settings(deadline=None)
def test_what_changed_is_refused_for_what_everything_would_be(generation, commits):
    schema = junos_schema(generation)
    running = in_force(schema, loaded(schema, {}, SERVER.splitlines()))
    assert check(schema, running.tree, generation, strict=True) == []
    for lines in commits:
        new = in_force(schema, loaded(schema, running.written, lines), running)
        everything = in_force(schema, copy_tree(new.written))
        assert (new.active, new.tree) == (everything.active, everything.tree)
        found = check(schema, everything.tree, generation, strict=True)
        assert check(schema, new.tree, generation, strict=True, sound=running.tree) == found
        event("refused" if found else "accepted")
        if not found:
            running = new


def same_complaints(schema, running, lines) -> None:
    """What is said of a change is what is said of everything."""
    new = in_force(schema, loaded(schema, running.written, lines), running)
    everything = in_force(schema, copy_tree(new.written))
    assert (new.active, new.tree) == (everything.active, everything.tree), lines
    found = check(schema, everything.tree, Generation.V2, strict=True)
    assert check(schema, new.tree, Generation.V2, strict=True, sound=running.tree) == found, lines


AROUND = """
set routing-instances VR instance-type virtual-router
set system tracing destination-override syslog host 192.0.2.9
set applications application a protocol tcp
"""
RICH = {
    "server": f"""{SERVER}{AROUND}
{S} traceoptions no-remote-trace
{S} ike gateway gm routing-instance VR
{S} ike gateway other dead-peer-detection always-send
{S} ike policy agg mode aggressive
{S} ike policy agg proposals p
{S} ike policy agg pre-shared-key ascii-text x
{S} ike gateway dyn ike-policy agg
{S} ike gateway dyn dynamic hostname a
{S} group G server-cluster ike-gateway other
{S} group G server-member-communication encryption-algorithm aes-256-cbc
{S} group G server-member-communication sig-hash-algorithm sha-256
set groups X security group-vpn server ike gateway <*> routing-instance VR
set groups X security group-vpn server group <*> ike-gateway dyn
set groups X system host-name inherited
set apply-groups X
""",
    "member": f"""{MEMBER}{AROUND}
{M} ike traceoptions no-remote-trace
{M} ike gateway ks routing-instance VR
{M} ipsec vpn v exclude rule r application a
set groups X interfaces <*> unit <*> description inherited
set interfaces apply-groups X
""",
    "site to site": SITE_TO_SITE,
}


@pytest.mark.parametrize("role", RICH)
def test_nothing_that_breaks_a_rule_elsewhere_is_overlooked(role):
    schema = junos_schema(Generation.V2)
    lines = RICH[role].strip().splitlines()
    running = in_force(schema, loaded(schema, {}, lines))
    assert check(schema, running.tree, Generation.V2, strict=True) == []
    for line in lines:
        words = line.split()[1:]
        for n in range(2, len(words) + 1):
            for verb in ("delete", "deactivate"):
                same_complaints(schema, running, [f"{verb} {' '.join(words[:n])}"])
    for more in ("set security apply-groups-except X", "delete apply-groups"):
        same_complaints(schema, running, [more])


def all_but_one(schema, lines):
    """Each line, and the tree with all the others in their order."""
    before = {}
    for number, line in enumerate(lines, 1):
        yield line, loaded(schema, before, lines[number:])
        before = loaded(schema, before, [line])


@pytest.mark.parametrize(("base", "more", "message"), CASES)
def test_whichever_line_comes_last_a_rule_is_kept(base, more, message):
    schema = junos_schema(Generation.V2)
    lines = list(dict.fromkeys(f"{base}{more}".strip().splitlines()))
    for last, before in all_but_one(schema, lines):
        running = in_force(schema, before)
        if not check(schema, running.tree, Generation.V2, strict=True):
            same_complaints(schema, running, [last])


def test_what_a_commit_does_not_change_stays_the_same_object():
    console = Console("v2")
    session = console.session()
    session.set("set groups X snmp location here", "set apply-groups X", "deactivate system ntp")
    assert errors(session.commit()) == []
    before = console.device.database.effective.tree
    session.set("set snmp contact somebody")
    assert errors(session.commit()) == []
    after = console.device.database.effective.tree
    assert after["snmp"] == {"contact": "somebody", "location": "here"}
    assert after["security"] is before["security"]
    server = before["security"]["group-vpn"]["server"]
    session.set(f"{S} ike gateway gm-1 routing-instance VR")
    session.set("set routing-instances VR instance-type virtual-router")
    assert errors(session.commit()) == []
    assert (
        console.device.database.effective.tree["security"]["group-vpn"]["server"]["group"]
        is (server["group"])
    )


def test_a_policy_that_changes_reaches_gateways_that_do_not():
    console = Console("v2")
    session = console.session()
    before = console.device.groups.peers.at("192.0.2.11")[0]
    session.set(f"{S} ike policy pol description other")
    session.commit()
    assert console.device.groups.peers.at("192.0.2.11")[0] is before
    session.set(f"{S} ike policy pol pre-shared-key ascii-text another")
    session.commit()
    assert console.device.groups.peers.at("192.0.2.11")[0].pre_shared_key == b"another"
    offered = console.device.groups.peers.at("192.0.2.11")[0].proposals
    session.set(f"{S} ike proposal p1 encryption-algorithm aes-192-cbc")
    session.commit()
    assert console.device.groups.peers.at("192.0.2.11")[0].proposals != offered


def test_a_key_that_changes_is_the_only_one_that_is_read():
    def steps(count: int) -> int:
        session = Console("v2").session()
        for n in range(count):
            policy = f"{S} ike policy p-{n}"
            session.set(
                f"{policy} proposals p1",
                f"{policy} pre-shared-key ascii-text made-up-key",
                f"{S} ike gateway g-{n} ike-policy p-{n}",
                f"{S} ike gateway g-{n} address 10.0.0.{n}",
            )
        assert errors(session.commit()) == []
        session.set(f"{S} ike policy p-0 pre-shared-key ascii-text another")
        with Steps() as counted:
            assert errors(session.commit()) == []
        return counted.count

    # Reading an IKE policy takes 200 lines.
    assert steps(150) - steps(50) < 100 * 100


def test_gateways_with_one_address_keep_their_order_whatever_changes_when():
    console = Console("v2")
    session = console.session()

    def names():
        return [peer.name for peer in console.device.groups.peers.at("192.0.2.11")]

    first = names()
    twin = "ike-policy pol address 192.0.2.11"
    session.set(f"{S} ike gateway twin {twin}", f"{S} ike gateway last {twin}")
    session.commit()
    assert names() == [*first, "twin", "last"]
    session.set(f"{S} ike gateway twin local-address 192.0.2.1")
    session.commit()
    assert names() == [*first, "twin", "last"]
    session.set(f"insert {S.removeprefix('set ')} ike gateway twin after last")
    session.commit()
    assert names() == [*first, "last", "twin"]
    session.set("delete security group-vpn server ike gateway last")
    session.commit()
    assert names() == [*first, "twin"]


# The store


def record(sequence: int, tree) -> CommitRecord:
    return CommitRecord(CommitEntry(sequence, float(sequence), "root", "netconf", ""), tree)


def test_any_configuration_can_be_made_of_any_other():
    schema = junos_schema(Generation.V2)
    for seed in range(40):
        old, new = (Maker(schema, number).tree(40) for number in (seed, 500 + seed))
        made = patched(old, pack_difference(old, new))
        assert made == new
        assert zlib.decompress(pack_difference(made, new)) == b"{}"


def test_an_order_that_was_changed_in_private_is_committed_beside_what_others_did():
    console = Console("v2")
    mine, other = console.session(), console.session()
    path = "policy-options policy-statement p term"
    mine.set(*(f"set {path} {name}" for name in "abc"))
    mine.commit()
    mine.rpc("<open-configuration><private/></open-configuration>")
    other.rpc("<open-configuration><private/></open-configuration>")
    mine.set(f"insert {path} c before a")
    other.set(f"set {path} d", f"set {path} b then accept")
    assert errors(other.commit()) == []
    assert errors(mine.commit()) == []
    terms = console.device.database.committed["policy-options"]["policy-statement"]["p"]["term"]
    assert list(terms) == ["c", "a", "b", "d"]
    assert terms["b"] == {"then": {"accept": True}}


def test_an_order_that_the_user_gave_outlives_a_restart(tmp_path):
    console = Console("v2", tmp_path / "state")
    session = console.session()
    for lines in (
        (
            "set policy-options policy-statement p term a",
            "set policy-options policy-statement p term b",
        ),
        ("set policy-options policy-statement p term c",),
        ("insert policy-options policy-statement p term c before term a",),
        ("annotate policy-options policy-statement p b", "deactivate system"),
    ):
        session.set(*lines)
        assert errors(session.commit()) == []
    shown = console.device.database.committed
    console.device.close()
    again = Console("v2", tmp_path / "state")
    assert again.device.database.committed == shown
    terms = again.device.database.committed["policy-options"]["policy-statement"]["p"]["term"]
    assert list(terms) == ["c", "a", "b"]


def test_a_small_commit_beside_much_is_written_small(tmp_path):
    path = tmp_path / "state"
    store = Store(path)
    much = {"policy-options": {"prefix-list": {f"p-{n}": {} for n in range(2000)}}}
    store.commit(record(1, much), None)
    store.commit(record(2, {**much, "system": {"host-name": "other"}}), None)
    store.close()
    sizes = [n for (n,) in sqlite3.connect(path).execute("SELECT length(body) FROM commit_log")]
    assert sizes[0] > 2000 > 100 > sizes[1]


@pytest.mark.parametrize("keep", [None, 3, 60], ids=["nothing pending", "an old one", "a late one"])
def test_every_configuration_of_the_history_can_be_read_and_what_nobody_needs_goes(tmp_path, keep):
    path = tmp_path / "state"
    store = Store(path)
    for n in range(1, 161):
        pending = PendingConfirmation(9e9, keep) if keep is not None and n > keep else None
        store.commit(
            record(n, {"system": {"host-name": f"h{n}"}, "snmp": {"contact": "c" * n}}), pending
        )
        if n % 23 == 0:
            store.close()
            store = Store(path)
            store.tree(n)
    kept = [entry.sequence for entry in store.history()]
    assert kept == list(range(160, 110, -1))
    for n in (*kept, *([keep] if keep else [])):
        assert store.tree(n) == {"system": {"host-name": f"h{n}"}, "snmp": {"contact": "c" * n}}
    with pytest.raises(StoreFailed, match="commit 2 is not there"):
        store.tree(2)
    store.close()
    (rows,) = sqlite3.connect(path).execute("SELECT count(*) FROM commit_log").fetchone()
    assert rows <= 3 * 50 + 1


def test_a_store_of_an_earlier_version_is_read_and_continued(tmp_path):
    path = tmp_path / "state"
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE commit_log (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, user TEXT NOT "
        "NULL, client TEXT NOT NULL, comment TEXT NOT NULL, body BLOB NOT NULL);"
        "CREATE TABLE pending (one INTEGER PRIMARY KEY CHECK (one = 1), deadline REAL NOT NULL, "
        "restore INTEGER NOT NULL);"
    )
    for n in (1, 2):
        body = zlib.compress(b'{"system": {"host-name": "h%d"}, "@inactive": [["system"]]}' % n, 1)
        old.execute("INSERT INTO commit_log VALUES (?, 1.0, 'root', 'other', '', ?)", (n, body))
    old.commit()
    old.close()
    store = Store(path)
    newest = store.tree(2)
    assert newest == {"system": {"host-name": "h2"}, "@inactive": frozenset({"system"})}
    store.commit(record(3, {**newest, "snmp": {}}), None)
    store.close()
    again = Store(path)
    assert again.tree(3) == {**newest, "snmp": {}}
    assert again.tree(1)["system"] == {"host-name": "h1"}
    assert [entry.sequence for entry in again.history()] == [3, 2, 1]


def old_store(path, *trees: bytes) -> None:
    """A store as versions before numbers and differences wrote it."""
    old = sqlite3.connect(path)
    old.execute(
        "CREATE TABLE commit_log (sequence INTEGER PRIMARY KEY, time REAL NOT NULL, user TEXT NOT "
        "NULL, client TEXT NOT NULL, comment TEXT NOT NULL, body BLOB NOT NULL)"
    )
    for n, tree in enumerate(trees, 1):
        body = zlib.compress(tree, 1)
        old.execute("INSERT INTO commit_log VALUES (?, 1.0, 'root', 'other', '', ?)", (n, body))
    old.commit()
    old.close()


KEY = "ssh-ed25519 AAAA made@up"


def test_a_key_that_was_one_value_is_an_entry_now(tmp_path):
    login = b'{"user": {"a": {"authentication": {"ssh-ed25519": "%s"}}}}' % KEY.encode()
    tree = b'{"system": {"login": %s}}' % login
    old_store(tmp_path / "state", tree, tree)
    spec = DeviceSpec("hub-1", generation=Generation.V2, state=tmp_path / "state")
    device = Device(spec, {}, 1.0)
    kept = {"a": {"authentication": {"ssh-ed25519": {KEY: {}}}}}
    assert device.database.committed["system"]["login"]["user"] == kept
    assert device.database.rollback(1)["system"]["login"]["user"] == kept
    device.close()


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        (b'{"system": {"frobnicate": "1"}}', "[edit system frobnicate]"),
        (b'{"system": "1"}', "[edit system]"),
        (b'{"system": {"host-name": {"a": {}}}}', "[edit system host-name]"),
    ],
)
def test_a_store_that_says_what_this_version_does_not_know_is_left_as_it_is(tmp_path, tree, where):
    path = tmp_path / "state"
    old_store(path, b"{}", tree)
    spec = DeviceSpec("hub-1", generation=Generation.V2, state=path)
    for _ in range(2):
        with pytest.raises(StoreDamaged) as refused:
            Device(spec, {}, 1.0)
        assert where in str(refused.value)
    (version,) = sqlite3.connect(path).execute("PRAGMA user_version").fetchone()
    assert version == 0


def three_commits(path) -> None:
    """A store whose last two commits are differences."""
    store = Store(path)
    much = {"policy-options": {"prefix-list": {f"p-{n}": {} for n in range(300)}}}
    for n in (1, 2, 3):
        store.commit(record(n, {**much, "system": {"host-name": f"h{n}"}}), None)
    store.close()


def test_a_difference_that_lost_its_base_is_damage_and_not_another_configuration(tmp_path):
    path = tmp_path / "state"
    three_commits(path)
    damaged = sqlite3.connect(path)
    damaged.execute("DELETE FROM commit_log WHERE sequence = 2")
    damaged.commit()
    damaged.close()
    again = Store(path)
    with pytest.raises(StoreFailed, match="commit 3 is damaged"):
        again.tree(3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.replace(b"h2", b"h7"),
        lambda body: 7,
        lambda body: "text",
        lambda body: b"",
    ],
    ids=["an octet", "a number", "a text", "nothing"],
)
def test_a_row_that_is_damaged_is_not_another_configuration(tmp_path, damage):
    path = tmp_path / "state"
    three_commits(path)
    store = sqlite3.connect(path)
    (body,) = store.execute("SELECT body FROM commit_log WHERE sequence = 2").fetchone()
    store.execute("UPDATE commit_log SET body = ? WHERE sequence = 2", (damage(body),))
    store.commit()
    store.close()
    again = Store(path)
    for number in (2, 3):
        with pytest.raises(StoreFailed, match=f"^{path}: "):
            again.tree(number)
    again.close()


def test_differences_that_an_earlier_version_kept_bare_are_read_and_sealed(tmp_path):
    path = tmp_path / "state"
    three_commits(path)
    old = sqlite3.connect(path)
    rows = old.execute("SELECT body, sequence FROM commit_log WHERE base IS NOT NULL").fetchall()
    bare = [(zlib.decompress(body), number) for body, number in rows]
    assert [body[:1] for body, _ in bare] == [b"{", b"{"]
    old.executemany("UPDATE commit_log SET body = ? WHERE sequence = ?", bare)
    old.execute("PRAGMA user_version=2")
    old.commit()
    old.close()
    for _ in range(2):
        store = Store(path)
        assert [store.tree(n)["system"]["host-name"] for n in (1, 2, 3)] == ["h1", "h2", "h3"]
        store.close()


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN OPENSSH PRIVATE KEY-----", b"\xff", None])
@pytest.mark.parametrize(
    ("name", "said", "read"),
    [
        ("ssh host key", "the SSH host key", host_keys),
        ("certificate c", "the key of certificate c", lambda device: device.safe.signing_key("c")),
    ],
)
def test_a_key_that_is_damaged_is_named_and_not_replaced(tmp_path, name, said, read, pem):
    store = Store(tmp_path / "state")
    store.add_signing_key(name, pem if pem is not None else "a text")
    store.close()
    spec = DeviceSpec("hub-1", generation=Generation.V2, state=tmp_path / "state")
    device = Device(spec, {}, 1.0)
    with pytest.raises(StoreFailed, match=f"state: {said} is damaged; put a copy"):
        read(device)
    device.close()


def test_a_store_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "state"
    Store(path).close()
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(StoreDamaged, match="written by a later version"):
        Store(path)


def test_a_store_that_has_begun_asks_for_no_first_configuration(tmp_path):
    spec = DeviceSpec("hub-1", generation=Generation.V2, state=tmp_path / "state")
    first = Device(spec, lambda: {"system": {"host-name": "first"}}, 1.0)
    first.close()

    def asked():
        raise AssertionError("asked for a first configuration")

    again = Device(spec, asked, 2.0)
    assert again.database.committed == {"system": {"host-name": "first"}}
    again.close()
