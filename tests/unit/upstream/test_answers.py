"""Every way an upstream may answer or fail to, over real sockets."""

import asyncio
import time

import pytest
from tests.unit.upstream.harness import QUICK, Session, head_request, post, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.call import FailureKind
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.scripts import Close, Reset, Script, Send, Step, Wait
from isochrone_gateway.upstream.target import Timeouts

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
FRAMES = [b'{"n":1}', b'{"n":2}']
SPED = b'data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("script", "status", "body"),
    [
        pytest.param(scripts.answer(b"hello"), 200, b"hello", id="with a length"),
        pytest.param(scripts.answer(b""), 200, b"", id="empty"),
        pytest.param(scripts.answer_bytes(1_000_000), 200, b'"' + b"x" * 999_998 + b'"', id="a megabyte"),
        pytest.param(scripts.stream(FRAMES), 200, SPED, id="a stream"),
        pytest.param(scripts.stream(FRAMES, gap=0.02), 200, SPED, id="a stream with gaps"),
        pytest.param(scripts.error_first(b"1"), 200, b'data: {"error":1}\n\ndata: [DONE]\n\n', id="an error first"),
        pytest.param(scripts.slow_head(0.05, b"hi"), 200, b"hi", id="a slow head"),
        pytest.param(
            scripts.raw(
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + scripts.whole(b"hi")
            ),
            200,
            b"hi",
            id="interim answers",
        ),
        pytest.param(scripts.raw(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, b"", id="204"),
        pytest.param(scripts.raw(b"HTTP/1.1 304 Not\r\ncontent-length: 5\r\n\r\n"), 304, b"", id="304 with a length"),
        pytest.param(
            scripts.raw(OK + b"transfer-encoding: Chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nx: y\r\n\r\n"),
            200,
            b"hi",
            id="extensions and trailers",
        ),
        pytest.param(scripts.raw(*[b"%c" % byte for byte in scripts.whole(b"hi")], gap=0.0), 200, b"hi", id="bytewise"),
        pytest.param(scripts.raw(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"), 200, b"hi", id="HTTP/1.0"),
        pytest.param(scripts.raw(scripts.whole(b"hi", headers=b"connection: close\r\n")), 200, b"hi", id="close"),
    ],
)
def test_whole_answers(script: Script, status: int, body: bytes) -> None:
    async def work() -> None:
        async with Session(FakeUpstream(script)) as session:
            for _ in range(2):  # The second time on whatever the first one left behind.
                taker = await session.ask(body=b"{}")
                assert taker.failure is None
                assert (taker.status, taker.body, taker.ended) == (status, body, True)

    run(work())


def test_the_head_is_given_as_it_came() -> None:
    async def work() -> None:
        script = scripts.rate_limited(7)
        async with Session(FakeUpstream(script)) as session:
            taker = await session.ask()
            assert taker.head is not None
            assert taker.head.headers[:2] == [(b"content-type", b"application/json"), (b"retry-after", b"7")]
            assert (taker.head.status, taker.head.get(b"retry-after"), taker.head.chunked) == (429, b"7", False)

    run(work())


def test_the_request_arrives_as_it_was_given() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            outgoing = post("/v1/x", b"onetwothree")
            outgoing.body = (b"one", memoryview(b"xtwox")[1:4], b"three")
            taker, _ = session.send(outgoing)
            await taker.over.wait()
            [request] = session.upstream.requests
            assert (request.path, request.body) == (b"/v1/x", b"onetwothree")
            assert request.headers[0] == (b"host", b"up.test")

    run(work())


def test_a_head_request_has_no_body_and_ends_its_connection() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.raw(OK + b"content-length: 100\r\n\r\n"))) as session:
            taker, _ = session.send(head_request())
            await taker.over.wait()
            assert (taker.status, taker.body, taker.ended) == (200, b"", True)
            await session.upstream.wait(lambda: session.upstream.open == 0)

    run(work())


CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def growing(start: bytes, piece: bytes) -> Script:
    """Begin, and go on in pieces, each a read of its own."""
    steps: list[Step] = [Wait(0.005), Send(piece)] * 20
    return Script((Send(start), *steps))


@pytest.mark.parametrize(
    ("script", "kind", "detail", "got"),
    [
        pytest.param(scripts.die_mid_frame(FRAMES), "reset", "closed after", SPED[:30], id="dies mid-frame"),
        pytest.param(
            scripts.die_mid_frame(FRAMES, reset=True), "reset", "closed after", SPED[:30], id="reset mid-frame"
        ),
        pytest.param(scripts.short_body(b"hi", missing=3), "reset", "closed after 2 bytes", b"hi", id="short body"),
        pytest.param(scripts.close_delimited(b"hi"), "reset", "closed after 2 bytes", b"hi", id="ends by closing"),
        pytest.param(Script((Close(),)), "reset", "closed", b"", id="closed without an answer"),
        pytest.param(scripts.reset_at_once(), "reset", "closed", b"", id="reset without an answer"),
        pytest.param(Script((Send(OK), Close())), "reset", "closed", b"", id="closed in the head"),
        pytest.param(Script((Send(OK), Wait(0.05), Reset())), "reset", "closed", b"", id="reset in the head"),
    ],
)
def test_answers_that_break_off(script: Script, kind: str, detail: str, got: bytes) -> None:
    fails(script, FailureKind(kind), detail, got)


@pytest.mark.parametrize(
    ("script", "detail", "got"),
    [
        pytest.param(scripts.raw(b"hello\r\n\r\n"), "Expected HTTP/", b"", id="not HTTP"),
        pytest.param(scripts.raw(b"\x15\x03\x01\x00\x02\x02"), "HTTP", b"", id="a TLS alert"),
        pytest.param(
            scripts.raw(OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
            "Content-Length",
            b"",
            id="two lengths",
        ),
        pytest.param(scripts.raw(OK + b"content-length: 2\r\n" * 2 + b"\r\nhi"), "Duplicate", b"", id="twice a length"),
        pytest.param(scripts.raw(CHUNKED + b"zz\r\n"), "chunk", b"", id="no chunk"),
        pytest.param(scripts.raw(CHUNKED + b"2\r\nhixx"), "LF", b"hi", id="a chunk too long"),
        pytest.param(
            scripts.raw(OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "gzip", b"", id="gzip, chunked"
        ),
        pytest.param(scripts.raw(OK + b"transfer-encoding: gzip\r\n\r\nhi"), "gzip", b"", id="gzip"),
        pytest.param(
            scripts.raw(OK + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n"), "repeated", b"", id="chunked twice"
        ),
        pytest.param(
            scripts.raw(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            "chunked",
            b"",
            id="1.0 chunked",
        ),
        pytest.param(
            scripts.raw(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), "101", b"", id="switches"
        ),
        pytest.param(scripts.raw(b"HTTP/1.1 700 X\r\n\r\n"), "700", b"", id="status 700"),
        pytest.param(scripts.raw(b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n"), "2.0", b"", id="HTTP/2.0"),
        pytest.param(scripts.raw(b"HTTP/1.1 200 OK\ncontent-length: 0\n\n"), "CR", b"", id="bare LF"),
        pytest.param(scripts.raw(OK + b"a: b\r\n c\r\n\r\n"), "whitespace", b"", id="folded field"),
        pytest.param(scripts.raw(OK + b"a: b\x00c\r\n\r\n"), "header value", b"", id="NUL"),
        pytest.param(scripts.raw(OK + b"a: b\r\n" * 300 + b"\r\n"), "headers", b"", id="many headers"),
        pytest.param(scripts.raw(OK + b"a: " + b"b" * 70_000), "head is over", b"", id="large head"),
        pytest.param(growing(OK + b"a: ", b"b" * 5000), "head is over", b"", id="growing head"),
        pytest.param(scripts.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 4000), "head is over", b"", id="interim for ever"),
        pytest.param(growing(CHUNKED + b"2\r\nhi\r\n0\r\nx: ", b"y" * 5000), "trailers", b"hi", id="large trailers"),
        pytest.param(growing(CHUNKED + b"2;x=", b"y" * 5000), "extensions", b"", id="large extension"),
    ],
)
def test_answers_that_are_not_http(script: Script, detail: str, got: bytes) -> None:
    fails(script, FailureKind.PROTOCOL, detail, got)


def fails(script: Script, kind: FailureKind, detail: str, got: bytes) -> None:
    """Expect a failure, after what was right, and a connection that is gone."""

    async def work() -> None:
        async with Session(FakeUpstream(script)) as session:
            taker = await session.ask(body=b"{}")
            assert taker.failure is not None
            assert taker.failure.kind is kind, taker.failure
            assert detail in taker.failure.detail
            assert taker.failure.sent
            assert taker.body.startswith(got)
            assert not taker.ended
            await session.upstream.wait(lambda: session.upstream.open == 0)

    run(work())


def test_a_failure_says_whether_an_answer_had_begun() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.reset_at_once())) as session:
            before = await session.ask()
            session.upstream.choose = lambda _: scripts.short_body(b"hi", missing=1)
            during = await session.ask()
            assert before.failure is not None
            assert during.failure is not None
            assert (before.failure.answered, during.failure.answered) == (False, True)

    run(work())


def test_a_body_may_end_with_the_connection_if_that_is_allowed() -> None:
    async def work() -> None:
        limits = PoolLimits(tick=0.01, close_ends=True)
        async with Session(FakeUpstream(scripts.close_delimited(b"hi")), limits=limits) as session:
            taker = await session.ask()
            assert (taker.body, taker.ended) == (b"hi", True)
            session.upstream.choose = lambda _: scripts.short_body(b"hi", missing=1)
            assert (await session.ask()).failure is not None

    run(work())


def test_an_upstream_that_resets_before_any_request() -> None:
    async def work() -> None:
        upstream = FakeUpstream(scripts.answer(b"hi"), greeting=scripts.reset_at_once())
        async with Session(upstream) as session:
            taker = await session.ask()
            assert taker.failure is not None
            assert taker.failure.kind in {FailureKind.RESET, FailureKind.CONNECT}

    run(work())


def test_nobody_listens() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            target = session.target()
            await session.upstream.close()
            taker = await session.ask(to=target)
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.CONNECT
            assert not taker.failure.sent

    run(work())


LONG = {"connect": 300.0, "first_byte": 300.0, "idle": 300.0, "total": 300.0}


@pytest.mark.parametrize(
    ("script", "bounds", "kind"),
    [
        pytest.param(scripts.hang(), {"first_byte": 0.1}, "first_byte_timeout", id="no answer"),
        pytest.param(scripts.slow_head(500, b"hi"), {"first_byte": 0.1}, "first_byte_timeout", id="slow head"),
        pytest.param(scripts.hang_mid_stream(FRAMES), {"idle": 0.1}, "idle_timeout", id="stalls"),
        pytest.param(scripts.stream(FRAMES * 5_000, gap=0.02), {"total": 0.3}, "total_timeout", id="too long"),
        pytest.param(scripts.hang(), {"total": 0.1}, "total_timeout", id="total before the first byte"),
    ],
)
def test_time_outs(script: Script, bounds: dict[str, float], kind: str) -> None:
    async def work() -> None:
        async with Session(FakeUpstream(script), timeouts=Timeouts(**{**LONG, **bounds})) as session:
            began = asyncio.get_running_loop().time()
            taker = await session.ask()
            took = asyncio.get_running_loop().time() - began
            assert taker.failure is not None
            assert taker.failure.kind == FailureKind(kind), taker.failure
            assert min(bounds.values()) <= took + 0.005  # uvloop's clock ticks in milliseconds
            assert took < 60
            await session.upstream.wait(lambda: session.upstream.open == 0)

    run(work())


def test_a_stream_that_goes_on_is_not_idle() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.stream(FRAMES * 6, gap=0.06))) as session:
            taker = await session.ask(timeouts=Timeouts(**{**LONG, "idle": 0.3, "first_byte": 0.3}))
            assert taker.ended

    run(work())


def test_an_answer_that_came_while_the_loop_stood_still_is_read_first() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.stream(FRAMES * 6, gap=0.06))) as session:
            taker, _ = session.send(post(), timeouts=Timeouts(**{**LONG, "idle": 0.3, "first_byte": 0.3}))
            await taker.until(lambda: len(taker.body) > 0)
            time.sleep(2.0)  # noqa: ASYNC251 - all of the loop stands still, as on a machine that is frozen
            await taker.over.wait()
            assert taker.ended, taker.failure

    run(work())


def test_the_deadline_of_a_chain_ends_an_attempt() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.hang())) as session:
            taker, _ = session.send(post())
            first = type(taker)()
            now = asyncio.get_running_loop().time()
            session.pool.send(session.target(), post(), first, timeouts=session.timeouts, deadline=now + 0.1)
            await first.over.wait()
            assert first.failure is not None
            assert first.failure.kind is FailureKind.TOTAL_TIMEOUT
            assert not taker.over.is_set()

    run(work())


def test_the_default_tick_is_fine_enough() -> None:
    assert QUICK.tick <= PoolLimits().tick <= 0.25
