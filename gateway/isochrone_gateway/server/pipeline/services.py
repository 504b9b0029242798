"""What all requests of a worker share."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.hops import HopMeter
from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.metrics import Family, Value
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.ledger.withheld import Withheld
from isochrone_gateway.upstream.pool import Pool

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.handling import Handling
    from isochrone_gateway.server.pipeline.hosting import Hosting


class Names:
    """Ids of requests: unique by their process, cheap by their count."""

    __slots__ = ("_count", "_prefix")

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._count = 0

    def next(self) -> bytes:
        self._count += 1
        return b"req_%b%08x" % (self._prefix, self._count)


class Memory:
    """How much of request bodies may be kept at a time, by all requests together."""

    __slots__ = ("most", "used")

    def __init__(self) -> None:
        self.most = 0
        self.used = 0

    def take(self, amount: int) -> bool:
        if self.used + amount > self.most:
            return False
        self.used += amount
        return True

    def give_back(self, amount: int) -> None:
        self.used -= amount


class Services:
    """What all requests of a worker share. `names` makes their ids; `traces` says whether spans are exported."""

    __slots__ = (
        "age", "audited", "bits", "demand", "evidence", "hop_meter", "hosted", "loop", "memory", "meter", "names",
        "open", "pool", "random", "records", "traces", "wall", "withheld",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - the clocks, chances and counters of a worker
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        pool: Pool,
        memory: Memory,
        records: RecordQueue,
        withheld: Withheld,
        meter: Meter,
        hop_meter: HopMeter,
        demand: Family[Value],
        audited: Family[Value],
        age: Callable[[], float],
        wall: Callable[[], float],
        random: Callable[[], float],
        bits: Callable[[int], int],
        names: Names,
        traces: bool,
        evidence: Keeping,
    ) -> None:
        self.loop = loop
        self.pool = pool
        self.memory = memory
        self.records = records
        self.withheld = withheld
        self.meter = meter
        self.hop_meter = hop_meter
        self.demand = demand
        """Of requests by route and origin."""
        self.audited = audited
        """By policy."""
        self.age = age
        self.wall = wall
        self.random = random
        self.bits = bits
        self.names = names
        self.traces = traces
        self.evidence = evidence
        self.open: set[Handling] = set()
        self.hosted: set[Hosting] = set()
        """Those that peers sent here."""
