"""The attempts of one request: their times, their ends, and what each backend is told."""

import random

from isochrone_gateway.ledger.record import Try
from isochrone_gateway.ledger.trail import CANCELLED, Trail
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.trace_context import Trace

SAMPLED = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "aaaaaaaaaaaaaaaa", 1)


def trail(trace: Trace = SAMPLED, *, tracestate: bytes = b"") -> Trail:
    return Trail(trace, {b"tracestate": tracestate}, started=100.0, bits=random.Random(1).getrandbits)


def ask(made: Trail, now: float, candidate: str) -> Trace:
    lines = made.begin(now, candidate=candidate, provider="vllm", model="llama", jurisdiction="DE")
    return trace_context.parse(lines.split(b"\r\n")[0].removeprefix(b"traceparent: "))


def test_two_attempts() -> None:
    made = trail()
    first = ask(made, 100.25, "engine:a")
    made.end(100.5, status=503, fault="ServerError")
    second = ask(made, 101.0, "engine:b")
    made.end(103.0, status=200)
    told = made.told(103.0, b"POST")
    assert (told.span, told.parent, told.flags, told.method) == (SAMPLED.span, SAMPLED.parent, 1, "POST")
    common = {"provider": "vllm", "model": "llama", "jurisdiction": "DE"}
    assert told.tries == (
        Try(span=first.parent, start=0.25, end=0.5, candidate="engine:a", status=503, fault="ServerError", **common),
        Try(span=second.parent, start=1.0, end=3.0, candidate="engine:b", status=200, **common),
    )
    assert first.id == second.id == SAMPLED.id
    assert len({first.parent, second.parent, SAMPLED.span, SAMPLED.parent}) == 4


def test_an_attempt_that_is_open_at_the_end_was_cancelled() -> None:
    made = trail()
    ask(made, 100.0, "engine:a")
    [tried] = made.told(107.0, b"POST").tries
    assert (tried.end, tried.status, tried.fault) == (7.0, 0, CANCELLED)


def test_no_attempt() -> None:
    made = trail()
    made.end(101.0, status=200)
    assert made.told(102.0, b"GET").tries == ()


def test_many_attempts_take_bounded_memory() -> None:
    made = trail()
    for number in range(100):
        assert ask(made, 100.0, f"engine:{number}").id == SAMPLED.id
        made.end(100.0, status=None, fault="Connect")
    tries = made.told(101.0, b"POST").tries
    assert [each.candidate for each in tries] == [f"engine:{number}" for number in range(32)]


def test_tracestate_goes_on_in_its_own_trace_only() -> None:
    asked = {"candidate": "a", "provider": "", "model": "", "jurisdiction": ""}
    assert b"tracestate: a=1,b=2\r\n" in trail(tracestate=b"a=1, b=2").begin(100.0, **asked)
    assert b"tracestate" not in trail(tracestate=b"A=1").begin(100.0, **asked)
    restarted = Trace(SAMPLED.id, "", SAMPLED.span, 3)
    assert b"tracestate" not in trail(restarted, tracestate=b"a=1").begin(100.0, **asked)
