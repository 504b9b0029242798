"""Valid traffic means the same however it is cut, and hostile traffic harms nothing (some of the fuzz target)."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.http1.memory import EchoHandler, Session
from tests.fuzz import http1

VISIBLE = frozenset([9, *range(32, 127), *range(128, 256)])
TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.!~", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=40).map(lambda raw: bytes(byte for byte in raw if byte in VISIBLE).strip())
RESERVED = {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}
PIECES = st.lists(st.binary(min_size=1, max_size=200), max_size=5)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request and its bytes."""

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]
    length: int | None
    body: bytes
    data: bytes


@st.composite
def requests(draw: st.DrawFn) -> Request:
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"]))
    target = b"/" + b"/".join(draw(st.lists(TOKEN, max_size=3))) + draw(st.sampled_from([b"", b"?", b"?a=b&c"]))
    fields = draw(st.dictionaries(TOKEN.filter(lambda name: name.lower() not in RESERVED), VALUE, max_size=5))
    headers = {b"host": b"a.example", **{name.lower(): value for name, value in fields.items()}}
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % header for header in headers.items())]
    pieces = draw(PIECES)
    length = None
    if draw(st.booleans()):
        lines.append(b"Transfer-Encoding: chunked")
        headers[b"transfer-encoding"] = b"chunked"
        extension = draw(st.sampled_from([b"", b";a", b';a="b"']))
        encoded = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
        encoded += b"0\r\n" + draw(st.sampled_from([b"", b"X: y\r\n"])) + b"\r\n"
    else:
        encoded = b"".join(pieces)
        lines.append(b"Content-Length: %d" % len(encoded))
        length = len(encoded)
    return Request(method, target, headers, length, b"".join(pieces), b"\r\n".join(lines) + b"\r\n\r\n" + encoded)


@st.composite
def alike(draw: st.DrawFn) -> list[Request]:
    """Requests of which most have the same head, but for its length."""
    kinds = draw(st.lists(requests(), min_size=1, max_size=2))
    bodies = draw(st.lists(st.tuples(st.sampled_from(kinds), st.binary(max_size=120)), min_size=1, max_size=8))
    return [with_body(kind, body) for kind, body in bodies]


def with_body(kind: Request, body: bytes) -> Request:
    if kind.length is None:
        return kind
    head = kind.data.partition(b"\r\n\r\n")[0].removesuffix(b"%d" % kind.length)
    data = head + b"%d\r\n\r\n" % len(body) + body
    return dataclasses.replace(kind, length=len(body), body=body, data=data)


@settings(deadline=None)  # The machine may be busy.
@given(traffic=st.lists(requests(), min_size=1, max_size=4) | alike(), data=st.data())
def test_valid_traffic_means_the_same_however_it_is_cut(traffic: list[Request], data: st.DataObject) -> None:
    sent = b"".join(request.data for request in traffic)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    session = Session(EchoHandler())

    session.send(*(sent[start:end] for start, end in itertools.pairwise([0, *cuts, len(sent)])))

    exchanges = [seen.exchange for seen in session.handler.seen]
    assert [(each.head.method, each.head.target, each.head.fields, each.length) for each in exchanges] == [
        (request.method, request.target, request.headers, request.length) for request in traffic
    ]
    assert [answer.body for answer in session.answers()] == [request.body for request in traffic]
    assert session.is_open()


@settings(deadline=None)  # The machine may be busy.
@given(request=requests())
def test_valid_traffic_byte_by_byte(request: Request) -> None:
    session = Session(EchoHandler())

    session.send(*(request.data[index : index + 1] for index in range(len(request.data))))

    assert [answer.body for answer in session.answers()] == [request.body]


@pytest.mark.parametrize("block", range(10))
def test_fuzz(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        http1.run(seed)
