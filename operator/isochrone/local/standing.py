"""How each site stands on this machine, and what the planner is told of it: as if its cluster had been looked at.

Running    its gateway runs
Draining   its gateway ends what it has begun: for the planner as if the EdgeNode said so
Stopped    its gateway has ended, and so it stays until the site is started
Killed     everything of it was cut off at once: for the planner a site without contact
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.edge_node import State
from isochrone.model import Observed, Running, SiteObservation, Snapshot
from isochrone.model.declared import present


class Standing(enum.StrEnum):
    """Where a site is in its life."""

    RUNNING = "Running"
    DRAINING = "Draining"
    STOPPED = "Stopped"
    KILLED = "Killed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a site stands, and since when, in seconds since the epoch."""

    standing: Standing = Standing.RUNNING
    since: int = 0

    @property
    def is_up(self) -> bool:
        """Whether its gateway is to run."""
        return self.standing in {Standing.RUNNING, Standing.DRAINING}


UP: Final = Stand()


def as_found(declared: Snapshot, stands: Mapping[str, Stand], running: Iterable[Running]) -> Snapshot:
    """The network as declared, with what was found of it."""
    edges = tuple(_edge(edge, stands.get(edge.metadata.name, UP)) for edge in declared.edge_nodes)
    sites = {edge.metadata.name: _observation(stands.get(edge.metadata.name, UP)) for edge in edges}
    return dataclasses.replace(
        declared, edge_nodes=edges, observed=Observed(sites=sites, running=tuple(sorted(running)))
    )


def gateways_of(declared: Snapshot) -> tuple[str, ...]:
    """The sites that have a gateway, in order."""
    edges = present(declared.edge_nodes).values()
    return tuple(edge.metadata.name for edge in edges if edge.spec.state is not State.DISABLED)


def _observation(stand: Stand) -> SiteObservation:
    return SiteObservation(unreachable_since=stand.since if stand.standing is Standing.KILLED else None)


def _edge(edge: EdgeNode, stand: Stand) -> EdgeNode:
    is_leaving = stand.standing in {Standing.DRAINING, Standing.STOPPED}
    if not is_leaving or edge.spec.state is State.DISABLED:
        return edge
    return edge.model_copy(update={"spec": edge.spec.model_copy(update={"state": State.DRAINING})})
