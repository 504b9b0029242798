"""One request: its body, its route, its limits, its attempts, its end.

    reading the body -> (read on a thread) -> decided -> attempt --failed--> (waiting: backoff) -> attempt ...
                                                  |         `--> answered, or streaming, then over
                                                  `-> held while no engine is ready -> attempt

Whatever it waits for, `on_disconnect` ends it at once. It ends exactly once, in `_end`.
"""

import asyncio
from typing import Final

from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.route.affinity import PREFIX_BYTES, prefix_key
from isochrone_gateway.route.candidates import Choice, Nobody, Why
from isochrone_gateway.route.candidates import Request as Pick
from isochrone_gateway.route.hold import Held
from isochrone_gateway.route.limits import Admission
from isochrone_gateway.route.retry import (
    Failure,
    Fault,
    GiveUp,
    Situation,
    backoff_s,
    final_error,
    reason_to_give_up,
)
from isochrone_gateway.server.pipeline import answers, decide, explain, outgoing, record
from isochrone_gateway.server.pipeline.attempt import Attempt, Result
from isochrone_gateway.server.pipeline.backends import Lease, Wish
from isochrone_gateway.server.pipeline.decide import Decision
from isochrone_gateway.server.pipeline.engines import Engine
from isochrone_gateway.server.pipeline.revision import Way
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.upstream.target import Outgoing
from isochrone_gateway.wire.body import Request, read_request, spliced
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.usage import Usage

_OFF_LOOP: Final = 1_048_576
"""Larger bodies are parsed on a thread."""
_OVERLOADED: Final = ApiError(
    kind=ErrorKind.OVERLOADED, message="Too many request bodies are in memory at once.", retry_after_s=1.0
)
_TIMEOUT: Final = ApiError(kind=ErrorKind.UPSTREAM_TIMEOUT, should_retry=False)
_DRAINING: Final = ApiError(kind=ErrorKind.DRAINING, retry_after_s=1.0)
_HELD_TOO_LONG: Final = ApiError(
    kind=ErrorKind.NO_CAPACITY, message="No engine became ready in time.", retry_after_s=5.0
)
_NO_CAPACITY_AGAIN_S: Final = 5.0


class Handling:
    """One request."""

    __slots__ = (
        "_admission",
        "_attempt",
        "_body",
        "_deadline",
        "_decision",
        "_failures",
        "_held",
        "_hold_until",
        "_index",
        "_is_over",
        "_key",
        "_pieces",
        "_reserved",
        "_timer",
        "_tried",
        "_tried_engines",
        "_tried_keys",
        "visit",
    )

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self._pieces: list[bytes] = []
        self._body = b""
        self._reserved = 0
        self._decision: Decision | None = None
        self._admission: Admission | None = None
        self._attempt: Attempt | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._held: Held[Handling] | None = None
        self._hold_until: float | None = None
        self._deadline = 0.0
        self._failures: list[Failure] = []
        self._index = 0
        self._tried = 0
        self._tried_engines: list[Engine] = []
        self._tried_keys: set[object] = set()
        self._key: int | None = None
        self._is_over = False

    # The body.

    def begin(self) -> None:
        """Read the body, if there is room for it."""
        services, exchange = self.visit.services, self.visit.exchange
        length = exchange.length or 0
        if not services.memory.take(length):
            self._refuse(_OVERLOADED)
            return
        self._reserved = length
        services.open.add(self)
        exchange.read_body()

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        visit = self.visit
        visit.bytes_in += len(data)
        if visit.bytes_in > self._reserved:  # Chunked: its length shows only as it comes.
            if not visit.services.memory.take(visit.bytes_in - self._reserved):
                self._refuse(_OVERLOADED)
                return
            self._reserved = visit.bytes_in

    def on_body_end(self) -> None:
        pieces, self._pieces = self._pieces, []
        self._body = body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(body) <= _OFF_LOOP:
            self._decide(read_request(body))
            return
        future = self.visit.services.loop.run_in_executor(None, read_request, body)
        future.add_done_callback(self._parsed)

    def _parsed(self, future: "asyncio.Future[Request | ApiError]") -> None:
        if not self._is_over and not future.cancelled():
            self._decide(future.result())

    def _decide(self, request: Request | ApiError) -> None:
        visit = self.visit
        now = visit.services.loop.time()
        decision = request if isinstance(request, ApiError) else decide.decide(visit, request, len(self._body), now)
        self._body = b""  # The request holds it.
        if isinstance(decision, ApiError):
            self._refuse(decision)
            return
        self._decision = decision
        self._admission = decision.admission
        self._deadline = visit.exchange.started + decision.route.timeouts.total
        decision.route.budget.request()
        self._try(now)

    # Attempts.

    def affinity(self) -> int | None:
        """A key for how the prompt begins, worked out once if anybody asks."""
        if self._key is None and self._decision is not None:
            values = self._decision.request.members.values
            prompt = values.get("messages") or values.get("prompt") or values.get("input")
            if prompt is not None:
                head = bytes(memoryview(prompt)[: PREFIX_BYTES + 1])
                self._key = prefix_key(head, self.visit.caller.salt)
        return self._key

    def _try(self, now: float) -> None:
        """Make an attempt at the best candidate, or find out why none can be made."""
        decision = self._decision
        if decision is None:
            return
        route, services = decision.route, self.visit.services
        rand = services.random()
        key = self.affinity() if len(route.ways) > 1 else None
        for _ in range(len(route.ways) + 1):
            choice = route.picker.pick(Pick(decision.ruling.inference, now, rand, key, self._tried))
            if isinstance(choice, Nobody):
                break
            way = route.ways[choice.option.index]
            lease = way.backend.lease(self._wish(now, rand), is_last_resort=choice.is_last_resort)
            if lease is not None:
                self._send(decision, choice, way, lease)
                return
            self._tried |= 1 << choice.option.index  # Another request was faster to take what was left there.
        else:
            choice = Nobody(Why.TRIED, None)
        self._nobody(decision, choice, now)

    def _wish(self, now: float, rand: float) -> Wish:
        tokens = 0 if self._decision is None else self._decision.tokens
        return Wish(now, rand, tokens, self._tried_engines, self._tried_keys, self.affinity)

    def _send(self, decision: Decision, choice: Choice, way: Way, lease: Lease) -> None:
        visit = self.visit
        visit.attempts += 1
        visit.way = way
        self._index = choice.option.index
        self._tried |= 1 << self._index
        if lease.engine is not None:
            self._tried_engines.append(lease.engine)
        elif lease.key >= 0:
            self._tried_keys.add(lease.tag)
        body = spliced(decision.request, decide.changes_for(decision, way, visit.caller))
        size = sum(map(len, body))
        fields = visit.exchange.head.fields
        head = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b%b\r\n" % (
            way.heads[visit.asked],
            size,
            visit.id,
            lease.auth,
            outgoing.passed_on(way.passed, fields),
        )
        attempt = self._attempt = Attempt(self, visit, lease, decision.request)
        attempt.call = visit.services.pool.send(
            lease.target, Outgoing(head, body), attempt, timeouts=decision.route.timeouts, deadline=self._deadline
        )

    def _nobody(self, decision: Decision, nobody: Nobody, now: float) -> None:
        """No candidate can be tried now."""
        if self._failures:
            self._again(decision, nobody, now)
        elif nobody.why is Why.NOT_READY and self._hold(decision, now):
            return
        elif nobody.why is Why.UNLAWFUL:
            place = decision.route.ways[0].place
            visit = self.visit
            self._refuse(visit.revision.rulings.refusal(decision.route.id, decision.standpoint, place))
        else:
            wait = _NO_CAPACITY_AGAIN_S if nobody.until is None else max(1.0, nobody.until - now)
            self._fail(ApiError(kind=ErrorKind.NO_CAPACITY, retry_after_s=wait))

    def _again(self, decision: Decision, nobody: Nobody, now: float) -> None:
        """All were tried: begin anew after a pause, if the rules allow it, else give up."""
        attempts = self.visit.attempts
        pause = backoff_s(decision.route.retry, attempts, self.visit.services.random())
        if nobody.why is Why.TRIED and now + pause < self._deadline:
            self._tried = 0
            self._tried_engines.clear()
            self._tried_keys.clear()
            self._timer = self.visit.services.loop.call_later(pause, self._resume)
        else:
            self._fail(final_error(self._failures, now=now, ready_at=nobody.until))

    def _resume(self) -> None:
        self._timer = None
        self._try(self.visit.services.loop.time())

    # Waiting for an engine.

    def _hold(self, decision: Decision, now: float) -> bool:
        queue = decision.route.hold
        until = self._deadline if self._hold_until is None else min(self._deadline, self._hold_until)
        held = self._held = queue.offer(self, now, until)
        if held is None:
            return False
        self._hold_until = held.deadline
        self._timer = self.visit.services.loop.call_at(held.deadline, self._held_too_long)
        return True

    def released(self) -> None:
        """An engine became ready."""
        self._held = None
        if self._timer is not None:
            self._timer.cancel()
        self._resume()

    def _held_too_long(self) -> None:
        self._timer = None
        if self._decision is not None:
            self._decision.route.hold.expire(self.visit.services.loop.time())
        self._held = None
        self._fail(_HELD_TOO_LONG)

    # What attempts say.

    def attempt_failed(self, attempt: Attempt, failure: Failure) -> None:
        """No byte of this attempt has reached the client."""
        services, decision = self.visit.services, self._decision
        now = services.loop.time()
        self._attempt = None
        if decision is None:
            return
        route, way = decision.route, self.visit.way
        if failure.fault is Fault.CREDENTIAL_REFUSED and not attempt.lease.auth:
            failure = Failure(fault=Fault.SERVER_ERROR, status=failure.status)  # There is no key of ours to blame.
        attempt.lease.failed(failure, now, services.random())
        self._failures.append(failure)
        situation = Situation(
            attempts=self.visit.attempts,
            is_committed=False,
            body_bytes=self.visit.bytes_in,
            now=now,
            deadline=self._deadline,
        )
        reason = reason_to_give_up(route.retry, failure, situation)
        if reason is None and not route.budget.take(now):
            reason = GiveUp.BUDGET
        if reason is not None:
            self._give_up(attempt, reason, now)
            return
        if way is not None and way.backend.has_more(self._wish(now, 0.0)):
            self._tried &= ~(1 << self._index)
        self._try(now)

    def _give_up(self, attempt: Attempt, reason: GiveUp, now: float) -> None:
        if reason is GiveUp.REJECTED:
            attempt.relay_rejection()
        elif reason is GiveUp.DEADLINE:
            self._fail(_TIMEOUT)
        else:
            self._fail(final_error(self._failures, now=now))

    def attempt_over(self, attempt: Attempt, result: Result) -> None:
        """The answer is with the client, whole or as far as it came."""
        self._attempt = None
        now = self.visit.services.loop.time()
        used = None if result.usage is None else result.usage.total_tokens
        if result.failure is None:
            attempt.lease.succeeded(now, used)
        else:
            attempt.lease.failed(result.failure, now, self.visit.services.random())
        self._end(result.end(), used)

    def explain_lines(self) -> bytes:
        """Why this candidate, for a caller who may ask and does."""
        decision, visit = self._decision, self.visit
        if decision is None or not visit.caller.may_explain:
            return b""
        if b"x-isochrone-explain" not in visit.exchange.head.fields:
            return b""
        way = visit.way
        chosen = None if way is None else way.label
        return explain.line(decision, visit, chosen=chosen, now=visit.services.loop.time())

    # The end.

    def on_disconnect(self) -> None:
        refused = self.visit.exchange.refused
        status = record.CLIENT_GONE if refused is None else refused.status
        attempt = self._attempt
        usage: Usage | None = None
        size = 0
        if attempt is not None:
            usage, size = attempt.abandon(self.visit.services.loop.time())
        outcome = Outcome.CLIENT_GONE if refused is None else Outcome.REFUSED
        end = record.End(
            outcome=outcome,
            status=status,
            error="" if refused is None else refused.code,
            usage=usage,
            usage_partial=usage is not None,
            bytes_out=size,
        )
        self._end(end, None if usage is None else usage.total_tokens)

    def on_writable(self) -> None:
        if self._attempt is not None:
            self._attempt.resume()

    def interrupt(self) -> None:
        """The gateway ends now."""
        attempt = self._attempt
        if attempt is not None and attempt.is_committed:
            attempt.interrupt(_DRAINING)
            return
        if attempt is not None:
            attempt.abandon(self.visit.services.loop.time())
        self._fail(_DRAINING)

    def _refuse(self, error: ApiError) -> None:
        self._answer(error, Outcome.REFUSED)

    def _fail(self, error: ApiError) -> None:
        self._answer(error, Outcome.FAILED)

    def _answer(self, error: ApiError, outcome: Outcome) -> None:
        visit = self.visit
        lines = visit.common_lines() + self.explain_lines()
        if visit.attempts:
            lines += b"x-isochrone-attempts: %d\r\n" % visit.attempts
        head, body = answers.refusal(error, lines)
        visit.exchange.respond(head, body)
        code = error.kind.value.code or ""
        self._end(record.End(outcome=outcome, status=error.status, error=code, bytes_out=len(body)), 0)

    def _end(self, end: record.End, used: int | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        services = self.visit.services
        services.open.discard(self)
        services.memory.give_back(self._reserved)
        self._attempt = None
        self._pieces.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._held is not None and self._decision is not None:
            self._decision.route.hold.leave(self._held)
        self._held = None  # It refers to this; what refers in circles waits for the garbage collector.
        if self._admission is not None:
            self._admission.settle(services.loop.time(), used)
        record.write(self.visit, end)
