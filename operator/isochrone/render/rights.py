"""Who of us may do what in which cluster: every right with its reason, and nothing without one.

    hub's cluster     the operator                      HUB, HUB_SYSTEM, and a member's rights for sites in this cluster
    member, Push      the hub's account                 MEMBER, MEMBER_SYSTEM
    member, Pull      the operator there                the same, and LEADING
    hub's cluster     what the operator there reads by  SITE, in the namespace of that site alone, and SITE_IN_SYSTEM

Kubernetes lets nobody grant what they don't have: where we write Roles for gateways, we hold what is in them. Whoever
may create Deployments in a namespace can read its Secrets through them; so these credentials are worth guarding.

What has a name of ours is granted for that name alone. What is applied has its name before it is there, so the right
to create it can be for that name, too.
"""

import dataclasses
from collections.abc import Iterable
from typing import Final

from isochrone.render.manifest import Json, filled

KEEP: Final = ("get", "list", "create", "patch", "delete")
"""What server-side apply and pruning take. Nothing in a member is watched: it is looked at now and then."""
PARCEL: Final = "parcel"
"""The ConfigMap in a site's namespace that says what the site is to have, and in which others the rest of it is."""
REPORT: Final = "report"
"""The ConfigMap in a site's namespace in which the operator there says what it found."""
REQUEST: Final = "request"
"""The one by which it asks for a certificate."""
CONTACT: Final = "site"
"""The Lease there by which it shows that it is in contact."""
SECRETS: Final = "parcel-secrets"
"""The Secret there, with all that the site's gateway is to have."""
LEADER: Final = "isochrone-operator"
"""The Lease of isochrone-system that says which replica leads."""
RELEASES: Final = "isochrone-releases"
"""The ConfigMap of the hub that says what was issued to which site."""
ANNOUNCEMENT: Final = "isochrone-announcement"
"""The ConfigMap of the hub by which sites that pull hear of a changed law, all at once."""
ANCHORS: Final = "isochrone-anchors"
"""The ConfigMap of the hub that keeps digests of sites' evidence, and the public keys that vouch for it."""
_LEASES: Final = "coordination.k8s.io"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Verbs on resources of one API group, or on paths; and what for."""

    why: str
    verbs: tuple[str, ...]
    group: str = ""
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """The only objects that it is about; all of them when left out."""
    paths: tuple[str, ...] = ()

    @property
    def manifest(self) -> Json:
        """A PolicyRule of RBAC."""
        if self.paths:
            return {"nonResourceURLs": list(self.paths), "verbs": list(self.verbs)}
        return filled(
            apiGroups=[self.group],
            resources=list(self.resources),
            resourceNames=list(self.names),
            verbs=list(self.verbs),
        )


MEMBER: Final = (
    Rule(
        why="namespaces of routes are created where they are missing, and never changed or deleted",
        resources=("namespaces",),
        verbs=("get", "list", "create", "patch"),
    ),
    Rule(
        why="engines and gateways: their accounts and Services, in the namespaces of routes",
        resources=("serviceaccounts", "services"),
        verbs=KEEP,
    ),
    Rule(why="engines and gateways themselves", group="apps", resources=("deployments",), verbs=KEEP),
    Rule(
        why="who may reach engines and gateways, and what they may reach",
        group="networking.k8s.io",
        resources=("networkpolicies",),
        verbs=KEEP,
    ),
    Rule(
        why="the same by domain name, with Cilium",
        group="cilium.io",
        resources=("ciliumnetworkpolicies",),
        verbs=KEEP,
    ),
    Rule(
        why="the same by domain name, on GKE",
        group="networking.gke.io",
        resources=("fqdnnetworkpolicies",),
        verbs=KEEP,
    ),
    Rule(
        why="how many pods of engines and gateways go at once when nodes are drained",
        group="policy",
        resources=("poddisruptionbudgets",),
        verbs=KEEP,
    ),
    Rule(
        why="GPUs of engines, by dynamic resource allocation",
        group="resource.k8s.io",
        resources=("resourceclaimtemplates",),
        verbs=KEEP,
    ),
    Rule(
        why="metrics of engines and gateways, with Prometheus' operator",
        group="monitoring.coreos.com",
        resources=("podmonitors",),
        verbs=KEEP,
    ),
    Rule(
        why="gateways find engines by their EndpointSlices: Roles for that, in the namespaces of routes",
        group="rbac.authorization.k8s.io",
        resources=("roles", "rolebindings"),
        verbs=KEEP,
    ),
    Rule(
        why="held, since it is granted to gateways",
        group="discovery.k8s.io",
        resources=("endpointslices",),
        verbs=("list", "watch"),
    ),
    Rule(
        why="where pods reach the API server, which network policies name",
        group="discovery.k8s.io",
        resources=("endpointslices",),
        names=("kubernetes",),
        verbs=("get",),
    ),
    Rule(
        why="whether pods are left that a network policy guards, and which GPUs pods of others hold",
        resources=("pods",),
        verbs=("list",),
    ),
    Rule(why="which nodes have the GPUs of a pool, and how many", resources=("nodes",), verbs=("list",)),
    Rule(
        why="which GPUs claims of others hold",
        group="resource.k8s.io",
        resources=("resourceclaims",),
        verbs=("list",),
    ),
    Rule(
        why="the API server's version and kinds; all who are known have this already, unless it was withdrawn",
        paths=("/version", "/apis/*"),
        verbs=("get",),
    ),
)
"""In all namespaces of a cluster with sites."""

MEMBER_SYSTEM: Final = (
    Rule(why="configs of gateways, which read them by Roles of ours", resources=("configmaps",), verbs=KEEP),
    Rule(why="held, since it is granted to gateways", resources=("configmaps",), verbs=("watch",)),
    Rule(why="keys of providers and certificates of peers, for gateways", resources=("secrets",), verbs=KEEP),
    Rule(
        why="gateways say on a Lease what they run, by Roles of ours",
        group=_LEASES,
        resources=("leases",),
        verbs=KEEP,
    ),
    Rule(
        why="gateways that keep evidence; their volumes are out of our reach",
        group="apps",
        resources=("statefulsets",),
        verbs=KEEP,
    ),
    Rule(
        why="how many gateway pods there are",
        group="autoscaling",
        resources=("horizontalpodautoscalers",),
        verbs=KEEP,
    ),
    Rule(
        why="how clients reach gateways through a Gateway",
        group="gateway.networking.k8s.io",
        resources=("httproutes",),
        verbs=KEEP,
    ),
    Rule(
        why="gateways that peers reach through a multi-cluster Service",
        group="multicluster.x-k8s.io",
        resources=("serviceexports",),
        verbs=KEEP,
    ),
    Rule(
        why="certificates of peers, where cert-manager issues them",
        group="cert-manager.io",
        resources=("certificates",),
        verbs=KEEP,
    ),
)
"""In isochrone-system of a cluster with sites: nothing of these kinds is anywhere else."""

_KINDS: Final = (
    "edgenodes",
    "gpupools",
    "modelroutes",
    "dataresidencypolicies",
    "modelproviders",
    "inferencetenants",
)
HUB: Final = (
    Rule(why="what is declared", group="isochrone.dev", resources=_KINDS, verbs=("list", "watch")),
    Rule(
        why="what became of it",
        group="isochrone.dev",
        resources=tuple(f"{kind}/status" for kind in _KINDS),
        verbs=("patch",),
    ),
    Rule(
        why="a site that is deleted is held until its cluster is clean (finalizers)",
        group="isochrone.dev",
        resources=("edgenodes",),
        verbs=("patch",),
    ),
    Rule(why="labels of namespaces, by which policies bind", resources=("namespaces",), verbs=("list", "watch")),
    Rule(
        why="what happened, for `kubectl describe`",
        group="events.k8s.io",
        resources=("events",),
        verbs=("create",),
    ),
    Rule(
        why="clusters of sites that are declared as ClusterProfiles",
        group="multicluster.x-k8s.io",
        resources=("clusterprofiles",),
        verbs=("list",),
    ),
    Rule(
        why="the kinds that the API server has; all who are known have this already, unless it was withdrawn",
        paths=("/api", "/api/*", "/apis", "/apis/*"),
        verbs=("get",),
    ),
)
"""In all namespaces of the hub's cluster."""

LEADING: Final = (
    Rule(
        why="who of several replicas leads, said for the first time",
        group=_LEASES,
        resources=("leases",),
        verbs=("create",),
    ),
    Rule(
        why="who of several replicas leads",
        group=_LEASES,
        resources=("leases",),
        names=(LEADER,),
        verbs=("get", "update"),
    ),
)
"""In isochrone-system of each cluster where an operator runs."""

HUB_SYSTEM: Final = (
    Rule(
        why="kubeconfigs of sites and keys of providers, which are there; keys of our own, which are made and renewed",
        resources=("secrets",),
        verbs=("list", "watch", "create", "update"),
    ),
    Rule(
        why="a kubeconfig that is deleted is held until its site is gone (finalizers)",
        resources=("secrets",),
        verbs=("patch",),
    ),
    Rule(
        why="what was issued to which site, what all that pull are told, and anchors of evidence; for the first time",
        resources=("configmaps",),
        verbs=("create",),
    ),
    Rule(
        why="what was issued to which site",
        resources=("configmaps",),
        names=(RELEASES,),
        verbs=("get", "update"),
    ),
    Rule(
        why="digests of sites' evidence, and the public keys that vouch for it",
        resources=("configmaps",),
        names=(ANCHORS,),
        verbs=("get", "update"),
    ),
    Rule(
        why="the law as all sites that pull are told it",
        resources=("configmaps",),
        names=(ANNOUNCEMENT,),
        verbs=("get", "update"),
    ),
    *LEADING,
)
"""In isochrone-system of the hub's cluster."""

HUB_IN_SITE: Final = (
    Rule(
        why="what the site is to have is left there in pieces that are removed later; what it says is read",
        resources=("configmaps",),
        verbs=KEEP,
    ),
    Rule(why="the Secrets of it", resources=("secrets",), names=(SECRETS,), verbs=("create", "patch")),
    Rule(
        why="whether it is in contact",
        group=_LEASES,
        resources=("leases",),
        names=(CONTACT,),
        verbs=("get",),
    ),
)
"""The hub's operator in the namespace of a site that pulls."""

SITE: Final = (
    Rule(why="what the site is to have", resources=("configmaps",), verbs=("get",)),
    Rule(why="when that is something new", resources=("configmaps",), names=(PARCEL,), verbs=("list", "watch")),
    Rule(why="the Secrets of it", resources=("secrets",), names=(SECRETS,), verbs=("get",)),
    Rule(
        why="its report, and what it asks a certificate with",
        resources=("configmaps",),
        names=(REPORT, REQUEST),
        verbs=("create", "patch"),
    ),
    Rule(
        why="that it is in contact",
        group=_LEASES,
        resources=("leases",),
        names=(CONTACT,),
        verbs=("create", "patch"),
    ),
)
"""The operator of a site that pulls, in its own namespace of the hub, and nowhere else there."""

SITE_IN_SYSTEM: Final = (
    Rule(
        why="when the law is another, which all sites are told at once",
        resources=("configmaps",),
        names=(ANNOUNCEMENT,),
        verbs=("list", "watch"),
    ),
)
"""The same in isochrone-system of the hub: that one object, and nothing else there."""

_RBAC: Final = "rbac.authorization.k8s.io"
_VERSION: Final = f"{_RBAC}/v1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A ServiceAccount, and the labels of what is made for it."""

    name: str
    namespace: str
    labels: Json

    @property
    def manifest(self) -> Json:
        return {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
            "automountServiceAccountToken": False,
        }

    def everywhere(self, rules: Iterable[Rule]) -> list[Json]:
        """These rights in all namespaces."""
        return self._granted("ClusterRole", self.name, rules)

    def inside(self, namespace: str, rules: Iterable[Rule], *, role: str | None = None) -> list[Json]:
        """These rights in one namespace; `role` names them where the account's name would not do."""
        return self._granted("Role", role or self.name, rules, namespace)

    def _granted(self, kind: str, role: str, rules: Iterable[Rule], namespace: str | None = None) -> list[Json]:
        metadata = filled(name=role, namespace=namespace, labels=self.labels)
        who = {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}
        return [
            {
                "apiVersion": _VERSION,
                "kind": kind,
                "metadata": metadata,
                "rules": [rule.manifest for rule in rules],
            },
            {
                "apiVersion": _VERSION,
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "subjects": [who],
                "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
            },
        ]
