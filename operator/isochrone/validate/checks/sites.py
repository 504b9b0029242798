"""Sites among each other: selectors that miss them, gateways that peers can't reach, clusters that they share."""

import collections
import itertools
from collections.abc import Iterator

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType, State
from isochrone.law.subject import matches
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World


def selectors(world: World) -> Iterator[Finding]:
    """Pools and routes whose EdgeNode selector matches none."""
    if not world.is_whole(EdgeNode):
        return
    asked = [
        *((pool, "spec.edgeNodeSelector", pool.resource.spec.edge_node_selector) for pool in world.pools),
        *(
            (route, "spec.placement.edgeNodeSelector", route.resource.spec.placement.edge_node_selector)
            for route in world.routes
        ),
    ]
    for item, field, selector in asked:
        if selector is not None and not any(matches(selector, e.resource.metadata.labels) for e in world.edge_nodes):
            yield item.warning(
                Rule.MATCHES_NOTHING,
                field,
                f"no EdgeNode has these labels; there are {len(world.edge_nodes)}",
                way_out="correct the selector, or label an EdgeNode",
            )


def gateways(world: World) -> Iterator[Finding]:
    """Sites that can't be reached by their peers."""
    active = [edge for edge in world.edge_nodes if edge.resource.spec.state is not State.DISABLED]
    for edge in active if len(active) > 1 else ():
        if edge.resource.spec.gateway.advertise is None:
            yield edge.warning(
                Rule.NOT_ADVERTISED,
                "spec.gateway.advertise",
                "other sites can't reach this one: it sends requests to its peers, but serves none of theirs",
                way_out="set spec.gateway.advertise.host to an address that the other sites reach",
            )


def addresses(world: World) -> Iterator[Finding]:
    """A host name, or an address for peers, that an earlier site claims already."""
    first: dict[tuple[str, str], Item[EdgeNode]] = {}
    for edge in world.edge_nodes:
        for field, address in _addresses(edge):
            keeper = first.setdefault((field, address.casefold()), edge)
            if keeper is not edge:
                yield edge.error(
                    Rule.ADDRESS_TAKEN,
                    field,
                    f"EdgeNode {keeper.name} has {address} too: what is meant for one site would reach the other",
                    way_out=f"give this site an address of its own, or change {keeper.manifest.source}",
                )


def shared_clusters(world: World) -> Iterator[Finding]:
    """Several sites in one cluster whose node selectors can match the same nodes."""
    sharing: dict[tuple[str, ...], list[Item[EdgeNode]]] = collections.defaultdict(list)
    for edge in world.edge_nodes:
        if cluster := _cluster(edge):
            sharing[cluster].append(edge)
    for edges in sharing.values():
        mixed = [pair for pair in itertools.combinations(edges, 2) if not _are_apart(*pair)]
        if mixed:
            names = sorted({edge.name for pair in mixed for edge in pair})
            yield mixed[0][1].warning(
                Rule.SHARED_CLUSTER,
                "spec.nodeSelector",
                f"EdgeNodes {', '.join(names)} are the same cluster, and may be the same nodes",
                way_out="give each a nodeSelector with a value of its own for one label",
            )


def _addresses(edge: Item[EdgeNode]) -> Iterator[tuple[str, str]]:
    gateway = edge.resource.spec.gateway
    if gateway.hostname:
        yield "spec.gateway.hostname", gateway.hostname
    if gateway.advertise:
        host = f"[{gateway.advertise.host}]" if ":" in gateway.advertise.host else gateway.advertise.host
        yield "spec.gateway.advertise.host", f"{host}:{gateway.advertise.port}"


def _cluster(edge: Item[EdgeNode]) -> tuple[str, ...] | None:
    """What tells its cluster from others; None where that can't be known."""
    cluster = edge.resource.spec.cluster
    if cluster.type is ClusterType.LOCAL:
        return ("Local",)
    if ref := cluster.kubeconfig_secret_ref:
        return ("Kubeconfig", ref.name, ref.key)
    if profile := cluster.cluster_profile_ref:
        return ("ClusterProfile", profile.namespace, profile.name)
    return None


def _are_apart(one: Item[EdgeNode], other: Item[EdgeNode]) -> bool:
    """Whether no node can match both selectors: they want different values of one label."""
    theirs = other.resource.spec.node_selector or {}
    return any(theirs.get(key, value) != value for key, value in (one.resource.spec.node_selector or {}).items())
