"""A client of the hub that is far away: every request and every event takes its way, there and back."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from isochrone.kube.access import Access
from isochrone.kube.api import Api, Json, Media, WatchEvent


class FarApi(Api):
    """The product's client, `rtt` seconds away."""

    def __init__(self, access: Access, *, rtt: float, tls: ssl.SSLContext) -> None:
        super().__init__(access.url, tls=tls, token=access.bearer)
        self._half = rtt / 2

    async def _once(self, method: str, path: str, query: Mapping[str, str], body: Json | None, *, media: Media) -> Json:
        await asyncio.sleep(self._half)
        answer = await super()._once(method, path, query, body, media=media)
        await asyncio.sleep(self._half)
        return answer

    async def watch(self, path: str, resource_version: str, **selectors: Any) -> AsyncGenerator[WatchEvent, None]:
        async for event in super().watch(path, resource_version, **selectors):
            await asyncio.sleep(self._half)
            yield event
