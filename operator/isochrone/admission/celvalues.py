"""Values as CEL sees them: typed by the schema, fields under their escaped names, nulls and unknown fields hidden.

Spec: k8s.io/apiserver/pkg/cel/common/valuesunstructured.go (release 1.37). A value of another type than the schema's
gets to CEL only where validation let it pass (1.0 for an integer, old faults on updates); the server then has an error
in its place. The library can't hold errors, so a misfit is bytes that hold the error's text: no schema has bytes here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from isochrone.admission import gotext, identifiers, regex
from isochrone.admission.structure import Node

_STRING: Final = Node(types=("string",))
_OBJECT_META: Final = Node(types=("object",), properties={"name": _STRING, "generateName": _STRING})
_EXPECTED: Final = {"string": "string", "number": "float", "integer": "int", "boolean": "bool"}
_EITHER: Final = "expected XIntOrString value to be either a string or integer"


@dataclass(frozen=True, slots=True)
class Misfit:
    """`path` has the names from the variable on, without indexes."""

    path: tuple[str, ...]
    text: str


def misfits(value: Any, path: tuple[str, ...] = ()) -> Iterator[Misfit]:
    match value:
        case dict():
            for key, item in value.items():
                yield from misfits(item, (*path, key))
        case list():
            for item in value:
                yield from misfits(item, path)
        case bytes():
            yield Misfit(path, f"invalid data, {value.decode()}")


def without_misfits(value: Any) -> Any:
    match value:
        case dict():
            return {key: without_misfits(item) for key, item in value.items() if not isinstance(item, bytes)}
        case list():
            return [without_misfits(item) for item in value if not isinstance(item, bytes)]
        case _:
            return value


def visible(node: Node, value: Any, *, resource: bool = False) -> Any:
    """`resource`: the node is an object of its own, whose metadata shows its names only."""
    if value is None:
        return None if node.nullable else b"got null for schema with nullable=false"
    if node.int_or_string:
        return _scalar(value) if gotext.type_name(value) in ("string", "int64") else _EITHER.encode()
    match node.type:
        case "object":
            return _object(node, value, resource=resource)
        case "array":
            return _array(node, value)
        case "":
            return _raw(value)
        case type_:
            return _typed(type_, value)


def _typed(type_: str, value: Any) -> Any:
    match type_, value:
        case ("string", str()) | ("boolean", bool()):
            return _scalar(value)
        case (("integer" | "number"), bool()):
            pass
        case "integer", int():
            return value
        case "number", (int() | float()):
            return float(value)
    return f"expected {_EXPECTED[type_]}, got {gotext.type_name(value)}".encode()


def _array(node: Node, value: Any) -> Any:
    items = node.items
    if not isinstance(value, list) or items is None:
        return b"expected an array for the provided schema with type=array"
    return [visible(items, item, resource=items.embedded) for item in value]


def _object(node: Node, value: Any, *, resource: bool) -> Any:
    if not isinstance(value, dict):
        return b"expected a map for the provided schema with type=object"
    values = node.values
    if values is not None:
        return {regex.visible(key): visible(values, item, resource=values.embedded) for key, item in value.items()}
    properties = dict(node.properties)
    if resource or node.embedded:
        properties |= {"apiVersion": _STRING, "kind": _STRING, "metadata": _OBJECT_META}
    seen: dict[str, Any] = {}
    for key, sub in properties.items():
        name = identifiers.escape(key)
        if name is not None and value.get(key) is not None:
            seen[name] = visible(sub, value[key], resource=sub.embedded)
    return seen


def _scalar(value: Any) -> Any:
    return regex.visible(value) if isinstance(value, str) else value


def _raw(value: Any) -> Any:
    match value:
        case list():
            return [_raw(item) for item in value]
        case dict():
            return {regex.visible(key): _raw(item) for key, item in value.items()}
        case _:
            return _scalar(value)
