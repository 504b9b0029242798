"""Tries every mutant of some files by the tests that hold them to their rules."""

import ast
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.mutants import reach, trial
from tests.mutants.processes import Outcome, forked
from tests.mutants.source import Key, Mutant, mutants

QUICK: Final = 1
"""Seconds. What takes longer is not tried before the others, however likely it is to fail."""
LIKELY: Final = 3
"""So many tests, those that failed last within a function, are tried first."""


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
    examples: int = 100
    """Each property of the soak among the tests is tried by so many at most."""

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
    scratch: pathlib.Path
    failed: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """File, function -> the tests that failed for its mutants, the last one first."""

    @classmethod
    def begin(cls, target: Target, files: Sequence[str], scratch: pathlib.Path) -> "Campaign":
        """Run the tests of the target as it is, and see that an unchanged file survives a trial."""
        told, output = scratch / "reach.json", scratch / "output.txt"
        paths = {file: target.root / file for file in files}
        source = target.root / target.source
        tests = [str(test) for pattern in target.tests for test in sorted(target.root.glob(pattern))]
        if forked(lambda: reach.watch(paths, source, tests, told, target.examples), output) is not Outcome.PASSED:
            raise BrokenError(output.read_text())
        campaign = cls(target, reach.read(told), scratch)
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
        """A function's mutants are mostly noticed by the same few tests."""
        failed = self.failed.setdefault((mutant.key.file, mutant.key.function), [])
        likely = [test for test in failed if test in set(tests)][:LIKELY]
        outcome = self._forked(mutant.key.file, mutant.tree, [likely, [test for test in tests if test not in likely]])
        last = self._running.read_text() if self._running.exists() else ""
        if outcome is not Outcome.PASSED and self.reach.seconds.get(last, QUICK) < QUICK:
            failed[:] = [last, *(test for test in failed if test != last)]
        return outcome

    def _control(self, file: str) -> Outcome:
        """As a mutant is tried, but unchanged, and by one test of each file of tests."""
        quickest = {reach.file_of(test): test for test in reversed(self.reach.quickest_first(self.reach.seconds))}
        return self._forked(file, lambda: ast.parse((self.target.root / file).read_text()), [list(quickest.values())])

    def _forked(self, file: str, tree: Callable[[], ast.Module], tests: Sequence[Sequence[str]]) -> Outcome:
        self._running.unlink(missing_ok=True)
        return forked(lambda: self._run(file, tree(), tests), self.scratch / "output.txt")

    def _run(self, file: str, tree: ast.Module, tests: Sequence[Sequence[str]]) -> int:
        target = self.target
        chosen = trial.Chosen(tests, self.reach.seconds, target.examples, self._running)
        return trial.run({target.root / file: tree}, target.root / target.source, chosen)

    @property
    def _running(self) -> pathlib.Path:
        """Where a trial writes which test runs."""
        return self.scratch / "running.txt"
