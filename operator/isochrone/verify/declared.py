"""What users declare, read from its JSON: policies, true places, who may call what, and who may be called.

What gateways' configs say is compared with this. An object that is being deleted is gone, and of two with one name the
older is there.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from isochrone.geo import places as airports
from isochrone.verify import evidence, ground, meaning
from isochrone.verify.evidence import Bucket, Evidence
from isochrone.verify.meaning import Place
from isochrone.verify.selecting import Labelled, Namespace, NamespacesOf

Json = Mapping[str, Any]

_DEFAULT: Final = "default"
_NAME_LABEL: Final = "kubernetes.io/metadata.name"
_DURATION: Final = re.compile("([0-9]+)(h|ms|m|s)")
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DECLARED: Final = "Declared"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where a tenant's data may come from. No codes, and not `elsewhere` either: nothing is declared."""

    codes: frozenset[str]
    elsewhere: bool

    @property
    def each(self) -> tuple[str | None, ...]:
        """Every jurisdiction that is decided by itself."""
        is_unknown = self.elsewhere or not self.codes
        return (*sorted(self.codes), *([meaning.UNKNOWN] if is_unknown else []))

    def __str__(self) -> str:
        return ", ".join([*sorted(self.codes), *(["elsewhere"] if self.elsewhere else [])]) or "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An EdgeNode."""

    name: str
    place: Place
    state: str
    advertise: tuple[str, int] | None
    is_open: bool
    """Whether it answers requests without a key."""
    max_age_ms: int
    hard_max_age_ms: int
    nodes: Mapping[str, str]
    """Labels of the nodes that are its own."""
    is_beside_hub: bool = True
    """Whether it is in the hub's own cluster."""
    hostname: str | None = None
    """Its public name, which refusals point clients to."""
    evidence: Evidence | None = None
    bucket: Bucket | None = None
    """Where its evidence is copied to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One base URL of a provider, and where it processes and keeps what is sent to it."""

    url: str
    place: Place
    store: Place
    is_inside: bool
    """Whether it may be in a network of one's own."""
    models: Mapping[str, str]
    """Names that differ here, by the provider's own."""
    body: Mapping[str, str]
    """Members of every request, by which it is told its region; `headers` likewise."""
    headers: Mapping[str, str]
    authorities: tuple[str, str] | None = None
    """A Secret and its key, with those to trust instead of the system's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A ModelProvider."""

    name: str
    endpoints: Mapping[str, Endpoint]
    models: frozenset[str]
    """By the names that it knows them by itself: in some the region is part of the name."""
    headers: frozenset[str]
    credentials: Mapping[str, tuple[str, str]]
    """Name -> a Secret and its key. Some providers say by the key's project where they process."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A ModelRoute."""

    who: Labelled
    classes: frozenset[str]
    allows: NamespacesOf | None
    weights: str | None
    """The URI of its weights."""
    is_served: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An InferenceTenant."""

    who: Labelled
    classes: frozenset[str]
    origins: Origins
    trusts_origin: bool
    trusts_classes: bool
    routes: frozenset[str] | None
    """Ids of those that it names; None: all of its own namespace."""

    def may_call(self, route: Route) -> bool:
        home = self.who.namespace
        if self.routes is None:
            return route.who.namespace.name == home.name
        is_allowed = route.who.namespace.name == home.name or (route.allows is not None and route.allows.has(home))
        return route.who.id in self.routes and is_allowed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """All of an installation."""

    policies: tuple[meaning.Policy, ...]
    sites: Mapping[str, Site]
    providers: Mapping[str, Provider]
    routes: Mapping[str, Route]
    tenants: Mapping[str, Tenant]
    keys: Mapping[str, str]
    """Hash -> the tenant whose key it is."""
    names: Mapping[str, str]
    """What clients send as `model` -> the route that it names."""
    installation: str
    unbound: str
    """`Allow` or `Deny`: what holds where no policy binds."""
    ways_out: Mapping[str, str]
    """Policy -> what it tells those whom it refuses."""
    generations: Mapping[str, int]
    """Policy -> how often its spec has changed, of those that an API server has; files don't say."""
    stores: Mapping[str, str]
    """Scheme of weights -> the base URL that it leads to, where that is not the public one."""


def read(
    objects: Iterable[Json],
    *,
    installation: str = "isochrone",
    unbound: str = "Allow",
    stores: Mapping[str, str] | None = None,
) -> Declared:
    """Out of objects of the six kinds, and Namespaces; others are passed over."""
    kinds: dict[str, list[Json]] = {}
    for each in objects:
        kinds.setdefault(each["kind"], []).append(each)
    namespaces = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in kinds.get("Namespace", ())}

    def there(kind: str) -> list[Json]:
        return _present(kinds.get(kind, ()))

    labelled = functools.partial(_labelled, namespaces)
    tenants = there("InferenceTenant")
    policies = there("DataResidencyPolicy")
    routes = [_route(labelled(each), each["spec"]) for each in there("ModelRoute")]
    owners = [_tenant(labelled(each), each["spec"]) for each in tenants]
    return Declared(
        policies=tuple(meaning.read(each["metadata"]["name"], each["spec"]) for each in policies),
        sites={each["metadata"]["name"]: _site(each) for each in there("EdgeNode")},
        providers={each["metadata"]["name"]: _provider(each) for each in there("ModelProvider")},
        routes={each.who.id: each for each in routes},
        tenants={each.who.id: each for each in owners},
        keys=_owners(tenants, _hashes),
        names=_owners(there("ModelRoute"), _names),
        installation=installation,
        unbound=unbound,
        ways_out={each["metadata"]["name"]: each["spec"].get("wayOut") or "" for each in policies},
        generations={
            each["metadata"]["name"]: each["metadata"]["generation"]
            for each in policies
            if each["metadata"].get("generation")
        },
        stores=stores or {},
    )


def _present(objects: Iterable[Json]) -> list[Json]:
    found: dict[tuple[str, str], Json] = {}
    for each in sorted(objects, key=_age):
        if not each["metadata"].get("deletionTimestamp"):
            found.setdefault(_id(each), each)
    return [found[key] for key in sorted(found)]


def _id(item: Json) -> tuple[str, str]:
    return item["metadata"].get("namespace") or _DEFAULT, item["metadata"]["name"]


def _age(item: Json) -> tuple[bool, str]:
    created = item["metadata"].get("creationTimestamp") or ""
    return not created, created


def _owners(objects: Iterable[Json], claimed: Callable[[Json], Iterable[str]]) -> dict[str, str]:
    """What two claim is the older one's."""
    found: dict[str, str] = {}
    for each in sorted(objects, key=_age):
        for key in claimed(each):
            found.setdefault(key, "/".join(_id(each)))
    return found


def _hashes(tenant: Json) -> Iterator[str]:
    """Of its keys."""
    return (each["sha256"] for each in tenant["spec"]["keys"])


def _names(route: Json) -> tuple[str, ...]:
    """By which clients ask for it."""
    spec = route["spec"]
    return (spec.get("modelName") or route["metadata"]["name"], *(spec.get("aliases") or ()))


def _labelled(namespaces: Mapping[str, Mapping[str, str]], item: Json) -> Labelled:
    home, name = _id(item)
    labels = {**namespaces.get(home, {}), _NAME_LABEL: home}
    return Labelled(name, item["metadata"].get("labels") or {}, Namespace(home, labels))


def _site(item: Json) -> Site:
    spec = item["spec"]
    gateway, staleness = spec.get("gateway") or {}, spec.get("staleness") or {}
    advertise, kept = gateway.get("advertise"), gateway.get("evidence")
    store = (kept or {}).get("objectStorage")
    return Site(
        name=item["metadata"]["name"],
        place=_standing(spec["place"]),
        state=spec.get("state", "Active"),
        advertise=(advertise["host"], advertise.get("port", 8443)) if advertise else None,
        is_open=gateway.get("anonymousAccess") == "Allow",
        max_age_ms=_milliseconds(staleness.get("maxAge", "24h")),
        hard_max_age_ms=_milliseconds(staleness.get("hardMaxAge", "720h")),
        nodes=spec.get("nodeSelector") or {},
        is_beside_hub=_is_beside_hub(spec.get("cluster") or {}),
        hostname=gateway.get("hostname"),
        evidence=evidence.read(kept),
        bucket=evidence.bucket(store, _within(store["jurisdiction"], store)) if store else None,
    )


def _is_beside_hub(cluster: Json) -> bool:
    is_elsewhere = cluster.get("kubeconfigSecretRef") or cluster.get("clusterProfileRef")
    return not is_elsewhere and cluster.get("type", "Local") == "Local"


def _standing(said: Json) -> Place:
    """Where a site is: by its airport, or by the jurisdiction that is given."""
    jurisdiction = said.get("jurisdiction")
    if jurisdiction is None:
        airport = airports.place(said["iata"])
        jurisdiction = airport.jurisdiction if airport else None
    return _within(jurisdiction, said)


def _within(jurisdiction: str | None, said: Json) -> Place:
    code = None if jurisdiction is None else ground.canonical(jurisdiction)
    return Place(frozenset() if code is None else frozenset({code}), said.get("evidence", _DECLARED))


def _provider(item: Json) -> Provider:
    spec = item["spec"]
    models = {each["name"]: each.get("upstreamName") or each["name"] for each in spec["models"]}
    return Provider(
        name=item["metadata"]["name"],
        endpoints={each["name"]: _endpoint(each, models) for each in spec["endpoints"]},
        models=frozenset(models.values()),
        headers=frozenset(spec.get("headers") or ()),
        credentials={each["name"]: _secret(each["secretRef"]) for each in spec.get("keys") or ()},
    )


def _secret(said: Json) -> tuple[str, str]:
    return said["name"], said["key"]


def _endpoint(said: Json, models: Mapping[str, str]) -> Endpoint:
    evidence = said.get("evidence", _DECLARED)
    place = Place(_named(said["processesIn"]), evidence)
    return Endpoint(
        url=said["url"],
        place=place,
        store=Place(_named(said["storesIn"]), evidence) if said.get("storesIn") else place,
        is_inside=said.get("plaintext") == "Allow" or said.get("caSecretRef") is not None,
        models={
            models[each["name"]]: each["upstreamName"]
            for each in said.get("models") or ()
            if each["name"] in models and models[each["name"]] != each["upstreamName"]
        },
        body=_named_values(said.get("requestBody")),
        headers=_named_values(said.get("requestHeaders")),
        authorities=_secret(said["caSecretRef"]) if said.get("caSecretRef") else None,
    )


def _named_values(items: Iterable[Json] | None) -> dict[str, str]:
    return {each["name"]: each["value"] for each in items or ()}


def _named(areas: Iterable[str]) -> frozenset[str]:
    """All jurisdictions of a place; none if one of them can't be told, as of `World`."""
    try:
        found = ground.members(areas, {})
    except ground.Unreadable:
        return frozenset()
    return found if all(ground.canonical(code) for code in found) else frozenset()


def _route(who: Labelled, spec: Json) -> Route:
    serving = spec.get("serving")
    return Route(
        who=who,
        classes=frozenset(spec.get("dataClasses") or ()),
        allows=NamespacesOf.read(spec.get("allowedNamespaces")),
        weights=((serving or {}).get("weights") or {}).get("uri"),
        is_served=serving is not None,
    )


def _tenant(who: Labelled, spec: Json) -> Tenant:
    named = spec.get("allowedRoutes")
    home = who.namespace.name
    return Tenant(
        who=who,
        classes=frozenset(spec.get("dataClasses") or ()),
        origins=origins_of(spec.get("origins") or ()),
        trusts_origin=spec.get("originHeader") == "Trust",
        trusts_classes=spec.get("dataClassHeader") == "Trust",
        routes=None
        if named is None
        else frozenset(f"{each.get('namespace') or home}/{each['name']}" for each in named),
    )


def origins_of(names: Sequence[str]) -> Origins:
    """The codes that are declared; `elsewhere` if a name among them can't be read, or is all the world."""
    found: set[str] = set()
    elsewhere = False
    for name in names:
        try:
            codes = ground.members([name], {})
        except ground.Unreadable:
            elsewhere = True
            continue
        known = {code for code in codes if ground.canonical(code)}
        elsewhere = elsewhere or known != codes
        found |= known
    return Origins(codes=frozenset(found), elsewhere=elsewhere)


@functools.cache
def _milliseconds(duration: str) -> int:
    return sum(int(count) * _MILLISECONDS[unit] for count, unit in _DURATION.findall(duration))


def callers(declared: Declared, route: Route) -> Iterator[Tenant]:
    """The tenants that may call a route."""
    return (each for each in declared.tenants.values() if each.may_call(route))
