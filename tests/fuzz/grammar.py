"""Random requests that follow the grammar, and mutations that mostly don't."""

import dataclasses
import random
from typing import Final

METHODS: Final = (b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")
TARGETS: Final = (b"/", b"/v1/chat/completions", b"/v1/models?limit=10", b"/a%20b;c=d", b"http://a/x")
HEADERS: Final = (
    b"Accept: */*",
    b"Accept: text/event-stream",
    b"Authorization: Bearer sk-0123456789abcdef",
    b"Connection: keep-alive",
    b"Content-Type: application/json",
    b"Cookie: a=b",
    b"User-Agent: fuzz/1.0 (\xc3\xa4)",
    b"X-Empty:",
    b"X-Isochrone-Origin: DE",
    b"X-Long: " + b"y" * 300,
    b"Upgrade: h2c",
)
EVIL: Final = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"\x00",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"+",
    b"-",
    b"0x",
    b"_",
    b"\r\n ",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b"chunked",
    b"\r\nHost: b",
    b"\r\nContent-Length: 0",
    b"\r\nContent-Length: 5",
    b"\r\nContent-Length: 18446744073709551616",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nTransfer-Encoding: gzip, chunked",
    b"\r\nConnection: close",
    b"\r\nConnection: upgrade\r\nUpgrade: x",
    b"\r\nExpect: 100-continue",
    b"\r\nExpect: x",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"a" * 9000,
    b"X: y\r\n" * 110,
)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A request's bytes and the body that they carry."""

    data: bytes
    body: bytes


def request(source: random.Random) -> Sample:
    method, target = source.choice(METHODS), source.choice(TARGETS)
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: a", *source.sample(HEADERS, source.randrange(5))]
    body = source.randbytes(source.choice((0, 1, 3, 50, 3000)))
    encoded = b""
    if source.random() < 0.3:
        lines.append(b"Transfer-Encoding: chunked")
        encoded = chunked(source, body)
    elif body:
        lines.insert(source.randrange(2, len(lines) + 1), b"Content-Length: %d" % len(body))
        encoded = body
    return Sample(b"\r\n".join(lines) + b"\r\n\r\n" + encoded, body)


def chunked(source: random.Random, body: bytes) -> bytes:
    out = bytearray()
    while body:
        size = source.choice((1, 7, 1000))
        out += chunk(source, body[:size])
        body = body[size:]
    trailer = source.choice((b"", b"", b"X-Digest: abc\r\n"))
    return bytes(out) + b"0\r\n" + trailer + b"\r\n"


def chunk(source: random.Random, piece: bytes) -> bytes:
    extension = source.choice((b"", b"", b"", b";a=b", b';a="b c"'))
    return b"%x%b\r\n%b\r\n" % (len(piece), extension, piece)


def mutated(source: random.Random, data: bytes) -> bytes:
    for _ in range(source.choice((0, 1, 1, 1, 2, 4))):
        data = mutate(source, data)
    return data


def mutate(source: random.Random, data: bytes) -> bytes:
    # Heads decide most, so most mutations are there.
    end = source.choice((len(data), data.find(b"\r\n\r\n") + 4, data.find(b"\r\n") + 2))
    at = source.randrange(max(1, end))
    match source.randrange(6):
        case 0:
            return data[:at] + source.choice(EVIL) + data[at:]
        case 1:
            return data[:at] + source.randbytes(1) + data[at + 1 :]
        case 2:
            return data[:at] + data[at + source.randrange(1, 9) :]
        case 3:
            return data[:at] + source.choice(EVIL) + data[at + source.randrange(1, 9) :]
        case 4:
            other = source.randrange(len(data) + 1)
            return data[:at] + data[min(at, other) : max(at, other)] + data[at:]
        case _:
            return data[:at]


def segments(source: random.Random, data: bytes) -> list[bytes]:
    if source.random() < 0.1:
        return [data[index : index + 1] for index in range(len(data))]
    cuts = sorted(source.randrange(len(data) + 1) for _ in range(source.choice((0, 1, 3, 10))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
