"""The PROXY protocol: a header before all else, in which a proxy says whose connection it passes on.

https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt: section 2.1 is version 1, a line; 2.2 is version 2, binary.
Whether its sender may be believed is for the caller to know. What is read here is exact: the first byte that no header
has there ends it, no field is guessed, and nothing beyond the header is touched.
"""

import enum
import ipaddress
import re
from typing import Final, NamedTuple

from isochrone_gateway.wire.addresses import plain

HEADER_MAX: Final = 4_096
"""Bytes of a whole header. The addresses need 232 at most; the rest is room for extensions."""

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = 16
_VERSION: Final = 2
_LOCAL, _PROXY = 0, 1

_UNIX: Final = 3
_SIZES: Final = {1: 4, 2: 16, _UNIX: 108}
"""Of one address, by family."""
_TRANSPORT_MAX: Final = 2
_PORTS: Final = 4

_TLV_FIXED: Final = 3
_CHECKSUM: Final = 0x03
_CHECKSUM_SIZE: Final = 4
_NO_CHECKSUM: Final = bytes(_CHECKSUM_SIZE)

_WORD: Final = b"PROXY "
_LINE_MAX: Final = 107
_PORT: Final = rb"(0|[1-9][0-9]{0,4})"
_LINE: Final = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?"
    rb"|TCP4 ([0-9.]+) ([0-9.]+) " + _PORT + rb" " + _PORT +
    rb"|TCP6 ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) " + _PORT + rb" " + _PORT + rb")\r\n"
)  # fmt: skip
_PORT_MAX: Final = 65_535


class Fault(enum.StrEnum):
    """Why a header can't be used. The values are stable: metrics show them."""

    NO_HEADER = "no_proxy_header"
    """It begins with something else, such as a request or a TLS handshake."""
    UNKNOWN_VERSION = "unknown_proxy_version"
    UNKNOWN_COMMAND = "unknown_proxy_command"
    UNKNOWN_FAMILY = "unknown_proxy_family"
    TOO_SHORT = "proxy_header_too_short"
    """For the addresses of its family."""
    TOO_LONG = "proxy_header_too_long"
    BAD_LINE = "bad_proxy_line"
    """Of version 1."""
    BAD_EXTENSION = "bad_proxy_extension"
    """Extensions (TLVs) don't end where the header does, or there are two checksums."""
    WRONG_CHECKSUM = "wrong_proxy_checksum"


class Header(NamedTuple):
    """What a header says."""

    source: tuple[str, int] | None
    """Whose connection it is. None: the connection's own peer's (a health check), or nobody's with an IP address."""


class HeaderReader:
    """Collects a header. Feed it until it gives one, or a fault; `rest` is what follows the header."""

    __slots__ = ("_data", "rest")

    def __init__(self) -> None:
        self._data = bytearray()
        self.rest = b""

    def feed(self, data: bytes) -> Header | Fault | None:
        """None: more must come, and all of the data belongs to the header."""
        self._data += data
        raw = bytes(self._data[:HEADER_MAX])
        size = _line_size(raw) if raw.startswith(_WORD[:1]) else _block_size(raw)
        if size is None or isinstance(size, Fault):
            return size
        if len(raw) < size:
            return None
        self.rest = bytes(self._data[size:])
        return _read_line(raw[:size]) if raw.startswith(_WORD) else _read_block(raw[:size])


# Version 1.


def _line_size(raw: bytes) -> int | Fault | None:
    if not _WORD.startswith(raw[: len(_WORD)]):
        return Fault.NO_HEADER
    end = raw.find(b"\r\n", 0, _LINE_MAX)
    if end >= 0:
        return end + 2
    return Fault.TOO_LONG if len(raw) >= _LINE_MAX else None


def _read_line(line: bytes) -> Header | Fault:
    found = _LINE.fullmatch(line)
    if found is None:
        return Fault.BAD_LINE
    if found.lastindex is None:
        return Header(None)
    source, destination, *ports = (part.decode("ascii") for part in found.groups() if part is not None)
    kind = ipaddress.IPv4Address if found[1] is not None else ipaddress.IPv6Address
    try:
        address, _ = kind(source), kind(destination)
    except ValueError:
        return Fault.BAD_LINE
    if max(map(int, ports)) > _PORT_MAX:
        return Fault.BAD_LINE
    return Header((str(plain(address)), int(ports[0])))


# Version 2.


def _block_size(raw: bytes) -> int | Fault | None:
    fault = _judge_fixed(raw)
    if fault is not None:
        return fault
    if len(raw) < _FIXED:
        return None
    size = _FIXED + int.from_bytes(raw[14:_FIXED])
    return Fault.TOO_LONG if size > HEADER_MAX else size


def _judge_fixed(raw: bytes) -> Fault | None:
    """Judge what has come, in the order of the bytes, so that the verdict doesn't depend on how they came."""
    if not _SIGNATURE.startswith(raw[: len(_SIGNATURE)]):
        return Fault.NO_HEADER
    if len(raw) > 12:  # noqa: PLR2004 - offsets are the standard's
        version, command = divmod(raw[12], 16)
        if version != _VERSION:
            return Fault.UNKNOWN_VERSION
        if command not in {_LOCAL, _PROXY}:
            return Fault.UNKNOWN_COMMAND
        if command == _PROXY and len(raw) > 13:  # noqa: PLR2004
            family, transport = divmod(raw[13], 16)
            if family > _UNIX or transport > _TRANSPORT_MAX:
                return Fault.UNKNOWN_FAMILY
    return None


def _read_block(header: bytes) -> Header | Fault:
    family, transport = divmod(header[13], 16)
    # "The receiver must [...] discard the protocol block including the family" of a LOCAL command; what the block of
    # an unspecified family or transport holds can't be known.
    if header[12] & 15 == _LOCAL or not family or not transport:
        return Header(None)
    size = _SIZES[family]
    end = _FIXED + 2 * size + (0 if family == _UNIX else _PORTS)
    if len(header) < end:
        return Fault.TOO_SHORT
    fault = _judge_extensions(header, end)
    if fault is not None:
        return fault
    if family == _UNIX:
        return Header(None)
    source = ipaddress.ip_address(header[_FIXED : _FIXED + size])
    port = int.from_bytes(header[end - _PORTS : end - _PORTS + 2])
    return Header((str(plain(source)), port))


def _judge_extensions(header: bytes, start: int) -> Fault | None:
    """They are not for us, but they must be whole, and a checksum among them must be right."""
    checksum_at = 0
    while start < len(header):
        value = start + _TLV_FIXED
        size = int.from_bytes(header[start + 1 : value])
        if value + size > len(header):
            return Fault.BAD_EXTENSION
        if header[start] == _CHECKSUM:
            if checksum_at or size != _CHECKSUM_SIZE:
                return Fault.BAD_EXTENSION
            checksum_at = value
        start = value + size
    if not checksum_at:
        return None
    end = checksum_at + _CHECKSUM_SIZE
    plain = header[:checksum_at] + _NO_CHECKSUM + header[end:]
    return None if crc32c(plain) == int.from_bytes(header[checksum_at:end]) else Fault.WRONG_CHECKSUM


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F6_3B78 if byte & 1 else 0)
    return byte


_CRCS: Final = tuple(map(_crc_of, range(256)))


def crc32c(data: bytes) -> int:
    """The checksum of RFC 9260, appendix A."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc = crc >> 8 ^ _CRCS[(crc ^ byte) & 255]
    return crc ^ 0xFFFF_FFFF
