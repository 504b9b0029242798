"""PROXY headers as proxies would send them, or shouldn't."""

import ipaddress

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
TCP4, UDP4, TCP6, UDP6, UNIX, UNIX_DATAGRAM = 0x11, 0x12, 0x21, 0x22, 0x31, 0x32


def block(content: bytes = b"", *, family: int = TCP4, command: int = 1, version: int = 2) -> bytes:
    """Version 2."""
    return SIGNATURE + bytes([version << 4 | command, family]) + len(content).to_bytes(2) + content


def addresses(source: str, port: int, destination: str = "", to: int = 443) -> bytes:
    first = ipaddress.ip_address(source)
    second = ipaddress.ip_address(destination) if destination else type(first)(0)
    return first.packed + second.packed + port.to_bytes(2) + to.to_bytes(2)


def tcp(source: str, port: int, *extensions: bytes) -> bytes:
    """Version 2 of a TCP connection."""
    family = TCP6 if ":" in source else TCP4
    return block(addresses(source, port) + b"".join(extensions), family=family)


def local() -> bytes:
    """As health checks send it."""
    return block(family=0, command=0)


def extension(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2) + value


def with_checksum(header: bytes) -> bytes:
    """Put the checksum where four zeros wait for it, after its type and length."""
    at = header.index(extension(3, bytes(4))) + 3
    return header[:at] + crc32c(header).to_bytes(4) + header[at + 4 :]


def crc32c(data: bytes) -> int:
    """Bit by bit as RFC 9260 defines it: the remainder of a division by the polynomial 0x11EDC6F41, bits reflected."""
    bits = int.from_bytes(bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)) << 32
    size = len(data) * 8
    bits ^= 0xFFFF_FFFF << size
    for position in range(size + 31, 31, -1):
        if bits >> position & 1:
            bits ^= 0x1_1EDC_6F41 << (position - 32)
    return int(f"{bits ^ 0xFFFF_FFFF:032b}"[::-1], 2)
