"""What all requests of a worker share."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.upstream.pool import Pool

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.handling import Handling


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


@dataclasses.dataclass(kw_only=True, slots=True)
class Services:
    """What all requests of a worker share. `names` makes their ids."""

    loop: asyncio.AbstractEventLoop
    pool: Pool
    memory: Memory
    records: RecordQueue
    meter: Meter
    age: Callable[[], float]
    wall: Callable[[], float]
    random: Callable[[], float]
    names: Callable[[], bytes]
    bits: Callable[[int], int]
    """Random ones."""
    traces: bool
    """Whether spans are exported."""
    open: "set[Handling]" = dataclasses.field(default_factory=set)
