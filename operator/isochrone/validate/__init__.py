"""What is wrong with a set of manifests, before any cluster sees them.

Two stages: what the API server would say to each object (`objects`, which asks `isochrone.admission`), then what one
object can't prove of itself (`checks`: references, rights, geography, law, capacity; one file per concern, in the order
of `checks.CHECKS`). A finding is an error only where it is certain; what depends on things that the manifests don't
show is a warning.

What must not live here: reading files (`isochrone.manifests`), printing (`isochrone.cli`), clocks, clusters. Pure.
"""

import dataclasses
from collections.abc import Sequence

from isochrone.manifests import Fault, Manifest
from isochrone.model import Snapshot
from isochrone.validate import checks, objects
from isochrone.validate.finding import Finding, Key, Rule, Severity
from isochrone.validate.kinds import is_checked, is_other
from isochrone.validate.world import World

__all__ = [
    "Examined",
    "Finding",
    "Key",
    "Rule",
    "Severity",
    "examine",
    "is_checked",
    "is_other",
    "of_text",
    "validate",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found, and what planning starts from: the objects that are valid."""

    findings: list[Finding]
    snapshot: Snapshot


def validate(manifests: Sequence[Manifest], against: Sequence[Manifest] | None = None) -> list[Finding]:
    """All findings, in the order of files and lines. `against` holds the objects as they are now, for updates."""
    return examine(manifests, against).findings


def examine(manifests: Sequence[Manifest], against: Sequence[Manifest] | None = None) -> Examined:
    """As `validate`, with the objects themselves."""
    judged = objects.judge(manifests, against or ())
    world = World.of(judged.items, broken=judged.broken, others=manifests)
    found = [*judged.findings, *(finding for check in checks.CHECKS for finding in check(world))]
    return Examined(findings=sorted(set(found), key=Finding.order), snapshot=_snapshot(world))


def _snapshot(world: World) -> Snapshot:
    """The declared part of a snapshot."""
    return Snapshot(
        edge_nodes=tuple(item.resource for item in world.edge_nodes),
        pools=tuple(item.resource for item in world.pools),
        routes=tuple(item.in_its_namespace for item in world.routes),
        policies=tuple(item.resource for item in world.policies),
        providers=tuple(item.resource for item in world.providers),
        tenants=tuple(item.in_its_namespace for item in world.tenants),
        namespaces={name: world.namespace(name).labels for name in world.namespaces},
    )


def of_text(faults: Sequence[Fault]) -> list[Finding]:
    """Faults of the text, as findings."""
    return [
        Finding(
            severity=Severity.ERROR,
            rule=Rule(fault.reason),
            file=fault.source.file,
            line=fault.source.line,
            object=None,
            field="",
            message=fault.message,
            way_out=fault.way_out,
        )
        for fault in faults
    ]
