"""Which tests reach which statement, and how long each takes: all run once, while every statement reports itself."""

import ast
import importlib
import json
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from tests.mutants import loading
from tests.mutants.examples import lighten
from tests.mutants.processes import FLAGS

_REPORT: Final = "__reached__"
Statement = tuple[str, int]
"""A file, as it is named, and a line."""


@dataclass(frozen=True)
class Reach:
    """What a run of all tests told."""

    seconds: Mapping[str, float]
    """Test -> its processor time, in the order of the run."""
    tests: Mapping[Statement, frozenset[str]]
    """Statement -> the tests that reach it, or whose file does while it is imported."""
    at_import: frozenset[Statement]
    """Statements of functions that run when the product is imported: all tests reach them."""
    early: frozenset[Statement]
    """These, and those that run when tests are imported."""

    def of(self, statement: Statement) -> list[str]:
        """The tests that reach a statement of a function, the quickest first."""
        found = self.seconds if statement in self.at_import else self.tests.get(statement, frozenset())
        return self.quickest_first(found)

    def quickest_first(self, tests: Sequence[str] | frozenset[str] | Mapping[str, float]) -> list[str]:
        return sorted(tests, key=lambda test: (self.seconds[test], test))


def file_of(test: str) -> str:
    """The file of a test, by its name."""
    return test.partition("::")[0]


class _Reporting(ast.NodeTransformer):
    """Puts a report before each statement of each function."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if self._depth:
            for block in ("body", "orelse", "finalbody"):
                statements = getattr(node, block, None)
                if isinstance(statements, list):
                    setattr(node, block, [each for statement in statements for each in self._reported(statement)])
        return node

    def _reported(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        place: list[ast.expr] = [ast.Constant(self._name), ast.Constant(statement.lineno)]
        yield ast.copy_location(ast.Expr(ast.Call(ast.Name(_REPORT, ast.Load()), place, [])), statement)
        yield statement


class _Watch:
    """A pytest plugin: what is reached while each file is read and each test runs."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self.reached: set[Statement] = set()
        self.by_file: dict[str, list[Statement]] = {}
        self.by_test: dict[str, tuple[float, list[Statement]]] = {}

    def report(self, name: str, line: int) -> None:
        self.reached.add((name, line))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        lighten(items, self._examples)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        self.reached.clear()
        result = yield
        if isinstance(collector, pytest.Module):
            self.by_file[collector.nodeid] = sorted(self.reached)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.reached.clear()
        began = time.process_time()
        result = yield
        self.by_test[item.nodeid] = (time.process_time() - began, sorted(self.reached))
        return result


def watch(
    files: Mapping[str, pathlib.Path], source: pathlib.Path, tests: Sequence[str], out: pathlib.Path, examples: int
) -> int:
    """Run the tests, properties with so many examples, and write what they reach. For a process of its own."""
    plugin = _Watch(examples)
    trees = {file: _reporting(file, name) for name, file in files.items()}
    loading.replace(trees, source, **{_REPORT: plugin.report})
    for file in files.values():
        importlib.import_module(loading.module_name(file, source))
    at_import = sorted(plugin.reached)
    status = pytest.main([*FLAGS, *tests], plugins=[plugin])
    out.write_text(json.dumps({"import": at_import, "files": plugin.by_file, "tests": plugin.by_test}))
    return int(status)


def _reporting(file: pathlib.Path, name: str) -> ast.Module:
    tree = ast.parse(file.read_text(), file.name)
    _Reporting(name).visit(tree)
    return ast.fix_missing_locations(tree)


def read(out: pathlib.Path) -> Reach:
    """What `watch` wrote."""
    told: dict[str, Any] = json.loads(out.read_text())
    tests: dict[Statement, set[str]] = {}
    for test, (_, reached) in told["tests"].items():
        for name, line in (*reached, *told["files"].get(file_of(test), ())):
            tests.setdefault((name, line), set()).add(test)
    at_import = frozenset((name, line) for name, line in told["import"])
    return Reach(
        seconds={test: seconds for test, (seconds, _) in told["tests"].items()},
        tests={statement: frozenset(found) for statement, found in tests.items()},
        at_import=at_import,
        early=at_import.union((name, line) for reached in told["files"].values() for name, line in reached),
    )
