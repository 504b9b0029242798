"""metadata: decoded by type, written back as the server stores it, and validated.

Spec: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/; wording of
k8s.io/apimachinery/pkg/api/validation/objectmeta.go (release 1.37). What the server itself sets (uid, generation,
timestamps, managedFields, resourceVersion) is read for its type and then dropped: no file decides it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from isochrone.admission import gotext, names
from isochrone.admission.finding import (
    Finding,
    Kind,
    child,
    forbidden,
    invalid,
    required,
    subscript,
    too_long,
)


class MalformedMeta(ValueError):  # noqa: N818 - the server answers 400 with exactly this text
    pass


@dataclass(frozen=True, slots=True)
class _Struct:
    name: str
    fields: Mapping[str, "_Type"]
    # Written even when empty: these have no `omitempty`.
    always: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _List:
    of: "_Type"
    name: str


@dataclass(frozen=True, slots=True)
class _Scalar:
    """`name` is the Go type that messages show."""

    name: str


_Type = _Scalar | _List | _Struct
_STRING: Final = _Scalar("string")
_BOOL: Final = _Scalar("bool")
_INT64: Final = _Scalar("int64")
_TIME: Final = _Scalar("time")
_RAW: Final = _Scalar("raw")
_STRINGS: Final = _Scalar("map[string]string")

_OWNER: Final = _Struct(
    name="OwnerReference",
    fields={
        "apiVersion": _STRING,
        "kind": _STRING,
        "name": _STRING,
        "uid": _Scalar("types.UID"),
        "controller": _BOOL,
        "blockOwnerDeletion": _BOOL,
    },
    always=frozenset({"apiVersion", "kind", "name", "uid"}),
)
_MANAGED: Final = _Struct(
    name="ManagedFieldsEntry",
    fields={
        "manager": _STRING,
        "operation": _Scalar("v1.ManagedFieldsOperationType"),
        "apiVersion": _STRING,
        "time": _TIME,
        "fieldsType": _STRING,
        "fieldsV1": _RAW,
        "subresource": _STRING,
    },
)
_META: Final = _Struct(
    name="ObjectMeta",
    fields={
        "name": _STRING,
        "generateName": _STRING,
        "namespace": _STRING,
        "selfLink": _STRING,
        "uid": _Scalar("types.UID"),
        "resourceVersion": _STRING,
        "generation": _INT64,
        "creationTimestamp": _TIME,
        "deletionTimestamp": _TIME,
        "deletionGracePeriodSeconds": _INT64,
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "ownerReferences": _List(_OWNER, "[]v1.OwnerReference"),
        "finalizers": _List(_STRING, "[]string"),
        "managedFields": _List(_MANAGED, "[]v1.ManagedFieldsEntry"),
    },
)
_SYSTEM: Final = frozenset(
    {
        *("selfLink", "uid", "resourceVersion", "generation", "creationTimestamp"),
        *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"),
    }
)
_JSON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {"bool": bool, "int64": int, "raw": object}
_INDEX: Final = re.compile(r"\[[0-9]+\]")
_ANNOTATIONS_LIMIT: Final = 256 * 1024
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"


def decode(metadata: Any, *, keep_system: bool = False) -> tuple[dict[str, Any], list[str]]:
    """The typed metadata and the paths of its unknown fields; MalformedMeta where a type is wrong."""
    unknown: list[str] = []
    decoded = _struct(_META, metadata, "", unknown)
    if not keep_system:
        decoded = {key: value for key, value in decoded.items() if key not in _SYSTEM}
    if owners := decoded.get("ownerReferences"):
        # The API server drops repeated owners before it looks at them.
        decoded["ownerReferences"] = [each for at, each in enumerate(owners) if each not in owners[:at]]
    return decoded, unknown


def _struct(type_: _Struct, value: Any, path: str, unknown: list[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedMeta(f"json: cannot unmarshal {gotext.json_kind(value)} into Go value of type v1.{type_.name}")
    decoded: dict[str, Any] = {}
    for key in sorted(value):
        if key not in type_.fields:
            unknown.append(child(path, key))
            continue
        field = _field(type_.fields[key], value[key], (type_.name, child(path, key)), unknown)
        if field or (isinstance(field, bool) and value[key] is not None):
            decoded[key] = field
    return {**dict.fromkeys(sorted(type_.always), ""), **decoded}


def _field(type_: _Type, value: Any, at: tuple[str, str], unknown: list[str]) -> Any:
    if value is None:
        return None
    match type_:
        case _Struct():
            if not isinstance(value, dict):
                raise _mismatch(value, at, f"v1.{type_.name}")
            return _struct(type_, value, at[1], unknown)
        case _List():
            if not isinstance(value, list):
                raise _mismatch(value, at, type_.name)
            zero: Any = dict.fromkeys(type_.of.always, "") if isinstance(type_.of, _Struct) else ""
            items = [
                _field(type_.of, item, (at[0], subscript(at[1], index)), unknown) for index, item in enumerate(value)
            ]
            return [zero if item is None else item for item in items]
        case _:
            return _scalar(type_, value, at)


def _scalar(type_: _Scalar, value: Any, at: tuple[str, str]) -> Any:
    match type_.name:
        case "map[string]string":
            return _string_map(value, at)
        case "time":
            return _time(value, at)
        case "int64" if isinstance(value, float) and value.is_integer() and abs(value) < 2.0**63:
            return int(value)
        case name:
            expected = _JSON_TYPES.get(name, str)
            if not isinstance(value, expected) or (name == "int64" and isinstance(value, bool)):
                raise _mismatch(value, at, name)
            return value


def _string_map(value: Any, at: tuple[str, str]) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _mismatch(value, at, "map[string]string")
    for key in sorted(value):
        if value[key] is not None and not isinstance(value[key], str):
            raise _mismatch(value[key], at, "string")
    return {key: item or "" for key, item in value.items()}


def _time(value: Any, at: tuple[str, str]) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, at, "string")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None or "T" not in value:
        raise MalformedMeta(f'parsing time {gotext.quote(value)} as "2006-01-02T15:04:05Z07:00"')
    return value


def _mismatch(value: Any, at: tuple[str, str], expected: str) -> MalformedMeta:
    owner, path = at
    shown = gotext.json_kind(value)
    if shown == "number" and expected == "int64":
        shown = f"number {gotext.json_text(value)}"
    field = _INDEX.sub("", path)
    return MalformedMeta(f"json: cannot unmarshal {shown} into Go struct field {owner}.{field} of type {expected}")


def validate_new(
    meta: Mapping[str, Any],
    *,
    namespaced: bool,
    check_name: Callable[[str], list[str]] = names.subdomain,
    path: str = "metadata",
) -> Iterator[Finding]:
    generate, name = meta.get("generateName", ""), meta.get("name", "")
    if generate:
        at = child(path, "generateName")
        yield from (invalid(at, generate, fault) for fault in check_name(names.prefix(generate)))
    if not name:
        yield required(child(path, "name"), "name or generateName is required")
    else:
        yield from (invalid(child(path, "name"), name, fault) for fault in check_name(name))
    yield from _common(meta, namespaced=namespaced, path=path)


def validate_update(meta: Mapping[str, Any], *, namespaced: bool) -> Iterator[Finding]:
    """The name was checked against the URL before, so only its being a path segment is left."""
    yield from validate_new(meta, namespaced=namespaced, check_name=names.path_segment)


def _common(meta: Mapping[str, Any], *, namespaced: bool, path: str) -> Iterator[Finding]:
    namespace = meta.get("namespace", "")
    at = child(path, "namespace")
    if namespaced and not namespace:
        yield required(at)
    elif namespaced:
        yield from (invalid(at, namespace, fault) for fault in names.label(namespace))
    elif namespace:
        yield forbidden(at, "not allowed on this type")
    yield from _labels(meta.get("labels", {}), child(path, "labels"))
    yield from _annotations(meta.get("annotations", {}), child(path, "annotations"))
    yield from _owners(meta.get("ownerReferences", []), child(path, "ownerReferences"))
    yield from _finalizers(meta.get("finalizers", []), child(path, "finalizers"))


def _labels(labels: Mapping[str, str], path: str) -> Iterator[Finding]:
    for key, value in labels.items():
        yield from (invalid(path, key, fault) for fault in names.qualified(key))
        yield from (invalid(path, value, fault) for fault in names.label_value(value))


def _annotations(annotations: Mapping[str, str], path: str) -> Iterator[Finding]:
    for key in annotations:
        yield from (invalid(path, key, fault) for fault in names.qualified(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        yield too_long(path, _ANNOTATIONS_LIMIT)


def _owners(owners: list[Any], path: str) -> Iterator[Finding]:
    controller = ""
    for index, owner in enumerate(owners):
        yield from _owner(owner, subscript(path, index))
        if owner.get("controller"):
            current = f"{owner['kind']}/{owner['name']}"
            if controller:
                detail = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller} and {current}"
                )
                shown = ",".join(map(_owner_text, owners))
                yield Finding(path, f"Invalid value: [{shown}]: {detail}", Kind.INVALID)
            controller = controller or current


def _owner_text(owner: Mapping[str, Any]) -> str:
    """A struct, so its fields come in order of declaration."""
    fields = (f"{gotext.json_text(key)}:{gotext.json_text(owner[key])}" for key in _OWNER.fields if key in owner)
    return "{" + ",".join(fields) + "}"


def _owner(owner: Mapping[str, Any], path: str) -> Iterator[Finding]:
    version: str = owner["apiVersion"]
    if not version:
        yield required(child(path, "apiVersion"), "must not be empty")
    elif version.count("/") > 1 or version.endswith("/"):
        yield invalid(child(path, "apiVersion"), version, "must be <group>/<version> or <version>")
    for key in ("kind", "name", "uid"):
        if not owner[key]:
            yield required(child(path, key), "must not be empty")


def _finalizers(finalizers: list[str], path: str) -> Iterator[Finding]:
    for finalizer in finalizers:
        yield from (invalid(path, finalizer, fault) for fault in names.qualified(finalizer))
    if {_ORPHAN, _FOREGROUND} <= set(finalizers):
        yield invalid(path, finalizers, f"finalizer {_ORPHAN} and {_FOREGROUND} cannot be both set")


def malformed(text: str) -> Finding:
    return Finding("metadata", text, Kind.BAD_REQUEST)
