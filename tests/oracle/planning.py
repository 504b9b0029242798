"""What a plan must be like, said a second time by other means: the law by its oracle, devices by trying all.

Nothing of `isochrone.plan` is asked. Who may call, with data from where, is read from what users write.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.oracle import residency

from isochrone.api import EdgeNode, GPUPool, ModelRoute
from isochrone.api.model_provider import Endpoint
from isochrone.geo import blocs, codes, places
from isochrone.law import Labelled
from isochrone.law.subject import admits, matches
from isochrone.model import Placement, RouteKey, Snapshot

Json = Mapping[str, Any]
ENGINES = ("Inference", "Ingress", "Weights")
PEER = ("Inference", "Ingress")
DIRECT = ("Inference",)


class Oracle:
    """One snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.sites = {edge.metadata.name: edge for edge in snapshot.edge_nodes}
        self.pools = {pool.metadata.name: pool for pool in snapshot.pools}
        self.routes = {key_of(route): route for route in snapshot.routes}
        self.policies = {each.metadata.name: _json(each) for each in snapshot.policies}
        self._named = frozenset(code for spec in self.policies.values() for code in _codes_in(spec))
        self._asking: dict[RouteKey, list[tuple[Json, tuple[str, ...]]]] = {}
        self._allowed: dict[Any, bool] = {}

    # The law

    def is_lawful(self, route: RouteKey, place: Json, scopes: Iterable[str], *, anonymous: bool | None = None) -> bool:
        """Whether one caller's data of one origin may be handled there in all scopes."""
        return any(self.allows(asking, place, scopes) for asking in self.asking(route, anonymous=anonymous))

    def allows(self, asking: tuple[Json, tuple[str, ...]], place: Json, scopes: Iterable[str]) -> bool:
        return all(self._allows(asking, place, scope) for scope in scopes)

    def asking(self, route: RouteKey, *, anonymous: bool | None = None) -> list[tuple[Json, tuple[str, ...]]]:
        """Who asks, with which origin. `anonymous` False leaves out those without a key; None asks for all."""
        if route not in self._asking:
            self._asking[route] = list(self._all_asking(self.routes[route]))
        return [each for each in self._asking[route] if anonymous is not False or not each[0].get("keyless")]

    def _allows(self, asking: tuple[Json, tuple[str, ...]], place: Json, scope: str) -> bool:
        subject, origin = asking
        key = (id(subject), origin, tuple(place["codes"]), place["evidence"], scope)
        if key not in self._allowed:
            question = {"origin": origin, "place": place, "scope": scope, "default": self.snapshot.settings.unbound}
            self._allowed[key] = residency.decide(self.policies, subject, question)["allowed"]
        return self._allowed[key]

    def _all_asking(self, route: ModelRoute) -> Iterator[tuple[Json, tuple[str, ...]]]:
        found = False
        for tenant in self.snapshot.tenants:
            if not self._may_call(tenant, route):
                continue
            found = True
            for classes in self._classes(tenant):
                subject = {**self._subject(route, classes), "tenant": self._labelled(tenant)}
                yield from ((subject, origin) for origin in self._origins(tenant))
        keyless = {**self._subject(route, ()), "keyless": True}
        if any(edge.spec.gateway.anonymous_access == "Allow" for edge in self.snapshot.edge_nodes):
            yield keyless, ()
        elif not found:
            nobody = self._subject(route, ())
            yield from ((nobody, (code,)) for code in sorted({*codes.countries(), *self._named, *_SOME_PARTS}))
            yield nobody, ()

    def _may_call(self, tenant: Any, route: ModelRoute) -> bool:
        mine, theirs = tenant.metadata.namespace, route.metadata.namespace
        if tenant.spec.allowed_routes is None:
            return bool(mine == theirs)
        named = any((ref.namespace or mine, ref.name) == key_of(route) for ref in tenant.spec.allowed_routes)
        return named and (mine == theirs or self.admits(route.spec.allowed_namespaces, mine))

    def admits(self, allowed: Any, namespace: str) -> bool:
        labels = {**self.snapshot.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
        return allowed is not None and admits(allowed, Labelled(namespace, labels))

    def _classes(self, tenant: Any) -> Iterator[tuple[str, ...]]:
        own = tuple(tenant.spec.data_classes or ())
        yield own
        if tenant.spec.data_class_header == "Trust" and self.snapshot.settings.unbound == "Deny":
            yield from ((*own, added) for added in ("health", "payments"))

    def _origins(self, tenant: Any) -> list[tuple[str, ...]]:
        if not tenant.spec.origins:
            return [()]
        declared, _ = blocs.resolve(tenant.spec.origins)
        found = [tuple(sorted(declared))]
        if tenant.spec.origin_header == "Trust":
            parts = {code for code in self._named | _SOME_PARTS if _is_within(code, declared)}
            found += [(code,) for code in sorted(declared | parts)]
        return found

    def _subject(self, route: ModelRoute, classes: tuple[str, ...]) -> dict[str, Any]:
        return {"route": self._labelled(route), "dataClasses": [*(route.spec.data_classes or ()), *classes]}

    def _labelled(self, resource: Any) -> Json:
        namespace = resource.metadata.namespace
        labels = {**self.snapshot.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
        return {
            "name": resource.metadata.name,
            "labels": resource.metadata.labels,
            "namespace": {"name": namespace, "labels": labels},
        }

    # Devices

    def free(self, pool: GPUPool, site: str) -> tuple[int, ...]:
        """Devices that others leave free on each node."""
        seen = self.snapshot.observed.sites.get(site)
        taken = sorted(seen.taken.get(pool.metadata.name, ()) if seen else (), reverse=True)
        each, nodes = pool.spec.devices_per_node, pool.spec.nodes
        held = [*taken, *([0] * nodes)][:nodes]
        return tuple(max(0, each - devices) for devices in held)

    def room(self, pool: GPUPool, site: str) -> tuple[int, ...]:
        """The same; all that the pool has, where others can't hold what they are said to: engines that answer do."""
        free, spec = self.free(pool, site), pool.spec
        answering: dict[RouteKey, int] = {}
        for each in self.snapshot.observed.running:
            if (each.site, each.pool) == (site, pool.metadata.name) and each.route in self.routes:
                answering[each.route] = max(answering.get(each.route, 0), min(each.ready, each.replicas))
        ready = [self._devices(key) for key, replicas in answering.items() for _ in range(replicas)]
        if can_hold(tuple(sorted(free)), tuple(sorted(ready, reverse=True))):
            return free
        return (spec.devices_per_node,) * spec.nodes

    def _devices(self, route: RouteKey) -> int:
        serving = self.routes[route].spec.serving
        return serving.resources.devices if serving is not None else 0

    def fits(self, placements: Iterable[Placement]) -> bool:
        """Whether all replicas can be put on nodes, each on one."""
        at: dict[tuple[str, str], list[int]] = {}
        for each in placements:
            if each.pool is not None:
                at.setdefault((each.pool, each.site), []).extend([self._devices(each.route)] * each.replicas)
        return all(
            can_hold(tuple(sorted(self.room(self.pools[pool], site))), tuple(sorted(sizes, reverse=True)))
            for (pool, site), sizes in at.items()
        )

    def is_at(self, pool: GPUPool, site: str) -> bool:
        spec = pool.spec
        if spec.edge_node_ref is not None:
            return spec.edge_node_ref.name == site
        return spec.edge_node_selector is not None and matches(
            spec.edge_node_selector, self.sites[site].metadata.labels
        )

    def suits(self, route: ModelRoute, pool_name: str | None, site: str) -> bool:
        """Whether engines could be there, but for the law, for room, and for the state of the site."""
        serving, placement = route.spec.serving, route.spec.placement
        edge = self.sites[site]
        selector = placement.edge_node_selector
        if serving is None or not place_of(edge)["codes"] or (selector and not matches(selector, edge.metadata.labels)):
            return False
        need = serving.resources
        if not need.devices or pool_name is None:
            return not need.devices and pool_name is None
        pool = self.pools.get(pool_name)
        return (
            pool is not None
            and self.is_at(pool, site)
            and self.admits(pool.spec.allowed_namespaces, route.metadata.namespace or "")
            and (placement.pool_selector is None or matches(placement.pool_selector, pool.metadata.labels))
            and (not placement.capacity_types or pool.spec.capacity_type in placement.capacity_types)
            and serving.priority <= pool.spec.max_priority
            and (not need.device_products or pool.spec.device.product in need.device_products)
            and (not need.device_memory or _gigabytes(pool.spec.device.memory) >= _gigabytes(need.device_memory))
            and need.devices <= pool.spec.devices_per_node
        )

    def is_lost(self, site: str, now: int) -> bool:
        seen = self.snapshot.observed.sites.get(site)
        since = seen.unreachable_since if seen else None
        return since is not None and now - since >= self.snapshot.settings.lost_after


def key_of(resource: Any) -> RouteKey:
    return RouteKey(resource.metadata.namespace or "default", resource.metadata.name)


def serves(route: ModelRoute) -> bool:
    tiers = route.spec.tiers
    named = tiers is None or any(backend.serving is not None for tier in tiers for backend in tier.backends)
    return route.spec.serving is not None and named


def place_of(edge: EdgeNode) -> Json:
    """Where a site is, as the law's oracle takes it."""
    spec = edge.spec.place
    airport = places.place(spec.iata) if spec.iata else None
    code = airport.jurisdiction if airport else spec.jurisdiction
    return {"codes": [code] if code else [], "evidence": spec.evidence.value}


def endpoint_place(endpoint: Endpoint) -> Json:
    found, problems = blocs.resolve(endpoint.processes_in)
    return {"codes": [] if problems else sorted(found), "evidence": endpoint.evidence.value}


@functools.lru_cache(maxsize=100_000)
def can_hold(nodes: tuple[int, ...], replicas: tuple[int, ...]) -> bool:
    """Every node is tried for each replica, the largest first."""
    if not replicas:
        return True
    first, *others = replicas
    return any(
        can_hold(tuple(sorted((*nodes[:at], room - first, *nodes[at + 1 :]))), tuple(others))
        for at, room in enumerate(nodes)
        if room >= first and room not in nodes[:at]
    )


def _json(policy: Any) -> Json:
    found: Json = policy.model_dump(by_alias=True, mode="json", exclude_none=True)["spec"]
    return found


def _codes_in(spec: Json) -> Iterator[str]:
    """All that a policy names, blocs expanded."""
    areas = [spec.get("binds", {}).get("origins"), *(entry.get("places") for entry in spec["allow"])]
    for area in areas:
        if area:
            found, _ = blocs.resolve([*area["include"], *area.get("exclude", ())])
            yield from (code for code in found if code != "World")


_SOME_PARTS = frozenset({"US-TX", "US-CA", "US-VA", "DE-BY", "FR-69", "GB-LND", "JP-13", "BR-SP", "CH-ZH"})


def _is_within(code: str, declared: Iterable[str]) -> bool:
    return residency.covers(frozenset().union(*map(residency.territory, declared)), code)


def _gigabytes(quantity: str) -> int:
    assert quantity.endswith("Gi"), quantity
    return int(quantity[:-2])
