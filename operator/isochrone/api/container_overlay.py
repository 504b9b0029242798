"""What a ModelRoute may change of one container of its engine's pods, or say of a sidecar.

Like all of the overlay a list of what is allowed: there is no hostPort, no mountPropagation, no `host` in a probe
(which the Pod Security Standards forbid too), no capability to add, and no way to privilege.
Fields mean what they mean in https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from isochrone.api.scalars import Image, Label, Port, Resource
from isochrone.api.schema import ATOMIC, OPEN, Extension, Model, Rule, map_list

Open = Annotated[dict[str, Any], OPEN]
"""A part of the Kubernetes API that is passed through as it is."""

Seconds = Annotated[int, Field(ge=0, le=86400)]
"""Seconds, a day at most."""

Path = Annotated[str, Field(min_length=1, max_length=1024)]
"""A path in a container."""

Command = Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=64), ATOMIC]
"""A program and its arguments."""

PortOrName = Annotated[
    int | str, Extension({"x-kubernetes-int-or-string": True, "maxLength": 15, "minimum": 1, "maximum": 65535})
]
"""A port's number, or its name in `ports`."""


class NamedPart(Model):
    """A part of the Kubernetes API that is passed through as it is, known by its name."""

    model_config = ConfigDict(extra="allow", json_schema_extra=OPEN.keywords)

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Its name."""


class Capabilities(Model):
    """Linux capabilities. None can be added."""

    drop: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64), ATOMIC] | None = None
    """Capabilities to drop; ALL is dropped in any case."""


class ContainerSecurity(Model):
    """What an overlay may say of a container's security: only to make it stricter."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The user; never 0."""
    run_as_group: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """The group; never 0."""
    read_only_root_filesystem: Literal[True] | None = None
    """Make the root file system read-only."""
    capabilities: Capabilities | None = None
    """Capabilities to drop."""


class ContainerPort(Model):
    """A port of a sidecar. There is no hostPort: an overlay can't open the node."""

    name: Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=15)] | None = None
    """Its name, for probes."""
    container_port: Port
    """Its number."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """TCP when left out."""


class VolumeMount(Model):
    """Where a volume is mounted."""

    name: Label
    """The volume."""
    mount_path: Path
    """Where in the container."""
    sub_path: Path | None = None
    """Which folder of the volume."""
    read_only: bool | None = None
    """Mount it read-only."""


class SidecarResources(Model):
    """Requests and limits of a sidecar. GPUs are the engine's, by `serving.resources`, where they are counted."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            rule="(!has(self.requests) || self.requests.all(k, k in ['cpu', 'memory', 'ephemeral-storage']))"
            " && (!has(self.limits) || self.limits.all(k, k in ['cpu', 'memory', 'ephemeral-storage']))",
            message="a sidecar gets cpu, memory and ephemeral-storage; GPUs are the engine's, by serving.resources",
        ),
    )

    requests: Annotated[dict[str, Resource], Field(max_length=3)] | None = None
    """What is kept free for it."""
    limits: Annotated[dict[str, Resource], Field(max_length=3)] | None = None
    """The most that it gets."""


class ExecAction(Model):
    """A command in the container."""

    command: Command
    """The program and its arguments; no shell."""


class HttpHeader(Model):
    """One HTTP header."""

    name: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$", max_length=128)]
    """Its name."""
    value: Annotated[str, Field(max_length=1024)]
    """Its value."""


class HttpGetAction(Model):
    """A request to the pod itself."""

    path: Annotated[str, Field(max_length=1024)] | None = None
    """The path; `/` when left out."""
    port: PortOrName
    """The port, by number or name."""
    scheme: Literal["HTTP", "HTTPS"] | None = None
    """HTTP when left out."""
    http_headers: Annotated[list[HttpHeader], Field(max_length=16), ATOMIC] | None = None
    """Headers to send."""


class TcpSocketAction(Model):
    """A connection to the pod itself."""

    port: PortOrName
    """The port, by number or name."""


class GrpcAction(Model):
    """A call of the gRPC health service."""

    port: Port
    """The port."""
    service: Annotated[str, Field(max_length=253)] | None = None
    """The service to ask for."""


class Probe(Model):
    """How the kubelet checks a container. For the engine, the timing alone is usually enough."""

    exec_: Annotated[ExecAction | None, Field(alias="exec")] = None
    """Ask a command."""
    http_get: HttpGetAction | None = None
    """Ask by HTTP."""
    tcp_socket: TcpSocketAction | None = None
    """Ask by connecting."""
    grpc: GrpcAction | None = None
    """Ask by gRPC."""
    initial_delay_seconds: Seconds | None = None
    """The pause before the first check."""
    period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """The pause between checks."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """How long one check may take."""
    success_threshold: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Good checks that turn it good."""
    failure_threshold: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Bad checks that turn it bad."""
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=86400)] | None = None
    """How long the container may take to end after a bad check."""


class Sleep(Model):
    """A pause."""

    seconds: Seconds
    """How long."""


class LifecycleHandler(Model):
    """What runs."""

    exec_: Annotated[ExecAction | None, Field(alias="exec")] = None
    """A command."""
    sleep: Sleep | None = None
    """A pause."""


class Lifecycle(Model):
    """What runs after a container's start and before its end."""

    post_start: LifecycleHandler | None = None
    """After its start."""
    pre_stop: LifecycleHandler | None = None
    """Before its end."""


class Container(Model):
    """An overlay for one container: `engine` is the engine's own, any other name adds a sidecar."""

    name: Label
    """The container's name."""
    image: Image | None = None
    """The image of a sidecar."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled."""
    command: Command | None = None
    """The command of a sidecar."""
    args: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=128), ATOMIC] | None = None
    """The arguments of a sidecar."""
    working_dir: Path | None = None
    """The working directory of a sidecar."""
    restart_policy: Literal["Always"] | None = None
    """Always: an init container that runs beside the engine."""
    env: Annotated[list[NamedPart], Field(max_length=64), map_list("name")] | None = None
    """Environment variables, `valueFrom` included."""
    env_from: Annotated[list[Open], Field(max_length=16), ATOMIC] | None = None
    """Environment variables from ConfigMaps and Secrets."""
    ports: Annotated[list[ContainerPort], Field(max_length=16), ATOMIC] | None = None
    """Ports of a sidecar."""
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=64), ATOMIC] | None = None
    """Where volumes are mounted."""
    resources: SidecarResources | None = None
    """Requests and limits of a sidecar."""
    startup_probe: Probe | None = None
    """When it has started."""
    readiness_probe: Probe | None = None
    """When it is ready."""
    liveness_probe: Probe | None = None
    """When it is restarted."""
    lifecycle: Lifecycle | None = None
    """What runs after its start and before its end."""
    security_context: ContainerSecurity | None = None
    """Stricter security."""
