"""One request that a peer sent here: its body, one engine's answer on its way back, its record.

    refused | reading the body -> (salted on a thread) -> an engine --no connection--> another engine -> over

The gateway that its client asked owns it: retries, limits, time-outs, the form of the answer. So nothing is decided
here but which engine; bytes pass through as they are, and what goes wrong is told, or shown by cutting the connection.
When the peer goes away, the engine is told at once.
"""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times
from isochrone_gateway.ledger.trail import Trail
from isochrone_gateway.route.retry import Failure, Fault
from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline import answers, evidence, failures
from isochrone_gateway.server.pipeline.backends import Lease
from isochrone_gateway.server.pipeline.callers import salt_of, salting
from isochrone_gateway.server.pipeline.collecting import OFF_LOOP, Collecting
from isochrone_gateway.server.pipeline.engines import Engine
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.record import CLIENT_GONE, End
from isochrone_gateway.server.pipeline.revision import Own, Revision, Way
from isochrone_gateway.server.pipeline.rulings import ANYTHING, Writing
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.upstream.call import Call
from isochrone_gateway.upstream.call import Failure as CallFailure
from isochrone_gateway.upstream.target import Outgoing, Timeouts
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.hop import REFUSAL, Hop, Refused
from isochrone_gateway.wire.http import ResponseHead
from isochrone_gateway.wire.members import Members, Piece, read_members
from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.tail import STREAM, WHOLE, Tail
from isochrone_gateway.wire.trace_context import Trace

_TIMEOUTS: Final = Timeouts(first_byte=math.inf, idle=math.inf, total=math.inf)
"""The entry's time-outs hold: it cancels by going away. What bounds an attempt here is the hop's deadline."""
_LAG_S: Final = 1.0
"""What the entry may take to notice its own deadline, and its going away to get here. A peer that said first that time
is up would have failed, in the entry's eyes, and the client would be told so instead of that the time is up."""
_REDIRECTS: Final = range(300, 400)
_CLIENT_ERRORS: Final = 400
_SERVER_ERRORS: Final = 500
_NO_KEYS: Final[frozenset[object]] = frozenset()
_AGAIN_S: Final = 5.0
_DRAINING: Final = ApiError(kind=ErrorKind.DRAINING, retry_after_s=1.0)
_NO_OBJECT: Final = ApiError(kind=ErrorKind.BAD_REQUEST, message="The body is no JSON object.")
_BROKEN: Final = ApiError(kind=ErrorKind.UPSTREAM_FAILED)
_TIMEOUT: Final = ApiError(kind=ErrorKind.UPSTREAM_TIMEOUT)


class Hosting(Collecting):
    """One request of a peer. It is also the sink of its calls, and the asker of its leases."""

    __slots__ = (
        "_body",
        "_call",
        "_failure",
        "_first_byte",
        "_first_token",
        "_is_stream",
        "_lease",
        "_own",
        "_size",
        "_status",
        "_tail",
        "_trace",
        "_trail",
        "_tried",
        "age",
        "asked",
        "attempts",
        "audited",
        "data_classes",
        "deadline",
        "hop",
        "operation",
        "peer",
        "policies",
        "revision",
        "writing",
    )  # fmt: skip

    def __init__(self, services: Services, exchange: Exchange, revision: Revision, peer: str) -> None:
        super().__init__(services, exchange)
        self.revision = revision
        self.peer = peer
        """The site whose gateway asks; nothing if that isn't known."""
        self.hop: Hop | None = None
        self.asked = Asked.CHAT
        self.operation = Operation.UNKNOWN
        self.policies: tuple[str, ...] = ()
        self.age = ""
        """As which the config counts by which this was judged."""
        self.data_classes: tuple[str, ...] = ()
        self.audited: tuple[str, ...] = ()
        self.writing: Writing = ANYTHING
        """What may be written of it at this site, once it is known whose it is."""
        self.deadline = math.inf
        self._own: Own | None = None
        self._body: tuple[Piece, ...] = ()
        self._lease: Lease | None = None
        self._call: Call | None = None
        self._tried: list[Engine] = []
        self.attempts = 0
        self._failure: Failure | None = None
        self._status = 0
        self._is_stream = False
        self._tail = Tail(WHOLE)
        self._size = 0
        self._first_byte: float | None = None
        self._first_token: float | None = None
        self._trace, self._trail = self._traced()

    def _traced(self) -> tuple[Trace, Trail | None]:
        """A hop is recorded if its entry recorded it. One without a parent isn't drawn: its entry has decided."""
        services, exchange = self.services, self.exchange
        fields = exchange.head.fields
        came = trace_context.parse(fields.get(b"traceparent"))
        if not trace_context.chance(came, 0 if services.traces else None):
            return came, None
        trace = trace_context.recorded(came, services.bits)
        return trace, Trail(trace, fields, started=exchange.started, bits=services.bits)

    # The body.

    def begin(self, hop: Hop, own: Own) -> None:
        """Take it in, if there is an engine and room."""
        services, now = self.services, self.services.loop.time()
        self._own = own
        self.deadline = self.exchange.started + hop.deadline_ms / 1_000 + _LAG_S
        blocked = own.way.backend.standing.blocked(now)
        if blocked is not None:
            self._refuse_capacity(_AGAIN_S if blocked.until is None else max(1.0, blocked.until - now))
        elif self._take_in():
            services.hosted.add(self)
            self.exchange.read_body()

    def on_body_end(self) -> None:
        """It has to be read only where it is changed."""
        salts = self._own is not None and self._own.way.salts
        if salts and self.bytes_in > OFF_LOOP:
            self._read_beside(read_members, self._ask_salted)
            return
        pieces, self._pieces = self._pieces, []
        if salts:
            self._ask_salted(read_members(b"".join(pieces)))
        else:
            self._ask(tuple(pieces))

    def _ask_salted(self, members: Members | ApiError) -> None:
        """Keep the prompt from sharing a cache with those of other tenants, as this pool wants it."""
        if isinstance(members, ApiError) or self.hop is None:
            self.refuse(_NO_OBJECT, Refused.BAD_HOP)
            return
        salt = salt_of(self.revision.installation, self.hop.tenant or "")
        self._ask(members.splice(salting(salt)))

    # The engine.

    @property
    def id(self) -> str:
        """That of the request at its entry, so that the records of both sites can be joined."""
        return "" if self.hop is None else self.hop.request_id

    @property
    def tokens(self) -> int:
        return 0

    @property
    def tried_engines(self) -> Sequence[Engine]:
        return self._tried

    @property
    def tried_keys(self) -> AbstractSet[object]:
        return _NO_KEYS

    def affinity(self) -> int | None:
        return None if self.hop is None else self.hop.affinity

    def _ask(self, body: tuple[Piece, ...]) -> None:
        """Ask the best engine that can take it."""
        own, services = self._own, self.services
        if self.policies and services.evidence.is_blocked:
            self.refuse(evidence.UNAVAILABLE, Refused.NO_EVIDENCE)
            return
        now = services.loop.time()
        lease = None if own is None else own.way.backend.lease(self, now, services.random(), is_last_resort=False)
        if own is None or lease is None:
            self._refuse_capacity(_AGAIN_S)
            return
        self._lease, self._body = lease, body
        self.attempts += 1
        evidence.note_hosted_intent(self, own.way)
        size = sum(len(piece) for piece in body)
        lines = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b\r\n"
        head = lines % (own.way.heads[self.asked], size, self.id.encode(), self._tracing(own.way, now))
        self._call = services.pool.send(
            lease.target, Outgoing(head, body), self, timeouts=_TIMEOUTS, deadline=self.deadline
        )

    def _tracing(self, way: Way, now: float) -> bytes:
        if self._trail is None:
            return trace_context.passed_on(self._trace, self.exchange.head.fields)
        return way.begin(self._trail, now)

    # The call's callbacks.

    def on_head(self, head: ResponseHead) -> None:
        services = self.services
        self._body = ()
        self._first_byte = services.loop.time()
        self._failure = failures.of_status(head, services.wall())
        if head.status in _REDIRECTS:
            self._cancel()
            self._fail(_BROKEN, failures.BROKEN)
            return
        self._status = head.status
        self._is_stream = (head.get(b"content-type") or b"").startswith(answers.EVENTS)
        self._tail = Tail(STREAM if self._is_stream else WHOLE)
        self.exchange.start(answers.handed_back(head), length=head.content_length)
        services.loop.call_soon(self._send_head)

    def _send_head(self) -> None:
        """The head goes with what follows, but doesn't wait for it: the peer has a time-out for either."""
        if not self.is_over and not self._size:
            self.exchange.write(b"")

    def on_data(self, data: bytes) -> None:
        if self._is_stream and self._first_token is None:
            self._first_token = self.services.loop.time()
        self._tail.feed(data)
        self._size += len(data)
        if not self.exchange.write(data) and self._call is not None:
            self._call.pause()

    def on_end(self) -> None:
        self.exchange.finish()
        status = self._status
        if status < _CLIENT_ERRORS:
            end = End(Outcome.ANSWERED, status, usage=self._usage(), bytes_out=self._size)
        else:
            error = "upstream_failed" if status >= _SERVER_ERRORS else "upstream_rejected"
            end = End(Outcome.FAILED, status, error, bytes_out=self._size)
        self._end(end, self._failure)

    def on_failure(self, failure: CallFailure) -> None:
        found = failures.of_call(failure)
        if self.exchange.begun:
            self.exchange.abort()
            end = End(Outcome.PARTIAL, self._status, "stream_interrupted", usage=self._usage(), bytes_out=self._size)
            self._end(end, found)
        elif found.fault is Fault.CONNECT:
            self._not_connected(found)
        else:
            self._fail(_TIMEOUT if found.fault is Fault.TIMEOUT else _BROKEN, found)

    def _not_connected(self, failure: Failure) -> None:
        """Nothing was sent. Another engine may be asked, once; beyond that the peer decides."""
        lease, own = self._lease, self._own
        now = self.services.loop.time()
        if lease is None or own is None:
            return
        self._give_back(lease, failure, now)
        if lease.engine is not None:
            self._tried.append(lease.engine)
        evidence.note_failed_try(self.services, self.id, self.attempts, failure, is_logged=self.writing.is_logged)
        if self.attempts == 1 and own.way.backend.has_more(self, now):
            self._ask(self._body)
        else:
            self._refuse_capacity(_AGAIN_S)

    # The exchange's callbacks.

    def on_writable(self) -> None:
        if self._call is not None:
            self._call.resume()

    def on_disconnect(self) -> None:
        self._cancel()
        refused = self.exchange.refused
        if refused is None:
            self._end(End(Outcome.CLIENT_GONE, CLIENT_GONE, usage=self._usage(), bytes_out=self._size))
        else:
            self._end(End(Outcome.REFUSED, refused.status, refused.code))

    # The end.

    def interrupt(self) -> None:
        """The gateway ends now."""
        self._cancel()
        if self.exchange.begun:
            self.exchange.abort()
            self._end(End(Outcome.PARTIAL, self._status, "draining", usage=self._usage(), bytes_out=self._size))
        else:
            self.refuse(_DRAINING, Refused.DRAINING)

    def refuse(self, error: ApiError, word: Refused) -> None:
        """Answer that no engine of ours is asked."""
        size = self._respond(error, b"%b: %b\r\n" % (REFUSAL, word.encode()))
        self._end(End(Outcome.REFUSED, error.status, word.value, bytes_out=size, refusal=error))

    def _no_room(self, error: ApiError) -> None:
        self.refuse(error, Refused.OVERLOADED)

    def _refuse_capacity(self, retry_after_s: float) -> None:
        self.refuse(ApiError(kind=ErrorKind.NO_CAPACITY, retry_after_s=retry_after_s), Refused.NO_CAPACITY)

    def _fail(self, error: ApiError, failure: Failure | None = None) -> None:
        """The engine gave no usable answer; without a failure of it, the fault is ours."""
        size = self._respond(error, b"")
        self._end(End(Outcome.FAILED, error.status, error.kind.value.code or "", bytes_out=size), failure)

    def _respond(self, error: ApiError, lines: bytes) -> int:
        head, body = answers.refusal(error, lines)
        self.exchange.respond(head, body)
        return len(body)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()

    def _usage(self) -> Usage | None:
        return self._tail.usage_of_stream() if self._is_stream else self._tail.usage_of_whole()

    def _give_back(self, lease: Lease, failure: Failure | None, now: float) -> None:
        """The attempt is over, and failed."""
        self._lease = None
        if failure is None:
            lease.succeeded(now, 0)
        else:
            lease.failed(failure, now, self.services.random())
        if self._trail is not None:
            self._trail.end(now, status=self._status, fault="" if failure is None else failure.fault.value)

    def _end(self, end: End, failure: Failure | None = None) -> None:
        if self.is_over:
            return
        self.is_over = True
        services, lease = self.services, self._lease
        now = services.loop.time()
        if lease is not None and (failure is not None or end.outcome is Outcome.ANSWERED):
            self._give_back(lease, failure, now)
        elif lease is not None:
            lease.abandoned(now, 0)
        services.hosted.discard(self)
        self._lease = self._call = None
        self._let_go()
        self._body = ()
        record = self._record(end, now)
        services.hop_meter.count(record)
        has_lost_spans = self._trail is not None and not self.writing.is_traced
        services.withheld.count(is_logged=self.writing.is_logged, has_lost_spans=has_lost_spans)
        services.records.put(record)
        evidence.note_end(services, record, end.refusal)

    def _record(self, end: End, now: float) -> Record:
        services, hop, own = self.services, self.hop, self._own
        started = self.exchange.started
        way = None if own is None else own.way
        return Record(
            id=self.id or services.names.next().decode("ascii"),
            at=services.wall() - (now - started),
            outcome=end.outcome,
            status=end.status,
            times=Times(now - started, _since(started, self._first_byte), _since(started, self._first_token)),
            operation=self.operation,
            error=end.error,
            trace=self._trace.id,
            tenant="" if hop is None else hop.tenant or "",
            route="" if hop is None else hop.route,
            model="" if own is None else own.route.route.name,
            candidate="" if way is None else way.label,
            provider="" if way is None else way.provider,
            upstream_model="" if way is None else way.model,
            attempts=self.attempts,
            jurisdiction="" if way is None else way.jurisdiction,
            origin=() if hop is None else tuple(sorted(hop.origin)),
            policies=self.policies,
            audited=self.audited,
            revision=self.revision.name,
            stream=self._is_stream,
            usage=end.usage,
            usage_partial=end.usage is not None and end.outcome is not Outcome.ANSWERED,
            bytes_in=self.bytes_in,
            bytes_out=end.bytes_out,
            peer=self.peer,
            hosted=True,
            traced=self._trail.told(now, self.exchange.head.method)
            if self._trail is not None and self.writing.is_traced
            else None,
            is_logged=self.writing.is_logged,
        )


def _since(started: float, at: float | None) -> float | None:
    return None if at is None else at - started
