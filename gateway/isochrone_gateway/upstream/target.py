"""Where an attempt goes, and what it sends."""

import dataclasses
import pathlib
from typing import Final

from isochrone_gateway.upstream.addresses import PUBLIC, AddressRule

KEEP_ALIVE: Final = 4.0
"""Below the 5 seconds after which vLLM and SGLang (uvicorn) and llama.cpp (cpp-httplib) close idle connections."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TlsSettings:
    """How to know the server, and what to show it.

    The server's certificate must carry `server_name` (by default the target's host) unless `uri` is given, which it
    must carry then. With both it must carry both. There is no way to switch the check off.
    """

    ca_bundle: pathlib.Path | None = None
    """The authorities to trust; by default the system's."""
    certificate: pathlib.Path | None = None
    key: pathlib.Path | None = None
    server_name: str | None = None
    uri: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One server, as the key of its connections: what differs in any field shares none.

    `name` is for metrics. Only public addresses may be connected to unless `addresses` says otherwise. `keep_alive` is
    how long an unused connection is kept: shorter than the server keeps it, or reuse races with its close.
    """

    host: str
    port: int
    authority: bytes
    name: str
    tls: TlsSettings | None = None
    addresses: AddressRule = PUBLIC
    keep_alive: float = KEEP_ALIVE
    # A look-up is made for each request, and hashing all fields anew costs more than the rest of it.
    _hash: int = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = (self.host, self.port, self.authority, self.name, self.tls, self.addresses, self.keep_alive)
        object.__setattr__(self, "_hash", hash(fields))

    def __hash__(self) -> int:
        return self._hash


class Outgoing:
    """A request: `head` is the request line and all header lines with the empty line, `body` is sent as it is.

    The head must say how the body is framed (`content-length`).
    """

    __slots__ = ("body", "head")

    def __init__(self, head: bytes, body: tuple[bytes | memoryview, ...] = ()) -> None:
        self.head = head
        self.body = body


class Timeouts:
    """Bounds in seconds; each may be exceeded by one `PoolLimits.tick`.

    connect      from `send` to a connection that is ready: waiting for a free one, name, TCP and TLS included
    first_byte   from the last byte of the request to the end of the answer's head (1xx answers don't count)
    idle         between two pieces of the answer's body, or two of a large request's; not while the caller pauses
    total        from `send` to the end of the answer
    """

    __slots__ = ("connect", "first_byte", "idle", "total")

    def __init__(
        self, *, connect: float = 3.0, first_byte: float = 60.0, idle: float = 60.0, total: float = 600.0
    ) -> None:
        self.connect = connect
        self.first_byte = first_byte
        self.idle = idle
        self.total = total
