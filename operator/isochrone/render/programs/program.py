"""What an engine is asked to run, and how it runs that: all that differs from engine to engine."""

import dataclasses
from collections.abc import Mapping

from isochrone.api.serving import Engine


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What to run."""

    engine: Engine
    """As the route says it."""
    weights: str
    """Where the weights are in the container; empty for engines that bring their own."""
    model: str
    """The name by which gateways ask for it."""
    devices: int = 0
    """GPUs of one replica."""
    cpus: int | None = None
    """Whole CPUs of one replica, where it says how many it needs."""
    embeds_only: bool = False
    """Whether it makes embeddings, and nothing else."""
    drain: int = 60
    """Seconds that answers under way get once the engine is told to end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How an engine runs it."""

    port: int
    command: tuple[str, ...] = ()
    """Empty: the image's own."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    health_path: str = "/health"
    """Answers 200 when it can serve."""
    readiness_path: str | None = None
    """What to ask to know whether it can serve right now; `health_path` when left out."""
    readiness_timeout: int = 5
    liveness_path: str | None = None
    """What to ask to know whether to restart it; None: whether it takes connections."""
    metrics_path: str | None = "/metrics"
    drains: bool = False
    """Whether it ends its answers when told to end. The others break them off, so they are told late."""
    shares_memory: bool = False
    """Whether its processes talk by way of /dev/shm."""
    bears_read_only_root: bool = False
    """Whether it writes to its own volumes only."""
