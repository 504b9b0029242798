"""Validation of a value against a structural schema: types, bounds, enums, junctors, at every depth.

Spec: k8s.io/kube-openapi/pkg/validation/validate (release 1.37), with its quirks, because the verdict must be the
server's. On updates a value that did not change keeps its faults (ratcheting), except those inside junctors' branches.
"""

from collections.abc import Iterator
from typing import Any, Final

from isochrone.admission import bounds, equality, formats, gotext
from isochrone.admission.correlate import Pair
from isochrone.admission.finding import Finding, child, invalid, not_supported, subscript
from isochrone.admission.outcome import Fault, Outcome, mistyped, plain
from isochrone.admission.structure import Node

_TYPE_META: Final = frozenset({"apiVersion", "kind"})


def validate(root: Node, obj: dict[str, Any], pair: Pair | None = None) -> list[Finding]:
    return [fault.finding for fault in _check(root, obj, "", pair).faults]


def _check(node: Node, value: Any, path: str, pair: Pair | None) -> Outcome:
    """Every validator that applies counts as one passed check, and so does the schema."""
    outcome = Outcome()
    if value is None:
        outcome.add(_null(node, path))
        outcome.passed = int(outcome.valid)
        outcome.add(_enum(node, value, path))
        return outcome
    if node.types or node.format:
        faults = list(_type(node, value, path))
        outcome.add(faults)
        outcome.passed += 1 + int(not faults)
    outcome.merge(_junctors(node, value, path))
    outcome.passed += 2
    outcome.merge(_kind(node, value, path, pair))
    outcome.add(_enum(node, value, path))
    outcome.passed += 2
    if outcome.faults and pair is not None and pair.unchanged():
        outcome.faults.clear()
    return outcome


def _kind(node: Node, value: Any, path: str, pair: Pair | None) -> Outcome:
    """The checks for the type that the value has, whichever the schema wants."""
    match value:
        case bool():
            return Outcome()
        case str():
            return _string(node, value, path)
        case int() | float():
            return Outcome(list(bounds.number(value, node, path)), passed=2)
        case list():
            return _items(node, value, path, pair)
        case _:
            return _properties(node, value, path, pair)


def _string(node: Node, value: str, path: str) -> Outcome:
    outcome = Outcome(list(bounds.string(value, node, path)), passed=1)
    if formats.is_string_format(node.format):
        outcome.add(_format(node, value, path))
        outcome.passed += 1
    return outcome


def _null(node: Node, path: str) -> Iterator[Fault]:
    if node.types and not node.nullable:
        yield mistyped(path, ",".join(node.types), "null")


def _type(node: Node, value: Any, path: str) -> Iterator[Fault]:
    actual, format_ = _described(value)
    numeric = "number" in node.types or "integer" in node.types
    fits = (
        actual in node.types
        or (actual == "number" and "integer" in node.types and bounds.is_whole(value))
        or (actual == "integer" and "number" in node.types)
    )
    if node.format and actual not in ("string", "array") and not fits and format_ != node.format:
        yield mistyped(path, node.format, format_)
    elif node.format and actual in ("string", "array") and not numeric:
        # The server leaves strings to the format, and lists slip through with them.
        return
    elif not fits:
        yield mistyped(path, ",".join(node.types), actual)


def _described(value: Any) -> tuple[str, str]:
    match value:
        case bool():
            return "boolean", ""
        case str():
            return "string", ""
        case int():
            return "integer", "int64"
        case float():
            return "number", "float64"
        case list():
            return "array", ""
        case _:
            return "object", ""


def _format(node: Node, value: str, path: str) -> Iterator[Fault]:
    if not formats.valid(node.format, value):
        yield mistyped(path, node.format, value)


def _enum(node: Node, value: Any, path: str) -> Iterator[Fault]:
    if node.enum and not any(_equals(value, allowed) for allowed in node.enum):
        shown = [each if isinstance(each, str) else gotext.json_text(each) for each in node.enum]
        listed = " ".join(map(gotext.scalar, node.enum))
        text = f"{path} in body should be one of [{listed}]"
        yield Fault(text, not_supported(path, value, shown))


def _equals(value: Any, allowed: Any) -> bool:
    """Go converts the value to the type of the enum's before it compares: 1.5 becomes 1, and 65 becomes "A"."""
    match value, allowed:
        case (None, _) | (_, None):
            return False
        case (bool(), _) | (_, bool()):
            return equality.same(value, allowed)
        case ((int() | float()), int()):
            return int(value) == allowed
        case ((int() | float()), float()):
            return float(value) == allowed
        case int(), str():
            return len(allowed) == 1 and value == ord(allowed)
        case _:
            return equality.same(value, allowed)


def _items(node: Node, value: list[Any], path: str, pair: Pair | None) -> Outcome:
    outcome = Outcome(passed=2)
    if node.items is not None:
        for index, item in enumerate(value):
            at = subscript(path, index)
            outcome.merge(_check(node.items, item, at, pair.item(index) if pair else None))
    outcome.add(bounds.items(value, node, path))
    return outcome


def _properties(node: Node, value: dict[str, Any], path: str, pair: Pair | None) -> Outcome:
    outcome = Outcome(list(bounds.properties(value, node, path)), passed=1)
    if node.additional is False:
        outcome.add(_forbidden(node, value, path))
    elif node.values is not None:
        for key in sorted(value.keys() - node.properties.keys()):
            below = pair.field(key) if pair else None
            outcome.merge(_check(node.values, value[key], f"{path}.{key}", below))
    for name, sub in node.properties.items():
        if name in value:
            # Old and new are converted to one version, so a change of these two can't be seen.
            hidden = path == "" and name in _TYPE_META
            below = pair.field(name) if pair is not None and not hidden else None
            outcome.merge(_check(sub, value[name], child(path, name), below))
    outcome.add(bounds.missing(value, node, path))
    return outcome


def _forbidden(node: Node, value: dict[str, Any], path: str) -> Iterator[Fault]:
    for key in sorted(value.keys() - node.properties.keys()):
        text = f"{path}.{key} in body is a forbidden property"
        yield Fault(text, invalid(path, key, text))


def _junctors(node: Node, value: Any, path: str) -> Outcome:
    outcome = Outcome()
    quoted = gotext.quote(path)
    if node.any_of:
        outcome.merge(_any_of(node.any_of, value, path))
    if node.one_of:
        outcome.merge(_one_of(node.one_of, value, path))
    if node.all_of:
        results = [_check(sub, value, path, None) for sub in node.all_of]
        for result in results:
            outcome.merge(result)
        valid = sum(result.valid for result in results)
        if valid < len(results):
            none = "" if valid else ". None validated"
            outcome.add([plain(f"{quoted} must validate all the schemas (allOf){none}")])
    if node.not_ is not None and _check(node.not_, value, path, None).valid:
        outcome.add([plain(f"{quoted} must not validate the schema (not)")])
    return outcome


def _any_of(alternatives: tuple[Node, ...], value: Any, path: str) -> Outcome:
    outcome = Outcome()
    best: Outcome | None = None
    for alternative in alternatives:
        result = _check(alternative, value, path, None)
        if result.valid:
            return result
        if best is None or result.passed > best.passed:
            best = result
    outcome.add([plain(f"{gotext.quote(path)} must validate at least one schema (anyOf)")])
    outcome.merge(best or Outcome())
    return outcome


def _one_of(alternatives: tuple[Node, ...], value: Any, path: str) -> Outcome:
    results = [_check(alternative, value, path, None) for alternative in alternatives]
    valid = [result for result in results if result.valid]
    if len(valid) == 1:
        return valid[0]
    outcome = Outcome()
    found = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    outcome.add([plain(f"{gotext.quote(path)} must validate one and only one schema (oneOf). {found}")])
    if not valid:
        outcome.merge(max(results, key=lambda result: result.passed))
    return outcome
