"""The schema of one CRD version, parsed once into nodes that every stage walks.

Spec: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ and
k8s.io/apiextensions-apiserver/pkg/apiserver/schema (release 1.37).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from isochrone.admission import formats, identifiers


class UnsupportedSchema(ValueError):  # noqa: N818 - it names the fault of the CRD, as the server's message does
    """The CRD uses something whose meaning on the server this package can't reproduce exactly."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of x-kubernetes-validations; `field_path` is normalised, "" = the node itself."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str | None = None
    field_path: str = ""

    @property
    def title(self) -> str:
        """What the server calls the rule in messages about its failed evaluation."""
        return (self.message or self.expression).strip()


@dataclass(frozen=True)
class Node:
    """One schema, at any depth; junctors (allOf, ...) hold nodes too. None = keyword absent."""

    types: tuple[str, ...] = ()
    nullable: bool = False
    format: str = ""
    default: Any = None
    enum: tuple[Any, ...] = ()
    properties: Mapping[str, "Node"] = field(default_factory=dict)
    additional: "Node | bool | None" = None
    items: "Node | None" = None
    required: tuple[str, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)
    exclusive: frozenset[str] = frozenset()
    pattern: str = ""
    unique_items: bool = False
    all_of: tuple["Node", ...] = ()
    any_of: tuple["Node", ...] = ()
    one_of: tuple["Node", ...] = ()
    not_: "Node | None" = None
    preserve_unknown: bool = False
    embedded: bool = False
    int_or_string: bool = False
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def type(self) -> str:
        """The structural type; "" for int-or-string and for untyped preserve-unknown nodes."""
        return self.types[0] if len(self.types) == 1 else ""

    @property
    def values(self) -> "Node | None":
        """The schema of a map's values."""
        return self.additional if isinstance(self.additional, Node) else None

    @cached_property
    def exposed(self) -> bool:
        """Whether CEL sees the node: it has a type, and so do its items or values all the way down."""
        if self.int_or_string:
            return True
        if self.type == "array":
            return self.items is not None and self.items.exposed
        if self.values is not None:
            return self.values.exposed
        return self.type != ""

    @cached_property
    def has_rules(self) -> bool:
        children = [*self.properties.values(), self.items, self.values]
        return bool(self.rules) or any(child is not None and child.has_rules for child in children)


_COUNTED: Final = (
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "maximum",
    "minimum",
    "multipleOf",
)
_REFUSED: Final = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id", "$schema")


def parse(schema: Mapping[str, Any], path: str = "openAPIV3Schema") -> Node:
    """Raises UnsupportedSchema, with the place, for what the server or this package doesn't take."""
    if refused := [key for key in _REFUSED if key in schema]:
        raise UnsupportedSchema(f"{path}: {refused[0]} is not allowed in a structural schema")
    types = _types(schema)
    properties = {name: parse(sub, f"{path}.properties[{name}]") for name, sub in schema.get("properties", {}).items()}
    return Node(
        types=types,
        nullable=schema.get("nullable", False),
        format=_format(schema.get("format", ""), types, path),
        default=schema.get("default"),
        enum=tuple(schema.get("enum", ())),
        properties=properties,
        additional=_additional(schema.get("additionalProperties"), path),
        items=parse(schema["items"], f"{path}.items") if "items" in schema else None,
        required=tuple(schema.get("required", ())),
        bounds={key: schema[key] for key in _COUNTED if key in schema},
        exclusive=frozenset(key for key in ("exclusiveMaximum", "exclusiveMinimum") if schema.get(key)),
        pattern=schema.get("pattern", ""),
        unique_items=schema.get("uniqueItems", False),
        all_of=_junctor(schema, "allOf", path),
        any_of=_junctor(schema, "anyOf", path),
        one_of=_junctor(schema, "oneOf", path),
        not_=parse(schema["not"], f"{path}.not") if "not" in schema else None,
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields", False),
        embedded=schema.get("x-kubernetes-embedded-resource", False),
        int_or_string=schema.get("x-kubernetes-int-or-string", False),
        list_type=schema.get("x-kubernetes-list-type", ""),
        list_keys=tuple(schema.get("x-kubernetes-list-map-keys", ())),
        rules=tuple(_rule(rule, properties, path) for rule in schema.get("x-kubernetes-validations", ())),
    )


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def _format(name: str, types: tuple[str, ...], path: str) -> str:
    """The format as far as the server checks it, "" where it ignores it."""
    checked = formats.checked(name, types[0] if len(types) == 1 else "")
    if checked and not formats.implemented(checked):
        raise UnsupportedSchema(f"{path}: format {name} is checked by the server, but not by this package")
    return checked


def _additional(schema: Any, path: str) -> Node | bool | None:
    if schema is None or isinstance(schema, bool):
        return schema
    return parse(schema, f"{path}.additionalProperties")


def _junctor(schema: Mapping[str, Any], key: str, path: str) -> tuple[Node, ...]:
    return tuple(parse(sub, f"{path}.{key}[{index}]") for index, sub in enumerate(schema.get(key, ())))


def _rule(rule: Mapping[str, Any], properties: Mapping[str, Node], path: str) -> Rule:
    if rule.get("optionalOldSelf"):
        raise UnsupportedSchema(f"{path}: optionalOldSelf needs CEL's optional types, which are not supported")
    if not rule.get("rule", "").strip():
        raise UnsupportedSchema(f"{path}: empty rule")
    return Rule(
        expression=rule["rule"],
        message=rule.get("message", ""),
        message_expression=rule.get("messageExpression", ""),
        reason=rule.get("reason"),
        field_path=identifiers.field_path(rule.get("fieldPath", ""), frozenset(properties)),
    )
