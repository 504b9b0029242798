"""Scenes to draw."""

import random

from isochrone.geo.latency import Point, distance_km, rtt_ms
from isochrone.geo.places import places
from isochrone.maps import Link, Origin, Runs, Scene, Site, SiteState, Unplaced, WhyUnserved
from isochrone.model import RouteKey

EUROPE = ("FRA", "LHR", "MAD")
WORLD = ("FRA", "IAD", "SIN", "SYD", "GRU", "NRT")


def runs(name: str, *, replicas: int = 2, devices: int = 4) -> Runs:
    return Runs(route=RouteKey("models", name), replicas=replicas, devices=devices)


def site(iata: str, *what: Runs, name: str | None = None, state: SiteState = SiteState.ACTIVE) -> Site:
    place = places()[iata]
    return Site(
        name=name or f"edge-{iata.lower()}",
        point=place.point,
        jurisdiction=place.jurisdiction,
        state=state,
        runs=what or (runs("chat"),),
    )


def origin(iata: str, people: int, by: Site | None, why: WhyUnserved = WhyUnserved.NO_ENGINE) -> Origin:
    point = places()[iata].point
    rtt = rtt_ms(distance_km(point, by.point)) if by is not None and by.point is not None else None
    return Origin(
        name=iata, point=point, people=people, site=by.name if by is not None else None, rtt_ms=rtt, why_unserved=why
    )


def scene(*iata: str) -> Scene:
    """Sites at these airports, and one of each mark there is."""
    sites = tuple(site(code) for code in iata)
    return Scene(
        title="Plan of example",
        sites=(
            *sites,
            site("WAW", name="edge-lost", state=SiteState.LOST),
            site("PRG", name="edge-draining", state=SiteState.DRAINING),
            site("ATH", name="edge-disabled", state=SiteState.DISABLED),
            Site(name="edge-idle", point=Point(55.6, 12.6)),
            Site(name="edge-nowhere", point=None),
        ),
        origins=(
            origin("CDG", 12_000_000, sites[0]),
            origin("MXP", 9_000_000, sites[0]),
            origin("ZRH", 400_000, None, WhyUnserved.UNLAWFUL),
            origin("IST", 15_000_000, None),
        ),
        links=(Link(here=sites[0].name, there=sites[1].name, rtt_ms=12.5),),
        unplaced=(
            Unplaced(route=RouteKey("models", "vision"), why="no pool has 80Gi per device"),
            Unplaced(route=RouteKey("models", "code"), why="runs at 1 of 2 sites"),
        ),
    )


def crowd(number: int) -> Scene:
    """So many sites all over the world, always the same ones."""
    dice = random.Random(1)
    codes = dice.sample(sorted(places()), number)
    sites = tuple(site(code, runs("chat", devices=dice.randrange(20))) for code in codes)
    return Scene(title="Plan of a crowd", sites=sites)
