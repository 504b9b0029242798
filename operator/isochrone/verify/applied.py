"""What a folder's objects say to those who apply it: some tools leave objects out, or remove them, as metadata says.

A policy that isn't there closes nothing. What tools read there nobody can list, so an object that counts may say what
`isochrone render` writes, and what is known to be harmless. Objects of clusters have been applied: there others write
metadata too, and nobody reads it so.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.verify.workloads import SYSTEM

Json = Mapping[str, Any]

_CLUSTERS_OWN: Final = "kube-"
"""Namespaces with resolvers, network plug-ins, and the accounts of Kubernetes itself."""
_FIELDS: Final = frozenset({"name", "namespace", "labels", "annotations"})
_OURS: Final = frozenset({"isochrone.dev/config-hash", "isochrone.dev/gpu-pool"})
_HARMLESS: Final = frozenset(
    {"argocd.argoproj.io/compare-options", "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/tracking-id"}
)
"""In which order objects are applied, and how Argo CD finds and compares them again."""
_DESCRIBING: Final = "app.kubernetes.io"
_TOOLS: Final = (
    "addonmanager.kubernetes.io",
    "applyset.kubernetes.io",
    "argoproj.io",
    "cattle.io",
    "cnrm.cloud.google.com",
    "config.k8s.io",
    "config.kubernetes.io",
    "configmanagement.gke.io",
    "configsync.gke.io",
    "fluxcd.io",
    "helm.sh",
    "k14s.io",
    "kluctl.io",
    "kpt.dev",
    "kubectl.kubernetes.io",
    "pulumi.com",
    "werf.io",
)
"""Domains of labels and annotations by which Argo CD, Flux, Helm, kustomize and their like are told what to do."""


def problems(item: Json) -> Iterator[str]:
    """What may keep an object of a folder from being there as it is, and where none of ours is."""
    metadata: Json = item["metadata"]
    for name in sorted(name for name, said in metadata.items() if name not in _FIELDS and said is not None):
        yield f"has {name} in its metadata, so it may be refused or removed again: take it out"
    for kind, key in itertools.chain(_labels(metadata), _annotations(item["kind"], metadata)):
        yield f"has the {kind} {key}, by which it may be left out, or removed again: take it out"
    namespace = str(metadata.get("namespace") or "default")
    if namespace.startswith(_CLUSTERS_OWN):
        yield f"is in the namespace {namespace}, where none of ours is, and may change how names are resolved"
    elif item["kind"] == "ConfigMap" and namespace != SYSTEM:
        yield f"is in the namespace {namespace}, where no config of ours is: whoever reads it isn't known"


def _labels(metadata: Json) -> Iterator[tuple[str, str]]:
    """Policies and Services find pods by any labels; only those of tools steer these."""
    return (("label", key) for key in sorted(metadata.get("labels") or {}) if _is_of_tool(key))


def _annotations(kind: str, metadata: Json) -> Iterator[tuple[str, str]]:
    """A Service may have those that users declare for whoever balances its load."""
    for key in sorted(metadata.get("annotations") or {}):
        is_harmless = key in _OURS or _domain(key) == _DESCRIBING or (kind == "Service" and not _is_of_tool(key))
        if key not in _HARMLESS and not is_harmless:
            yield "annotation", key


@functools.lru_cache(4096)  # Objects of hundreds of sites have the same keys.
def _is_of_tool(key: str) -> bool:
    domain = _domain(key)
    return key not in _HARMLESS and any(domain == each or domain.endswith(f".{each}") for each in _TOOLS)


def _domain(key: str) -> str:
    return key.rpartition("/")[0]
