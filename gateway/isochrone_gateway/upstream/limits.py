"""How much one pool may hold. Sizes are raw bytes as received, counted before any parser sees them."""

import dataclasses

KIB = 1024
MIB = 1024 * KIB


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PoolLimits:
    """Bounds for each target, but for `tick`, which is the pool's."""

    connections: int = 1024
    """Open or being opened."""
    waiting: int = 1024
    """Attempts without a connection, beyond those for which one is being opened."""
    head: int = 64 * KIB
    """An answer's head with the 1xx answers before it; also chunk extensions and trailers without content."""
    headers: int = 256
    piece: int = 64 * KIB
    """Larger requests are written in pieces, each when the one before has left for the kernel."""
    replay: int = 1 * MIB
    """A body beyond this isn't sent again once some of it was sent."""
    stale: float = 1.0
    """A reused connection that dies within these seconds of the request was closed before it came. Later, the
    server worked on the request and died of it, or with it: a failure, and no reason to try that once more.
    """
    close_ends: bool = False
    """Is the end of the connection an acceptable end of a body? A crash looks the same."""
    stagger: float = 0.25
    """Seconds until the next address is tried beside the last (RFC 8305 section 5)."""
    tick: float = 0.1
    """How often deadlines are looked at."""
