"""A plan as a map: `isochrone plan --map FILE`."""

import pathlib
from collections.abc import Iterable, Iterator
from typing import Final

import click

from isochrone import maps
from isochrone import plan as planning
from isochrone.api.edge_node import EdgeNode, State
from isochrone.cli import map_file
from isochrone.law import atlas
from isochrone.model import Plan, Snapshot, lost_sites
from isochrone.model.declared import key_of
from isochrone.model.words import WHY_NOT

_STATES: Final = {
    State.ACTIVE: maps.SiteState.ACTIVE,
    State.DRAINING: maps.SiteState.DRAINING,
    State.DISABLED: maps.SiteState.DISABLED,
}


def draw(snapshot: Snapshot, planned: planning.Planned, path: pathlib.Path, *, now: int) -> None:
    """Write the map. Raises Unusable where that can't be."""
    form = map_file.form_of(path)
    map_file.write(scene(snapshot, planned, now=now), path, form)
    click.echo(f"The map is in {path}.", err=True)


def scene(snapshot: Snapshot, planned: planning.Planned, *, now: int) -> maps.Scene:
    """What the map shows."""
    plan = planned.plan
    reached = planning.reached(snapshot, plan, now=now, prepared=planned.prepared)
    lost = lost_sites(snapshot, now=now)
    return maps.Scene(
        title=f"Plan of {snapshot.settings.installation}",
        sites=tuple(_sites(snapshot, plan, lost)),
        origins=tuple(_origins(reached)),
        unplaced=tuple(
            maps.Unplaced(route=each.route, why=WHY_NOT[each.why_not[0][0]] if each.why_not else "no site is left")
            for each in plan.shortfalls
        ),
    )


def _sites(snapshot: Snapshot, plan: Plan, lost: frozenset[str]) -> Iterator[maps.Site]:
    runs: dict[str, list[maps.Runs]] = {}
    devices = {key_of(each): each.spec.serving.resources.devices for each in snapshot.routes if each.spec.serving}
    for placement in plan.placements:
        count = placement.replicas * devices.get(placement.route, 0)
        made = maps.Runs(route=placement.route, replicas=placement.replicas, devices=count)
        runs.setdefault(placement.site, []).append(made)
    for edge in snapshot.edge_nodes:
        yield _site(edge, tuple(runs.get(edge.metadata.name, ())), is_lost=edge.metadata.name in lost)


def _site(edge: EdgeNode, runs: tuple[maps.Runs, ...], *, is_lost: bool) -> maps.Site:
    located = atlas.of_site(edge)
    return maps.Site(
        name=edge.metadata.name,
        point=located.point,
        jurisdiction=", ".join(sorted(located.place.codes)),
        state=maps.SiteState.LOST if is_lost else _STATES[edge.spec.state],
        runs=runs,
    )


def _origins(reached: Iterable[planning.Reached]) -> Iterator[maps.Origin]:
    for each in reached:
        why = maps.WhyUnserved.NO_ENGINE if each.is_lawful else maps.WhyUnserved.UNLAWFUL
        yield maps.Origin(
            name=each.centre.code,
            point=each.centre.point,
            people=each.centre.people,
            site=each.site,
            rtt_ms=each.rtt / 1000 if each.rtt is not None else None,
            why_unserved=why,
        )
