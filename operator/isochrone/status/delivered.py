"""Whether a site's cluster is reached, and whether it has what was issued for it."""

from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.edge_node import Delivery
from isochrone.model import Fault, Held, Revision, SiteReport
from isochrone.model.amounts import stamp
from isochrone.status.said import State, fails, holds, waits

_CONTACT: Final = frozenset({Reason.UNREACHABLE, Reason.CREDENTIALS_INVALID})
"""Faults for which nothing of a cluster is heard at all."""


def reachable(edge: EdgeNode, report: SiteReport | None, *, lost_after: int, now: int) -> State:
    """A cluster that is out of reach is lost only after a while: a restart of its API server is no fault."""
    kind = ConditionType.REACHABLE
    if report is None:
        return waits(kind, _unheard(edge))
    refused = next((each for each in report.faults if each.reason is Reason.CREDENTIALS_INVALID), None)
    if refused is not None:
        return fails(kind, refused.reason, said(refused))
    since = report.observation.unreachable_since
    if since is None:
        return holds(kind, Reason.REACHABLE, f"its API server answers ({report.version or 'of unknown version'})")
    why = next((f": {each.message}" for each in report.faults if each.reason is Reason.UNREACHABLE), "")
    message = f"no contact since {stamp(since)}{why}"
    if now - since < lost_after:
        return waits(kind, message, reason=Reason.UNREACHABLE)
    return fails(kind, Reason.UNREACHABLE, message)


def delivered(report: SiteReport | None, wanted: Revision | None, held: Held | None, *, reachable: State) -> State:
    kind = ConditionType.DELIVERED
    broken = fault(report) if report is not None else None
    if broken is not None and reachable.status == "True":
        return broken
    if held is not None:
        stops = held.reason is Reason.CONFLICT  # Nothing but its owner's word lets it go on.
        return fails(kind, held.reason, held.message) if stops else waits(kind, held.message, reason=held.reason)
    if wanted is None:
        return waits(kind, "nothing has been issued for it yet")
    there = report.delivered if report is not None else None
    if there is not None and there.order >= wanted.order:
        return holds(kind, Reason.DELIVERED, f"its cluster has revision {there.name}")
    has = f"its cluster has {there.name}" if there is not None else "its cluster has none yet"
    if reachable.status != "True":
        return waits(kind, f"revision {wanted.name} waits until the cluster is reached; {has}")
    return waits(kind, f"revision {wanted.name} is being delivered; {has}")


def fault(report: SiteReport) -> State | None:
    """The first thing that could not be done in a cluster that is reached."""
    found = sorted(each for each in report.faults if each.reason not in _CONTACT)
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return fails(ConditionType.DELIVERED, found[0].reason, f"{said(found[0])}{more}")


def said(found: Fault) -> str:
    return f"{found.subject}: {found.message}" if found.subject else found.message


def _unheard(edge: EdgeNode) -> str:
    if edge.spec.delivery is Delivery.PULL:
        return f"nothing is heard from it yet: install the chart isochrone-site there, site={edge.metadata.name}"
    return "its cluster has not been asked yet"
