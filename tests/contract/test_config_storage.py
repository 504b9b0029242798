"""What a careless or hostile writer might store is refused before it does harm."""

import hashlib
import zlib
from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE, example
from tests.contract.config_versions import minimal

from isochrone_gateway.config import (
    ConfigError,
    Index,
    Kind,
    Loaded,
    assemble,
    encode_index,
    issue,
    pack,
    read_index,
)
from isochrone_gateway.config.document import RoutesShard, ShardDocument
from isochrone_gateway.config.index import ShardEntry
from isochrone_gateway.config.shards import Pack, hash_name
from isochrone_gateway.config.storage import encode, store


def load(index: Index, blobs: Mapping[str, bytes]) -> Loaded:
    return assemble(read_index(encode_index(index)), blobs)


def _entry_for(blob: bytes, document: bytes, kind: Kind) -> ShardEntry:
    digest = hashlib.sha256(blob).hexdigest()
    return ShardEntry(
        name=f"{kind.lower()}-{digest[:32]}",
        kind=kind,
        sha256=digest,
        size=len(blob),
        document_sha256=hashlib.sha256(document).hexdigest(),
        document_size=len(document),
    )


def _with(entry: ShardEntry, blob: bytes) -> tuple[Index, dict[str, bytes]]:
    """The example with one shard replaced by what a careless or hostile writer might store."""
    packed = pack(example())
    entries = tuple(each for each in packed.entries if each.kind != entry.kind)
    broken = Pack(entries=(*entries, entry), blobs={**packed.blobs, entry.name: blob})
    return issue(broken, site="fra", release=RELEASE), dict(broken.blobs)


def _bomb() -> tuple[ShardEntry, bytes]:
    blob = zlib.compress(b" " * 50_000_000, level=9, wbits=31)
    return _entry_for(blob, b"{}", Kind.ROUTES), blob


def _trailing() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Routes"}'
    blob = zlib.compress(document, wbits=31) + b"more"
    return _entry_for(blob, document, Kind.ROUTES), blob


def _truncated() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Routes"}' + b" " * 1000
    blob = zlib.compress(document, wbits=31)[:-8]
    return _entry_for(blob, document, Kind.ROUTES), blob


def _not_gzip() -> tuple[ShardEntry, bytes]:
    return _entry_for(b"plain", b"plain", Kind.ROUTES), b"plain"


def _misnamed() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Routes"}'
    blob = zlib.compress(document, wbits=31)
    return replace(_entry_for(blob, document, Kind.ROUTES), name="routes-0"), blob


def _other_bytes() -> tuple[ShardEntry, bytes]:
    """Other bytes whose hash begins alike would have its name too, so the whole hash must be looked at."""
    document = b'{"kind":"Routes"}'
    blob = zlib.compress(document, wbits=31)
    entry = _entry_for(blob, document, Kind.ROUTES)
    return replace(entry, sha256=entry.sha256[:32] + "0" * 32), blob


def _other_document() -> tuple[ShardEntry, bytes]:
    blob = zlib.compress(b'{"kind":"Routes"}', wbits=31)
    return _entry_for(blob, b'{"kind":"ROUTES"}', Kind.ROUTES), blob


def _other_kind() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Peers"}'
    blob = zlib.compress(document, wbits=31)
    return _entry_for(blob, document, Kind.ROUTES), blob


def _not_utf8() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Routes","prefix":"\xff"}'
    blob = zlib.compress(document, wbits=31)
    return _entry_for(blob, document, Kind.ROUTES), blob


def _too_deep() -> tuple[ShardEntry, bytes]:
    document = b'{"kind":"Routes","routes":' + b"[" * 100_000
    blob = zlib.compress(document, wbits=31)
    return _entry_for(blob, document, Kind.ROUTES), blob


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        pytest.param(_bomb, "does not inflate to 2 bytes", id="bomb"),
        pytest.param(_trailing, "does not inflate to 17 bytes", id="bytes after the end"),
        pytest.param(_truncated, "does not inflate to 1017 bytes", id="truncated"),
        pytest.param(_not_gzip, "is not gzip", id="not gzip"),
        pytest.param(_misnamed, "is not named by its content", id="misnamed"),
        pytest.param(_other_bytes, "has sha256", id="other bytes"),
        pytest.param(_other_document, "does not hold the document", id="another document"),
        pytest.param(_other_kind, "Invalid value 'Peers'", id="another kind"),
        pytest.param(_not_utf8, "", id="not UTF-8"),
        pytest.param(_too_deep, "", id="too deep"),
    ],
)
def test_what_a_broken_writer_stores_is_refused(make: Callable[[], tuple[ShardEntry, bytes]], problem: str) -> None:
    entry, blob = make()
    index, blobs = _with(entry, blob)
    with pytest.raises(ConfigError) as caught:
        load(index, blobs)
    assert [each.source for each in caught.value.problems] == [entry.name]
    assert problem in str(caught.value)


def _routes_shard(prefix: str) -> ShardDocument:
    return RoutesShard(prefix=prefix, routes=minimal().routes)


@pytest.mark.parametrize(
    ("prefixes", "problem"),
    [
        pytest.param([hash_name("lab/chat")[:1], ""], "overlaps with", id="prefix of another"),
        pytest.param(["0" if hash_name("lab/chat")[0] != "0" else "1"], "does not belong to prefix", id="misplaced"),
    ],
)
def test_shards_that_are_not_one_set_are_refused(prefixes: list[str], problem: str) -> None:
    packed = pack(minimal())
    made = [store(encode(_routes_shard(prefix)), kind=Kind.ROUTES, prefix=prefix) for prefix in prefixes]
    entries = [entry for entry in packed.entries if entry.kind != Kind.ROUTES]
    mixed = Pack(
        entries=(*entries, *(each.entry for each in made)),
        blobs={**packed.blobs, **{each.entry.name: each.blob for each in made}},
    )
    with pytest.raises(ConfigError, match=problem):
        load(issue(mixed, site="lab", release=RELEASE), mixed.blobs)


def test_a_gap_between_runs_of_the_law_is_refused() -> None:
    document = b'{"kind":"Law","firstRow":1,"rows":["01"]}'
    blob = zlib.compress(document, wbits=31)
    index, blobs = _with(_entry_for(blob, document, Kind.LAW), blob)
    with pytest.raises(ConfigError, match=r"^Law: \$.rows: a run starts at 1 where 0 is due"):
        load(index, blobs)
