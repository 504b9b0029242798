"""An API server in memory, for tests in which a week passes: objects by their paths, and whether anybody is there.

It keeps what it is given. What a real one adds, checks and refuses is for tests that have one (`tests/cluster`).
"""

import copy
import itertools
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from isochrone.kube.api import Api, Listed
from isochrone.kube.errors import Conflict, Forbidden, NotFound, Unreachable
from isochrone.kube.kinds import path_of
from isochrone.model.amounts import stamp
from isochrone.rollout.actions import MANAGER

Json = Mapping[str, Any]

_VERSION: Final = "/version"


class _Place(NamedTuple):
    """Where an object is: `/apis/apps/v1`, `deployments`, its namespace if it has one, its name."""

    prefix: str
    plural: str
    namespace: str
    name: str

    @classmethod
    def of(cls, path: str) -> "_Place":
        parts = path.strip("/").split("/")
        length = 2 if parts[0] == "api" else 3
        prefix, rest = "/".join(parts[:length]), parts[length:]
        namespace = rest[1] if len(rest) > 2 else ""
        plural, name = (*(rest[2:] if namespace else rest), "", "")[:2]
        return cls(prefix, plural, namespace, name)

    def holds(self, other: "_Place") -> bool:
        """Whether a list of this place has what is at the other."""
        is_inside = not self.namespace or self.namespace == other.namespace
        return (self.prefix, self.plural) == (other.prefix, other.plural) and is_inside


class Cluster(Api):
    """One of them. `is_away` cuts it off from everybody, and `refuses` lets nobody do anything."""

    def __init__(self, name: str, wall: Callable[[], float]) -> None:
        super().__init__(f"https://{name}.invalid", tls=ssl.create_default_context())
        self.name = name
        self.is_away = False
        self.refuses = False
        self._wall = wall
        self._objects: dict[_Place, dict[str, Any]] = {}
        self._versions = itertools.count(1)

    async def get(self, path: str) -> Json:
        self._reach()
        if path == _VERSION:
            return {"gitVersion": "v1.34.0"}
        return copy.deepcopy(self._found(path))

    async def list(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        self._reach()
        assert not field_selector
        place, wanted = _Place.of(path), _selected(label_selector)
        items = [
            copy.deepcopy(item)
            for at, item in sorted(self._objects.items())
            if place.holds(at) and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]
        return Listed(tuple(items), str(next(self._versions)))

    async def names(self, path: str) -> Listed:
        return await self.list(path)

    async def recent(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        return await self.list(path, label_selector=label_selector, field_selector=field_selector)

    async def create(self, path: str, item: Json) -> Json:
        self._reach()
        place = _Place.of(path)._replace(name=item["metadata"]["name"])
        if place in self._objects:
            raise Conflict(f"{place.name} exists")
        return self._put(place, dict(item))

    async def replace(self, path: str, item: Json) -> Json:
        self._reach()
        version = item["metadata"].get("resourceVersion")
        if version is not None and version != self._found(path)["metadata"]["resourceVersion"]:
            raise Conflict(f"{path} has changed")
        return self._put(_Place.of(path), dict(item))

    async def apply(
        self, item: Json, *, path: str = "", manager: str = MANAGER, subresource: str = "", dry_run: bool = False
    ) -> Json:
        self._reach()
        assert (manager, subresource, dry_run) == (MANAGER, "", False)
        place = _Place.of(path or path_of(item))
        return self._put(place, _merged(self._objects.get(place, {}), item))

    async def merge(self, path: str, patch: Json, *, subresource: str = "") -> Json:
        self._reach()
        assert not subresource
        return self._put(_Place.of(path), _merged(self._found(path), patch))

    async def delete(self, path: str, *, uid: str = "", resource_version: str = "") -> None:
        self._reach()
        there = self._found(path)["metadata"]
        if uid not in {"", there["uid"]} or resource_version not in {"", there["resourceVersion"]}:
            raise Conflict(f"{path} is another one")
        del self._objects[_Place.of(path)]

    def _reach(self) -> None:
        if self.is_away:
            raise Unreachable(f"{self.name} does not answer")
        if self.refuses:
            raise Forbidden(f"{self.name} has not read its rules yet")

    def _found(self, path: str) -> dict[str, Any]:
        try:
            return self._objects[_Place.of(path)]
        except KeyError:
            raise NotFound(f"there is no {path}") from None

    def _put(self, place: _Place, item: dict[str, Any]) -> Json:
        before = self._objects.get(place, {"metadata": {}})
        kept = {
            "uid": before["metadata"].get("uid") or f"uid-{next(self._versions)}",
            "creationTimestamp": before["metadata"].get("creationTimestamp") or stamp(self._wall()),
            "generation": 1,
        }
        version = {"resourceVersion": str(next(self._versions))}
        self._objects[place] = {**copy.deepcopy(item), "metadata": {**item["metadata"], **kept, **version}}
        return copy.deepcopy(self._objects[place])


def _selected(selector: str) -> dict[str, str]:
    """Labels that must have these values; of those that must only be there nothing is asked in these tests."""
    return dict(each.split("=", 1) for each in selector.split(",") if "=" in each)


def _merged(before: Json, change: Json) -> dict[str, Any]:
    return dict(_entries(before, change))


def _entries(before: Json, change: Json) -> Iterator[tuple[str, Any]]:
    yield from ((key, value) for key, value in before.items() if key not in change)
    for key, value in change.items():
        there = before.get(key)
        if value is not None:
            yield key, _merged(there, value) if isinstance(value, Mapping) and isinstance(there, Mapping) else value
