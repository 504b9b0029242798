"""Every case of the table has its outcome, however its bytes are cut into segments."""

import json
import random
from collections.abc import Callable, Iterator

import pytest
from tests.conformance.http1 import cases
from tests.conformance.http1.memory import Answer, EchoHandler, Session

Cut = Callable[[bytes], Iterator[bytes]]

TABLE = cases.load()
PROBE = b"GET /probe HTTP/1.1\r\nHost: a\r\n\r\n"


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def bytewise(data: bytes) -> Iterator[bytes]:
    for index in range(len(data)):
        yield data[index : index + 1]


def at_random(data: bytes) -> Iterator[bytes]:
    source = random.Random(len(data))
    while data:
        size = source.choice((1, 2, 3, 5, 10, 100, 5000))
        yield data[:size]
        data = data[size:]


def code_of(answer: Answer) -> object:
    return json.loads(answer.body)["error"]["code"]


@pytest.mark.parametrize("cut", [whole, bytewise, at_random])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in TABLE])
def test_outcome(case: cases.Case, cut: Cut) -> None:
    session = Session(EchoHandler())

    session.send(*cut(case.send))

    head = case.send.startswith(b"HEAD")
    answers = session.answers(*([b"HEAD"] if head else []))
    assert [answer.status for answer in answers] == list(case.answers)
    assert session.loop.failures == []
    if case.code is not None:
        assert code_of(answers[-1]) == case.code
        assert answers[-1].headers[b"connection"] == b"close"
        assert session.listener.counters.refusals == {case.code: 1}
    if case.bodies is not None:
        assert [bytes(seen.body) for seen in session.handler.seen] == list(case.bodies)
    assert session.is_open() is (case.then != "closed")
    if case.then != "waits":
        session.send(PROBE)
        expected = [*case.answers, 200] if case.then == "open" else list(case.answers)
        assert [answer.status for answer in session.answers(*([b"HEAD"] if head else []))] == expected


def alike(body: bytes) -> bytes:
    return b"POST /alike HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nX-Y: z\r\n\r\n%b" % (len(body), body)


KNOWN = [alike(b"x" * size) for size in (1, 22, 3, 0)]
"""After these the connection knows the head."""


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in TABLE])
def test_outcome_after_heads_that_are_alike(case: cases.Case) -> None:
    session = Session(EchoHandler())

    session.send(*KNOWN, case.send)

    head = case.send.startswith(b"HEAD")
    answers = session.answers(*([b"POST"] * len(KNOWN) + [b"HEAD"] if head else []))
    assert [answer.status for answer in answers] == [200] * len(KNOWN) + list(case.answers)
    if case.code is not None:
        assert code_of(answers[-1]) == case.code
    assert session.is_open() is (case.then != "closed")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        pytest.param(alike(b"").replace(b": 0", b": 00"), 200, None, id="zeros"),
        pytest.param(alike(b"").replace(b": 0", b":   0  "), 200, None, id="more space"),
        pytest.param(alike(b"").replace(b": 0", b": +1"), 400, "bad_header", id="a sign"),
        pytest.param(alike(b"").replace(b": 0", b": "), 400, "bad_header", id="no digits"),
        pytest.param(alike(b"").replace(b": 0", b": " + b"9" * 19), 413, "body_too_large", id="too large"),
        pytest.param(alike(b"").replace(b": 0", b": " + b"0" * 20), 400, "bad_content_length", id="too many digits"),
        pytest.param(alike(b"").replace(b": 0", b": 0\r\nContent-Length: 0"), 400, None, id="two lengths"),
        pytest.param(alike(b"").replace(b": 0", b": 0\rX"), 400, "bad_header", id="a bare CR"),
        pytest.param(alike(b"").replace(b": 0\r\n", b": 0\n"), 400, "bare_line_feed", id="a bare LF"),
        pytest.param(alike(b"").replace(b": 0", b": 0\r\nTransfer-Encoding: chunked"), 400, None, id="a coding too"),
        pytest.param(alike(b"").replace(b"z\r\n\r\n", b"z\r\nConnection: close\r\n\r\n"), 200, None, id="another line"),
    ],
)
def test_a_head_that_differs_from_the_known_one_is_judged(sent: bytes, status: int, code: str | None) -> None:
    session = Session(EchoHandler())

    session.send(*KNOWN, sent)

    last = session.answers()[len(KNOWN) :]
    assert [answer.status for answer in last] == [status]
    if code is not None:
        assert code_of(last[0]) == code


def test_the_table_is_what_it_says() -> None:
    ids = [case.id for case in TABLE]

    assert len(set(ids)) == len(ids)
    assert sum(case.then == "closed" and case.answers[-1] >= 400 for case in TABLE) >= 80
    assert {case.then for case in TABLE} == {"open", "closed", "waits"}
