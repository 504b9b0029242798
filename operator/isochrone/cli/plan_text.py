"""A plan as text for people and as JSON for programs. The JSON is a contract: docs/reference/plan.md."""

import collections
import decimal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from isochrone.api import EdgeNode, ModelRoute
from isochrone.api.edge_node import ClusterType
from isochrone.cli.text import columns
from isochrone.cli.words import CHANGE
from isochrone.geo import places
from isochrone.law import atlas
from isochrone.model import Because, Change, ChangeKind, Placement, Plan, RouteKey, Shortfall, Snapshot
from isochrone.model.declared import key_of
from isochrone.model.words import WHY_NOT, because, count
from isochrone.plan import Served

VERSION: Final = 1
"""Of the JSON; it rises when a program that reads it could break."""

_TONES: Final = {
    ChangeKind.START: "green",
    ChangeKind.STOP: "red",
    ChangeKind.MOVE: "yellow",
    ChangeKind.RESIZE: "yellow",
}
_CLUSTERS: Final = {
    ClusterType.LOCAL: "the hub's own cluster",
    ClusterType.KUBECONFIG: "a cluster that the hub pushes to",
    ClusterType.CLUSTER_PROFILE: "a cluster of the inventory",
    ClusterType.REMOTE: "a cluster of its own",
}


def text(snapshot: Snapshot, plan: Plan, served: Sequence[Served]) -> str:
    """The plan site by site, then route by route, then what is missing, then a sum."""
    parts = [*_sites(snapshot, plan), *_routes(served), *_missing(plan), *_deferred(plan)]
    return "\n".join([*parts, _sum(snapshot, plan)])


def document(snapshot: Snapshot, plan: Plan, served: Sequence[Served]) -> dict[str, Any]:
    """The plan as one JSON document."""
    return {
        "version": VERSION,
        "sites": [_site_entry(edge) for edge in _by_name(snapshot)],
        "routes": [_served_entry(each) for each in served],
        "placements": [_placement_entry(each) for each in plan.placements],
        "changes": [_change_entry(each) for each in plan.changes],
        "deferred": [_change_entry(each) for each in plan.deferred],
        "shortfalls": [_shortfall_entry(each) for each in plan.shortfalls],
    }


def where(edge: EdgeNode) -> str:
    """`Frankfurt am Main, DE-HE`: the city of the airport if one is named, and the jurisdiction."""
    airport = places.place(edge.spec.place.iata) if edge.spec.place.iata else None
    codes = ", ".join(sorted(atlas.of_site(edge).place.codes)) or "nobody knows where"
    return f"{airport.city}, {codes}" if airport else codes


def _sites(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    placements: Mapping[str, list[Placement]] = collections.defaultdict(list)
    for placement in plan.placements:
        placements[placement.site].append(placement)
    changes: Mapping[str, list[Change]] = collections.defaultdict(list)
    for change in plan.changes:
        changes[change.site].append(change)
    routes = {key_of(route): route for route in snapshot.routes}
    for edge in _by_name(snapshot):
        yield _heading(edge)
        rows = [*_rows(routes, placements[edge.metadata.name], changes[edge.metadata.name])]
        yield "\n".join(columns(rows, indent="  ") or ["  nothing"]) + "\n"
    known = {edge.metadata.name for edge in snapshot.edge_nodes}
    for name in sorted(set(changes) - known):
        rows = [*_rows(routes, [], changes[name])]
        yield (
            "\n".join([click.style(name, bold=True) + "  (no such EdgeNode any more)", *columns(rows, indent="  ")])
            + "\n"
        )


def _heading(edge: EdgeNode) -> str:
    name = click.style(edge.metadata.name, bold=True)
    state = "" if edge.spec.state == "Active" else click.style(f", {edge.spec.state.value.lower()}", fg="yellow")
    return f"{name}  {where(edge)} ({_CLUSTERS[edge.spec.cluster.type]}{state})"


def _rows(
    routes: Mapping[RouteKey, ModelRoute], placements: Sequence[Placement], changes: Sequence[Change]
) -> Iterator[tuple[str, ...]]:
    changed = {change.route: change for change in changes if change.kind is not ChangeKind.STOP}
    for placement in placements:
        change = changed.get(placement.route)
        mark, verb = CHANGE[change.kind] if change else (" ", "keep")
        route, reason = routes[placement.route], change.because if change else placement.because
        row = (f"{mark} {verb}", str(placement.route), _size(route, placement), _why(reason, route, change))
        yield _coloured(change, row)
    for change in changes:
        if change.kind is ChangeKind.STOP:
            mark, verb = CHANGE[change.kind]
            why = _why(change.because, routes.get(change.route), change)
            yield _coloured(change, (f"{mark} {verb}", str(change.route), "", why))


def _coloured(change: Change | None, row: tuple[str, ...]) -> tuple[str, ...]:
    return (click.style(row[0], fg=_TONES[change.kind]), *row[1:]) if change else row


def _why(reason: Because, route: ModelRoute | None, change: Change | None) -> str:
    moved = f"from {change.from_site}: " if change and change.from_site else ""
    return f"{moved}{because(reason, route)}"


def _size(route: ModelRoute, placement: Placement) -> str:
    said = count(placement.replicas, "replica")
    if placement.pool is None or route.spec.serving is None:
        return said
    devices = placement.replicas * route.spec.serving.resources.devices
    return f"{said}, {count(devices, 'GPU')} of {placement.pool}"


def _routes(served: Sequence[Served]) -> Iterator[str]:
    if not served:
        return
    rows: list[tuple[str, ...]] = [
        ("ROUTE", "SITES", "REPLICAS", "GPUS", "USD/HOUR", "MEAN RTT", "CALLERS WITHIN OBJECTIVE")
    ]
    rows += [(str(each.route), *_figures(each), _rtt(each), _met(each)) for each in served]
    yield "\n".join(columns(rows)) + "\n"


def _figures(each: Served) -> tuple[str, ...]:
    return (str(each.sites), str(each.replicas), str(each.devices), f"{each.cost:.2f}")


def _rtt(each: Served) -> str:
    return "-" if each.rtt is None else f"{each.rtt / 1000:.0f} ms"


def _met(each: Served) -> str:
    if each.within is None or each.limit is None:
        return "-"
    tone = "green" if each.within >= each.percentile else "red"
    # Rounded down: 94.96 % are not the 95 % that are wanted.
    share = click.style(f"{each.within.quantize(decimal.Decimal('0.1'), decimal.ROUND_FLOOR)} %", fg=tone)
    return f"{share} within {each.limit / 1000:g} ms ({each.percentile} % wanted)"


def _missing(plan: Plan) -> Iterator[str]:
    if not plan.shortfalls:
        return
    yield click.style("Not placed as wanted", bold=True)
    for each in plan.shortfalls:
        sites = f"{each.sites} of {count(each.wanted_sites, 'site')}"
        replicas = f"{each.replicas} of {count(each.wanted_replicas, 'replica')}"
        yield f"  {click.style(str(each.route), fg='red')}: {sites}, {replicas}"
        for why, number in each.why_not:
            yield f"    at {count(number, 'site')}: {WHY_NOT[why]} ({why.value})"
    yield ""


def _deferred(plan: Plan) -> Iterator[str]:
    if not plan.deferred:
        return
    yield click.style("Moves that would pay, and wait for the limit of moves per hour", bold=True)
    for each in plan.deferred:
        yield f"  {each.route}: from {each.from_site} to {each.site}"
    yield ""


def _sum(snapshot: Snapshot, plan: Plan) -> str:
    kinds = collections.Counter(change.kind for change in plan.changes)
    done = [f"{kinds[kind]} to {CHANGE[kind][1]}" for kind in ChangeKind if kinds[kind]]
    sites = len({placement.site for placement in plan.placements})
    routes = len({placement.route for placement in plan.placements})
    ran = f"{count(routes, 'route')} at {sites} of {count(len(snapshot.edge_nodes), 'site')}"
    return f"{ran}; changes: {', '.join(done) or 'none'}."


def _by_name(snapshot: Snapshot) -> list[EdgeNode]:
    return sorted(snapshot.edge_nodes, key=lambda edge: edge.metadata.name)


def _site_entry(edge: EdgeNode) -> dict[str, Any]:
    return {
        "name": edge.metadata.name,
        "jurisdictions": sorted(atlas.of_site(edge).place.codes),
        "cluster": edge.spec.cluster.type.value,
        "state": edge.spec.state.value,
    }


def _served_entry(each: Served) -> dict[str, Any]:
    return {
        "route": str(each.route),
        "sites": each.sites,
        "replicas": each.replicas,
        "devices": each.devices,
        "usdPerHour": str(each.cost),
        "meanRttMicros": each.rtt,
        "objectiveMicros": each.limit,
        "objectivePercentile": each.percentile or None,
        "withinObjectivePercent": None if each.within is None else str(round(each.within, 2)),
    }


def _placement_entry(each: Placement) -> dict[str, Any]:
    return {
        "route": str(each.route),
        "site": each.site,
        "pool": each.pool,
        "replicas": each.replicas,
        "because": each.because.value,
    }


def _change_entry(each: Change) -> dict[str, Any]:
    return {
        "kind": each.kind.value,
        "route": str(each.route),
        "site": each.site,
        "fromSite": each.from_site,
        "pool": each.pool,
        "because": each.because.value,
    }


def _shortfall_entry(each: Shortfall) -> dict[str, Any]:
    return {
        "route": str(each.route),
        "sites": each.sites,
        "wantedSites": each.wanted_sites,
        "replicas": each.replicas,
        "wantedReplicas": each.wanted_replicas,
        "whyNot": [{"reason": why.value, "sites": sites} for why, sites in each.why_not],
    }
