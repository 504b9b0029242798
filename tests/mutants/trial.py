"""Tries one mutant: runs the tests that reach it until one fails; first those that are likely to, then the quickest."""

import ast
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from tests.mutants import loading
from tests.mutants.examples import lighten
from tests.mutants.processes import FLAGS, limit_processor_time
from tests.mutants.reach import file_of

IMPORTS: Final = 120
"""Seconds of processor time to read a file of tests."""


@dataclass(frozen=True)
class Trials:
    """What all trials have in common."""

    seconds: Mapping[str, float]
    """Test -> what it takes."""
    examples: int
    """For each property of the soak, at most."""
    output: pathlib.Path
    running: pathlib.Path
    """Where to write which test runs, so that it is known which was the last."""

    def begin(self, test: str) -> None:
        """A test begins, with a limit of processor time."""
        self.running.write_text(test)
        limit_processor_time(2 + 20 * self.seconds[test])


@dataclass(frozen=True)
class _Only:
    """A pytest plugin: only these tests, in this order."""

    tests: Sequence[str]
    trials: Trials

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        missing = [test for test in self.tests if test not in by_id]
        if missing:
            raise pytest.UsageError(f"there is no {missing[0]} any more")
        items[:] = [by_id[test] for test in self.tests]
        lighten(items, self.trials.examples)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.trials.begin(item.nodeid)
        return (yield)


def run(
    replaced: Mapping[pathlib.Path, ast.Module],
    source: pathlib.Path,
    tests: Sequence[Sequence[str]],
    trials: Trials,
) -> int:
    """For a process of its own: these tests, group by group. Zero if every test passes, and all are there."""
    loading.replace(replaced, source)
    for group in tests:
        for file, chosen in _by_file(group, trials.seconds):
            limit_processor_time(IMPORTS)
            status = int(pytest.main([*FLAGS, file], plugins=[_Only(chosen, trials)]))
            if status:
                return status
    return 0


def _by_file(tests: Sequence[str], seconds: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    """Files of tests, in order of what they take."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(file_of(test), []).append(test)
    return sorted(files.items(), key=lambda each: (sum(seconds[test] for test in each[1]), each[0]))
