"""The contract between operator and gateway, version 1: what the operator writes for one site, the gateway reads.

What lives here: the records of the config, how they are cut into shards and named by an index, which bytes are
signed, which revision wins, and what makes a config unfit for use. It is pure and a leaf: standard library and
msgspec only.

What must not: Kubernetes types, I/O, clocks, cryptography (passed in as functions), and the meaning of the law or of
routing, which belong to the packages that evaluate them.

    write:  shard(config, Release(...), signers=[...]) -> index, blobs; store the blobs, then encode_index(index)
    read:   read_index(data, verify=...) -> newer(running, received, expected=...) -> assemble(received, blobs).config
    back:   report.encode(PodReport(...)), which the gateway writes and the operator reads
"""

from isochrone_gateway.config.checks import find_problems
from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.errors import ConfigError, Problem
from isochrone_gateway.config.fencing import Accept, Owner, Received, Refuse, newer
from isochrone_gateway.config.index import Index, Release
from isochrone_gateway.config.load import Loaded, assemble, read_index
from isochrone_gateway.config.publish import encode_index, issue, shard
from isochrone_gateway.config.shards import Pack, combine, pack, pack_section
from isochrone_gateway.config.signing import Sign, Signer, Verify

__all__ = [
    "Accept",
    "Config",
    "ConfigError",
    "Index",
    "Kind",
    "Loaded",
    "Owner",
    "Pack",
    "Problem",
    "Received",
    "Refuse",
    "Release",
    "Sign",
    "Signer",
    "Verify",
    "assemble",
    "combine",
    "encode_index",
    "find_problems",
    "issue",
    "newer",
    "pack",
    "pack_section",
    "read_index",
    "shard",
]
