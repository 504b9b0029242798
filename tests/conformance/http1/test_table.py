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


def test_the_table_is_what_it_says() -> None:
    ids = [case.id for case in TABLE]

    assert len(set(ids)) == len(ids)
    assert sum(case.then == "closed" and case.answers[-1] >= 400 for case in TABLE) >= 80
    assert {case.then for case in TABLE} == {"open", "closed", "waits"}
