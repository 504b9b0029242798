"""What a rendering depends on beside the plan: images, and what an installation says of its clusters."""

import dataclasses
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from isochrone.api.serving import EngineType


class Accelerator(enum.StrEnum):
    """Whom an engine's image is built for."""

    CPU = "CPU"
    NVIDIA = "NVIDIA"
    AMD = "AMD"
    INTEL = "Intel"


ENGINE_IMAGES: Final[Mapping[tuple[EngineType, Accelerator], str]] = MappingProxyType(
    {
        # --shutdown-timeout, without which vLLM breaks off what it is answering, came with 0.17.
        (EngineType.VLLM, Accelerator.CPU): "docker.io/vllm/vllm-openai-cpu:v0.28.0",
        (EngineType.VLLM, Accelerator.NVIDIA): "docker.io/vllm/vllm-openai:v0.28.0",
        (EngineType.VLLM, Accelerator.AMD): "docker.io/vllm/vllm-openai-rocm:v0.28.0",
        (EngineType.VLLM, Accelerator.INTEL): "docker.io/vllm/vllm-openai-xpu:v0.28.0",
        # SGLang builds its images for AMD per chip: this is for MI300X and MI325X.
        (EngineType.SGLANG, Accelerator.CPU): "docker.io/lmsysorg/sglang:v0.5.18-xeon",
        (EngineType.SGLANG, Accelerator.NVIDIA): "docker.io/lmsysorg/sglang:v0.5.18",
        (EngineType.SGLANG, Accelerator.AMD): "docker.io/lmsysorg/sglang:v0.5.18-rocm720-mi30x",
        (EngineType.LLAMA_CPP, Accelerator.CPU): "ghcr.io/ggml-org/llama.cpp:server-b11206",
        (EngineType.LLAMA_CPP, Accelerator.NVIDIA): "ghcr.io/ggml-org/llama.cpp:server-cuda-b11206",
        (EngineType.LLAMA_CPP, Accelerator.AMD): "ghcr.io/ggml-org/llama.cpp:server-rocm-b11206",
        (EngineType.LLAMA_CPP, Accelerator.INTEL): "ghcr.io/ggml-org/llama.cpp:server-intel-b11206",
    }
)
"""Images for routes that name none. Where a pair is missing, NVIDIA's stands: such a route has to name its own."""

GATEWAY_IMAGE: Final = "ghcr.io/isochrone-dev/isochrone-gateway:0.1.0"
"""Gateway, and the program that fetches weights."""


@dataclasses.dataclass(frozen=True, slots=True)
class Network:
    """Where a store of weights is that is not on the internet."""

    cidr: str
    port: int = 443


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """What holds for everything that is rendered."""

    installation: str = "isochrone"
    """Its name: the label of all that it owns, in every cluster."""
    engine_images: Mapping[tuple[EngineType, Accelerator], str] = dataclasses.field(
        default_factory=lambda: ENGINE_IMAGES
    )
    gateway_image: str = GATEWAY_IMAGE
    fetch_image: str = GATEWAY_IMAGE
    hf_endpoint: str = "https://huggingface.co"
    """Where `hf://` leads: Hugging Face, or a mirror of it."""
    s3_endpoint: str | None = None
    """Where `s3://` leads; AWS when left out."""
    weights_networks: tuple[Network, ...] = ()
    """Stores in private networks, which engines that fetch weights may reach as well."""
    monitoring_namespaces: tuple[str, ...] = ("monitoring",)
    """Namespaces whose pods of Prometheus may read metrics. None: nothing is rendered for it."""
    trusted_keys: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """Key id -> public key, as PEM: whose configs gateways run. None: they run unsigned ones too."""
    dns_namespace: str = "kube-system"
    dns_labels: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({"k8s-app": "kube-dns"}))
    """The pods that resolve names."""
