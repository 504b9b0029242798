"""Environment variables of the engine and of its sidecars, each by name, so that each can be judged.

There is no `envFrom`: what it brings in is unknown until the container starts.
Fields mean what they mean in https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from isochrone.api.scalars import Label, ObjectName
from isochrone.api.schema import Model, Rule

EnvName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
"""The name of an environment variable, such as `VLLM_LOGGING_LEVEL`."""

NOT_OURS = Rule(
    rule="!self.name.matches('^(NVIDIA_|LD_|LLAMA_ARG_)|_VISIBLE_DEVICES$|^(GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK)$')",
    message="NVIDIA_*, *_VISIBLE_DEVICES, LD_*, LLAMA_ARG_* and the like choose devices, libraries or the model:"
    " those come from serving.resources, serving.engine and serving.weights",
    field=".name",
)
"""What the container runtime reads to pick GPUs, the loader to pick libraries, and llama.cpp to pick a model.

Sources: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html, ld.so(8),
https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.
"""


class EnvVar(Model):
    """An environment variable with a plain value. Secrets come in through the podTemplate overlay."""

    rules: ClassVar[tuple[Rule, ...]] = (NOT_OURS,)

    name: EnvName
    """The variable's name; NVIDIA_*, *_VISIBLE_DEVICES, LD_* and LLAMA_ARG_* are refused."""
    value: Annotated[str, Field(max_length=4096)] = ""
    """The variable's value, empty when left out."""


DataKey = Annotated[str, Field(pattern="^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]
"""A key in the data of a ConfigMap or Secret."""


class KeyRef(Model):
    """One key of a ConfigMap or Secret in the route's namespace."""

    name: ObjectName
    """The name of the ConfigMap or Secret."""
    key: DataKey
    """The key in the object's data."""
    optional: bool | None = None
    """Leave the variable out where the object or key is missing, instead of waiting for it."""


class FieldRef(Model):
    """One field of the pod itself."""

    api_version: Annotated[str, Field(max_length=64)] | None = None
    """The version of the API that the path is written in; `v1` when left out."""
    field_path: Annotated[str, Field(min_length=1, max_length=512)]
    """The path of the field, such as `status.podIP`."""


class ResourceFieldRef(Model):
    """One amount that a container requests or is limited to."""

    container_name: Label | None = None
    """The container; the same one when left out."""
    resource: Annotated[str, Field(min_length=1, max_length=256)]
    """The amount, such as `limits.memory`."""
    divisor: Annotated[str, Field(max_length=64)] | None = None
    """The unit that the amount is given in, such as `1Mi`."""


class ValueSource(Model):
    """Where a value comes from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)]"
            ".filter(x, x).size() == 1",
            message="valueFrom is exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef",
        ),
    )

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap in the route's namespace."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret in the route's namespace."""
    field_ref: FieldRef | None = None
    """A field of the pod, such as its name or address."""
    resource_field_ref: ResourceFieldRef | None = None
    """A request or limit of a container."""


class OverlayEnv(Model):
    """An environment variable of an overlay, with a plain value or from elsewhere."""

    rules: ClassVar[tuple[Rule, ...]] = (
        NOT_OURS,
        Rule(
            rule="!has(self.value) || !has(self.valueFrom)",
            message="give value or valueFrom, not both",
            field=".valueFrom",
        ),
    )

    name: EnvName
    """The variable's name; NVIDIA_*, *_VISIBLE_DEVICES, LD_* and LLAMA_ARG_* are refused."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """The variable's value, as plain text; use valueFrom for secrets."""
    value_from: ValueSource | None = None
    """Where the value comes from: a ConfigMap, a Secret, the pod itself."""
