"""Who and what a request, or a placement, is about: as much of it as policies can select by."""

import dataclasses
from collections.abc import Mapping

from isochrone.api import GPUPool
from isochrone.api.selectors import LabelSelector, Namespaces, PositiveSelector


@dataclasses.dataclass(frozen=True, slots=True)
class Labelled:
    """An object that selectors look at: its name and its labels."""

    name: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A route with its namespace, a tenant with its (none for anonymous requests), and the classes of the data."""

    route: Labelled
    route_namespace: Labelled
    tenant: Labelled | None = None
    tenant_namespace: Labelled | None = None
    data_classes: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> tuple[Labelled, ...]:
        """The namespaces that count: the route's, and the tenant's if there is one."""
        return (self.route_namespace, *((self.tenant_namespace,) if self.tenant_namespace else ()))


def matches(selector: LabelSelector | PositiveSelector, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches. An empty one matches everything.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    exact = (selector.match_labels or {}).items()
    expressions = selector.match_expressions or []
    return all(labels.get(key) == value for key, value in exact) and all(
        _holds(item.operator.value, labels.get(item.key), item.values or []) for item in expressions
    )


def is_at(pool: GPUPool, site: str, labels: Mapping[str, str]) -> bool:
    """Whether a site, by its name and its labels, is one of those that a pool is at."""
    spec = pool.spec
    if spec.edge_node_selector is not None:
        return matches(spec.edge_node_selector, labels)
    return spec.edge_node_ref is not None and spec.edge_node_ref.name == site


def admits(namespaces: Namespaces, namespace: Labelled) -> bool:
    """Whether a set of namespaces contains this one, by name or by label."""
    return namespace.name in (namespaces.names or ()) or (
        namespaces.selector is not None and matches(namespaces.selector, namespace.labels)
    )


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    match operator:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            raise ValueError(f"no such operator: {operator}")
