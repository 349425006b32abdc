# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An entry of a list as ``yang:key`` names it (RFC 7950 §7.8.6): ``[name='x']``."""

from __future__ import annotations

from .schema import KEY_SEPARATOR, Statement


def predicates(statement: Statement, key: str) -> str:
    """The predicates that name the entry with that key."""
    pairs = zip(statement.keys, key.split(KEY_SEPARATOR), strict=False)
    return "".join(f"[{one.name}={_literal(text)}]" for one, text in pairs)


def _literal(text: str) -> str:
    """XPath 1.0 has no escapes: the quotes that the text does not hold."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def entry_named(statement: Statement, text: str) -> str | None:
    """The key that ``[name='x'][other='y']`` stands for; None for anything else."""
    found: dict[str, str] = {}
    rest = text.strip()
    while rest:
        name, equals, quoted = rest.removeprefix("[").partition("=")
        quote = quoted[:1]
        if not equals or quote not in ("'", '"') or not rest.startswith("["):
            return None
        value, end, rest = quoted[1:].partition(f"{quote}]")
        if not end:
            return None
        found[name.strip().rpartition(":")[2]] = value
    if any(key.name not in found for key in statement.keys):
        return None
    return KEY_SEPARATOR.join(found[key.name] for key in statement.keys)
