"""GPUPool: whether its sites are there, and how much of it is used."""

from isochrone.api import GPUPool
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.gpu_pool import GPUPoolStatus
from isochrone.law.subject import is_at
from isochrone.model.words import count, listed
from isochrone.status.facts import Facts
from isochrone.status.said import State, conditions, fails, holds, leaving, ready, waits


def status(facts: Facts, pool: GPUPool) -> GPUPoolStatus:
    name = pool.metadata.name
    sites = [each for each, edge in facts.edges.items() if is_at(pool, each, edge.metadata.labels)]
    is_leaving = pool.metadata.deletion_timestamp is not None
    return GPUPoolStatus(
        observed_generation=pool.metadata.generation,
        conditions=conditions(
            pool,
            [] if is_leaving else [_resolved(facts, pool, sites)],
            _leaving(facts, name) if is_leaving else _summary(facts, pool, sites),
            now=facts.now,
        ),
        edge_nodes=len(sites),
        devices=len(sites) * pool.spec.nodes * pool.spec.devices_per_node,
        devices_used=facts.devices(facts.placed_in.get(name, ())),
        devices_of_others=facts.of_others([name], sites),
    )


def _resolved(facts: Facts, pool: GPUPool, sites: list[str]) -> State:
    kind = ConditionType.RESOLVED_REFS
    if sites:
        return holds(kind, Reason.RESOLVED, f"it is at {listed(sites)}")
    ref = pool.spec.edge_node_ref
    if ref is not None:
        message = f"spec.edgeNodeRef: there is no EdgeNode {ref.name}; create it"
        return fails(kind, Reason.REF_NOT_FOUND, message)
    return waits(kind, f"spec.edgeNodeSelector matches none of the {count(len(facts.edges), 'EdgeNode')} yet")


def _summary(facts: Facts, pool: GPUPool, sites: list[str]) -> State:
    if pool.spec.allowed_namespaces is None:
        return ready("no namespace may use it: name some in spec.allowedNamespaces")
    devices = pool.spec.nodes * pool.spec.devices_per_node
    there = f"{count(devices, 'GPU')} at {'each of ' if len(sites) > 1 else ''}{count(len(sites), 'site')}"
    return ready(f"{there}{_untold(facts, sites)}")


def _untold(facts: Facts, sites: list[str]) -> str:
    """What the planner doesn't know, and so takes to be free."""
    found = list(facts.untold(sites))
    if not found:
        return ""
    site, why = found[0]
    return (
        f"; what others hold of them at {listed(name for name, _ in found)} is not known ({why}): let the operator see"
        f" it, by `isochrone site join {site}` once more, or with the chart of this version"
    )


def _leaving(facts: Facts, name: str) -> State:
    routes = sorted({each.route for each in facts.running_in.get(name, ())})
    if routes:
        return leaving(f"engines of {listed(routes)} still run in it, until others are ready elsewhere")
    return leaving("nothing runs in it any more")
