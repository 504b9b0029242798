"""An installation that leaves: what goes from a cluster now, what waits, and what in a Namespace is somebody else's.

Gateways go first, and all else stays until their pods are gone: requests that are under way end well, and engines are
there for them. Then everything goes at once but what guards pods that are still there. Policies outlive all gateways,
so there is no moment in which something is served that the law forbids.
"""

import dataclasses
import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from isochrone.render import labels, rights
from isochrone.rollout import actions
from isochrone.rollout.actions import Actions, Found

Json = Mapping[str, Any]

ORDER: Final = ("EdgeNode", "ModelRoute", "InferenceTenant", "ModelProvider", "GPUPool", "DataResidencyPolicy")
"""In which resources are deleted: sites first, law last."""

_SCALED: Final = frozenset({"HorizontalPodAutoscaler", "Deployment", "StatefulSet"})
_SITE_NAMESPACE: Final = "isochrone-site-"
_LETTERS: Final = frozenset({("ConfigMap", rights.REQUEST), ("ConfigMap", "certificate"), ("Lease", rights.CONTACT)})
"""What is in the hub's namespace of a site that pulls, and has no label of ours."""
_AUTOMATIC: Final = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ServiceAccount", "default"),
        ("ServiceAccount", "builder"),
        ("ServiceAccount", "deployer"),
        ("Lease", rights.LEADER),
    }
)
"""What clusters put into each Namespace by themselves, and the Lease by which operators of ours choose their leader."""
_EVIDENCE: Final = "PersistentVolumeClaim"
"""Of gateways: whoever wants to be rid of what proves where requests went says so himself."""
_PASSING: Final = frozenset({"Event", "Endpoints", "EndpointSlice", "PodMetrics"})
_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secret


class Fate(enum.StrEnum):
    """What became of something."""

    REMOVED = "removed"
    KEPT = "kept"
    """On purpose."""
    LEFT = "left"
    """It was to go, and is still there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Told:
    """One thing, and what became of it."""

    cluster: str
    what: str
    """Such as `Deployment demo/chat-engine`."""
    fate: Fate
    why: str = ""
    """What keeps it, and the way out; empty if it is gone."""


def decide(found: Found, *, spared: Collection[str] = (), drains: bool = True) -> Actions:
    """What is removed now, the first to go first. `spared` are sites of which nothing is."""
    ours = going(found, spared)
    gateways = [item for item in ours if item["kind"] in _SCALED and _is_gateway(item)]
    if drains and (gateways or any(_is_gateway(pod) and site_of(pod) not in spared for pod in found.pods)):
        return _removing(gateways, waiting=len(ours) - len(gateways))
    ready = [item for item in ours if not actions.is_guarding(item, found.pods)]
    return _removing(ready, waiting=len(ours) - len(ready))


def going(found: Found, spared: Collection[str] = ()) -> list[Json]:
    """All that is to go. Namespaces are another matter: others may have put something there."""
    return [item for item in found.children.values() if item["kind"] != "Namespace" and site_of(item) not in spared]


def staying(
    items: Iterable[Json], installation: str, *, spared: Collection[str] = (), is_mailbox: bool = False
) -> list[Json]:
    """What is in a Namespace and neither goes nor was made by the cluster itself: with it the Namespace stays."""
    return [item for item in items if not _goes_along(item, installation, spared, is_mailbox=is_mailbox)]


def listed(items: Iterable[Json]) -> str:
    """All objects of a Namespace by kind and name, such as `ConfigMap a; Secret b, c`."""
    names: dict[str, list[str]] = {}
    for item in items:
        names.setdefault(item["kind"], []).append(item["metadata"]["name"])
    return "; ".join(f"{kind} {', '.join(sorted(names[kind]))}" for kind in sorted(names))


def is_mailbox(namespace: Json, pulling: Collection[str], installation: str) -> bool:
    """Whether a Namespace of the hub is that of a site that pulls: we have made it, or its site is declared."""
    name: str = namespace["metadata"]["name"]
    is_known = (
        marks(namespace).get(labels.INSTALLATION) == installation or name.removeprefix(_SITE_NAMESPACE) in pulling
    )
    return name.startswith(_SITE_NAMESPACE) and is_known


def marks(item: Json) -> Mapping[str, str]:
    """Its labels."""
    return item["metadata"].get("labels") or {}


def site_of(item: Json) -> str | None:
    """The EdgeNode that an object belongs to."""
    return marks(item).get(labels.EDGE_NODE)


def _removing(items: Iterable[Json], *, waiting: int) -> Actions:
    fresh = (item for item in items if not item["metadata"].get("deletionTimestamp"))
    return Actions(remove=tuple(map(actions.removal, actions.backwards(fresh))), waiting=waiting)


def _goes_along(item: Json, installation: str, spared: Collection[str], *, is_mailbox: bool) -> bool:
    key = item["kind"], item["metadata"]["name"]
    return item["kind"] != _EVIDENCE and (
        (marks(item).get(labels.INSTALLATION) == installation and site_of(item) not in spared)
        or bool(item["metadata"].get("ownerReferences"))
        or item["kind"] in _PASSING
        or key in _AUTOMATIC
        or (is_mailbox and key in _LETTERS)
        or item.get("type") == _TOKEN
    )


def _is_gateway(item: Json) -> bool:
    return marks(item).get(labels.COMPONENT) == labels.GATEWAY
