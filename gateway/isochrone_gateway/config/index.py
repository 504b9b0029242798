"""The index: a small record, written last, that names one complete set of shards and its revision."""

import dataclasses
import datetime as dt
import enum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from isochrone_gateway.config.record import Count, Instant, Name, Record, Sha256, whole
from isochrone_gateway.config.version import OLDEST_READER, Version, VersionText

MAX_INDEX_BYTES = 900_000
MAX_STORED_BYTES = 900_000
"""Of one shard as stored. Kubernetes limits a ConfigMap's or Secret's data to 1 MiB."""
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Of all documents after decompression."""

ShardName = Annotated[str, whole("[a-z]+(-[0-9a-z]+)+", max_length=63)]
"""Also a file name, an object name and a label value."""
ShardKind = Annotated[str, whole("[A-Z][A-Za-z]*", max_length=24)]
KeyId = Annotated[str, whole("[A-Za-z0-9][A-Za-z0-9._:-]*", max_length=128)]
Base64 = Annotated[str, whole("[A-Za-z0-9+/]{86}==")]
"""The 64 bytes of an Ed25519 signature (RFC 8032) in base64 (RFC 4648)."""


class Encoding(enum.StrEnum):
    """How a document is stored. Identity is for people and for Git."""

    GZIP = "Gzip"
    IDENTITY = "Identity"


class Revision(Record, frozen=True, kw_only=True):
    """Which config this is. Ordered by (epoch, sequence); `digest` says what is in it."""

    epoch: Count
    sequence: Count
    digest: Sha256


class ShardEntry(Record, frozen=True, kw_only=True):
    """One shard: `sha256` and `bytes` are of what is stored, `document...` of the JSON inside."""

    name: ShardName
    kind: ShardKind
    sha256: Sha256
    size: Annotated[int, Meta(ge=1, le=MAX_STORED_BYTES)] = msgspec.field(name="bytes")
    document_sha256: Sha256
    document_size: Annotated[int, Meta(ge=1, le=MAX_DOCUMENT_BYTES)] = msgspec.field(name="documentBytes")
    encoding: Encoding = Encoding.GZIP


class Signature(Record, frozen=True, kw_only=True):
    """One signature over the index; several let keys rotate."""

    key_id: KeyId
    value: Base64
    algorithm: Literal["Ed25519"] = "Ed25519"


class Index(Record, frozen=True, kw_only=True):
    """What a gateway reads first. `checksum` covers every other field, the signatures too."""

    api_version: Literal["config.isochrone.dev/v1"]
    version: VersionText
    min_reader: VersionText
    installation: Name
    site: Name
    revision: Revision
    issued_at: Instant
    shards: Annotated[tuple[ShardEntry, ...], Meta(min_length=1, max_length=4096)]
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=16)] = ()
    checksum: Sha256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Release:
    """What the writer knows of a revision beyond its content.

    Raise `min_reader` when something is used that an older gateway would get wrong by leaving it out.
    """

    installation: str
    epoch: int
    sequence: int
    issued_at: dt.datetime
    min_reader: Version = OLDEST_READER
