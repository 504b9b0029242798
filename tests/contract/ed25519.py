"""Ed25519 (RFC 8032, section 5.1) in plain integers, so that tests make and check real signatures.

Slow, and not for secrets.
"""

import hashlib
from typing import Final

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P

Point = tuple[int, int]


def public_key(secret: bytes) -> bytes:
    scalar, _ = _expand(secret)
    return _encode(_times(scalar, _BASE))


def sign(secret: bytes, message: bytes) -> bytes:
    scalar, nonce_key = _expand(secret)
    nonce = _hash(nonce_key, message) % _ORDER
    commitment = _encode(_times(nonce, _BASE))
    challenge = _hash(commitment, public_key(secret), message) % _ORDER
    return commitment + ((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    commitment, answer = signature[:32], int.from_bytes(signature[32:], "little")
    key = _decode(public)
    if key is None or len(signature) != 64 or answer >= _ORDER:
        return False
    challenge = _hash(commitment, public, message) % _ORDER
    negative = (-key[0] % _P, key[1])
    return _encode(_add(_times(answer, _BASE), _times(challenge, negative))) == commitment


def _expand(secret: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _add(one: Point, two: Point) -> Point:
    (x1, y1), (x2, y2) = one, two
    cross = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, _P)
    y = (y1 * y2 + x1 * x2) * pow(1 - cross, -1, _P)
    return x % _P, y % _P


def _times(scalar: int, point: Point) -> Point:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y, odd = number & ((1 << 255) - 1), number >> 255
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if x * x % _P != square or y >= _P:
        return None
    return (x if x & 1 == odd else _P - x, y)


_BASE: Final = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
