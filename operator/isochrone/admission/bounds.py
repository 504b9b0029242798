"""Numeric and length bounds, with the server's arithmetic.

JSON Schema validation of the API server: k8s.io/kube-openapi/pkg/validation/validate/values.go (release 1.37). An
integer is compared with bounds cut to integers, and a bound that is no integer is itself an error then.
"""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from isochrone.admission import equality, gotext, regex
from isochrone.admission.finding import invalid, required, too_long, too_many
from isochrone.admission.outcome import Fault, fault, plain
from isochrone.admission.structure import Node

_MAX_SAFE: Final = 2**53 - 1
_EPSILON: Final = 1e-9
_RANGES: Final = {"int32": range(-(2**31), 2**31)}
_INT64: Final = range(-(2**63), 2**63)
_FLOAT32_MAX: Final = 3.4028235677973366e38


def is_whole(number: float) -> bool:
    """Whether the server takes the float for an integer: exact up to 2^53, and a billionth off is whole."""
    if not -_MAX_SAFE <= number <= _MAX_SAFE:
        return False
    rounded = float(math.floor(abs(number) + 0.5))
    return abs(number) == rounded or (rounded != 0 and abs(abs(number) - rounded) < _EPSILON * rounded)


def number(value: float, node: Node, path: str) -> Iterator[Fault]:
    yield from _range(value, node, path, "Checked")
    for keyword, check, label in _NUMERIC:
        if keyword not in node.bounds:
            continue
        bound = float(node.bounds[keyword])
        misfit = list(_range(bound, node, path, label))
        yield from misfit
        whole = isinstance(value, int) and not misfit
        compared, limit = (value, int(bound)) if whole else (float(value), bound)
        if keyword == "multipleOf" and limit <= 0:
            # A factor below one, cut to an integer.
            text = f"factor MultipleOf declared for {path} must be positive: {gotext.number(limit)}"
            yield Fault(text, invalid(path, limit, text))
        elif complaint := check(compared, limit, node):
            yield fault(path, compared, complaint)


def _range(value: float, node: Node, path: str, label: str) -> Iterator[Fault]:
    """The value, or a bound of it, outside of its type and format."""
    described = f"{node.type} with format {node.format}" if node.format else f"{node.type} (default format)"
    if node.type == "integer":
        whole = isinstance(value, int) or value.is_integer()
        # Floats by their shortest digits, as the server prints them to read them back.
        fits = whole and int(Decimal(repr(value))) in _RANGES.get(node.format, _INT64)
    else:
        fits = node.type != "number" or node.format != "float" or abs(value) <= _FLOAT32_MAX
    if not fits:
        yield plain(f"{label} value must be of type {described} in {path}")


def _multiple(value: float, factor: float, _: Node) -> str:
    if isinstance(value, int) and isinstance(factor, int):
        return "" if value % factor == 0 else f"should be a multiple of {factor}"
    quotient = 1 / factor * value if factor < 1 else value / factor
    return "" if is_whole(quotient) else f"should be a multiple of {gotext.number(factor)}"


def _maximum(value: float, bound: float, node: Node) -> str:
    if "exclusiveMaximum" in node.exclusive:
        return "" if value < bound else f"should be less than {gotext.number(bound)}"
    return "" if value <= bound else f"should be less than or equal to {gotext.number(bound)}"


def _minimum(value: float, bound: float, node: Node) -> str:
    if "exclusiveMinimum" in node.exclusive:
        return "" if value > bound else f"should be greater than {gotext.number(bound)}"
    return "" if value >= bound else f"should be greater than or equal to {gotext.number(bound)}"


_NUMERIC: Final[tuple[tuple[str, Callable[[float, float, Node], str], str], ...]] = (
    ("multipleOf", _multiple, "MultipleOf"),
    ("minimum", _minimum, "Minimum boundary"),
    ("maximum", _maximum, "Maximum boundary"),
)


def string(value: str, node: Node, path: str) -> Iterator[Fault]:
    """The first failed check only; lengths count code points."""
    longest, shortest = node.bounds.get("maxLength"), node.bounds.get("minLength")
    if longest is not None and len(value) > longest:
        limit = int(longest)
        text = f"{path} in body should be at most {limit} chars long"
        yield Fault(text, too_long(path, limit))
    elif shortest is not None and len(value) < shortest:
        yield fault(path, value, f"should be at least {int(shortest)} chars long")
    elif node.pattern and not regex.found(node.pattern, value):
        yield fault(path, value, f"should match '{node.pattern}'")


def items(value: list[Any], node: Node, path: str) -> Iterator[Fault]:
    least, most = node.bounds.get("minItems"), node.bounds.get("maxItems")
    if least is not None and len(value) < least:
        yield fault(path, len(value), f"should have at least {int(least)} items")
    if most is not None and len(value) > most:
        text = f"{path} in body should have at most {int(most)} items"
        yield Fault(text, too_many(path, len(value), int(most)))
    if node.unique_items and _repeats(value):
        yield fault(path, "", "shouldn't contain duplicates")


def _repeats(value: list[Any]) -> bool:
    return any(equality.same(item, earlier) for index, item in enumerate(value) for earlier in value[:index])


def properties(value: dict[str, Any], node: Node, path: str) -> Iterator[Fault]:
    least, most = node.bounds.get("minProperties"), node.bounds.get("maxProperties")
    if least is not None and len(value) < least:
        yield fault(path, len(value), f"should have at least {int(least)} properties")
    if most is not None and len(value) > most:
        text = f"{path} in body should have at most {int(most)} properties"
        yield Fault(text, too_many(path, len(value), int(most)))


def missing(value: dict[str, Any], node: Node, path: str) -> Iterator[Fault]:
    for name in node.required:
        if name not in value:
            at = f"{path}.{name}"
            yield Fault(f"{at} in body is required", required(at.removeprefix(".")))
