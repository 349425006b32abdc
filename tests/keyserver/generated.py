# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configurations made from the schema: any statement, any value that it takes."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path

import keyserver.config.statements as statements
from keyserver.config.schema import KEY_SEPARATOR, Kind, Statement, value_follows
from keyserver.config.values import InvalidValue

TABLE = json.loads(
    zlib.decompress((Path(statements.__file__).parent / "statements.json.z").read_bytes())
)
WORDS = sorted({w.partition("|")[0] for t in TABLE["types"] if t[0] == "enum" for w in t[1:]})
SAMPLES = [
    *(
        "a",
        "x1",
        "name-1",
        "Some text, with spaces.",
        'a "quoted" word',
        "back\\slash",
        "semi;colon",
    ),
    *(
        "{brace}",
        "[list]",
        "# no comment",
        "/* nor this */",
        "ä",
        "two\nlines",
        "\na line between empty ones\n",
        " blanks around ",
        "",
        "tab\tbed",
        "$9$kind",
    ),
    *("ge-0/0/0", "ge-0/0/0.0", "192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32"),
    *("00:11:22:33:44:55", "10m", "100", "0", "1", "7", "60", "300", "3600", "65000", "4294967295"),
    *(
        "0.5",
        "11111",
        "111111",
        "111",
        "0.0.0.1",
        "65000:1",
        "target:65000:1",
        "10:00",
        "2026-01-01",
    ),
    *("psd1", "1.3.6.1", "a.b", "*", "0x8906", "default", "ssh-rsa AAAA made@up", "00000000"),
    *("ssh-ed25519 AAAA made@up", "ecdsa-sha2-nistp256 AAAA made@up", "ssh-dss AAAA made@up"),
    *("set", "delete", "edit", "inactive:", "apply-groups", "to", "name", "a=b", "(a", "( a | b )"),
    "x" * 60,
    "-5",
]

NAMES = [sample for sample in SAMPLES if sample and sample == sample.strip()]


class Maker:
    """Makes random trees of a schema, reproducibly."""

    def __init__(self, schema: Statement, seed: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)
        self.unmade: list[str] = []

    def tree(self, leaves: int) -> dict:
        """A configuration of about so many leaves."""
        tree: dict = {}
        self.tree_into(tree, leaves)
        return tree

    def tree_into(self, tree: dict, leaves: int) -> None:
        """So many more leaves in a configuration."""
        for _ in range(leaves):
            self._grow(self.schema, tree)

    def _grow(self, statement: Statement, tree: dict) -> None:
        rivals = {r for name in tree for r in statement.excluded.get(name, ())}
        # Of leaves that their places tell apart, the second follows the first.
        missing = [name for name in statement.in_their_places if name not in tree]
        unnamed = {statement.children[name] for name in missing[1:]}
        children = [
            child
            for name, child in statement.children.items()
            if name not in rivals and child not in unnamed
        ]
        if not children:
            return
        child = self.random.choice(children)
        if child.kind is Kind.CONTAINER:
            inner = tree.setdefault(child.name, {})
            self._grow(child, inner)
            if not inner and not child.presence:
                del tree[child.name]
        elif child.kind is Kind.LIST:
            self._entry(child, tree)
        elif child.kind is Kind.EMPTY:
            tree[child.name] = True
        else:
            value = self.value(child.check)
            if value is None:
                self.unmade.append(child.name)
            elif child.kind is Kind.LEAF:
                tree[child.name] = value
            else:
                held = [v for v in tree.get(child.name, []) if v != value]
                if child.limit is None or len(held) < child.limit:
                    tree[child.name] = [*held, value]

    def _entry(self, statement: Statement, tree: dict) -> None:
        held = tree.get(statement.name, {})
        if held and self.random.random() < 0.7:
            key = self.random.choice(list(held))
        else:
            key = self._key(statement)
        if key is None:
            self.unmade.append(statement.name)
            return
        entry = tree.setdefault(statement.name, {}).setdefault(key, {})
        if self.random.random() < 0.8:
            self._grow(statement, entry)

    def _key(self, statement: Statement) -> str | None:
        keys: list[str] = []
        for key in statement.keys:
            if not value_follows(key, keys):
                keys.append("")
                continue
            value = self.value(key.check, NAMES)
            if value is None:
                return None
            keys.append(value)
        return KEY_SEPARATOR.join(keys)

    def value(self, check, samples=SAMPLES) -> str | None:
        """A value that ``check`` takes, as it shows it; None when no sample is one."""
        for sample in self.random.sample(samples, len(samples)):
            taken = _taken(check, sample)
            if taken is not None:
                return taken
        words = (_taken(check, word) for word in self.random.sample(WORDS, len(WORDS)))
        return next((word for word in words if word is not None), None)


def _taken(check, text: str) -> str | None:
    try:
        return check(text) if check is not None else text
    except InvalidValue:
        return None
