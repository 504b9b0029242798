"""Which kinds are read, which can be left unread, and which can't."""

from typing import Any, Final

import pytest

from isochrone.verify.kinds import POLICIES, each_spec, is_known, is_read

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("version", "kind", "known"),
    [
        *(
            pytest.param(version, kind, True, id=f"{version} {kind}")
            for version, kind in (
                ("networking.k8s.io/v1", "NetworkPolicy"),
                ("cilium.io/v2", "CiliumNetworkPolicy"),
                ("networking.gke.io/v1alpha1", "FQDNNetworkPolicy"),
                ("v1", "ConfigMap"),
                ("v1", "Service"),
                ("v1", "Pod"),
                ("v1", "Secret"),
                ("v1", "Namespace"),
                ("v1", "ServiceAccount"),
                ("v1", "LimitRange"),
                ("v1", "ResourceQuota"),
                ("v1", "PersistentVolumeClaim"),
                ("apps/v1", "Deployment"),
                ("apps/v1", "StatefulSet"),
                ("apps/v1", "DaemonSet"),
                ("apps/v1", "ReplicaSet"),
                ("batch/v1", "Job"),
                ("discovery.k8s.io/v1", "EndpointSlice"),
                ("scheduling.k8s.io/v1", "PriorityClass"),
                ("autoscaling/v2", "HorizontalPodAutoscaler"),
                ("policy/v1", "PodDisruptionBudget"),
                ("coordination.k8s.io/v1", "Lease"),
                ("rbac.authorization.k8s.io/v1", "Role"),
                ("rbac.authorization.k8s.io/v1", "RoleBinding"),
                ("resource.k8s.io/v1", "ResourceClaimTemplate"),
                ("gateway.networking.k8s.io/v1", "HTTPRoute"),
                ("multicluster.x-k8s.io/v1alpha1", "ServiceExport"),
                ("cert-manager.io/v1", "Certificate"),
                ("monitoring.coreos.com/v1", "PodMonitor"),
                ("monitoring.coreos.com/v1", "ServiceMonitor"),
                ("monitoring.coreos.com/v1", "PrometheusRule"),
            )
        ),
        *(
            pytest.param(version, kind, False, id=f"{version} {kind}")
            for version, kind in (
                ("cilium.io/v2", "CiliumClusterwideNetworkPolicy"),
                ("cilium.io/v2", "CiliumEgressGatewayPolicy"),
                ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
                ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
                ("crd.projectcalico.org/v1", "GlobalNetworkPolicy"),
                ("crd.projectcalico.org/v1", "NetworkPolicy"),
                ("projectcalico.org/v3", "NetworkPolicy"),
                ("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"),
                ("networking.istio.io/v1", "ServiceEntry"),
                ("networking.gke.io/v1", "MultiNetworkPolicy"),
                ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
                ("v1", "ReplicationController"),
                ("batch/v1", "CronJob"),
                ("v1", "NetworkPolicy"),
                ("apps/v1", "ControllerRevision"),
                ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
                ("certificates.k8s.io/v1", "CertificateSigningRequest"),
                ("events.k8s.io/v1", "Event"),
                ("networking.k8s.io/v1", "Ingress"),
                ("node.k8s.io/v1", "RuntimeClass"),
                ("storage.k8s.io/v1", "StorageClass"),
                ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
                ("isochrone.dev/v1alpha1", "EdgeNode"),
                ("gateway.networking.k8s.io/v1", "Gateway"),
                ("gateway.networking.k8s.io/v1", "ReferenceGrant"),
                ("gateway.networking.k8s.io/v1beta1", "HTTPRoute"),
                ("cert-manager.io/v1", "Issuer"),
                ("rbac.authorization.k8s.io/v1", "ClusterRole"),
                ("v1", "Node"),
                ("v1", "PersistentVolume"),
                ("v1", "PodTemplate"),
                ("v1", "Endpoints"),
                ("v1", "Lease"),
                ("networking.k8s.io/v1beta1", "NetworkPolicy"),
                ("networking.k8s.io/v9", "NetworkPolicy"),
                ("networking.k8s.io/", "NetworkPolicy"),
                ("networking.k8s.io", "NetworkPolicy"),
                ("cilium.io/v1", "CiliumNetworkPolicy"),
                ("networking.gke.io/v1", "FQDNNetworkPolicy"),
                ("v2", "ConfigMap"),
                ("apps/v1beta1", "Deployment"),
                ("batch/v1beta1", "Job"),
                ("discovery.k8s.io/v1beta1", "EndpointSlice"),
                *((f"example.com/{kind}", kind) for kind in ("CiliumNetworkPolicy", "FQDNNetworkPolicy", "Service")),
                *((f"example.com/{kind}", kind) for kind in ("Pod", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")),
                *(("policy/v1", kind) for kind in ("ConfigMap", "Pod", "Service")),
                ("example.com/v1", "Deployment"),
                ("example.com/v1", "ConfigMap"),
                ("example.com/v1", "Fleet"),
                ("monitoring.coreos.com/v1", "Prometheus"),
                ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
            )
        ),
    ],
)
def test_what_may_open_traffic_or_start_pods_is_unknown(version: str, kind: str, known: bool) -> None:
    assert is_known({"apiVersion": version, "kind": kind}) is known


@pytest.mark.parametrize("said", [{}, {"apiVersion": None}], ids=["nothing", "null"])
def test_what_says_no_version_was_asked_for_by_it(said: dict[str, None]) -> None:
    assert is_known({"kind": "Deployment", **said})
    assert is_known({"kind": "Lease", **said})


@pytest.mark.parametrize(
    ("item", "read"),
    [
        pytest.param({"apiVersion": "apps/v1", "kind": "Deployment"}, True, id="its version"),
        pytest.param({"apiVersion": "apps/v2", "kind": "Deployment"}, False, id="another"),
        pytest.param({"apiVersion": None, "kind": "Deployment"}, True, id="none"),
        pytest.param({"apiVersion": "v1", "kind": "Secret"}, False, id="harmless"),
        pytest.param({"kind": "Secret"}, False, id="harmless, and no version"),
    ],
)
def test_what_is_read(item: Json, *, read: bool) -> None:
    assert is_read(item) is read


def test_these_are_policies() -> None:
    assert {"NetworkPolicy", "CiliumNetworkPolicy", "FQDNNetworkPolicy"} == POLICIES


def test_what_a_cluster_lists_is_of_the_kind_that_was_asked_for() -> None:
    assert is_known({"kind": "NetworkPolicy"})


ONE: Final[Json] = {"egress": [{}]}
TWO: Final[Json] = {"egress": []}


@pytest.mark.parametrize(
    ("fields", "specs"),
    [
        pytest.param({"spec": ONE}, [ONE], id="one"),
        pytest.param({"specs": [ONE, TWO]}, [ONE, TWO], id="several"),
        pytest.param({"spec": TWO, "specs": [ONE]}, [TWO, ONE], id="both"),
        pytest.param({"spec": ONE, "specs": []}, [ONE], id="one and none"),
    ],
)
def test_each_spec_of_ciliums_is_a_policy(fields: Json, specs: list[Json]) -> None:
    found = list(each_spec({"kind": "CiliumNetworkPolicy", "metadata": {"name": "x"}, **fields}))
    assert [each["spec"] for each in found] == specs
    assert all(each["metadata"] == {"name": "x"} for each in found)


def test_specs_mean_nothing_elsewhere() -> None:
    item = {"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": ONE, "specs": [TWO]}
    assert list(each_spec(item)) == [item]
