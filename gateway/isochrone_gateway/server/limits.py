"""How much and how long a client may.

Sizes are raw bytes as received, counted before any parser sees them: a parser that waits for the end of a field
reports nothing while the field grows.
"""

import dataclasses

KIB = 1024
MIB = 1024 * KIB


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds in bytes, but for `headers`, which counts field lines."""

    request_line: int = 8 * KIB
    """With its CRLF. Over it: 414. RFC 9112 section 3 recommends at least 8000."""
    head: int = 32 * KIB
    """Request line, header section and the empty line. Over it: 431."""
    headers: int = 100
    """Over it: 431."""
    body: int = 32 * MIB
    """Over it: 413, by `content-length` before reading, by counting when chunked."""
    chunk_line: int = 1 * KIB
    """A chunk's size and its extensions. Over it: 400."""
    chunk_overhead: int = 16 * KIB
    """What a body's chunk framing may take beyond 16 bytes a chunk and the size of its data. Over it: 400."""
    trailers: int = 8 * KIB
    """The trailer section, which is read and dropped. Over it: 431."""
    backlog: int = 64 * KIB
    """Input kept while it can't be used yet (the next requests, a paused body); past it the socket isn't read."""
    write_buffer: int = 64 * KIB
    """Output kept for a slow reader before `Exchange.write` says stop."""
    drain: int = 64 * KIB
    """A rest of a request body up to this is read and dropped to keep the connection after an early answer."""
    linger: int = 1 * MIB
    """Read and dropped after the last answer, so that the client gets that and no reset (RFC 9112 section 9.6)."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Bounds in seconds; each may be exceeded by one `tick`. There is none for the handler's own work."""

    idle: float = 75.0
    """From the connection's start, or the last answer, to the first byte of a request."""
    head: float = 10.0
    """From the first byte of a request to the end of its head, however the bytes trickle."""
    body: float = 15.0
    """In each such window at least `body_progress` bytes of a body that is being read must arrive."""
    body_progress: int = 4 * KIB
    write: float = 30.0
    """In each such window a client that is behind must take at least `write_progress` bytes."""
    write_progress: int = 4 * KIB
    linger: float = 3.0
    """From the last answer until the client must have closed its side."""
    tick: float = 0.25
    """How often deadlines are looked at."""
