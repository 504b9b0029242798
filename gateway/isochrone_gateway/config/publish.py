"""Writing a config: shards first, and an index over them. The writer stores the index last."""

from collections.abc import Iterable, Mapping

import msgspec

from isochrone_gateway.config.checks import find_problems
from isochrone_gateway.config.document import Config
from isochrone_gateway.config.errors import ConfigError, Problem
from isochrone_gateway.config.index import MAX_INDEX_BYTES, Index, Release, Revision
from isochrone_gateway.config.load import assemble, read_index
from isochrone_gateway.config.shards import Pack, pack
from isochrone_gateway.config.signing import Signer, seal
from isochrone_gateway.config.version import API_VERSION, CURRENT


def shard(
    config: Config, release: Release, *, signers: Iterable[Signer] = (), readable: bool = False
) -> tuple[Index, Mapping[str, bytes]]:
    """Cut a config into shards and index them, or say what is wrong with it.

    What was written is read back, so that nothing is published that a gateway of this version would refuse.
    """
    if problems := find_problems(config):
        raise ConfigError(*problems)
    packed = pack(config, readable=readable)
    index = issue(packed, site=config.site.name, release=release, signers=signers)
    assemble(read_index(encode_index(index)), packed.blobs)
    return index, packed.blobs


def issue(packed: Pack, *, site: str, release: Release, signers: Iterable[Signer] = ()) -> Index:
    """Make the index of a complete pack, signed by every signer."""
    index = Index(
        api_version=API_VERSION,
        version=str(CURRENT),
        min_reader=str(max(release.min_reader, packed.min_reader)),
        installation=release.installation,
        site=site,
        revision=Revision(epoch=release.epoch, sequence=release.sequence, digest=packed.digest),
        issued_at=release.issued_at,
        shards=packed.entries,
        checksum="",
    )
    return seal(index, signers)


def encode_index(index: Index, *, readable: bool = False) -> bytes:
    """The index as JSON."""
    text = msgspec.json.encode(index, order="deterministic")
    if len(text) > MAX_INDEX_BYTES:
        raise ConfigError(Problem(source="index", text=f"has {len(text)} bytes, at most {MAX_INDEX_BYTES} are read"))
    return msgspec.json.format(text, indent=2) + b"\n" if readable else text
