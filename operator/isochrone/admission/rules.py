"""x-kubernetes-validations: CEL rules, run at each node of the schema that the object reaches.

Spec: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
and k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go (release 1.37). Not kept: the run-time cost
budget; the server's estimate at CRD creation is far stricter, and `subset` keeps rules bounded.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from isochrone.admission import celvalues, expressions, syntax
from isochrone.admission.celvalues import Misfit
from isochrone.admission.correlate import Pair, by_key
from isochrone.admission.expressions import Expression, Failure
from isochrone.admission.finding import (
    OMITTED,
    Finding,
    child,
    duplicate,
    forbidden,
    invalid,
    required,
    subscript,
)
from isochrone.admission.structure import Node, Rule

_TYPE_META: Final = frozenset({"apiVersion", "kind"})
_MAX_MESSAGE: Final = 5 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a rule runs. `pair` is None where no old value corresponds; then `above` is the nearest that had one."""

    path: str = ""
    old: Any = None
    pair: Pair | None = None
    above: Pair | None = None
    resource: bool = False

    def unchanged(self) -> bool:
        judged = self.pair or self.above
        return judged is not None and judged.unchanged()

    def field(self, key: str, path: str) -> "_Place":
        old = self.old.get(key) if isinstance(self.old, dict) else None
        if self.pair is None:
            return _Place(path, old, None, self.above)
        if self.above is None and key in _TYPE_META:
            return _Place(path, old)
        return _Place(path, old, self.pair.field(key), self.pair)

    def item(self, node: Node, index: int, value: Any) -> "_Place":
        path, old = subscript(self.path, index), by_key(node, self.old, value)
        if self.pair is None:
            return _Place(path, old, None, self.above)
        return _Place(path, old, self.pair.item(index), self.pair)


def validate(root: Node, obj: dict[str, Any], pair: Pair | None = None) -> list[Finding]:
    old = pair.old if pair else None
    return list(_walk(root, obj, _Place("", old, pair, resource=True)))


def _walk(node: Node, value: Any, place: _Place) -> Iterator[Finding]:
    if value is None or not node.has_rules:
        return
    if node.rules:
        yield from _run_all(node, value, place)
    match value:
        case list() if node.items is not None:
            for index, item in enumerate(value):
                below = replace(place.item(node, index, item), resource=node.items.embedded)
                yield from _walk(node.items, item, below)
        case dict():
            for key, item in value.items():
                yield from _walk_field(node, key, item, place)


def _walk_field(node: Node, key: str, item: Any, place: _Place) -> Iterator[Finding]:
    if node.values is not None:
        below = place.field(key, subscript(place.path, key))
        yield from _walk(node.values, item, replace(below, resource=node.values.embedded))
    sub = node.properties.get(key)
    if sub is not None and sub.exposed:
        below = place.field(key, child(place.path, key))
        yield from _walk(sub, item, replace(below, resource=sub.embedded))


def _run_all(node: Node, value: Any, place: _Place) -> Iterator[Finding]:
    variables = {"self": celvalues.visible(node, value, resource=place.resource)}
    if place.old is not None:
        variables["oldSelf"] = celvalues.visible(node, place.old, resource=place.resource)
    for rule in node.rules:
        expression = expressions.compiled(rule.expression)
        if expression.uses_old and place.old is None:
            continue
        result = _result(expression, variables)
        if isinstance(result, Failure):
            yield invalid(place.path, node.type, _failed(rule, result), rule=rule.expression)
        elif result is not True and (expression.uses_old or not place.unchanged()):
            shown = OMITTED if node.type in ("object", "array") else value
            yield _refusal(rule, shown, place.path, _message(rule, variables))


def _result(expression: Expression, variables: dict[str, Any]) -> Any:
    """What the rule says, or a Failure: as soon as it touches a misfit it is one."""
    result = expression.evaluate(variables)
    read = variables if expression.uses_old else {"self": variables["self"]}
    found = sorted(celvalues.misfits(read), key=lambda misfit: misfit.path[-1] not in expression.names)
    if not found:
        return result
    if isinstance(result, Failure):
        return Failure(found[0].text) if result.text.startswith("no such overload") else result
    names = {misfit.path[-1] for misfit in found}
    touched = [misfit for misfit in found if syntax.tolerates(expression.tree, misfit.path, names)]
    if isinstance(result, bytes) or touched:
        # Stricter than the server, where || and && may forgive the error.
        return Failure((touched or found)[0].text)
    if any(syntax.asked_for(expression.tree, name) for name in names):
        # The server fails at has() too, and forgives that if the answer makes no difference.
        others = (expression.evaluate(absent) for absent in _without(found, variables))
        return result if all(other is result for other in others) else Failure(found[0].text)
    return result


def _without(found: list[Misfit], variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The variables with the misfits taken out of some of them, and out of all."""
    names = sorted({misfit.path[0] for misfit in found})
    for count in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, count):
            yield variables | {name: celvalues.without_misfits(variables[name]) for name in chosen}


def _failed(rule: Rule, failure: Failure) -> str:
    if failure.text.startswith("no such overload"):
        return (
            f"'{failure.text}': call arguments did not match a supported operator, function or macro signature "
            f"for rule: {rule.title}"
        )
    return f"{failure.text} evaluating rule: {rule.title}"


def _refusal(rule: Rule, shown: Any, path: str, message: str) -> Finding:
    at = child(path, rule.field_path) if rule.field_path else path
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden(at, message, rule=rule.expression)
        case "FieldValueRequired":
            return required(at, message, rule=rule.expression)
        case "FieldValueDuplicate":
            return duplicate(at, shown, rule=rule.expression)
        case _:
            return invalid(at, shown, message, rule=rule.expression)


def _message(rule: Rule, variables: dict[str, Any]) -> str:
    """The messageExpression's text if it is one usable line, else the message, else the rule."""
    if rule.message_expression:
        result = expressions.compiled(rule.message_expression).evaluate(variables)
        if isinstance(result, str):
            text = result.strip()
            if text and "\n" not in text and len(text.encode()) <= _MAX_MESSAGE:
                return text
    return rule.message.strip() if rule.message else f"failed rule: {rule.expression.strip()}"
