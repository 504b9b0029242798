"""An API server's ConfigMaps and Secrets, in memory: what a mailbox does, and how often."""

import itertools
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from isochrone.kube import access
from isochrone.kube.api import Api, Listed, WatchEvent
from isochrone.kube.errors import Forbidden, NotFound
from isochrone.kube.kinds import path_of

Json = Mapping[str, Any]


class Shelf(Api):
    """Objects by their path."""

    def __init__(self) -> None:
        found = access.Access(url="https://shelf.invalid", token="none")
        super().__init__(found.url, tls=found.tls())
        self.items: dict[str, Json] = {}
        self.asked: list[tuple[str, str]] = []
        """(verb, name) of each request since the last `forget`."""
        self.is_forbidden = False
        """Whether whole collections may not be listed by name."""
        self._versions = itertools.count(1)

    def forget(self) -> None:
        self.asked.clear()

    async def get(self, path: str) -> Json:
        self._note("get", path)
        if path not in self.items:
            raise NotFound(f"{path} is not there")
        return self.items[path]

    async def list(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        del label_selector
        self._note("list", path)
        name = field_selector.removeprefix("metadata.name=")
        found = [item for key, item in self.items.items() if key.startswith(path) and key.endswith(name)]
        return Listed(tuple(found), "1")

    async def names(self, path: str) -> Listed:
        self._note("names", path)
        if self.is_forbidden:
            raise Forbidden("may not be listed")
        return Listed(tuple(item for key, item in self.items.items() if key.rpartition("/")[0] == path), "1")

    async def apply(
        self, item: Json, *, path: str = "", manager: str = "", subresource: str = "", dry_run: bool = False
    ) -> Json:
        del manager, subresource, dry_run
        path = path or path_of(item)
        self._note("apply", path)
        before = self.items.get(path)
        if before is not None and {**before["metadata"], **item["metadata"]} == before["metadata"]:
            same = {key: value for key, value in before.items() if key != "metadata"}
            if same == {key: value for key, value in item.items() if key != "metadata"}:
                return before
        metadata = {**item["metadata"], "resourceVersion": str(next(self._versions))}
        self.items[path] = {**item, "metadata": metadata}
        return self.items[path]

    async def merge(self, path: str, patch: Json, *, subresource: str = "") -> Json:
        """JSON merge patch (RFC 7386)."""
        del subresource
        self._note("merge", path)
        if path not in self.items:
            raise NotFound(f"{path} is not there")
        version = {"metadata": {"resourceVersion": str(next(self._versions))}}
        self.items[path] = _merged(_merged(self.items[path], patch), version)
        return self.items[path]

    async def delete(self, path: str, *, uid: str = "", resource_version: str = "") -> None:
        del uid, resource_version
        self._note("delete", path)
        del self.items[path]

    async def watch(
        self, path: str, resource_version: str, *, label_selector: str = "", field_selector: str = ""
    ) -> AsyncGenerator[WatchEvent, None]:
        """What is there, once as a change and once as a bookmark."""
        del resource_version, label_selector
        name = field_selector.removeprefix("metadata.name=")
        for key, item in self.items.items():
            if key.startswith(path) and key.endswith(name):
                yield WatchEvent("MODIFIED", item)
                yield WatchEvent("BOOKMARK", {"metadata": {}})

    def _note(self, verb: str, path: str) -> None:
        self.asked.append((verb, path.rpartition("/")[2]))


def _merged(item: Json, patch: Json) -> dict[str, Any]:
    found = {key: value for key, value in item.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            found[key] = _merged(item.get(key) or {}, value)
        elif value is not None:
            found[key] = value
    return found
