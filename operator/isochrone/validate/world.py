"""All valid objects together, and what is known of those that are not valid or of other kinds.

What could not be read can't be missed: a check that says "there is no such pool" asks `is_whole` first, so that one
mistake makes one finding.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from isochrone.api import (
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
    Resource,
)
from isochrone.api.selectors import Namespaces
from isochrone.law import Labelled
from isochrone.law.rights import namespace_of
from isochrone.law.subject import admits
from isochrone.manifests import Manifest
from isochrone.model.declared import NAME_LABEL
from isochrone.validate.finding import Key
from isochrone.validate.item import Item, key_of

R = TypeVar("R", bound=Resource)
P = ParamSpec("P")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """What the manifests declare. Each kind in order of namespace and name, each object once."""

    edge_nodes: tuple[Item[EdgeNode], ...]
    pools: tuple[Item[GPUPool], ...]
    routes: tuple[Item[ModelRoute], ...]
    policies: tuple[Item[DataResidencyPolicy], ...]
    providers: tuple[Item[ModelProvider], ...]
    tenants: tuple[Item[InferenceTenant], ...]
    manifests: tuple[Manifest, ...]
    """Every object that was read, of whatever kind, valid or not."""
    broken: frozenset[Key]
    namespaces: Mapping[str, Mapping[str, str]]
    """Labels of the Namespaces that are among the manifests."""
    secrets: Mapping[tuple[str, str], frozenset[str]]
    """(namespace, name) of the Secrets that are among the manifests -> the keys of their data."""
    index: Mapping[Key, Item[Any]]
    """Every valid object by its key."""
    answers: dict[Any, Any] = dataclasses.field(default_factory=dict, repr=False)
    """What `once` remembers."""

    @classmethod
    def of(cls, items: Iterable[Item[Any]], *, broken: frozenset[Key], others: Sequence[Manifest]) -> "World":
        """Sorts the objects by what they are. Of several with one name, the first stands for them."""
        first: dict[Key, Item[Any]] = {}
        for item in items:
            first.setdefault(item.key, item)
        kinds: dict[str, list[Item[Any]]] = collections.defaultdict(list)
        for key in sorted(first):
            kinds[key.kind].append(first[key])
        return cls(
            edge_nodes=tuple(kinds["EdgeNode"]),
            pools=tuple(kinds["GPUPool"]),
            routes=tuple(kinds["ModelRoute"]),
            policies=tuple(kinds["DataResidencyPolicy"]),
            providers=tuple(kinds["ModelProvider"]),
            tenants=tuple(kinds["InferenceTenant"]),
            manifests=tuple(others),
            broken=broken,
            index=first,
            namespaces={m.name: _labels(m.obj) for m in others if (m.api_version, m.kind) == ("v1", "Namespace")},
            secrets={
                (key_of(m).namespace, m.name): _keys(m.obj)
                for m in others
                if (m.api_version, m.kind) == ("v1", "Secret")
            },
        )

    def is_whole(self, *kinds: type[Resource]) -> bool:
        """Whether every object of these kinds was valid."""
        return not {kind.__name__ for kind in kinds} & {key.kind for key in self.broken}

    def is_broken(self, kind: type[Resource], name: str, namespace: str = "") -> bool:
        """Whether such an object is there, but not valid."""
        return Key(kind.__name__, namespace, name) in self.broken

    def names(self, kind: type[Resource], namespace: str = "") -> list[str]:
        """The objects of a kind that are there, valid or not."""
        keys = sorted({*self.index, *self.broken})
        return [key.name for key in keys if (key.kind, key.namespace) == (kind.__name__, namespace)]

    def edge_node(self, name: str) -> Item[EdgeNode] | None:
        """The valid EdgeNode of this name."""
        return self.index.get(Key("EdgeNode", "", name))

    def provider(self, name: str) -> Item[ModelProvider] | None:
        """The valid ModelProvider of this name."""
        return self.index.get(Key("ModelProvider", "", name))

    def route(self, namespace: str, name: str) -> Item[ModelRoute] | None:
        """The valid ModelRoute of this name."""
        return self.index.get(Key("ModelRoute", namespace, name))

    def namespace(self, name: str) -> Labelled:
        """A namespace with the labels that are known of it."""
        return namespace_of(name, self.namespaces)

    def may_use(self, allowed: Namespaces | None, namespace: str) -> bool | None:
        """Whether a set of namespaces admits this one; None where that takes labels that are not known."""
        if allowed is None:
            return False
        if namespace in self.namespaces or namespace in (allowed.names or ()) or not _asked(allowed) - {NAME_LABEL}:
            return admits(allowed, self.namespace(namespace))
        return None


def once(function: Callable[Concatenate[World, P], T]) -> Callable[Concatenate[World, P], T]:
    """Several checks ask the same costly questions: each is answered once per world. Arguments are hashable."""

    def remembered(world: World, /, *arguments: P.args, **named: P.kwargs) -> T:
        asked = (function.__module__, function.__qualname__, arguments, tuple(named.items()))
        if asked not in world.answers:
            world.answers[asked] = function(world, *arguments, **named)
        answer: T = world.answers[asked]
        return answer

    return remembered


def _asked(allowed: Namespaces) -> set[str]:
    """The labels that a set of namespaces asks for."""
    if allowed.selector is None:
        return set()
    return {*(allowed.selector.match_labels or {}), *(each.key for each in allowed.selector.match_expressions or ())}


def _labels(obj: Mapping[str, Any]) -> dict[str, str]:
    metadata = obj.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {key: text for key, text in labels.items() if isinstance(text, str)} if isinstance(labels, dict) else {}


def _keys(obj: Mapping[str, Any]) -> frozenset[str]:
    parts = (obj.get(part) for part in ("data", "stringData"))
    return frozenset(key for part in parts if isinstance(part, dict) for key in part)
