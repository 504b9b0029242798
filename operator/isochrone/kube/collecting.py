"""Everything in one cluster that may help somebody to help, within limits. What can't be had is noted, with the reason.

Secrets are read as well: what stands in them is taken out of all else before anything is written.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.api import GROUP
from isochrone.kube import found, hub, kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, NotFound
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels, rights
from isochrone.support.bundle import Collected, Trouble

Json = Mapping[str, Any]

_LINES: Final = 2000
_LOG_BYTES: Final = 1024 * 1024
_MOST_LOGS: Final = 60
_MOST_EVENTS: Final = 2000
_METRICS_PORT: Final = 8080
_INSIDE: Final = (kinds.CONFIG_MAP, kinds.SECRET, kinds.LEASE)


class Collecting:
    """From one cluster. `into` holds what was got so far, at every moment."""

    def __init__(self, api: Api, name: str, installation: str) -> None:
        self.into = Collected(name=name)
        self._api = api
        self._installation = installation

    async def all(self) -> None:
        """Everything; raises nothing that a cluster does."""
        async with self._noting("what the API server can do"):
            able = await found.abilities(self._api)
            self.into.facts |= {
                "apiServer": able.version,
                "capabilities": sorted(able.capabilities),
                "optionalKinds": [f"{kind.api_version} {kind.name}" for kind in able.optional],
                "apiServers": list(able.api_servers),
                "groups": await self._groups(),
            }
            await self._children(able.optional)
        await asyncio.gather(*(self._resources(kind) for kind in hub.KINDS.values()))
        await self._system()
        await self._mailboxes()
        await self._events()
        await self._of_pods()

    async def _groups(self) -> list[str]:
        listed = (await self._api.get("/apis")).get("groups") or ()
        return sorted(each["preferredVersion"]["groupVersion"] for each in listed)

    async def _children(self, optional: Iterable[Kind]) -> None:
        objects = await found.objects(self._api, self._installation, optional)
        self._add(item for item in objects.children.values() if item["kind"] not in {"Secret", "Lease"})
        self._add({**pod, "apiVersion": "v1", "kind": "Pod"} for pod in objects.pods)
        for kind, why in objects.unreadable.items():
            self._note(kind.plural, why)

    async def _resources(self, kind: Kind) -> None:
        """Members have none, and no CRDs."""
        async with self._noting(kind.plural):
            with contextlib.suppress(NotFound):
                self._add(await self._list(kind))

    async def _system(self) -> None:
        """What is in isochrone-system, whosever it is. Of Secrets only names and sizes are told."""
        for kind in (kinds.SECRET, kinds.LEASE, kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.SERVICE):
            async with self._noting(f"{kind.plural} in {SYSTEM_NAMESPACE}"):
                self._add(await self._list(kind, SYSTEM_NAMESPACE))
        async with self._noting(f"Pods in {SYSTEM_NAMESPACE}"):
            listed = await self._list(kinds.POD, SYSTEM_NAMESPACE)
            self._add(item for item in listed if item["metadata"]["name"].startswith("isochrone"))
        async with self._noting(f"ConfigMap {rights.RELEASES}"):
            with contextlib.suppress(NotFound):
                kept = await self._api.get(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, rights.RELEASES))
                self._add([{"apiVersion": "v1", "kind": "ConfigMap", **kept}])

    async def _mailboxes(self) -> None:
        """Namespaces of sites that pull."""
        async with self._noting("Namespaces"):
            listed = await self._list(kinds.NAMESPACE)
            for name in (each["metadata"]["name"] for each in listed):
                if name.startswith("isochrone-site-"):
                    for kind in _INSIDE:
                        self._add(await self._list(kind, name))

    async def _events(self) -> None:
        async with self._noting("Events"):
            listed = await self._list(kinds.EVENT)
            uids = {item["metadata"].get("uid") for item in self.into.objects}
            about = sorted((item for item in listed if _is_about(item, uids)), key=_at)
            self._add(about[-_MOST_EVENTS:])
            if len(about) > _MOST_EVENTS:
                self._note("Events", f"of {len(about)} the newest {_MOST_EVENTS} are here")

    async def _of_pods(self) -> None:
        """Logs of operators and gateways, and metrics of operators. Engines may log prompts: theirs stay."""
        pods = [item for item in self.into.objects if item["kind"] == "Pod" and _may_be_read(item)]
        wanted = [(pod, container) for pod in pods for container in _containers(pod)]
        if len(wanted) > _MOST_LOGS:
            self._note("logs", f"of {len(wanted)} containers those of {_MOST_LOGS} are here")
        await asyncio.gather(*(self._log(pod, container) for pod, container in wanted[:_MOST_LOGS]))
        await asyncio.gather(*(self._metrics(pod) for pod in pods if not _is_gateway(pod)))

    async def _log(self, pod: Json, container: str) -> None:
        name = pod["metadata"]["name"]
        path = kinds.POD.path(pod["metadata"]["namespace"], name)
        bounds = f"tailLines={_LINES}&limitBytes={_LOG_BYTES}&timestamps=true"
        async with self._noting(f"the log of Pod {name}, container {container}"):
            self.into.logs[f"{name}-{container}"] = await self._api.text(f"{path}/log?container={container}&{bounds}")
        if _has_restarted(pod, container):
            async with self._noting(f"the log of Pod {name}, container {container}, before it was started anew"):
                text = await self._api.text(f"{path}/log?container={container}&{bounds}&previous=true")
                self.into.logs[f"{name}-{container}-previous"] = text

    async def _metrics(self, pod: Json) -> None:
        name = pod["metadata"]["name"]
        path = kinds.POD.path(pod["metadata"]["namespace"], name)
        async with self._noting(f"metrics of Pod {name}"):
            self.into.metrics[name] = await self._api.text(f"{path}:{_METRICS_PORT}/proxy/metrics")

    async def _list(self, kind: Kind, namespace: str | None = None) -> list[Json]:
        listed = await self._api.list(kind.path(namespace))
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in listed.items]

    def _add(self, items: Iterable[Json]) -> None:
        there = {_key(item) for item in self.into.objects}
        self.into.objects += [item for item in items if _key(item) not in there]

    def _note(self, what: str, why: str) -> None:
        self.into.troubles.append(Trouble(cluster=self.into.name, what=what, why=why))

    @contextlib.asynccontextmanager
    async def _noting(self, what: str) -> AsyncIterator[None]:
        try:
            yield
        except ApiError as error:
            self._note(what, str(error))


async def within(collecting: Collecting, seconds: float) -> Collected:
    """What is got in time."""
    try:
        async with asyncio.timeout(seconds):
            await collecting.all()
    except TimeoutError:
        why = f"not all could be had within {seconds:g} s; give it longer with --timeout"
        collecting.into.troubles.append(Trouble(cluster=collecting.into.name, what="the rest", why=why))
    return collecting.into


def _key(item: Json) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _is_about(event: Json, uids: Collection[Any]) -> bool:
    """Whether it is on something of ours."""
    regarding = event.get("regarding") or {}
    return (
        str(regarding.get("apiVersion", "")).startswith(f"{GROUP}/")
        or regarding.get("namespace") == SYSTEM_NAMESPACE
        or regarding.get("uid") in uids
    )


def _at(event: Json) -> str:
    return str(event.get("eventTime") or event.get("deprecatedLastTimestamp") or "")


def _may_be_read(pod: Json) -> bool:
    is_operator = pod["metadata"]["namespace"] == SYSTEM_NAMESPACE and not _component(pod)
    return _is_gateway(pod) or is_operator


def _is_gateway(pod: Json) -> bool:
    return _component(pod) == labels.GATEWAY


def _component(pod: Json) -> str:
    """Of those that the operator delivers."""
    found_labels = pod["metadata"].get("labels") or {}
    return str(found_labels.get(labels.COMPONENT, "")) if labels.EDGE_NODE in found_labels else ""


def _containers(pod: Json) -> Iterator[str]:
    yield from (each["name"] for each in (pod.get("spec") or {}).get("containers") or ())


def _has_restarted(pod: Json, container: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(each["name"] == container and each.get("restartCount", 0) for each in statuses)
