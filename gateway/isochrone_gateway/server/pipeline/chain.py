"""What a request remembers of those who were asked, and of what it waits for."""

import asyncio
from typing import TYPE_CHECKING

from isochrone_gateway.route.hold import Held
from isochrone_gateway.route.retry import Failure
from isochrone_gateway.server.pipeline.engines import Engine

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.handling import Handling


class Chain:
    """What a request needs to remember once its first attempt has failed, or it has to wait."""

    __slots__ = (
        "failures",
        "held",
        "hold_until",
        "not_there",
        "refused",
        "timer",
        "tried",
        "tried_engines",
        "tried_keys",
    )

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.tried = 0
        """A bit for each candidate."""
        self.refused = 0
        """The same, for peers that refused by their own law: they count as tried for ever."""
        self.not_there = 0
        """How often a peer did not have what it was asked for."""
        self.tried_engines: list[Engine] = []
        self.tried_keys: set[object] = set()
        self.timer: asyncio.TimerHandle | None = None
        self.held: Held[Handling] | None = None
        self.hold_until: float | None = None

    def begin_anew(self) -> None:
        """All were tried: everybody may be tried again."""
        self.tried = self.refused
        self.tried_engines.clear()
        self.tried_keys.clear()
