"""The one client of API servers: JSON in and out, every wait within a limit, what is worth asking again asked again.

One Api is one cluster with one set of credentials. Objects come as the API server's JSON: what they mean is for
others. https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import asyncio
import contextlib
import dataclasses
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec

from isochrone.kube.errors import ApiError, Busy, Conflict, Gone, Unreachable, error_of
from isochrone.kube.kinds import path_of
from isochrone.rollout.actions import MANAGER

Json = Mapping[str, Any]
Token = Callable[[], str | None]
"""The bearer token as it is now: those of service accounts are renewed in their files."""

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_JSON: Final = "application/json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE: Final = 500
"""Objects in one answer, as kubectl asks for."""
_MAX_LINE: Final = 16 * 1024 * 1024
"""Of a watch: one object. etcd holds 1.5 MiB at most."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a request may take, in seconds, and how it is repeated."""

    connect: float = 5.0
    answer: float = 30.0
    watch: int = 300
    """After so long the API server ends a watch, and it is begun anew."""
    silence: float = 30.0
    """How much longer than that we wait for its end: a connection may be dead."""
    attempts: int = 4
    pause: float = 0.2
    """Before the second attempt; twice as long before each further one, and up to half of it at random."""
    most_pause: float = 10.0
    at_once: int = 16
    """Requests beside each other, watches not counted."""
    chance: Callable[[], float] = random.random
    """From 0 to 1: so that many who failed together don't come again together."""


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A whole list, and the version to watch from."""

    items: tuple[Json, ...]
    resource_version: str


@dataclasses.dataclass(frozen=True, slots=True)
class WatchEvent:
    """What a watch says: ADDED, MODIFIED, DELETED, or BOOKMARK where only the version is new."""

    type: str
    item: Json


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What is sent, and what is to be answered."""

    content: str = _JSON
    accept: str = _JSON


class Api:
    """Use as an asynchronous context manager: it keeps connections.

    `check` is called before each write, and may raise: whoever leads no longer writes no more. `server_name` is whom
    the server's certificate must name, where that isn't the host of the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext,
        token: Token = lambda: None,
        limits: Limits | None = None,
        check: Callable[[], None] = lambda: None,
        server_name: str | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._tls = tls
        self._token = token
        self._limits = limits or Limits()
        self._check = check
        self._server_name = server_name
        self._few = asyncio.Semaphore(self._limits.at_once)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str) -> Json:
        """One object, or whatever else is there. Raises ApiError."""
        return await self._asked("GET", path)

    async def list(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        """All objects of a collection, a page at a time. Raises ApiError."""
        return await self._pages(path, label_selector, field_selector)

    async def recent(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        """The same as it was a moment ago, all at once: the API server has it in memory, and asks etcd for nothing."""
        query = _selectors(label_selector, field_selector) | {"resourceVersion": "0"}
        found = await self._asked("GET", path, query=query)
        return Listed(tuple(found.get("items") or ()), found.get("metadata", {}).get("resourceVersion", ""))

    async def names(self, path: str) -> Listed:
        """All objects of a collection, of which the metadata alone is sent. Raises ApiError."""
        return await self._pages(path, media=Media(accept=_METADATA))

    async def _pages(
        self, path: str, label_selector: str = "", field_selector: str = "", *, media: Media | None = None
    ) -> Listed:
        query = _selectors(label_selector, field_selector) | {"limit": str(_PAGE)}
        items: list[Json] = []
        while True:
            page = await self._asked("GET", path, query=query, media=media or Media())
            items += page.get("items") or ()
            metadata = page.get("metadata", {})
            if not (going_on := metadata.get("continue")):
                return Listed(tuple(items), metadata.get("resourceVersion", ""))
            query["continue"] = going_on

    async def create(self, path: str, item: Json) -> Json:
        """Raises Conflict if there is one of that name."""
        return await self._asked("POST", path, body=item, query={"fieldManager": MANAGER})

    async def replace(self, path: str, item: Json) -> Json:
        """The whole object. With its `resourceVersion`, only if nobody changed it since: else raises Conflict."""
        return await self._asked("PUT", path, body=item, query={"fieldManager": MANAGER}, again=())

    async def apply(
        self, item: Json, *, path: str = "", manager: str = MANAGER, subresource: str = "", dry_run: bool = False
    ) -> Json:
        """Server-side apply of all fields that are ours. Fields of others stay as they are."""
        query = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        path = (path or path_of(item)) + (f"/{subresource}" if subresource else "")
        return await self._asked(
            "PATCH", path, body=item, query=query, media=Media(content=_APPLY), again=(Busy, Conflict)
        )

    async def merge(self, path: str, patch: Json, *, subresource: str = "") -> Json:
        """JSON merge patch (RFC 7386). With a `resourceVersion` in it, only if nobody changed it since."""
        path += f"/{subresource}" if subresource else ""
        return await self._asked(
            "PATCH", path, body=patch, query={"fieldManager": MANAGER}, media=Media(content=_MERGE)
        )

    async def delete(self, path: str, *, uid: str = "", resource_version: str = "") -> None:
        """Delete it, if it is still this one. Raises NotFound, Conflict."""
        wanted = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {key: value for key, value in wanted.items() if value}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        await self._asked("DELETE", path, body={**body, "preconditions": preconditions} if preconditions else body)

    async def watch(
        self, path: str, resource_version: str, *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncGenerator[WatchEvent, None]:
        """What happens from this version on, until the API server ends the watch. Raises Gone if it is too old."""
        query = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._limits.watch),
        }
        limit = aiohttp.ClientTimeout(
            sock_connect=self._limits.connect, sock_read=self._limits.watch + self._limits.silence
        )
        async with self._answered("GET", path, query=query, limit=limit) as answer:
            async for line in _lines(answer.content):
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise error_of(
                        f"watch {path}", event["object"].get("code", 0), msgspec.json.encode(event["object"])
                    )
                yield WatchEvent(event["type"], event["object"])

    async def text(self, path: str) -> str:
        """An answer that isn't JSON, such as that of `/readyz`."""
        async with self._few, self._answered("GET", path, query={}, limit=self._total()) as answer:
            return await answer.text()

    async def _asked(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        media: Media = Media(),
        again: tuple[type[ApiError], ...] = (Busy,),
    ) -> Json:
        """The answer, asked for again while that may help. What is asked is the same when it is asked twice."""
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return await self._once(method, path, query or {}, body, media=media)
            except again as error:
                if attempt == self._limits.attempts:
                    raise
                await asyncio.sleep(self._pause(attempt, error.retry_after))
        raise AssertionError("there is at least one attempt")

    def _pause(self, attempt: int, retry_after: float | None) -> float:
        pause: float = self._limits.pause * 2 ** (attempt - 1) * (1 - self._limits.chance() / 2)
        return min(max(pause, retry_after or 0.0), self._limits.most_pause)

    async def _once(self, method: str, path: str, query: Mapping[str, str], body: Json | None, *, media: Media) -> Json:
        async with self._few:
            if method != "GET":
                self._check()
            data = None if body is None else msgspec.json.encode(body)
            async with self._answered(method, path, query=query, limit=self._total(), data=data, media=media) as answer:
                found: Json = msgspec.json.decode(await answer.read())
                return found

    def _total(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._limits.answer, sock_connect=self._limits.connect)

    @contextlib.asynccontextmanager
    async def _answered(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        limit: aiohttp.ClientTimeout,
        data: bytes | None = None,
        media: Media = Media(),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer, whose body is still to be read. Raises ApiError for every other."""
        headers = {"Accept": media.accept, **({"Content-Type": media.content} if data is not None else {})}
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with self._connected().request(
                method,
                self.url + path,
                params=query,
                data=data,
                headers=headers,
                timeout=limit,
                allow_redirects=False,
                server_hostname=self._server_name,
            ) as answer:
                if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise error_of(
                        f"{method} {path}", answer.status, await answer.read(), answer.headers.get("Retry-After")
                    )
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{self.url} can't be reached: {str(error) or type(error).__name__}") from error

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls, limit=0, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True, trust_env=False)
        return self._session


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    found = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in found.items() if value}


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines. The reader's own limit for a line is far below the size of an object."""
    rest = bytearray()
    async for piece in stream.iter_any():
        rest += piece
        if len(rest) > _MAX_LINE:
            raise Gone("a watch sent an object above all limits")
        *whole, last = rest.split(b"\n")
        for line in whole:
            if line.strip():
                yield bytes(line)
        rest = bytearray(last)
