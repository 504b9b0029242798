"""Which law is in a parcel: the generation of each policy, as its config's shards say."""

import base64
import gzip
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from isochrone.render.gateway.config_maps import SHARD

Json = Mapping[str, Any]


class _Policy(msgspec.Struct):
    name: str
    generation: int


class _Document(msgspec.Struct):
    policies: tuple[_Policy, ...] = ()


class Laws:
    """Reads each shard once: most sites have the same."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {}

    def generations(self, objects: Iterable[Json]) -> dict[str, int]:
        """Policy -> its generation."""
        found: dict[str, int] = {}
        for name, blob in _shards(objects):
            if name not in self._known:
                document = msgspec.json.decode(gzip.decompress(base64.b64decode(blob)), type=_Document)
                self._known[name] = {each.name: each.generation for each in document.policies}
            found |= self._known[name]
        return found


def _shards(objects: Iterable[Json]) -> Iterator[tuple[str, str]]:
    for item in objects:
        if item["kind"] == "ConfigMap" and item["metadata"]["name"].startswith("law-"):
            yield item["metadata"]["name"], item["binaryData"][SHARD]
