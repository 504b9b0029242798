"""Spans on their way to a collector: batches, retries, time limits; and that nothing else is held up."""

import gzip
import http.client
import json
import pathlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from tests.unit.ledger import otlp_json
from tests.unit.ledger.collectors import Got, Reply, ScriptedCollector, collecting
from tests.unit.ledger.records import ANSWERED, record
from tests.unit.ledger.test_records import LIMIT, until
from tests.unit.upstream.certificates import Authority

from isochrone_gateway.config.routes import Retry
from isochrone_gateway.ledger.collector import find_collector
from isochrone_gateway.ledger.logs import RequestLog
from isochrone_gateway.ledger.otlp import Batch, Exporter, Timing, Verdict, Way, exporter_to, judge
from isochrone_gateway.ledger.posting import Answer
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.ledger.record import Record, Traced, Try

TRY = Try(span="b" * 16, start=0.1, end=0.2, candidate="engine:a", status=200)
SOON = Timing(linger=0.01, pace=Retry(attempts=3, backoff_base_ms=1, backoff_max_ms=2, jitter_percent=0))
PARTIAL = json.dumps({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}).encode()


def traced(number: int = 0) -> Record:
    """A record of two spans."""
    return record(id=f"req-{number}", traced=Traced(span=f"{number + 1:016x}", method="POST", tries=(TRY,)))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer(200, b"{}"), Verdict(is_final=True), id="taken"),
        pytest.param(Answer(200, b""), Verdict(is_final=True), id="taken, an empty body"),
        pytest.param(Answer(202, b"accepted"), Verdict(is_final=True), id="taken, not in JSON"),
        pytest.param(Answer(200, b'{"partialSuccess":{}}'), Verdict(is_final=True), id="taken, with a warning"),
        pytest.param(Answer(200, PARTIAL), Verdict(is_final=True, refused=1), id="taken in part"),
        pytest.param(
            Answer(200, b'{"partialSuccess":{"rejectedSpans":99}}'),
            Verdict(is_final=True, refused=8),
            id="more than all",
        ),
        pytest.param(
            Answer(200, b'{"partialSuccess":{"rejectedSpans":-1}}'), Verdict(is_final=True), id="fewer than none"
        ),
        pytest.param(Answer(400), Verdict(is_final=True, refused=8), id="malformed"),
        pytest.param(Answer(401), Verdict(is_final=True, refused=8), id="not allowed"),
        pytest.param(Answer(413), Verdict(is_final=True, refused=8), id="too large"),
        pytest.param(Answer(307), Verdict(is_final=True, refused=8), id="redirects aren't followed"),
        pytest.param(Answer(500), Verdict(is_final=True, refused=8), id="500 is not to be tried again"),
        pytest.param(Answer(429), Verdict(is_final=False), id="429"),
        pytest.param(Answer(502), Verdict(is_final=False), id="502"),
        pytest.param(Answer(503, b"", b"7"), Verdict(is_final=False, wait=7.0), id="503, in seconds"),
        pytest.param(
            Answer(504, b"", b"Thu, 01 Jan 1970 00:02:00 GMT"), Verdict(is_final=False, wait=20.0), id="504, a date"
        ),
        pytest.param(Answer(503, b"", b"soon"), Verdict(is_final=False), id="503, unreadable"),
    ],
)
def test_what_an_answer_means(answer: Answer, expected: Verdict) -> None:
    assert judge(answer, 8, 100.0) == expected


def exporter(way: Way, **options: Any) -> Exporter:
    return Exporter(way, resource={"service.name": "test"}, **{"timing": SOON, **options})


class Scripted:
    """Posts that end as told, the last way from then on."""

    def __init__(self, *ends: Answer | Exception) -> None:
        self._ends = list(ends)
        self.bodies: list[bytes] = []
        self.limits: list[float] = []
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def post(self, body: bytes, limit: float) -> Answer:
        self.bodies.append(body)
        self.limits.append(limit)
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        if isinstance(end, Exception):
            raise end
        return end


def outcome(post: Scripted, records: list[Record], **options: Any) -> Exporter:
    """What becomes of these records."""
    made = exporter(post, **options)
    made.start()
    made.write(records)
    until(lambda: len(made) == 0)
    made.stop(patience=LIMIT)
    return made


@pytest.mark.parametrize(
    ("ends", "posts", "counts"),
    [
        pytest.param([Answer(200)], 1, {"exported": 2}, id="taken"),
        pytest.param([Answer(200, PARTIAL)], 1, {"exported": 1, "refused": 1}, id="taken in part"),
        pytest.param([Answer(400)], 1, {"refused": 2}, id="refused"),
        pytest.param([Answer(503), Answer(200)], 2, {"exported": 2, "failures": 1}, id="taken the second time"),
        pytest.param(
            [OSError("away"), http.client.BadStatusLine("x"), Answer(200)], 3, {"exported": 2, "failures": 2}, id="back"
        ),
        pytest.param([OSError("away")], 3, {"unreachable": 2, "failures": 3}, id="away"),
        pytest.param([Answer(429)], 3, {"unreachable": 2, "failures": 3}, id="always busy"),
        pytest.param([RuntimeError("a bug")], 1, {"broken": 2}, id="a bug"),
    ],
)
def test_what_becomes_of_a_batch(ends: list[Answer | Exception], posts: int, counts: dict[str, int]) -> None:
    post = Scripted(*ends)
    made = exporter(post)
    made.start()
    made.write([traced()])
    until(lambda: sum(vars(made.counts).values()) == sum(counts.values()))
    made.stop(patience=LIMIT)
    assert {name: count for name, count in vars(made.counts).items() if count} == counts
    assert len(post.bodies) == posts
    assert len(set(post.bodies)) == 1, "the same again"
    assert post.is_closed


def test_a_bug_does_not_end_the_thread() -> None:
    post = Scripted(RuntimeError("a bug"), Answer(200))
    made = exporter(post)
    made.start()
    made.write([traced(1)])
    until(lambda: made.counts.broken == 2)
    made.write([traced(2)])
    until(lambda: made.counts.exported == 2)
    made.stop(patience=LIMIT)


def test_a_record_that_cannot_be_encoded_costs_its_batch_and_not_the_next() -> None:
    made = exporter(Scripted(Answer(200)))
    made.start()
    made.write([record(traced=Traced(span="a" * 16, tries=cast("tuple[Try]", (None,))))])
    until(lambda: made.counts.broken == 2)
    made.write([traced()])
    until(lambda: made.counts.exported == 2)
    made.stop(patience=LIMIT)


def test_records_that_trickle_in_are_sent_together_and_not_late() -> None:
    post = Scripted(Answer(200))
    made = exporter(post, timing=Timing(linger=0.2))
    made.start()
    began, written = time.monotonic(), 0
    while made.counts.exported == 0 and time.monotonic() < began + LIMIT:
        made.write([traced(written)])
        written += 1
        time.sleep(0.005)
    elapsed = time.monotonic() - began
    until(lambda: made.counts.exported == 2 * written)
    made.stop(patience=LIMIT)
    assert len(post.bodies) <= elapsed / 0.2 + 2


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_says_the_same_compressed(count: int) -> None:
    plain, zipped = (Batch({"service.name": "test"}, zips=zips) for zips in (False, True))
    for number in range(count):
        plain.add(traced(number))
        zipped.add(traced(number))
    body = plain.end()
    assert gzip.decompress(zipped.end()) == body
    assert len(otlp_json.spans(body)) == plain.count == zipped.count == 2 * count


def test_only_what_is_recorded_is_taken() -> None:
    post = Scripted(Answer(200))
    made = outcome(post, [ANSWERED, traced(), ANSWERED])
    assert made.counts.exported == 2
    assert len(post.bodies) == 1
    outcome(post, [ANSWERED])
    assert len(post.bodies) == 1, "nothing is sent when there is nothing to send"


def test_a_batch_is_bounded() -> None:
    post = Scripted(Answer(200))
    made = outcome(post, [traced(number) for number in range(600)])
    assert made.counts.exported == 1200
    assert len(post.bodies) == 3


def test_the_collector_says_when_but_not_without_end() -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return super().wait(0.001)

    made = exporter(Scripted(Answer(503, b"", b"5"), Answer(503, b"", b"86400"), Answer(200)))
    made._stop = Stop()
    made.start()
    made.write([traced()])
    until(lambda: made.counts.exported == 2)
    made.stop(patience=LIMIT)
    assert [wait for wait in waits if wait > 1] == [5.0, 30.0]


def test_a_full_queue_drops_and_counts() -> None:
    made = exporter(Scripted(Answer(200)), capacity=10)
    made.write([traced(number) for number in range(15)])
    assert len(made) == 10
    assert made.counts.queue_full == 10
    made.start()
    made.stop(patience=LIMIT)
    assert made.counts.exported == 20


def test_the_end_makes_one_last_attempt_in_the_time_that_is_left() -> None:
    post = Scripted(OSError("away"))
    long = Retry(attempts=3, backoff_base_ms=600_000, backoff_max_ms=600_000, jitter_percent=0)
    made = exporter(post, timing=Timing(linger=60, pace=long), timeout=10 * LIMIT)
    made.start()
    made.write([traced()])
    made.stop(patience=LIMIT)
    assert made.counts.unreachable == 2, "it didn't wait for a backoff"
    assert 0 < post.limits[-1] <= LIMIT
    assert len(post.bodies) <= 2


def test_the_end_does_not_wait_for_a_collector_that_hangs() -> None:
    with collecting(lambda _: Reply(hang=True)) as collector:
        made = to(collector, OTEL_EXPORTER_OTLP_TIMEOUT="60000")
        made.write([traced()])
        began = time.monotonic()
        made.stop(patience=0.5)
        assert time.monotonic() - began < 50, "it hangs for 60 s"


# Over real sockets.


def to(collector: ScriptedCollector, *, scheme: str = "http", **environ: str) -> Exporter:
    """An exporter that is running."""
    found = find_collector(environ, f"{scheme}://localhost:{collector.port}")
    assert found is not None
    made = exporter_to(found, instance="host/0", timing=SOON)
    made.start()
    return made


@pytest.fixture
def started() -> Iterator[Callable[[Exporter], Exporter]]:
    made: list[Exporter] = []

    def start(exporter: Exporter) -> Exporter:
        made.append(exporter)
        return exporter

    yield start
    for each in made:
        each.stop(patience=LIMIT)


def test_from_records_to_a_collector() -> None:
    with collecting() as collector:
        made = to(
            collector,
            OTEL_EXPORTER_OTLP_HEADERS="api-key=s%20ecret",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        )
        made.site = "paris"
        queue = RecordQueue(sinks=[made])
        queue.start()
        for number in range(10):
            queue.put(traced(number))
            queue.put(ANSWERED)
        queue.stop(patience=LIMIT)
        made.stop(patience=LIMIT)
    assert made.counts.exported == 20
    assert sorted(span.span_id.hex() for span in collector.spans if span.kind == span.SPAN_KIND_SERVER) == [
        f"{number + 1:016x}" for number in range(10)
    ]
    got = collector.got[0]
    assert got.path == "/v1/traces"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["content-encoding"] == "gzip"
    assert got.headers["api-key"] == "s ecret"
    [resource] = otlp_json.read(got.body).resource_spans
    assert otlp_json.attributes(resource.resource.attributes) == {
        "service.name": "isochrone-gateway",
        "service.instance.id": "host/0",
        "deployment.environment.name": "test",
        "isochrone.site": "paris",
    }


def test_without_compression(started: Callable[[Exporter], Exporter]) -> None:
    with collecting() as collector:
        made = started(to(collector, OTEL_EXPORTER_OTLP_COMPRESSION="none"))
        made.write([traced()])
        until(lambda: made.counts.exported == 2)
        assert "content-encoding" not in collector.got[0].headers
        assert len(collector.spans) == 2


@pytest.mark.parametrize(("closes", "connections"), [(False, 1), (True, 3)])
def test_the_connection_is_kept_if_the_collector_keeps_it(
    started: Callable[[Exporter], Exporter], closes: bool, connections: int
) -> None:
    with collecting(lambda _: Reply(closes=closes)) as collector:
        made = started(to(collector))
        for number in range(3):
            made.write([traced(number)])
            until(lambda: made.counts.exported == 2 * number + 2)  # noqa: B023 - asked at once
        assert collector.connections == connections
        assert made.counts.failures == 0, "a connection that was closed while idle is no failure"


def test_a_collector_that_comes_back(started: Callable[[Exporter], Exporter]) -> None:
    replies = iter([Reply(503), Reply(429, headers={"Retry-After": "0"}), Reply()])
    with collecting(lambda _: next(replies)) as collector:
        made = started(to(collector))
        made.write([traced()])
        until(lambda: made.counts.exported == 2)
        assert made.counts.failures == 2
        assert len({got.body for got in collector.got}) == 1


def test_a_collector_that_is_not_there(started: Callable[[Exporter], Exporter]) -> None:
    with collecting() as collector:
        pass
    made = started(to(collector))
    made.write([traced()])
    until(lambda: made.counts.unreachable == 2)


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(trickle=True)], ids=["hangs", "trickles"])
def test_time_limits(started: Callable[[Exporter], Exporter], reply: Reply) -> None:
    def choose(got: Got) -> Reply:
        return reply if b"0000000000000001" in got.body else Reply()

    with collecting(choose) as collector:
        made = started(to(collector, OTEL_EXPORTER_OTLP_TIMEOUT="200"))
        made.write([traced(0)])
        until(lambda: made.counts.unreachable == 2)
        assert made.counts.failures == 3

        def is_back() -> bool:
            """On a busy machine one that answers may be late as well."""
            if len(made) == 0:
                made.write([traced(1)])
            return made.counts.exported > 0

        until(is_back)


@pytest.mark.parametrize("stall", [False, True])
def test_a_long_answer_is_not_read_to_its_end(started: Callable[[Exporter], Exporter], stall: bool) -> None:
    with collecting(lambda _: Reply(body=b" " * (65_536 if stall else 500_000), stall=stall)) as collector:
        made = started(to(collector))
        for number in range(2):
            made.write([traced(number)])
            until(lambda: made.counts.exported == 2 * number + 2)  # noqa: B023 - asked at once
        assert collector.connections == 2
        assert made.counts.failures == 0


def test_a_collector_that_hangs_costs_the_request_log_nothing() -> None:
    written: list[bytes] = []
    with collecting(lambda _: Reply(hang=True)) as collector:
        made = to(collector, OTEL_EXPORTER_OTLP_TIMEOUT="60000")
        queue = RecordQueue(sinks=[made, RequestLog(written.append)])
        queue.start()
        for number in range(20_000):
            queue.put(traced(number))
        until(lambda: b"".join(written).count(b"\n") == 20_000)
        queue.stop(patience=LIMIT)
        assert queue.dropped == 0
        assert made.counts.queue_full > 0
        assert len(made) <= 4096
        collector.over.set()
        made.stop(patience=0.1)


def test_tls(tmp_path: pathlib.Path, started: Callable[[Exporter], Exporter]) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost", names=("localhost",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.certificate, issued.key)
    with collecting(context=context) as collector:
        stranger = started(to(collector, scheme="https"))
        stranger.write([traced(0)])
        until(lambda: stranger.counts.unreachable == 2)
        assert collector.got == []
        made = started(to(collector, scheme="https", OTEL_EXPORTER_OTLP_CERTIFICATE=str(authority.bundle)))
        for number in range(3):
            made.write([traced(number)])
            until(lambda: made.counts.exported == 2 * number + 2)  # noqa: B023 - asked at once
        assert made.counts.failures == 0
        assert len(collector.spans) == 6
        assert len({got.connection for got in collector.got}) == 1
