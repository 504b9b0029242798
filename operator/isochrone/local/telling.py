"""What a running network says of itself, out of what it knows. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from isochrone.api import EdgeNode, ModelRoute
from isochrone.geo import places
from isochrone.law.atlas import of_site
from isochrone.local import steering
from isochrone.local.decided import Decided
from isochrone.local.engines import EngineId, Player, Weights, is_played
from isochrone.local.standing import UP, Stand, Standing
from isochrone.local.steering import Door
from isochrone.local.view import EngineView, RouteView, SiteView, View
from isochrone.model import RouteKey, Snapshot
from isochrone.model.declared import key_of, model_name, present
from isochrone.render.gateway_settings import Ports


class AnyGateway(Protocol):
    """What is asked of a gateway."""

    @property
    def ports(self) -> Ports: ...
    @property
    def is_ready(self) -> bool: ...


class AnyEngine(Protocol):
    """What is asked of an engine."""

    @property
    def address(self) -> str | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def restarts(self) -> int: ...


def sites_of(
    declared: Snapshot, stands: Mapping[str, Stand], gateways: Mapping[str, AnyGateway], doors: Iterable[Door]
) -> tuple[SiteView, ...]:
    """The sites that have a gateway, in the order of their ports."""
    seen = {door.site: door for door in doors}
    front = next(iter(steering.order(seen.values())), None)
    edges = present(declared.edge_nodes)
    return tuple(
        SiteView(
            name=name,
            place=_where(edges[name]),
            url=f"http://{gateway.ports.host}:{gateway.ports.data}/v1",
            state=_state(stands.get(name, UP), gateway),
            rtt_ms=round(seen[name].rtt, 1),
            is_lawful=seen[name].is_lawful,
            is_front=name == front,
        )
        for name, gateway in sorted(gateways.items(), key=lambda item: item[1].ports.data)
        if name in edges
    )


def routes_of(decided: Decided, player: Player) -> tuple[RouteView, ...]:
    """The routes, in order."""
    routes = {key_of(route): route for route in present(decided.found.routes).values()}
    wanted: dict[RouteKey, int] = {}
    for placement in decided.planned.plan.placements:
        wanted[placement.route] = wanted.get(placement.route, 0) + 1
    return tuple(
        RouteView(
            route=str(key),
            model=model_name(route),
            endpoints=tuple(route.spec.endpoints),
            providers=_providers(route),
            is_played=is_played(route, player),
            wanted=wanted.get(key, 0),
        )
        for key, route in sorted(routes.items())
    )


def engines_of(engines: Mapping[EngineId, AnyEngine]) -> tuple[EngineView, ...]:
    return tuple(
        EngineView(
            route=str(key.route),
            site=key.site,
            is_ready=engine.address is not None,
            pid=engine.pid,
            restarts=engine.restarts,
        )
        for key, engine in sorted(engines.items())
    )


def view_of(  # noqa: PLR0913 - it is all that there is
    *,
    declared: Snapshot,
    decided: Decided | None,
    stands: Mapping[str, Stand],
    gateways: Mapping[str, AnyGateway],
    engines: Mapping[EngineId, AnyEngine],
    doors: Iterable[Door],
    front: str,
    client: str,
    player: Player,
    is_far: bool,
    missing_keys: Mapping[str, str],
    problem: str,
) -> View:
    """All of it."""
    return View(
        front=f"{front}/v1",
        client=client,
        is_far=is_far,
        player=player.name if isinstance(player, Weights) else f"http://{player.address}/v1",
        sites=sites_of(declared, stands, gateways, doors),
        routes=routes_of(decided, player) if decided is not None else (),
        engines=engines_of(engines),
        missing_keys=missing_keys,
        problem=problem,
    )


def _state(stand: Stand, gateway: AnyGateway) -> str:
    if stand.standing is not Standing.RUNNING:
        return stand.standing.value
    return "Ready" if gateway.is_ready else "Starting"


def _where(edge: EdgeNode) -> str:
    airport = places.place(edge.spec.place.iata) if edge.spec.place.iata else None
    codes = ", ".join(sorted(of_site(edge).place.codes)) or "nobody knows where"
    return f"{airport.city}, {codes}" if airport else codes


def _providers(route: ModelRoute) -> tuple[str, ...]:
    backends = (backend for tier in route.spec.tiers or () for backend in tier.backends)
    return tuple(dict.fromkeys(backend.provider.name for backend in backends if backend.provider is not None))
