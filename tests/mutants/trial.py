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
class Chosen:
    """What to run."""

    groups: Sequence[Sequence[str]]
    """Tests, one group after the other; of each group the quickest file first."""
    seconds: Mapping[str, float]
    """Test -> what it takes."""
    examples: int
    """For each property of the soak, at most."""
    running: pathlib.Path
    """Where to write which test runs, so that it is known which was the last."""


@dataclass(frozen=True)
class _Only:
    """A pytest plugin: only these tests, in this order, each within a limit of processor time."""

    tests: Sequence[str]
    chosen: Chosen

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        missing = [test for test in self.tests if test not in by_id]
        if missing:
            raise pytest.UsageError(f"there is no {missing[0]} any more")
        items[:] = [by_id[test] for test in self.tests]
        lighten(items, self.chosen.examples)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.chosen.running.write_text(item.nodeid)
        limit_processor_time(2 + 20 * self.chosen.seconds[item.nodeid])
        return (yield)


def run(replaced: Mapping[pathlib.Path, ast.Module], source: pathlib.Path, chosen: Chosen) -> int:
    """For a process of its own. Zero if every test passes, and all are still there."""
    loading.replace(replaced, source)
    for group in chosen.groups:
        for file, tests in _by_file(group, chosen.seconds):
            limit_processor_time(IMPORTS)
            status = int(pytest.main([*FLAGS, file], plugins=[_Only(tests, chosen)]))
            if status:
                return status
    return 0


def _by_file(tests: Sequence[str], seconds: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    """Files of tests, in order of what they take."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(file_of(test), []).append(test)
    return sorted(files.items(), key=lambda each: (sum(seconds[test] for test in each[1]), each[0]))
