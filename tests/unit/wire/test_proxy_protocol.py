"""PROXY headers: each kind, and each way to be wrong."""

import pytest
from tests.unit.wire.proxy_headers import (
    SIGNATURE,
    TCP6,
    UDP4,
    UDP6,
    UNIX,
    UNIX_DATAGRAM,
    addresses,
    block,
    crc32c,
    extension,
    local,
    tcp,
    with_checksum,
)

from isochrone_gateway.wire import proxy_protocol
from isochrone_gateway.wire.proxy_protocol import HEADER_MAX, Fault, Header, HeaderReader

OWN = Header(None)
CLIENT = Header(("192.0.2.7", 4711))
CHECKSUM = extension(3, bytes(4))
BY_HAPROXY = SIGNATURE + bytes.fromhex(
    "211100237f0000017f00000198441bbf030004114898e805000d37463030303030313a39383434"
)  # fmt: skip
"""Sent by HAProxy 2.6 with `send-proxy-v2 proxy-v2-options crc32c,unique-id`."""
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"


def longest(size: int) -> bytes:
    content = addresses("192.0.2.7", 4711)
    return block(content + extension(4, bytes(size - 16 - len(content) - 3)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(tcp("192.0.2.7", 4711), CLIENT, id="TCP over IPv4"),
        pytest.param(tcp("2001:db8::7", 4711), Header(("2001:db8::7", 4711)), id="TCP over IPv6"),
        pytest.param(tcp("::ffff:192.0.2.7", 4711), CLIENT, id="IPv4 within IPv6"),
        pytest.param(tcp("255.255.255.255", 65535), Header(("255.255.255.255", 65535)), id="highest"),
        pytest.param(tcp("0.0.0.0", 0), Header(("0.0.0.0", 0)), id="lowest"),
        pytest.param(block(addresses("192.0.2.7", 4711), family=UDP4), CLIENT, id="UDP over IPv4"),
        pytest.param(block(addresses("2001:db8::7", 53), family=UDP6), Header(("2001:db8::7", 53)), id="UDP over IPv6"),
        pytest.param(block(bytes(216), family=UNIX), OWN, id="Unix stream"),
        pytest.param(block(bytes(216), family=UNIX_DATAGRAM), OWN, id="Unix datagram"),
        pytest.param(block(bytes(216) + extension(4, b""), family=UNIX), OWN, id="Unix with an extension"),
        pytest.param(local(), OWN, id="LOCAL: a health check"),
        pytest.param(block(b"anything", family=0xFF, command=0), OWN, id="LOCAL: its block is not read"),
        pytest.param(block(addresses("192.0.2.7", 1), command=0), OWN, id="LOCAL: with addresses"),
        pytest.param(block(family=0), OWN, id="unspecified"),
        pytest.param(block(b"anything", family=0), OWN, id="unspecified: its block is not read"),
        pytest.param(block(family=0x10), OWN, id="IPv4 over unspecified"),
        pytest.param(block(family=0x02), OWN, id="UDP over unspecified"),
        pytest.param(tcp("192.0.2.7", 4711, extension(1, b"h2"), extension(2, b"ai.example")), CLIENT, id="extensions"),
        pytest.param(tcp("192.0.2.7", 4711, extension(0xEE, b"")), CLIENT, id="empty extension of an unknown type"),
        pytest.param(longest(HEADER_MAX), CLIENT, id="as long as may be"),
        pytest.param(with_checksum(tcp("192.0.2.7", 4711, CHECKSUM)), CLIENT, id="checksum"),
        pytest.param(
            with_checksum(tcp("2001:db8::7", 1, extension(4, b"abc"), CHECKSUM, extension(5, b"x"))),
            Header(("2001:db8::7", 1)),
            id="checksum among others",
        ),
        pytest.param(BY_HAPROXY, Header(("127.0.0.1", 38980)), id="HAProxy's, with its checksum"),
        pytest.param(LINE, CLIENT, id="v1 IPv4"),
        pytest.param(
            b"PROXY TCP6 2001:DB8::7 2001:db8:0:0:0:0:0:1 4711 443\r\n", Header(("2001:db8::7", 4711)), id="v1 IPv6"
        ),
        pytest.param(b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 443\r\n", CLIENT, id="v1 IPv4 within IPv6"),
        pytest.param(b"PROXY UNKNOWN\r\n", OWN, id="v1 unknown"),
        pytest.param(b"PROXY UNKNOWN what ever \xff\r\n", OWN, id="v1 unknown, the rest is not read"),
        pytest.param(b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", OWN, id="v1 as long as may be"),
    ],
)
def test_a_good_header(header: bytes, expected: Header) -> None:
    reader = HeaderReader()
    assert reader.feed(header + b"GET /") == expected
    assert reader.rest == b"GET /"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n", Fault.NO_HEADER, id="a request"),
        pytest.param(b"\x16\x03\x01\x02\x00", Fault.NO_HEADER, id="a TLS handshake"),
        pytest.param(b"\r\n\r\n\x00\r\nQUIT\r", Fault.NO_HEADER, id="signature off by one"),
        pytest.param(b"\r\nGET / HTTP/1.1\r\n", Fault.NO_HEADER, id="a request after an empty line"),
        pytest.param(b"POST / HTTP/1.1\r\n", Fault.NO_HEADER, id="begins as a line does"),
        pytest.param(b"PROXY\tTCP4 1.1.1.1 1.1.1.1 1 1\r\n", Fault.NO_HEADER, id="v1 tab"),
        pytest.param(b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n", Fault.NO_HEADER, id="v1 lower case"),
        pytest.param(block(version=1), Fault.UNKNOWN_VERSION, id="version 1 in binary"),
        pytest.param(block(version=3), Fault.UNKNOWN_VERSION, id="version 3"),
        pytest.param(block(command=2), Fault.UNKNOWN_COMMAND, id="command 2"),
        pytest.param(block(command=15), Fault.UNKNOWN_COMMAND, id="command 15"),
        pytest.param(block(bytes(12), family=0x41), Fault.UNKNOWN_FAMILY, id="family 4"),
        pytest.param(block(bytes(12), family=0x13), Fault.UNKNOWN_FAMILY, id="transport 3"),
        pytest.param(block(bytes(12), family=0x03), Fault.UNKNOWN_FAMILY, id="unspecified over transport 3"),
        pytest.param(block(), Fault.TOO_SHORT, id="no addresses"),
        pytest.param(block(bytes(11)), Fault.TOO_SHORT, id="IPv4 without its last byte"),
        pytest.param(block(bytes(35), family=TCP6), Fault.TOO_SHORT, id="IPv6 without its last byte"),
        pytest.param(block(bytes(12), family=TCP6), Fault.TOO_SHORT, id="IPv6 with IPv4's addresses"),
        pytest.param(block(bytes(215), family=UNIX), Fault.TOO_SHORT, id="Unix without its last byte"),
        pytest.param(longest(HEADER_MAX + 1), Fault.TOO_LONG, id="a byte too long"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", Fault.TOO_LONG, id="too long, at once"),
        pytest.param(SIGNATURE + b"\x20\x00\xff\xff", Fault.TOO_LONG, id="LOCAL is as bounded"),
        pytest.param(tcp("192.0.2.7", 1, b"\x04"), Fault.BAD_EXTENSION, id="a type without a length"),
        pytest.param(tcp("192.0.2.7", 1, b"\x04\x00"), Fault.BAD_EXTENSION, id="half a length"),
        pytest.param(tcp("192.0.2.7", 1, b"\x04\x00\x01"), Fault.BAD_EXTENSION, id="an extension beyond the header"),
        pytest.param(
            block(bytes(216) + b"\x04\x00\x01", family=UNIX), Fault.BAD_EXTENSION, id="Unix: an extension beyond it"
        ),
        pytest.param(tcp("192.0.2.7", 1, CHECKSUM), Fault.WRONG_CHECKSUM, id="a checksum of zeros"),
        pytest.param(BY_HAPROXY.replace(b"\x98\x44", b"\x98\x45"), Fault.WRONG_CHECKSUM, id="a changed port"),
        pytest.param(tcp("192.0.2.7", 1, extension(3, b"abc")), Fault.BAD_EXTENSION, id="a checksum of three bytes"),
        pytest.param(
            with_checksum(tcp("192.0.2.7", 1, CHECKSUM, extension(3, b"abcd"))), Fault.BAD_EXTENSION, id="two checksums"
        ),
        pytest.param(b"PROXY \r\n", Fault.BAD_LINE, id="v1 nothing"),
        pytest.param(b"PROXY TCP4\r\n", Fault.BAD_LINE, id="v1 no addresses"),
        pytest.param(b"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 UDP"),
        pytest.param(b"PROXY UNKNOWNS\r\n", Fault.BAD_LINE, id="v1 a longer word"),
        pytest.param(b"PROXY UNKNOWN a\nb\r\n", Fault.BAD_LINE, id="v1 a bare line feed"),
        pytest.param(b"PROXY UNKNOWN a\rb\r\n", Fault.BAD_LINE, id="v1 a bare carriage return"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", Fault.BAD_LINE, id="v1 a space at the end"),
        pytest.param(b"PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 two spaces"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", Fault.BAD_LINE, id="v1 one port"),
        pytest.param(b"PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 three numbers"),
        pytest.param(b"PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 256"),
        pytest.param(b"PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 a zero before a number"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 destination"),
        pytest.param(b"PROXY TCP4 ::1 ::1 1 1\r\n", Fault.BAD_LINE, id="v1 IPv6 as IPv4"),
        pytest.param(b"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n", Fault.BAD_LINE, id="v1 IPv4 as IPv6"),
        pytest.param(b"PROXY TCP6 fe80::1%1 ::1 1 1\r\n", Fault.BAD_LINE, id="v1 a zone"),
        pytest.param(b"PROXY TCP6 1::2::3 ::1 1 1\r\n", Fault.BAD_LINE, id="v1 two double colons"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", Fault.BAD_LINE, id="v1 a zero before a port"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", Fault.BAD_LINE, id="v1 a port too high"),
        pytest.param(b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n", Fault.BAD_LINE, id="v1 a sign"),
        pytest.param(b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n", Fault.TOO_LONG, id="v1 a byte too long"),
        pytest.param(b"PROXY UNKNOWN " + b"f" * 93, Fault.TOO_LONG, id="v1 too long, at once"),
        pytest.param(b"PROXY UNKNOWN\n" + b"GET / HTTP/1.1\n" * 10, Fault.TOO_LONG, id="v1 line feeds only"),
    ],
)
def test_a_bad_header(data: bytes, fault: Fault) -> None:
    assert HeaderReader().feed(data) is fault


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(SIGNATURE[:1], id="one byte"),
        pytest.param(SIGNATURE, id="the signature"),
        pytest.param(tcp("192.0.2.7", 1)[:15], id="half of the length"),
        pytest.param(tcp("192.0.2.7", 1)[:-1], id="all but a byte"),
        pytest.param(block(b"x", command=0)[:-1], id="LOCAL, all but a byte"),
        pytest.param(b"PROX", id="v1 a part of the word"),
        pytest.param(LINE[:-1], id="v1 all but a byte"),
    ],
)
def test_more_must_come(data: bytes) -> None:
    reader = HeaderReader()
    assert reader.feed(data) is None
    assert reader.rest == b""


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720 appendix B.4, and the check value of the algorithm's catalogues.
        pytest.param(b"", 0, id="nothing"),
        pytest.param(b"123456789", 0xE306_9283, id="check"),
        pytest.param(bytes(32), 0x8A91_36AA, id="zeros"),
        pytest.param(b"\xff" * 32, 0x62A8_AB43, id="ones"),
        pytest.param(bytes(range(32)), 0x46DD_794E, id="rising"),
    ],
)
def test_checksums(data: bytes, expected: int) -> None:
    assert proxy_protocol.crc32c(data) == expected
    assert crc32c(data) == expected
