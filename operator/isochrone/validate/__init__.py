"""What is wrong with a set of manifests, before any cluster sees them.

Two stages: what the API server would say to each object (`objects`, which asks `isochrone.admission`), then what one
object can't prove of itself (`checks`: references, rights, geography, law, capacity; one file per concern, in the order
of `checks.CHECKS`). A finding is an error only where it is certain; what depends on things that the manifests don't
show is a warning.

What must not live here: reading files (`isochrone.manifests`), printing (`isochrone.cli`), clocks, clusters. Pure.
"""

from collections.abc import Sequence

from isochrone.manifests import Fault, Manifest
from isochrone.validate import checks, objects
from isochrone.validate.finding import Finding, Key, Rule, Severity
from isochrone.validate.kinds import is_checked, is_other
from isochrone.validate.world import World

__all__ = ["Finding", "Key", "Rule", "Severity", "is_checked", "is_other", "of_text", "validate"]


def validate(manifests: Sequence[Manifest], against: Sequence[Manifest] | None = None) -> list[Finding]:
    """All findings, in the order of files and lines. `against` holds the objects as they are now, for updates."""
    judged = objects.judge(manifests, against or ())
    world = World.of(judged.items, broken=judged.broken, others=manifests)
    found = [*judged.findings, *(finding for check in checks.CHECKS for finding in check(world))]
    return sorted(set(found), key=Finding.order)


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
