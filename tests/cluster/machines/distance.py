"""Distance between clusters on one machine: ports behind which others are, as late as if they were far away."""

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from isochrone.local.relay import Ends, Relay

_LIMIT = 60.0


class Distance:
    """Whoever is reached by way of this address of the machine is so many seconds away, there and back."""

    def __init__(self, address: str, *, rtt: float) -> None:
        self.address = address
        self._rtt = rtt
        self._relays: list[Relay] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="distance", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._relays:
            self._wait(each.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=_LIMIT)
        self._loop.close()

    def to(self, host: str) -> int:
        """The port behind which that one is: at the same port, as load balancers keep it."""
        ports: list[int] = []

        async def find() -> tuple[Ends, float]:
            return await asyncio.open_connection(host, ports[0]), self._rtt

        relay = Relay(find)
        self._relays.append(relay)
        ports.append(self._wait(relay.start(self.address)))
        return ports[0]

    def _wait(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(timeout=_LIMIT)
