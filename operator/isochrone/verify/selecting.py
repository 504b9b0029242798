"""Labels and selectors as Kubernetes reads them, out of JSON."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]
Requirement = tuple[str, str, frozenset[str]]
"""A label's key, an operator, and the values that it compares with."""


class Namespace(NamedTuple):
    """A namespace with its labels."""

    name: str
    labels: Mapping[str, str]


class Labelled(NamedTuple):
    """A route or a tenant, with its labels, and where it lives."""

    name: str
    labels: Mapping[str, str]
    namespace: Namespace

    @property
    def id(self) -> str:
        return f"{self.namespace.name}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Selector:
    """All must hold. NotIn and DoesNotExist hold where the key is missing."""

    requirements: tuple[Requirement, ...]

    @classmethod
    def read(cls, said: Json | None) -> "Selector | None":
        return None if said is None else cls(tuple(requirements(said)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(holds(labels.get(key), operator, values) for key, operator, values in self.requirements)


def requirements(selector: Json) -> Iterator[Requirement]:
    """All that it asks for; a label by itself is asked for by its one value."""
    for key, value in (selector.get("matchLabels") or {}).items():
        yield key, "In", frozenset({value})
    for each in selector.get("matchExpressions") or ():
        yield each["key"], each["operator"], frozenset(each.get("values") or ())


@dataclasses.dataclass(frozen=True, slots=True)
class NamespacesOf:
    """Namespaces that are named, and those whose labels match."""

    names: frozenset[str]
    selector: Selector | None

    @classmethod
    def read(cls, said: Json | None) -> "NamespacesOf | None":
        if said is None:
            return None
        return cls(frozenset(said.get("names") or ()), Selector.read(said.get("selector")))

    def has(self, namespace: Namespace) -> bool:
        return namespace.name in self.names or (self.selector is not None and self.selector.matches(namespace.labels))


def holds(value: str | None, operator: str, values: frozenset[str]) -> bool:
    """Whether a label's value is what an expression asks for; None: there is no such label."""
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"{operator} is no operator of a selector")
