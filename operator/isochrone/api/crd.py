"""CustomResourceDefinitions from the models: one structural schema per kind.

Pydantic's JSON schema is close to what Kubernetes accepts; what differs is put right here, in one walk: references
are resolved, titles and `const` go, optional fields lose their `null`, and keywords stand in Kubernetes' spelling.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from isochrone.api.resource import CATEGORY, GROUP, VERSION, Column, Resource
from isochrone.api.schema import SAYS

Json = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """YAML without anchors: each part of a schema is read on its own."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


_DROPPED = frozenset({"title", "$defs", "additionalProperties", "const", "anyOf", "allOf"})


def definition(kind: type[Resource]) -> Json:
    """The CustomResourceDefinition of one kind, as `kubectl apply` takes it."""
    singular = kind.__name__.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.info.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": "isochrone"},
        },
        "spec": {
            "group": GROUP,
            "scope": kind.info.scope,
            "names": {
                "kind": kind.__name__,
                "listKind": f"{kind.__name__}List",
                "plural": kind.info.plural,
                "singular": singular,
                "shortNames": [kind.info.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": structural(kind)},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in kind.info.columns],
                }
            ],
        },
    }


def manifest(kind: type[Resource]) -> str:
    """The CustomResourceDefinition as YAML."""
    text: str = yaml.dump(definition(kind), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
    return f"# Generated from the models in isochrone.api by `make generate`. Do not edit.\n{text}"


def structural(kind: type[Resource]) -> Json:
    """The structural schema of one kind. Metadata is the API server's own business."""
    raw = kind.model_json_schema(by_alias=True)
    schema = _walk(raw, raw.get("$defs", {}))
    properties = schema["properties"]
    properties["apiVersion"] = {
        "type": "string",
        "description": "The version of the API, isochrone.dev/v1alpha1.",
    }
    properties["kind"] = {"type": "string", "description": f"Always {kind.__name__}."}
    # The name is declared so that rules can point at it; the API server lets nothing else of metadata be described.
    properties["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema["required"] = ["spec"]
    return schema


def _walk(node: Json, definitions: Mapping[str, Json]) -> Json:
    node = _resolved(node, definitions)
    schema = {key: value for key, value in node.items() if key not in _DROPPED}
    if "const" in node and "type" in node:
        schema["enum"] = [node["const"]]
    if schema.get("x-kubernetes-int-or-string"):
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "default" in schema:
        # A default is validated on its own, before the defaults of the fields inside it apply: it must be whole.
        schema["default"] = _without_nulls(schema["default"])
        if schema["default"] is None:
            del schema["default"]
    if "properties" in node:
        schema["properties"] = {name: _walk(child, definitions) for name, child in node["properties"].items()}
    elif isinstance(node.get("additionalProperties"), dict) and node["additionalProperties"]:
        schema["additionalProperties"] = _walk(node["additionalProperties"], definitions)
    if "items" in node:
        schema["items"] = _walk(node["items"], definitions)
    return _ordered(schema)


def _resolved(node: Json, definitions: Mapping[str, Json]) -> Json:
    """The node with its reference followed and its `null` alternative dropped; what stands nearest wins."""
    while True:
        if "$ref" in node:
            target = definitions[node["$ref"].rsplit("/", 1)[1]]
        elif (choice := _only_choice(node)) is not None:
            target = choice
        else:
            return node
        own = {key: value for key, value in node.items() if key not in {"$ref", "anyOf"}}
        validations = [
            *target.get("x-kubernetes-validations", []),
            *own.get("x-kubernetes-validations", []),
        ]
        node = {**target, **own}
        if validations:
            node["x-kubernetes-validations"] = validations


def _only_choice(node: Json) -> Json | None:
    """What is left of `X | None`; None where the node is no such union."""
    choices = [choice for choice in node.get("anyOf", []) if choice.get("type") != "null"]
    return choices[0] if len(choices) == 1 else None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return value


def _ordered(schema: Json) -> Json:
    """What people read first, first; what nests, last."""
    says = schema.pop(SAYS, None) or schema.get("items", {}).get("description")
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
        if says and not schema.get("items", {}).get("properties"):
            schema["description"] += f" {says}"
        schema["description"] += _defaults_to(schema.get("default"))
    elif says and "items" not in schema:
        schema["description"] = says
    order = ("description", "type", "default", "enum", "x-kubernetes-validations")
    nested = ("required", "properties", "additionalProperties", "items")
    rest = sorted(key for key in schema if key not in (*order, *nested))
    return {key: schema[key] for key in (*order, *rest, *nested) if key in schema}


def _defaults_to(default: Any) -> str:
    """`kubectl explain` shows no defaults, so the description does."""
    match default:
        case [*items]:
            return f" Defaults to {', '.join(map(str, items))}."
        case None | "" | dict():
            return ""
        case _:
            return f" Defaults to {default}."


def _column(column: Column) -> Json:
    out: Json = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        out["description"] = column.description
    if column.priority:
        out["priority"] = column.priority
    return out
