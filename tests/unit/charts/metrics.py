"""Metrics that operator and gateways really export, and metrics that an expression of Prometheus asks for."""

import ast
import functools
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry
from tests.unit.status.network import calm, told

from isochrone.controller.metrics import Metrics

GATEWAY: Final = pathlib.Path(__file__).parents[3] / "gateway" / "isochrone_gateway"
SCRAPED: Final = frozenset({"job", "pod", "instance", "le"})
"""Labels that Prometheus adds; `le` is of histograms."""

_HISTOGRAM: Final = ("_bucket", "_sum", "_count")
_METRIC: Final = re.compile(r"\b((?:isochrone|gen_ai)_\w+)(?:\{([^}]*)\})?")
_GROUPING: Final = re.compile(r"\b(by|on|without|ignoring)\s*\(([^)]*)\)")


@functools.cache
def exported() -> Mapping[str, frozenset[str]]:
    """Name of each series -> its labels."""
    return {**_of_operator(), **_of_gateway()}


def _of_operator() -> dict[str, frozenset[str]]:
    registry = CollectorRegistry()
    Metrics(registry).told(told(calm()))
    known: Mapping[str, Any] = registry._names_to_collectors
    return {name: frozenset(each._labelnames) for name, each in known.items()}


def _of_gateway() -> dict[str, frozenset[str]]:
    """Read from the source: there are half a dozen registries, and most have to run to be filled."""
    found: dict[str, frozenset[str]] = {}
    for file in GATEWAY.rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            found |= dict(_made(node, tree))
    return found


def _made(node: ast.AST, tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    match node:
        case ast.Call(
            func=ast.Attribute(attr="counter" | "gauge" | "histogram" as kind), args=[ast.Constant(str(name)), _, *rest]
        ):
            labels = frozenset(word for each in rest for word in _words(each, tree))
            yield from ((name + suffix, labels) for suffix in (_HISTOGRAM if kind == "histogram" else ("",)))
        case ast.Assign(targets=[ast.Name("_FACTS")], value=ast.Dict(keys=keys)):
            yield from ((str(key.value), frozenset()) for key in keys if isinstance(key, ast.Constant))


def _words(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The texts in an argument; those of a constant of the module that it names, too."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.Name):
            yield from (word for found in _constants(tree, each.id) for word in _words(found, tree))


def _constants(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    for each in tree.body:
        match each:
            case ast.AnnAssign(target=ast.Name(found), value=value) if found == name and value is not None:
                yield value


def used(expression: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Name -> labels by which it is chosen."""
    bare = _GROUPING.sub("", re.sub(r"label_values\(([^,)]*),[^)]*\)", r"\1", expression))
    for name, matchers in _METRIC.findall(bare):
        yield name, frozenset(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def grouped(expression: str) -> frozenset[str]:
    """Labels by which anything in the expression is summed up or joined."""
    words = ",".join(group for _, group in _GROUPING.findall(expression))
    return frozenset(word.strip() for word in words.split(",") if word.strip())
