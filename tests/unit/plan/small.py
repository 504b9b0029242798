"""Small networks around one route, `shop/chat`: three sites in the EU and one in the US, one GPU each unless said."""

from collections.abc import Iterable
from typing import Any

from tests.unit.validate import sample
from tests.worlds.build import snapshot

from isochrone.model import Observed, Plan, RouteKey, Running, SiteObservation, Snapshot
from isochrone.plan import plan

Json = dict[str, Any]
NOW = 1_000_000
CHAT = RouteKey("shop", "chat")


def site(name: str, iata: str, **spec: Any) -> Json:
    labels = spec.pop("labels", {})
    gateway = {"advertise": {"host": f"{name}.example.com"}, **spec.pop("gateway", {})}
    return sample.edge(name, iata, labels=labels, cluster={"type": "Remote"}, delivery="Pull", gateway=gateway, **spec)


FRA, AMS, CDG, IAD = site("fra", "FRA"), site("ams", "AMS"), site("cdg", "CDG"), site("iad", "IAD")


def pool(at: str, **spec: Any) -> Json:
    return sample.pool(f"gpu-{at}", at, **{"devicesPerNode": 1, "allowedNamespaces": {"selector": {}}, **spec})


POOLS = [pool("fra"), pool("ams"), pool("cdg"), pool("iad")]


def chat(name: str = "chat", *, placement: Json | None = None, serving: Json | None = None, **spec: Any) -> Json:
    return sample.route(name, serving={**sample.serving(), **(serving or {})}, placement=placement or {}, **spec)


def network(*objects: Json, observed: Observed | None = None, **settings: Any) -> Snapshot:
    return snapshot(objects, observed or Observed(), **settings)


def europe(*objects: Json, observed: Observed | None = None, **settings: Any) -> Snapshot:
    """All four sites with a GPU each, and these objects."""
    return network(FRA, AMS, CDG, IAD, *POOLS, *objects, observed=observed, **settings)


def running(at: str, name: str = "chat", *, pool: str | None = "", replicas: int = 1, **fields: Any) -> Running:
    where = f"gpu-{at}" if pool == "" else pool
    return Running(
        route=RouteKey("shop", name), site=at, pool=where, replicas=replicas, **{"ready": replicas, **fields}
    )


def lost(*names: str) -> dict[str, SiteObservation]:
    return {name: SiteObservation(unreachable_since=0) for name in names}


def planned(snapshot: Snapshot) -> Plan:
    return plan(snapshot, now=NOW)


def sites(found: Plan, name: str = "chat") -> list[str]:
    return [each.site for each in found.placements if each.route.name == name]


def told(found: Plan) -> list[str]:
    """Changes in short: `Move fra>ams Failing`."""
    return [
        f"{each.kind.value} {each.from_site + '>' if each.from_site else ''}{each.site} {each.because.value}"
        for each in found.changes
    ]


def of_routes(found: Plan, names: Iterable[str]) -> dict[str, list[str]]:
    return {name: sites(found, name) for name in names}
