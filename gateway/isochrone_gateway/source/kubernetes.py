"""A source: ConfigMaps of the gateway's own namespace, through the Kubernetes API.

    NAME          data["index.json"]: the index
    <shard name>  binaryData["shard"], or data["shard"] for one that is stored as text: one shard

The index is listed and then watched; a kubelet's mount would be up to two minutes late. Shards never change and are
there before the index that names them, so there is nothing to watch: new ones are fetched by name. That needs the verbs
list and watch on the ConfigMap NAME, and get on ConfigMaps.

A watch that says nothing may be quiet or dead, and servers send bookmarks when they like (none came in 100 s from a
quiet Kubernetes 1.37). So watches are short, and after each the index is listed again: a list without `resourceVersion`
is answered from a quorum of etcd, so it proves that the source was read. That is one small read per gateway every half
minute. See https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
"""

import asyncio
import base64
import binascii
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from isochrone_gateway.source.credentials import ServiceAccount
from isochrone_gateway.source.files import INDEX
from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.reading import Away, Seen, SourceError

SHARD: Final = "shard"
_GONE: Final = 410
_NOT_FOUND: Final = 404
_AT_ONCE: Final = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds."""

    watch: float = 30.0
    """How long one watch lasts, less up to a fifth by chance, so that gateways don't all list at once."""
    slack: float = 10.0
    """A watch that says nothing for so much longer is broken, however open its connection looks."""
    between: float = 1.0
    """Between two lists, at least."""
    first: float = 0.5
    most: float = 30.0
    """Until the next try; doubles from the first to the most, less up to a half by chance."""


_DEFAULT_PACE: Final = Pace()


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _ConfigMap(msgspec.Struct, rename="camel"):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    data: dict[str, str] = msgspec.field(default_factory=dict)
    binary_data: dict[str, str] = msgspec.field(default_factory=dict)


class _List(msgspec.Struct):
    metadata: _Metadata
    items: list[_ConfigMap]


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


class KubernetesSource:
    """Watches one index."""

    def __init__(
        self,
        account: ServiceAccount,
        name: str,
        *,
        pace: Pace = _DEFAULT_PACE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = ApiClient(account)
        self._collection = f"/api/v1/namespaces/{quote(account.namespace())}/configmaps"
        self._index_name = name
        self._pace = pace
        self._chance = chance
        self._nudged = asyncio.Event()
        self._index: bytes | None = None

    @property
    def name(self) -> str:
        return f"ConfigMap {self._index_name}"

    def nudge(self) -> None:
        """Try again at once if the server was away; a watch that works is up to date anyway."""
        self._nudged.set()

    async def observe(self) -> AsyncGenerator[Seen | Away, None]:
        failures = 0
        try:
            while True:
                began = time.monotonic()
                try:
                    async with contextlib.aclosing(self._follow()) as observed:
                        async for said in observed:
                            failures = 0
                            yield said
                    delay = max(0.0, self._pace.between - (time.monotonic() - began))
                except ApiError as error:
                    yield Away(str(error))
                    delay = min(self._pace.most, self._pace.first * 2.0 ** min(failures, 30))
                    delay *= 1.0 - self._chance() / 2.0
                    failures += 1
                await self._rest(delay)
        finally:
            self._client.close()

    async def _rest(self, delay: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), delay)
        self._nudged.clear()

    async def _follow(self) -> AsyncGenerator[Seen | Away, None]:
        """List, then watch until the server ends that."""
        selector = {"fieldSelector": f"metadata.name={self._index_name}"}
        listed = _decode(await self._client.get(self._collection, selector), _List)
        self._index = _index_of(listed.items[0]) if listed.items else None
        yield self._said()
        lasts = max(1, int(self._pace.watch * (1.0 - self._chance() / 5.0)))
        parameters = {
            **selector,
            "resourceVersion": listed.metadata.resource_version,
            "timeoutSeconds": str(lasts),
        }
        watch = self._client.watch(self._collection, parameters, silence=lasts + self._pace.slack)
        try:
            async with contextlib.aclosing(watch) as lines:
                async for line in lines:
                    self._take(_decode(line, _Event))
                    yield self._said()
        except ApiError as error:
            if error.status != _GONE:
                raise

    def _take(self, event: _Event) -> None:
        """Learn from an event. Those of other types (BOOKMARK) say that nothing is new."""
        match event.type:
            case "ADDED" | "MODIFIED":
                self._index = _index_of(_decode(event.object, _ConfigMap))
            case "DELETED":
                self._index = None
            case "ERROR":
                failure = _decode(event.object, _Failure)
                raise ApiError(f"the watch failed: {failure.message}", status=failure.code)

    def _said(self) -> Seen | Away:
        if self._index is None:
            return Away(f"there is no ConfigMap {self._index_name} with {INDEX} in {self._collection}")
        return Seen(index=self._index, fetch=self._fetch)

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
            stored: _ConfigMap = _decode(await self._client.get(f"{self._collection}/{quote(name)}"), _ConfigMap)
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


def _index_of(found: _ConfigMap) -> bytes | None:
    text = found.data.get(INDEX)
    return None if text is None else text.encode()


def _decode(data: bytes | msgspec.Raw, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(f"the API server's answer is not what it should be ({error})") from error
