"""A small asynchronous client: requests, and lists that are followed for as long as somebody wants to know.

For what plays a part of a cluster. It shares no code with the product's own client, which is what is tested.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from tests.cluster import kubeconfig
from tests.cluster.client import TYPE_JSON

Json = dict[str, Any]

TYPE_STRATEGIC = "application/strategic-merge-patch+json"

_ANSWER_LIMIT = 30.0
_WATCH_SECONDS = 300
_LINE_LIMIT = 8 * 1024 * 1024
_PAUSE = 0.2


class StatusError(Exception):
    """The API server refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


AWAY = (StatusError, aiohttp.ClientError, OSError, TimeoutError)
"""What a request fails with."""


@dataclass(frozen=True)
class Listed:
    """All there is."""

    items: list[Json]


@dataclass(frozen=True)
class Changed:
    """One object, as it is now; or as it was last, once `gone`."""

    item: Json
    gone: bool


class AsyncClient:
    """Everything of it belongs to one event loop."""

    def __init__(self, kubeconfig_file: Path) -> None:
        access = kubeconfig.read(kubeconfig_file)
        self._url = access.url
        self._tls = access.tls()
        self._headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            headers=self._headers,
            read_bufsize=_LINE_LIMIT,
            json_serialize=lambda item: msgspec.json.encode(item).decode(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = TYPE_JSON,
    ) -> Json:
        """The answer's body. Raises StatusError, or what aiohttp raises."""
        assert self._session is not None
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(
            method,
            self._url + path,
            data=data,
            params=params,
            headers={"Content-Type": content_type} if data else {},
            timeout=aiohttp.ClientTimeout(total=_ANSWER_LIMIT),
        ) as answer:
            raw = await answer.read()
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise StatusError(answer.status, raw.decode(errors="replace"))
            found: Json = msgspec.json.decode(raw)
            return found

    async def follow(
        self, path: str, params: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Listed | Changed, None]:
        """A list, then what changes; another list whenever the watch ends, however long the server is away."""
        while True:
            with contextlib.suppress(*AWAY):
                listed = await self.request("GET", path, params=params)
                yield Listed(listed.get("items") or [])
                async with contextlib.aclosing(self._watch(path, params or {}, listed)) as changes:
                    async for change in changes:
                        yield change
            await asyncio.sleep(_PAUSE)

    async def _watch(self, path: str, params: Mapping[str, str], listed: Json) -> AsyncGenerator[Changed, None]:
        assert self._session is not None
        query = {
            **params,
            "watch": "true",
            "resourceVersion": listed["metadata"]["resourceVersion"],
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        limit = aiohttp.ClientTimeout(total=None, sock_read=2 * _WATCH_SECONDS)
        async with self._session.get(self._url + path, params=query, timeout=limit) as answer:
            if answer.status != HTTPStatus.OK:
                return
            transport = answer.connection.transport if answer.connection else None
            try:
                async for line in answer.content:
                    event = msgspec.json.decode(line)
                    if event["type"] == "ERROR":
                        return
                    yield Changed(event["object"], gone=event["type"] == "DELETED")
            finally:
                if transport is not None:
                    # TLS would wait for the server's goodbye, and a server that has been stopped says none.
                    transport.abort()
