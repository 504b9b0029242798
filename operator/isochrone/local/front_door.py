"""The front door: one address that leads to the nearest live lawful site, as anycast would.

It steers connections, not requests: bytes go through as they are, and a connection that is open stays where it is. A
connection that comes while no site is live waits a while for one.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from isochrone.local.relay import Ends, Relay

_PATIENCE: Final = 10.0
"""Seconds that a connection waits for a site."""
_AGAIN: Final = 0.1
_DIAL_LIMIT: Final = 2.0

Order = Callable[[], Sequence[str]]
"""The sites to try, the best first."""
Dial = Callable[[str], Awaitable[Ends]]
"""Connects to a site. Raises OSError."""
Distance = Callable[[str], float]
"""The round trip to a site that is to be felt, in seconds."""


def front_door(order: Order, dial: Dial, distance: Distance) -> Relay:
    """Takes connections and passes them on."""

    async def find() -> tuple[Ends, float]:
        async with asyncio.timeout(_PATIENCE):
            while True:
                for site in order():
                    with contextlib.suppress(OSError):
                        async with asyncio.timeout(_DIAL_LIMIT):
                            return await dial(site), distance(site)
                await asyncio.sleep(_AGAIN)

    return Relay(find)
