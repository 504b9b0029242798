"""Tries every mutant of some files by the tests that hold them to their rules."""

import ast
import pathlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.mutants import reach, trial
from tests.mutants.processes import Outcome, forked
from tests.mutants.source import Key, Mutant, mutants


class BrokenError(Exception):
    """The tests don't pass as the code is, so nothing would follow from a failure."""


@dataclass(frozen=True)
class Target:
    """A folder of code, and its tests, as patterns. Paths are relative to the root."""

    root: pathlib.Path
    source: str
    """The folder that modules are named from."""
    folder: str
    tests: tuple[str, ...]

    def files(self, wanted: Iterable[pathlib.Path]) -> list[str]:
        """Those of its files that are wanted: named, or within a folder that is."""
        paths = list(wanted)
        found = sorted((self.root / self.folder).rglob("*.py"))
        chosen = [file for file in found if any(file == path or path in file.parents for path in paths)]
        return [str(file.relative_to(self.root)) for file in chosen]


@dataclass(frozen=True)
class Tried:
    """What became of a mutant."""

    key: Key
    line: int
    outcome: Outcome

    @property
    def survives(self) -> bool:
        return self.outcome is Outcome.PASSED


@dataclass(frozen=True)
class Campaign:
    """A target, and what its tests reach."""

    target: Target
    reach: reach.Reach
    output: pathlib.Path

    @classmethod
    def begin(cls, target: Target, files: Sequence[str], scratch: pathlib.Path) -> "Campaign":
        """Run the tests of the target as it is, and see that an unchanged file survives a trial."""
        told, output = scratch / "reach.json", scratch / "output.txt"
        paths = {file: target.root / file for file in files}
        source = target.root / target.source
        tests = [str(test) for pattern in target.tests for test in sorted(target.root.glob(pattern))]
        if forked(lambda: reach.watch(paths, source, tests, told), output) is not Outcome.PASSED:
            raise BrokenError(output.read_text())
        campaign = cls(target, reach.read(told), output)
        if campaign._control(files[0]) is not Outcome.PASSED:
            raise BrokenError(output.read_text())
        return campaign

    def tried(self, file: str, explained: Collection[Key]) -> Iterator[Tried]:
        """The mutants of a file, one after the other."""
        for mutant in mutants(self.target.root / file, file):
            yield Tried(mutant.key, mutant.line, self._outcome(mutant, is_explained=mutant.key in explained))

    def _outcome(self, mutant: Mutant, *, is_explained: bool) -> Outcome:
        """Survivors are tried by all tests then: only the first of those that share a result is seen to reach it."""
        everything = self.reach.quickest_first(self.reach.seconds)
        tests = self.reach.of((mutant.key.file, mutant.line)) if mutant.is_in_function else everything
        if not tests:
            return Outcome.PASSED
        outcome = self._try(mutant, tests)
        others = [test for test in everything if test not in set(tests)]
        if outcome is Outcome.PASSED and others and not is_explained:
            return self._try(mutant, others)
        return outcome

    def _try(self, mutant: Mutant, tests: Sequence[str]) -> Outcome:
        return forked(lambda: self._run(mutant.key.file, mutant.tree(), tests), self.output)

    def _control(self, file: str) -> Outcome:
        """As a mutant is tried, but unchanged, and by one test of each file of tests."""
        quickest = {reach.file_of(test): test for test in reversed(self.reach.quickest_first(self.reach.seconds))}
        tree = ast.parse((self.target.root / file).read_text())
        return forked(lambda: self._run(file, tree, list(quickest.values())), self.output)

    def _run(self, file: str, tree: ast.Module, tests: Sequence[str]) -> int:
        replaced: Mapping[pathlib.Path, ast.Module] = {self.target.root / file: tree}
        return trial.run(replaced, self.target.root / self.target.source, tests, self.reach.seconds)
