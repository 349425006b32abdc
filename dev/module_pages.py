# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``make docs``: a page for each module and role, from their own documentation."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from dev.documented import documented
from tests.lab import COLLECTIONS, ROOT

MODULES = sorted(file.stem for file in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))
ROLES = ("group_vpn", "server_member_communication", "membership_audit", "reference_key_server")
_MARKUP = re.compile(r"\b(?:[CVOIPEM]|RV)\((?:ignore:)?([^)]+)\)")


def _plain(text: str | list[str]) -> str:
    lines = [text] if isinstance(text, str) else text
    marked = (_MARKUP.sub(lambda m: f"`{m[1].split('#')[0]}`", line) for line in lines)
    return " ".join(" ".join(line.split()) for line in marked)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _options(options: dict[str, Any], prefix: str = "") -> list[str]:
    rows = []
    for name, option in options.items():
        takes = option.get("type", "str")
        if option.get("elements"):
            takes += f" of {option['elements']}"
        if option.get("choices"):
            takes += ": " + ", ".join(map(str, option["choices"]))
        notes = [_plain(option["description"])]
        if option.get("required"):
            notes.insert(0, "Required.")
        if "default" in option:
            notes.append(f"Default: `{option['default']}`.")
        rows.append(f"| `{prefix}{name}` | {_cell(takes)} | {_cell(' '.join(notes))} |")
        # Modules and roles have other words for it.
        inside = option.get("suboptions") or option.get("options") or {}
        rows += _options(inside, f"{prefix}{name}[].")
    return rows


def _returns(values: dict[str, Any], prefix: str = "") -> list[str]:
    rows = []
    for name, value in values.items():
        when = f" ({_plain(value['returned'])})" if value.get("returned") else ""
        text = _cell(_plain(value["description"]) + when)
        rows.append(f"| `{prefix}{name}` | {value['type']} | {text} |")
        rows += _returns(value.get("contains", {}), f"{prefix}{name}[].")
    return rows


def page(module: str) -> str:
    """The page of one module."""
    if str(COLLECTIONS) not in sys.path:
        sys.path.insert(0, str(COLLECTIONS))
    source = importlib.import_module(f"ansible_collections.groupvpn.junos.plugins.modules.{module}")
    documentation = documented(module)
    lines = [
        f"# groupvpn.junos.{module}",
        "",
        f"{documentation['short_description']}.",
        "",
        *(f"- {_plain(line)}" for line in documentation["description"]),
        "",
        "## Options",
        "",
        "| option | takes | meaning |",
        "|---|---|---|",
        *_options(documentation["options"]),
        "",
        "## Examples",
        "",
        "```yaml",
        source.EXAMPLES.strip(),
        "```",
        "",
    ]
    returns = _returns(yaml.safe_load(source.RETURN) or {})
    if returns:
        lines += [
            "## Return values",
            "",
            "| value | type | meaning |",
            "|---|---|---|",
            *returns,
            "",
        ]
    return "\n".join(lines[:-1]) + "\n"


def role_page(role: str) -> str:
    """The README of one role, from its argument specification and its example."""
    directory = ROOT / "roles" / role
    specs = yaml.safe_load((directory / "meta" / "argument_specs.yml").read_text())
    entries = dict(specs["argument_specs"])
    main_spec = entries.pop("main")
    example = (directory / "meta" / "example.yml").read_text().removeprefix("---\n").strip()
    lines = [
        f"# Role groupvpn.junos.{role}",
        "",
        f"{main_spec['short_description']}.",
        "",
        *(f"- {_plain(line)}" for line in main_spec["description"]),
        "",
        "## Variables",
        "",
        "| variable | takes | meaning |",
        "|---|---|---|",
        *_options(main_spec["options"]),
        "",
        "## Example",
        "",
        "```yaml",
        example,
        "```",
        *(line for name, spec in entries.items() for line in _entry_point(name, spec)),
    ]
    return "\n".join(lines) + "\n"


def _entry_point(name: str, spec: dict[str, Any]) -> list[str]:
    """What a role does besides, with ``tasks_from``."""
    return [
        "",
        f"## Entry point {name}",
        "",
        f"{_plain(spec['short_description'])}, with `tasks_from: {name}`.",
        "",
        *(f"- {_plain(line)}" for line in spec.get("description", ())),
        "",
        "| variable | takes | meaning |",
        "|---|---|---|",
        *_options(spec["options"]),
    ]


def main(directory: str) -> int:
    """Write all pages."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        (target / f"{module}.md").write_text(page(module), encoding="utf-8")
    for role in ROLES:
        (ROOT / "roles" / role / "README.md").write_text(role_page(role), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
