"""From an EdgeNode to the way into its cluster.

What can't be right stays a refusal until it is changed: a Secret that is missing, a kubeconfig that asks for more than
we allow. It becomes a condition of the EdgeNode, like everything else that goes wrong with its cluster.
"""

from collections.abc import Mapping
from typing import Any

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterProfileRef
from isochrone.api.selectors import SecretKeyRef
from isochrone.kube import kubeconfig, profiles
from isochrone.kube.access import Access
from isochrone.kube.errors import Unauthorized
from isochrone.kube.hub import secret_value
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]


def access_of(edge: EdgeNode, secrets: Mapping[str, Json], inventory: Mapping[str, Json]) -> Access:
    """By a kubeconfig, or by a ClusterProfile of the inventory. Raises Unauthorized."""
    cluster = edge.spec.cluster
    if cluster.kubeconfig_secret_ref is not None:
        return _by_kubeconfig(edge.metadata.name, cluster.kubeconfig_secret_ref, secrets)
    if cluster.cluster_profile_ref is not None:
        name, secret = _profile(cluster.cluster_profile_ref), secrets.get(cluster.cluster_profile_ref.name)
        token = secret_value(secret, profiles.TOKEN) if secret is not None else None
        return profiles.access_of(name, inventory.get(name), token)
    raise Unauthorized(f"EdgeNode {edge.metadata.name}: the hub has no way into a cluster of type {cluster.type}")


def secret_of(edge: EdgeNode) -> str | None:
    """The Secret of isochrone-system with what lets us into its cluster."""
    cluster = edge.spec.cluster
    ref = cluster.kubeconfig_secret_ref or cluster.cluster_profile_ref
    return ref.name if ref is not None else None


def version_of(edge: EdgeNode, secrets: Mapping[str, Json], inventory: Mapping[str, Json]) -> str:
    """Changes whenever the way into its cluster does."""
    secret = secrets.get(secret_of(edge) or "")
    version = str(secret["metadata"]["resourceVersion"]) if secret is not None else ""
    ref = edge.spec.cluster.cluster_profile_ref
    return version if ref is None else f"{version} {profiles.version(inventory.get(_profile(ref)))}"


def _profile(ref: ClusterProfileRef) -> str:
    return f"{ref.namespace}/{ref.name}"


def _by_kubeconfig(site: str, ref: SecretKeyRef, secrets: Mapping[str, Json]) -> Access:
    secret = secrets.get(ref.name)
    if secret is None:
        raise Unauthorized(
            f"there is no Secret {SYSTEM_NAMESPACE}/{ref.name} with the kubeconfig of this site: create it,"
            f" or run `isochrone site join {site}`"
        )
    content = secret_value(secret, ref.key)
    if content is None:
        raise Unauthorized(f"Secret {SYSTEM_NAMESPACE}/{ref.name} has no key {ref.key} with a kubeconfig")
    return kubeconfig.parse(content)
