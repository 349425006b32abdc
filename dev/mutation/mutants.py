# Copyright: groupvpn.junos contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One-line breaks of the sources: mutmut's operators, a sample of them that a seed fixes.

mutmut's own runner wants one importable project; here two halves are tested, one of them from
where Ansible looks for collections. So its operators make the mutants, and the rest is ours.

The sample holds still: a mutant is in it by the hash of what it is, so a change of the sources
changes the sample where they changed and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

# Characters on either side of what a mutant changes, in its name.
_CONTEXT = 24
_NOTHING_IGNORED = IgnoredCode(set(), set(), set())


@dataclass(frozen=True)
class Mutant:
    """One break: where, what was there, what is there now (as much of both as tells them apart)."""

    file: str
    function: str
    before: str
    after: str
    ordinal: int
    lines: range = field(compare=False)
    module: cst.Module = field(compare=False, repr=False)
    mutation: Mutation = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """What it is called in reports and in the file of survivors: stable, one line."""
        place = f"{self.file} {self.function or '(module)'}"
        again = f" (occurrence {self.ordinal})" if self.ordinal > 1 else ""
        return f"{place}: {self.before} => {self.after}{again}"

    def code(self) -> str:
        """The whole mutated module."""
        broken = self.module.deep_replace(self.mutation.original_node, self.mutation.mutated_node)
        assert isinstance(broken, cst.Module)
        return broken.code


def mutants_of(root: Path, file: str) -> Iterator[Mutant]:
    """All mutants of a file that are worth a run."""
    code = (root / file).read_text()
    wrapper = MetadataWrapper(cst.parse_module(code))
    positions = wrapper.resolve(PositionProvider)
    visitor = MutationVisitor(mutation_operators, _NOTHING_IGNORED)
    wrapper.visit(visitor)
    names = dict(_function_names(wrapper.module))
    seen: Counter[tuple[str, str, str]] = Counter()
    for mutation in visitor.mutations:
        function = names.get(mutation.contained_by_top_level_function, "")
        if not _worth_a_run(mutation, function):
            continue
        before, after = _around_the_change(
            _one_line(wrapper.module.code_for_node(mutation.original_node)),
            _one_line(wrapper.module.code_for_node(mutation.mutated_node)),
        )
        if before == after:
            continue
        seen[function, before, after] += 1
        yield Mutant(
            file,
            function,
            before,
            after,
            seen[function, before, after],
            _lines(wrapper.module, mutation, positions),
            wrapper.module,
            mutation,
        )


def _lines(
    module: cst.Module, mutation: Mutation, positions: Mapping[cst.CSTNode, CodeRange]
) -> range:
    # libcst has no position for some nodes: the function's, then.
    whole = positions[mutation.contained_by_top_level_function or module]
    place = positions.get(mutation.original_node, whole)
    return range(place.start.line, place.end.line + 1)


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """``count`` of them, each as likely as any other, the same ones for the same seed.

    In the order of their lots: a run that is cut short has tried a fair sample, too.
    """

    def lot(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{seed} {mutant.name}".encode()).digest()

    return sorted(mutants, key=lot)[:count]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _around_the_change(before: str, after: str) -> tuple[str, str]:
    """Both texts without most of what they have in common at their ends."""
    start = _alike(before, after)
    most = min(len(before), len(after)) - start
    end = min(most, _alike(before[::-1], after[::-1]))
    head, tail = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    return tuple(  # type: ignore[return-value]
        "…" * (head > 0) + text[head : len(text) - tail] + "…" * (tail > 0)
        for text in (before, after)
    )


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _function_names(module: cst.Module) -> Iterator[tuple[cst.CSTNode, str]]:
    """(function, its name) for functions and methods, as far down as mutmut looks."""
    for node in module.body:
        if isinstance(node, cst.FunctionDef):
            yield node, node.name.value
        elif isinstance(node, cst.ClassDef):
            for method in node.body.body:
                if isinstance(method, cst.FunctionDef):
                    yield method, f"{node.name.value}.{method.name.value}"


def _worth_a_run(mutation: Mutation, function: str) -> bool:
    """Whether a test could and should see it.

    Left out: sentences for people (that there is one is tested, not its words), further spellings
    of one changed word, and what makes a module impossible to import.
    """
    before, after = mutation.original_node, mutation.mutated_node
    if isinstance(before, cst.SimpleString) and isinstance(after, cst.SimpleString):
        return "XX" in after.value and not _is_sentence(before)
    if isinstance(before, cst.Call) and isinstance(after, cst.Call):
        kept = {id(argument.value) for argument in after.args}
        return not any(_is_sentence(a.value) for a in before.args if id(a.value) not in kept)
    return bool(function) or isinstance(before, cst.BaseNumber | cst.Name)


def _is_sentence(node: cst.BaseExpression) -> bool:
    """A string with a blank in it."""
    match node:
        case cst.SimpleString():
            return " " in node.value
        case cst.FormattedString():
            texts = (p for p in node.parts if isinstance(p, cst.FormattedStringText))
            return any(" " in text.value for text in texts)
        case cst.ConcatenatedString():
            return True
    return False
