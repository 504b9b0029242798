"""One measurement, as it was taken, and what follows from it by arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FULL_CORE = 0.85
"""Past this use of the core beside the gateway's, that core may have been what was measured."""
_DISTURBED = 0.05
"""Past this use of the gateway's core by others, the figure is lower than it would be alone."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of the driver against one subject. Seconds of CPU are those used while it measured."""

    load: Mapping[str, Any]
    """The driver's result."""
    gateway_cpu: float
    upstream_cpu: float
    gateway_core_busy: float
    other_core_busy: float
    """The shares of the time that each core was busy, with whatever."""

    @property
    def seconds(self) -> float:
        return float(self.load["seconds"])

    @property
    def answered(self) -> int:
        return int(self.load["requests"])

    @property
    def chunks(self) -> int:
        return int(self.load["chunks"])

    @property
    def errors(self) -> int:
        return int(self.load["errors"])

    @property
    def rate(self) -> float:
        """Requests answered per second."""
        return self.answered / self.seconds

    @property
    def rate_per_cpu(self) -> float | None:
        """Requests answered per second of the gateway's CPU: the rate of a core that does nothing else."""
        return self.answered / self.gateway_cpu if self.gateway_cpu else None

    @property
    def cpu_per_request(self) -> float | None:
        """Microseconds of the gateway's CPU."""
        return self.gateway_cpu / self.answered * 1e6 if self.gateway_cpu and self.answered else None

    @property
    def cpu_per_chunk(self) -> float | None:
        """Microseconds of the gateway's CPU."""
        return self.gateway_cpu / self.chunks * 1e6 if self.gateway_cpu and self.chunks else None

    @property
    def is_lower_bound(self) -> bool:
        """Whether the upstream and the driver may have been the limit."""
        return self.other_core_busy > FULL_CORE

    @property
    def is_disturbed(self) -> bool:
        """Whether somebody else used much of the gateway's core."""
        return self.gateway_core_busy - self.gateway_cpu / self.seconds > _DISTURBED

    def micros(self, what: str, percentile: str) -> float | None:
        """A percentile of the driver's, in microseconds."""
        summary = self.load.get(what)
        return None if summary is None else float(summary[percentile])

    @property
    def problems(self) -> str:
        return ", ".join(f"{count}x {what}" for what, count in sorted(self.load.get("problems", {}).items()))
