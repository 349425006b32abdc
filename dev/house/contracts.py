# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An import-linter contract that names what may be imported, where its own name what may not.

A list of forbidden modules forgets one; a list of allowed ones does not. What only computes is
allowed everywhere; a room that does more says so in ``pyproject.toml``, where a reviewer sees it.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules

# Of the standard library: no input, no output, no clock, no global state.
COMPUTES = frozenset(
    {
        "__future__",
        "abc",
        "bisect",
        "calendar",
        "collections",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "io",
        "ipaddress",
        "graphlib",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "warnings",
        "weakref",
        "zlib",
    }
)


class OnlyTheseExternals(Contract):
    """``modules`` without ``but_for`` import from outside what computes and ``allowed``, no more.

    An entry of ``allowed`` that nobody imports breaks the contract too: permissions do not pile up.
    """

    type_name = "only_these_externals"

    modules = fields.ListField(subfield=fields.ModuleExpressionField())
    but_for = fields.ListField(subfield=fields.ModuleExpressionField(), required=False, default=[])
    allowed = fields.SetField(subfield=fields.StringField(), required=False, default=set())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """What is imported against the list, and what is on the list for nobody."""
        external = {m for m in graph.modules if graph.is_module_squashed(m)}
        imports = {
            (importer, imported)
            for importer in self._names(graph, self.modules) - self._names(graph, self.but_for)
            for imported in graph.find_modules_directly_imported_by(importer) & external
        }
        wrong = sorted(i for i in imports if i[1] not in COMPUTES | self.allowed)
        idle = sorted(self.allowed - {imported for _, imported in imports})
        lines = [_line(graph, *pair) for pair in wrong]
        lines += [f"{name} is allowed, but nothing here imports it" for name in idle]
        return ContractCheck(kept=not lines, metadata={"lines": lines})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line per import, with its place."""
        for line in check.metadata["lines"]:
            output.print_error(f"- {line}")

    @staticmethod
    def _names(graph: ImportGraph, expressions: list[object]) -> set[str]:
        return {m.name for m in module_expressions_to_modules(graph, expressions, as_packages=True)}


def _line(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    numbers = ", ".join(str(detail["line_number"]) for detail in details)
    return f"{importer} imports {imported} (l.{numbers})"
