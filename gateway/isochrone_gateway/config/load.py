"""Reading a config: the index first, then the complete set of shards that it names.

`read_index` needs only the index, so a gateway can decide (see `fencing`) before it fetches anything else. `assemble`
takes only what `read_index` returned. Either gives everything or raises `ConfigError`; there is no half-loaded
config.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from isochrone_gateway.config.checks import find_problems
from isochrone_gateway.config.document import Config, Kind, ShardDocument
from isochrone_gateway.config.errors import ConfigError, Problem, from_decoding
from isochrone_gateway.config.fencing import Received
from isochrone_gateway.config.index import MAX_INDEX_BYTES, MAX_TOTAL_BYTES, Index, ShardEntry
from isochrone_gateway.config.joining import DOCUMENTS, NamedShard, join, name_source
from isochrone_gateway.config.shards import content_digest
from isochrone_gateway.config.signing import Verify, checksum, trusted_signatures
from isochrone_gateway.config.storage import unstore
from isochrone_gateway.config.tolerance import prune
from isochrone_gateway.config.version import API_VERSION, CURRENT, VersionText, parse_version

_INDEX = "index"


class _Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields of an index that no version may change; the rest is ignored here."""

    api_version: str
    version: VersionText
    min_reader: VersionText


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loaded:
    """A config that is complete and has no problems.

    `ignored` lists what a newer writer said and this reader left out.
    """

    config: Config
    index: Index
    ignored: tuple[str, ...] = ()


def read_index(data: bytes, *, verify: Verify | None = None) -> Received:
    """Read and check an index. With `verify`, at least one trusted key must have signed it."""
    if len(data) > MAX_INDEX_BYTES:
        raise _bad_index(f"has {len(data)} bytes, at most {MAX_INDEX_BYTES} are read")
    raw = _parse(data)
    newer = _check_version(raw)
    if raw.get("checksum") != checksum(raw):
        raise _bad_index("does not match its checksum, so it is damaged; fetch it again", path="$.checksum")
    value, ignored = prune(raw, _type_of(Index)) if newer else (raw, [])
    index = _convert(value, Index, source=_INDEX)
    _check_entries(index, newer=newer)
    signed_by = () if verify is None else trusted_signatures(raw, index.signatures, verify)
    if verify is not None and not signed_by:
        raise _bad_index(_not_trusted(index), path="$.signatures")
    return Received(index=index, signed_by=signed_by, ignored=tuple(f"{_INDEX}: {path}" for path in ignored))


def assemble(received: Received, blobs: Mapping[str, bytes]) -> Loaded:
    """Verify, decode, join and cross-check the shards of an index. Blobs that it doesn't name are not looked at."""
    index = received.index
    ignored = list(received.ignored)
    if missing := [entry.name for entry in index.shards if entry.name not in blobs]:
        raise ConfigError(*(Problem(source=name, text="is missing; fetch it") for name in missing))
    newer = parse_version(index.version) > CURRENT
    shards = []
    for entry in index.shards:
        document = unstore(entry, blobs[entry.name])
        if entry.kind in DOCUMENTS:
            shard, left_out = _decode(entry, document, newer=newer)
            shards.append(shard)
            ignored.extend(f"{entry.name}: {path}" for path in left_out)
        else:
            ignored.append(f"{entry.name}: $")
    config = join(shards)
    if problems := [*_other_site(index, config), *find_problems(config)]:
        raise ConfigError(*(name_source(problem, shards) for problem in problems))
    return Loaded(config=config, index=index, ignored=tuple(ignored))


def _parse(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_index(f"is not a JSON object ({error}); fetch it again") from error


def _check_version(value: dict[str, Any]) -> bool:
    """Whether the writer is newer than this reader, if this reader may read it at all."""
    if value.get("apiVersion") != API_VERSION:
        text = f"is {value.get('apiVersion')!r}; this gateway reads {API_VERSION}"
        raise _bad_index(text, path="$.apiVersion")
    header = _convert(value, _Header, source=_INDEX)
    if parse_version(header.min_reader) > CURRENT:
        text = f"needs a gateway that reads config {header.min_reader}; this one reads {CURRENT}, update it first"
        raise _bad_index(text, path="$.minReader")
    return parse_version(header.version) > CURRENT


def _check_entries(index: Index, *, newer: bool) -> None:
    names = [entry.name for entry in index.shards]
    kinds = {entry.kind for entry in index.shards}
    if len(set(names)) < len(names):
        raise _bad_index("names a shard twice; write it again", path="$.shards")
    if absent := sorted(set(Kind) - kinds):
        raise _bad_index(f"has no shard of kind {', '.join(absent)}; write it again", path="$.shards")
    if not newer and (unknown := sorted(kinds - set(Kind))):
        raise _bad_index(f"has shards of unknown kind {', '.join(unknown)}", path="$.shards")
    if sum(entry.document_size for entry in index.shards) > MAX_TOTAL_BYTES:
        raise _bad_index(f"describes more than {MAX_TOTAL_BYTES} bytes", path="$.shards")
    if content_digest(index.shards) != index.revision.digest:
        raise _bad_index("is not the digest of the shards; write it again", path="$.revision.digest")


def _decode(entry: ShardEntry, document: bytes, *, newer: bool) -> tuple[NamedShard, list[str]]:
    kind = Kind(entry.kind)
    ignored: list[str] = []
    try:
        if newer:
            value, ignored = prune(msgspec.json.decode(document), _type_of(DOCUMENTS[kind]))
            shard: ShardDocument = msgspec.convert(value, DOCUMENTS[kind])
        else:
            shard = msgspec.json.decode(document, type=DOCUMENTS[kind])
    except msgspec.DecodeError as error:
        raise from_decoding(error, source=entry.name) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(Problem(source=entry.name, text=f"is not a JSON document ({error})")) from error
    return NamedShard(name=entry.name, kind=kind, document=shard), ignored


def _convert(value: Any, kind: type[Any], *, source: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise from_decoding(error, source=source) from error


@functools.cache
def _type_of(kind: type[Any]) -> inspect.Type:
    return inspect.type_info(kind)


def _other_site(index: Index, config: Config) -> list[Problem]:
    if config.site.name == index.site:
        return []
    text = f"is {config.site.name!r}, but the index is for {index.site!r}"
    return [Problem(kind=Kind.SITE, path="$.site.name", text=text)]


def _not_trusted(index: Index) -> str:
    ids = ", ".join(sorted({each.key_id for each in index.signatures}))
    by = f"only by {ids}" if ids else "by nobody"
    return f"is not signed by a trusted key, {by}; sign it, or trust its key"


def _bad_index(text: str, *, path: str = "$") -> ConfigError:
    return ConfigError(Problem(source=_INDEX, path=path, text=text))
