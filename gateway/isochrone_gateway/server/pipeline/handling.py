"""One request: its body, its route, its limits, its attempts, its end.

    reading the body -> (read on a thread) -> decided -> attempt --failed--> (waiting: backoff) -> attempt ...
                                                  |         `--> answered, or streaming, then over
                                                  `-> held while no engine is ready -> attempt

Whatever it waits for, `on_disconnect` ends it at once. It ends exactly once, in `_end`.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.ledger.trail import CANCELLED
from isochrone_gateway.route.affinity import PREFIX_BYTES, prefix_key
from isochrone_gateway.route.candidates import Choice, Nobody, Why
from isochrone_gateway.route.candidates import Request as Pick
from isochrone_gateway.route.retry import (
    Failure,
    Fault,
    GiveUp,
    Situation,
    backoff_s,
    final_error,
    reason_to_give_up,
)
from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline import answers, decide, evidence, explain, record
from isochrone_gateway.server.pipeline.attempt import Attempt
from isochrone_gateway.server.pipeline.backends import Lease
from isochrone_gateway.server.pipeline.chain import Chain
from isochrone_gateway.server.pipeline.decide import Decision
from isochrone_gateway.server.pipeline.engines import Engine
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.nobody import error_of
from isochrone_gateway.server.pipeline.reading import Reading
from isochrone_gateway.server.pipeline.record import End
from isochrone_gateway.server.pipeline.revision import RouteView, Way
from isochrone_gateway.server.pipeline.sending import request_to
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.wire.body import Request
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.schema import Usage

_TIMEOUT: Final = ApiError(kind=ErrorKind.UPSTREAM_TIMEOUT, should_retry=False)
_DRAINING: Final = ApiError(kind=ErrorKind.DRAINING, retry_after_s=1.0)
_HELD_TOO_LONG: Final = ApiError(
    kind=ErrorKind.NO_CAPACITY, message="No engine became ready in time.", retry_after_s=5.0
)
_NO_KEYS: Final[frozenset[object]] = frozenset()


class Handling(Reading):
    """One request that asks for an inference."""

    __slots__ = ("_attempt", "_chain", "_deadline", "_decision", "_key")

    def __init__(self, services: Services, exchange: Exchange, entry: Entry) -> None:
        super().__init__(services, exchange, entry)
        self._decision: Decision | None = None
        self._attempt: Attempt | None = None
        self._chain: Chain | None = None
        self._deadline = 0.0
        self._key: int | None = None

    def begin(self) -> None:
        """Read the body, if there is room for it."""
        if self._take_in():
            self.services.open.add(self)
            self.exchange.read_body()

    def _decide(self, request: Request | ApiError, *, is_looked_through: bool = False) -> None:
        now = self.services.loop.time()
        if not isinstance(request, Request):
            self._refuse(request)
            return
        decision = decide.decide(self, request, self.bytes_in, now, is_looked_through=is_looked_through)
        if not isinstance(decision, Decision):
            self._refuse(decision)
            return
        self._decision = decision
        route = decision.terms.route
        self._deadline = self.exchange.started + route.timeouts.total
        route.budget.request()
        self._try(decision, now)

    # Attempts. This is also the `Asker` of leases.

    @property
    def deadline(self) -> float:
        return self._deadline

    @property
    def tokens(self) -> int:
        return 0 if self._decision is None else self._decision.tokens

    @property
    def tried_engines(self) -> Sequence[Engine]:
        return () if self._chain is None else self._chain.tried_engines

    @property
    def tried_keys(self) -> AbstractSet[object]:
        return _NO_KEYS if self._chain is None else self._chain.tried_keys

    def affinity(self) -> int | None:
        """A key for how the prompt begins, worked out once if anybody asks."""
        if self._key is None and self._decision is not None:
            values = self._decision.request.members.values
            prompt = values.get("messages") or values.get("prompt") or values.get("input")
            if prompt is not None:
                head = bytes(memoryview(prompt)[: PREFIX_BYTES + 1])
                self._key = prefix_key(head, self.entry.caller.salt)
        return self._key

    def _try(self, decision: Decision, now: float) -> None:
        """Make an attempt at the best candidate, or find out why none can be made."""
        route, ruling = decision.terms.route, decision.terms.ruling
        if ruling.listed is not None and self.services.evidence.is_blocked:
            self._refuse(evidence.UNAVAILABLE)
            return
        rand = self.services.random()
        key = self.affinity() if len(route.ways) > 1 else None
        tried = 0 if self._chain is None else self._chain.tried
        while True:
            choice = route.picker.pick(Pick(ruling.lawful, now, rand, key=key, tried=tried))
            if not isinstance(choice, Choice):
                self._nobody(decision, choice, now)
                return
            index = choice.option.index
            way = route.ways[index]
            lease = way.backend.lease(self, now, rand, is_last_resort=choice.is_last_resort)
            if lease is not None:
                self._send(decision, index, way, lease)
                return
            tried |= 1 << index  # Another request was faster to take what was left there.

    def _send(self, decision: Decision, index: int, way: Way, lease: Lease) -> None:
        self.attempts += 1
        self.way = way
        route, request = decision.terms.route, decision.request
        ruling = decision.terms.ruling
        if ruling.is_audited:
            there = ruling.audited_with(route.picker.options[index].place_bit.bit_length() - 1)
            self.audited = tuple(sorted({*self.audited, *there}))
        evidence.note_intent(self, decision.terms, way)
        attempt = self._attempt = Attempt(self, lease, index, request)
        attempt.call = self.services.pool.send(
            lease.target,
            request_to(self, decision, way, lease),
            attempt,
            timeouts=route.timeouts if request.stream else route.whole_timeouts,
            deadline=self._deadline,
        )

    def _nobody(self, decision: Decision, nobody: Nobody, now: float) -> None:
        """No candidate can be tried now."""
        chain = self._chain
        if chain is not None and chain.failures:
            self._again(decision, chain, nobody, now)
        elif nobody.why is Why.NOT_READY and self._hold(decision, now, nobody.until):
            return
        else:
            self._fail_or_refuse(decision, nobody, now, is_refused_there=chain is not None and bool(chain.refused))

    def _fail_or_refuse(self, decision: Decision, nobody: Nobody, now: float, *, is_refused_there: bool) -> None:
        rulings = self.entry.revision.rulings
        error = error_of(nobody, decision.terms, rulings, now, is_refused_there=is_refused_there)
        if nobody.why is Why.UNLAWFUL:
            self._refuse(error)
        else:
            self._fail(error)

    def _again(self, decision: Decision, chain: Chain, nobody: Nobody, now: float) -> None:
        """All were tried: begin anew after a pause, if the rules allow it, else give up."""
        pause = backoff_s(decision.terms.route.retry, self.attempts, self.services.random())
        can_change = nobody.why is Why.TRIED and chain.tried != chain.refused
        if can_change and now + pause < self._deadline:
            chain.begin_anew()
            chain.timer = self.services.loop.call_later(pause, self._resume)
        else:
            self._fail(final_error(chain.failures, now=now, ready_at=nobody.until))

    def _resume(self) -> None:
        if self._chain is not None:
            self._chain.timer = None
        if self._decision is not None:
            self._try(self._decision, self.services.loop.time())

    # Waiting for an engine.

    def _hold(self, decision: Decision, now: float, again: float | None) -> bool:
        """Whether it waits. `again` is when somebody may be ready of whom nothing will be heard."""
        chain = self._have_chain()
        queue = decision.terms.route.hold
        until = self._deadline if chain.hold_until is None else min(self._deadline, chain.hold_until)
        held = chain.held = queue.offer(self, now, until)
        if held is None:
            return False
        chain.hold_until = held.deadline
        if again is not None and again < held.deadline:
            chain.timer = self.services.loop.call_at(again, self._look_again)
        else:
            chain.timer = self.services.loop.call_at(held.deadline, self._held_too_long)
        return True

    def _look_again(self) -> None:
        chain, decision = self._have_chain(), self._decision
        if decision is not None and chain.held is not None:
            decision.terms.route.hold.leave(chain.held)
            self.released()

    def released(self) -> None:
        """An engine became ready."""
        self._wait_no_more()
        self._resume()

    def decide_anew(self, entry: Entry, error: ApiError | None) -> None:
        """Another config runs, and by the one before it nothing was done yet but to wait: decide by this one.

        It may be stricter, and it may know engines that the one before didn't.
        """
        self._wait_no_more()
        decision, self._decision = self._decision, None
        if decision is None:
            return
        chain = self._have_chain()
        chain.refused = chain.tried = 0  # These were candidates of the config before.
        if decision.admission is not None:
            decision.admission.settle(self.services.loop.time(), 0)
        self.entry = entry
        if error is not None:
            self._refuse(error)
        else:
            self._read_again(decision.request)

    def _wait_no_more(self) -> None:
        chain = self._have_chain()
        chain.held = None
        if chain.timer is not None:
            chain.timer.cancel()
            chain.timer = None

    def _held_too_long(self) -> None:
        chain = self._have_chain()
        chain.timer = None
        if self._decision is not None:
            self._decision.terms.route.hold.expire(self.services.loop.time())
        chain.held = None
        self._fail(_HELD_TOO_LONG)

    def _have_chain(self) -> Chain:
        chain = self._chain
        if chain is None:
            chain = self._chain = Chain()
        return chain

    # What attempts say.

    def attempt_failed(self, attempt: Attempt, failure: Failure) -> None:
        """No byte of this attempt has reached the client."""
        services, decision, way = self.services, self._decision, self.way
        now = services.loop.time()
        self._attempt = None
        if decision is None or way is None:
            return
        route, lease = decision.terms.route, attempt.lease
        if failure.fault is Fault.CREDENTIAL_REFUSED and lease.key < 0:
            failure = Failure(fault=Fault.SERVER_ERROR, status=failure.status)  # There is no key of ours to blame.
        lease.failed(failure, now, services.random())
        if self.trail is not None:
            self.trail.end(now, status=failure.status, fault=failure.fault.value)
        is_logged = decision.terms.ruling.writing.is_logged
        evidence.note_failed_try(services, self.id.decode("ascii"), self.attempts, failure, is_logged=is_logged)
        chain = self._have_chain()
        if failure.fault is Fault.UNLAWFUL:
            chain.refused |= 1 << attempt.index
            chain.tried |= chain.refused
            self._try(decision, now)
            return
        if failure.fault is Fault.NOT_THERE:
            chain.not_there += 1
            self._try(decision, now)
            return
        chain.failures.append(failure)
        reason = self._reason_to_give_up(route, failure, now)
        if reason is not None:
            self._give_up(attempt, reason, now)
            return
        if lease.engine is not None:
            chain.tried_engines.append(lease.engine)
        elif lease.key >= 0:
            chain.tried_keys.add(lease.tag)
        if not way.backend.has_more(self, now):
            chain.tried |= 1 << attempt.index
        self._try(decision, now)

    def _reason_to_give_up(self, route: RouteView, failure: Failure, now: float) -> GiveUp | None:
        chain = self._chain
        unheard = 0 if chain is None else chain.refused.bit_count() + chain.not_there
        situation = Situation(
            attempts=self.attempts - unheard,
            is_committed=False,
            body_bytes=self.bytes_in,
            now=now,
            deadline=self._deadline,
        )
        reason = reason_to_give_up(route.retry, failure, situation)
        return GiveUp.BUDGET if reason is None and not route.budget.take(now) else reason

    def _give_up(self, attempt: Attempt, reason: GiveUp, now: float) -> None:
        if reason is GiveUp.REJECTED:
            self._end(attempt.relay_rejection(), now, 0)
        elif reason is GiveUp.DEADLINE:
            self._fail(_TIMEOUT)
        else:
            self._fail(final_error(self._have_chain().failures, now=now))

    def attempt_over(self, attempt: Attempt, end: End, failure: Failure | None) -> None:
        """The answer is with the client, whole or as far as it came."""
        self._attempt = None
        services = self.services
        now = services.loop.time()
        used = None if end.usage is None else end.usage.input_tokens + end.usage.output_tokens
        if self.trail is not None:
            cut = CANCELLED if end.outcome is Outcome.PARTIAL else ""
            self.trail.end(now, status=end.status, fault=cut if failure is None else failure.fault.value)
        if failure is None:
            attempt.lease.succeeded(now, used)
        else:
            attempt.lease.failed(failure, now, services.random())
        self._end(end, now, used)

    def explain_lines(self) -> bytes:
        """Why this candidate, for a caller who may ask and does."""
        decision, way = self._decision, self.way
        if decision is None or not self.entry.explains:
            return b""
        chosen = None if way is None else way.label
        refused = 0 if self._chain is None else self._chain.refused
        return explain.line(decision, self, chosen=chosen, refused=refused, now=self.services.loop.time())

    # The end.

    def on_disconnect(self) -> None:
        now = self.services.loop.time()
        refused = self.exchange.refused
        usage: Usage | None = None
        size = 0
        if self._attempt is not None:
            usage, size = self._attempt.abandon(now)
        if refused is None:
            end = End(Outcome.CLIENT_GONE, record.CLIENT_GONE, usage=usage, bytes_out=size)
        else:
            end = End(Outcome.REFUSED, refused.status, refused.code, usage=usage, bytes_out=size)
        self._end(end, now, None if usage is None else usage.total_tokens)

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
            attempt.abandon(self.services.loop.time())
        self._fail(_DRAINING)

    def _no_room(self, error: ApiError) -> None:
        self._refuse(error)

    def _refuse(self, error: ApiError) -> None:
        self._answer(error, Outcome.REFUSED)

    def _fail(self, error: ApiError) -> None:
        self._answer(error, Outcome.FAILED)

    def _answer(self, error: ApiError, outcome: Outcome) -> None:
        lines = self.common_lines() + self.explain_lines()
        if self.attempts:
            lines += b"x-isochrone-attempts: %d\r\n" % self.attempts
        head, body = answers.refusal(error, lines)
        self.exchange.respond(head, body)
        code = error.kind.value.code or ""
        end = End(outcome, error.status, code, bytes_out=len(body), refusal=error)
        self._end(end, self.services.loop.time(), 0)

    def _end(self, end: End, now: float, used: int | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        services, decision, chain = self.services, self._decision, self._chain
        services.open.discard(self)
        self._attempt = None
        self._let_go()
        if chain is not None:
            self._leave(chain, decision)
        if decision is not None and decision.admission is not None:
            decision.admission.settle(now, used)
        record.write(self, end)

    def _leave(self, chain: Chain, decision: Decision | None) -> None:
        """Wait for nothing any more. What refers in circles would wait for the garbage collector."""
        if chain.timer is not None:
            chain.timer.cancel()
        if chain.held is not None and decision is not None:
            decision.terms.route.hold.leave(chain.held)
        chain.held = None
        self._chain = None
