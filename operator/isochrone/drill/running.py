"""A simulated drill: each step planned, its configs written, the gateways asked, and every answer judged."""

import dataclasses
import datetime as dt
import functools
import hashlib
import json
import pathlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from isochrone.drill import world
from isochrone.drill.areas import Drill
from isochrone.drill.law import Law
from isochrone.drill.rehearsing import Answer, Ask, Named
from isochrone.drill.report import After, Report, Row, Step
from isochrone.drill.traffic import Traffic, rtts
from isochrone.drill.world import Planned
from isochrone.geo.latency import Point
from isochrone.local.folder import write_config
from isochrone.local.steering import Door, order
from isochrone.model import RouteKey, Snapshot
from isochrone.verify.declared import Declared, Provider
from isochrone.verify.meaning import Place
from isochrone_gateway.config import Release, issue

_HANDLED = ("Ingress", "Inference")
"""What a site does whose gateway sees a request and whose engines answer it."""


class Asked(Protocol):
    """Who knows what gateways decide by their configs."""

    def load(self, folders: Mapping[str, pathlib.Path]) -> None: ...
    def ask(self, asks: Sequence[Ask], down: Sequence[str]) -> Sequence[Answer]: ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is so at one step."""

    down: tuple[str, ...]
    """What was taken down, and after it what was lost before."""
    after: After
    planned: Planned


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What is the same at every step."""

    snapshot: Snapshot
    declared: Declared
    digest: str
    traffic: tuple[Traffic, ...]
    now: int


def run(scene: Scene, drills: Sequence[Drill], gateways: Asked) -> Report:
    """Take down what is to be taken down, and follow all traffic each time."""
    judge = Judge(scene)
    first = world.plan(scene.snapshot, (), None, now=scene.now)
    away = world.away(scene.snapshot, now=scene.now)
    steps = [_step(judge, Moment(down=away, after="nothing", planned=first), gateways)]
    for drill in drills:
        steps += [_step(judge, moment, gateways) for moment in _moments(scene, drill, first)]
    return Report(
        installation=scene.snapshot.settings.installation,
        at=scene.now,
        mode="simulated",
        declared=scene.digest,
        steps=tuple(steps),
    )


def digest_of(objects: Iterable[Mapping[str, Any]]) -> str:
    """Of what is declared: equal digests are equal manifests, in whatever order."""
    texts = sorted(json.dumps(each, sort_keys=True) for each in objects)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _moments(scene: Scene, drill: Drill, first: Planned) -> Iterator[Moment]:
    """One site after the other goes, and each time the hub plans anew before the next does."""
    planned, away = first, world.away(scene.snapshot, now=scene.now)
    for count in range(1, len(drill) + 1):
        down = drill[:count]
        yield Moment(down=(*down, *away), after="failure", planned=planned)
        planned = world.plan(scene.snapshot, down, planned, now=scene.now)
        yield Moment(down=(*down, *away), after="replanning", planned=planned)


def _step(judge: "Judge", moment: Moment, gateways: Asked) -> Step:
    entered = [judge.enters(each, moment.down) for each in judge.scene.traffic]
    asks = [
        Ask(site, each.who, each.model, each.header)
        for each, site in zip(judge.scene.traffic, entered, strict=True)
        if site is not None
    ]
    with tempfile.TemporaryDirectory(prefix="isochrone-drill-") as folder:
        gateways.load(written(pathlib.Path(folder), moment.planned, judge.scene))
        answers = iter(gateways.ask(asks, moment.down))
    rows = (
        judge.row(each, site, next(answers) if site is not None else None, moment)
        for each, site in zip(judge.scene.traffic, entered, strict=True)
    )
    gone = set(world.away(judge.scene.snapshot, now=judge.scene.now))
    return Step(down=tuple(each for each in moment.down if each not in gone), after=moment.after, rows=tuple(rows))


def written(folder: pathlib.Path, planned: Planned, scene: Scene) -> dict[str, pathlib.Path]:
    """The configs as gateways find them."""
    release = Release(
        installation=scene.snapshot.settings.installation,
        epoch=1,
        sequence=1,
        issued_at=dt.datetime.fromtimestamp(scene.now, dt.UTC),
    )
    for site, pack in planned.configs.items():
        write_config(folder / site, issue(pack, site=site, release=release), pack.blobs)
    return {site: folder / site for site in planned.configs}


def _scopes(named: Named) -> Sequence[str]:
    """What happens to a request at a candidate. A peer sees it even where it refuses it then."""
    if named.kind != "peer":
        return ("Inference",)
    return _HANDLED if named.takes else ("Ingress",)


class Judge:
    """Says where requests come in, and whether what became of them is lawful."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._law = Law(scene.declared)
        self._points: Mapping[str, Point | None] = world.points(scene.snapshot)
        self._rtts = functools.cache(lambda client: rtts(client, self._points))

    def enters(self, traffic: Traffic, down: Sequence[str]) -> str | None:
        """The nearest lawful site that is up; the nearest of all, whose gateway refuses, where none is lawful."""
        sites = self.scene.declared.sites
        doors = (
            Door(
                site=site,
                rtt=rtt,
                is_lawful=not self._law.objection(traffic, "Ingress", sites[site].place)
                and (traffic.tenant is not None or sites[site].is_open),
                is_live=site not in down,
            )
            for site, rtt in self._rtts(traffic.client).items()
        )
        return next(iter(order(doors)), None)

    def row(self, traffic: Traffic, entered: str | None, answer: Answer | None, moment: Moment) -> Row:
        """What became of it, and what is wrong with that."""
        said = functools.partial(
            Row, tenant=traffic.who, route=traffic.route.who.id, origin=traffic.client, entered=entered
        )
        if entered is None or answer is None:
            return said(by="", status=0, code="no_site")
        outside = tuple(dict.fromkeys(self._outside(traffic, entered, answer)))
        if answer.asked:
            by, place = self._where(answer.asked[0])
            return said(by=by, at="+".join(sorted(place.codes)), outside=outside)
        lost = next(self._left(traffic, entered, moment), "")
        return said(by="", status=answer.status, code=answer.code, policy=answer.policy, outside=outside, lost=lost)

    def _outside(self, traffic: Traffic, entered: str, answer: Answer) -> Iterator[str]:
        """What of it is unlawful: the gateway that let it in, and each candidate that could be asked."""
        if answer.may or answer.asked:
            place = self.scene.declared.sites[entered].place
            if why := self._law.objection(traffic, "Ingress", place):
                yield f"Ingress at site {entered}, {place}: {why}"
        for named in (*answer.asked, *answer.may):
            by, place = self._where(named)
            for scope in _scopes(named):
                if why := self._law.objection(traffic, scope, place):
                    yield f"{scope} at {by}, {place}: {why}"

    def _where(self, named: Named) -> tuple[str, Place]:
        if named.kind == "provider":
            return (
                f"provider {named.provider}/{named.endpoint}",
                self.scene.declared.providers[named.provider].endpoints[named.endpoint].place,
            )
        return f"site {named.site}", self.scene.declared.sites[named.site].place

    def _left(self, traffic: Traffic, entered: str, moment: Moment) -> Iterator[str]:
        """Who could have answered lawfully."""
        site = self.scene.declared.sites[entered]
        if self._law.objection(traffic, "Ingress", site.place) or (traffic.tenant is None and not site.is_open):
            return
        for able in moment.planned.answering.get(traffic.route.who.id, ()):
            if able.engines is not None:
                yield from self._sites_left(traffic, entered, able.engines, moment)
            elif provider := self.scene.declared.providers.get(able.provider):
                yield from self._endpoints_left(traffic, provider)

    def _sites_left(self, traffic: Traffic, entered: str, engines: RouteKey, moment: Moment) -> Iterator[str]:
        for name in sorted(moment.planned.engines.get(engines, ())):
            site = self.scene.declared.sites[name]
            is_reached = name == entered or (site.advertise is not None and site.state != "Disabled")
            if is_reached and name not in moment.down and self._law.allows(traffic, _HANDLED, site.place):
                yield f"site {name}"

    def _endpoints_left(self, traffic: Traffic, provider: Provider) -> Iterable[str]:
        return (
            f"provider {provider.name}/{name}"
            for name, endpoint in provider.endpoints.items()
            if self._law.allows(traffic, ("Inference",), endpoint.place)
        )
