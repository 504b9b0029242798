"""Equality of JSON values as Go sees it: 1, 1.0 and true are three different values."""

from typing import Any


def same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    match left:
        case list():
            return len(left) == len(right) and all(map(same, left, right))
        case dict():
            return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
        case _:
            return bool(left == right)


def key(value: Any) -> tuple[type, Any]:
    """A dictionary key that keeps scalars apart as Go's maps do."""
    return type(value), value
