"""Which kinds are read, which can be left unread, and which can't."""

from typing import Any, Final

import pytest

from isochrone.verify.kinds import POLICIES, each_spec, is_known

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
                ("v1", "PersistentVolumeClaim"),
                ("apps/v1", "Deployment"),
                ("apps/v1", "StatefulSet"),
                ("apps/v1", "DaemonSet"),
                ("apps/v1", "ReplicaSet"),
                ("apps/v1", "ControllerRevision"),
                ("batch/v1", "Job"),
                ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
                ("certificates.k8s.io/v1", "CertificateSigningRequest"),
                ("discovery.k8s.io/v1", "EndpointSlice"),
                ("events.k8s.io/v1", "Event"),
                ("networking.k8s.io/v1", "Ingress"),
                ("node.k8s.io/v1", "RuntimeClass"),
                ("scheduling.k8s.io/v1", "PriorityClass"),
                ("storage.k8s.io/v1", "StorageClass"),
                ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
                ("isochrone.dev/v1alpha1", "EdgeNode"),
                ("autoscaling/v2", "HorizontalPodAutoscaler"),
                ("policy/v1", "PodDisruptionBudget"),
                ("coordination.k8s.io/v1", "Lease"),
                ("rbac.authorization.k8s.io/v1", "Role"),
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
