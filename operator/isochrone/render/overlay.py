"""Lays a route's podTemplate over the engine's, as `kubectl patch --type strategic` would (decision record 5).

Lists of named things are merged by name, other lists are replaced. What must hold all the same is laid over the result:
where pods may run, how the operator's volumes are mounted, and `security`.
"""

import posixpath
from collections.abc import Collection, Mapping
from typing import Any, Final

from isochrone.api.pod_overlay import PodTemplate
from isochrone.render.manifest import Json
from isochrone.render.sources import FOLDER
from isochrone.render.subject import CONTAINER, PORT_NAME
from isochrone.render.weights import VOLUME

_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "topologySpreadConstraints": "topologyKey",
}
"""By what the items of a list are told apart. Mounts and ports are put together in `_kept`."""

_ADDED: Final = frozenset({"tolerations"})
"""Lists that are added to."""

_WHOLE: Final = frozenset({"env", "volumes"})
"""Items that replace one of the same name: half of one and half of the other would have two sources."""

_OURS: Final = "isochrone-"
_OF_SERVING: Final = frozenset({"image", "command", "args", "resources"})

_HANDLERS: Final = frozenset({"exec", "httpGet", "tcpSocket", "grpc", "sleep"})
"""Of these a probe or a hook has one: another one replaces it."""


def laid_over(template: Json, overlay: PodTemplate | None) -> Json:
    """The pod template with the overlay merged in."""
    if overlay is None:
        return template
    said = overlay.model_dump(mode="json", by_alias=True, exclude_none=True)
    if "spec" in said:
        said["spec"] = _admissible(said["spec"])
    return _kept(template, _merged(template, said))


def _admissible(said: Json) -> Json:
    """Without what the API's rules refuse: an object may be older than a rule."""
    found = dict(said)
    for kind in ("containers", "initContainers", "volumes"):
        if kind in said:
            found[kind] = [each for each in said[kind] if not each["name"].startswith(_OURS)]
    if "containers" in found:
        found["containers"] = [_without_serving(each) for each in found["containers"]]
    return found


def _without_serving(container: Json) -> Json:
    """What `spec.serving` says of the engine, it alone says."""
    if container["name"] != CONTAINER:
        return container
    return {key: value for key, value in container.items() if key not in _OF_SERVING}


def _merged(ours: Json, theirs: Json) -> Json:
    replaced = _HANDLERS if _HANDLERS & theirs.keys() else frozenset()
    found = {key: value for key, value in ours.items() if key not in replaced}
    for key, value in theirs.items():
        found[key] = _merged_member(key, found[key], value) if key in found else value
    return found


def _merged_member(key: str, ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict):
        return _merged(ours, theirs)
    if key in _ADDED:
        return [*ours, *(each for each in theirs if each not in ours)]
    if key in _KEYS:
        return _merged_list(_KEYS[key], ours, theirs, whole=key in _WHOLE)
    return theirs


def _merged_list(key: str, ours: list[Json], theirs: list[Json], *, whole: bool) -> list[Json]:
    """Ours, each changed by the first of theirs that has its name; then the others of theirs."""
    found, others = [], list(theirs)
    for item in ours:
        same = next((each for each in others if each.get(key) == item[key]), None)
        if same is None:
            found.append(item)
            continue
        others.remove(same)
        found.append(same if whole else _merged(item, same))
    return [*found, *others]


def _kept(ours: Json, merged: Json) -> Json:
    """The merged template, with what an overlay has no say in."""
    spec, labels = dict(merged["spec"]), ours["metadata"]["labels"]
    metadata = {**merged["metadata"], "labels": {**merged["metadata"]["labels"], **labels}}
    # EdgeNode and GPUPool say where pods run: a node is a jurisdiction.
    if selector := {**spec.get("nodeSelector", {}), **ours["spec"].get("nodeSelector", {})}:
        spec["nodeSelector"] = selector
    base = {each["name"]: each for kind in ("initContainers", "containers") for each in ours["spec"].get(kind, [])}
    for kind in ("initContainers", "containers"):
        if kind in spec:
            spec[kind] = [_container(base.get(each["name"]), each) for each in spec[kind]]
    return {**merged, "metadata": metadata, "spec": spec}


def _container(ours: Json | None, merged: Json) -> Json:
    own = ours or {}
    found = dict(merged)
    if "volumeMounts" in merged:
        found["volumeMounts"] = _mounts(own.get("volumeMounts", []), merged["volumeMounts"])
    if "ports" in own:
        found["ports"] = _ports(own["ports"], merged["ports"])
    return found


def _mounts(own: list[Json], merged: list[Json]) -> list[Json]:
    """The operator's as they were, then those that don't hide the weights."""
    paths = {each["mountPath"] for each in own}
    further = [each for each in merged if each["mountPath"] not in paths]
    return [*own, *(_read_only(each) for each in further if not _hides(each["mountPath"], paths))]


def _read_only(mount: Json) -> Json:
    """What was verified is not to be changed by a neighbour."""
    return {**mount, "readOnly": True} if mount["name"] == VOLUME else mount


def _hides(path: str, own: Collection[str]) -> bool:
    """Whether a mount would stand in the place of the weights, or of a part of them."""
    place = posixpath.normpath(path)
    return FOLDER in own and (_is_below(place, FOLDER) or _is_below(FOLDER, place))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _ports(own: list[Json], merged: list[Json]) -> list[Json]:
    """The engine's own port keeps its number and its name."""
    numbers = {each["containerPort"] for each in own}
    return [*own, *(each for each in merged if each["containerPort"] not in numbers and each.get("name") != PORT_NAME)]
