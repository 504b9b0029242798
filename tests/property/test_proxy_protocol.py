"""PROXY headers mean the same however they are cut, end where they say, and garbage harms nothing."""

import ipaddress
import itertools

from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.wire.proxy_headers import SIGNATURE, block, crc32c, extension, tcp, with_checksum

from isochrone_gateway.wire import proxy_protocol
from isochrone_gateway.wire.proxy_protocol import HEADER_MAX, Fault, Header, HeaderReader

CHECKSUM = extension(3, bytes(4))
FAMILIES = [0, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, 0x13, 0x41, 0xFF]


@st.composite
def headers(draw: st.DrawFn) -> tuple[bytes, str, int]:
    """A good header, and what it says."""
    address, port = draw(st.ip_addresses()), draw(st.integers(0, 65_535))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    said = str(mapped or address)
    if draw(st.booleans()):
        line = f"PROXY TCP{address.version} {address} {address} {port} {draw(st.integers(0, 65_535))}\r\n"
        return line.encode(), said, port
    kinds = st.integers(0, 255).filter(lambda kind: kind != 3)
    extensions = draw(st.lists(st.builds(extension, kinds, st.binary(max_size=40)), max_size=3))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(extensions)))
        return with_checksum(tcp(str(address), port, *extensions[:at], CHECKSUM, *extensions[at:])), said, port
    return tcp(str(address), port, *extensions), said, port


ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda rest: SIGNATURE + rest),
    st.text("PROXYTUNKWCD46 0123456789.:af\r\n", max_size=130).map(lambda text: f"PROXY {text}\r\n".encode()),
    st.builds(
        block,
        st.binary(max_size=300),
        family=st.sampled_from(FAMILIES),
        command=st.sampled_from([0, 1, 2]),
        version=st.sampled_from([1, 2, 3]),
    ),
)


def fed(*pieces: bytes) -> tuple[Header | Fault | None, bytes]:
    """The verdict, and what follows the header."""
    reader = HeaderReader()
    for number, piece in enumerate(pieces, start=1):
        found = reader.feed(piece)
        if found is not None:
            return found, reader.rest + b"".join(pieces[number:]) if isinstance(found, Header) else b""
    return None, b""


@given(header=headers(), rest=st.binary(max_size=50))
def test_what_was_sent_is_what_is_read(header: tuple[bytes, str, int], rest: bytes) -> None:
    data, address, port = header
    assert fed(data + rest) == (Header((address, port)), rest)


@given(data=st.one_of(ANYTHING, headers().map(lambda header: header[0])), rest=st.binary(max_size=50))
@example(data=SIGNATURE + b"\x21\x11\xff\xff", rest=b"")
def test_byte_by_byte_is_the_same_as_whole(data: bytes, rest: bytes) -> None:
    sent = data + rest
    assert fed(*(sent[index : index + 1] for index in range(len(sent)))) == fed(sent)


@given(
    data=st.one_of(ANYTHING, headers().map(lambda header: header[0])), cuts=st.lists(st.integers(0, 500), max_size=5)
)
def test_the_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), max(len(data), *cuts, 0)]
    assert fed(*(data[start:end] for start, end in itertools.pairwise(edges))) == fed(data)


@given(port=st.integers(0, 65_535), padding=st.binary(max_size=40), at=st.integers(16, 80), flip=st.integers(1, 255))
def test_a_checksum_finds_a_changed_byte(port: int, padding: bytes, at: int, flip: int) -> None:
    # The type and length of each extension stay: a changed length makes another header, or half of one.
    data = with_checksum(tcp("2001:db8::7", port, CHECKSUM, extension(4, padding)))
    at = at if at < 52 or 55 <= at < 59 or 62 <= at < len(data) else 16
    changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
    assert fed(changed) == (Fault.WRONG_CHECKSUM, b"")


@given(pieces=st.lists(st.one_of(ANYTHING, st.binary(min_size=1, max_size=HEADER_MAX)), max_size=6))
def test_nothing_is_waited_for_without_end(pieces: list[bytes]) -> None:
    found, _ = fed(*pieces, *[b"x" * 1000] * 5)
    assert found is not None


@given(st.binary(max_size=300))
def test_the_checksum_is_the_standards(data: bytes) -> None:
    assert proxy_protocol.crc32c(data) == crc32c(data)
