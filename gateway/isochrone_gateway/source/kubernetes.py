"""A source: ConfigMaps of the gateway's own namespace, through the Kubernetes API.

    NAME          data["index.json"]: the index
    <shard name>  binaryData["shard"], or data["shard"] for one that is stored as text: one shard

The index is listed and then watched (`kube_watch`); a kubelet's mount would be up to two minutes late. Shards never
change and are there before the index that names them, so there is nothing to watch: new ones are fetched by name. That
needs the verbs list and watch on the ConfigMap NAME, and get on ConfigMaps.
"""

import asyncio
import base64
import binascii
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from isochrone_gateway.source import kube_watch
from isochrone_gateway.source.credentials import ServiceAccount
from isochrone_gateway.source.files import INDEX
from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.kube_watch import DEFAULT_PACE, Pace
from isochrone_gateway.source.reading import Away, Seen, SourceError

SHARD: Final = "shard"
_NOT_FOUND: Final = 404
_AT_ONCE: Final = 8


class _ConfigMap(msgspec.Struct, rename="camel"):
    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: dict[str, str] = msgspec.field(default_factory=dict)


class KubernetesSource:
    """Watches one index."""

    def __init__(
        self,
        account: ServiceAccount,
        name: str,
        *,
        pace: Pace = DEFAULT_PACE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = ApiClient(account)
        self._path = f"/api/v1/namespaces/{quote(account.namespace())}/configmaps"
        self._index_name = name
        selector = {"fieldSelector": f"metadata.name={name}"}
        self._maps = kube_watch.Collection(self._client, self._path, selector, _index_of, pace=pace, chance=chance)

    @property
    def name(self) -> str:
        return f"ConfigMap {self._index_name}"

    def nudge(self) -> None:
        self._maps.nudge()

    async def observe(self) -> AsyncGenerator[Seen | Away, None]:
        try:
            async with contextlib.aclosing(self._maps.observe()) as observed:
                async for said in observed:
                    yield said if isinstance(said, Away) else self._said(said.get(self._index_name))
        finally:
            self._client.close()

    def _said(self, index: bytes | None) -> Seen | Away:
        if index is None:
            return Away(f"there is no ConfigMap {self._index_name} with {INDEX} in {self._path}")
        return Seen(index=index, fetch=self._fetch)

    async def _fetch(self, names: Collection[str]) -> Mapping[str, bytes]:
        few = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> tuple[str, bytes | None]:
            async with few:
                return name, await self._shard(name)

        fetches = [asyncio.ensure_future(one(name)) for name in names]
        try:
            found = dict(await asyncio.gather(*fetches))
        except ApiError as error:
            raise SourceError(str(error)) from error
        finally:
            for fetch in fetches:
                fetch.cancel()
        return {name: blob for name, blob in found.items() if blob is not None}

    async def _shard(self, name: str) -> bytes | None:
        try:
            stored: _ConfigMap = kube_watch.decode(await self._client.get(f"{self._path}/{quote(name)}"), _ConfigMap)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        if SHARD in stored.data:
            return stored.data[SHARD].encode()
        try:
            return base64.b64decode(stored.binary_data.get(SHARD, ""), validate=True)
        except binascii.Error as error:
            raise ApiError(f"{name} is not base64 ({error})") from error


def _index_of(found: msgspec.Raw) -> bytes | None:
    stored: _ConfigMap = kube_watch.decode(found, _ConfigMap)
    text = stored.data.get(INDEX)
    return None if text is None else text.encode()
