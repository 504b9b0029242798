"""How far all chains of an instance go, signed; and the anchors of it that are kept elsewhere. Sans I/O."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.ledger.evidence.chain import Head

_MARK: Final = b',"signature":"'
_FIRST: Final = "0" * 64


class _Head(msgspec.Struct):
    count: int
    hash: str


class Checkpoint(msgspec.Struct, kw_only=True):
    """One line of an instance's checkpoints, but for its signature."""

    n: int
    at: float
    site: str
    instance: str
    prev: str
    chains: Mapping[str, _Head]
    dropped: Mapping[str, _Head]
    key: str


class Anchor(msgspec.Struct, frozen=True):
    """What of a checkpoint is kept outside of its site."""

    site: str
    instance: str
    at: float
    n: int
    digest: str


def key_id(raw: bytes) -> str:
    """The short name of a public key, from its 32 bytes."""
    return hashlib.sha256(raw).hexdigest()[:16]


class Signer(NamedTuple):
    """The name of a key, and what makes its signatures."""

    key: str
    sign: Callable[[bytes], bytes]


class Checkpoints:
    """The checkpoints of one instance, after the last that is there (its line with LF; empty for none)."""

    def __init__(self, site: str, instance: str, signer: Signer, last: bytes = b"") -> None:
        """Raises ValueError if `last` is no checkpoint."""
        self._site, self._instance = site, instance
        self._key, self._sign = signer
        self._next, self._prev = 0, _FIRST
        self.anchor: Anchor | None = None
        if last:
            self.follow(last)

    def line(self, at: float, chains: Mapping[str, Head], dropped: Mapping[str, Head]) -> bytes:
        """The next checkpoint. Once it is written, `follow` it."""
        body = msgspec.json.encode(
            Checkpoint(
                n=self._next,
                at=round(at, 6),
                site=self._site,
                instance=self._instance,
                prev=self._prev,
                chains=_told(chains),
                dropped=_told(dropped),
                key=self._key,
            )
        )[:-1]
        return b'%b%b%b"}\n' % (body, _MARK, self._sign(body).hex().encode())

    def follow(self, line: bytes) -> None:
        """Go on after this one. Raises ValueError if it is none."""
        try:
            read = msgspec.json.decode(line, type=Checkpoint)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"no checkpoint: {error}") from error
        digest = hashlib.sha256(line.removesuffix(b"\n")).hexdigest()
        self.anchor = Anchor(read.site, read.instance, read.at, read.n, digest)
        self._next, self._prev = read.n + 1, digest


def _told(heads: Mapping[str, Head]) -> dict[str, _Head]:
    return {name: _Head(head.lines, head.digest.hex()) for name, head in sorted(heads.items())}
