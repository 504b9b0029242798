"""The caller's side of one attempt.

Rules that the pool keeps, so that callers stay simple:

* `on_head`, then any number of `on_data`, then exactly one of `on_end` and `on_failure`; nothing after `cancel`.
* No callback runs inside `send`, so the caller has its `Call` before the first one comes.
* When `on_end` or `on_failure` runs, the connection has been given back: a new `send` from there may use it.
"""

import dataclasses
import enum
from typing import Protocol

from isochrone_gateway.wire.http import ResponseHead


class FailureKind(enum.StrEnum):
    """What went wrong. The value is for metrics."""

    RESOLVE = "resolve"
    """The name has no address, or couldn't be asked for."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    """The name leads only to addresses that the target may not have."""
    CONNECT = "connect"
    """No connection: refused, unreachable, or not in time."""
    TLS = "tls"
    """The handshake failed, or the certificate isn't the expected one."""
    POOL_FULL = "pool_full"
    """All connections are busy, and too many attempts wait or this one waited too long."""
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    RESET = "reset"
    """The connection ended before the answer did."""
    PROTOCOL = "protocol"
    """The answer is not HTTP/1.1 as we accept it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why there is no (whole) answer.

    `sent`: some of the request was handed to a connection, so the server may have acted on it. `answered`: some byte of
    an answer was seen.
    """

    kind: FailureKind
    detail: str
    sent: bool = False
    answered: bool = False


class Sink(Protocol):
    """Takes the answer."""

    def on_head(self, head: ResponseHead) -> None: ...
    def on_data(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_failure(self, failure: Failure) -> None: ...


class Call(Protocol):
    """One attempt under way. After its end all of this does nothing."""

    def cancel(self) -> None:
        """Close the connection at once, so that the server stops its work. No callback follows."""

    def pause(self) -> None:
        """Stop reading from the server. What was read already (at most one read, 256 KB) still comes."""

    def resume(self) -> None: ...


class Nobody:
    """The sink of an attempt that is over."""

    def on_head(self, head: ResponseHead) -> None:
        pass

    def on_data(self, data: bytes) -> None:
        pass

    def on_end(self) -> None:
        pass

    def on_failure(self, failure: Failure) -> None:
        pass
