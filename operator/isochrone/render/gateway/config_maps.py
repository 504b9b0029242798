"""The gateway's config as ConfigMaps: shards, which never change once they are there, and the index, written last.

Shards are named by what they hold, so several sites of one cluster share those that are equal. They carry no site's
label: one is needed as long as any index names it. The keys that may sign an index are in a ConfigMap of their own, the
same for all gateways of a cluster.
"""

import base64
import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.manifest import Json, manifest
from isochrone_gateway.config import Index, Kind, Pack, encode_index

INDEX: Final = "index.json"
SHARD: Final = "shard"
"""Keys of the data, by which gateways read it."""

CONFIG: Final = "gateway-config"
"""Component of shards and indexes."""

TRUST: Final = "isochrone-trust"
"""The ConfigMap of trusted keys."""
TRUST_COMPONENT: Final = "gateway-trust"

_KEY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Ids that an index may name (`config.index.KeyId`) and that are keys of a ConfigMap."""


def shards(pack: Pack, installation: str) -> list[Json]:
    """In order of their names."""
    return [_shard(entry.name, pack.blobs[entry.name], installation) for entry in pack.entries]


def index_map(index: Index, name: str, owner: dict[str, str]) -> Json:
    """What makes a gateway load the shards that it names; `owner` are the gateway's labels."""
    data = {INDEX: encode_index(index).decode()}
    return manifest("v1", "ConfigMap", name, namespace=SYSTEM_NAMESPACE, labels=_component(owner), data=data)


def trusted(keys: Mapping[str, str], installation: str) -> list[Json]:
    """The keys as files `KEY-ID.pem`; nothing where none is asked for."""
    if wrong := sorted(each for each in keys if not _KEY_ID.fullmatch(each)):
        raise ValueError(f"{wrong[0]!r} is no id of a key: letters, digits, dots, dashes and underscores")
    if not keys:
        return []
    named = {**labels.shared_labels(installation), labels.COMPONENT: TRUST_COMPONENT}
    data = {f"{each}.pem": keys[each] for each in sorted(keys)}
    return [manifest("v1", "ConfigMap", TRUST, namespace=SYSTEM_NAMESPACE, labels=named, data=data)]


@functools.lru_cache(maxsize=4096)
def _text(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _shard(name: str, blob: bytes, installation: str) -> Json:
    return manifest(
        "v1",
        "ConfigMap",
        name,
        namespace=SYSTEM_NAMESPACE,
        labels=_component(labels.shared_labels(installation)),
        immutable=True,
        binaryData={SHARD: _text(blob)},
    )


def is_index(item: Mapping[str, Any]) -> bool:
    """Whether it is the object that makes a gateway load a config."""
    return item["kind"] == "ConfigMap" and INDEX in item.get("data", {})


def is_law(item: Mapping[str, Any]) -> bool:
    """Whether it is a piece of a config that holds the law."""
    return item["kind"] == "ConfigMap" and SHARD in item.get("binaryData", {}) and _is_of(Kind.LAW, item)


def _is_of(kind: Kind, item: Mapping[str, Any]) -> bool:
    name: str = item["metadata"]["name"]
    return name.startswith(f"{kind.lower()}-")


def shards_named(item: Mapping[str, Any]) -> frozenset[str]:
    """The shards that an index names. Whatever can't be read names none."""
    try:
        return frozenset(each["name"] for each in json.loads(item["data"][INDEX])["shards"])
    except (ValueError, KeyError, TypeError):
        return frozenset()


def _component(owner: dict[str, str]) -> dict[str, str]:
    return {**owner, labels.COMPONENT: CONFIG}
