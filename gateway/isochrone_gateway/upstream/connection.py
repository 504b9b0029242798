"""One connection to an upstream: carries one attempt at a time.

It is its own little state machine, by `_attempt` (None: idle) and `_closed`. Speed: the path of an ordinary request
is `begin`, `data_received`, `_finish`; of a streamed piece `data_received` alone. Deadlines cost an attribute: `due` is
looked at by the pool's one timer.
"""

import asyncio
import collections
import math
import ssl
from typing import Final, Protocol, cast

from isochrone_gateway.upstream.attempt import Attempt
from isochrone_gateway.upstream.call import Failure, FailureKind
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.response import ResponseReader, Stage

NEVER: Final = math.inf
_BODY: Final = Stage.BODY
_DONE: Final = Stage.DONE
_FAULT: Final = Stage.FAULT


class Owner(Protocol):
    """What a connection needs of its lane."""

    limits: PoolLimits
    keep_alive: float

    def now(self) -> float: ...
    def released(self, connection: "Connection") -> None: ...
    def closed(self, connection: "Connection") -> None: ...
    def send_again(self, attempt: Attempt) -> None: ...
    def report(self, error: Exception) -> None: ...


class Connection:
    """An HTTP/1.1 connection to one target: an asyncio protocol, but for the base class, which mypyc can't compile."""

    __slots__ = (
        "_answered",
        "_attempt",
        "_began",
        "_closed",
        "_owner",
        "_paused",
        "_pieces",
        "_reader",
        "_retired",
        "_sent",
        "_transport",
        "_uses",
        "due",
    )

    def __init__(self, owner: Owner) -> None:
        limits = owner.limits
        self._owner = owner
        self._reader = ResponseReader(max_head=limits.head, max_headers=limits.headers, close_ends=limits.close_ends)
        self._transport: asyncio.Transport | None = None
        self._attempt: Attempt | None = None
        self._pieces: collections.deque[memoryview] | None = None  # What is left of a large request.
        self._began = 0.0
        self._sent = 0
        self._uses = 0
        self._answered = False
        self._paused = False
        self._retired = False
        self._closed = False
        self.due = NEVER

    @property
    def is_closed(self) -> bool:
        return self._closed

    # The lane's calls.

    def begin(self, attempt: Attempt) -> None:
        """Send the attempt's request; the connection is idle."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("begin() before the connection was made")
        self._attempt = attempt
        attempt.connection = self
        outgoing = attempt.outgoing
        head = outgoing.head
        self._reader.begin(attempt.sink, mute=head.startswith(b"HEAD "))
        self._answered = False
        self._uses += 1
        self._began = now = self._owner.now()
        size = attempt.size
        if size > self._owner.limits.piece:
            self._begin_large(transport, attempt)
            if attempt.paused:
                self.pause()
            return
        # One piece: one system call, and over TLS one record.
        transport.write(b"".join((head, *outgoing.body)) if outgoing.body else head)
        self._sent = size
        due = now + attempt.timeouts.first_byte
        self.due = due if due < attempt.due else attempt.due  # noqa: FURB136 - no call on the hot path
        if attempt.paused:
            self.pause()

    def retire(self) -> None:
        """Carry no attempt after the present one; without one, close now."""
        self._retired = True
        if self._attempt is None:
            self.close()

    def close(self) -> None:
        """Close without a word to the attempt."""
        if self._closed:
            return
        self._closed = True
        self.due = NEVER
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.connection = None
        self._pieces = None
        self._reader.close()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._owner.closed(self)

    def fail(self, kind: FailureKind, detail: str) -> None:
        """Close, and tell the attempt why."""
        attempt = self._attempt
        failure = Failure(kind=kind, detail=detail, sent=self._sent > 0, answered=self._answered)
        self.close()
        if attempt is not None:
            attempt.fail(failure)

    def on_due(self, now: float) -> None:
        """A deadline has passed."""
        attempt = self._attempt
        if attempt is None:
            self.close()  # Unused for long enough.
        elif now >= attempt.due:
            self.fail(FailureKind.TOTAL_TIMEOUT, "not finished in time")
        elif self._pieces is not None:
            self.fail(FailureKind.IDLE_TIMEOUT, f"took nothing of the request for {attempt.timeouts.idle:g} s")
        elif self._reader.stage is _BODY:
            self.fail(FailureKind.IDLE_TIMEOUT, f"sent nothing for {attempt.timeouts.idle:g} s")
        else:
            self.fail(FailureKind.FIRST_BYTE_TIMEOUT, f"no answer within {attempt.timeouts.first_byte:g} s")

    # The attempt's calls.

    def pause(self) -> None:
        """Stop reading. Waiting for the caller isn't the server's fault: only the total time-out goes on."""
        if self._transport is not None and self._attempt is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()
            self.due = self._attempt.due

    def resume(self) -> None:
        if self._transport is not None and self._attempt is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()
            first = self._reader.stage is not _BODY
            self._set_due(self._attempt.timeouts.first_byte if first else self._attempt.timeouts.idle)

    # The event loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it.
        stream.set_write_buffer_limits(high=self._owner.limits.piece)

    def data_received(self, data: bytes) -> None:
        attempt = self._attempt
        if attempt is None:  # Nobody asked: an answer to nothing, or what is left of the last one.
            self.close()
            return
        self._answered = True
        reader = self._reader
        try:
            reader.feed(data)
        except Exception as error:  # noqa: BLE001 - a sink's bug must cost its own attempt only
            self._owner.report(error)
            self.fail(FailureKind.RESET, "given up: the sink failed")
            return
        if self._attempt is not attempt:  # Cancelled by its own sink.
            return
        stage = reader.stage
        if stage is _BODY:
            if not self._paused and self._pieces is None:
                due = self._owner.now() + attempt.timeouts.idle
                self.due = due if due < attempt.due else attempt.due  # noqa: FURB136 - no call on the hot path
        elif stage is _DONE:
            self._finish(attempt)
        elif stage is _FAULT:
            self.fail(FailureKind.PROTOCOL, reader.fault)

    def eof_received(self) -> bool:
        self._ended(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)

    def pause_writing(self) -> None:
        pass  # `_write_pieces` asks for the buffer's size, and a small request is all of it.

    def resume_writing(self) -> None:
        if self._pieces is not None and self._attempt is not None:
            self._write_pieces(self._attempt)

    # Large requests.

    def _begin_large(self, transport: asyncio.Transport, attempt: Attempt) -> None:
        outgoing = attempt.outgoing
        transport.write(outgoing.head)
        self._sent = len(outgoing.head)
        self._pieces = collections.deque(memoryview(part).cast("B") for part in outgoing.body)
        self._write_pieces(attempt)

    def _write_pieces(self, attempt: Attempt) -> None:
        """Write until the transport has more than it can pass on, or all is written."""
        transport, pieces = self._transport, self._pieces
        if transport is None or pieces is None:
            return
        size = self._owner.limits.piece
        while pieces and transport.get_write_buffer_size() <= size:
            first = pieces.popleft()
            if len(first) > size:
                pieces.appendleft(first[size:])
            self._sent += min(size, len(first))
            transport.write(first[:size])
        if pieces:
            self._set_due(attempt.timeouts.idle)
            return
        self._pieces = None
        self._set_due(attempt.timeouts.first_byte)

    # The end of an answer, or of the connection.

    def _finish(self, attempt: Attempt) -> None:
        self._attempt = None
        attempt.connection = None
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        # An answer before the whole request was sent: what is left of it would be taken for the next one.
        if self._reader.reusable and self._pieces is None and not self._retired:
            self.due = self._owner.now() + self._owner.keep_alive
            self._owner.released(self)
        else:
            self.close()
        attempt.end()

    def _ended(self, exc: Exception | None) -> None:
        """The connection ended under us."""
        attempt = self._attempt
        if self._closed or attempt is None:
            self.close()
            return
        if not self._answered and self._is_stale(attempt):
            self._attempt = attempt.connection = None
            self._owner.send_again(attempt)  # First, so that its connection takes the place of this one.
            self.close()
            return
        reader = self._reader
        reader.eof()
        if reader.stage is _DONE:
            self._finish(attempt)
        elif isinstance(exc, ssl.SSLError) and not self._answered:
            # TLS 1.3 tells of a refused client certificate only after the handshake (RFC 8446 appendix E.1.2).
            self.fail(FailureKind.TLS, exc.reason or str(exc))
        else:
            self.fail(FailureKind.RESET, reader.fault if exc is None else f"{reader.fault}: {exc}")

    def _is_stale(self, attempt: Attempt) -> bool:
        """Did the server close the connection for its idleness while the request was on its way?"""
        limits = self._owner.limits
        whole = attempt.size <= limits.replay or self._sent <= len(attempt.outgoing.head)
        return self._uses > 1 and whole and self._owner.now() - self._began < limits.stale

    def _set_due(self, seconds: float) -> None:
        if self._attempt is not None and not self._paused:
            self.due = min(self._owner.now() + seconds, self._attempt.due)
