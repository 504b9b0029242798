"""x-kubernetes-list-type: items of a set, and keys of a map's items, are unique.

Spec: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype (release 1.37).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from isochrone.admission import equality, gotext
from isochrone.admission.finding import Finding, child, duplicate, invalid, subscript
from isochrone.admission.structure import Node


def validate(node: Node, value: Any, path: str = "") -> Iterator[Finding]:
    match value:
        case dict():
            for key, item in value.items():
                if node.values is not None:
                    yield from validate(node.values, item, subscript(path, key))
                if key in node.properties:
                    yield from validate(node.properties[key], item, child(path, key))
        case list():
            yield from _unique(node, value, path)
            if node.items is not None:
                for index, item in enumerate(value):
                    yield from validate(node.items, item, subscript(path, index))


def _unique(node: Node, value: list[Any], path: str) -> Iterator[Finding]:
    if node.list_type == "set":
        for index in _repeated(value):
            yield duplicate(subscript(path, index), value[index])
    elif node.list_type == "map":
        yield from _unique_keys(node, value, path)


def _unique_keys(node: Node, value: list[Any], path: str) -> Iterator[Finding]:
    for index, item in enumerate(value):
        if item is not None and not isinstance(item, dict):
            yield invalid(subscript(path, index), item, "must be an object for an array of list-type map")
            return
    keys = [{key: item[key] for key in node.list_keys if item and key in item} for item in value]
    for index in _repeated(keys):
        yield duplicate(subscript(path, index), keys[index])


def _repeated(items: Sequence[Any]) -> Iterator[int]:
    """The second appearance of each value that appears more than once."""
    seen: dict[Any, int] = {}
    for index, item in enumerate(items):
        key = gotext.json_text(item) if isinstance(item, (dict, list)) else equality.key(item)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:  # noqa: PLR2004 - the second
            yield index
