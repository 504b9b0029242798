"""What may become of one request, by decision records 2 and 13 and what users declare. No evaluator is asked.

    world = Requests(snapshot)                  one site's view of what is declared; an older one may see less
    world.origin(asked)                         section 6; None: the header is refused
    world.may_enter(site, asked, age)           whether its gateway may read the request
    world.may_answer(site, asked, target, age)  whether the engine, peer or provider there may be sent it
    world.may_host(site, hop, age)              whether the other end of a hop may run it

Places and people are read from the objects, never from what was compiled of them.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.oracle import residency

from isochrone.geo import blocs, places
from isochrone.geo import codes as iso
from isochrone.model import Snapshot

Json = Mapping[str, Any]
Target = tuple[str, ...]
"""`("engine",)`, `("peer", site)` or `("provider", name, endpoint)`."""
NOBODY: Final = ("", "")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is known of a request. Routes and tenants are (namespace, name)."""

    route: tuple[str, str]
    tenant: tuple[str, str] | None
    origin: str | None = None
    """As the header says it, or None."""
    classes: frozenset[str] = frozenset()
    """As the header says them."""


@dataclasses.dataclass(frozen=True)
class Hop:
    """What the entry tells the other end, and whether a policy bound it there."""

    asked: Asked
    origin: tuple[str, ...]
    classes: frozenset[str]
    is_bound: bool


class Requests:
    """One view of what is declared."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.unbound = snapshot.settings.unbound
        self.policies = {each.metadata.name: _spec(each) for each in snapshot.policies}
        self.sites = {each.metadata.name: _place_of_site(_spec(each)) for each in snapshot.edge_nodes}
        self.routes = {_key(each): _Person.of(each, snapshot) for each in snapshot.routes}
        self.tenants = {_key(each): _Person.of(each, snapshot) for each in snapshot.tenants}
        self.endpoints = {
            (each.metadata.name, endpoint["name"]): _place_of_endpoint(endpoint)
            for each in snapshot.providers
            for endpoint in _spec(each)["endpoints"]
        }
        self._answers: dict[Any, residency.Answer] = {}

    # Who asks

    def origin(self, asked: Asked) -> tuple[str, ...] | None:
        """Section 6. Empty: unknown. None: the header is refused. A code that is none stands for what can't be read."""
        tenant = self.tenants.get(asked.tenant or NOBODY)
        declared = None if tenant is None else tenant.origins
        honoured = "Ignore" if tenant is None else str(tenant.spec.get("originHeader", "Ignore"))
        found = residency.origin_of_request(declared, asked.origin, honoured)
        if found is None or declared is None or (asked.origin is not None and honoured == "Trust"):
            return None if found is None else tuple(sorted(found))
        unread = tuple(code for code in declared if not residency.is_known(code))
        return (*sorted(found), *unread[:1])

    def classes(self, asked: Asked) -> frozenset[str]:
        """Those of the route and the tenant, and from the header where it is trusted."""
        tenant = self.tenants.get(asked.tenant or NOBODY)
        trusted = tenant is not None and tenant.spec.get("dataClassHeader", "Ignore") == "Trust"
        people = (tenant, self.routes.get(asked.route))
        own = (each.spec.get("dataClasses", ()) for each in people if each is not None)
        return (asked.classes if trusted else frozenset()).union(*own)

    # What is decided

    def may_enter(self, site: str, asked: Asked, age: str) -> bool:
        """Whether this gateway may see the plain text."""
        return self._allows(site, asked, "Ingress", self.sites[site], age)

    def may_answer(self, site: str, asked: Asked, target: Target, age: str) -> bool:
        """Whether the gateway of this site may send it there: a peer's gateway sees it, as its engines do."""
        scopes = ("Inference", "Ingress") if target[0] == "peer" else ("Inference",)
        return all(self._allows(site, asked, scope, self.place(site, target), age) for scope in scopes)

    def hop(self, site: str, asked: Asked) -> Hop:
        """What another gateway is told of it."""
        origin, classes = self.origin(asked) or (), self.classes(asked)
        return Hop(asked, origin, classes, self._is_bound(site, asked, origin, classes))

    def may_host(self, site: str, hop: Hop, age: str) -> bool:
        """By its own policies, age and classes; and no policy may bind here if none did at the entry."""
        classes = hop.classes | self.classes(dataclasses.replace(hop.asked, classes=frozenset()))
        here = self.sites[site]
        allowed = all(
            self._answer(site, hop.asked, hop.origin, classes, scope, here, age)["allowed"]
            for scope in ("Inference", "Ingress")
        )
        return allowed and (hop.is_bound or not self._is_bound(site, hop.asked, hop.origin, classes))

    def place(self, site: str, target: Target) -> Json:
        """Where a target is. An engine is where its gateway is."""
        match target:
            case ("peer", peer):
                return self.sites[peer]
            case ("provider", provider, endpoint):
                return self.endpoints[provider, endpoint]
            case _:
                return self.sites[site]

    def is_home(self, site: str, target: Target) -> bool:
        return residency.is_home(self.place(site, target)["codes"], self.country(site))

    def country(self, site: str) -> str | None:
        codes = self.sites[site]["codes"]
        return iso.country_of(codes[0]) if codes and residency.is_known(codes[0]) else None

    def _allows(self, site: str, asked: Asked, scope: str, place: Json, age: str) -> bool:
        origin = self.origin(asked)
        if origin is None:
            return False
        return self._answer(site, asked, origin, self.classes(asked), scope, place, age)["allowed"]

    def _is_bound(self, site: str, asked: Asked, origin: tuple[str, ...], classes: frozenset[str]) -> bool:
        """Whether a policy has a say in what becomes of its body: who processes it, and who keeps state."""
        here = self.sites[site]
        scopes = ("Inference", "State")
        return any(self._answer(site, asked, origin, classes, scope, here, "Fresh")["bound"] for scope in scopes)

    def _answer(
        self,
        site: str,
        asked: Asked,
        origin: tuple[str, ...],
        classes: frozenset[str],
        scope: str,
        place: Json,
        age: str,
    ) -> residency.Answer:
        where = (tuple(place["codes"]), place["evidence"])
        key = (self.country(site), asked.route, asked.tenant, origin, classes, scope, where, age)
        if key not in self._answers:
            subject: dict[str, Any] = {"route": self.routes[asked.route].labelled, "dataClasses": sorted(classes)}
            if asked.tenant is not None:
                subject["tenant"] = self.tenants[asked.tenant].labelled
            question = {"origin": origin, "scope": scope, "place": place, "age": age, "default": self.unbound}
            if country := self.country(site):
                question["siteCountry"] = country
            self._answers[key] = residency.decide(self.policies, subject, question)
        return self._answers[key]


@dataclasses.dataclass(frozen=True)
class _Person:
    """A route or a tenant as the law's oracle takes it."""

    spec: Json
    labelled: Json
    origins: tuple[str, ...] | None

    @classmethod
    def of(cls, resource: Any, snapshot: Snapshot) -> "_Person":
        namespace, spec = resource.metadata.namespace, _spec(resource)
        labels = {**snapshot.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
        labelled = {
            "name": resource.metadata.name,
            "labels": dict(resource.metadata.labels),
            "namespace": {"name": namespace, "labels": labels},
        }
        return cls(spec, labelled, _expanded(spec["origins"]) if "origins" in spec else None)


def _expanded(names: Iterable[str]) -> tuple[str, ...]:
    """Codes, blocs expanded; a name that means nothing is kept as it stands, and is read as unknown."""
    found: set[str] = set()
    for name in names:
        codes, problems = blocs.resolve([name])
        found |= {name} if problems else set(codes)
    return tuple(sorted(found))


def _spec(resource: Any) -> Json:
    found: Json = resource.model_dump(by_alias=True, mode="json", exclude_none=True)["spec"]
    return found


def _key(resource: Any) -> tuple[str, str]:
    return resource.metadata.namespace or "default", resource.metadata.name


def _place_of_site(spec: Json) -> Json:
    place = spec["place"]
    airport = places.place(place["iata"]) if place.get("iata") else None
    code = airport.jurisdiction if airport else place.get("jurisdiction")
    return {"codes": [code] if code else [], "evidence": place["evidence"]}


def _place_of_endpoint(spec: Json) -> Json:
    found, problems = blocs.resolve(spec["processesIn"])
    return {"codes": [] if problems else sorted(found), "evidence": spec["evidence"]}
