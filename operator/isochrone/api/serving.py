"""How a ModelRoute is served on own GPUs: engine, weights, resources, replicas, and the overlay for its pods."""

import enum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from isochrone.api.environment import EnvVar
from isochrone.api.pod_overlay import PodTemplate
from isochrone.api.scalars import Cpu, Digest, Image, Memory, ObjectName, Port, Quantity
from isochrone.api.schema import ATOMIC, Model, Rule, map_list


class EngineType(enum.StrEnum):
    """The inference engine, by its own spelling in one word."""

    VLLM = "VLLM"
    SGLANG = "SGLang"
    LLAMA_CPP = "LlamaCpp"
    CUSTOM = "Custom"


RESERVED_FLAGS = (
    "--model",
    "--model-path",
    "--model-url",
    "--served-model-name",
    "--alias",
    "--host",
    "--port",
    "--uds",
    "--root-path",
    "--fastapi-root-path",
    "--api-prefix",
    "--api-key",
    "--api-key-file",
    "--admin-api-key",
    "--ssl-keyfile",
    "--ssl-certfile",
    "--ssl-ca-certs",
    "--ssl-cert-reqs",
    "--ssl-key-file",
    "--ssl-cert-file",
    "--config",
    "--download-dir",
    "--revision",
    "--code-revision",
    "--trust-remote-code",
    "--hf-repo",
    "--hf-file",
    "--hf-repo-draft",
    "--hf-repo-v",
    "--hf-file-v",
    "--docker-repo",
    "--rpc",
)
"""Flags of vLLM, SGLang and llama.cpp that would override what Isochrone sets, since the last one wins.

They say which model runs, where it listens and who may ask, or bring in weights and code that no digest covers.
Sources: https://docs.vllm.ai/en/stable/cli/serve.html, https://docs.sglang.ai/advanced_features/server_arguments.html,
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.
"""

RESERVED_EXACT_FLAGS = (
    "-m",
    "-mu",
    "-a",
    "-dr",
    "-hf",
    "-hfr",
    "-hff",
    "-hfd",
    "-hfrd",
    "-hfv",
    "-hfrv",
    "-hffv",
    "-mmu",
    "--mmproj-url",
)
"""More of llama.cpp, which takes no beginnings: `--mmproj`, a file, is another flag than `--mmproj-url`."""

_FLAG = "a.split('=')[0].replace('_', '-')"
_NO_RESERVED_FLAG = (
    f"self.args.all(a, !({_FLAG} in {list(RESERVED_EXACT_FLAGS)}) && (!a.startsWith('--')"
    # argparse takes an unambiguous beginning for the whole flag; _ stands for - in some engines.
    f" || !{list(RESERVED_FLAGS)}.exists(f, f.startsWith({_FLAG}))))"
)


class Engine(Model):
    """The program that runs the model."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.type != 'Custom' || has(self.image) && has(self.port)",
            message="a Custom engine needs an image and the port where it speaks the OpenAI API",
        ),
        Rule(
            rule="self.type == 'Custom' || !has(self.port) && !has(self.command) && !has(self.healthPath)"
            " && !has(self.metricsPath)",
            message="port, command, healthPath and metricsPath are for Custom engines; the others' are known",
        ),
        Rule(
            rule=f"self.type == 'Custom' || !has(self.args) || {_NO_RESERVED_FLAG}",
            message="args can't set the model, its served name, host, port, TLS or API keys, nor bring in other weights"
            " or code: Isochrone sets those. An engine of type Custom takes any",
            field=".args",
        ),
    )

    type: EngineType
    """VLLM, SGLang, LlamaCpp, or Custom: any server with the OpenAI API."""
    image: Image | None = None
    """The container image; for known engines, a tested one is the default."""
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=128), ATOMIC] | None = None
    """Further arguments, after those that Isochrone sets. Known engines refuse flags for another model, host,
    port, TLS or API key, such as `--model`; Custom ones take any."""
    env: Annotated[list[EnvVar], Field(max_length=64), map_list("name")] | None = None
    """Environment variables with plain values. Secrets come in through podTemplate."""
    context_length: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The most tokens of prompt and answer together; the model's own when left out."""
    port: Port | None = None
    """Custom engines: where it listens."""
    command: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64), ATOMIC] | None = None
    """Custom engines: the command; the image's own when left out."""
    health_path: Annotated[str, Field(pattern="^/[A-Za-z0-9._/-]*$", max_length=256)] | None = None
    """Custom engines: answers 200 when it can serve; `/health` when left out."""
    metrics_path: Annotated[str, Field(pattern="^/[A-Za-z0-9._/-]*$", max_length=256)] | None = None
    """Custom engines: Prometheus metrics, if it has any."""


class Weights(Model):
    """The model's weights: where they come from, and what they are."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.uri.startsWith('pvc://') || self.uri.startsWith('oci://') || has(self.digest)",
            message="weights that are fetched need a digest, sha256:... of the file or of its manifest",
            field=".digest",
        ),
        Rule(
            rule="!self.uri.startsWith('oci://') || self.uri.matches('@sha256:[0-9a-f]{64}$')",
            message="an OCI image of weights is pinned by digest: oci://registry/name@sha256:...",
            field=".uri",
        ),
        Rule(
            rule="!has(self.secretName) || !self.uri.startsWith('pvc://')",
            message="a volume needs no credentials: leave secretName out",
            field=".secretName",
        ),
        Rule(
            rule="!has(self.size) || self.size.matches('[1-9]')",
            message="weights have some size: it is above 0",
            field=".size",
        ),
    )

    uri: Annotated[
        str,
        Field(
            pattern="^(https://|s3://|hf://|oci://|pvc://)[A-Za-z0-9][A-Za-z0-9._~:/@%+=-]*$",
            max_length=1024,
        ),
    ]
    """Where they are: `https://`, `s3://bucket/key`, `hf://org/model`, `oci://registry/name@sha256:...`,
    `pvc://claim/path`."""
    digest: Digest | None = None
    """What they must be, checked before the engine starts."""
    size: Quantity | None = None
    """Their size, to plan disk and transfer."""
    secret_name: ObjectName | None = None
    """A Secret in the route's namespace with credentials for the source."""


class Resources(Model):
    """What one replica needs. All of its devices are on one node."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(!has(self.deviceMemory) || self.deviceMemory.matches('[1-9]'))"
            " && (!has(self.sharedMemory) || self.sharedMemory.matches('[1-9]'))",
            message="deviceMemory and sharedMemory are above 0; leave out what is not needed",
        ),
    )

    devices: Annotated[int, Field(ge=0, le=128)] = 1
    """GPUs; 0 runs on CPUs."""
    device_memory: Quantity | None = None
    """Memory that each GPU must have, at least."""
    device_products: (
        Annotated[list[Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=32), ATOMIC] | None
    ) = None
    """Products of GPU that will do, as in GPUPool.spec.device.product; any when left out."""
    cpu: Cpu | None = None
    """CPUs to request for each replica, such as `4` or `500m`."""
    memory: Memory | None = None
    """Memory to request for each replica, such as `16Gi`, and its limit."""
    shared_memory: Quantity | None = None
    """Size of /dev/shm; by the number of GPUs when left out."""


class Serving(Model):
    """Serving on own GPUs."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="self.engine.type == 'Custom' || has(self.weights)",
            message="the engine needs weights: say where they are",
            field=".weights",
        ),
        Rule(
            rule="self.resources.devices > 0 || !has(self.resources.deviceMemory)"
            " && !has(self.resources.deviceProducts)",
            message="deviceMemory and deviceProducts need devices of at least 1",
            field=".resources",
        ),
        Rule(
            rule="!has(self.maxReplicasPerSite) || self.maxReplicasPerSite >= self.replicasPerSite",
            message="maxReplicasPerSite is below replicasPerSite",
            field=".maxReplicasPerSite",
        ),
        Rule(
            rule="self.replicasManagedBy != 'Autoscaler' || has(self.maxReplicasPerSite)",
            message="an autoscaler needs maxReplicasPerSite: capacity is planned for that many",
            field=".replicasManagedBy",
        ),
    )

    engine: Engine
    """The program that runs the model, its image and its arguments."""
    weights: Weights | None = None
    """The model's weights: where they come from, and their digest."""
    resources: Resources = Resources()
    """What one replica needs: GPUs, CPUs, memory."""
    replicas_per_site: Annotated[int, Field(ge=1, le=1000)] = 1
    """Replicas at each site that serves the route."""
    max_replicas_per_site: Annotated[int, Field(ge=1, le=1000)] | None = None
    """The most replicas that an autoscaler may make."""
    replicas_managed_by: Literal["Isochrone", "Autoscaler"] = "Isochrone"
    """Who owns the Deployment's `replicas`: Isochrone, or an autoscaler of yours (HPA, KEDA)."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Whose replicas get scarce GPUs first: the higher."""
    pod_template: PodTemplate | None = None
    """An overlay for the engine's pods, for what has no field here: sidecars, volumes, affinity."""
