# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Statements are named in tables alone; and what each house rule takes for a breach, in lines."""

from __future__ import annotations

import ast
import importlib
from functools import cache

import pytest

from dev.house.files import sources
from dev.house.rules import (
    absolute_imports,
    acts_at_import,
    clock_and_files,
    faults,
    naming,
    private_of_another,
    sleeps,
    tagging,
    tells_secrets,
)
from dev.house.texts import homes, strangers
from keyserver.config.junos_schema import Generation, junos_schema
from tests.lab import ROOT

# Where the collection names a statement outside its tables, and why.
NAMED = {
    "plugins/plugin_utils/group/describe.py": "puts statements in a description's words",
    "plugins/plugin_utils/group/description.py": "a description's words are statements'",
    "plugins/plugin_utils/group/expand.py": "says which statements a description stands for",
    "plugins/plugin_utils/group/fit.py": "puts what statements name in the place of its name",
    "plugins/plugin_utils/group/judging/generations.py": "judges what means two things",
    "plugins/plugin_utils/group/judging/identities.py": "judges what is each group's own",
    "plugins/plugin_utils/group/judging/members.py": "judges variables named like statements",
    "plugins/plugin_utils/group/judging/notation.py": "judges how words are written",
    "plugins/plugin_utils/group/judging/parts.py": "judges what a group is made of",
    "plugins/plugin_utils/group/judging/proposals.py": "compares what statements say",
    "plugins/plugin_utils/group/judging/servers.py": "judges variables named like statements",
    "plugins/plugin_utils/group/judging/statements.py": "finds the statements of words",
    "plugins/plugin_utils/group/judging/times.py": "compares times that statements set",
    "plugins/plugin_utils/group/planning/keys.py": "compares what statements hand out",
    "plugins/plugin_utils/group/planning/members.py": "makes changes of statements",
    "plugins/plugin_utils/group/planning/peers.py": "tells who is behind a gateway",
    "plugins/plugin_utils/group/planning/servers.py": "makes changes of statements",
    "plugins/plugin_utils/group/prefixes.py": "compares what statements of traffic select",
    "plugins/plugin_utils/group/reading.py": "reads a description's words",
    "plugins/plugin_utils/group/references.py": "follows names from statement to statement",
    "plugins/plugin_utils/group/running/screen.py": "tells until when keys live",
    "plugins/plugin_utils/group/unplaced.py": "says which statements have a place",
    "plugins/plugin_utils/group/words.py": "finds a description's words in the tables",
    "plugins/plugin_utils/members/gate.py": "computes a wait from the lifetimes that are in force",
    "plugins/plugin_utils/members/shows.py": "elements of replies, and what they are returned as",
    "plugins/plugin_utils/members/vocabulary.py": "elements of replies, some named like statements",
}
# The key server's tables, what they mean, and the elements of replies that are named like them.
SERVERS_TABLES = (
    "keyserver/config/group_vpn_v1.py",
    "keyserver/config/constraints.py",
    "keyserver/config/musts.py",
    "keyserver/config/security_rules.py",
    "keyserver/groups/settings.py",
    "keyserver/groups/gateways.py",
    "keyserver/cluster/settings.py",
    "keyserver/srx_member/applications.py",
    "keyserver/srx_member/settings.py",
    "keyserver/srx_member/scope.py",
)
SERVERS_REPLIES = (
    "keyserver/netconf/rpcs",
    "keyserver/srx_member/rpcs",
    "keyserver/edge/status.py",
)
COLLECTIONS_CODE = sources(
    "plugins", but_for=("plugins/plugin_utils/resources", "plugins/modules", *NAMED)
)
SERVERS_CODE = sources("keyserver", but_for=SERVERS_TABLES + SERVERS_REPLIES)
# Not Group VPN's: they stand at every level of every hierarchy.
EVERYWHERE = {"apply-groups", "apply-groups-except", "apply-macro"}
# What holds one of a list's values in a comparison.
NOT_ONLY_STATEMENTS = {"value"}


# What stands at the top of any configuration, whichever part of it a resource is about.
TOPS = "plugins/plugin_utils/engine/hierarchies.py"
# Single words that are statements' names and other things besides: module, words, what they are.
OTHER_THINGS = {
    "plugins/action/on_device/__init__.py": ({"group_vpn"}, "a module"),
    "plugins/plugin_utils/engine/documentation.py": ({"description"}, "a key of documentation"),
    "plugins/plugin_utils/engine/elements.py": ({"group"}, "the mark of what is inherited"),
    "plugins/plugin_utils/engine/lines.py": ({"wildcard"}, "a command of the CLI"),
    "plugins/plugin_utils/engine/schema.py": ({"flag"}, "a kind of leaf"),
    "plugins/plugin_utils/engine/terminal.py": ({"match"}, "what a pipe of the CLI does"),
    "plugins/plugin_utils/group/running/work.py": ({"group-id"}, "an element of replies"),
    "plugins/plugin_utils/members/asking.py": ({"group-id", "group_id"}, "an argument of an RPC"),
    "plugins/plugin_utils/members/eyes.py": ({"group-id"}, "an element of replies"),
    "plugins/plugin_utils/members/options.py": ({"group_id"}, "that argument as an option"),
}


def breaches(rule, statements, *files):
    """What a rule finds of statements, but for what is known to be something else."""
    found = []
    for file in files:
        words, _why = OTHER_THINGS.get(str(file.relative_to(ROOT)), (set(), ""))
        found += faults(rule(statements - words), file)
    return found


@cache
def named_in_tables():
    """The names of the statements of every resource, one-word names included."""
    folder = "ansible_collections.groupvpn.junos.plugins.plugin_utils"
    walk = importlib.import_module(f"{folder}.engine.schema").walk
    names = set()
    for file in sources("plugins/plugin_utils/resources"):
        module = importlib.import_module(f"{folder}.resources.{file.stem}")
        if hasattr(module, "RESOURCE"):
            names.update(module.RESOURCE.prefix)
            names.update(name for path, _node in walk(module.RESOURCE.root) for name in path)
    return frozenset(names)


def collections_statements():
    """Those that are nothing but statements, as Junos and as Ansible spell them."""
    names = {name for name in named_in_tables() if "-" in name}
    return names | {name.replace("-", "_") for name in names}


@cache
def named_by_the_server():
    def below(statement):
        for name, child in statement.children.items():
            yield name
            yield from below(child)

    trees = [junos_schema(generation).children["security"] for generation in Generation]
    names = {name for tree in trees for name in below(tree.children["group-vpn"])}
    return frozenset(names - EVERYWHERE)


def servers_statements():
    return {name for name in named_by_the_server() if "-" in name}


def test_the_collection_names_statements_in_its_tables_alone():
    statements = collections_statements()
    assert {"lifetime-seconds", "sig-hash-algorithm"} <= statements
    assert not breaches(naming, statements, *COLLECTIONS_CODE)


def test_the_core_names_no_statement_either_that_is_one_word():
    """Above the core such words are options and return values that statements gave their names."""
    assert {"group", "gateway", "member", "proposal", "ike"} <= named_in_tables()
    core = ("engine", "netconf")
    files = [f for part in core for f in sources(f"plugins/plugin_utils/{part}", but_for=(TOPS,))]
    assert len(files) > 30
    assert not breaches(naming, named_in_tables(), *files)


@pytest.mark.parametrize("module", OTHER_THINGS)
def test_another_thing_is_still_named(module):
    for word in OTHER_THINGS[module][0]:
        assert any(faults(rule({word}), ROOT / module) for rule in (naming, tagging))


def test_no_element_is_named_like_a_statement_outside_the_tables():
    ours = sources("plugins", but_for=("plugins/plugin_utils/resources",))
    theirs = sources("keyserver", but_for=SERVERS_TABLES + SERVERS_REPLIES)
    assert not breaches(tagging, named_in_tables(), *ours)
    assert not faults(tagging(named_by_the_server() - NOT_ONLY_STATEMENTS), *theirs)


@pytest.mark.parametrize("module", NAMED)
def test_an_exception_still_names_a_statement(module):
    assert faults(naming(collections_statements()), ROOT / module)


def test_the_key_server_names_statements_in_its_tables_alone():
    statements = servers_statements()
    assert {"server-member-communication", "exclude-rule"} & statements
    assert not faults(naming(statements), *SERVERS_CODE)


@pytest.mark.parametrize(
    ("statements", "code", "file"),
    [
        (collections_statements, COLLECTIONS_CODE, "plugins/plugin_utils/engine/plan.py"),
        (collections_statements, COLLECTIONS_CODE, "plugins/action/server.py"),
        (servers_statements, SERVERS_CODE, "keyserver/config/show.py"),
        (servers_statements, SERVERS_CODE, "keyserver/gdoi/push.py"),
    ],
)
def test_a_statement_in_a_branch_is_noticed_where_it_stands(statements, code, file):
    assert ROOT / file in code
    branch = "if name == 'server-member-communication':\n    pass"
    assert list(naming(statements())(ast.parse(f"{(ROOT / file).read_text()}\n{branch}\n")))


def test_the_engine_names_no_statement_that_is_not_in_a_table():
    """The other way round: the key server's names, of which there are more."""
    assert not faults(naming(servers_statements()), *sources("plugins/plugin_utils/engine"))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (naming({"lifetime-seconds"}), "if leaf.name == 'lifetime-seconds': pass"),
        (naming({"lifetime_seconds"}), "wait = block['lifetime_seconds']"),
        (tagging({"group"}), "found = child(server, 'group')"),
        (tagging({"group"}), "found = [e for e in reply.iter('{*}group')]"),
        (tagging({"group"}), "names = root.findall('{*}server/{*}group/{*}name')"),
        (tagging({"group"}), "etree.SubElement(server, 'group').text = name"),
        (tagging({"group"}), "if local_name(part) == 'group': pass"),
        (tagging({"group"}), "if part.tag in ('group', 'gateway'): pass"),
        (tagging({"group"}), "match local_name(part):\n    case 'group': pass"),
        (tagging({"group"}), "found = reply.xpath('//group/name')"),
        (tagging({"group"}), "found = reply.find(path='{*}group')"),
        (tagging({"group"}), "if part.tag.endswith('group'): pass"),
        (tagging({"group"}), "if part.tag.rpartition('}')[2] == 'group': pass"),
        (absolute_imports, "import ansible_collections.groupvpn.junos.plugins.plugin_utils.errors"),
        (absolute_imports, "from ansible_collections.groupvpn.junos.plugins import action"),
        (absolute_imports, "def f():\n    from plugins.plugin_utils import errors"),
        (absolute_imports, "importlib.import_module('ansible_collections.groupvpn.junos.plugins')"),
        (absolute_imports, "__import__('plugins.action')"),
        (clock_and_files, "started = datetime.datetime.now(UTC)"),
        (clock_and_files, "text = Path(name).read_text()"),
        (clock_and_files, "with open(name) as file: pass"),
        (clock_and_files, "print(answer)"),
        (clock_and_files, "__import__('socket').create_connection(address)"),
        (clock_and_files, "now: float = field(default_factory=time.time)"),
        (clock_and_files, "from time import monotonic"),
        (clock_and_files, "link = socket.create_connection(address)"),
        (clock_and_files, "started: object = field(default_factory=datetime.now)"),
        (clock_and_files, "import time as clock"),
        (clock_and_files, "with io.open(name) as file: pass"),
        (clock_and_files, "tree = etree.parse(name)"),
        (clock_and_files, "say = print"),
        (clock_and_files, "texts = map(open, names)"),
        (clock_and_files, "hour = time.localtime().tm_hour"),
        (clock_and_files, "if path.exists(): pass"),
        (clock_and_files, "import time\nnow = getattr(time, 'time')()"),
        (clock_and_files, "import time\nnow = vars(time)['time']()"),
        (clock_and_files, "import time\nclock = time"),
        (clock_and_files, "spent = time.process_time()"),
        (clock_and_files, "hour = datetime.fromtimestamp(now).hour"),
        (clock_and_files, "here = moment.astimezone()"),
        (acts_at_import, "gc.freeze()"),
        (acts_at_import, "for name in names: load(name)"),
        (acts_at_import, "_ = gc.freeze()"),
        (acts_at_import, "if FAST:\n    gc.freeze()"),
        (acts_at_import, "try:\n    gc.freeze()\nexcept OSError:\n    pass"),
        (acts_at_import, "class Store:\n    gc.freeze()"),
        (private_of_another, "monkeypatch.setattr(transports, '_has_ssh', bool)"),
        (private_of_another, "monkeypatch.setattr('package.module._private', bool)"),
        (private_of_another, "mock.patch('package.module._private')"),
        (private_of_another, "mock.patch.object(device, '_now')"),
        (private_of_another, "mock.patch.object(device, attribute='_now')"),
        (private_of_another, "monkeypatch.setattr(plan, name='_walk', value=f)"),
        (private_of_another, "monkeypatch.setattr(f'{MODULE}._walk', f)"),
        (private_of_another, "mock.patch.multiple(plan, _walk=f)"),
        (private_of_another, "group._heartbeat_due = 7"),
        (private_of_another, "del session.machine._pending"),
        (private_of_another, "object.__setattr__(plan, '_walk', f)"),
        (private_of_another, "plan.__dict__['_walk'] = f"),
        (private_of_another, "vars(plan)['_walk'] = f"),
        (private_of_another, "monkeypatch.setitem(plan.__dict__, '_walk', f)"),
        (tells_secrets, "raise Refused(f'{user} with {self.password}')"),
        (tells_secrets, "display.vvv(target.password)"),
        (tells_secrets, "print(psk)"),
        (tells_secrets, "text = 'with %s' % password"),
        (tells_secrets, "text = 'with {}'.format(self.psk)"),
        (tells_secrets, "text = f'{str(password)}'"),
        (tells_secrets, "display.vvv(msg=password)"),
        (tells_secrets, "raise Refused(password)"),
        (tells_secrets, "class Login:\n    password: str"),
        (tells_secrets, "class Login:\n    psk: str | None = field(default=None)"),
        (sleeps, "time.sleep(1)"),
        (sleeps, "async def f():\n    await asyncio.sleep(0.1)"),
        (sleeps, "threading.Event().wait(1)"),
    ],
)
def test_a_breach_is_noticed(rule, line):
    assert list(rule(ast.parse(line)))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (naming({"lifetime-seconds"}), "raise Refused('lifetime-seconds is too long')"),
        (tagging({"group"}), "group = entry['group']"),
        (tagging({"group"}), "found = child(element, 'group-name')"),
        (absolute_imports, "from ..plugin_utils import errors"),
        (absolute_imports, "import ansible.errors"),
        (clock_and_files, "moment = datetime.datetime.fromtimestamp(now, UTC)"),
        (clock_and_files, "text = time.strftime('%H', time.gmtime(now))"),
        (clock_and_files, "octets = socket.inet_pton(socket.AF_INET6, text)"),
        (acts_at_import, "'''A docstring.'''\nWORD = re.compile('x')\ndef f():\n    g()"),
        (private_of_another, "self._path = path"),
        (private_of_another, "object.__setattr__(self, '_path', path)"),
        (private_of_another, "found = vars(self)['_path']"),
        (private_of_another, "monkeypatch.setattr(transports, 'has_ssh', bool)"),
        (private_of_another, "monkeypatch.setenv('_NAME', 'x')"),
        (tells_secrets, "raise Refused(f'{user}: the password is refused')"),
        (tells_secrets, "class Login:\n    password: str | None = field(default=None, repr=False)"),
        (tells_secrets, "class Leaf:\n    secret: bool = False"),
        (sleeps, "while not holds():\n    time.sleep(0.01)"),
        (sleeps, "async def f():\n    await asyncio.sleep(0)"),
        (sleeps, "answered.wait(1)"),
    ],
)
def test_what_is_right_is_left_alone(rule, line):
    assert not list(rule(ast.parse(line)))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (homes, "see /home/somebody/lab.yml"),
        (homes, "PATH=/workspaces/tools"),
        (homes, "open /Users/somebody/lab"),
        (strangers, "ansible_host: 8.8.8.8"),
        (strangers, "address 2001:4860:4860::8888;"),
        (strangers, "address 1.1.1.1/32"),
    ],
)
def test_a_breach_in_any_text_is_noticed(rule, text):
    assert [line for line, _ in rule(f"first\n{text}")] == [2]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (homes, "/var/home/netops, ~/workspace/x, $HOME/workspace/x, docs/workspaces/plan.md"),
        (homes, "the device's /home/netops/file"),
        (strangers, "192.0.2.1 198.51.100.0/24 203.0.113.9 127.0.0.1 10.0.0.0/8 255.255.255.0"),
        (strangers, "2001:db8::1 fe80::1 ::1 ff02::1 233.252.0.1 at 12:30:15"),
        (strangers, "RFC 6407 §5.6.1.2, sections 5.4.1.2 and 5.5.1.1; release 1.2.3"),
        (strangers, "999.1.1.1"),
    ],
)
def test_what_a_text_may_say_is_left_alone(rule, text):
    assert not list(rule(text))
