"""What a gateway one minor version older leaves out: fields and sections that it doesn't know, each of them reported.

Only a config that a newer writer declares readable comes here; anything else is read strictly.
"""

from typing import Any

from msgspec import inspect


def prune(value: Any, expected: inspect.Type, path: str = "$") -> tuple[Any, list[str]]:
    """Return the value without the fields that its type doesn't have, and where those were."""
    ignored: list[str] = []
    return _prune(value, expected, path, ignored), ignored


def _prune(value: Any, expected: inspect.Type, path: str, ignored: list[str]) -> Any:
    match expected:
        case inspect.Metadata():
            return _prune(value, expected.type, path, ignored)
        case inspect.UnionType():
            return _prune_union(value, expected, path, ignored)
        case inspect.StructType() if isinstance(value, dict):
            return _prune_struct(value, expected, path, ignored)
        case inspect.DictType() if isinstance(value, dict):
            return {key: _prune(each, expected.value_type, f"{path}[{key}]", ignored) for key, each in value.items()}
        case inspect.VarTupleType() if isinstance(value, list):
            return [_prune(each, expected.item_type, f"{path}[{i}]", ignored) for i, each in enumerate(value)]
        case _:
            return value


def _prune_struct(value: dict[str, Any], expected: inspect.StructType, path: str, ignored: list[str]) -> dict[str, Any]:
    types = {field.encode_name: field.type for field in expected.fields}
    kept = {}
    for name, each in value.items():
        if name in types:
            kept[name] = _prune(each, types[name], f"{path}.{name}", ignored)
        elif name == expected.tag_field:
            kept[name] = each
        else:
            ignored.append(f"{path}.{name}")
    return kept


def _prune_union(value: Any, expected: inspect.UnionType, path: str, ignored: list[str]) -> Any:
    """A union holds at most one record without a tag, or records told apart by their tags."""
    if not isinstance(value, dict):
        return value
    for each in expected.types:
        if isinstance(each, inspect.StructType) and (each.tag_field is None or value.get(each.tag_field) == each.tag):
            return _prune(value, each, path, ignored)
    return value
