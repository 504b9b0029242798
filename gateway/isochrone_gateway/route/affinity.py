"""Keeping like prompts together, so that they meet a warm prefix cache.

Engines keep the attention state of prompts they have seen; a prompt that begins like one of them starts much faster
there. The beginning of a prompt is hashed, and rendezvous hashing (Thaler and Ravishankar, 1998) ranks the backends for
it: the same prompt ranks them alike at every gateway, without any shared state, and a backend that comes or goes moves
only its own share.
"""

import hashlib
import zlib
from typing import Final

PREFIX_BYTES: Final = 1_024
"""How much of a prompt is looked at: more than most system prompts, less than most conversations."""

_MASK: Final = (1 << 64) - 1
_ODD: Final = 0x9E3779B97F4A7C15  # 2**64 divided by the golden section: spreads its products evenly


def prefix_key(prompt: bytes, salt: bytes = b"") -> int:
    """A key for how a prompt (the JSON of `messages` or `prompt`) begins.

    What comes before the first answer counts, so that all turns of a conversation have one key. With a salt per tenant,
    equal prompts of two tenants have different keys.
    """
    head = prompt[:PREFIX_BYTES]
    answered = head.find(b'"assistant"')
    if answered >= 0 or len(prompt) <= PREFIX_BYTES:
        end = head.rfind(b"}", 0, answered if answered >= 0 else len(head))
        head = head[: end + 1] or head
    return zlib.crc32(head, zlib.crc32(salt))


def seed_of(name: str) -> int:
    """A number for a backend's name, the same in every process."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def rank(key: int, seed: int) -> int:
    """How much a backend wants a key. The highest gets it."""
    mixed = (key * _ODD ^ seed) & _MASK
    mixed = ((mixed ^ (mixed >> 32)) * _ODD) & _MASK
    return mixed ^ (mixed >> 29)
