"""CEL expressions, compiled once and evaluated on plain values; errors are worded as the server words them.

Engine: cel-expr-python, Google's C++ CEL. The server runs cel-go; both implement
https://github.com/cel-expr/cel-spec/blob/master/doc/langdef.md, and the differences that matter are in ERRORS below
and in `subset`, which keeps rules away from the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from isochrone.admission import functions, syntax


class InvalidExpression(ValueError):  # noqa: N818 - reads as the fault it names
    pass


@dataclass(frozen=True, slots=True)
class Failure:
    """Evaluation ended in an error; `text` is cel-go's wording where it is known."""

    text: str


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    tree: syntax.Expr
    # What it reads, fields and variables.
    names: frozenset[str]
    uses_old: bool
    _compiled: Any

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The plain result, or a Failure."""
        result = self._compiled.eval(data=variables)
        if result.type() == cel.Type.ERROR:
            return Failure(_reworded(str(result.value())))
        return result.plain_value()


# What the C++ runtime says, and what cel-go says instead.
ERRORS: Final = (
    (re.compile(r'Key not found in map : "?(.*?)"?'), r"no such key: \1"),
    (re.compile(r"Index error: index=(-?[0-9]+) size=[0-9]+"), r"index out of bounds: \1"),
    (re.compile(r"divide by zero"), "division by zero"),
    (
        re.compile(r"No matching overloads found : .*|Applying SELECT to .*|Invalid container type: .*"),
        "no such overload",
    ),
)
_STATUS: Final = re.compile(r"[A-Z_]+: ")
_NO_OVERLOAD: Final = re.compile(r"No matching overloads found : (?:\(\w+\)\.)?([^(]+)\((\w*).*\)", re.DOTALL)
_COMPARABLE: Final = frozenset({"bool", "bytes", "double", "duration", "int64", "string", "timestamp", "uint64"})
_NUMBERS: Final = frozenset({"double", "int64", "uint64"})
# The types that have the operator at all: with another operand of theirs cel-go leaves the operator unnamed.
_OPERATORS: Final = {
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _COMPARABLE),
    "_+_": _COMPARABLE - {"bool"} | {"list"},
    "_-_": _NUMBERS | {"duration", "timestamp"},
    **dict.fromkeys(("_*_", "_/_"), _NUMBERS),
    "_%_": _NUMBERS - {"double"},
    "-_": _NUMBERS - {"uint64"} | {"duration"},
    "!_": frozenset({"bool"}),
}


def _reworded(text: str) -> str:
    bare = _STATUS.sub("", text, count=1)
    if found := _NO_OVERLOAD.fullmatch(bare):
        function, operand = found[1], found[2]
        return "no such overload" if operand in _OPERATORS.get(function, ()) else f"no such overload: {function}"
    for pattern, wording in ERRORS:
        if found := pattern.fullmatch(bare):
            return found.expand(wording)
    return bare


@cache
def _environment() -> Any:
    return cel.NewEnv(
        variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN},
        functions=functions.declarations(),
        extensions=[ext_strings.ExtStrings()],
    )


@cache
def compiled(source: str) -> Expression:
    try:
        expression = _environment().compile(source)
    except RuntimeError as error:
        raise InvalidExpression(f"{source!r}: {error}") from error
    tree, names = syntax.decode(expression.serialize())
    return Expression(source, tree, frozenset(syntax.mentioned(tree)), "oldSelf" in names, expression)
