"""How a model says what Kubernetes must know: CEL rules, list semantics, and fields that are left open.

A model lists its rules in the class variable `rules`; a field carries its Kubernetes extensions as an annotation.
Both end up in the JSON schema that pydantic makes, from which `crd` builds the structural schema.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pydantic
from pydantic import ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One CEL rule: what must hold (`rule`) and what the user reads when it does not (`message`).

    `field` names the child that the finding points at, as a JSONPath such as `.weights.digest`.
    A rule that mentions `oldSelf` is a transition rule: it is evaluated on updates only.
    """

    rule: str
    message: str
    field: str | None = None

    def as_validation(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        validation = {"rule": self.rule, "message": self.message}
        if self.field is not None:
            validation["fieldPath"] = self.field
        return validation


class Model(pydantic.BaseModel):
    """An object of the API: camelCase on the wire, unknown fields refused, immutable once parsed.

    The string below a field is its documentation, in `kubectl explain` too.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.as_validation() for rule in cls.rules]
        return schema


SAYS = "x-says"
"""The keyword that carries what a type says of itself. It does not reach the CRD."""


@dataclasses.dataclass(frozen=True, eq=False)
class Extension:
    """An annotation that adds keywords to the schema of the field it stands on."""

    keywords: dict[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(core_schema), **self.keywords}


class Says(Extension):
    """How a scalar is written, with an example. `crd` appends it to the description of every field of the type."""

    def __init__(self, text: str) -> None:
        super().__init__({SAYS: text})


def map_list(*keys: str) -> Extension:
    """A list that server-side apply merges by these keys, each combination of which occurs once."""
    return Extension({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})


SET: Extension = Extension({"x-kubernetes-list-type": "set"})
"""A list of scalars without duplicates, merged item by item."""

ATOMIC: Extension = Extension({"x-kubernetes-list-type": "atomic"})
"""A list that one owner replaces as a whole: its order matters."""

OPEN: Extension = Extension({"x-kubernetes-preserve-unknown-fields": True})
"""An object with fields beyond those declared, kept as they are."""

IMMUTABLE_RULE = "self == oldSelf"


def keys_match(pattern: str, message: str) -> Extension:
    """A map whose keys match: JSON Schema's `propertyNames`, which structural schemas lack."""
    return Extension(
        {"x-kubernetes-validations": [{"rule": f"self.all(k, k.matches('{pattern}'))", "message": message}]}
    )


def immutable(message: str) -> Extension:
    """A field that can't change once it is set. `message` says what to do instead."""
    return Extension({"x-kubernetes-validations": [{"rule": IMMUTABLE_RULE, "message": message}]})
