"""EdgeNode: where it is, whether its cluster is reached, what was delivered, and what its gateway runs."""

import re
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.edge_node import Delivery as Way
from isochrone.api.edge_node import State as Wanted
from isochrone.api.edge_node_status import EdgeNodeStatus, GatewayStatus
from isochrone.api.edge_node_status import Revision as RevisionStatus
from isochrone.geo import codes, places
from isochrone.law import atlas
from isochrone.model import Revision, SiteReport
from isochrone.model.words import count, listed
from isochrone.status import anchored, copied, delivered, egress, programmed
from isochrone.status.facts import Facts
from isochrone.status.said import State, conditions, fails, holds, leaving, ready

_DIGEST: Final = re.compile("(?:sha256:)?([0-9a-f]{64})")
_VERSION: Final = 64


def status(facts: Facts, edge: EdgeNode) -> EdgeNodeStatus:
    name = edge.metadata.name
    report = facts.delivery.reports.get(name)
    states = _states(facts, edge, report)
    is_leaving = edge.metadata.deletion_timestamp is not None
    summary = _leaving(edge, report) if is_leaving else _summary(facts, edge, report, states)
    pools = facts.pools_at(edge)
    return EdgeNodeStatus(
        observed_generation=edge.metadata.generation,
        conditions=conditions(edge, states, summary, now=facts.now),
        jurisdiction=next(iter(atlas.of_site(edge).place.codes), None),
        kubernetes_version=report.version[:_VERSION] or None if report else None,
        revision=_revision(report.delivered) if report else None,
        gateway=_gateway(facts, report) if report and edge.spec.state is not Wanted.DISABLED else None,
        devices=sum(pool.spec.nodes * pool.spec.devices_per_node for pool in pools),
        devices_used=facts.devices(facts.placed_at.get(name, ())),
        devices_of_others=facts.of_others((pool.metadata.name for pool in pools), [name]),
    )


def _states(facts: Facts, edge: EdgeNode, report: SiteReport | None) -> list[State]:
    accepted = _accepted(edge)
    if _is_unseen(edge, report):
        return [accepted]
    reachable = delivered.reachable(edge, report, lost_after=facts.snapshot.settings.lost_after, now=facts.now)
    states = [accepted, reachable]
    if edge.metadata.deletion_timestamp is not None:
        return states
    wanted, held = facts.delivery.wanted.get(edge.metadata.name), facts.delivery.held.get(edge.metadata.name)
    cause = held if held is not None and held.is_cause else None
    states.append(delivered.delivered(report, wanted, None if cause else held, reachable=reachable))
    if edge.spec.state is not Wanted.DISABLED:
        states.append(programmed.programmed(report, wanted, cause, reachable=reachable, now=facts.now))
        states.append(egress.enforced(facts, edge, report))
        if edge.spec.gateway.evidence is not None:
            states.append(anchored.anchored(edge.metadata.name, report, facts.delivery.anchoring, now=facts.now))
        if (bucket := atlas.bucket_of(edge)) is not None:
            states.append(copied.copied(facts, edge, bucket, report))
    return states


def _accepted(edge: EdgeNode) -> State:
    declared, found = edge.spec.place, atlas.of_site(edge)
    if found.place.is_known and found.point is not None:
        airport = places.place(declared.iata) if declared.iata else None
        known = ", ".join(sorted(found.place.codes))
        where = f"{airport.city}, {known}" if airport else known
        return holds(ConditionType.ACCEPTED, Reason.ACCEPTED, f"it is in {where}")
    if declared.iata:
        meant = places.suggest_place(declared.iata)
        hint = f"did you mean {meant.iata} ({meant.city})?" if meant else "give jurisdiction and coordinates instead"
        message = f"spec.place.iata: no airport has the code {declared.iata}; {hint}"
    else:
        message = f"spec.place.jurisdiction: {declared.jurisdiction} is no ISO 3166 code"
        known = codes.canonical(declared.jurisdiction or "")
        message += "; correct it" if known else ""
    return fails(ConditionType.ACCEPTED, Reason.UNKNOWN_PLACE, message)


def _is_unseen(edge: EdgeNode, report: SiteReport | None) -> bool:
    """With GitOps somebody else applies what is rendered, and nobody has to tell the hub of it."""
    return edge.spec.delivery is Way.GIT_OPS and report is None


def _summary(facts: Facts, edge: EdgeNode, report: SiteReport | None, states: list[State]) -> State:
    """What is said of a site if nothing is wrong with it."""
    name = edge.metadata.name
    if edge.spec.state is Wanted.DISABLED:
        return ready("nothing runs here, as spec.state says", reason=Reason.DISABLED)
    if edge.spec.state is Wanted.DRAINING:
        return _draining(facts, name)
    if _is_unseen(edge, report):
        return ready("it is as declared; what a GitOps tool applied there is not seen from here")
    told = next((each.message for each in states if each.type is ConditionType.PROGRAMMED), "it is as declared")
    return ready(told)


def _draining(facts: Facts, name: str) -> State:
    routes = {each.route for each in (*facts.running_at.get(name, ()), *facts.placed_at.get(name, ()))}
    if not routes:
        return ready("no engine runs here any more, and none is started", reason=Reason.DRAINING)
    message = f"engines of {listed(sorted(routes))} still run here; they end once others are ready elsewhere"
    return State(type=ConditionType.READY, status="Unknown", reason=Reason.DRAINING, message=message)


def _leaving(edge: EdgeNode, report: SiteReport | None) -> State:
    cleanup = edge.spec.cleanup
    if cleanup.policy == "Orphan":
        return leaving("its objects stay in its cluster, as spec.cleanup.policy says")
    if report is None:
        return leaving("whether its cluster still has objects of it is not known yet")
    left = count(report.children, "object")
    if not report.is_reachable:
        return leaving(f"its cluster can't be reached, which holds this up for {cleanup.timeout} at most; {left} left")
    fault = delivered.fault(report)
    return leaving(f"{left} left in its cluster", fault=fault)


def _gateway(facts: Facts, report: SiteReport) -> GatewayStatus:
    running = {each.running for each in programmed.speaking(report, facts.now)}
    return GatewayStatus(
        replicas=max(0, report.gateway_replicas),
        ready_replicas=max(0, report.gateway_ready),
        revision=_revision(next(iter(running))) if len(running) == 1 else None,
        evidence_key=facts.delivery.anchoring.keys.get(report.site),
    )


def _revision(revision: Revision | None) -> RevisionStatus | None:
    found = _DIGEST.fullmatch(revision.digest) if revision is not None else None
    if revision is None or found is None:
        return None
    return RevisionStatus(epoch=revision.epoch, sequence=revision.sequence, digest=f"sha256:{found[1]}")
