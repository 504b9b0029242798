"""Records on their way: bounded, dropped and counted when nobody takes them, written without prompts or keys."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ledger.records import ANSWERED, record

from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.ledger.logs import EventLog, RequestLog, pieces, write_to
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.ledger.record import Outcome, Record, Traced, Try

LIMIT = 60.0
"""Seconds; nothing here takes so long, but machines stand still at times."""


class Kept:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def write(self, records: Sequence[Record]) -> None:
        self.ids.extend(each.id for each in records)


class Broken:
    def write(self, records: Sequence[Record]) -> None:
        raise OSError(28, f"no space for {len(records)}")


class Stuck:
    def __init__(self) -> None:
        self.released = threading.Event()

    def write(self, records: Sequence[Record]) -> None:
        assert records
        self.released.wait(10 * LIMIT)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_record_arrives_once_and_in_order() -> None:
    kept = Kept()
    queue = RecordQueue(sinks=[kept])
    queue.start()
    for number in range(3000):
        assert queue.put(record(id=str(number)))
    queue.stop(patience=LIMIT)
    assert kept.ids == [str(number) for number in range(3000)]
    assert (queue.put_in, queue.dropped, len(queue)) == (3000, 0, 0)


def test_records_that_trickle_in_are_taken_many_at_a_time() -> None:
    """A thread that took each by itself would take the interpreter from the request path for each."""
    batches: list[int] = []

    class Counting:
        def write(self, records: Sequence[Record]) -> None:
            batches.append(len(records))
            time.sleep(0.002)  # When it is done, the next ones have come.

    queue = RecordQueue(sinks=[Counting()])
    queue.start()
    began = time.monotonic()
    for _ in range(300):
        queue.put(ANSWERED)
        time.sleep(0.001)
    elapsed = time.monotonic() - began
    queue.stop(patience=LIMIT)
    assert sum(batches) == 300
    assert len(batches) <= elapsed / 0.01 + 3, "one in 20 ms, and some room for the clock"


def test_between_full_batches_others_get_the_interpreter() -> None:
    queue = RecordQueue(sinks=[Kept()])
    for _ in range(65_536):
        assert queue.put(ANSWERED)
    seen = set()
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)  # Now only who waits for something lets others go on.
    try:
        queue.start()
        while left := len(queue):
            seen.add(left)
            time.sleep(0)
    finally:
        sys.setswitchinterval(before)
    queue.stop(patience=LIMIT)
    assert len(seen - {65_536}) > 1


def test_a_sink_that_fails_costs_the_others_nothing() -> None:
    kept = Kept()
    queue = RecordQueue(sinks=[Broken(), kept])
    queue.start()
    queue.put(ANSWERED)
    queue.stop(patience=LIMIT)
    assert kept.ids == ["req-1"]
    assert queue.failed == 1


def test_a_sink_that_is_stuck_costs_records_and_no_time() -> None:
    stuck = Stuck()
    queue = RecordQueue(capacity=100, sinks=[stuck])
    queue.start()
    queue.put(ANSWERED)
    until(lambda: len(queue) == 0)
    began = time.monotonic()
    for _ in range(1000):
        queue.put(ANSWERED)
    assert time.monotonic() - began < LIMIT, "nobody waited for it"
    assert queue.dropped == 900
    queue.stop(patience=0.05)
    stuck.released.set()


def test_what_a_line_says() -> None:
    written: list[bytes] = []
    RequestLog(written.append).write([ANSWERED])
    line = json.loads(b"".join(written))
    assert line == {
        "log": "request",
        "id": "req-1",
        "at": 1_800_000_000.5,
        "outcome": "Answered",
        "status": 200,
        "times": {"total": 2.0, "firstByte": 0.2, "firstToken": 0.5},
        "operation": "chat",
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "tenant": "shop/web",
        "key": "first",
        "route": "shop/chat",
        "model": "chat",
        "candidate": "engine:shop/chat",
        "provider": "vllm",
        "upstreamModel": "llama-3.1-8b",
        "attempts": 2,
        "jurisdiction": "DE",
        "origin": ["DE"],
        "policies": ["health-data-stays-in-europe"],
        "revision": "1/42",
        "stream": True,
        "usage": {"input_tokens": 100, "output_tokens": 31, "cached_tokens": 64, "reasoning_tokens": 7},
        "bytesIn": 1200,
        "bytesOut": 900,
        "tags": {"team": "blue"},
    }


def test_no_field_can_hold_a_prompt_an_answer_or_a_key() -> None:
    """Whoever adds a field has to think of this test."""
    assert {field.name for field in msgspec.structs.fields(Record)} == {
        *("id", "at", "outcome", "status", "times", "operation", "error", "trace", "tenant", "key", "route", "model"),
        *("candidate", "provider", "upstream_model", "attempts", "jurisdiction", "origin", "policies", "revision"),
        *("stream", "cache", "usage", "usage_partial", "bytes_in", "bytes_out", "peer", "hosted", "tags", "traced"),
        *("audited", "is_logged"),
    }
    assert {field.name for field in msgspec.structs.fields(Traced)} == {"span", "parent", "flags", "method", "tries"}
    assert {field.name for field in msgspec.structs.fields(Try)} == {
        *("span", "start", "end", "candidate", "provider", "model", "jurisdiction", "status", "fault"),
    }


def test_the_line_of_a_recorded_request_leads_to_its_spans() -> None:
    written: list[bytes] = []
    tried = Try(span="b" * 16, start=0.25, end=0.5, candidate="engine:a", status=503, fault="ServerError")
    RequestLog(written.append).write([record(traced=Traced(span="a" * 16, method="POST", tries=(tried,)))])
    assert json.loads(b"".join(written))["traced"] == {
        "span": "a" * 16,
        "method": "POST",
        "tries": [
            {
                "span": "b" * 16,
                "start": 0.25,
                "end": 0.5,
                "candidate": "engine:a",
                "status": 503,
                "fault": "ServerError",
            }
        ],
    }


@pytest.mark.parametrize(("percent", "least", "most"), [(0, 0, 0), (10, 60, 140), (100, 1000, 1000)])
def test_sampling(percent: int, least: int, most: int) -> None:
    written: list[bytes] = []
    log = RequestLog(written.append, percent=percent)
    log.write([record(id=f"req-{number}") for number in range(1000)])
    first = b"".join(written)
    assert least <= first.count(b"\n") <= most
    written.clear()
    log.write([record(id=f"req-{number}") for number in range(1000)])
    assert b"".join(written) == first, "the same ones everywhere"
    written.clear()
    log.write([record(id="x", outcome=Outcome.FAILED)])
    assert b"".join(written).count(b"\n") == 1


def test_a_site_may_have_no_request_log() -> None:
    written: list[bytes] = []
    log = RequestLog(written.append)
    log.is_on = False
    log.write([ANSWERED])
    assert written == []


@given(st.lists(st.integers(1, 9000).map(lambda size: b"x" * (size - 1) + b"\n"), max_size=30))
def test_pieces_are_whole_lines_that_a_pipe_keeps_together(lines: list[bytes]) -> None:
    made = list(pieces(lines))
    assert b"".join(made) == b"".join(lines)
    assert all(piece.endswith(b"\n") for piece in made)
    assert all(len(piece) <= 4096 or piece.count(b"\n") == 1 for piece in made)


def test_events() -> None:
    written: list[bytes] = []
    log = EventLog(written.append, wall=lambda: 12.3456)
    log.start()
    log.say(LogLevel.DEBUG, "TooSmall")
    log.say(LogLevel.WARNING, "SomethingHappened", detail="like this")
    log.level = LogLevel.ERROR
    log.say(LogLevel.WARNING, "TooSmall")
    log.stop(patience=LIMIT)
    assert [json.loads(line) for line in b"".join(written).splitlines()] == [
        {"log": "event", "at": 12.346, "level": "Warning", "event": "SomethingHappened", "detail": "like this"}
    ]


def test_a_log_whose_reader_is_gone_drops() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = EventLog(write_to(writing), wall=time.time)
    log.start()
    log.say(LogLevel.ERROR, "Lost")
    log.stop(patience=LIMIT)
    os.close(writing)
    assert log.dropped == 1


WRITER = """
import os, sys
from isochrone_gateway.ledger.logs import write_to
write = write_to(1, turns=int(sys.argv[1]))
for _ in range(20):
    write(sys.argv[2].encode() * 30_000 + b"\\n")
"""


def test_processes_that_write_to_one_pipe_take_turns() -> None:
    reading, writing = os.pipe()
    turns = os.memfd_create("turns")
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(turns), letter], stdout=writing, pass_fds=[turns])
        for letter in "abc"
    ]
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        lines = file.read().splitlines()
    assert [writer.wait(LIMIT) for writer in writers] == [0, 0, 0]
    os.close(turns)
    assert sorted(lines) == [letter * 30_000 for letter in (b"a", b"b", b"c") for _ in range(20)]


def test_write_to_writes_all() -> None:
    reading, writing = os.pipe()
    data = b"y" * 300_000

    def write() -> None:
        write_to(writing)(data)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as file:
        assert file.read() == data
    thread.join(LIMIT)
