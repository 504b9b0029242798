"""One document as stored bytes and back. What is read is bounded and verified before it is used."""

import dataclasses
import hashlib
import zlib
from typing import Final

import msgspec

from isochrone_gateway.config.document import Kind, ShardDocument
from isochrone_gateway.config.errors import ConfigError, Problem
from isochrone_gateway.config.index import MAX_DOCUMENT_BYTES, MAX_STORED_BYTES, Encoding, ShardEntry

_GZIP: Final = 31  # zlib's wbits for a gzip frame; zlib itself writes no time and no name into it
_LEVEL: Final = 3  # twice as fast as 6 and about 3 % larger: a hub packs hundreds of sites at a time
_NAME_DIGITS: Final = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """A document, compressed and named by its content."""

    entry: ShardEntry
    blob: bytes


def encode(document: ShardDocument) -> bytes:
    """The document as JSON; equal documents in canonical form give equal bytes."""
    return msgspec.json.encode(document, order="deterministic")


def store(text: bytes, *, kind: Kind, prefix: str = "", readable: bool = False) -> Stored:
    """Compress and name an encoded document; `readable` leaves it as indented JSON."""
    if readable:
        text = msgspec.json.format(text, indent=2) + b"\n"
        blob, encoding = text, Encoding.IDENTITY
    else:
        blob, encoding = zlib.compress(text, level=_LEVEL, wbits=_GZIP), Encoding.GZIP
    digest = hashlib.sha256(blob).hexdigest()
    entry = ShardEntry(
        name="-".join(part for part in (kind.lower(), prefix, digest[:_NAME_DIGITS]) if part),
        kind=kind,
        sha256=digest,
        size=len(blob),
        document_sha256=hashlib.sha256(text).hexdigest(),
        document_size=len(text),
        encoding=encoding,
    )
    return Stored(entry=entry, blob=blob)


def is_storable(entry: ShardEntry) -> bool:
    """Whether a document is within what readers accept."""
    return entry.size <= MAX_STORED_BYTES and entry.document_size <= MAX_DOCUMENT_BYTES


def unstore(entry: ShardEntry, blob: bytes) -> bytes:
    """Verify stored bytes against their entry and return the document's JSON."""
    if len(blob) != entry.size:
        raise _broken(entry, f"has {len(blob)} bytes, the index says {entry.size}; fetch it again")
    digest = hashlib.sha256(blob).hexdigest()
    if digest != entry.sha256:
        raise _broken(entry, f"has sha256 {digest}, the index says {entry.sha256}; fetch it again")
    if not entry.name.endswith(f"-{digest[:_NAME_DIGITS]}"):
        raise _broken(entry, "is not named by its content; the index was not written by this contract")
    document = blob if entry.encoding is Encoding.IDENTITY else _inflate(entry, blob)
    if len(document) != entry.document_size or hashlib.sha256(document).hexdigest() != entry.document_sha256:
        raise _broken(entry, "does not hold the document that the index describes; write it again")
    return document


def _inflate(entry: ShardEntry, blob: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=_GZIP)
    try:
        # One byte more than promised shows a bomb without inflating it.
        document = inflater.decompress(blob, entry.document_size + 1)
    except zlib.error as error:
        raise _broken(entry, f"is not gzip ({error}); write it again") from error
    if not inflater.eof or inflater.unused_data:
        raise _broken(entry, f"does not inflate to {entry.document_size} bytes; write it again")
    return document


def _broken(entry: ShardEntry, text: str) -> ConfigError:
    return ConfigError(Problem(source=entry.name, text=text))
