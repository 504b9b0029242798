"""What becomes of a site whose EdgeNode is being deleted: it drains, then it is emptied, then it is gone.

Draining is over once nothing is on its way elsewhere. Emptying is over once nothing of it is left in its cluster, or
once `cleanup.timeout` has passed: a cluster that is gone for good holds nobody up. What may be left there is then
written on a tombstone, and removed if the cluster comes back.
"""

import datetime as dt
import enum
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.edge_node import Delivery, State
from isochrone.model import ChangeKind, Plan, SiteReport
from isochrone.model.amounts import milliseconds

FINALIZER: Final = "isochrone.dev/cleanup"
"""On EdgeNodes for which we have applied something."""


class Phase(enum.StrEnum):
    """How far a site has gone."""

    DRAINING = "Draining"
    EMPTYING = "Emptying"
    GONE = "Gone"
    GONE_WITH_TOMBSTONE = "GoneWithTombstone"


def needs_cleanup(edge: EdgeNode) -> bool:
    """Whether something of ours has to go with it."""
    return edge.spec.delivery is not Delivery.GIT_OPS and edge.spec.cleanup.policy == "Delete"


def phase(edge: EdgeNode, report: SiteReport | None, *, has_drained: bool, now: int) -> Phase:
    """Of an EdgeNode that is being deleted."""
    if not needs_cleanup(edge) or (has_drained and is_empty(report)):
        return Phase.GONE
    if now >= deadline(edge):
        return Phase.GONE_WITH_TOMBSTONE
    return Phase.EMPTYING if has_drained else Phase.DRAINING


def deadline(edge: EdgeNode) -> int:
    """When the deletion waits no longer, in seconds since the epoch."""
    asked = edge.metadata.deletion_timestamp
    if asked is None:
        raise ValueError(f"EdgeNode {edge.metadata.name} is not being deleted")
    return int(dt.datetime.fromisoformat(asked).timestamp()) + milliseconds(edge.spec.cleanup.timeout) // 1000


def drained(site: str, plan: Plan) -> bool:
    """Whether nothing moves away from a draining site any more: what is still there can be nowhere else."""
    return not any(change.kind is ChangeKind.MOVE and change.from_site == site for change in plan.changes)


def as_planned(edge: EdgeNode, current: Phase) -> EdgeNode:
    """The EdgeNode as the planner is to take it: there, and draining, or there and disabled."""
    state = State.DRAINING if current is Phase.DRAINING else State.DISABLED
    metadata = edge.metadata.model_copy(update={"deletion_timestamp": None})
    return edge.model_copy(update={"metadata": metadata, "spec": edge.spec.model_copy(update={"state": state})})


def is_empty(report: SiteReport | None) -> bool:
    """Whether nothing of a site is left, as far as its cluster could be asked."""
    return report is not None and report.is_reachable and not report.faults and report.children == 0
