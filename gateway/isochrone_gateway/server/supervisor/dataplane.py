"""What the request pipeline must offer to be run by workers.

A worker makes one data plane when it starts, by a factory that is named as `module:attribute`, and keeps it through all
changes of the config; connection pools, breakers and counters live in it. Each config becomes handlers:

    handlers = plane.prepare(loaded)      on a thread, while requests are served by the handlers before
    plane.activate(handlers)              on the loop; from then on new requests go to these handlers

Requests that are open keep the handlers that they began with.
"""

import dataclasses
import importlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from isochrone_gateway.config import Loaded
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.server.exchange import Handler
from isochrone_gateway.upstream.discovery import Endpoints


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """What a worker gives its data plane."""

    worker: int
    registry: Registry
    """Metrics; they are added up over all workers."""
    records: RecordQueue
    """One record per request."""
    age: Callable[[], float]
    """Seconds since the config's source was last read; see `route.mask.age_of`."""
    secrets: pathlib.Path | None
    """Where the config's secret files are."""
    connections: Callable[[], int]
    """How many clients are connected to this worker."""
    meter: Callable[[str, Rates], Meter] = Meter
    """Makes what keeps the limits of a tenant or provider, together with the other workers."""
    evidence: Keeping = dataclasses.field(default_factory=Keeping)
    """Who writes evidence, if any is kept; it changes with the config."""
    exports_spans: bool = False
    """Whether spans of recorded requests go anywhere; else none need be recorded."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Handlers:
    """Who answers on which listener; a data plane may subclass it to carry more from `prepare` to `activate`."""

    data: Handler
    peer: Handler | None = None


class DataPlane(Protocol):
    """The request pipeline of one worker."""

    def prepare(self, loaded: Loaded) -> Handlers:
        """Build handlers for a config, on a thread. Raises ConfigError if it can't be run here."""

    def activate(self, handlers: Handlers) -> None:
        """New requests go to these handlers from now on."""

    def found(self, services: Mapping[ServiceEndpoints, Endpoints]) -> None:
        """These Services have these ready endpoints now; told of changes, and of all right after `activate`."""

    def measure(self) -> None:
        """Bring those metrics up to date that aren't kept so; asked for before each look at the registry."""

    def describe(self) -> dict[str, Any]:
        """What `/status` shows of this worker: the health of each target. Must encode as JSON."""

    def reload(self) -> None:
        """Read secrets again."""

    def refresh(self) -> None:
        """Use the certificates whose files have changed; asked for once a minute."""

    def interrupt(self) -> None:
        """The time is up: end each open answer with an error, now, and each that is still asked for."""

    async def close(self) -> None:
        """Give everything back."""


Factory = Callable[[Context], DataPlane]


def find_factory(name: str) -> Factory:
    """Import `module:attribute`."""
    module, separator, attribute = name.partition(":")
    if not separator:
        raise ValueError(f"{name!r} is not of the form module:attribute")
    return cast("Factory", getattr(importlib.import_module(module), attribute))
