"""What in a cluster is not as it was applied: the first difference, in words for people.

What the API server or others add is no difference: defaults, labels of others, containers that an injector puts in.
So a field counts if we apply it (`first`), or if it is still ours and we no longer apply it (`leftover`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from isochrone.model.amounts import number

Json = Mapping[str, Any]

_MERGED_BY_NAME: Final = frozenset(
    {"containers", "initContainers", "env", "volumes", "ports", "imagePullSecrets", "resourceClaims", "claims"}
)
"""Lists whose items belong to whoever applied them (listType=map with the key `name`): others may add theirs."""
_QUANTITIES: Final = frozenset({"requests", "limits", "capacity", "sizeLimit"})
_LONGEST: Final = 80


def first(wanted: Any, found: Any, path: str = "") -> str | None:
    """The first field that is not as wanted; None if all are."""
    if isinstance(wanted, Mapping):
        return _of_map(wanted, found, path)
    if isinstance(wanted, list | tuple):
        return _of_list(wanted, found, path)
    if wanted is None or wanted == found or _is_same_quantity(wanted, found, path):
        return None
    return f"{path} is {_shown(found)}, not {_shown(wanted)}"


def _of_map(wanted: Json, found: Any, path: str) -> str | None:
    if not isinstance(found, Mapping):
        return f"{path} is missing" if wanted else None
    for key, value in wanted.items():
        where = f"{path}.{key}" if path else key
        if key in found:
            if difference := first(value, found[key], where):
                return difference
        elif value not in (None, "", {}, [], ()):
            return f"{where} is missing"
    return None


def _of_list(wanted: Sequence[Any], found: Any, path: str) -> str | None:
    if not isinstance(found, list | tuple):
        return f"{path} is missing" if wanted else None
    if _field(path) in _MERGED_BY_NAME and (names := _by_name(wanted)) is not None:
        return _of_named(names, _by_name(found) or {}, path)
    if len(wanted) != len(found):
        return f"{path} has {len(found)} entries, not {len(wanted)}"
    differences = (
        first(one, other, f"{path}[{index}]") for index, (one, other) in enumerate(zip(wanted, found, strict=True))
    )
    return next(filter(None, differences), None)


def _of_named(wanted: Mapping[str, Json], found: Mapping[str, Json], path: str) -> str | None:
    for name, item in wanted.items():
        if name not in found:
            return f"{path}[{name}] is missing"
        if difference := first(item, found[name], f"{path}[{name}]"):
            return difference
    return None


def _by_name(items: Iterable[Any]) -> dict[str, Json] | None:
    found = {item["name"]: item for item in items if isinstance(item, Mapping) and "name" in item}
    return found if len(found) == len(list(items)) else None


def _field(path: str) -> str:
    return path.rpartition(".")[2]


def _is_same_quantity(wanted: Any, found: Any, path: str) -> bool:
    """Whether the API server wrote the same amount in its own way: 1000m and 1."""
    if not _QUANTITIES & set(path.split(".")) or not isinstance(wanted, str | int) or not isinstance(found, str | int):
        return False
    try:
        return number(wanted) == number(found)
    except ValueError:
        return False


def _shown(value: Any) -> str:
    text = json.dumps(value, sort_keys=True) if value is not None else "missing"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def leftover(wanted: Json, found: Json, manager: str) -> str | None:
    """The first field that is still the manager's and no longer wanted; or that nothing is the manager's."""
    ours = _applied(found, manager)
    if not ours:
        return f"{manager} has not applied it"
    return next(filter(None, (_unwanted(fields, wanted, "") for fields in ours)), None)


def owns(found: Json, manager: str, *path: str) -> bool:
    """Whether a field was applied by this manager, and is still its."""
    return any(_has(fields, path) for fields in _applied(found, manager))


def _applied(found: Json, manager: str) -> list[Json]:
    """The fields of what a manager applied, one set for each version of the API."""
    return [
        entry.get("fieldsV1", {})
        for entry in found.get("metadata", {}).get("managedFields", ())
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")
    ]


def _has(fields: Json, path: Sequence[str]) -> bool:
    return not path or (f"f:{path[0]}" in fields and _has(fields[f"f:{path[0]}"], path[1:]))


def _unwanted(fields: Json, wanted: Any, path: str) -> str | None:
    """Fields as `managedFields` has them: `f:NAME` for a field, `k:{...}` for an item by its keys, `v:` for a value."""
    for mark, below in fields.items():
        kind, _, name = mark.partition(":")
        if kind == "f":
            where = f"{path}.{name}" if path else name
            if not isinstance(wanted, Mapping) or name not in wanted:
                return f"{where} is no longer wanted"
            if difference := _unwanted(below, wanted[name], where):
                return difference
        elif kind == "k" and (difference := _unwanted_item(json.loads(name), below, wanted, path)):
            return difference
        elif kind == "v" and isinstance(wanted, list | tuple) and json.loads(name) not in wanted:
            return f"{path} has {name}, which is no longer wanted"
    return None


def _unwanted_item(keys: Json, below: Json, wanted: Any, path: str) -> str | None:
    for item in wanted if isinstance(wanted, list | tuple) else ():
        # A key that we leave out has the API server's default, as the protocol of a port: TCP.
        if all(item.get(key, value) == value for key, value in keys.items()):
            present = {mark: value for mark, value in below.items() if mark.removeprefix("f:") not in keys}
            return _unwanted(present, item, f"{path}[{', '.join(str(value) for value in keys.values())}]")
    return f"{path}[{', '.join(str(value) for value in keys.values())}] is no longer wanted"
