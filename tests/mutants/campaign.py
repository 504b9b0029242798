"""Tries every mutant of some files by the tests that hold them to their rules."""

import ast
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.mutants import trial
from tests.mutants.host import Asked, Host
from tests.mutants.processes import Outcome, forked
from tests.mutants.reach import Reach, file_of, read, watch
from tests.mutants.source import Key, Mutant, mutants
from tests.mutants.trial import Trials

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
    only: tuple[str, ...] = ("*.py",)
    """Its files that are mutated, as patterns."""

    def files(self, wanted: Iterable[pathlib.Path]) -> list[str]:
        """Those of its files that are wanted: named, or within a folder that is."""
        paths = list(wanted)
        found = sorted({file for pattern in self.only for file in (self.root / self.folder).rglob(pattern)})
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


class Campaign:
    """A target, what its tests reach, and which of them failed for what."""

    def __init__(self, target: Target, reached: Reach, scratch: pathlib.Path) -> None:
        self._target = target
        self._reach = reached
        self._source = target.root / target.source
        self._trials = Trials(
            reached.seconds, target.examples, output=scratch / "output.txt", running=scratch / "running.txt"
        )
        self._host = Host(target.root, self._source, _tests(target), self._trials)
        self._failed: dict[tuple[str, str], list[str]] = {}
        """File, function -> the tests that failed for its mutants, the last one first."""

    @classmethod
    def begin(cls, target: Target, files: Sequence[str], scratch: pathlib.Path) -> "Campaign":
        """Run the tests of the target as it is, and see that an unchanged file survives a trial."""
        told, output = scratch / "reach.json", scratch / "output.txt"
        paths, source = {file: target.root / file for file in files}, target.root / target.source
        watched = forked(lambda: watch(paths, source, _tests(target), told, target.examples), output)
        if watched is not Outcome.PASSED:
            raise BrokenError(output.read_text())
        campaign = cls(target, read(told), scratch)
        if any(outcome is not Outcome.PASSED for outcome in campaign._controls(files[0])):
            raise BrokenError(output.read_text())
        return campaign

    def end(self) -> None:
        self._host.close()

    def tried(self, file: str, explained: Collection[Key]) -> Iterator[Tried]:
        """The mutants of a file, one after the other."""
        for number, mutant in enumerate(mutants(self._target.root / file, file)):
            outcome = self._outcome(mutant, number, is_explained=mutant.key in explained)
            yield Tried(mutant.key, mutant.line, outcome)

    def _outcome(self, mutant: Mutant, number: int, *, is_explained: bool) -> Outcome:
        """Survivors are tried by all tests then: only the first of those that share a result is seen to reach it."""
        everything = self._reach.quickest_first(self._reach.seconds)
        tests = self._reach.of((mutant.key.file, mutant.line)) if mutant.is_in_function else everything
        if not tests:
            return Outcome.PASSED
        outcome = self._try(mutant, number, tests)
        others = [test for test in everything if test not in set(tests)]
        if outcome is Outcome.PASSED and others and not is_explained:
            return self._try(mutant, number, others)
        return outcome

    def _try(self, mutant: Mutant, number: int, tests: Sequence[str]) -> Outcome:
        """A function's mutants are mostly noticed by the same few tests."""
        file, running, among = mutant.key.file, self._trials.running, set(tests)
        failed = self._failed.setdefault((file, mutant.key.function), [])
        likely = [test for test in failed if test in among][:LIKELY]
        others = [test for test in tests if test not in likely]
        running.unlink(missing_ok=True)
        outcome = None
        if mutant.is_in_function and (file, mutant.line) not in self._reach.early:
            outcome = self._host.outcome(Asked(file, number, [*likely, *others]))
        if outcome is None:
            outcome = self._imported(file, mutant.tree, [likely, others])
        last = running.read_text() if running.exists() else ""
        if outcome is not Outcome.PASSED and self._reach.seconds.get(last, QUICK) < QUICK:
            failed[:] = [last, *(test for test in failed if test != last)]
        return outcome

    def _imported(self, file: str, tree: Callable[[], ast.Module], tests: Sequence[Sequence[str]]) -> Outcome:
        """Tried in a process that imports the file, and all tests, with the change."""
        path, source, trials = self._target.root / file, self._source, self._trials
        return forked(lambda: trial.run({path: tree()}, source, tests, trials), trials.output)

    def _controls(self, file: str) -> Iterator[Outcome | None]:
        """As mutants are tried, but unchanged, and by one test of each file of tests."""
        quickest = {file_of(test): test for test in reversed(self._reach.quickest_first(self._reach.seconds))}
        tests = list(quickest.values())
        yield self._imported(file, lambda: ast.parse((self._target.root / file).read_text()), [tests])
        yield self._host.outcome(Asked(file, None, tests))


def _tests(target: Target) -> list[str]:
    return [str(test) for pattern in target.tests for test in sorted(target.root.glob(pattern))]
