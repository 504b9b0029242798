"""x-kubernetes-embedded-resource: objects inside of objects have a valid apiVersion, kind and metadata.

Spec: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go (release 1.37).
"""

from collections.abc import Iterator
from typing import Any

from isochrone.admission import names, objectmeta
from isochrone.admission.finding import Finding, child, invalid, required, subscript
from isochrone.admission.structure import Node


def validate(node: Node | None, value: Any, path: str = "") -> Iterator[Finding]:
    if node is None:
        return
    match value:
        case dict():
            if node.embedded:
                yield from _resource(value, path)
            for key, item in value.items():
                if key in node.properties:
                    yield from validate(node.properties[key], item, child(path, key))
                else:
                    yield from validate(node.values, item, subscript(path, key))
        case list():
            for index, item in enumerate(value):
                yield from validate(node.items, item, subscript(path, index))


def _resource(value: dict[str, Any], path: str) -> Iterator[Finding]:
    for key in ("apiVersion", "kind"):
        if key not in value:
            yield required(child(path, key))
        elif not value[key]:
            yield invalid(child(path, key), value[key], "must not be empty")
    version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(version, str) and version.count("/") > 1:
        yield invalid(child(path, "apiVersion"), version, f"unexpected GroupVersion string: {version}")
    if isinstance(kind, str) and kind and (faults := names.label_1035(kind.lower())):
        detail = "may have mixed case, but should otherwise match: " + ",".join(faults)
        yield invalid(child(path, "kind"), kind, detail)
    if "metadata" in value:
        yield from _metadata(value["metadata"], child(path, "metadata"))


def _metadata(metadata: dict[str, Any], path: str) -> Iterator[Finding]:
    """A template needs no name: one that stands for any is put in its place."""
    named = {**metadata, "name": metadata.get("name") or "fakename"}
    yield from objectmeta.validate_new(
        named, namespaced=bool(named.get("namespace")), check_name=names.path_segment, path=path
    )
