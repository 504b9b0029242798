"""A drill as maps: one of the network as declared, and one for each loss, with who answers whom then."""

import collections
import pathlib
from collections.abc import Iterator, Mapping

import click

from isochrone import maps
from isochrone.cli import map_file
from isochrone.drill import Report, Row, Step, traffic
from isochrone.geo import population
from isochrone.geo.latency import Point, rtt_between_ms
from isochrone.verify.declared import Declared

_Points = Mapping[str, Point | None]


def draw(report: Report, declared: Declared, points: _Points, path: pathlib.Path) -> None:
    """Write FILE, and FILE-01-SITE and so on. Raises Unusable where that can't be."""
    form = map_file.form_of(path)
    for number, step in enumerate(_settled(report)):
        name = f"{path.stem}-{number:02}-{step.down[-1]}{path.suffix}" if step.down else path.name
        map_file.write(scene(step, declared, points), path.with_name(name), form)
        click.echo(f"A map is in {path.with_name(name)}.", err=True)


def _settled(report: Report) -> Iterator[Step]:
    """The network as it was first, and each loss once all was planned anew. Nobody plans anew in a live drill."""
    return (each for each in report.steps if report.mode == "live" or each.after != "failure")


def scene(step: Step, declared: Declared, points: _Points) -> maps.Scene:
    """What one map shows."""
    return maps.Scene(
        title=f"Drill: without {', '.join(step.down)}" if step.down else "Drill: all sites are up",
        sites=tuple(
            maps.Site(
                name=name,
                point=point,
                jurisdiction=", ".join(sorted(declared.sites[name].place.codes)),
                state=maps.SiteState.LOST if name in step.down else maps.SiteState.ACTIVE,
            )
            for name, point in points.items()
        ),
        origins=tuple(_origins(step, points)),
    )


def _origins(step: Step, points: _Points) -> Iterator[maps.Origin]:
    by_origin: dict[str, list[Row]] = {}
    for row in step.rows:
        by_origin.setdefault(row.origin, []).append(row)
    for code, rows in sorted(by_origin.items()):
        point = traffic.point_of(code)
        if point is not None:
            yield _origin(code, point, rows, points)


def _origin(code: str, point: Point, rows: list[Row], points: _Points) -> maps.Origin:
    """Of several that answer a place, the one that answers most of it."""
    answering = collections.Counter(row.by.removeprefix("site ") for row in rows if row.by.startswith("site "))
    site = min(answering, key=lambda name: (-answering[name], name), default=None)
    there = points.get(site) if site is not None else None
    is_denied = any(row.code == "residency_denied" for row in rows)
    return maps.Origin(
        name=code,
        point=point,
        people=_people(code),
        site=site,
        rtt_ms=rtt_between_ms(point, there) if there else None,
        why_unserved=maps.WhyUnserved.UNLAWFUL if is_denied else maps.WhyUnserved.NO_ENGINE,
    )


def _people(code: str) -> int:
    try:
        return sum(each.people for each in population.centres_of(code))
    except ValueError:
        return 0
