"""A process in which the product and all tests are imported, and that forks for each mutant.

What is changed there is the code of one function, so nothing has to be imported anew. That is the same as if the change
had been there all along only if the changed statement didn't run while all that was imported; the caller sees to that.
"""

import functools
import gc
import importlib
import itertools
import multiprocessing
import os
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pytest
from tests.mutants import loading, patching
from tests.mutants.examples import lighten
from tests.mutants.processes import FLAGS, Outcome, forked, limit_processor_time
from tests.mutants.source import mutants
from tests.mutants.trial import Trials


@dataclass(frozen=True)
class Asked:
    """A mutant, by its number in the file, to be tried by these tests in this order. No number: nothing is changed."""

    file: str
    number: int | None
    tests: Sequence[str]


class Host:
    """What speaks to that process."""

    def __init__(self, root: pathlib.Path, source: pathlib.Path, tests: Sequence[str], trials: Trials) -> None:
        context = multiprocessing.get_context("fork")
        self._connection, other = context.Pipe()
        serving = _Serving(root, source, trials, other)
        self._process = context.Process(target=serving.serve, args=(tests,), daemon=True)
        self._process.start()
        other.close()

    def outcome(self, asked: Asked) -> Outcome | None:
        """What became of a mutant; None if it can't be tried here."""
        self._connection.send(asked)
        answer: Outcome | None = self._connection.recv()
        return answer

    def close(self) -> None:
        self._connection.send(None)
        self._process.join()


class _Serving:
    """A pytest plugin: the tests aren't run, but forked for each mutant that is asked for."""

    def __init__(self, root: pathlib.Path, source: pathlib.Path, trials: Trials, asked: Connection) -> None:
        self._root = root
        self._source = source
        self._trials = trials
        self._asked = asked
        self._has_failed = False
        self._mutants = functools.cache(lambda file: mutants(root / file, file))

    def serve(self, tests: Sequence[str]) -> None:
        with self._trials.output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        pytest.main([*FLAGS, "-s", *tests], plugins=[self])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        lighten(items, self._trials.examples)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        while (asked := self._asked.recv()) is not None:
            self._asked.send(self._outcome(asked, items))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._trials.begin(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._has_failed |= report.failed

    def _outcome(self, asked: Asked, items: dict[str, Any]) -> Outcome | None:
        if asked.number is None:
            return forked(lambda: self._run(asked.tests, items), self._trials.output)
        mutant = self._mutants(asked.file)[asked.number]
        module = importlib.import_module(loading.module_name(self._root / asked.file, self._source))
        function = patching.function_at(module, mutant.whole, mutant.line)
        if function is None:
            return None

        def work() -> int:
            patching.put(function, mutant.tree())
            return self._run(asked.tests, items)

        return forked(work, self._trials.output)

    def _run(self, tests: Sequence[str], items: dict[str, Any]) -> int:
        """One if a test fails."""
        for item, following in itertools.pairwise([*(items[test] for test in tests), None]):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._has_failed:
                return 1
        limit_processor_time(0)
        return 0
