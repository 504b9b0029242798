"""One cluster of an installation: looks at what is there, brings it to the parcels of its sites, and reports.

The hub does this for clusters that it reaches (Push), and the operator in a cluster for itself (Pull). What a cluster
refuses is reported, and tried again by whoever calls.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.kube import found, gather, kinds, others, peering, told, witnessing
from isochrone.kube.api import Api
from isochrone.kube.applying import Applier, Outcome, named
from isochrone.kube.errors import ApiError
from isochrone.kube.found import Abilities, Objects
from isochrone.kube.others import Others
from isochrone.kube.peering import Ask, Certificates
from isochrone.model import (
    NO_POOLS,
    Fault,
    Parcel,
    Peering,
    Pools,
    Repair,
    Revision,
    SiteObservation,
    SiteReport,
)
from isochrone.model.amounts import stamp
from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.render.gateway.config_maps import is_index, shards_named
from isochrone.rollout import actions
from isochrone.rollout.actions import Apply, Found, Identity

Json = Mapping[str, Any]

_ABILITIES_FOR: Final = 300.0
"""Seconds for which what an API server can do is not asked again."""
_SHARDS_FOR: Final = 600
"""Seconds for which a new piece of a config stays though nothing names it: its index may be on its way."""


class Member:
    """A cluster, with what is remembered of it between deliveries."""

    def __init__(
        self,
        api: Api,
        installation: str,
        *,
        clock: Callable[[], float],
        ask: Ask = peering.nobody,
        others_every: float = others.EVERY,
    ) -> None:
        self._api = api
        self._others = Others(api, installation, clock=clock, every=others_every)
        self._certificates = Certificates(api, ask, clock=clock)
        self._installation = installation
        self._clock = clock
        self._applier = Applier(api, installation)
        self._abilities: Abilities | None = None
        self._abilities_at = 0.0
        self._settled: dict[Identity, str] = {}
        self._delivered: dict[str, Revision] = {}

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        paused: Collection[str] = (),
        looks: Sequence[str] = (),
        pools: Pools = NO_POOLS,
    ) -> dict[str, SiteReport]:
        """One attempt to bring the cluster to these parcels, all that it is to have. EdgeNode -> what became of it.

        The sites of `looks` are looked at, and left as they are. `pools` are those of which others may hold devices.

        Raises ApiError if the cluster can't even be looked at.
        """
        kept = [parcel for parcel in parcels if parcel.is_paused]
        parcels = tuple(actions.with_secrets(parcel) for parcel in parcels if not parcel.is_paused)
        abilities = await self._able()
        objects = await found.objects(self._api, self._installation, abilities.optional)
        wanted = [{identity(item) for item in parcel.objects} for parcel in parcels]
        brought = []
        for index, parcel in enumerate(parcels):
            elsewhere = set[Identity]().union(*wanted[:index], *wanted[index + 1 :])
            elsewhere |= {key for made in (peering, witnessing) if (key := made.secret_of(parcel))}
            brought.append(await self._bring(parcel, objects, (elsewhere, paused)))
        await self._remove_shared(objects, brought)
        await self._forget(objects)
        reports = {each.parcel.site: self._told(each, objects, abilities) for each in brought}
        reports |= {parcel.site: await self._keep_up(parcel, objects, abilities) for parcel in kept}
        reports |= {site: self._report(site, objects, abilities, Outcome()) for site in looks}
        held = await self._others.look(pools)
        return {site: _with(report, held.get(site, others.NOTHING)) for site, report in reports.items()}

    async def _able(self) -> Abilities:
        now = self._clock()
        if self._abilities is None or now - self._abilities_at > _ABILITIES_FOR:
            self._abilities, self._abilities_at = await found.abilities(self._api), now
        return self._abilities

    async def _keep_up(self, parcel: Parcel, objects: Objects, abilities: Abilities) -> SiteReport:
        """Of a site that somebody has stopped: its gateway's certificate."""
        shown, fault = await self._certificates.ensure(parcel, objects.children)
        outcome = Outcome(faults=[fault] if fault is not None else [])
        report = self._report(parcel.site, objects, abilities, outcome)
        return dataclasses.replace(report, peering=shown or report.peering)

    async def _bring(
        self, parcel: Parcel, objects: Objects, spared: tuple[Collection[Identity], Collection[str]]
    ) -> "Brought":
        elsewhere, paused = spared
        readable = _readable(parcel, objects)
        is_behind = self._is_behind(parcel, objects)
        there = Found(children=objects.children, pods=objects.pods, settled=self._settled, is_behind=is_behind)
        decided = actions.decide(readable, there, elsewhere=elsewhere, paused=paused)
        outcome = Outcome(faults=[*_unreadable(parcel, objects)])
        await self._applier.apply(_namespaces(decided.apply), outcome, objects.children)
        shown, fault = await self._certificates.ensure(parcel, objects.children)
        signs, unsigned = await witnessing.ensure(self._api, parcel, objects.children)
        outcome.faults += filter(None, (fault, unsigned))
        is_out = await self._applier.apply(_all_but_namespaces(decided.apply), outcome, objects.children)
        if is_out:
            await self._applier.remove(decided.remove, outcome)
        self._settle(outcome)
        left = decided.waiting + len(decided.remove) - len(outcome.removed)
        return Brought(parcel=parcel, outcome=outcome, left=left, shown=shown, signs=signs)

    def _is_behind(self, parcel: Parcel, objects: Objects) -> bool:
        """Whether a gateway that stays has yet to take the parcel's config."""
        if not any(is_index(item) for item in parcel.objects):
            return False
        ours = (item for item in objects.children.values() if _label(item, labels.EDGE_NODE) == parcel.site)
        running = (pod.running for pod in told.pods_of(ours, now=self._clock()))
        return any(each is not None and each.order < parcel.revision.order for each in running)

    def _told(self, brought: "Brought", objects: Objects, abilities: Abilities) -> SiteReport:
        parcel, outcome = brought.parcel, brought.outcome
        is_again = self._delivered.get(parcel.site) == parcel.revision
        if not outcome.faults and not brought.left:
            self._delivered[parcel.site] = parcel.revision
        report = self._report(parcel.site, objects, abilities, outcome)
        repairs = tuple(_repairs(outcome)) if is_again else ()
        return dataclasses.replace(
            report, repairs=repairs, peering=brought.shown or report.peering, evidence_key=brought.signs
        )

    def _settle(self, outcome: Outcome) -> None:
        for key, difference in outcome.settled.items():
            if difference is None:
                self._settled.pop(key, None)
            else:
                self._settled[key] = difference

    def _report(self, site: str, objects: Objects, abilities: Abilities, outcome: Outcome) -> SiteReport:
        gone = {each.identity for each in outcome.removed}
        there = {key: item for key, item in {**objects.children, **outcome.made}.items() if key not in gone}
        ours = [item for item in there.values() if _label(item, labels.EDGE_NODE) == site]
        # While one takes the place of the other, it is the newer one that counts.
        gateway = max(filter(actions.is_gateway, ours), key=_made_at, default={})
        status = gateway.get("status", {})
        return SiteReport(
            site=site,
            at=int(self._clock()),
            delivered=self._delivered.get(site),
            faults=tuple(sorted(outcome.faults)),
            children=len(ours),
            running=tuple(sorted(filter(None, map(gather.running, filter(_is_engine, ours))))),
            sees_engines=kinds.DEPLOYMENT not in objects.unreadable,
            gateway_replicas=gateway.get("spec", {}).get("replicas", 0),
            gateway_ready=status.get("readyReplicas", 0),
            gateway_outdated=max(0, status.get("replicas", 0) - status.get("updatedReplicas", 0)),
            gateway_pods=told.pods_of(ours, now=self._clock()),
            demand=told.demand_of(ours, now=self._clock()),
            version=abilities.version,
            peering=peering.seen(ours),
            evidence_key=witnessing.seen(ours),
            observation=SiteObservation(
                capabilities=abilities.capabilities,
                kubernetes=abilities.kubernetes,
                api_servers=abilities.api_servers,
            ),
        )

    async def _forget(self, objects: Objects) -> None:
        """What pods of gateways have said that are long gone. If it fails, it is tried with the next look."""
        for path, patch in told.forgotten(objects.children.values(), now=self._clock()):
            with contextlib.suppress(ApiError):
                await self._api.merge(path, patch)

    async def _remove_shared(self, objects: Objects, brought: Sequence["Brought"]) -> None:
        """Pieces of configs that neither an index in the cluster nor one that we deliver names.

        With the last index all goes that gateways share, and a site that takes it along is not gone before that is.
        """
        gone = {each.identity for one in brought for each in one.outcome.removed}
        indexes = [item for key, item in objects.children.items() if is_index(item) and key not in gone]
        indexes += [item for one in brought for item in one.parcel.objects if is_index(item)]
        there, outcome = objects.children.values(), Outcome()
        if indexes:
            used = frozenset[str]().union(*map(shards_named, indexes))
            before = stamp(self._clock() - _SHARDS_FOR)
            await self._applier.remove(actions.unused_shards(there, used, before=before), outcome)
        elif brought:
            await self._applier.remove(actions.without_gateways(there), outcome)
            for one in brought:
                one.outcome.faults += outcome.faults


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Brought:
    """What became of a parcel."""

    parcel: Parcel
    outcome: Outcome
    left: int
    """Objects that are still to go."""
    shown: Peering | None
    signs: str
    """The public key of its evidence."""


def _with(report: SiteReport, held: others.Held) -> SiteReport:
    observation = dataclasses.replace(report.observation, taken=held.taken, untold=held.untold)
    return dataclasses.replace(report, observation=observation)


def _namespaces(applied: Iterable[Apply]) -> Iterable[Apply]:
    return [each for each in applied if each.item["kind"] == "Namespace"]


def _all_but_namespaces(applied: Iterable[Apply]) -> Iterable[Apply]:
    return [each for each in applied if each.item["kind"] != "Namespace"]


def _readable(parcel: Parcel, objects: Objects) -> Parcel:
    """Without objects of kinds that can't be seen: what is there already would be applied again and again."""
    names = {(kind.api_version, kind.name) for kind in objects.unreadable}
    if not names:
        return parcel
    kept = tuple(item for item in parcel.objects if (item["apiVersion"], item["kind"]) not in names)
    return dataclasses.replace(parcel, objects=kept)


def _unreadable(parcel: Parcel, objects: Objects) -> Iterable[Fault]:
    wanted = {(item["apiVersion"], item["kind"]) for item in parcel.objects}
    for kind, message in objects.unreadable.items():
        if (kind.api_version, kind.name) in wanted:
            yield Fault(reason=Reason.FORBIDDEN, subject=kind.name, message=message)


def _repairs(outcome: Outcome) -> Iterable[Repair]:
    for each in outcome.applied:
        what = "it was deleted" if each.is_missing else each.because
        yield Repair(subject=named(each.item), difference=what)


def _label(item: Json, name: str) -> str | None:
    found_label: str | None = item["metadata"].get("labels", {}).get(name)
    return found_label


def _made_at(item: Json) -> str:
    """RFC 3339; of what was made just now it may not be known."""
    found_time: str = item["metadata"].get("creationTimestamp", "~")
    return found_time


def _is_engine(item: Json) -> bool:
    return item["kind"] == "Deployment" and _label(item, labels.MODEL_ROUTE) is not None
