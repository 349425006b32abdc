# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Five whole SRX, as five engineers left them: loaded, shown, changed, compared, taken back."""

from __future__ import annotations

import random
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from keyserver.config.compare import compare
from keyserver.config.edit import copy_tree
from keyserver.config.files import read_file
from keyserver.config.junos_schema import junos_schema
from keyserver.config.schema import Kind
from keyserver.config.show import to_text
from keyserver.config.tree import MARKS
from tests.keyserver.console import END, Console, errors
from tests.keyserver.generated import Maker
from tests.keyserver.test_formats import FOLDER, FORMATS
from tests.keyserver.test_generated import mix

V1_OF = {"old-keyserver"}
WHOLE = [*sorted((FOLDER / "whole").iterdir()), FOLDER / "cluster-groups.conf"]
CHANGES = 4
ANYTHING_LEFT = '<get-configuration compare="rollback" rollback="{}" format="{}"/>'


class WholeDevice:
    """A device that runs what the file says, and one session on it."""

    def __init__(self, path) -> None:
        self.console = Console("v1" if path.stem in V1_OF else "v2")
        self.session = self.console.session()
        self.schema = junos_schema(self.console.spec.generation)
        tree, problems = read_file(self.schema, path.read_text())
        assert problems == []
        self.load("text", to_text(self.schema, tree), "override")
        assert errors(self.session.commit()) == []

    def load(self, form: str, text: str, action: str) -> bool:
        """Load a configuration; False where a patch of several moved entries is refused for one."""
        kind = {"patch": "configuration-patch", "json": "configuration-json"}.get(
            form, "configuration-text"
        )
        written = "json" if form == "json" else "text"
        content, attribute = f"<{kind}>{escape(text)}</{kind}>", f' format="{written}"'
        if form == "xml":
            content, attribute = text, ""
        reply = self.session.rpc(
            f'<load-configuration action="{action}"{attribute}>{content}</load-configuration>'
        )
        # What chance takes away or changes may be protected: it stays, and the device says so.
        found = [e for e in errors(reply) if " is protected, " not in e]
        assert [e for e in found if "its new place is not in the patch" not in e] == []
        return not found

    def shown(self, form: str) -> str:
        """The candidate, as it can be loaded."""
        answer = self.session.raw(
            f'<rpc message-id="1"><get-configuration format="{form}"/></rpc>'.encode()
        )
        reply = etree.fromstring(answer.removesuffix(END))
        if form == "json":
            return reply.text
        return etree.tostring(reply[0]).decode() if form == "xml" else reply[0].text

    def difference(self, number: int = 0, form: str = "text") -> str:
        reply = self.session.rpc(ANYTHING_LEFT.format(number, form))
        return "".join(reply.itertext()).strip("\n")

    @property
    def candidate(self) -> dict:
        return self.console.device.database.workspace.shared.tree

    def changed(self, seed: int) -> dict:
        """What is committed, with changes of every kind in two of its hierarchies."""
        maker, chance = Maker(self.schema, seed), random.Random(seed)
        tree = copy_tree(self.console.device.database.committed)
        branches = [
            name
            for name in tree
            if name not in MARKS and self.schema.children[name].kind is Kind.CONTAINER
        ]
        for name in chance.sample(branches, 2):
            tree[name] = copy_tree(tree[name])
            mix(maker, self.schema.children[name], tree[name])
        return tree


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_what_a_device_shows_in_any_format_is_no_difference_when_it_is_loaded(path):
    device = WholeDevice(path)
    text = device.shown("text")
    assert text.count("\n") >= 300
    for form in ("text", "xml", "json"):
        device.load(form, device.shown(form), "override")
        assert device.difference() == ""
        assert device.shown("text") == text
    lines = device.shown("set")
    protected = [line for line in lines.splitlines() if line.startswith("protect ")]
    assert errors(device.session.set(escape("".join(f"un{line}\n" for line in protected)))) == []
    device.session.rpc("<delete-config><target><candidate/></target></delete-config>")
    assert errors(device.session.set(escape(lines))) == []
    assert device.shown("set") == lines


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_changes_are_compared_patched_committed_and_taken_back(path):
    device = WholeDevice(path)
    texts = [device.shown("text")]
    for seed in range(CHANGES):
        tree, form = device.changed(seed), list(FORMATS)[seed % len(FORMATS)]
        written = FORMATS[form][0](device.schema, tree)
        device.load(form, written.decode() if form == "xml" else written, "override")
        wanted, patch = device.shown("text"), device.difference()
        tree = device.candidate
        assert (patch == "") == (wanted == texts[0])
        device.session.rpc("<discard-changes/>")
        whole = device.load("patch", patch, "patch")
        left = compare(device.schema, device.candidate, tree)
        assert [line for line in left.splitlines() if line[0] not in "[! "] == []
        assert not (whole and left)
        device.load("text", wanted, "override")
        assert device.shown("text") == wanted
        if errors(device.session.commit()):
            # Chance breaks a rule now and then; nothing has happened then.
            device.session.rpc("<discard-changes/>")
            assert device.shown("text") == texts[0]
        elif wanted != texts[0]:
            texts.insert(0, wanted)
    assert len(texts) > 1
    for number, text in enumerate(texts):
        assert errors(device.session.rpc(f'<load-configuration rollback="{number}"/>')) == []
        assert device.shown("text") == text
        assert device.difference(number) == ""
        assert device.difference(number, "xml") == ""
