"""The lint that keeps CRDs in the part of CEL, RE2 and JSON Schema where the server and this package decide alike.

What it refuses works on a server. It is refused because the C++ CEL library or Python would judge it otherwise, or
because the server may refuse the CRD for the estimated cost of a rule
(https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints). The estimate itself is the server's to make.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from isochrone.admission import expressions, patterns, structure, syntax
from isochrone.admission.shapes import Reader, Shape
from isochrone.admission.structure import Node, Rule

_REASONS: Final = frozenset(
    {None, "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"}
)


def lint_crd(crd: Mapping[str, Any]) -> list[str]:
    """Complaints, each with the version and the field; none = every verdict of this package is the server's."""
    complaints: list[str] = []
    for version in crd["spec"]["versions"]:
        try:
            root = structure.parse(version["schema"]["openAPIV3Schema"])
        except ValueError as error:
            complaints.append(f"{version['name']}: {error}")
        else:
            # The root has an apiVersion, a kind and a metadata, as embedded resources do.
            complaints += (f"{version['name']}: {each}" for each in _node(replace(root, embedded=True), "", ""))
    return complaints


def _node(node: Node, path: str, unbounded: str) -> Iterator[str]:
    """`unbounded` is the nearest list or map above that has no limit."""
    for difference in patterns.differences(node.pattern) if node.pattern else ():
        yield f"{path}: pattern {node.pattern!r}: {difference}"
    if node.rules and unbounded:
        yield f"{path}: rules below {unbounded}, which has no maxItems or maxProperties"
    for rule in node.rules:
        yield from (f"{path or 'root'}: rule {rule.expression!r}: {each}" for each in _rule(rule, node))
    for at, sub in _below(node, path):
        yield from _node(sub, at, unbounded if at.startswith(f"{path}.") or not path else _limit(node, path, unbounded))
    for junctor in (*node.all_of, *node.any_of, *node.one_of, *([node.not_] if node.not_ else [])):
        yield from _node(junctor, path, unbounded)


def _limit(node: Node, path: str, unbounded: str) -> str:
    limited = "maxItems" in node.bounds or "maxProperties" in node.bounds
    return unbounded if limited else unbounded or path


def _below(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    for name, sub in node.properties.items():
        yield (f"{path}.{name}" if path else name), sub
    if node.items is not None:
        yield f"{path}[]", node.items
    if node.values is not None:
        yield f"{path}[]", node.values


def _rule(rule: Rule, node: Node) -> Iterator[str]:
    if not rule.message.strip() and not rule.message_expression.strip():
        yield "has neither message nor messageExpression"
    if "\n" in rule.message.strip():
        yield "its message has more than one line"
    if rule.reason not in _REASONS:
        yield f"unknown reason {rule.reason}"
    yield from _expression(rule.expression, "bool", node)
    if rule.message_expression:
        yield from (f"messageExpression: {each}" for each in _expression(rule.message_expression, "string", node))


def _expression(source: str, expected: str, node: Node) -> Iterator[str]:
    try:
        expression = expressions.compiled(source)
    except expressions.InvalidExpression as error:
        yield f"doesn't compile: {error}"
        return
    reader = Reader()
    result = reader.follow(expression.tree, {"self": Shape(node), "oldSelf": Shape(node)})
    yield from dict.fromkeys(reader.complaints)
    yield from _unguarded(expression.tree)
    if result.known not in (expected, ""):
        yield f"gives {result.known}, not {expected}"


def _unguarded(tree: syntax.Expr) -> Iterator[str]:
    """The libraries read odd durations differently ("inf", "1µs", a thousand years), plain ones alike."""
    calls = [each for each in syntax.walk(tree) if isinstance(each, syntax.Call)]
    matched = [call.target for call in calls if call.function == "matches"]
    for call in calls:
        argument = call.arguments[0] if call.function == "duration" else None
        if argument is not None and not isinstance(argument, syntax.Literal) and argument not in matched:
            yield "duration of a text that no matches() of the rule keeps to plain durations"
