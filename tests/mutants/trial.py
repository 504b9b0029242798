"""Tries one mutant: runs the tests that reach it until one fails, the quickest file and the quickest test first."""

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
class _Chosen:
    """A pytest plugin: only these tests, in this order, each within a limit of processor time."""

    tests: Sequence[str]
    seconds: Mapping[str, float]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        missing = [test for test in self.tests if test not in by_id]
        if missing:
            raise pytest.UsageError(f"there is no {missing[0]} any more")
        items[:] = [by_id[test] for test in self.tests]
        lighten(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        limit_processor_time(2 + 20 * self.seconds[item.nodeid])
        return (yield)


def run(
    replaced: Mapping[pathlib.Path, ast.Module],
    source: pathlib.Path,
    tests: Sequence[str],
    seconds: Mapping[str, float],
) -> int:
    """For a process of its own. Zero if every test passes, and all are still there."""
    loading.replace(replaced, source)
    for file, chosen in _by_file(tests, seconds):
        limit_processor_time(IMPORTS)
        status = int(pytest.main([*FLAGS, file], plugins=[_Chosen(chosen, seconds)]))
        if status:
            return status
    return 0


def _by_file(tests: Sequence[str], seconds: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    """Files of tests, in order of what they take."""
    files: dict[str, list[str]] = {}
    for test in tests:
        files.setdefault(file_of(test), []).append(test)
    return sorted(files.items(), key=lambda each: (sum(seconds[test] for test in each[1]), each[0]))
