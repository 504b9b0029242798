"""One collection of the Kubernetes API, listed and then watched, again and again.

A watch that says nothing may be quiet or dead, and servers send bookmarks when they like (none came in 100 s from a
quiet Kubernetes 1.37). So watches are short, and after each the collection is listed again: a list without
`resourceVersion` is answered from a quorum of etcd, so it proves that the server was read. That is one small read every
half minute. It also makes bookmarks needless, which are there to resume a watch: none is asked for, and one that comes
says that nothing is new. See https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
"""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec

from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.reading import Away

_GONE: Final = 410
_T = TypeVar("_T")


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


DEFAULT_PACE: Final = Pace()


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    resource_version: str = ""


class _Named(msgspec.Struct):
    metadata: _Metadata


class _List(msgspec.Struct):
    metadata: _Metadata
    items: list[msgspec.Raw]


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


class Collection(Generic[_T]):
    """The objects that a selector picks. `read` gives what is kept of one; it may raise ApiError."""

    def __init__(
        self,
        client: ApiClient,
        path: str,
        selector: Mapping[str, str],
        read: Callable[[msgspec.Raw], _T],
        *,
        pace: Pace = DEFAULT_PACE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._path = path
        self._selector = selector
        self._read = read
        self._pace = pace
        self._chance = chance
        self._nudged = asyncio.Event()
        self._objects: dict[str, _T] = {}

    def nudge(self) -> None:
        """Try again at once if the server was away; a watch that works is up to date anyway."""
        self._nudged.set()

    async def observe(self) -> AsyncGenerator[Mapping[str, _T] | Away, None]:
        """What there is by name, whenever the server said something; until cancelled, and each wait is bounded."""
        failures, delay = 0, 0.0
        while True:
            began, listed = time.monotonic(), False
            try:
                async with contextlib.aclosing(self._follow()) as observed:
                    async for objects in observed:
                        listed = True
                        yield objects
                failures, delay = 0, max(0.0, self._pace.between - (time.monotonic() - began))
            except ApiError as error:
                yield Away(str(error))
                # Connections that are cut now and then are no outage; a watch that is refused each time is one.
                if listed and time.monotonic() - began > delay:
                    failures = 0
                delay = self._backoff(failures)
                failures += 1
            await self._rest(delay)

    def _backoff(self, failures: int) -> float:
        return min(self._pace.most, self._pace.first * 2.0 ** min(failures, 30)) * (1.0 - self._chance() / 2.0)

    async def _rest(self, delay: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._nudged.wait()
        self._nudged.clear()

    async def _follow(self) -> AsyncGenerator[Mapping[str, _T], None]:
        """List, then watch until the server ends that."""
        listed: _List = decode(await self._client.get(self._path, self._selector), _List)
        self._objects = {_name(item): self._read(item) for item in listed.items}
        yield dict(self._objects)
        lasts = max(1, int(self._pace.watch * (1.0 - self._chance() / 5.0)))
        parameters = {
            **self._selector,
            "resourceVersion": listed.metadata.resource_version,
            "timeoutSeconds": str(lasts),
        }
        watch = self._client.watch(self._path, parameters, silence=lasts + self._pace.slack)
        try:
            async with contextlib.aclosing(watch) as lines:
                async for line in lines:
                    self._take(decode(line, _Event))
                    yield dict(self._objects)
        except ApiError as error:
            if error.status != _GONE:
                raise

    def _take(self, event: _Event) -> None:
        """Learn from an event. Those of other types (BOOKMARK) say that nothing is new."""
        match event.type:
            case "ADDED" | "MODIFIED":
                self._objects[_name(event.object)] = self._read(event.object)
            case "DELETED":
                self._objects.pop(_name(event.object), None)
            case "ERROR":
                failure: _Failure = decode(event.object, _Failure)
                raise ApiError(f"the watch failed: {failure.message}", status=failure.code)


def decode(data: bytes | msgspec.Raw, kind: type[Any]) -> Any:
    """Read something that the API server said. Raises ApiError."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(f"the API server's answer is not what it should be ({error})") from error


def _name(found: msgspec.Raw) -> str:
    named: _Named = decode(found, _Named)
    return named.metadata.name
