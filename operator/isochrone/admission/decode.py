"""From the request body to an object: unknown fields, metadata's types, nulls, defaults.

The stages run in the server's order (apiextensions-apiserver's customresource_handler.go, release 1.37): metadata is
typed, unknown fields are pruned, nulls that may not be are dropped, embedded metadata is typed, defaults are filled in.
All stages work on a private copy of the object.
"""

import copy
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from isochrone.admission import objectmeta
from isochrone.admission.finding import child, invalid, subscript
from isochrone.admission.structure import Node

_META_FIELDS: Final = frozenset({"apiVersion", "kind", "metadata"})
_INT64: Final = range(-(2**63), 2**63)


class NotJSON(ValueError):  # noqa: N818 - reads as the fault it names
    """The object holds something that JSON, or the server's reading of it, can't."""


def as_read(value: Any) -> Any:
    """The value as Go reads it from JSON: int64 where it fits, else float64; lone surrogates replaced."""
    match value:
        case bool() | None:
            return value
        case int():
            return value if value in _INT64 else _finite(value)
        case float():
            return _finite(value)
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [as_read(item) for item in value]
        case dict():
            return {_key(key): as_read(item) for key, item in value.items()}
        case _:
            raise NotJSON(f"{type(value).__name__} is not a JSON value")


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NotJSON(f"json: cannot unmarshal number {value} into Go value of type float64")
    return number


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJSON(f"key {key!r} is not a string")
    return str(as_read(key))


def stored(value: Any) -> Any:
    """After a round trip through storage: whole floats have become integers."""
    match value:
        case float() if value.is_integer() and abs(value) < 1e21:  # noqa: PLR2004 - then Go writes an exponent
            # By its shortest digits: 2.0**63 is written 9223372036854776000.
            return as_read(int(Decimal(repr(value))))
        case list():
            return [stored(item) for item in value]
        case dict():
            return {key: stored(item) for key, item in value.items()}
        case _:
            return value


def prune(root: Node, obj: dict[str, Any]) -> list[str]:
    """Removes unknown fields at any depth and returns their paths, sorted."""
    return sorted(_prune_fields(obj, root, "", embedded=True))


def _prune(value: Any, node: Node | None, path: str) -> Iterator[str]:
    match value:
        case dict():
            yield from _prune_fields(value, node, path, embedded=node is not None and node.embedded)
        case list():
            for index, item in enumerate(value):
                at = subscript(path, index)
                if node is not None and node.preserve_unknown:
                    yield from _skip(item, node.items, at)
                else:
                    yield from _prune(item, node.items if node else None, at)


def _prune_fields(value: dict[str, Any], node: Node | None, path: str, *, embedded: bool) -> Iterator[str]:
    keep = node is not None and node.preserve_unknown
    for key in list(value):
        if embedded and key in _META_FIELDS:
            continue
        at = child(path, key)
        if node is not None and key in node.properties:
            yield from _prune(value[key], node.properties[key], at)
        elif node is not None and node.additional is not None:
            yield from _prune(value[key], node.values, at)
        elif not keep:
            yield at
            del value[key]


def _skip(value: Any, node: Node | None, path: str) -> Iterator[str]:
    """Below preserve-unknown lists only what the schema names is pruned."""
    match value:
        case _ if node is None:
            return
        case dict():
            yield from _prune_known(value, node, path)
        case list():
            for index, item in enumerate(value):
                yield from _skip(item, node.items, subscript(path, index))


def _prune_known(value: dict[str, Any], node: Node, path: str) -> Iterator[str]:
    for key in list(value):
        if node.embedded and key in _META_FIELDS:
            continue
        if key in node.properties:
            yield from _prune(value[key], node.properties[key], child(path, key))
        elif node.additional is not None:
            yield from _prune(value[key], node.values, child(path, key))


def drop_nulls(value: Any, node: Node | None) -> None:
    """Removes null fields that are neither nullable nor have a default; list items stay."""
    match value:
        case dict():
            for key in list(value):
                sub = _field(node, key)
                if value[key] is None and sub is not None and not sub.nullable and sub.default is None:
                    del value[key]
                else:
                    drop_nulls(value[key], sub)
        case list():
            for item in value:
                drop_nulls(item, node.items if node else None)


def _field(node: Node | None, key: str) -> Node | None:
    if node is None:
        return None
    return node.properties.get(key, node.values)


def fill_defaults(value: Any, node: Node | None) -> None:
    if node is None:
        return
    match value:
        case dict():
            for key, sub in node.properties.items():
                if sub.default is not None and (key not in value or (value[key] is None and not sub.nullable)):
                    value[key] = copy.deepcopy(sub.default)
            for key in value:
                _default_field(value, key, node)
        case list() if node.items is not None:
            for index, item in enumerate(value):
                if item is None and not node.items.nullable:
                    value[index] = copy.deepcopy(node.items.default)
                fill_defaults(value[index], node.items)


def _default_field(value: dict[str, Any], key: str, node: Node) -> None:
    if key in node.properties:
        fill_defaults(value[key], node.properties[key])
    elif node.values is not None:
        if value[key] is None and not node.values.nullable:
            value[key] = copy.deepcopy(node.values.default)
        fill_defaults(value[key], node.values)


def type_embedded(value: Any, node: Node | None, path: str) -> list[str]:
    """Types the metadata of embedded resources; returns unknown fields, raises MalformedMeta."""
    unknown: list[str] = []
    if node is None:
        return unknown
    match value:
        case dict():
            if node.embedded:
                unknown += _type_resource(value, path)
            for key, item in value.items():
                at = child(path, key) if key in node.properties else subscript(path, key)
                unknown += type_embedded(item, _field(node, key), at)
        case list():
            for index, item in enumerate(value):
                unknown += type_embedded(item, node.items, subscript(path, index))
    return unknown


def _type_resource(value: dict[str, Any], path: str) -> list[str]:
    for key in ("apiVersion", "kind"):
        if key in value and not isinstance(value[key], str):
            raise objectmeta.MalformedMeta(str(invalid(child(path, key), value[key], "must be a string")))
    if "metadata" not in value:
        return []
    try:
        value["metadata"], unknown = objectmeta.decode(value["metadata"], keep_system=True)
    except objectmeta.MalformedMeta as error:
        raise objectmeta.MalformedMeta(str(invalid(child(path, "metadata"), value["metadata"], str(error)))) from error
    return [f"{child(path, 'metadata')}.{name}" for name in unknown]
