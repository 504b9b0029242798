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
            _leaving(facts, name) if is_leaving else _summary(pool, sites),
            now=facts.now,
        ),
        edge_nodes=len(sites),
        devices=len(sites) * pool.spec.nodes * pool.spec.devices_per_node,
        devices_used=facts.devices(facts.placed_in.get(name, ())),
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


def _summary(pool: GPUPool, sites: list[str]) -> State:
    if pool.spec.allowed_namespaces is None:
        return ready("no namespace may use it: name some in spec.allowedNamespaces")
    devices = pool.spec.nodes * pool.spec.devices_per_node
    return ready(f"{count(devices, 'GPU')} at {'each of ' if len(sites) > 1 else ''}{count(len(sites), 'site')}")


def _leaving(facts: Facts, name: str) -> State:
    routes = sorted({each.route for each in facts.running_in.get(name, ())})
    if routes:
        return leaving(f"engines of {listed(routes)} still run in it, until others are ready elsewhere")
    return leaving("nothing runs in it any more")
