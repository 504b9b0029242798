"""A small network from its first delivery to its last removal, with all kinds of objects: for which rights are there.

The hub has no site of its own, so that its operator has none of the rights of a member. Nobody of ours has the
rights that Kubernetes gives to all who are known, since a cluster may withdraw them.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from tests.cluster import accounts, optional_kinds, rbac
from tests.cluster.accounts import PULL, PUSH, SITE_OPERATOR
from tests.cluster.fleet import SYSTEM, Fleet, Site
from tests.cluster.operators import PACE, OperatorProcess
from tests.cluster.rbac import Request
from tests.cluster.waiting import until

from isochrone.certificates import stored
from isochrone.controller.keys import ROTATE
from isochrone.kube import kinds, mailbox
from isochrone.render import rights

Json = Mapping[str, Any]
T = TypeVar("T")

GROUP: Final = "isochrone.dev/v1alpha1"
HUB: Final = "hub-a"
GATEWAY: Final = f"system:serviceaccount:{SYSTEM}:isochrone-gateway"
USERS: Final = {"hub": (HUB, PULL), "cdg1": (PUSH, GATEWAY), "iad1": (SITE_OPERATOR,)}
SITES: Final = ("cdg1", "iad1")
ROLES: Final = 2
"""In each of the clusters: of its gateway, in isochrone-system and where engines are."""
LIMIT: Final = 180.0
_TO_ALL: Final = ("system:basic-user", "system:discovery", "system:public-info-viewer")
"""What is bound to all who are known,"""
_OF_KUBERNETES: Final = [
    {"kind": "Group", "name": "system:serviceaccounts:kube-system", "apiGroup": "rbac.authorization.k8s.io"},
    {"kind": "User", "name": "system:kube-controller-manager", "apiGroup": "rbac.authorization.k8s.io"},
]
"""and is bound to Kubernetes' own controllers alone here."""
_POLICIES_BY_NAME: Final = {"cdg1": "ciliumnetworkpolicies", "iad1": "fqdnnetworkpolicies"}
_GATEWAY: Final = {"parents": [{"namespace": "edge", "name": "front"}], "workers": 1}
_SETTINGS: Final = {**PACE, "gateway": _GATEWAY}
_BY_CERT_MANAGER: Final = {**PACE, "gateway": {**_GATEWAY, "peerIssuer": {"name": "peers"}}}
_DECLARED: Final = """
kind: EdgeNode
metadata: {name: cdg1}
spec:
  place: {iata: CDG}
  cluster: {type: Kubeconfig, kubeconfigSecretRef: {name: cdg1, key: kubeconfig}}
  delivery: Push
  gateway:
    replicas: 1
    autoscaling: {maxReplicas: 2}
    advertise: {host: cdg1.edge.example.com}
    evidence: {storage: {type: EmptyDir}}
---
kind: EdgeNode
metadata: {name: iad1}
spec:
  place: {iata: IAD}
  cluster: {type: Remote}
  delivery: Pull
  gateway: {replicas: 1, advertise: {host: iad1.edge.example.com}}
---
kind: EdgeNode
metadata: {name: ber1}
spec:
  place: {iata: BER}
  cluster: {type: ClusterProfile, clusterProfileRef: {namespace: fleet, name: ber1}}
  cleanup: {policy: Orphan}
---
kind: GPUPool
metadata: {name: cdg1-l4}
spec:
  edgeNodeRef: {name: cdg1}
  device: {product: NVIDIA-L4, memory: 24Gi, deviceClassName: gpu.nvidia.com}
  nodes: 1
  devicesPerNode: 4
  pricePerDeviceHour: "0.71"
  capacityType: Reserved
  allowedNamespaces: {names: [demo]}
---
kind: GPUPool
metadata: {name: iad1-h100}
spec:
  edgeNodeRef: {name: iad1}
  device: {product: NVIDIA-H100-80GB-HBM3, memory: 80Gi, resourceName: nvidia.com/gpu}
  nodes: 1
  devicesPerNode: 8
  pricePerDeviceHour: "2.95"
  capacityType: Reserved
  allowedNamespaces: {names: [demo]}
---
kind: ModelProvider
metadata: {name: openai}
spec:
  dialect: OpenAI
  endpoints: [{name: us, url: "https://api.openai.com/v1", processesIn: [US]}]
  keys: [{name: main, secretRef: {name: openai, key: key}}]
  models: [{name: gpt-4o-mini, pricePerMillionTokens: {input: "0.15", output: "0.60"}}]
  allowedNamespaces: {names: [demo]}
---
kind: ModelRoute
metadata: {name: bge, namespace: demo}
spec:
  modelName: bge-m3
  endpoints: [Embeddings]
  serving:
    engine: {type: VLLM, args: [--task=embed]}
    weights: {uri: pvc://models/bge-m3, size: 3Gi}
    resources: {devices: 1, deviceMemory: 8Gi, cpu: 2, memory: 8Gi}
    replicasPerSite: 2
  placement: {minSites: 2}
  tiers: [{backends: [{serving: {}}]}, {backends: [{provider: {name: openai, model: gpt-4o-mini}}]}]
---
kind: DataResidencyPolicy
metadata: {name: none-bound}
spec:
  binds: {origins: {include: [CH]}}
  allow: [{scope: Inference, places: {include: [EU]}}]
---
kind: InferenceTenant
metadata: {name: shop, namespace: demo}
spec:
  keys: [{name: any, sha256: e73a14ca6b5ead2a34e79e4b27d79474ffe3e9fedfc065a822c92397b8cc99ac}]
  origins: [DE]
"""

_ROUTE: Final[Json] = {"apiVersion": GROUP, "kind": "ModelRoute", "metadata": {"name": "bge", "namespace": "demo"}}


class Life:
    """What its clusters and their audit logs had to say."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self.roles: dict[str, tuple[Json, ...]] = {}
        """Cluster -> Roles that were delivered there, while they were there."""
        self._refused_to_gateway: list[str] = []
        hub_of_iad1 = folder / "hub.kubeconfig"
        hub_of_iad1.write_bytes(accounts.way_in(fleet.hub, PULL))
        more = ["--site", "iad1", "--hub-kubeconfig", str(hub_of_iad1)]
        self._operators = (
            OperatorProcess(accounts.way_in(fleet.hub, HUB), folder, HUB, settings=_SETTINGS),
            OperatorProcess(accounts.way_in(fleet.hub, HUB), folder, f"{HUB}-again", settings=_BY_CERT_MANAGER),
            OperatorProcess(accounts.way_in(fleet["iad1"], SITE_OPERATOR), folder, "site", settings=PACE, more=more),
        )

    def requests(self, user: str) -> list[Request]:
        """All that it ever asked an API server for."""
        return [*rbac.requests(event for _, event in self._asked(user))]

    def refused(self) -> list[str]:
        """What somebody asked for without the right to. A gateway that ends may outlive its rights by a moment."""
        others = (user for users in USERS.values() for user in users if user != GATEWAY)
        return [*(each for user in others for each in self._refused(user)), *self._refused_to_gateway]

    def _refused(self, user: str) -> Iterator[str]:
        for name, event in self._asked(user):
            if event["responseStatus"]["code"] == HTTPStatus.FORBIDDEN:
                yield f"{name}: {event['verb']} {event['requestURI']} for {user}"

    def _asked(self, user: str) -> Iterator[tuple[str, Json]]:
        for name, users in USERS.items():
            if user in users:
                yield from ((name, event) for event in self.fleet[name].requests_of(user))

    def live(self) -> None:
        """From the first delivery to the last removal."""
        self._prepare()
        try:
            hub, hub_again, site = self._operators
            hub.start()
            site.start()
            self._deliver()
            self._renew()
            first = self._until(partial(_anchors, self.fleet.hub), holds=lambda found: "cdg1.jsonl" in found)
            self._change_the_law()
            self._keep_evidence(first)
            hub.stop()
            hub_again.start()
            self._reissue()
            self._refused_to_gateway = [*self._refused(GATEWAY)]
            self._leave()
        finally:
            for each in self._operators:
                each.stop()

    def _prepare(self) -> None:
        for site in self.fleet.sites:
            for each in optional_kinds.crds():
                plural = each["spec"]["names"]["plural"]
                if plural not in _POLICIES_BY_NAME.values() or plural == _POLICIES_BY_NAME.get(site.name):
                    _apply(site, each)
                    site.api.wait_for_condition(each, "Established")
            for name in _TO_ALL:
                kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
                assert site.api.patch({**kind, "metadata": {"name": name}}, {"subjects": _OF_KUBERNETES}).ok
        accounts.let_in(self.fleet, is_local=False)
        hub = self.fleet.hub
        _apply(hub, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
        _apply(hub, _secret("cdg1", kubeconfig=accounts.way_in(self.fleet["cdg1"], PUSH)))
        _apply(hub, _secret("openai", key=b"sk-of-nobody"))
        for each in yaml.safe_load_all(_DECLARED):
            _apply(hub, {"apiVersion": GROUP, **each})

    def _deliver(self) -> None:
        for name in SITES:
            self._until(partial(self._conditions, name), {"Delivered": "True"})
            self._until(partial(_secret_of_peer, self.fleet[name]))
            roles = self._until(partial(_roles, self.fleet[name]), holds=lambda found: len(found) == ROLES)
            self.roles[name] = tuple(roles)
        self._until(lambda: {each.verb for each in self.requests(GATEWAY)}, holds=lambda verbs: "patch" in verbs)

    def _renew(self) -> None:
        """Another authority of peers, and fewer engines: every cluster gets something new, and something old goes."""
        hub, secret = self.fleet.hub, _secret(stored.SECRET)
        authority, parcel = hub.api.get(secret).body["data"], _pieces(hub)
        assert hub.api.patch(secret, {"metadata": {"annotations": {ROTATE: "now"}}}).ok
        self._until(lambda: hub.api.get(secret).body["data"], holds=lambda data: data != authority)
        assert hub.api.patch(_ROUTE, {"spec": {"serving": {"replicasPerSite": 1}}}).ok
        self._until(partial(_pieces, hub), holds=lambda found: bool(found) and not found & parcel)

    def _keep_evidence(self, first: Json) -> None:
        """With another law there are other anchors. Then it is to outlive pods: there are no volumes for that."""
        hub, paris = self.fleet.hub, self.fleet["cdg1"]
        self._until(partial(_anchors, hub), holds=partial(_is_new, (first,)))
        site = {"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": "cdg1"}}
        kept = {"gateway": {"evidence": {"storage": {"type": "PersistentVolumeClaim"}}}}
        assert hub.api.patch(site, {"spec": kept}).ok
        stateful = {"apiVersion": "apps/v1", "kind": "StatefulSet"}
        metadata = {"name": "isochrone-gateway", "namespace": SYSTEM}
        self._until(partial(_is_there, paris, {**stateful, "metadata": metadata}))

    def _change_the_law(self) -> None:
        """Twice: the first is announced in a new object, the second in the same."""
        hub = self.fleet.hub
        policy = {"apiVersion": GROUP, "kind": "DataResidencyPolicy", "metadata": {"name": "none-bound"}}
        for places in (["EU", "CH"], ["EU"]):
            before: tuple[Json, ...] = ({}, _announced(hub))
            allow = [{"scope": "Inference", "places": {"include": places}}]
            assert hub.api.patch(policy, {"spec": {"allow": allow}}).ok
            self._until(partial(_announced, hub), holds=partial(_is_new, before))

    def _reissue(self) -> None:
        """The certificates of gateways are to be cert-manager's from now on."""
        for name in SITES:
            certificate = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}
            metadata = {"name": "isochrone-gateway-peer", "namespace": SYSTEM}
            self._until(partial(_is_there, self.fleet[name], {**certificate, "metadata": metadata}))

    def _leave(self) -> None:
        """The route first, then its sites, and the Secret that let the hub in."""
        hub = self.fleet.hub
        leaving = [
            _ROUTE,
            *({"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": name}} for name in (*SITES, "ber1")),
            _secret("cdg1"),
        ]
        for each in leaving:
            assert hub.api.delete(each).ok
        self._until(lambda: [each.body for each in map(hub.api.get, leaving) if each.ok], holds=lambda left: not left)

    def _conditions(self, name: str) -> dict[str, str]:
        site = {"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": name}}
        status = self.fleet.hub.api.get(site).body.get("status", {})
        return {each["type"]: each["status"] for each in status.get("conditions", ())}

    def _until(
        self, observe: Callable[[], T], expected: object = None, *, holds: Callable[[T], bool] | None = None
    ) -> T:
        return until(observe, expected, holds=holds, limit=LIMIT, why=self._tails)

    def _tails(self) -> str:
        logs = [f"--- {each.name}\n{each.tail()}" for each in self._operators]
        return "\n".join([*logs, self.fleet["cdg1"].gateways.logs()[-4000:], "--- refused", *self.refused()[-20:]])


def _apply(site: Site, item: Json) -> None:
    answer = site.api.apply(item)
    assert answer.ok, answer.message


def _secret(name: str, **data: bytes) -> Json:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM}, "data": encoded}


def _is_there(site: Site, item: Json) -> bool:
    return site.api.get(item).ok


def _secret_of_peer(site: Site) -> bool:
    return site.api.get(_secret("isochrone-gateway-peer")).ok


def _roles(site: Site) -> list[Json]:
    """Those that were delivered."""
    params = {"labelSelector": "app.kubernetes.io/managed-by=isochrone"}
    found: list[Json] = site.api.request("GET", kinds.ROLE.path(), params=params).body["items"]
    return found


def _announced(hub: Site) -> Json:
    """What all sites that pull are told."""
    metadata = {"name": rights.ANNOUNCEMENT, "namespace": SYSTEM}
    found: Json = hub.api.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).body.get("data", {})
    return found


def _anchors(hub: Site) -> Json:
    """What the hub keeps of evidence."""
    metadata = {"name": rights.ANCHORS, "namespace": SYSTEM}
    found: Json = hub.api.get({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).body.get("data", {})
    return found


def _is_new(before: Collection[Json], said: Json) -> bool:
    return said not in before


def _pieces(hub: Site) -> set[str]:
    """What the parcel of the site that pulls is in."""
    listed = hub.api.request("GET", kinds.CONFIG_MAP.path(mailbox.namespace_of("iad1"))).body["items"]
    return {each["metadata"]["name"] for each in listed if "binaryData" in each}
