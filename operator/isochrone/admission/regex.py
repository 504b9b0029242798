"""Regular expressions as the server runs them: RE2 syntax, unanchored search.

The server uses Go's regexp, whose syntax and results are RE2's. The CEL library holds an RE2, so patterns of the
schema and `matches()` in rules go through one engine.
"""

from functools import cache
from typing import Any

from cel_expr_python import cel


class InvalidPattern(ValueError):  # noqa: N818 - reads as the fault it names
    pass


@cache
def _environment() -> Any:
    return cel.NewEnv(variables={"text": cel.Type.STRING})


@cache
def _compiled(pattern: str) -> Any:
    literal = "".join(f"\\U{ord(char):08x}" for char in pattern)
    return _environment().compile(f"text.matches('{literal}')")


def visible(text: str) -> str:
    """The CEL library cuts strings at NUL, so it gets another control character in its place."""
    return text.replace("\0", "\x01")


def found(pattern: str, text: str) -> bool:
    result = _compiled(pattern).eval(data={"text": visible(text)})
    if result.type() != cel.Type.BOOL:
        raise InvalidPattern(f"{pattern!r}: {result.value()}")
    return bool(result.value())
