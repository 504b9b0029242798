"""One pass of the hub: look, plan, render, number, hand out, report.

Everything is decided anew from what is declared and what was found, so a pass that fails, or that never was, is made
good by the next. What is kept between passes spares work, but for the few things that clusters can't tell: listed in
`Memory`.
"""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping

from isochrone import plan as planning
from isochrone.api import EdgeNode, ModelRoute
from isochrone.api.conditions import Reason
from isochrone.api.edge_node import Delivery as By
from isochrone.api.edge_node import State
from isochrone.controller import departures, rolling, state
from isochrone.controller.couriers import Couriers, Load
from isochrone.controller.keys import Keys
from isochrone.controller.laps import Laps
from isochrone.controller.made import Made, Rendered, World, under
from isochrone.controller.parcels import Packing
from isochrone.controller.passes import Memory, Pass, Surroundings
from isochrone.controller.settings import OperatorSettings
from isochrone.kube import gather
from isochrone.kube.hub import Declared, Hub, keys_of
from isochrone.model import (
    Delivery,
    Held,
    Observed,
    Parcel,
    Routing,
    Running,
    SiteReport,
    Snapshot,
    Stand,
)
from isochrone.model.declared import PAUSED, is_paused, key_of, present
from isochrone.model.snapshot import lost_sites
from isochrone.plan.planner import Planned
from isochrone.render import bundle as bundles
from isochrone.render.clusters import cluster_of
from isochrone.render.config.peers import hopping
from isochrone.render.pools import pools_at
from isochrone.rollout import demand, guard, handover, leaving, waves
from isochrone.rollout.demand import Taken
from isochrone.rollout.leaving import Phase
from isochrone.rollout.recalled import recalled
from isochrone.rollout.releases import Releases
from isochrone.status import Asked

_LAW_WITHIN = 5.0
"""Seconds that planning waits for clusters to be given a new law, so as not to hold that up."""


class Reconciler:
    """Makes passes while its replica leads."""

    def __init__(self, hub: Hub, couriers: Couriers, settings: OperatorSettings, around: Surroundings) -> None:
        self._hub = hub
        self._couriers = couriers
        self._settings = settings
        self._connections = around.connections
        self._keeper = around.keeper
        self._deletions = around.deletions
        self._announcer = around.announcer
        self._anchors = around.anchors
        self._interruption = around.interruption
        self._wall = around.wall
        self._monotonic = around.monotonic
        self._memory = Memory()
        self._kept: state.Kept | None = None

    def forget(self) -> None:
        """Somebody else has written what is kept: it is read again."""
        self._kept = None

    async def once(self) -> Pass:
        """One pass. Raises ApiError if the hub can't be asked, or somebody else leads.

        Raises InterruptedPassError if the law changes meanwhile.
        """
        now, laps, turn = int(self._wall()), Laps(self._monotonic), self._interruption.begin()
        kept = self._kept or await state.read(self._hub)
        declared = await self._hub.declared()
        laps.end("look")
        self._notice(declared)
        phases = self._phases(declared, now)
        taken = self._take_demand(declared, kept.releases, now)
        snapshot = self._snapshot(declared, phases, kept.releases.with_demand(taken), now)
        keys = await self._keys(declared, snapshot)
        if relawed := await asyncio.to_thread(under, snapshot.policies, self._ours(snapshot)):
            laps.end("law")
            kept = await self._issue_law(relawed, kept, declared, snapshot=snapshot, keys=keys)
            laps.end("deliver law")
        planned = await self._interruption.in_thread(turn, planning.replan, self._memory.planned, snapshot, now=now)
        laps.end("plan")
        rendered = await self._rendered(World(snapshot=snapshot, plan=planned.plan), planned, keys, now)
        made = rendered.made
        laps.end("render")
        self._remember(planned, phases, now)
        known = kept.releases.with_demand(taken)
        buried = departures.buried(known, declared, phases, self._couriers.reports)
        releases, held = self._number(buried, made, snapshot, now)
        self._kept = await state.write(self._hub, kept, releases)
        laps.end("number")
        self._prepare(declared, made, releases, keys)
        self._forget_all_but(made.keys())
        await self._hand_out(declared, snapshot, releases)
        laps.end("hand out")
        anchoring = await self._anchors.keep(self._couriers.reports.values())
        laps.end("anchor")
        delivery = Delivery(
            reports=dict(self._couriers.reports),
            wanted={site: issued.revision for site, issued in releases.sites.items() if releases.has_issued(site)},
            held=held,
            anchoring=anchoring,
            secrets={name: keys_of(secret) for name, secret in declared.secrets.items()},
        )
        ours = (edge.metadata.name for edge in present(snapshot.edge_nodes).values() if _is_ours(edge))
        return Pass(
            declared=declared,
            snapshot=snapshot,
            plan=planned.plan,
            delivery=delivery,
            asked=rendered.asked,
            phases=phases,
            is_complete=all(name in delivery.reports for name in ours),
            is_watching=self._memory.is_watching,
            seconds=laps.seconds,
        )

    def _ours(self, snapshot: Snapshot) -> dict[str, Made]:
        """What is at the sites that we deliver to."""
        edges = present(snapshot.edge_nodes)
        return {site: each for site, each in self._memory.made.items() if _is_ours(edges.get(site))}

    async def _issue_law(
        self, made: Mapping[str, Made], kept: state.Kept, declared: Declared, *, snapshot: Snapshot, keys: Keys
    ) -> state.Kept:
        """The law goes out before anything is planned: what waits, and whatever is held, is not touched by it."""
        contents, now = {site: each.content for site, each in made.items()}, int(self._wall())
        reports, edges, watch = self._couriers.reports, present(snapshot.edge_nodes), self._settings.waves
        trials = rolling.going_on(made, kept.releases, reports, edges, watch=watch, now=now)
        releases = kept.releases.with_issued(contents, now=now, trials=trials)
        self._kept = await state.write(self._hub, kept, releases)
        self._prepare(declared, made, releases, keys)
        pulling = [site for site in made if edges[site].spec.delivery is By.PULL]
        await self._announcer.announce(self._memory.parcels[site] for site in pulling)
        await self._hand_out(declared, snapshot, releases)
        await self._interruption.turn.unless(self._couriers.tried(limit=_LAW_WITHIN))
        return self._kept

    def _phases(self, declared: Declared, now: int) -> dict[str, Phase]:
        """Of EdgeNodes that are being deleted and still hold us."""
        return {
            edge.metadata.name: leaving.phase(
                edge,
                self._couriers.reports.get(edge.metadata.name),
                has_drained=edge.metadata.name in self._memory.drained,
                now=now,
            )
            for edge in departures.departing(declared)
        }

    def _notice(self, declared: Declared) -> None:
        """When what is declared last changed."""
        known = json.dumps(
            sorted(
                [kind, key, item["metadata"]["uid"], item["metadata"].get("generation", 0)]
                for (kind, key), item in declared.raw.items()
            )
        )
        digest = hashlib.sha256(known.encode()).hexdigest()
        if digest != self._memory.seen[0]:
            self._memory.seen = (digest, self._wall())

    def _snapshot(self, declared: Declared, phases: Mapping[str, Phase], releases: Releases, now: int) -> Snapshot:
        reports = self._couriers.reports
        running = [each for report in reports.values() if not _is_unseen(report) for each in report.running]
        running += [
            each
            for site, issued in releases.sites.items()
            if _is_unseen(reports.get(site))
            for each in issued.placements
        ]
        there = handover.ready(running)
        self._memory.known = known = self._known(there, releases, now)
        observed = Observed(
            sites={site: report.observation for site, report in reports.items()},
            running=tuple(sorted(running)),
            unknown=there - known,
            demand=demand.planned_by(releases.demand),
            failed=frozenset(self._memory.recalled.failed),
            moves=self._memory.recalled.move_times,
        )
        plain = (each for each in declared.plain[EdgeNode] if isinstance(each, EdgeNode))
        return gather.snapshot_of(
            {**declared.plain, EdgeNode: tuple(_as_planned(edge, phases) for edge in plain)},
            declared.namespaces,
            observed=observed,
            settings=self._settings.planning,
        )

    def _known(self, there: frozenset[Stand], releases: Releases, now: int) -> frozenset[Stand]:
        """Engines that all gateways know of that we deliver to, by what became of what was rendered last."""
        memory, last = self._memory, self._memory.rendered
        if last is None:
            return frozenset()
        edges = present(last.world.snapshot.edge_nodes)
        made = {site: each for site, each in last.made.items() if _is_ours(edges.get(site))}
        sites = rolling.sites(made, releases, self._couriers.reports, edges)
        rendered = handover.ready(last.world.snapshot.observed.running)
        return handover.known(memory.known, there, rendered, sites, now=now)

    def _take_demand(self, declared: Declared, releases: Releases, now: int) -> Mapping[str, Taken]:
        """Where requests come from, as it is planned by from now on."""
        edges = present(edge for edge in declared.of(EdgeNode) if edge.spec.state is not State.DISABLED)
        routes = {str(key_of(route)) for route in present(declared.of(ModelRoute)).values()}
        known = demand.Heard(taken=releases.demand, since=self._memory.differing)
        # What a GitOps tool delivers to is not looked at any more, whatever was found there before.
        counted = demand.everywhere(
            None if edge.spec.delivery is By.GIT_OPS else self._couriers.reports.get(name)
            for name, edge in edges.items()
        )
        found = demand.heard(known, counted, routes, rules=self._settings.demand, now=now)
        self._memory.differing = found.since
        return found.taken

    async def _keys(self, declared: Declared, snapshot: Snapshot) -> Keys:
        """For sites whose gateways talk to others, with what is known of their certificates."""
        reports, edges = self._couriers.reports, present(snapshot.edge_nodes)
        # Where cert-manager issues certificates, there is no authority of ours.
        vouched = {} if self._settings.gateway.peer_issuer else edges
        names = [edge.metadata.name for edge in hopping(vouched.values())]
        peers = {name: reports[name].peering if name in reports else None for name in names}
        has_looked = all(name in reports for name in names if _is_ours(edges[name]))
        return await self._keeper.keep(declared, peers, has_looked=has_looked)

    async def _rendered(self, world: World, planned: Planned, keys: Keys, now: int) -> Rendered:
        """All sites; what was rendered last, if nothing is different."""
        lost, last = lost_sites(world.snapshot, now=now), self._memory.rendered
        if last is None or not last.is_of(world, lost, keys.index):
            turn = self._interruption.turn
            made, asked = await self._interruption.in_thread(turn, self._render, world, planned, keys, now)
            last = self._memory.rendered = Rendered(made=made, world=world, lost=lost, key=keys.index, asked=asked)
        return last

    def _render(self, world: World, planned: Planned, keys: Keys, now: int) -> tuple[dict[str, Made], Asked]:
        routing = planning.routing(world.snapshot, world.plan, now=now, prepared=planned.prepared)
        rendering, gateway, turn = self._settings.rendering, self._settings.gateway, self._interruption.turn
        trusted = {**rendering.trusted_keys, keys.index.name: keys.index.public}
        rendering = dataclasses.replace(rendering, trusted_keys=trusted)
        placed: dict[str, list[Running]] = {}
        for each in world.plan.meanwhile():
            placed.setdefault(each.site, []).append(each)
        asked: list[Asked] = []

        def table(site: str) -> Routing:
            """Large, and not kept: only whom it asks."""
            turn.check()
            found = routing.at(site)
            asked.append(Asked.of((found,)))
            return found

        made = bundles.render(world.snapshot, world.plan, table, settings=rendering, gateway=gateway)
        found = {bundle.site: Made.of(bundle, placed.get(bundle.site, ()), world) for bundle in made}
        return found, Asked.together(asked)

    def _remember(self, planned: Planned, phases: Mapping[str, Phase], now: int) -> None:
        memory = self._memory
        memory.planned = planned
        memory.recalled = recalled(memory.recalled, planned.plan, now=now)
        memory.drained = {
            site
            for site, phase in phases.items()
            if site in memory.drained or (phase is Phase.DRAINING and leaving.drained(site, planned.plan))
        }

    def _number(
        self, releases: Releases, made: Mapping[str, Made], snapshot: Snapshot, now: int
    ) -> tuple[Releases, Mapping[str, Held]]:
        """The releases with whatever is issued now, and why some sites wait."""
        memory, reports = self._memory, self._couriers.reports
        releases = releases.caught_up(reports.values()).without(releases.sites.keys() - made.keys())
        held = self._held(releases, snapshot, now)
        free = {site: each for site, each in made.items() if site not in held}
        sites = rolling.sites(free, releases, reports, present(snapshot.edge_nodes))
        decided = waves.decide(sites, memory.progress, now=now, watch=self._settings.waves)
        memory.progress, memory.is_watching = decided.progress, decided.is_watching
        contents = {site: made[site].content for site in decided.issue}
        issued = releases.with_risen(decided.risen).with_issued(contents, now=now, trials=decided.trials)
        return issued, {**held, **decided.held}

    def _held(self, releases: Releases, snapshot: Snapshot, now: int) -> dict[str, Held]:
        """Sites for which nothing new is issued, whatever is planned."""
        memory, reports = self._memory, self._couriers.reports
        edges = present(snapshot.edge_nodes)
        ours = [name for name, edge in edges.items() if _is_ours(edge)]
        declared = {key_of(route) for route in snapshot.routes}
        memory.absences = guard.looked(memory.absences, reports.values(), declared, self._deletions.routes, now=now)
        quiet = now - memory.seen[1]  # up to this look: while the pass goes on, nobody looks
        return {
            **guard.unknown(ours, releases, reports),
            **guard.adopted(ours, releases, reports, quiet_for=quiet, wait=self._settings.pace.adopt),
            **guard.held(memory.absences, reports.values(), edges, now=now),
            **_paused(edges.values()),
        }

    async def _hand_out(self, declared: Declared, snapshot: Snapshot, releases: Releases) -> None:
        """Give each cluster what was issued for its sites, and nothing to those of which something is left."""
        edges = present(snapshot.edge_nodes)
        gone = {site: gather.read(EdgeNode, edge) for site, edge in releases.tombstones.items()}
        parcels = {site: parcel for site, parcel in self._memory.parcels.items() if _is_ours(edges.get(site))}
        parcels |= self._renewing(edges)
        parcels |= {site: departures.emptied(site, self._settings.installation) for site in gone}
        clusters: dict[str, list[EdgeNode]] = {}
        looks = {name for name, edge in edges.items() if edge.spec.delivery is not By.GIT_OPS and name not in parcels}
        for site in sorted({*parcels, *looks}):
            edge = edges[site] if site in edges else gone[site]
            clusters.setdefault(cluster_of(edge), []).append(edge)
        paused = frozenset(str(key_of(route)) for route in snapshot.routes if is_paused(route))
        pools = present(snapshot.pools).values()
        for cluster, here in clusters.items():
            credentials, connect = self._connections(here[0], declared)
            names = [edge.metadata.name for edge in here]
            load = Load(
                parcels=tuple(parcels[name] for name in names if name in parcels),
                looks=tuple(name for name in names if name in looks),
                paused=paused,
                pools={edge.metadata.name: pools_at(edge, pools) for edge in here},
                credentials=credentials,
            )
            self._couriers.give(cluster, load, connect)
        await self._couriers.keep_only(frozenset(clusters), frozenset({*edges, *gone}))

    def _renewing(self, edges: Mapping[str, EdgeNode]) -> dict[str, Parcel]:
        """For sites that somebody has stopped: nothing changes there, but gateways' certificates are renewed.

        A site that pulls has its parcel and keeps to it; all that it needs is who is trusted by now.
        """
        memory = self._memory
        by = {name: edge.spec.delivery for name, edge in edges.items() if is_paused(edge)}
        pushed = {site: each for site, each in memory.paused.items() if by.get(site) is By.PUSH}
        return pushed | {site: each for site, each in memory.parcels.items() if by.get(site) is By.PULL}

    def _prepare(self, declared: Declared, made: Mapping[str, Made], releases: Releases, keys: Keys) -> None:
        """Parcels of all that was issued; those that wait keep the one before."""
        memory = self._memory
        issuer = self._settings.gateway.peer_issuer
        packing = Packing(installation=self._settings.installation, declared=declared, keys=keys, issuer=issuer)
        stopped = {edge.metadata.name for edge in declared.of(EdgeNode) if is_paused(edge)}
        for site, each in made.items():
            issued, known = releases.sites.get(site), memory.parcels.get(site)
            is_as_issued = issued is not None and issued.digest == each.content.digest
            if issued is not None and is_as_issued and (known is None or site not in stopped):
                memory.parcels[site] = packing.parcel(each.bundle, issued, known)
                memory.made[site] = each
            elif known is not None:
                memory.parcels[site] = packing.vouched(known)
            if issued is not None and site in stopped:
                memory.paused[site] = packing.paused(each.bundle, issued)

    def _forget_all_but(self, sites: Collection[str]) -> None:
        memory = self._memory
        memory.parcels = {site: each for site, each in memory.parcels.items() if site in sites}
        memory.paused = {site: each for site, each in memory.paused.items() if site in sites}
        memory.made = {site: each for site, each in memory.made.items() if site in sites}


def _as_planned(edge: EdgeNode, phases: Mapping[str, Phase]) -> EdgeNode:
    phase = phases.get(edge.metadata.name)
    return leaving.as_planned(edge, phase) if phase in {Phase.DRAINING, Phase.EMPTYING} else edge


def _is_unseen(report: SiteReport | None) -> bool:
    return report is None or not report.is_seen


def _is_ours(edge: EdgeNode | None) -> bool:
    """Whether we deliver to it now."""
    return edge is not None and edge.spec.delivery is not By.GIT_OPS and not is_paused(edge)


def _paused(edges: Iterable[EdgeNode]) -> dict[str, Held]:
    message = f"nothing is changed here while the annotation {PAUSED} is set; remove it to go on"
    return {edge.metadata.name: Held(reason=Reason.PAUSED, message=message) for edge in edges if is_paused(edge)}
