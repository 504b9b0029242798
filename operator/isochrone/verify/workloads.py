"""What makes pods, and by which labels those are known.

Services find pods, and policies hold them, by the pods' own labels. What an object is labelled with itself counts
beside these, never against them: neither can hide what the other says.
"""

from collections.abc import Mapping
from typing import Any, Final

Json = Mapping[str, Any]
Key = tuple[str, str]
"""A namespace, and a name in it."""
Identity = tuple[str, str, str]
"""A kind, a namespace and a name."""

SYSTEM: Final = "isochrone-system"
"""The namespace of gateways."""
KINDS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Pod", "Job", "ReplicaSet", "LeaderWorkerSet"})


def pod_labels(item: Json) -> Mapping[str, str]:
    """Of the pods that it makes; a Pod has its own."""
    template: Json = item if item["kind"] == "Pod" else (item.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def said(item: Json, key: str) -> frozenset[str]:
    """What an object and the pods that it makes say under this label."""
    own = item["metadata"].get("labels") or {}
    pods = pod_labels(item) if item["kind"] in KINDS else {}
    return frozenset(each[key] for each in (own, pods) if each.get(key))


def labels(item: Json) -> Mapping[str, str]:
    """Those of the pods that it makes, and what only the object itself has."""
    return {**(item["metadata"].get("labels") or {}), **pod_labels(item)}


def namespace_of(item: Json) -> str:
    """An object's."""
    return item["metadata"].get("namespace") or "default"


def key_of(item: Json) -> Key:
    """An object's."""
    return namespace_of(item), item["metadata"]["name"]


def identity(item: Json) -> Identity:
    """By which there is one in a cluster."""
    return item["kind"], *key_of(item)


def pod_spec(item: Json) -> Json:
    """Of a Pod its own spec, of others that of the pods that they make."""
    spec: Json = item.get("spec") or {}
    made: Json = spec if item["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return made


def arguments(container: Json) -> list[str]:
    """What its program is started with."""
    return [str(each) for each in (*(container.get("command") or ()), *(container.get("args") or ()))]
