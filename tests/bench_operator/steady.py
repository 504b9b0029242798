"""What the operator asks and writes while nothing changes."""

import dataclasses
import time
from typing import Final

from tests.bench_operator import audit
from tests.bench_operator.audit import Log
from tests.bench_operator.hub import USER, Operator
from tests.cluster.controlplane import ControlPlane

LEASES: Final = "leases"
_QUIET: Final = 20.0
_LOOK: Final = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Steady:
    """Of some seconds in which nothing was changed."""

    seconds: float
    writes: dict[str, int]
    """Resource -> writes of the operator."""
    requests: dict[str, int]
    cpu: float
    resident: int

    @property
    def others(self) -> int:
        """Writes that are not of a Lease."""
        return sum(count for resource, count in self.writes.items() if resource != LEASES)


def settled(plane: ControlPlane, *, limit: float) -> None:
    """Wait until the operator has written nothing but Leases for a while."""
    log, deadline = Log(plane.folder / "audit.log"), time.monotonic() + limit
    last = time.monotonic()
    while time.monotonic() - last < _QUIET:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the operator writes still, after {limit:g} s")
        time.sleep(_LOOK)
        if audit.writes(audit.by_user(log.events(), USER)).keys() - {LEASES}:
            last = time.monotonic()


def measure(plane: ControlPlane, operator: Operator, *, seconds: float) -> Steady:
    """Look on for so long."""
    log, cpu, began = Log(plane.folder / "audit.log"), operator.cpu_seconds, time.monotonic()
    time.sleep(seconds)
    events = audit.by_user(log.events(), USER)
    return Steady(
        seconds=time.monotonic() - began,
        writes=dict(audit.writes(events)),
        requests=dict(audit.requests(events).most_common()),
        cpu=operator.cpu_seconds - cpu,
        resident=operator.resident,
    )
