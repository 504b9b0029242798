"""Routes, pools and sites to render: a table of cases that covers engines, devices, weights and overlays."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from isochrone.api import EdgeNode, GPUPool, ModelRoute
from isochrone.model import Because, Capability, Placement, RouteKey, SiteObservation
from isochrone.render.engines import engine_objects
from isochrone.render.settings import Network, RenderSettings

Json = dict[str, Any]

DIGEST: Final = f"sha256:{'5' * 64}"
FILE: Final = {"uri": "https://weights.example.com/llama-8b.gguf", "digest": DIGEST, "size": "8Gi"}
HF: Final = {"uri": "hf://meta/llama@1a2b", "digest": DIGEST, "size": "140Gi", "secretName": "hugging-face"}
S3: Final = {"uri": "s3://models/llama/", "digest": DIGEST, "size": "15Gi", "secretName": "store"}
OCI: Final = {"uri": f"oci://registry.example.com/llama@{DIGEST}", "size": "15Gi", "secretName": "registry"}
CLAIM: Final = {"uri": "pvc://models/llama-8b", "size": "15Gi"}

NVIDIA: Final = {"product": "NVIDIA-L4", "memory": "24Gi", "resourceName": "nvidia.com/gpu"}
AMD: Final = {"product": "AMD-MI300X", "memory": "192Gi", "resourceName": "amd.com/gpu"}
CLASS: Final = {"product": "NVIDIA-H100-80GB-HBM3", "memory": "80Gi", "deviceClassName": "gpu.nvidia.com"}

OVERLAY: Final[Json] = {
    "metadata": {"labels": {"team": "speech"}, "annotations": {"owner": "speech@example.com"}},
    "spec": {
        "containers": [
            {
                "name": "engine",
                "env": [
                    {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}},
                    {"name": "USER", "value": "speech"},
                ],
                "volumeMounts": [{"name": "templates", "mountPath": "/templates", "readOnly": True}],
                "readinessProbe": {"periodSeconds": 2},
                "livenessProbe": {"exec": {"command": ["true"]}},
                "securityContext": {"runAsUser": 2000, "readOnlyRootFilesystem": True},
            },
            {"name": "logs", "image": "vector:1", "resources": {"limits": {"memory": "64Mi"}}},
        ],
        "initContainers": [{"name": "warm", "image": "busybox:1", "command": ["true"]}],
        "volumes": [{"name": "templates", "configMap": {"name": "templates"}}],
        "securityContext": {"fsGroup": 3000},
        "nodeSelector": {"disk": "nvme", "site": "elsewhere"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "team-registry"}],
        "terminationGracePeriodSeconds": 300,
        "runtimeClassName": "nvidia",
    },
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A route's placement at a site, and what is rendered for it."""

    route: ModelRoute
    site: EdgeNode
    pool: GPUPool | None
    settings: RenderSettings = dataclasses.field(default_factory=RenderSettings)
    observation: SiteObservation = dataclasses.field(default_factory=SiteObservation)
    replicas: int = 2

    def objects(self) -> tuple[Json, ...]:
        name = RouteKey(self.route.metadata.namespace or "", self.route.metadata.name)
        placement = Placement(
            route=name,
            site=self.site.metadata.name,
            pool=self.pool.metadata.name if self.pool else None,
            replicas=self.replicas,
            because=Because.MIN_SITES,
        )
        return engine_objects(
            self.route,
            placement,
            site=self.site,
            pool=self.pool,
            settings=self.settings,
            observation=self.observation,
        )

    def one(self, kind: str) -> Json:
        (found,) = (each for each in self.objects() if each["kind"] == kind)
        return found

    @property
    def pod(self) -> Json:
        spec: Json = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def engine(self) -> Json:
        return container(self.pod, "engine")


def container(pod: Json, name: str) -> Json:
    (found,) = (each for each in [*pod.get("initContainers", []), *pod["containers"]] if each["name"] == name)
    return dict(found)


def case(
    engine: str | Json = "VLLM",
    weights: Json | None = None,
    device: Json | None = None,
    *,
    resources: Json | None = None,
    overlay: Json | None = None,
    site: Json | None = None,
    pool: Json | None = None,
    serving: Json | None = None,
    route: Json | None = None,
    **more: Any,
) -> Case:
    """A case; every part that is left out is ordinary."""
    engine = {"type": engine} if isinstance(engine, str) else engine
    wanted = {"devices": 1 if device else 0, **(resources or {})}
    served = {"engine": engine, "resources": wanted, **({"weights": weights} if weights else {}), **(serving or {})}
    if overlay:
        served["podTemplate"] = overlay
    return Case(
        route=_route({"serving": served, **(route or {})}),
        site=_site(site or {}),
        pool=_pool({"device": device, **(pool or {})}) if device else None,
        **more,
    )


def _route(spec: Mapping[str, Any]) -> ModelRoute:
    metadata = {"name": "chat", "namespace": "lab", "uid": "0d1c2b3a-0000-4000-8000-000000000001"}
    return ModelRoute.model_validate({"kind": "ModelRoute", "metadata": metadata, "spec": spec})


def _site(spec: Mapping[str, Any]) -> EdgeNode:
    remote = {"place": {"iata": "FRA"}, "cluster": {"type": "Remote"}, "delivery": "GitOps"}
    return EdgeNode.model_validate({"kind": "EdgeNode", "metadata": {"name": "fra1"}, "spec": {**remote, **spec}})


def _pool(spec: Mapping[str, Any]) -> GPUPool:
    fixed = {"edgeNodeRef": {"name": "fra1"}, "nodes": 2, "devicesPerNode": 8, "pricePerDeviceHour": "2.95"}
    return GPUPool.model_validate({"kind": "GPUPool", "metadata": {"name": "fra1-gpus"}, "spec": {**fixed, **spec}})


def _seen(*capabilities: Capability, kubernetes: tuple[int, int] = (1, 36)) -> SiteObservation:
    return SiteObservation(capabilities=frozenset(capabilities), kubernetes=kubernetes)


_CUSTOM: Final = {
    "type": "Custom",
    "image": "registry.example.com/own:2",
    "port": 9000,
    "command": ["/serve"],
    "args": ["--fast"],
    "healthPath": "/ready",
    "metricsPath": "/stats",
}
_CPU: Final = {"cpu": "1500m", "memory": "2Gi"}
_GPU: Final = {"devices": 4, "cpu": 8, "memory": "96Gi", "deviceMemory": "80Gi"}
_TAINT: Final = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}

CASES: Final[Mapping[str, Case]] = {
    "vllm-nvidia-hf": case(
        {"type": "VLLM", "contextLength": 32768, "args": ["--max-num-seqs=64"], "env": [{"name": "A", "value": "b"}]},
        HF,
        NVIDIA,
        resources=_GPU,
        pool={"tolerations": [_TAINT], "nodeSelector": {"gpu": "l4"}},
        route={"modelName": "meta/llama-70b", "aliases": ["chat"]},
    ),
    "vllm-claim-s3": case(
        "VLLM",
        S3,
        CLASS,
        resources={**_GPU, "deviceProducts": ["NVIDIA-H100-80GB-HBM3"]},
        observation=_seen(Capability.CILIUM_NETWORK_POLICY, Capability.SERVICE_MONITOR),
        settings=RenderSettings(s3_endpoint="https://s3.example.com:9000", weights_networks=(Network("10.1.0.0/16"),)),
    ),
    "vllm-amd-oci": case(
        "VLLM", OCI, AMD, observation=_seen(), site={"images": {"registryPrefix": "mirror.example/x"}}
    ),
    "vllm-cpu-volume": case("VLLM", CLAIM, resources=_CPU),
    "sglang-nvidia-volume": case(
        "SGLang",
        {**CLAIM, "digest": DIGEST},
        NVIDIA,
        resources={"devices": 2, "sharedMemory": "32Gi"},
        route={"endpoints": ["Embeddings"]},
        observation=_seen(Capability.FQDN_NETWORK_POLICY),
    ),
    "sglang-oci-old-cluster": case(
        "SGLang",
        OCI,
        NVIDIA,
        observation=_seen(Capability.FQDN_NETWORK_POLICY, kubernetes=(1, 33)),
        site={"images": {"registryPrefix": "mirror.example/x", "pullSecrets": ["mirror"]}},
    ),
    "llama-cpp-cpu-file": case(
        {"type": "LlamaCpp", "contextLength": 2048},
        FILE,
        resources=_CPU,
        site={"cluster": {"type": "Local"}, "delivery": "Push"},
    ),
    "llama-cpp-nvidia-folder": case(
        "LlamaCpp",
        {**FILE, "uri": "https://weights.example.com/llama/"},
        NVIDIA,
        serving={"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 8},
    ),
    "custom-nvidia": case(_CUSTOM, None, NVIDIA, observation=_seen(Capability.SERVICE_MONITOR)),
    "custom-cpu-file": case(_CUSTOM, FILE, resources=_CPU),
    "overlay": case(
        "VLLM",
        CLAIM,
        NVIDIA,
        overlay=OVERLAY,
        site={"nodeSelector": {"site": "fra1"}, "images": {"registryPrefix": "mirror.example/x"}},
        pool={"tolerations": [_TAINT]},
    ),
}
"""What is kept as golden files, and what a real API server has to take."""
