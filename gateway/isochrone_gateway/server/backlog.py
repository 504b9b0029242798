"""What a client has sent and can't be used yet, kept in order. Only when it is too much, the socket isn't read."""

from isochrone_gateway.server.lifetime import Connection
from isochrone_gateway.server.listener import Listener


class Backlogged(Connection):
    """A connection that keeps input for later."""

    __slots__ = ("_held", "_resuming", "_running")

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self._held = bytearray()
        self._running = False
        """Is input being used right now? Then it goes on with what is held by itself."""
        self._resuming = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.clear()
        super().connection_lost(exc)

    # For the subclass.

    def _consume(self, data: bytes) -> None:
        """Use what can be used, and hold the rest."""
        raise NotImplementedError

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > self._listener.limits.backlog and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()

    def _schedule(self) -> None:
        """Something has changed: use what is held, soon."""
        if not self._resuming and not self._running and not self._lingering:
            self._resuming = True
            self._listener.loop.call_soon(self._resume)

    def _resume(self) -> None:
        self._resuming = False
        if self._lingering:
            return
        held = bytes(self._held)
        self._held.clear()
        self._consume(held)
        if self._read_paused and len(self._held) <= self._listener.limits.backlog:
            self._read_paused = False
            self._transport.resume_reading()

    def _linger(self, *, half_close: bool = True) -> None:
        self._held.clear()
        super()._linger(half_close=half_close)
