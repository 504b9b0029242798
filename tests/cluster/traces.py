"""What in a cluster tells of Isochrone: for tests in which it leaves."""

from collections.abc import Mapping
from typing import Any, Final

from tests.cluster.client import Client
from tests.cluster.fleet import SYSTEM

from isochrone.render.joining import OPERATOR

Json = dict[str, Any]


def listed(api: Client, path: str, **params: str) -> list[Json]:
    answer = api.request("GET", path, params=params)
    return answer.body["items"] if answer.ok else []


def everything(api: Client) -> list[Json]:
    """Every object of every kind that can be listed."""
    groups = api.request("GET", "/apis").body["groups"]
    versions = ["v1", *(each["preferredVersion"]["groupVersion"] for each in groups)]
    found = []
    for version in versions:
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        # A group that goes is listed for a moment longer than its version is served.
        for each in api.request("GET", prefix).body.get("resources", ()):
            if "list" in each["verbs"] and "/" not in each["name"]:
                found += [{"kind": each["kind"], **item} for item in listed(api, f"{prefix}/{each['name']}")]
    return found


def traces(api: Client) -> list[str]:
    """What tells of us: by a label, a finalizer, or a name. Events tell what has been, and go by themselves."""
    return [
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in everything(api)
        if item["kind"] not in {"Event", "Node"} and _is_trace(item)
    ]


def _is_trace(item: Json) -> bool:
    metadata, marks = item["metadata"], item["metadata"].get("labels") or {}
    is_labelled = marks.get("isochrone.dev/installation") == "isochrone"
    is_held = any(each.startswith("isochrone.dev/") for each in metadata.get("finalizers") or ())
    is_named = metadata["name"].startswith("isochrone") and metadata["name"] not in {
        SYSTEM,
        *_INSTALLED.get(item["kind"], ()),
    }
    return is_labelled or is_held or is_named


_INSTALLED: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
    ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), (OPERATOR,)
)
"""The operator's own account and rights, which belong to whoever installed it."""
