"""kopf's part: it watches the hub and tells us that something happened.

What it hands over is not used: a watch that was cut for long misses deletions, and a list doesn't. So an event wakes
the loop, which lists. The one thing that a list can't say is that a deletion was seen: those are noted here.

Secrets are watched without kopf, which watches all namespaces or none: others' Secrets are not for us to see.

kopf sets no finalizers, writes no annotations and posts no events: its handlers are `on.event` only.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import kopf

from isochrone.api import GROUP, KINDS, VERSION
from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError
from isochrone.model import RouteKey
from isochrone.model.declared import SYSTEM_NAMESPACE

_LOG = logging.getLogger("isochrone.operator")
_WATCH_S: Final = 300
_CONNECT_S: Final = 10
_LOGIN_S: Final = 3600
_SOON_S: Final = 60.0
_FIRST_PAUSE_S, _MOST_PAUSE_S = 0.5, 30.0
_ROUTES: Final = "modelroutes"
_POLICIES: Final = "dataresidencypolicies"


@dataclasses.dataclass(slots=True)
class Deletions:
    """ModelRoutes whose deletion was seen, since this process began."""

    routes: set[RouteKey] = dataclasses.field(default_factory=set)

    def note(self, plural: str, namespace: str | None, name: str, *, is_gone: bool) -> None:
        if plural == _ROUTES:
            (self.routes.add if is_gone else self.routes.discard)(RouteKey(namespace or "", name))


class Logins:
    """What kopf is let in by, each time that it asks.

    Credentials that were refused once it never takes again, and ends when it gets no others: a single 401, of an API
    server that has just started, say, would end the operator. So each have an end of their own, which makes them
    different; and whoever comes back soon has to wait, longer each time.
    """

    def __init__(self, info: Callable[[], kopf.ConnectionInfo], *, wall: Callable[[], float]) -> None:
        self._info = info
        self._wall = wall
        self._last: float | None = None
        self._pause = 0.0

    def pause(self) -> float:
        """Seconds to wait before the next login."""
        now = self._wall()
        is_soon = self._last is not None and now - self._last < _SOON_S
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE_S), _MOST_PAUSE_S) if is_soon else 0.0
        self._last = now + self._pause
        return self._pause

    def fresh(self) -> kopf.ConnectionInfo:
        """For an hour: then tokens that are replaced in their file are read again."""
        ends = dt.datetime.fromtimestamp(self._wall(), dt.UTC) + dt.timedelta(seconds=_LOGIN_S)
        return dataclasses.replace(self._info(), expiration=ends)


def settings() -> kopf.OperatorSettings:
    """kopf's, so that nothing of it is left in the objects that it watches and no watch hangs for ever."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.watching.server_timeout = _WATCH_S
    chosen.watching.client_timeout = _WATCH_S + 30
    chosen.watching.connect_timeout = _CONNECT_S
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = _CONNECT_S
    chosen.persistence.finalizer = f"{GROUP}/kopf"
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    return chosen


class Laws:
    """DataResidencyPolicies as they were heard of last: a watch that begins anew tells of all of them again."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def is_new(self, plural: str, metadata: Mapping[str, Any], *, is_gone: bool) -> bool:
        """Whether the law is another than before."""
        if plural != _POLICIES:
            return False
        uid, generation = metadata["uid"], metadata.get("generation", 0)
        before = self._known.pop(uid, None)
        if not is_gone:
            self._known[uid] = generation
        return before is not None if is_gone else before != generation


class Tell(Protocol):
    """What is called when something was heard of, in kopf's thread."""

    def __call__(self, plural: str, metadata: Mapping[str, Any], *, is_gone: bool) -> None:
        """Of which kind it is, and which it is."""


def registry(logins: Logins, tell: Tell) -> kopf.OperatorRegistry:
    """Handlers for the six kinds, and for what else a plan depends on."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def connect(**_: Any) -> kopf.ConnectionInfo:
        await asyncio.sleep(logins.pause())
        return logins.fresh()

    async def happened(resource: Any, event: Mapping[str, Any], **_: Any) -> None:
        tell(resource.plural, event["object"]["metadata"], is_gone=event["type"] == "DELETED")

    for kind in KINDS:
        kopf.on.event(GROUP, VERSION, kind.info.plural, registry=handlers)(happened)
    kopf.on.event("", "v1", "namespaces", registry=handlers)(happened)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    return handlers


def follow(handlers: kopf.OperatorRegistry, ended: threading.Event) -> None:
    """Run kopf until told to end. It gives up where an answer breaks off when it begins, say: then it begins anew."""
    pause = _FIRST_PAUSE_S
    while not ended.is_set():
        began = time.monotonic()
        try:
            asyncio.run(_operator(handlers, ended))
        except Exception as error:  # noqa: BLE001 - whatever it was, there is no other way to hear of changes
            _LOG.warning("kopf ended, and begins anew: %s", str(error) or type(error).__name__)
        if time.monotonic() - began > _SOON_S:
            pause = _FIRST_PAUSE_S
        ended.wait(pause)
        pause = min(2 * pause, _MOST_PAUSE_S)


async def _operator(handlers: kopf.OperatorRegistry, ended: threading.Event) -> None:
    await kopf.operator(
        registry=handlers,
        settings=settings(),
        standalone=True,
        clusterwide=True,
        stop_flag=ended,
        memo=kopf.Memo(),
    )


async def secrets(api: Api, wake: Callable[[], None], *, pause: float) -> None:
    """Wake whenever a Secret of isochrone-system changes, until cancelled."""
    path = kinds.SECRET.path(SYSTEM_NAMESPACE)
    while True:
        with contextlib.suppress(ApiError):
            listed = await api.list(path)
            wake()
            async for event in api.watch(path, listed.resource_version):
                if event.type != "BOOKMARK":
                    wake()
        await asyncio.sleep(pause)
