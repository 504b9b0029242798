"""Whose requests are followed: each tenant's, for each route that it may call, from each place of its clients.

A client is where its data is from. Of a tenant that declares origins these are the places; what may come from
everywhere is followed from where sites are, or from the places that were asked for.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from isochrone.geo import codes, population
from isochrone.geo.latency import Point, rtt_between_ms
from isochrone.model import Snapshot
from isochrone.model.declared import key_of, present, public_names
from isochrone.verify.declared import Declared, Route, Tenant


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests that are alike."""

    tenant: Tenant | None
    """None: without a key."""
    route: Route
    model: str
    """What they ask for."""
    client: str
    """The code of the place that they come from."""
    header: str | None
    """What the origin header says; None where it would say nothing."""
    origin: tuple[str, ...]
    """The law's origin: all places that the data may be from; none: unknown."""

    @property
    def who(self) -> str | None:
        return self.tenant.who.id if self.tenant else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """What is followed of all of it; everything where nothing is said."""

    origins: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()


EVERYTHING = Only()


def of(declared: Declared, snapshot: Snapshot, only: Only = EVERYTHING) -> tuple[Traffic, ...]:
    """All of it, in order."""
    names = {str(key): found[0] for key, found in public_names(snapshot.routes).items() if found}
    clients = sorted(only.origins) or _countries(declared)
    found: list[Traffic] = []
    for tenant in _callers(declared, snapshot, only):
        for route in declared.routes.values():
            key = route.who.id
            if key in names and _is_wanted(key, only.routes) and (tenant is None or tenant.may_call(route)):
                found += _of_route(tenant, route, names[key], clients=clients, only=only)
    return tuple(found)


def _callers(declared: Declared, snapshot: Snapshot, only: Only) -> Iterator[Tenant | None]:
    """Who has a key that opens something, and nobody if some site wants none. A key that two claim is the older's."""
    suspended = {str(key_of(each)) for each in present(snapshot.tenants).values() if each.spec.state == "Suspended"}
    callers = set(declared.keys.values()) - suspended
    yield from (declared.tenants[key] for key in sorted(callers) if _is_wanted(key, only.tenants))
    if not only.tenants and any(site.is_open for site in declared.sites.values()):
        yield None


def _is_wanted(key: str, wanted: frozenset[str]) -> bool:
    return not wanted or key in wanted or key.rpartition("/")[2] in wanted


def _of_route(
    tenant: Tenant | None, route: Route, model: str, *, clients: Sequence[str], only: Only
) -> Iterator[Traffic]:
    declared = sorted(tenant.origins.codes) if tenant else []
    may_be_unknown = tenant is None or tenant.origins.elsewhere or not declared
    places = [code for code in declared if not only.origins or _lies_in(code, only.origins)]
    if may_be_unknown:
        places += [code for code in clients if code not in places]
    for client in places:
        says = tenant is not None and tenant.trusts_origin and client in tenant.origins.codes
        origin = (client,) if says else () if may_be_unknown else tuple(declared)
        yield Traffic(
            tenant=tenant, route=route, model=model, client=client, header=client if says else None, origin=origin
        )


def _lies_in(code: str, wanted: Iterable[str]) -> bool:
    return any(code == each or each in codes.ancestors(code) for each in wanted)


def _countries(declared: Declared) -> list[str]:
    """The countries in which sites are."""
    known = (codes.country_of(code) for site in declared.sites.values() for code in site.place.codes)
    return sorted({code for code in known if code is not None})


@functools.cache
def point_of(code: str) -> Point | None:
    """Where most people of a place live; None where nobody does, or it isn't known."""
    try:
        centres = population.centres_of(code)
    except ValueError:
        centres = population.centres_of(codes.country_of(codes.canonical(code)) or code)
    return max(centres, key=lambda each: each.people).point if centres else None


def rtts(client: str, sites: Mapping[str, Point | None]) -> dict[str, float]:
    """Milliseconds to each site; 0 where it isn't known where the client or the site is."""
    here = point_of(client)
    return {name: rtt_between_ms(here, at) if here and at else 0.0 for name, at in sites.items()}
