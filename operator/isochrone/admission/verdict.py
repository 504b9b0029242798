"""The API server's answer to a create or an update of a custom resource, from its CRD alone.

The order of work is the server's (release 1.37, fieldValidation=Strict), and so is what ends it early:

1. the body is decoded: wrong metadata or unknown fields are a 400 and end it;
2. nulls are dropped, defaults filled in, status is dropped or kept from the old object;
3. kind and apiVersion, metadata, the schema, the scale subresource, embedded resources, lists: all reported together;
4. CEL rules, unless step 3 found something that a rule could stumble over.

Not decided here, because files don't: what the server sets itself (uid, resourceVersion, managedFields, generation),
whether the namespace exists, admission webhooks and policies, conversion between versions other than `None`.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from isochrone.admission import decode, embedded, gotext, lists, objectmeta, rules, structure, values
from isochrone.admission.correlate import Pair
from isochrone.admission.finding import Finding, Kind, invalid
from isochrone.admission.scale import Scale
from isochrone.admission.structure import Node

# An object with one of these isn't shown to rules.
_BLOCKING: Final = frozenset({Kind.REQUIRED, Kind.TOO_LONG, Kind.TOO_MANY, Kind.TYPE_INVALID, Kind.NOT_SUPPORTED})
_BLOCKED: Final = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
# The server puts random characters behind generateName; these are as good as any.
_GENERATED: Final = "xxxxx"
_GENERATED_LIMIT: Final = 63 - len(_GENERATED)


@dataclass(frozen=True, slots=True)
class Schema:
    """One served version of one CRD."""

    group: str
    version: str
    kind: str
    namespaced: bool
    root: Node
    status_subresource: bool
    scale: Scale | None

    @classmethod
    def from_crd(cls, crd: Mapping[str, Any]) -> dict[str, "Schema"]:
        """By version name. Raises UnsupportedSchema for what can't be decided offline."""
        spec = crd["spec"]
        return {version["name"]: cls._of(spec, version) for version in spec["versions"] if version["served"]}

    @classmethod
    def _of(cls, spec: Mapping[str, Any], version: Mapping[str, Any]) -> "Schema":
        subresources = version.get("subresources", {})
        scale = subresources.get("scale")
        return cls(
            group=spec["group"],
            version=version["name"],
            kind=spec["names"]["kind"],
            namespaced=spec["scope"] == "Namespaced",
            root=structure.parse(version["schema"]["openAPIV3Schema"]),
            status_subresource="status" in subresources,
            scale=Scale.parse(scale) if scale else None,
        )

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"


class _BadRequest(Exception):  # noqa: N818 - the status reason's name
    def __init__(self, *findings: Finding) -> None:
        super().__init__(*map(str, findings))
        self.findings = list(findings)


def admit(schema: Schema, obj: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> list[Finding]:
    """Why the server refuses the object, or the update of `old` to it; empty = accepted."""
    try:
        new = _decoded(schema, obj)
        if old is None:
            return _create(schema, new)
        return _update(schema, new, _from_storage(schema, old))
    except _BadRequest as refused:
        return refused.findings


def defaulted(schema: Schema, obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object as stored after a create: typed, pruned, defaulted. Raises ValueError if it can't be decoded."""
    try:
        new = _decoded(schema, obj, strict=False)
    except _BadRequest as refused:
        raise ValueError("; ".join(map(str, refused.findings))) from refused
    if schema.status_subresource:
        new.pop("status", None)
    result: dict[str, Any] = decode.stored(new)
    return result


def _create(schema: Schema, new: dict[str, Any]) -> list[Finding]:
    if schema.status_subresource:
        new.pop("status", None)
    meta = _named(new["metadata"])
    new["metadata"] = meta
    if new["kind"] != schema.kind:
        return [_wrong_kind(schema, new)]
    findings = [
        *objectmeta.validate_new(meta, namespaced=schema.namespaced),
        *values.validate(schema.root, new),
        *_structure(schema, new),
        *lists.validate(schema.root, new),
    ]
    return findings + _rules(schema, new, findings, None)


def _update(schema: Schema, new: dict[str, Any], old: dict[str, Any]) -> list[Finding]:
    _same_object(new["metadata"], old["metadata"])
    if schema.status_subresource:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    meta = new["metadata"]
    common = list(objectmeta.validate_update(meta, namespaced=schema.namespaced))
    if new["kind"] != schema.kind:
        return [*common, _wrong_kind(schema, new)]
    pair = Pair(schema.root, new, old)
    findings = [*common, *values.validate(schema.root, new, pair), *_structure(schema, new)]
    # Lists that were wrong before may stay so.
    if not list(lists.validate(schema.root, old)):
        findings += lists.validate(schema.root, new)
    return findings + _rules(schema, new, findings, pair)


def _rules(schema: Schema, new: dict[str, Any], so_far: list[Finding], pair: Pair | None) -> list[Finding]:
    if not schema.root.has_rules:
        return []
    if any(each.kind in _BLOCKING for each in so_far):
        return [invalid("", None, _BLOCKED)]
    return rules.validate(schema.root, new, pair)


def _structure(schema: Schema, new: dict[str, Any]) -> Iterator[Finding]:
    if schema.scale is not None:
        yield from schema.scale.validate(new)
    yield from embedded.validate(schema.root, new)


def _wrong_kind(schema: Schema, new: dict[str, Any]) -> Finding:
    """The server adds what lists and rules say about the foreign fields, which helps nobody."""
    return invalid("kind", new["kind"], f"must be {schema.kind}")


def _named(meta: dict[str, Any]) -> dict[str, Any]:
    if meta.get("name") or not meta.get("generateName"):
        return meta
    return {**meta, "name": meta["generateName"][:_GENERATED_LIMIT] + _GENERATED}


def _same_object(new: dict[str, Any], old: dict[str, Any]) -> None:
    """The server compares the object with its URL, which names the old one."""
    name, was = new.get("name", ""), old.get("name", "")
    if not name:
        raise _refuse(
            "metadata.name", f"the name of the object ({was} based on URL) was undeterminable: name must be provided"
        )
    if name != was:
        raise _refuse("metadata.name", f"the name of the object ({name}) does not match the name on the URL ({was})")
    if new.get("namespace") != old.get("namespace"):
        raise _refuse(
            "metadata.namespace",
            "the namespace of the provided object does not match the namespace sent on the request",
        )


def _refuse(path: str, text: str) -> _BadRequest:
    return _BadRequest(Finding(path, text, Kind.BAD_REQUEST))


def _from_storage(schema: Schema, old: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = decode.stored(_decoded(schema, old, strict=False))
    return result


def _decoded(schema: Schema, obj: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """A private copy, typed, pruned and defaulted; _BadRequest where the server answers 400."""
    try:
        new: dict[str, Any] = decode.as_read(copy.copy(dict(obj)))
    except decode.NotJSON as error:
        raise _refuse("<nil>", str(error)) from error
    _check_kind(new)
    try:
        unknown = _typed(schema, new)
    except objectmeta.MalformedMeta as error:
        raise _refuse("metadata", str(error)) from error
    if unknown and strict:
        strictly = (Finding(path, f'unknown field "{path}"', Kind.UNKNOWN_FIELD) for path in unknown)
        raise _without_version(obj) or _BadRequest(*strictly)
    if new["apiVersion"] != schema.api_version:
        raise _refuse(
            "apiVersion",
            f"the API version in the data ({new['apiVersion']}) does not match the expected API version "
            f"({schema.api_version})",
        )
    decode.fill_defaults(new, schema.root if _is_ours(schema, new) else None)
    _place(schema, new["metadata"])
    return new


def _without_version(obj: Mapping[str, Any]) -> _BadRequest | None:
    """Without a version the server can't say what was unknown in the rest."""
    if obj.get("apiVersion") and not obj["apiVersion"].endswith("/"):
        return None
    return _refuse("apiVersion", "Object 'apiVersion' is missing in 'object has no apiVersion field'")


def _is_ours(schema: Schema, new: dict[str, Any]) -> bool:
    return bool(new["kind"] == schema.kind and new["apiVersion"] == schema.api_version)


def _check_kind(new: dict[str, Any]) -> None:
    # Go looks for these two whatever their case, and reports the first that is no string.
    fields = {"apiversion": "apiVersion", "kind": "kind"}
    for written, value in new.items():
        key = fields.get(written.casefold())
        if key is not None and value is not None and not isinstance(value, str):
            wrong = f"json: cannot unmarshal {gotext.json_kind(value)} into Go struct field .{key} of type string"
            raise _refuse(key, f"couldn't get version/kind; json parse error: {wrong}")
    version = new.setdefault("apiVersion", "")
    if version is not None and version.count("/") > 1:
        raise _refuse("apiVersion", f"unexpected GroupVersion string: {version}")
    if not new.get("kind"):
        raise _refuse("kind", "Object 'Kind' is missing")
    if version is None:
        raise _refuse("apiVersion", ".apiVersion accessor error: <nil> is of the type <nil>, expected string")


def _typed(schema: Schema, new: dict[str, Any]) -> list[str]:
    """Metadata, pruning, nulls; the paths of unknown fields in the server's order."""
    meta, unknown = objectmeta.decode(new.get("metadata"))
    paths = [f"metadata.{name}" for name in unknown]
    if new["kind"] == schema.kind and new["apiVersion"].startswith(f"{schema.group}/"):
        # Another version is one without a schema here: all its fields are unknown.
        root = schema.root if _is_ours(schema, new) else Node()
        paths += decode.prune(root, new)
        decode.drop_nulls(new, root)
        paths += sorted(decode.type_embedded(new, root, ""))
    new["metadata"] = meta
    return paths


def _place(schema: Schema, meta: dict[str, Any]) -> None:
    """The namespace of the request: none for cluster-scoped kinds, else "default" unless given."""
    if schema.namespaced:
        meta["namespace"] = meta.get("namespace") or "default"
    else:
        meta.pop("namespace", None)
