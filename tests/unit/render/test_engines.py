"""The rules by which engines are rendered, one table each."""

from typing import Any

import pytest
from tests.unit.render.sample import (
    AMD,
    CLAIM,
    CLASS,
    DIGEST,
    FILE,
    HF,
    NVIDIA,
    OCI,
    S3,
    Case,
    Json,
    case,
    container,
)

from isochrone.model import Capability, SiteObservation
from isochrone.render.settings import Network, RenderSettings

CPU = {"cpu": "1500m", "memory": "2Gi"}
CUSTOM = {"type": "Custom", "image": "own:1", "port": 9000}
EMBEDS = {"endpoints": ["Embeddings"]}


def seen(*capabilities: Capability, kubernetes: tuple[int, int] = (1, 36)) -> SiteObservation:
    return SiteObservation(capabilities=frozenset(capabilities), kubernetes=kubernetes)


def test_a_route_of_providers_alone_has_no_objects() -> None:
    rendered = case("VLLM", CLAIM)
    tiers = [{"backends": [{"provider": {"name": "openai", "model": "gpt"}}]}]
    route = rendered.route.model_validate({"kind": "ModelRoute", "metadata": {"name": "a"}, "spec": {"tiers": tiers}})
    assert Case(route=route, site=rendered.site, pool=None).objects() == ()


def test_order_of_objects() -> None:
    everything = seen(Capability.SERVICE_MONITOR, Capability.CILIUM_NETWORK_POLICY)
    kinds = [each["kind"] for each in case("VLLM", S3, CLASS, observation=everything).objects()]
    assert kinds == [
        "Namespace",
        "ServiceAccount",
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "ResourceClaimTemplate",
        "Service",
        "PodDisruptionBudget",
        "Deployment",
        "PodMonitor",
    ]


VLLM = ["/models", "--served-model-name=chat", "--host=0.0.0.0", "--port=8000"]
SGLANG = ["--model-path=/models", "--served-model-name=chat", "--host=0.0.0.0", "--port=30000", "--enable-metrics"]
LLAMA = ["--model", "/models/llama-8b.gguf", "--alias", "chat", "--host", "0.0.0.0", "--port", "8080", "--metrics"]


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        pytest.param(case("VLLM", HF, NVIDIA), [*VLLM, "--shutdown-timeout=60"], id="vLLM, one GPU"),
        pytest.param(
            case({"type": "VLLM", "contextLength": 4096, "args": ["--seed=1"]}, HF, NVIDIA, resources={"devices": 8}),
            [*VLLM, "--tensor-parallel-size=8", "--max-model-len=4096", "--shutdown-timeout=60", "--seed=1"],
            id="vLLM, eight GPUs, and the user's arguments last",
        ),
        pytest.param(case("SGLang", HF, NVIDIA), SGLANG, id="SGLang, one GPU"),
        pytest.param(
            case({"type": "SGLang", "contextLength": 4096}, HF, NVIDIA, resources={"devices": 2}, route=EMBEDS),
            [*SGLANG, "--tp-size=2", "--context-length=4096", "--is-embedding"],
            id="SGLang, two GPUs, embeddings",
        ),
        pytest.param(case("SGLang", HF), [*SGLANG, "--device=cpu"], id="SGLang, CPUs"),
        pytest.param(case("LlamaCpp", FILE, NVIDIA), [*LLAMA, "--n-gpu-layers", "999"], id="llama.cpp, a GPU"),
        pytest.param(
            case({"type": "LlamaCpp", "contextLength": 4096}, FILE, resources=CPU, route=EMBEDS),
            [*LLAMA, "--threads", "2", "--ctx-size", "4096", "--kv-unified", "--embedding"],
            id="llama.cpp, CPUs, embeddings",
        ),
        pytest.param(case("LlamaCpp", FILE), LLAMA, id="llama.cpp, CPUs, nobody says how many"),
        pytest.param(case({**CUSTOM, "args": ["a"]}), ["a"], id="custom"),
    ],
)
def test_arguments(rendered: Case, expected: list[str]) -> None:
    assert rendered.engine["args"] == expected


def test_the_model_has_the_name_that_gateways_ask_for() -> None:
    rendered = case("VLLM", HF, NVIDIA, route={"modelName": "meta/llama", "aliases": ["llama"]})
    assert "--served-model-name=meta/llama" in rendered.engine["args"]


@pytest.mark.parametrize(
    ("engine", "weights", "expected"),
    [
        pytest.param("VLLM", CLAIM, "/models/llama-8b", id="folder on a volume"),
        pytest.param("VLLM", {"uri": "pvc://models"}, "/models", id="all of a volume"),
        pytest.param("VLLM", {"uri": "pvc://models/"}, "/models", id="all of a volume, with a slash"),
        pytest.param("VLLM", HF, "/models", id="repository"),
        pytest.param("VLLM", {**HF, "uri": "hf://a/b/d.gguf"}, "/models/d.gguf", id="file of a repository"),
        pytest.param("VLLM", {**HF, "uri": "hf://a/b@r/c/d.gguf"}, "/models/d.gguf", id="file of a folder of one"),
        pytest.param("VLLM", {**HF, "uri": "hf://a/b/"}, "/models", id="repository, with a slash"),
        pytest.param("VLLM", S3, "/models", id="folder in a bucket"),
        pytest.param("VLLM", OCI, "/models", id="image"),
        pytest.param("LlamaCpp", FILE, "/models/llama-8b.gguf", id="llama.cpp, file"),
        pytest.param("LlamaCpp", OCI, "/models/model.gguf", id="llama.cpp, image"),
        pytest.param("LlamaCpp", CLAIM, "/models/llama-8b/model.gguf", id="llama.cpp, folder on a volume"),
        pytest.param("LlamaCpp", {"uri": "pvc://m/a.gguf"}, "/models/a.gguf", id="llama.cpp, file on a volume"),
    ],
)
def test_what_is_loaded(engine: str, weights: Json, expected: str) -> None:
    args = " ".join(case(engine, weights).engine["args"])
    assert args.removeprefix("--model ").split(" ")[0] == expected


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        pytest.param(case("VLLM", HF), "docker.io/vllm/vllm-openai-cpu:v0.28.0", id="CPUs"),
        pytest.param(case("VLLM", HF, NVIDIA), "docker.io/vllm/vllm-openai:v0.28.0", id="NVIDIA"),
        pytest.param(case("VLLM", HF, CLASS), "docker.io/vllm/vllm-openai:v0.28.0", id="NVIDIA, a class"),
        pytest.param(case("VLLM", HF, AMD), "docker.io/vllm/vllm-openai-rocm:v0.28.0", id="AMD"),
        pytest.param(
            case("LlamaCpp", FILE, {**AMD, "resourceName": "gpu.intel.com/xe"}),
            "ghcr.io/ggml-org/llama.cpp:server-intel-b11206",
            id="Intel",
        ),
        pytest.param(
            case("VLLM", HF, {**AMD, "resourceName": "example.com/npu"}),
            "docker.io/vllm/vllm-openai:v0.28.0",
            id="nobody known",
        ),
        pytest.param(
            case("SGLang", HF, {**AMD, "resourceName": "gpu.intel.com/xe"}),
            "docker.io/lmsysorg/sglang:v0.5.18",
            id="no image for Intel",
        ),
        pytest.param(case({"type": "VLLM", "image": "own/vllm:1"}, HF, NVIDIA), "own/vllm:1", id="the route's"),
        pytest.param(
            case("VLLM", HF, settings=RenderSettings(engine_images={})),
            "docker.io/vllm/vllm-openai:v0.28.0",
            id="settings without images",
        ),
    ],
)
def test_image(rendered: Case, expected: str) -> None:
    assert rendered.engine["image"] == expected


def test_every_image_comes_from_the_mirror() -> None:
    overlay = {
        "spec": {
            "containers": [{"name": "logs", "image": "vector:1"}],
            "initContainers": [{"name": "warm", "image": "busybox:1"}],
            "volumes": [{"name": "more", "image": {"reference": "more:1"}}],
        }
    }
    images = {"registryPrefix": "mirror.example/x", "pullSecrets": ["mirror"]}
    pod = case("VLLM", S3, overlay=overlay, site={"images": images}).pod
    found = [each["image"] for each in [*pod["initContainers"], *pod["containers"]]]
    found += [each["image"]["reference"] for each in pod["volumes"] if "image" in each]
    assert len(found) == 5
    assert all(image.startswith("mirror.example/x/") for image in found), found
    assert pod["imagePullSecrets"] == [{"name": "mirror"}]


def test_gpus_are_requested_and_limited_alike() -> None:
    rendered = case("VLLM", CLAIM, NVIDIA, resources={"devices": 4, "cpu": 8, "memory": "96Gi"})
    assert rendered.engine["resources"] == {
        "requests": {"cpu": "8", "memory": "96Gi", "nvidia.com/gpu": "4"},
        "limits": {"memory": "96Gi", "nvidia.com/gpu": "4"},
    }


def test_devices_of_a_class_are_claimed() -> None:
    rendered = case("VLLM", CLAIM, CLASS, resources={"devices": 4})
    template = rendered.one("ResourceClaimTemplate")
    assert rendered.engine["resources"] == {"claims": [{"name": "devices"}]}
    assert rendered.pod["resourceClaims"] == [
        {"name": "devices", "resourceClaimTemplateName": template["metadata"]["name"]}
    ]
    assert template["spec"]["spec"]["devices"]["requests"] == [
        {
            "name": "devices",
            "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 4},
        }
    ]


def test_another_claim_is_another_template() -> None:
    """A template can't be changed, so it isn't."""
    names = {
        case("VLLM", CLAIM, CLASS, resources={"devices": count}).one("ResourceClaimTemplate")["metadata"]["name"]
        for count in (1, 2)
    }
    assert len(names) == 2
    assert all(name.startswith("chat-engine-") for name in names)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        pytest.param({"devices": 1}, "2Gi", id="one GPU"),
        pytest.param({"devices": 8}, "16Gi", id="eight GPUs"),
        pytest.param({"devices": 8, "memory": "20Gi"}, "10Gi", id="half of the memory at most"),
        pytest.param({"devices": 1, "sharedMemory": "32Gi"}, "32Gi", id="as the route says"),
    ],
)
def test_shared_memory(resources: Json, expected: str) -> None:
    volumes = {each["name"]: each for each in case("VLLM", CLAIM, NVIDIA, resources=resources).pod["volumes"]}
    assert volumes["isochrone-shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": expected}


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        pytest.param(case("LlamaCpp", FILE, NVIDIA), False, id="llama.cpp is one process"),
        pytest.param(case(CUSTOM), False, id="custom, on CPUs"),
        pytest.param(case(CUSTOM, None, NVIDIA), True, id="custom, on GPUs"),
        pytest.param(case("LlamaCpp", FILE, resources={"sharedMemory": "1Gi"}), True, id="the route wants some"),
    ],
)
def test_who_shares_memory(rendered: Case, expected: bool) -> None:
    assert ("/dev/shm" in [each["mountPath"] for each in rendered.engine["volumeMounts"]]) is expected


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        pytest.param(case("VLLM", CLAIM, NVIDIA), {"maxSurge": 0, "maxUnavailable": 1}, id="GPUs are scarce"),
        pytest.param(case("VLLM", CLAIM), {"maxSurge": 1, "maxUnavailable": 0}, id="CPUs are not"),
    ],
)
def test_strategy(rendered: Case, expected: Json) -> None:
    strategy = rendered.one("Deployment")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": expected}


def test_an_autoscaler_owns_replicas() -> None:
    scaled = case("VLLM", CLAIM, serving={"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 4})
    assert "replicas" not in scaled.one("Deployment")["spec"]
    assert case("VLLM", CLAIM).one("Deployment")["spec"]["replicas"] == 2


def sizes(size: str | None) -> Json:
    return {"uri": "pvc://models", **({"size": size} if size else {})}


@pytest.mark.parametrize(
    ("size", "startup", "progress"),
    [
        pytest.param("1Gi", 1220, 1800 + 20 + 1220, id="small"),
        pytest.param("140Gi", 4000, 1800 + 2800 + 4000, id="large"),
        pytest.param(None, 3600, 1800 + 3600 + 3600, id="unknown"),
    ],
)
def test_starting_may_take_as_long_as_the_weights_do(size: str | None, startup: int, progress: int) -> None:
    rendered = case("VLLM", sizes(size))
    probe = rendered.engine["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == startup
    assert rendered.one("Deployment")["spec"]["progressDeadlineSeconds"] == progress


@pytest.mark.parametrize(
    ("rendered", "startup", "readiness", "liveness"),
    [
        pytest.param(case("VLLM", HF), "/health", "/health", "/health", id="vLLM"),
        pytest.param(case("SGLang", HF), "/health", "/health_generate", "/health", id="SGLang"),
        pytest.param(case("LlamaCpp", FILE), "/health", "/health", "/health", id="llama.cpp"),
        pytest.param(case({**CUSTOM, "healthPath": "/up"}), "/up", "/up", None, id="custom"),
    ],
)
def test_probes(rendered: Case, startup: str, readiness: str, liveness: str | None) -> None:
    engine = rendered.engine
    assert engine["startupProbe"]["httpGet"] == {"path": startup, "port": "http"}
    assert engine["readinessProbe"]["httpGet"] == {"path": readiness, "port": "http"}
    alive = {"httpGet": {"path": liveness, "port": "http"}} if liveness else {"tcpSocket": {"port": "http"}}
    assert alive.items() <= engine["livenessProbe"].items()
    assert engine["livenessProbe"]["failureThreshold"] * engine["livenessProbe"]["periodSeconds"] >= 120


@pytest.mark.parametrize(
    ("engine", "grace", "sleep", "total"),
    [
        pytest.param("VLLM", None, 15, 90, id="vLLM ends its answers itself"),
        pytest.param("LlamaCpp", None, 75, 90, id="llama.cpp breaks them off, so it is told late"),
        pytest.param("VLLM", 300, 15, 300, id="vLLM, more time"),
        pytest.param("LlamaCpp", 300, 285, 300, id="llama.cpp, more time"),
        pytest.param("LlamaCpp", 1, 1, 1, id="no time"),
        pytest.param("VLLM", 10, 9, 10, id="less than the pause"),
    ],
)
def test_ends(engine: str, grace: int | None, sleep: int, total: int) -> None:
    overlay = {"spec": {"terminationGracePeriodSeconds": grace}} if grace else None
    rendered = case(engine, FILE, overlay=overlay)
    assert rendered.engine["lifecycle"] == {"preStop": {"sleep": {"seconds": sleep}}}
    assert rendered.pod["terminationGracePeriodSeconds"] == total


@pytest.mark.parametrize(("grace", "drain"), [(300, 270), (31, 1), (1, 1)])
def test_vllm_is_told_how_long_its_answers_have(grace: int, drain: int) -> None:
    rendered = case("VLLM", HF, overlay={"spec": {"terminationGracePeriodSeconds": grace}})
    assert f"--shutdown-timeout={drain}" in rendered.engine["args"]


def test_nodes_are_those_of_site_and_pool() -> None:
    rendered = case(
        "VLLM",
        CLAIM,
        NVIDIA,
        site={"nodeSelector": {"zone": "a", "both": "site"}},
        pool={"nodeSelector": {"gpu": "l4", "both": "pool"}},
        overlay={"spec": {"nodeSelector": {"zone": "b", "gpu": "h100", "disk": "nvme"}}},
    )
    assert rendered.pod["nodeSelector"] == {"zone": "a", "gpu": "l4", "both": "site", "disk": "nvme"}


def test_security() -> None:
    pod = case("VLLM", S3, NVIDIA).pod
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert pod["serviceAccountName"] == "chat-engine"
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container(pod, "engine")["securityContext"] == own
    assert container(pod, "isochrone-weights")["securityContext"] == {**own, "readOnlyRootFilesystem": True}


def test_read_only_root() -> None:
    def is_read_only(rendered: Case) -> bool:
        return "readOnlyRootFilesystem" in rendered.engine["securityContext"]

    assert is_read_only(case("LlamaCpp", FILE))
    assert not is_read_only(case("LlamaCpp", FILE, NVIDIA)), "CDI hooks write into it"
    assert not is_read_only(case(CUSTOM)), "nobody knows where it writes"


def test_a_route_made_anew_restarts_no_pod() -> None:
    def made(uid: str) -> Case:
        rendered = case("VLLM", S3, CLASS)
        metadata = rendered.route.metadata.model_copy(update={"uid": uid})
        return Case(
            route=rendered.route.model_copy(update={"metadata": metadata}), site=rendered.site, pool=rendered.pool
        )

    one, other = made("1"), made("2")
    assert one.one("Deployment")["spec"] == other.one("Deployment")["spec"]
    assert one.one("ResourceClaimTemplate")["spec"] == other.one("ResourceClaimTemplate")["spec"]
    assert one.one("Deployment") != other.one("Deployment")


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        pytest.param(case("VLLM", CLAIM, CLASS, replicas=5), True, id="more replicas"),
        pytest.param(case("VLLM", CLAIM, CLASS, serving={"priority": 9}), True, id="another priority"),
        pytest.param(case("VLLM", CLAIM, CLASS, resources={"devices": 2}), False, id="more devices"),
        pytest.param(case("VLLM", CLAIM, CLASS, resources={"deviceMemory": "9Gi"}), False, id="another claim"),
        pytest.param(case("VLLM", {"uri": "pvc://other"}, CLASS), False, id="other weights"),
    ],
)
def test_config_hash(changed: Case, is_same: bool) -> None:
    def digest(rendered: Case) -> Any:
        return rendered.one("Deployment")["spec"]["template"]["metadata"]["annotations"]["isochrone.dev/config-hash"]

    assert (digest(changed) == digest(case("VLLM", CLAIM, CLASS))) is is_same


SECRETS = {
    "https": ["TOKEN", "USERNAME", "PASSWORD"],
    "hf": ["HF_TOKEN"],
    "s3": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"],
}


@pytest.mark.parametrize("weights", [{**FILE, "secretName": "s"}, HF, S3], ids=lambda each: each["uri"])
def test_credentials_are_the_fetcher_s_alone(weights: Json) -> None:
    pod = case("VLLM", weights).pod
    fetcher = container(pod, "isochrone-weights")
    assert [each["name"] for each in fetcher["env"]] == SECRETS[weights["uri"].partition("://")[0]]
    assert {each["valueFrom"]["secretKeyRef"]["name"] for each in fetcher["env"]} == {weights["secretName"]}
    assert all("value" in each for each in container(pod, "engine")["env"])


@pytest.mark.parametrize(
    ("weights", "settings", "expected"),
    [
        pytest.param(FILE, {}, ["--to=/models", f"--digest={DIGEST}", FILE["uri"]], id="https"),
        pytest.param(
            HF,
            {},
            ["--to=/models", f"--digest={DIGEST}", "--hf-endpoint=https://huggingface.co", HF["uri"]],
            id="Hugging Face",
        ),
        pytest.param(S3, {}, ["--to=/models", f"--digest={DIGEST}", S3["uri"]], id="S3 of AWS"),
        pytest.param(
            S3,
            {"s3_endpoint": "https://s3.lab:9000"},
            ["--to=/models", f"--digest={DIGEST}", "--s3-endpoint=https://s3.lab:9000", S3["uri"]],
            id="S3 of others",
        ),
        pytest.param(
            {**CLAIM, "digest": DIGEST}, {}, [f"--digest={DIGEST}", "file:///models/llama-8b"], id="volume, verified"
        ),
        pytest.param(OCI, {}, ["--to=/models", OCI["uri"]], id="image, where images can't be mounted"),
    ],
)
def test_what_the_fetcher_is_told(weights: Json, settings: Json, expected: list[str]) -> None:
    pod = case("VLLM", weights, settings=RenderSettings(**settings)).pod
    assert container(pod, "isochrone-weights")["args"] == expected


@pytest.mark.parametrize(
    ("weights", "observation", "is_mounted"),
    [
        pytest.param(OCI, seen(kubernetes=(1, 35)), True, id="Kubernetes 1.35"),
        pytest.param(OCI, seen(kubernetes=(1, 34)), False, id="Kubernetes 1.34"),
        pytest.param(OCI, seen(Capability.IMAGE_VOLUME, kubernetes=(1, 34)), True, id="1.34 with the feature"),
    ],
)
def test_images_are_mounted_where_they_can_be(weights: Json, observation: SiteObservation, is_mounted: bool) -> None:
    pod = case("VLLM", weights, observation=observation).pod
    (volume,) = (each for each in pod["volumes"] if each["name"] == "isochrone-weights")
    assert ("image" in volume) is is_mounted
    assert ("initContainers" in pod) is not is_mounted
    assert (pod.get("imagePullSecrets") == [{"name": "registry"}]) is is_mounted


@pytest.mark.parametrize("weights", [FILE, HF, S3, OCI, CLAIM], ids=lambda each: each["uri"][:5])
def test_the_engine_can_t_write_to_its_weights(weights: Json) -> None:
    (mount,) = (each for each in case("VLLM", weights).engine["volumeMounts"] if each["mountPath"] == "/models")
    assert mount["readOnly"]


@pytest.mark.parametrize(
    ("weights", "limit"),
    [
        pytest.param({**HF, "size": "140Gi"}, "147Gi", id="five percent more"),
        pytest.param({**HF, "size": "94Mi"}, "1118Mi", id="a GiB more at least"),
        pytest.param({key: value for key, value in HF.items() if key != "size"}, None, id="nobody knows"),
        pytest.param({**OCI, "size": "100Gi"}, "210Gi", id="an image, packed and unpacked"),
    ],
)
def test_room_for_fetched_weights(weights: Json, limit: str | None) -> None:
    rendered = case("VLLM", weights)
    (volume,) = (each for each in rendered.pod["volumes"] if each["name"] == "isochrone-weights")
    assert volume["emptyDir"].get("sizeLimit") == limit
    assert rendered.engine.get("resources", {}).get("requests", {}).get("ephemeral-storage") == limit


def policy(rendered: Case) -> Json:
    spec: Json = rendered.one("NetworkPolicy")["spec"]
    return spec


@pytest.mark.parametrize(
    ("rendered", "expected"),
    [
        pytest.param(case("VLLM", FILE), [53, 443], id="https"),
        pytest.param(case("VLLM", {**FILE, "uri": "https://weights.lab:8443/a"}), [53, 8443], id="https, another port"),
        pytest.param(case("VLLM", HF), [53, 443], id="Hugging Face"),
        pytest.param(
            case("VLLM", S3, settings=RenderSettings(s3_endpoint="http://minio.lab")), [53, 80], id="S3 without TLS"
        ),
        pytest.param(case("VLLM", OCI), [53, 443], id="an image that is fetched"),
        pytest.param(case("VLLM", OCI, observation=seen()), [], id="an image that is mounted"),
        pytest.param(case("VLLM", CLAIM), [], id="volume"),
        pytest.param(case("VLLM", {**CLAIM, "digest": DIGEST}), [], id="volume, verified"),
        pytest.param(case(CUSTOM), [], id="no weights"),
        pytest.param(case("VLLM", FILE, observation=seen(Capability.FQDN_NETWORK_POLICY)), [53], id="GKE's by name"),
        pytest.param(case("VLLM", FILE, observation=seen(Capability.CILIUM_NETWORK_POLICY)), [], id="Cilium's by name"),
        pytest.param(
            case("VLLM", FILE, settings=RenderSettings(weights_networks=(Network("10.0.0.0/8", 9000),))),
            [53, 443, 9000],
            id="a private store as well",
        ),
    ],
)
def test_ports_that_engines_reach(rendered: Case, expected: list[int]) -> None:
    found = policy(rendered)
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"][0]["port"] for rule in found.get("egress", [])] == expected


def test_the_internet_is_not_the_private_networks() -> None:
    internet = policy(case("VLLM", FILE))["egress"][1]["to"]
    assert [each["ipBlock"]["cidr"] for each in internet] == ["0.0.0.0/0", "::/0"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(internet[0]["ipBlock"]["except"])


@pytest.mark.parametrize(
    ("weights", "settings", "expected"),
    [
        pytest.param(FILE, {}, ["weights.example.com"], id="https"),
        pytest.param(HF, {}, ["huggingface.co", "*.hf.co", "*.xethub.hf.co"], id="Hugging Face and its stores"),
        pytest.param(HF, {"hf_endpoint": "https://mirror.example"}, ["mirror.example"], id="a mirror of it"),
        pytest.param(S3, {}, ["s3.*.amazonaws.com"], id="S3 of AWS"),
        pytest.param(S3, {"s3_endpoint": "https://s3.lab:9000"}, ["s3.lab"], id="S3 of others"),
        pytest.param(OCI, {}, ["registry.example.com"], id="registry"),
        pytest.param(
            {"uri": f"oci://ghcr.io/a/b@{DIGEST}"},
            {},
            ["ghcr.io", "pkg-containers.githubusercontent.com"],
            id="ghcr.io",
        ),
        pytest.param(
            {"uri": f"oci://docker.io/a/b@{DIGEST}"},
            {},
            ["docker.io", "registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com"],
            id="docker.io",
        ),
        pytest.param(
            {"uri": f"oci://quay.io/a/b@{DIGEST}"}, {}, ["quay.io", "cdn.quay.io", "*.cdn.quay.io"], id="quay.io"
        ),
    ],
)
def test_hosts_that_engines_reach(weights: Json, settings: Json, expected: list[str]) -> None:
    old = (1, 34)
    made = RenderSettings(**settings)
    for capability in (Capability.FQDN_NETWORK_POLICY, Capability.CILIUM_NETWORK_POLICY):
        rendered = case("VLLM", weights, settings=made, observation=seen(capability, kubernetes=old))
        egress = rendered.one(capability.value)["spec"]["egress"][-1]
        assert [next(iter(each.values())) for each in egress.get("matches") or egress["toFQDNs"]] == expected


def test_only_the_site_s_own_gateways_may_ask() -> None:
    (rule,) = policy(case("VLLM", CLAIM))["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]
    (caller,) = rule["from"]
    assert caller["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "isochrone-system"}}
    assert caller["podSelector"]["matchLabels"]["isochrone.dev/edge-node"] == "fra1"
    assert caller["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"


@pytest.mark.parametrize(
    ("rendered", "is_monitored"),
    [
        pytest.param(case("VLLM", CLAIM), False, id="no Prometheus here"),
        pytest.param(case("VLLM", CLAIM, observation=seen(Capability.SERVICE_MONITOR)), True, id="Prometheus"),
        pytest.param(case(CUSTOM, observation=seen(Capability.SERVICE_MONITOR)), False, id="no metrics"),
        pytest.param(
            case(
                "VLLM",
                CLAIM,
                observation=seen(Capability.SERVICE_MONITOR),
                settings=RenderSettings(monitoring_namespaces=()),
            ),
            False,
            id="nobody may read them",
        ),
    ],
)
def test_metrics(rendered: Case, is_monitored: bool) -> None:
    assert ("PodMonitor" in [each["kind"] for each in rendered.objects()]) is is_monitored
    assert (len(policy(rendered)["ingress"][0]["from"]) == 2) is is_monitored


@pytest.mark.parametrize(
    ("kubernetes", "expected"),
    [
        pytest.param((1, 33), "PreferClose", id="1.33"),
        pytest.param((1, 34), "PreferSameZone", id="1.34"),
        pytest.param((2, 0), "PreferSameZone", id="2.0"),
    ],
)
def test_service(kubernetes: tuple[int, int], expected: str) -> None:
    spec = case("SGLang", HF, observation=seen(kubernetes=kubernetes)).one("Service")["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["ports"] == [{"name": "http", "port": 30000, "targetPort": 30000}]
    assert spec["trafficDistribution"] == expected


def test_the_namespace_is_only_created() -> None:
    namespace = case("VLLM", CLAIM).one("Namespace")
    assert namespace["metadata"]["annotations"]["isochrone.dev/apply"] == "CreateOnly"
    assert namespace["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "isochrone",
        "isochrone.dev/installation": "isochrone",
    }, "sites share it"
