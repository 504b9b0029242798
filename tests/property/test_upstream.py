"""Answers mean the same however they are cut; addresses and metrics hold their invariants on any input."""

import dataclasses
import ipaddress
import itertools

import h11
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.upstream.addresses import PUBLIC, AddressRule
from isochrone_gateway.upstream.load import read_load
from isochrone_gateway.upstream.resolver import by_turns
from isochrone_gateway.upstream.response import ResponseReader, Stage
from isochrone_gateway.upstream.simple import simple_head
from isochrone_gateway.wire.http import ResponseHead


@dataclasses.dataclass
class Notes:
    """What a reader said, with the body joined: pieces may differ, content may not."""

    heads: list[tuple[int, list[tuple[bytes, bytes]], int | None, bool, bool]] = dataclasses.field(default_factory=list)
    body: bytes = b""

    def on_head(self, head: ResponseHead) -> None:
        self.heads.append((head.status, head.headers, head.content_length, head.chunked, head.keep_alive))

    def on_data(self, data: bytes) -> None:
        self.body += data


Outcome = tuple[Notes, Stage, bool, bool]


def read(pieces: list[bytes], *, mute: bool = False, close_ends: bool = False) -> Outcome:
    notes = Notes()
    reader = ResponseReader(max_head=400, max_headers=20, close_ends=close_ends)
    reader.begin(notes, mute=mute)
    for piece in pieces:
        reader.feed(piece)
        if reader.stage in {Stage.DONE, Stage.FAULT}:
            break
    else:
        reader.eof()
    outcome = (notes, reader.stage, bool(reader.fault), reader.reusable)
    reader.close()
    return outcome


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(position % (len(data) + 1) for position in at)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


tokens = st.sampled_from([b"x", b"Content-Type", b"set-cookie", b"retry-after"])
values = st.sampled_from([b"", b"a", b"a b\t", b"\xff", b"x" * 50])
fields = st.lists(st.tuples(tokens, values), max_size=4)
bodies = st.binary(max_size=200)
statuses = st.sampled_from(
    [b"200 OK", b"204 No Content", b"304 X", b"429", b"503 ", b"100 Continue", b"101 X", b"99 X"]
)


def lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in headers)


@st.composite
def good(draw: st.DrawFn) -> bytes:
    """An answer that is as it should be."""
    body = draw(bodies)
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nlink: y\r\n\r\n"]))
    start = interim + b"HTTP/1.1 200 OK\r\n" + lines(draw(fields))
    if draw(st.booleans()):
        return start + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part)
    trailer = draw(st.sampled_from([b"", b"x: y\r\n"]))
    return start + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailer + b"\r\n"


@st.composite
def any_answer(draw: st.DrawFn) -> bytes:
    """Something like an answer, mostly."""
    length = draw(st.sampled_from([b"", b"content-length: 3\r\n", b"content-length: 3\r\ncontent-length: 3\r\n"]))
    coding = draw(st.sampled_from([b"", b"", b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n"]))
    version = draw(st.sampled_from([b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/2.0 "]))
    start = version + draw(statuses) + b"\r\n" + lines(draw(fields)) + length + coding + b"\r\n"
    rest = draw(st.sampled_from([b"", b"abc", b"ab", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n", b"z", b"abcjunk"]))
    return start + rest


cuts = st.lists(st.integers(min_value=0, max_value=1000), max_size=8)


@given(good(), cuts)
def test_good_answers_are_read_whole(data: bytes, at: list[int]) -> None:
    whole = read([data])
    assert whole[1] is Stage.DONE
    assert read(cut(data, at)) == whole
    assert read([bytes([byte]) for byte in data]) == whole


@given(any_answer(), cuts, st.booleans(), st.booleans())
def test_cuts_change_nothing(data: bytes, at: list[int], mute: bool, close_ends: bool) -> None:
    """But for what comes after the end: a whole feed shows it, a cut one leaves it for the idle connection to see."""
    whole, whole_stage, faulty, _ = read([data], mute=mute, close_ends=close_ends)
    for pieces in (cut(data, at), [bytes([byte]) for byte in data]):
        notes, stage, also_faulty, _ = read(pieces, mute=mute, close_ends=close_ends)
        assert (notes.heads, notes.body, stage, also_faulty) == (whole.heads, whole.body, whole_stage, faulty)


@given(good())
def test_h11_agrees(data: bytes) -> None:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    body = b""
    status = 0
    headers: list[tuple[bytes, bytes]] = []
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = list(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
    notes = read([data])[0]
    assert ([head[:2] for head in notes.heads], notes.body) == ([(status, headers)], body)


@given(good(), st.integers(min_value=0, max_value=1000))
def test_an_answer_that_stops_short_is_never_whole(data: bytes, keep: int) -> None:
    short = data[: keep % len(data)]
    assert read([short])[1] is Stage.FAULT


@given(st.binary(max_size=300), cuts)
def test_any_bytes_are_survived(data: bytes, at: list[int]) -> None:
    assert read(cut(data, at))[1] in {Stage.DONE, Stage.FAULT}


@given(st.integers(min_value=1, max_value=3000), st.integers(min_value=1, max_value=700))
def test_the_limit_counts_raw_bytes(size: int, piece: int) -> None:
    """What llhttp reports of an unfinished field is nothing; what was fed counts."""
    start = b"HTTP/1.1 200 OK\r\nx: "
    data = start + b"y" * size
    pieces = [data[index : index + piece] for index in range(0, len(data), piece)]
    fed = 0
    reader = ResponseReader(max_head=400, max_headers=20)
    reader.begin(Notes(), mute=False)
    for part in pieces:
        reader.feed(part)
        fed += len(part)
        assert (reader.stage is Stage.FAULT) == (fed > 400)
    reader.close()


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(addresses, st.ip_addresses(v=4))
def test_the_guard_cannot_be_passed_by_wrapping(address: ipaddress.IPv4Address, inner: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + inner.packed)
    nat64 = ipaddress.IPv6Address(bytes.fromhex("0064ff9b") + b"\0" * 8 + inner.packed)
    six_to_four = ipaddress.IPv6Address(b"\x20\x02" + inner.packed + b"\0" * 10)
    for wrapped in (mapped, nat64, six_to_four):
        assert PUBLIC.permits(str(wrapped)) <= PUBLIC.permits(str(inner))
    if PUBLIC.permits(str(address)):
        assert not any((address.is_private, address.is_loopback, address.is_link_local, address.is_multicast))
    assert AddressRule(anywhere=True).permits(str(address))


@given(st.binary(max_size=400))
def test_any_metrics_page_is_survived(page: bytes) -> None:
    load = read_load(b"vllm:num_requests_running" + page)
    if load is not None:
        assert min(load.running, load.waiting) >= 0


@given(st.lists(st.sampled_from(["1", "2", "3", "::1", "::2", "::3"]), min_size=1, unique=True))
def test_turns_lose_no_address_and_keep_the_first(found: list[str]) -> None:
    turns = by_turns(found)
    assert sorted(turns) == sorted(found)
    assert turns[0] == found[0]
    for family in (True, False):
        assert [a for a in turns if (":" in a) is family] == [a for a in found if (":" in a) is family]


SIMPLE = (
    b"HTTP/1.1 200 OK\r\nServer: uvicorn\r\ncontent-type: application/json\r\nConnection: keep-alive\r\n"
    b"Content-Length: 12\r\n\r\n"
)
ODD = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"\x7f", b"\xff", b"0", b"1", b",", b"chunked", b"close"]
ODD += [
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 12\r\n",
    b"Connection: close\r\n",
    b"X: y\r\n",
    b" folded\r\n",
]
edits = st.lists(st.tuples(st.integers(0, len(SIMPLE)), st.integers(0, 3), st.sampled_from([b"", *ODD])), max_size=3)


@given(edits=edits, body=st.binary(min_size=0, max_size=20))
def test_a_head_that_is_read_at_a_glance_means_what_llhttp_reads(
    edits: list[tuple[int, int, bytes]], body: bytes
) -> None:
    head = SIMPLE
    for at, less, more in edits:
        head = head[:at] + more + head[at + less :]
    glance = simple_head(head + body, 400, 20)
    notes, stage, _, reusable = read([bytes([byte]) for byte in head + body])

    if glance is not None:
        found, end = glance
        assert notes.heads[:1] == [(found.status, found.headers, found.content_length, found.chunked, found.keep_alive)]
        announced = found.content_length or 0
        assert notes.body == (head + body)[end : end + announced]
        assert stage is (Stage.DONE if len(notes.body) == announced else Stage.FAULT)
        assert reusable is (stage is Stage.DONE)
