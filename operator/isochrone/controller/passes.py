"""What a pass works with, what it keeps for the next, and what it comes to."""

import dataclasses
from collections.abc import Callable, Mapping

from isochrone.api import EdgeNode
from isochrone.controller.anchoring import Anchors
from isochrone.controller.announcing import Announcer
from isochrone.controller.couriers import Connect
from isochrone.controller.interrupting import Interruption
from isochrone.controller.keys import Keeper
from isochrone.controller.made import Made, Rendered
from isochrone.controller.watching import Deletions
from isochrone.kube import gather
from isochrone.kube.hub import Declared
from isochrone.model import Delivery, Parcel, Plan, Snapshot, Stand
from isochrone.plan.planner import Planned
from isochrone.rollout.guard import Absences
from isochrone.rollout.leaving import Phase
from isochrone.rollout.recalled import Recalled
from isochrone.rollout.waves import Progress
from isochrone.status import Asked


@dataclasses.dataclass(slots=True, kw_only=True)
class Memory:
    """What is kept from pass to pass while this replica leads."""

    planned: Planned | None = None
    progress: Progress | None = None
    is_watching: bool = False
    """Whether a wave waits for what gateways say of their requests, which is no change that anybody is woken by."""
    absences: Absences = dataclasses.field(default_factory=Absences)
    recalled: Recalled = dataclasses.field(default_factory=Recalled)
    known: frozenset[Stand] = frozenset()
    """Engines that all gateways know of."""
    differing: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Route -> since when its requests have come from elsewhere than what it is placed by says."""
    drained: set[str] = dataclasses.field(default_factory=set)
    """Sites on their way out from which nothing moves any more."""
    seen: tuple[str, float] = ("", 0.0)
    """What was declared last, as a digest, and when that last changed."""
    parcels: dict[str, Parcel] = dataclasses.field(default_factory=dict)
    """EdgeNode -> what was issued for it last, as long as this replica has made it itself."""
    paused: dict[str, Parcel] = dataclasses.field(default_factory=dict)
    """EdgeNode that somebody has stopped -> what is done there all the same."""
    made: dict[str, Made] = dataclasses.field(default_factory=dict)
    """What was issued last, as it was rendered."""
    rendered: Rendered | None = None
    """All sites as they are to be."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pass:
    """What one pass came to."""

    declared: Declared
    snapshot: Snapshot
    plan: Plan
    delivery: Delivery
    asked: Asked
    phases: Mapping[str, Phase]
    """EdgeNodes that are being deleted."""
    is_complete: bool
    """Whether every cluster has been looked at. Before that, nothing can be said of what runs."""
    is_watching: bool
    """Whether to look again soon, though nothing may have changed."""
    seconds: Mapping[str, float]
    """Step -> how long it took."""

    @property
    def told(self) -> Snapshot:
        """The snapshot with all objects as they are, with their statuses, and none as the planner takes it."""
        declared, snapshot = self.declared, self.snapshot
        return gather.snapshot_of(
            declared.resources, declared.namespaces, observed=snapshot.observed, settings=snapshot.settings
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a reconciler works with."""

    connections: Callable[[EdgeNode, Declared], tuple[str, Connect]]
    keeper: Keeper
    deletions: Deletions
    announcer: Announcer
    anchors: Anchors
    interruption: Interruption
    wall: Callable[[], float]
    monotonic: Callable[[], float]
