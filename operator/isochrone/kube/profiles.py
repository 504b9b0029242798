"""ClusterProfiles of the Cluster Inventory API (SIG Multicluster, KEP-4322): the way into a cluster that one tells of.

A profile says where its cluster is, and by which providers one is let in (`status.accessProviders`, KEP-5339). Nearly
all of them are programs that the consumer runs, and we run none for what somebody writes into an object. One is not:
`secretreader` stands for a token in a Secret of the consumer, by the name of the profile. That is done here as its
program does it, so what a fleet manager sets up for that program serves us as well.

Which Secret is read is never told by the profile: whoever writes it could have any token sent to a server of his.
https://github.com/kubernetes-sigs/cluster-inventory-api
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.kube import kubeconfig
from isochrone.kube.access import Access, checked
from isochrone.kube.api import Api
from isochrone.kube.errors import NotFound, Unauthorized
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]

PROVIDER: Final = "secretreader"
TOKEN: Final = "token"  # noqa: S105 - the key of a Secret
_GROUP: Final = "multicluster.x-k8s.io"
_KINDS: Final = tuple(
    Kind(f"{_GROUP}/{each}", "ClusterProfile", "clusterprofiles") for each in ("v1alpha2", "v1alpha1")
)
"""The newest first. What we read of them is the same, but for the field's older name."""
_INSTEAD: Final = "or set cluster.type to Kubeconfig (`isochrone site join` makes one)"


async def all_of(api: Api) -> dict[str, Json]:
    """`NAMESPACE/NAME` -> profile; none where the cluster has no such kind. Raises ApiError."""
    for kind in _KINDS:
        try:
            found = await api.list(kind.path())
        except NotFound:
            continue
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in found.items}
    return {}


def version(profile: Json | None) -> str:
    """Changes with the way in, and not with all else that a profile tells of its cluster."""
    told = [] if profile is None else list(_providers(profile))
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def access_of(name: str, profile: Json | None, token: bytes | None) -> Access:
    """The way in; `name` is `NAMESPACE/NAME`, `token` what is in our Secret. Raises Unauthorized with the way out."""
    if profile is None:
        raise Unauthorized(
            f"there is no ClusterProfile {name}: see whether the fleet's manager has made it (kubectl get"
            f" clusterprofiles -A), {_INSTEAD}"
        )
    providers = {str(each.get("name")): each.get("cluster") or {} for each in _providers(profile)}
    if PROVIDER not in providers:
        offered = ", ".join(sorted(providers)) or "nothing"
        raise Unauthorized(
            f"ClusterProfile {name} lets in by {offered}, and only {PROVIDER} is used, since the others are programs"
            f" and none is run: let the fleet's manager offer {PROVIDER} too, {_INSTEAD}"
        )
    secret = f"{SYSTEM_NAMESPACE}/{name.rpartition('/')[2]}"
    if not token:
        raise Unauthorized(
            f"there is no Secret {secret} with the key {TOKEN} for ClusterProfile {name}: create it with a token of"
            " an account in that cluster"
        )
    try:
        user = {"token": token.decode("ascii")}
    except UnicodeDecodeError:
        raise Unauthorized(f"Secret {secret}: {TOKEN} is no token: it has characters in it that none has") from None
    where = {"cluster": f"provider {PROVIDER} of ClusterProfile {name}", "user": f"Secret {secret}"}
    return checked(kubeconfig.access_of(providers[PROVIDER], user, where), f"ClusterProfile {name}")


def _providers(profile: Json) -> Iterator[Json]:
    """Under its name since v0.1 of the API, or under the one before."""
    status = profile.get("status") or {}
    yield from status.get("accessProviders") or status.get("credentialProviders") or ()
