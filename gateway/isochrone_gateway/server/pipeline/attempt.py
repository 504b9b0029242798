"""One answer of a backend on its way to the client: whole, or as a stream.

A whole answer is collected and goes out in one piece, so a backend that dies half-way costs a retry and not the answer.
A stream is committed by its first content; from then on its bytes pass through, and if it breaks off the client reads
an error frame, never an invented end. A reader that is slow pauses the backend.
"""

from typing import TYPE_CHECKING, Final

from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.route.retry import Failure
from isochrone_gateway.server.pipeline import answers, failures
from isochrone_gateway.server.pipeline.backends import Lease
from isochrone_gateway.server.pipeline.record import End
from isochrone_gateway.upstream.call import Call
from isochrone_gateway.upstream.call import Failure as CallFailure
from isochrone_gateway.wire import usage as usages
from isochrone_gateway.wire.body import Request
from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.http import ResponseHead, status_line
from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.stream import Fault, State, StreamRelay

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.handling import Handling

_MOST: Final = 64 * 1024 * 1024
"""Of a whole answer."""
_OK: Final = 200
_ANSWERED: Final = Outcome.ANSWERED  # Looking a member up on its class costs more than the rest of it.
_REDIRECTS: Final = range(300, 400)
_INTERRUPTED: Final = "stream_interrupted"


class Attempt:
    """The sink of one call. `index` is that of its candidate."""

    __slots__ = ("_failure", "_head", "_owner", "_pieces", "_relay", "_request", "_size", "call", "index", "lease")

    def __init__(self, owner: "Handling", lease: Lease, index: int, request: Request) -> None:
        self.lease = lease
        self.index = index
        self.call: Call | None = None
        self._owner = owner
        self._request = request
        self._head: ResponseHead | None = None
        self._failure: Failure | None = None
        self._relay: StreamRelay | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        """Of what was collected, or of a stream: of what was sent on."""

    @property
    def is_committed(self) -> bool:
        return self._relay is not None and self._owner.exchange.begun

    # The call's callbacks.

    def on_head(self, head: ResponseHead) -> None:
        owner = self._owner
        if owner.first_byte is None:
            owner.first_byte = owner.services.loop.time()
        self._head = head
        if head.status == _OK:
            if self._request.stream and (head.get(b"content-type") or b"").startswith(answers.EVENTS):
                self._relay = StreamRelay(strips_usage=not self._request.wants_usage)
        elif head.status in _REDIRECTS:
            self._failure = failures.BROKEN
        else:
            of_status = failures.of_peer if owner.way is not None and owner.way.peer else failures.of_status
            self._failure = of_status(head, owner.services.wall())

    def on_data(self, data: bytes) -> None:
        relay = self._relay
        if relay is not None:
            self._send_on(relay, relay.feed(data))
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self._cancel()
            self._owner.attempt_failed(self, failures.BROKEN)

    def on_end(self) -> None:
        relay = self._relay
        if relay is not None:
            sent = relay.end()
            if relay.state is State.DONE and not sent:
                self._finish(relay)
            else:
                self._send_on(relay, sent, is_last=True)
        elif self._failure is not None:
            self._owner.attempt_failed(self, self._failure)
        else:
            self._answer()

    def on_failure(self, failure: CallFailure) -> None:
        relay = self._relay
        if relay is None:
            self._owner.attempt_failed(self, self._failure or failures.of_call(failure))
        elif relay.state is State.DONE:
            self._finish(relay)
        elif relay.state is State.HOLDING:
            self._owner.attempt_failed(self, failures.of_call(failure))
        else:
            self._break(relay, relay.fail(Fault.UPSTREAM_FAILED), failures.of_call(failure))

    # The owner's calls.

    def resume(self) -> None:
        if self.call is not None:
            self.call.resume()

    def abandon(self, now: float) -> tuple[Usage | None, int]:
        """Stop at once. Gives what is known of the tokens so far, and how many bytes of the answer were sent on."""
        self._cancel()
        relay = self._relay
        usage = None if relay is None else _usage_so_far(relay)
        self.lease.abandoned(now, None if usage is None else usage.total_tokens)
        return usage, self._size if relay is not None else 0

    def interrupt(self, error: ApiError) -> None:
        """End a stream that the client has read a part of, because the gateway ends."""
        self._cancel()
        if self._relay is not None:
            frame = self._relay.fail(Fault.UPSTREAM_FAILED, error)
            self._break(self._relay, frame, None, code=error.kind.value.code or "")

    def relay_rejection(self) -> End:
        """The backend says that the request is at fault: its own words go on. The lease was given back before."""
        failure, head = self._failure, self._head
        if failure is None or head is None:
            raise RuntimeError("a rejection without an answer")
        lines, body = answers.relayed(head), self._body()
        if self._relay is not None:  # It came as the first frame of a stream.
            lines = b"%bcontent-type: application/json\r\n" % status_line(failure.status or 400)
            body = self._relay.error_data
        self._respond(lines + b"x-should-retry: false\r\n", body)
        status = failure.status or head.status
        return End(Outcome.FAILED, status, "upstream_rejected", bytes_out=len(body))

    # Whole answers.

    def _answer(self) -> None:
        head = self._head
        if head is None:
            raise RuntimeError("an answer without its head")
        body = self._body()
        self._respond(answers.relayed(head), body)
        end = End(_ANSWERED, head.status, usage=usages.of_answer(body), bytes_out=len(body))
        self._owner.attempt_over(self, end, None)

    def _body(self) -> bytes:
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _respond(self, lines: bytes, body: bytes) -> None:
        owner = self._owner
        lines += owner.answer_lines()
        if owner.entry.explains:
            lines += owner.explain_lines()
        owner.exchange.respond(lines, body)

    # Streams.

    def _send_on(self, relay: StreamRelay, data: bytes, *, is_last: bool = False) -> None:
        """Pass on what the relay gives, and follow it into its state."""
        if relay.state is State.REFUSED:
            self._cancel()
            failure = self._failure = failures.of_stream(relay.fault, relay.error_data)
            self._owner.attempt_failed(self, failure)
            return
        if data:
            exchange = self._owner.exchange
            if not exchange.begun:
                self._begin()
            if relay.state is State.BROKEN:
                self._cancel()
                self._break(relay, data, failures.BROKEN)
                return
            self._size += len(data)
            if not exchange.write(data) and self.call is not None:
                self.call.pause()
        if is_last and relay.state is State.DONE:
            self._finish(relay)

    def _begin(self) -> None:
        owner, head = self._owner, self._head
        if head is None:
            raise RuntimeError("a stream without its head")
        owner.first_token = owner.services.loop.time()
        lines = answers.relayed(head) + answers.STREAM + owner.answer_lines()
        owner.exchange.start(lines + owner.explain_lines())

    def _finish(self, relay: StreamRelay) -> None:
        self._owner.exchange.finish()
        self._owner.attempt_over(self, End(_ANSWERED, _OK, usage=relay.usage, bytes_out=self._size), None)

    def _break(self, relay: StreamRelay, frame: bytes, failure: Failure | None, *, code: str = _INTERRUPTED) -> None:
        """The client has read a part: end with an error frame."""
        exchange = self._owner.exchange
        self._size += len(frame)
        exchange.write(frame)
        exchange.finish()
        end = End(Outcome.PARTIAL, _OK, code, usage=_usage_so_far(relay), bytes_out=self._size)
        self._owner.attempt_over(self, end, failure)

    def _cancel(self) -> None:
        if self.call is not None:
            self.call.cancel()


def _usage_so_far(relay: StreamRelay) -> Usage | None:
    """What was reported; else each frame that was sent on counts as a token."""
    if relay.usage is not None:
        return relay.usage
    return Usage(0, relay.frames) if relay.frames else None
